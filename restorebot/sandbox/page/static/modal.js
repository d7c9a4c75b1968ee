// Slack's modal and its confirm dialog, in the browser's own <dialog>: it keeps the focus and gives
// it back.
import { post, whileBusy } from "./api.js";
import { drawBlocks } from "./blocks.js";
import { all, byId, el, first } from "./dom.js";
import { enteredValues, storedValue } from "./elements.js";
import { textNodes } from "./mrkdwn.js";

/**
 * @import {
 *   Button, Confirm, Handlers, Input, InputElement, Names, Value, Values, View,
 * } from "../types"
 */

const TROUBLE = "We had some trouble connecting. Try again?";
const REQUIRED = "Please complete this required field.";
const BUTTON = { type: "button", class: "button" };

const modal = byId("modal", HTMLDialogElement);
const question = byId("confirm", HTMLDialogElement);

/** The view on show, as the snapshot has it, and who looks at it. */
const state = { view: /** @type {View | null} */ (null), you: "" };

modal.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});

/**
 * Show a view, or none. What a closed dialog holds stays in it, unseen: Chromium gives the focus
 * back at close(), but hears no key any more when the element that had it goes.
 *
 * @param {View | undefined} view
 * @param {Names} names
 */
export function showModal(view, names) {
  if (!view) {
    state.view = null;
    modal.close();
    return;
  }
  const isSameView = state.view?.id === view.id;
  state.you = names.you;
  if (isSameView && state.view?.hash === view.hash) return;
  const entered = isSameView ? enteredValues(modal) : {};
  state.view = view;
  modal.replaceChildren(drawForm(view, names, entered));
  if (!modal.open) modal.showModal();
  focusFirst();
}

function focusFirst() {
  const field = first("[data-field]", HTMLElement, modal);
  const target = field ?? first(".modal-close", HTMLElement, modal);
  // The form scrolls, and its first field would otherwise hide the facts above it.
  target?.focus({ preventScroll: true });
}

/**
 * @param {View} view
 * @param {Names} names
 * @param {Values} entered
 */
function drawForm(view, names, entered) {
  const blocks = drawBlocks(view.blocks, names, handlersOf(view, names, entered));
  const body = {
    class: "modal-body",
    tabindex: 0,
    role: "group",
    "aria-labelledby": "modal-title",
  };
  return el(
    "form",
    { novalidate: true, onsubmit: submit },
    drawHeader(view, names),
    el("div", body, blocks),
    el("p", { class: "error trouble", role: "alert", hidden: true }),
    drawFooter(view, names),
  );
}

/**
 * @param {View} view
 * @param {Names} names
 */
function drawHeader(view, names) {
  const attributes = {
    type: "button",
    class: "modal-close plain",
    "aria-label": "Close this window",
    onclick: close,
  };
  const title = el("h2", { id: "modal-title" }, textNodes(view.title, names));
  return el("header", {}, title, el("button", attributes, "✕"));
}

/**
 * @param {View} view
 * @param {Names} names
 */
function drawFooter(view, names) {
  const words = view.close ? textNodes(view.close, names) : "Cancel";
  const footer = el("footer", {}, el("button", { ...BUTTON, onclick: close }, words));
  if (view.submit) {
    const attributes = { type: "submit", class: "button primary" };
    footer.append(el("button", attributes, textNodes(view.submit, names)));
  }
  return footer;
}

/**
 * @param {View} view
 * @param {Names} names
 * @param {Values} entered
 * @returns {Handlers}
 */
function handlersOf(view, names, entered) {
  return {
    prefix: "modal",
    act: (element, value, control) => act(element, value, control, names),
    value: (block, element) => {
      const stored = view.state.values[block.block_id]?.[element.action_id];
      return entered[block.block_id]?.[element.action_id] ?? storedValue(element, stored);
    },
  };
}

function close() {
  if (state.view) post("/slack/close", { user: state.you, view_id: state.view.id });
}

/**
 * @param {Button | InputElement} element
 * @param {Value | undefined} value
 * @param {HTMLElement} control
 * @param {Names} names
 */
