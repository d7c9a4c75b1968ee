// The page: one stream of snapshots in, what a person does out. Nothing is kept here that a reload would lose,
// but the answers that Slack's own client gives and no server knows.
import { setCommands, wireComposer, write } from "./composer.js";
import { el } from "./dom.js";
import { showDrawer, wireDrawer } from "./drawer.js";
import { say, send, whileBusy } from "./api.js";
import { show } from "./messages.js";
import { confirmed, showModal } from "./modal.js";
import { refresh } from "./mrkdwn.js";

const PEOPLE = { alice: "U0ALICE", bob: "U0BOB", carol: "U0CAROL" };
const HOME = "home"; // the app's Home tab, which stands among the channels
const byId = (id) => document.getElementById(id);

let stream = null;
let snapshot = null;
let channel = null;
let homeOf = ""; // who the Home tab has been opened for
let thread = null; // the ts of the message whose thread is open; null follows the newest card
const local = []; // {user, channel, at, text}: what the client itself says

function become(name) {
  const address = new URL(location.href);
  address.searchParams.set("as", name);
  history.replaceState(null, "", address);
  for (const button of document.querySelectorAll("[data-as]")) button.setAttribute("aria-pressed", String(button.dataset.as === name));
  stream?.close();
  stream = new EventSource(`/stream?as=${name}`);
  stream.onmessage = (event) => draw(JSON.parse(event.data));
  stream.onerror = () => light("stopped", "the demo does not answer");
}

function draw(fresh) {
  snapshot = fresh;
  document.body.dataset.you = fresh.you;
  const { slack, bot } = fresh;
  if (channel === HOME) openHome();
  else if (!slack.channels.some((one) => one.id === channel)) channel = (slack.channels.find((one) => !one.is_im) || slack.channels[0]).id;
  if (bot.connected) light("connected", "bot is connected");
  else light(bot.runs ? "starting" : "stopped", bot.runs ? "bot is starting" : "bot is stopped");
  drawSide();
  drawChannel();
  drawThread();
  setCommands(slack.commands);
  showDrawer(fresh, (id) => {
    pane("channel");
    write(`/restore ${id}`);
  });
  showModal(slack.views.at(-1), names());
}

const names = () => ({
  you: snapshot.you,
  people: snapshot.slack.people,
  channels: Object.fromEntries(snapshot.slack.channels.map((one) => [one.id, one.name])),
  usergroups: snapshot.slack.usergroups,
});

function light(state, words) {
  byId("light").dataset.state = state;
  if (byId("light").textContent !== words) byId("light").textContent = words;
}

const label = (one) => (one.id === HOME ? "restorebot: Home" : one.is_im ? "restorebot" : `#${one.name}`);

function drawSide() {
  const { channels, people } = snapshot.slack;
  const key = JSON.stringify([channels.map((one) => one.id), channel, snapshot.you]);
  if (byId("side").dataset.key === key) return;
  byId("side").dataset.key = key;
  byId("channels").replaceChildren(...[...channels, { id: HOME }].map((one) =>
    el("li", {}, el("button", { type: "button", "aria-current": one.id === channel ? "true" : null, onclick: () => visit(one.id) }, label(one)))));
  const shown = [...Object.values(PEOPLE), snapshot.slack.bot];
  byId("people").replaceChildren(...shown.filter((id) => people[id]).map((id) =>
    el("li", {}, people[id].name, id === snapshot.you ? el("small", {}, " you") : null)));
}

function visit(id) {
  channel = id;
  homeOf = "";
  thread = null;
  pane("channel");
  draw(snapshot);
}

// The app draws its Home tab when it hears that somebody looks at it.
function openHome() {
  if (homeOf === snapshot.you) return;
  homeOf = snapshot.you;
  send("/slack/home", { user: homeOf });
}

function drawHome({ slack, you }) {
  const { home } = slack;
  const act = async (element, value, where) => {
    if (element.confirm && !(await confirmed(element.confirm, names()))) return;
    await whileBusy(where, () => send("/slack/click", { user: you, view_id: home.id, action_id: element.action_id, value }));
  };
  const shown = home ? [{ key: `home-${you}`, user: slack.bot, at: Number.parseInt(home.hash, 10), blocks: home.blocks }] : [];
  show(byId("messages"), shown, names(), () => ({ prefix: "home", value: () => undefined, act }));
}

// --- messages ---------------------------------------------------------------------------------------------------------

const seen = () => snapshot.slack.messages[channel] || [];

function item(message, foot) {
  return { key: message.ts, user: message.user, at: Number(message.ts), text: message.text, blocks: message.blocks, edited: message.edited_mark, ts: message.ts, foot };
}

