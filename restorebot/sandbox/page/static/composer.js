// The line to type in: commands are completed and hinted at, as Slack does; everything else is a message.
import { el } from "./dom.js";

const say = document.getElementById("say");
const list = document.getElementById("completion");
const hint = document.getElementById("hint");
let commands = [];
let chosen = 0;

// `typed(text)` is called with what the person sends; true means that the line is done with.
export function wireComposer(typed) {
  say.addEventListener("input", offer);
  say.addEventListener("blur", () => setTimeout(close, 150));
  say.addEventListener("focus", offer);
  say.addEventListener("keydown", (event) => {
    const open = !list.hidden;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (open && move) {
      chosen = (chosen + move + list.children.length) % list.children.length;
      mark();
    } else if (open && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey) take(list.children[chosen].dataset.command);
    else if (open && event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  document.getElementById("composer").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = say.value.trim();
    if (!text) return;
    say.value = "";
    offer();
    if (!(await typed(text)) && !say.value) say.value = text;
    offer();
  });
}

export function setCommands(known) {
  commands = known;
  hinted();
}

export function write(text) {
  say.value = text;
  say.focus();
  say.setSelectionRange(text.length, text.length);
  offer();
}

function offer() {
  const fitting = say.value.startsWith("/") && !say.value.includes(" ") ? commands.filter((one) => one.command.startsWith(say.value)) : [];
  list.replaceChildren(...fitting.map((one, index) =>
    el("li", { role: "option", id: `command-${index}`, "data-command": one.command, onmousedown: () => take(one.command) },
      el("strong", {}, one.command), ` ${one.usage}`, el("small", {}, one.description))));
  chosen = 0;
  list.hidden = fitting.length === 0;
  say.setAttribute("aria-expanded", String(!list.hidden));
  mark();
  hinted();
}

function mark() {
  for (const [index, option] of [...list.children].entries()) option.setAttribute("aria-selected", String(index === chosen));
  if (list.hidden) say.removeAttribute("aria-activedescendant");
  else say.setAttribute("aria-activedescendant", `command-${chosen}`);
}

function hinted() {
  const known = commands.find((one) => say.value.startsWith(`${one.command} `));
  hint.textContent = known ? `${known.command} ${known.usage} — ${known.description}` : "";
}

function take(command) {
  write(`${command} `);
}

function close() {
  list.hidden = true;
  say.setAttribute("aria-expanded", "false");
  say.removeAttribute("aria-activedescendant");
}