async function act(element, value, control, names) {
  const { view, you } = state;
  if (!view || !(await isConfirmed(element, names))) return;
  const click = { user: you, view_id: view.id, action_id: element.action_id, value };
  await whileBusy(control, async () => {
    const answer = await post("/slack/click", { ...click, values: enteredValues(modal) });
    if (answer && !answer.acked) showTrouble(TROUBLE);
  });
}

/** @param {Event} event */
async function submit(event) {
  event.preventDefault();
  const button = first("[type=submit]", HTMLButtonElement, modal);
  const { view, you } = state;
  if (!button || !view) return;
  const values = enteredValues(modal);
  showTrouble("");
  if (!showErrors(missing(view, values))) return;
  await whileBusy(button, async () => {
    button.classList.add("waiting");
    const answer = await post("/slack/submit", { user: you, view_id: view.id, values });
    button.classList.remove("waiting");
    if (!answer) return;
    if (!answer.acked || answer.error) showTrouble(TROUBLE);
    else showErrors(answer.errors ?? {});
  });
}

/**
 * @param {View} view
 * @param {Values} values
 * @returns {Record<string, string>} what Slack's own client refuses before anything is sent
 */
function missing(view, values) {
  const inputs = view.blocks.filter((block) => block.type === "input");
  const empty = inputs.filter((block) => !block.optional && isEmpty(block, values));
  return Object.fromEntries(empty.map((block) => [block.block_id, REQUIRED]));
}

/**
 * @param {Input} block
 * @param {Values} values
 */
function isEmpty(block, values) {
  return !values[block.block_id]?.[block.element.action_id]?.length;
}

/**
 * Show each sentence under its field.
 *
 * @param {Record<string, string>} errors
 * @returns {boolean} whether there is none
 */
function showErrors(errors) {
  for (const place of all("[data-error]", HTMLElement, modal)) {
    const { error: block = "" } = place.dataset;
    const sentence = errors[block];
    place.textContent = sentence ?? "";
    place.hidden = !sentence;
    const field = first(`[data-field="${CSS.escape(block)}"]`, HTMLElement, modal);
    field?.setAttribute("aria-invalid", String(Boolean(sentence)));
  }
  const wrong = first('[aria-invalid="true"]', HTMLElement, modal);
  if (!wrong) return true;
  const control = first("input", HTMLInputElement, wrong) ?? wrong;
  control.focus({ preventScroll: true });
  wrong.closest("[data-block]")?.scrollIntoView({ block: "nearest" });
  return false;
}

/** @param {string} sentence */
function showTrouble(sentence) {
  const place = first(".trouble", HTMLElement, modal);
  if (!place) return;
  place.textContent = sentence;
  place.hidden = !sentence;
}

/**
 * Ask whether the person is sure, where an element wants that.
 *
 * @param {Button | InputElement} element
 * @param {Names} names
 * @returns {Promise<boolean>}
 */
export function isConfirmed(element, names) {
  if (!("confirm" in element) || !element.confirm) return Promise.resolve(true);
  const { confirm } = element;
  return new Promise((resolve) => {
    question.replaceChildren(drawQuestion(confirm, names));
    question.returnValue = "no";
    const answered = () => resolve(question.returnValue === "yes");
    question.addEventListener("close", answered, { once: true });
    question.showModal();
  });
}

/**
 * @param {Confirm} confirm
 * @param {Names} names
 */
function drawQuestion(confirm, names) {
  const no = { type: "submit", class: "button", value: "no" };
  const yes = { type: "submit", class: "button primary", value: "yes" };
  return el(
    "form",
    { method: "dialog" },
    el("header", {}, el("h2", { id: "confirm-title" }, textNodes(confirm.title, names))),
    el("div", { class: "modal-body" }, textNodes(confirm.text, names)),
    el(
      "footer",
      {},
      el("button", no, textNodes(confirm.deny, names)),
      el("button", yes, textNodes(confirm.confirm, names)),
    ),
  );
}
