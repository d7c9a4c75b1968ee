// The portal's drawer: what the simulated DocSpace knows, and what a person can do to it and to the bot.
import { el } from "./dom.js";
import { send, whileBusy } from "./api.js";
import { moment } from "./mrkdwn.js";

const STORED = ["in a room", "third-party account", "custom cloud", "server disk", "temporary storage", "own cloud storage"];

const drawer = document.getElementById("portal");
const takes = document.getElementById("takes");

// `choose(id)` is called with the backup that a person wants to restore.
export function wireDrawer() {
  for (const box of drawer.querySelectorAll("[data-switch]"))
    box.addEventListener("change", () => send("/portal/switch", { name: box.dataset.switch, on: box.checked }));
  for (const button of drawer.querySelectorAll("[data-post]"))
    button.addEventListener("click", () => whileBusy(button, () => send(button.dataset.post)));
  takes.addEventListener("change", () => send("/portal/speed", { takes: Number(takes.value) }));
}

export function showDrawer(snapshot, choose) {
  const { portal, bot, slack } = snapshot;
  put(document.getElementById("portal-status"), facts(portal));
  const newestFirst = [...portal.history].sort((a, b) => b.createdOn.localeCompare(a.createdOn));
  put(document.getElementById("backups"), newestFirst.map((backup) => row(backup, choose)));
  for (const box of drawer.querySelectorAll("[data-switch]")) box.checked = portal.faults[box.dataset.switch];
  const near = [...takes.options].find((option) => Math.abs(Number(option.value) - portal.takes) < 0.5);
  takes.value = near ? near.value : "";
  under("/portal/away", portal.away);
  under("/slack/limit", Object.keys(slack.faults).length > 0);
  document.getElementById("kill").disabled = !bot.runs;
  document.getElementById("start").disabled = bot.runs;
}

// Equal content stays, so that a button in it keeps the focus.
function put(place, children) {
  const fresh = el("div", {}, children);
  if (fresh.innerHTML !== place.innerHTML) place.replaceChildren(...fresh.childNodes);
}

function under(path, on) {
  drawer.querySelector(`[data-post="${path}"]`).classList.toggle("on", on);
}

function facts(portal) {
  const locked = portal.tenantStatus !== 0;
  const state = portal.away ? "away: it does not answer" : locked ? "locked: a restore is going on" : "open";
  const task = portal.tasks.restore;
  const lines = [
    ["Portal", portal.alias],
    ["State", state],
    ["Restore task", task ? taskWords(task) : "none"],
    ["Restores started", String(portal.starts.length)],
    ["API keys", portal.keys ? String(portal.keys) : "none: a restore deletes them"],
  ];
  return [el("dl", {}, lines.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]).flat()),
    task ? el("progress", { max: 100, value: task.progress, "aria-label": "The portal's own number" }) : null].filter(Boolean);
}

function taskWords(task) {
  if (task.error) return `failed: ${task.error}`;
  return task.isCompleted ? `finished, ${task.progress} %` : `${task.progress} %`;
}

function row(backup, choose) {
  const made = Date.parse(`${backup.createdOn.replace(/(Z|[+-]\d\d:\d\d)$/, "")}Z`) / 1000;
  return el("li", {},
    el("strong", {}, backup.fileName),
    el("span", {}, moment(made, "{ago}", ""), ` · ${STORED[backup.storageType] || `storage ${backup.storageType}`}`),
    el("code", {}, backup.id),
    el("button", { type: "button", class: "button", "aria-label": `Restore ${backup.fileName}…`, onclick: () => choose(backup.id) }, "Restore…"));
}