function drawChannel() {
  const { slack, you } = snapshot;
  const here = channel === HOME ? { id: HOME } : slack.channels.find((one) => one.id === channel);
  byId("composer").hidden = channel === HOME;
  byId("channel-name").textContent = label(here);
  if (channel === HOME) return drawHome(snapshot);
  const replies = Map.groupBy ? Map.groupBy(seen(), (one) => one.thread_ts || "") : grouped(seen());
  const top = seen().filter((one) => !one.thread_ts || one.thread_ts === one.ts).map((one) => item(one, opener(one, replies)));
  const alone = slack.private.filter((one) => one.channel === channel)
    .map((one) => ({ ...item({ ...one, user: slack.bot }), at: one.at, private: true }));
  const own = local.filter((one) => one.channel === channel && one.user === you)
    .map((one) => ({ key: `local-${one.at}`, user: "Slack", at: one.at, text: one.text, private: true }));
  const all = [...top, ...alone, ...own].sort((a, b) => a.at - b.at);
  show(byId("messages"), all, names(), handlers);
  byId("messages").dataset.empty = String(all.length === 0);
}

function grouped(messages) {
  const groups = new Map();
  for (const one of messages) groups.set(one.thread_ts || "", [...(groups.get(one.thread_ts || "") || []), one]);
  return groups;
}

function opener(message, replies) {
  const count = (replies.get(message.ts) || []).filter((one) => one.ts !== message.ts).length;
  if (!count) return null;
  return el("button", { type: "button", class: "replies", onclick: () => openThread(message.ts) }, count === 1 ? "1 reply" : `${count} replies`);
}

function openThread(ts) {
  thread = ts;
  pane("thread");
  drawThread();
  byId("thread-name").focus();
}

function drawThread() {
  const messages = seen();
  const withReplies = new Set(messages.map((one) => one.thread_ts).filter(Boolean));
  const root = messages.find((one) => one.ts === thread) || messages.filter((one) => withReplies.has(one.ts)).at(-1);
  const replies = root ? messages.filter((one) => one.thread_ts === root.ts && one.ts !== root.ts) : [];
  byId("reply").hidden = !root;
  byId("reply").dataset.ts = root?.ts || "";
  byId("replies").dataset.empty = String(!root);
  show(byId("replies"), root ? [root, ...replies].map((one) => item(one)) : [], names(), handlers);
}

function handlers(message) {
  return {
    prefix: `m-${message.key}`,
    value: () => undefined,
    act: async (element, value, where) => {
      if (element.confirm && !(await confirmed(element.confirm, names()))) return;
      await whileBusy(where, async () => {
        const answer = await send("/slack/click", { user: snapshot.you, channel, ts: message.ts, action_id: element.action_id, value });
        if (answer && !answer.acked) say("⚠ The bot did not answer. Slack shows a warning sign beside the button; try again.");
      });
    },
  };
}

// --- what a person types -----------------------------------------------------------------------------------------------

function locally(text) {
  local.push({ user: snapshot.you, channel, at: Date.now() / 1000, text });
  drawChannel();
}

async function typed(text) {
  if (!text.startsWith("/")) return Boolean(await send("/slack/say", { user: snapshot.you, channel, text }));
  const command = text.split(/\s/, 1)[0];
  if (!snapshot.slack.commands.some((one) => one.command === command)) {
    locally(`\`${plainly(command)}\` is not a valid command.`);
    return true;
  }
  const answer = await send("/slack/command", { user: snapshot.you, channel, command, text: text.slice(command.length).trim() });
  if (answer && !answer.acked) locally(`${plainly(command)} failed with the error "${plainly(answer.error)}"`);
  return Boolean(answer?.acked);
}

const plainly = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("`", "'");

byId("reply").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = byId("answer").value.trim();
  if (!text) return;
  byId("answer").value = "";
  if (text.startsWith("/")) return locally("Commands do not work in threads. Type them in the channel.");
  if (!(await send("/slack/say", { user: snapshot.you, channel, text, thread_ts: byId("reply").dataset.ts }))) byId("answer").value = text;
});

// --- the page's own controls --------------------------------------------------------------------------------------------

function pane(name) {
  document.body.dataset.pane = name;
  for (const button of document.querySelectorAll("[data-pane]:not(body)")) button.setAttribute("aria-pressed", String(button.dataset.pane === name));
}

for (const button of document.querySelectorAll("[data-as]")) button.addEventListener("click", () => become(button.dataset.as));
for (const button of document.querySelectorAll(".tabs [data-pane]")) button.addEventListener("click", () => pane(button.dataset.pane));
function drawer(open) {
  byId("toggle-portal").setAttribute("aria-expanded", String(open));
  document.body.dataset.drawer = open ? "open" : "closed";
}
byId("toggle-portal").addEventListener("click", () => drawer(document.body.dataset.drawer !== "open"));
// Where there is no room for all, the thread has it first.
drawer(!matchMedia("(max-width: 1120px) and (min-width: 761px)").matches);
setInterval(() => refresh(document), 10000);
wireComposer(typed);
wireDrawer();
pane("channel");
const asked = new URL(location.href).searchParams.get("as");
become(Object.hasOwn(PEOPLE, asked) ? asked : "alice");
