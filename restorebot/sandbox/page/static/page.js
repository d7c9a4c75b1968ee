// The page: one stream of snapshots in, what a person does out.
import { post } from "./api.js";
import { setCommands, wireComposer, write } from "./composer.js";
import { channelLabel, sendTyped, showChannel, showThread, wireThread } from "./conversation.js";
import { all, byId, el } from "./dom.js";
import { showDrawer, wireDrawer } from "./drawer.js";
import { showModal } from "./modal.js";
import { refreshTimes } from "./mrkdwn.js";
import { showPane, wirePanes } from "./panes.js";
import { HOME, namesOf, page } from "./state.js";

/** @import { Slack, Snapshot } from "../types" */

/** @type {Record<string, string>} */
const PEOPLE = { alice: "U0ALICE", bob: "U0BOB", carol: "U0CAROL" };

const light = byId("light", HTMLElement);
const side = byId("side", HTMLElement);

/** @param {string} name */
function become(name) {
  const address = new URL(location.href);
  address.searchParams.set("as", name);
  history.replaceState(null, "", address);
  for (const button of all("[data-as]", HTMLButtonElement)) {
    button.setAttribute("aria-pressed", String(button.dataset.as === name));
  }
  page.stream?.close();
  page.stream = new EventSource(`/stream?as=${name}`);
  page.stream.onmessage = (event) => show(JSON.parse(event.data));
  page.stream.onerror = () => setLight("stopped", "the demo does not answer");
}

/** @param {Snapshot} snapshot */
function show(snapshot) {
  page.snapshot = snapshot;
  document.body.dataset.you = snapshot.you;
  chooseChannel(snapshot);
  showLight(snapshot);
  showSide(snapshot);
  showChannel(snapshot);
  showThread(snapshot);
  setCommands(snapshot.slack.commands);
  showDrawer(snapshot, (id) => {
    showPane("channel");
    write(`/restore ${id}`);
  });
  showModal(snapshot.slack.views.at(-1), namesOf(snapshot));
}

/** @param {Snapshot} snapshot */
function chooseChannel({ you, slack }) {
  if (page.channel === HOME) openHome(you);
  else if (!slack.channels.some((one) => one.id === page.channel)) {
    page.channel = firstChannel(slack);
  }
}

/** @param {Slack} slack */
function firstChannel({ channels }) {
  return (channels.find((one) => !one.is_im) ?? channels[0]).id;
}

/**
 * The app draws its Home tab when it hears that somebody looks at it.
 *
 * @param {string} you
 */
function openHome(you) {
  if (page.homeOpenedFor === you) return;
  page.homeOpenedFor = you;
  post("/slack/home", { user: you });
}

/** @param {Snapshot} snapshot */
function showLight({ bot }) {
  if (bot.connected) setLight("connected", "bot is connected");
  else if (bot.runs) setLight("starting", "bot is starting");
  else setLight("stopped", "bot is stopped");
}

/**
 * @param {string} state
 * @param {string} words
 */
function setLight(state, words) {
  light.dataset.state = state;
  // Written only when it changes, or a screen reader would say it each time.
  if (light.textContent !== words) light.textContent = words;
}

/** @param {Snapshot} snapshot */
function showSide({ you, slack }) {
  const ids = [...slack.channels.map((one) => one.id), HOME];
  const key = JSON.stringify([ids, page.channel, you]);
  if (side.dataset.key === key) return;
  side.dataset.key = key;
  const channels = ids.map((id) => el("li", {}, channelButton(slack, id)));
  byId("channels", HTMLElement).replaceChildren(...channels);
  const shown = [...Object.values(PEOPLE), slack.bot].filter((id) => slack.people[id]);
  const people = shown.map((id) => {
    const mark = id === you ? el("small", {}, " you") : null;
    return el("li", {}, slack.people[id].name, mark);
  });
  byId("people", HTMLElement).replaceChildren(...people);
}

/**
 * @param {Slack} slack
 * @param {string} id
 */
function channelButton(slack, id) {
  const current = id === page.channel ? "true" : null;
  const attributes = { type: "button", "aria-current": current, onclick: () => visit(id) };
  return el("button", attributes, channelLabel(slack, id));
}

/** @param {string} channel */
function visit(channel) {
  page.channel = channel;
  page.homeOpenedFor = "";
  page.thread = "";
  showPane("channel");
  if (page.snapshot) show(page.snapshot);
}

for (const button of all("[data-as]", HTMLButtonElement)) {
  button.addEventListener("click", () => become(button.dataset.as ?? ""));
}
wireComposer(sendTyped);
wireThread();
wireDrawer();
wirePanes();
setInterval(refreshTimes, 10_000);
const asked = new URL(location.href).searchParams.get("as") ?? "";
become(Object.hasOwn(PEOPLE, asked) ? asked : "alice");
