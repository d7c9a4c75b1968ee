// A list of messages, kept in step with the snapshots: only what differs is touched, so that
// nothing flashes or loses the focus.
import { drawBlocks } from "./blocks.js";
import { el } from "./dom.js";
import { moment, mrkdwn } from "./mrkdwn.js";

/** @import { Handlers, Item, Names } from "../types" */

const FACES = 5;
const NEAR_THE_END = 60;

/**
 * @param {HTMLElement} list
 * @param {Item[]} items
 * @param {Names} names
 * @param {(item: Item) => Handlers} handlersOf
 */
export function showMessages(list, items, names, handlersOf) {
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_THE_END;
  const old = new Map(articles(list).map((child) => [child.dataset.key, child]));
  for (const [index, item] of items.entries()) {
    const made = drawMessage(item, names, handlersOf(item));
    const kept = old.get(item.key);
    if (kept) merge(kept, made);
    const child = kept ?? made;
    if (list.children[index] !== child) list.insertBefore(child, list.children[index] ?? null);
  }
  while (list.children.length > items.length) list.lastElementChild?.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

/** @param {HTMLElement} list */
function articles(list) {
  return [...list.children].filter((child) => child instanceof HTMLElement);
}

/**
 * @param {Item} item
 * @param {Names} names
 * @param {Handlers} handlers
 */
function drawMessage(item, names, handlers) {
  const name = names.people[item.user]?.name || item.user || "Slack";
  const attributes = {
    class: item.isPrivate ? "message private" : "message",
    "data-key": item.key,
    tabindex: -1,
    "aria-label": `Message of ${name}`,
  };
  const made = el("article", attributes, face(name), head(item, name));
  if (item.isPrivate) made.append(el("p", { class: "only" }, "👁 Only visible to you"));
  made.append(...body(item, names, handlers));
  if (item.foot) made.append(item.foot);
  return made;
}

/** @param {string} name */
function face(name) {
  const sum = [...name].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  const sign = name === "restorebot" ? "↺" : name[0].toUpperCase();
  return el("span", { class: `face face-${sum % FACES}`, "aria-hidden": "true" }, sign);
}

/**
 * @param {Item} item
 * @param {string} name
 */
function head(item, name) {
  const made = el("p", { class: "head" }, el("strong", {}, name));
  if (name === "restorebot") made.append(el("small", { class: "app" }, "APP"));
  made.append(moment(item.at, "{time} · {ago}", ""));
  if (item.isEdited) made.append(el("small", {}, "(edited)"));
  return made;
}

/**
 * @param {Item} item
 * @param {Names} names
 * @param {Handlers} handlers
 */
function body(item, names, handlers) {
  if (item.blocks.length) return drawBlocks(item.blocks, names, handlers);
  return [el("div", { class: "b-text" }, mrkdwn(item.text, names))];
}

/**
 * An equal child stays as it is, with its listeners and its focus.
 *
 * @param {HTMLElement} kept
 * @param {HTMLElement} made
 */
function merge(kept, made) {
  const hadFocus = kept.contains(document.activeElement);
  const children = [...made.childNodes];
  for (const [index, child] of children.entries()) {
    const before = kept.childNodes[index];
    if (!before) kept.append(child);
    else if (!before.isEqualNode(child)) before.replaceWith(child);
  }
  while (kept.childNodes.length > children.length) kept.lastChild?.remove();
  kept.className = made.className;
  if (hadFocus && !kept.contains(document.activeElement)) kept.focus({ preventScroll: true });
}
