// What a person does goes to the server from here, and what went wrong is said here.
import { byId } from "./dom.js";

/** @import { Answer } from "../types" */

const SHOWN_FOR = 8000;

const toast = byId("toast", HTMLElement);
const state = { hiding: 0 };

toast.addEventListener("click", () => toast.hidePopover());

/**
 * Show a sentence for a while.
 *
 * @param {string} sentence
 */
export function notify(sentence) {
  toast.textContent = sentence;
  // Shown anew, it comes to lie above a modal that was opened since.
  toast.hidePopover();
  toast.showPopover();
  clearTimeout(state.hiding);
  state.hiding = setTimeout(() => toast.hidePopover(), SHOWN_FOR);
}

/**
 * Post to the server. Returns its answer, or null after the person has been told why there is none.
 *
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<Answer | null>}
 */
export async function post(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  try {
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    const read = await answer.json();
    if (answer.ok) return read;
    notify(read.error || "That did not work.");
  } catch {
    notify("The demo does not answer. Is it still running in the terminal?");
  }
  return null;
}

/**
 * Do one thing at a time for each control: it is disabled while its own is under way.
 *
 * @param {HTMLElement} control
 * @param {() => Promise<unknown>} work
 */
export async function whileBusy(control, work) {
  if (control.getAttribute("aria-disabled") === "true") return;
  control.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    control.removeAttribute("aria-disabled");
  }
}
