// The portal's drawer: what the simulated DocSpace knows, and what a person can do to it and to the
// bot.
import { post, whileBusy } from "./api.js";
import { all, byId, el, first } from "./dom.js";
import { moment } from "./mrkdwn.js";

/** @import { Backup, Portal, Snapshot, Task } from "../types" */

const STORAGES = [
  "in a room",
  "third-party account",
  "custom cloud",
  "server disk",
  "temporary storage",
  "own cloud storage",
];

const drawer = byId("portal", HTMLElement);
const speed = byId("takes", HTMLSelectElement);
const profile = byId("profile", HTMLSelectElement);

export function wireDrawer() {
  for (const box of all("[data-switch]", HTMLInputElement, drawer)) {
    box.addEventListener("change", () => {
      post("/portal/switch", { name: box.dataset.switch, on: box.checked });
    });
  }
  for (const button of all("[data-post]", HTMLButtonElement, drawer)) {
    const { post: path = "" } = button.dataset;
    button.addEventListener("click", () => whileBusy(button, () => post(path)));
  }
  speed.addEventListener("change", () => post("/portal/speed", { takes: Number(speed.value) }));
  profile.addEventListener("change", () => post("/portal/profile", { name: profile.value }));
}

/**
 * @param {Snapshot} snapshot
 * @param {(id: string) => void} choose - is called with the backup that a person wants to restore
 */
export function showDrawer({ portal, bot, slack }, choose) {
  replaceIfChanged(byId("portal-status", HTMLElement), drawStatus(portal));
  const newestFirst = portal.history.toSorted((a, b) => b.createdOn.localeCompare(a.createdOn));
  const rows = newestFirst.map((backup) => drawBackup(backup, choose));
  replaceIfChanged(byId("backups", HTMLElement), rows);
  for (const box of all("[data-switch]", HTMLInputElement, drawer)) {
    box.checked = Boolean(portal.faults[box.dataset.switch ?? ""]);
  }
  const shown = [...speed.options].find(
    (option) => Math.abs(Number(option.value) - portal.takes) < 0.5,
  );
  speed.value = shown?.value ?? "";
  profile.value = portal.profile;
  markOn("/portal/away", portal.away);
  markOn("/slack/limit", Object.keys(slack.faults).length > 0);
  byId("kill", HTMLButtonElement).disabled = !bot.runs;
  byId("start", HTMLButtonElement).disabled = bot.runs;
}

/**
 * Equal content stays, so that a button in it keeps the focus.
 *
 * @param {HTMLElement} place
 * @param {Node[]} children
 */
function replaceIfChanged(place, children) {
  const made = el("div", {}, children);
  if (made.innerHTML !== place.innerHTML) place.replaceChildren(...made.childNodes);
}

/**
 * @param {string} path
 * @param {boolean} isOn
 */
function markOn(path, isOn) {
  first(`[data-post="${path}"]`, HTMLElement, drawer)?.classList.toggle("on", isOn);
}

/** @param {Portal} portal */
function drawStatus(portal) {
  const task = portal.tasks.restore;
  const facts = {
    Portal: portal.alias,
    State: stateOf(portal),
    "Restore task": task ? taskWords(task) : "none",
    "Restores started": String(portal.starts.length),
    "API keys": portal.keys ? String(portal.keys) : "none: a restore deletes them",
  };
  const rows = Object.entries(facts).map(([name, value]) => [
    el("dt", {}, name),
    el("dd", {}, value),
  ]);
  const list = el("dl", {}, rows.flat());
  if (!task) return [list];
  const number = { max: 100, value: task.progress, "aria-label": "The portal's own number" };
  return [list, el("progress", number)];
}

/** @param {Portal} portal */
function stateOf(portal) {
  if (portal.away) return "away: it does not answer";
  return portal.tenantStatus === 0 ? "open" : "locked: a restore is going on";
}

/** @param {Task} task */
function taskWords(task) {
  if (task.error) return `failed: ${task.error}`;
  return task.isCompleted ? `finished, ${task.progress} %` : `${task.progress} %`;
}

/**
 * @param {Backup} backup
 * @param {(id: string) => void} choose
 */
function drawBackup(backup, choose) {
  const utc = `${backup.createdOn.replace(/(Z|[+-]\d\d:\d\d)$/, "")}Z`;
  const storage = STORAGES[backup.storageType] ?? `storage ${backup.storageType}`;
  const button = {
    type: "button",
    class: "button",
    "aria-label": `Restore ${backup.fileName}…`,
    onclick: () => choose(backup.id),
  };
  return el(
    "li",
    {},
    el("strong", {}, backup.fileName),
    el("span", {}, moment(Date.parse(utc) / 1000, "{ago}", ""), ` · ${storage}`),
    el("code", {}, backup.id),
    el("button", button, "Restore…"),
  );
}
