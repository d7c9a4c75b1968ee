// Slack's modal and its confirm dialog, in the browser's own <dialog>: it keeps the focus and gives it back.
import { blocks, entered } from "./blocks.js";
import { el } from "./dom.js";
import { send, whileBusy } from "./api.js";
import { textObject } from "./mrkdwn.js";

const TROUBLE = "We had some trouble connecting. Try again?";

const modal = document.getElementById("modal");
const question = document.getElementById("confirm");
let shown = null; // the view on show, as the snapshot has it
let you = "";

modal.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});

// Shows the view on top of the person's stack, or none. What a closed dialog holds stays in it, unseen: Chromium gives the
// focus back at close(), but hears no key any more when the element that had it goes.
export function showModal(view, names) {
  if (!view) {
    shown = null;
    modal.close();
    return;
  }
  you = names.you;
  if (shown?.id === view.id && shown.hash === view.hash) return;
  const typed = shown?.id === view.id ? entered(modal) : {};
  shown = view;
  modal.replaceChildren(...draw(view, names, typed));
  if (!modal.open) modal.showModal();
  // The form scrolls, and its first field would otherwise hide the facts above it.
  const first = modal.querySelector("[data-field]");
  (first || modal.querySelector(".modal-close")).focus({ preventScroll: true });
}

function draw(view, names, typed) {
  const handlers = {
    prefix: "modal",
    act: (element, value, where) => act(element, value, where, names),
    value: (block, element, member) => {
      const raw = typed[block.block_id]?.[element.action_id];
      if (raw === undefined) return view.state.values[block.block_id]?.[element.action_id]?.[member];
      return { value: raw, selected_date_time: Number(raw), selected_option: { value: raw }, selected_options: [raw].flat().map((one) => ({ value: one })) }[member];
    },
  };
  return [
    el("form", { novalidate: true, onsubmit: submit },
      el("header", {},
        el("h2", { id: "modal-title" }, textObject(view.title, names)),
        el("button", { type: "button", class: "modal-close plain", "aria-label": "Close this window", onclick: close }, "✕")),
      el("div", { class: "modal-body", tabindex: "0", role: "group", "aria-labelledby": "modal-title" }, blocks(view.blocks, names, handlers)),
      el("p", { class: "error trouble", role: "alert", hidden: true }),
      el("footer", {},
        el("button", { type: "button", class: "button", onclick: close }, view.close ? textObject(view.close, names) : "Cancel"),
        view.submit ? el("button", { type: "submit", class: "button primary" }, textObject(view.submit, names)) : null)),
  ];
}

function close() {
  if (shown) send("/slack/close", { user: you, view_id: shown.id });
}

async function act(element, value, where, names) {
  if (element.confirm && !(await confirmed(element.confirm, names))) return;
  await whileBusy(where, async () => {
    const answer = await send("/slack/click", { user: you, view_id: shown.id, action_id: element.action_id, value, values: entered(modal) });
    if (answer && !answer.acked) trouble(TROUBLE);
  });
}

async function submit(event) {
  event.preventDefault();
  const button = modal.querySelector("[type=submit]");
  if (!button) return;
  const values = entered(modal);
  trouble("");
  if (!sayErrors(missing(values))) return;
  await whileBusy(button, async () => {
    button.classList.add("waiting");
    const answer = await send("/slack/submit", { user: you, view_id: shown.id, values });
    button.classList.remove("waiting");
    if (!answer) return;
    if (!answer.acked || answer.error) trouble(TROUBLE);
    else sayErrors(answer.errors || {});
  });
}

// What Slack's own client refuses before anything is sent.
function missing(values) {
  const errors = {};
  for (const block of shown.blocks.filter((one) => one.type === "input")) {
    const entry = values[block.block_id]?.[block.element.action_id] ?? "";
    if (!block.optional && entry.length === 0) errors[block.block_id] = "Please complete this required field.";
  }
  return errors;
}

// Shows each sentence under its field; true when there is none.
function sayErrors(errors) {
  for (const place of modal.querySelectorAll("[data-error]")) {
    const sentence = errors[place.dataset.error];
    place.textContent = sentence || "";
    place.hidden = !sentence;
    const field = modal.querySelector(`[data-field="${CSS.escape(place.dataset.error)}"]`);
    field?.setAttribute("aria-invalid", String(Boolean(sentence)));
  }
  const first = modal.querySelector('[aria-invalid="true"]');
  (first?.querySelector("input") || first)?.focus({ preventScroll: true });
  first?.closest("[data-block]").scrollIntoView({ block: "nearest" });
  return !first;
}

function trouble(sentence) {
  const place = modal.querySelector(".trouble");
  if (!place) return;
  place.textContent = sentence;
  place.hidden = !sentence;
}

// Slack's "are you sure"; resolves to what the person chose.
export function confirmed(asked, names) {
  return new Promise((resolve) => {
    question.replaceChildren(
      el("form", { method: "dialog" },
        el("header", {}, el("h2", { id: "confirm-title" }, textObject(asked.title, names))),
        el("div", { class: "modal-body" }, textObject(asked.text, names)),
        el("footer", {},
          el("button", { type: "submit", class: "button", value: "no" }, textObject(asked.deny, names)),
          el("button", { type: "submit", class: `button ${asked.style === "danger" ? "danger" : "primary"}`, value: "yes" }, textObject(asked.confirm, names)))));
    question.returnValue = "no";
    question.addEventListener("close", () => resolve(question.returnValue === "yes"), { once: true });
    question.showModal();
  });
}
