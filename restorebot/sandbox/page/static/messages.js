// A list of messages, kept in step with the snapshots: only what differs is touched, so nothing flashes or loses focus.
import { blocks } from "./blocks.js";
import { el } from "./dom.js";
import { moment, mrkdwn } from "./mrkdwn.js";

// Each item: {key, user, at (seconds), text, blocks, edited, private, foot}. `handlers` is asked for with the item.
export function show(list, items, names, handlers) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const fresh = items.map((item) => {
    const made = message(item, names, handlers(item));
    const kept = old.get(item.key);
    if (!kept) return made;
    merge(kept, made);
    return kept;
  });
  for (const [index, child] of fresh.entries()) if (list.children[index] !== child) list.insertBefore(child, list.children[index] || null);
  while (list.children.length > fresh.length) list.lastElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function message(item, names, handlers) {
  const author = names.people[item.user];
  const name = author?.name || item.user || "Slack";
  const body = item.blocks?.length ? blocks(item.blocks, names, handlers) : [el("div", { class: "b-text" }, mrkdwn(item.text, names))];
  return el("article", { class: item.private ? "message private" : "message", "data-key": item.key, tabindex: "-1", "aria-label": `Message of ${name}` },
    el("span", { class: `face ${faceOf(name)}`, "aria-hidden": "true" }, name === "restorebot" ? "↺" : name[0].toUpperCase()),
    el("p", { class: "head" }, el("strong", {}, name), name === "restorebot" ? el("small", { class: "app" }, "APP") : null,
      moment(item.at, "{time} · {ago}", ""), item.edited ? el("small", {}, "(edited)") : null),
    item.private ? el("p", { class: "only" }, "👁 Only visible to you") : null,
    ...body, item.foot || null);
}

const faceOf = (name) => `face-${[...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 5}`;

// An equal child stays as it is, with its listeners and its focus.
function merge(kept, made) {
  const lost = kept.contains(document.activeElement);
  const children = [...made.childNodes];
  for (const [index, child] of children.entries()) {
    const before = kept.childNodes[index];
    if (!before) kept.append(child);
    else if (!before.isEqualNode(child)) before.replaceWith(child);
  }
  while (kept.childNodes.length > children.length) kept.lastChild.remove();
  kept.className = made.className;
  if (lost && !kept.contains(document.activeElement)) kept.focus({ preventScroll: true });
}
