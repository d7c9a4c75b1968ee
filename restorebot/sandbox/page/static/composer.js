// The line to type in: commands are completed and hinted at, as Slack does; everything else is a
// message.
import { byId, el } from "./dom.js";

/** @import { Command } from "../types" */

const line = byId("say", HTMLInputElement);
const list = byId("completion", HTMLElement);
const hint = byId("hint", HTMLElement);

const state = { commands: /** @type {Command[]} */ ([]), chosen: 0 };

/**
 * @param {(text: string) => Promise<boolean>} send - takes what the person sends; false gives it
 *   back to the line
 */
export function wireComposer(send) {
  line.addEventListener("input", offer);
  line.addEventListener("focus", offer);
  line.addEventListener("blur", () => setTimeout(close, 150));
  line.addEventListener("keydown", (event) => {
    if (!list.hidden && handleKey(event)) event.preventDefault();
  });
  byId("composer", HTMLFormElement).addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = line.value.trim();
    if (!text) return;
    line.value = "";
    offer();
    if (!(await send(text)) && !line.value) line.value = text;
    offer();
  });
}

/** @param {Command[]} commands */
export function setCommands(commands) {
  state.commands = commands;
  showHint();
}

/** @param {string} text */
export function write(text) {
  line.value = text;
  line.focus();
  line.setSelectionRange(text.length, text.length);
  offer();
}

/**
 * @param {KeyboardEvent} event
 * @returns {boolean} whether the list of commands has taken the key
 */
function handleKey(event) {
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Escape") close();
  else if ((event.key === "Tab" || event.key === "Enter") && !event.shiftKey) take(chosen());
  else return false;
  return true;
}

/** @param {number} step */
function move(step) {
  state.chosen = (state.chosen + step + list.children.length) % list.children.length;
  mark();
}

function chosen() {
  return offered()[state.chosen];
}

/** @returns {Command[]} the commands that begin as the line does */
function offered() {
  if (!line.value.startsWith("/") || line.value.includes(" ")) return [];
  return state.commands.filter((one) => one.command.startsWith(line.value));
}

function offer() {
  const options = offered().map((one, index) => {
    const attributes = { role: "option", id: `command-${index}`, onmousedown: () => take(one) };
    const words = [
      el("strong", {}, one.command),
      ` ${one.usage}`,
      el("small", {}, one.description),
    ];
    return el("li", attributes, words);
  });
  list.replaceChildren(...options);
  list.hidden = options.length === 0;
  line.setAttribute("aria-expanded", String(!list.hidden));
  state.chosen = 0;
  mark();
  showHint();
}

function mark() {
  for (const [index, option] of [...list.children].entries()) {
    option.setAttribute("aria-selected", String(index === state.chosen));
  }
  if (list.hidden) line.removeAttribute("aria-activedescendant");
  else line.setAttribute("aria-activedescendant", `command-${state.chosen}`);
}

function showHint() {
  const known = state.commands.find((one) => line.value.startsWith(`${one.command} `));
  hint.textContent = known ? `${known.command} ${known.usage} — ${known.description}` : "";
}

/** @param {Command} command */
function take(command) {
  write(`${command.command} `);
}

function close() {
  list.hidden = true;
  line.setAttribute("aria-expanded", "false");
  line.removeAttribute("aria-activedescendant");
}
