// The channel, the open thread and the app's Home tab, and what a person writes into them.
import { notify, post, whileBusy } from "./api.js";
import { byId, el } from "./dom.js";
import { showMessages } from "./messages.js";
import { isConfirmed } from "./modal.js";
import { showPane } from "./panes.js";
import { HOME, namesOf, page } from "./state.js";

/** @import { Handlers, Item, Message, PrivateMessage, Slack, Snapshot, View } from "../types" */

const NOT_ACKED =
  "⚠ The bot did not answer. Slack shows a warning sign beside the button; try again.";

const messages = byId("messages", HTMLElement);
const replies = byId("replies", HTMLElement);
const replyForm = byId("reply", HTMLFormElement);
const replyLine = byId("answer", HTMLInputElement);

/**
 * @param {Slack} slack
 * @param {string} id
 */
export function channelLabel(slack, id) {
  if (id === HOME) return "restorebot: Home";
  const channel = slack.channels.find((one) => one.id === id);
  return channel && !channel.is_im ? `#${channel.name}` : "restorebot";
}

/** @param {Snapshot} snapshot */
export function showChannel(snapshot) {
  byId("composer", HTMLElement).hidden = page.channel === HOME;
  byId("channel-name", HTMLElement).textContent = channelLabel(snapshot.slack, page.channel);
  if (page.channel === HOME) {
    showHome(snapshot);
    return;
  }
  const items = [
    ...publicItems(snapshot.slack),
    ...privateItems(snapshot.slack),
    ...localItems(snapshot.you),
  ];
  items.sort((a, b) => a.at - b.at);
  showMessages(messages, items, namesOf(snapshot), messageHandlers);
  messages.dataset.empty = String(items.length === 0);
}

/** @param {Snapshot} snapshot */
export function showThread(snapshot) {
  const seen = seenMessages(snapshot.slack);
  const root = threadRoot(seen);
  const answers = root ? seen.filter((one) => isReply(one) && one.thread_ts === root.ts) : [];
  replyForm.hidden = !root;
  replyForm.dataset.ts = root?.ts ?? "";
  replies.dataset.empty = String(!root);
  const items = root ? [root, ...answers].map((one) => messageItem(one, null)) : [];
  showMessages(replies, items, namesOf(snapshot), messageHandlers);
}

/** @param {Snapshot} snapshot */
function showHome(snapshot) {
  const { slack, you } = snapshot;
  const { home } = slack;
  const items = home ? [homeItem(home, you, slack.bot)] : [];
  showMessages(messages, items, namesOf(snapshot), homeHandlers);
  messages.dataset.empty = "false";
}

/** @param {Slack} slack */
function seenMessages(slack) {
  return slack.messages[page.channel] ?? [];
}

/** @param {Message} message */
function isReply(message) {
  return message.thread_ts !== null && message.thread_ts !== message.ts;
}

/**
 * @param {Message[]} seen
 * @returns {Message | undefined} the first message of the open thread, or of the newest one
 */
function threadRoot(seen) {
  const answered = new Set(seen.map((one) => one.thread_ts));
  return seen.find((one) => one.ts === page.thread) ?? seen.findLast((one) => answered.has(one.ts));
}

/**
 * @param {Slack} slack
 * @returns {Item[]}
 */
function publicItems(slack) {
  const seen = seenMessages(slack);
  const top = seen.filter((one) => !isReply(one));
  return top.map((one) => messageItem(one, threadOpener(one, seen)));
}

/**
 * @param {Slack} slack
 * @returns {Item[]}
 */
function privateItems(slack) {
  const here = slack.private.filter((one) => one.channel === page.channel);
  return here.map((one) => privateItem(one, slack.bot));
}

/**
 * @param {string} you
 * @returns {Item[]}
 */
function localItems(you) {
  const here = page.local.filter((one) => one.channel === page.channel && one.user === you);
  return here.map(({ at, text }) => ({
    ...{ key: `local-${at}`, user: "Slack", at, text, blocks: [] },
    ...{ isEdited: false, isPrivate: true, foot: null },
  }));
}

/**
 * @param {Message} message
 * @param {HTMLElement | null} foot
 * @returns {Item}
 */
function messageItem(message, foot) {
  const { ts, user, text, blocks } = message;
  const isEdited = message.edited_mark;
  return { key: ts, user, at: Number(ts), text, blocks, isEdited, isPrivate: false, foot };
}

/**
 * @param {PrivateMessage} message
 * @param {string} bot
 * @returns {Item}
 */
function privateItem({ ts, at, text, blocks }, bot) {
  return { key: ts, user: bot, at, text, blocks, isEdited: false, isPrivate: true, foot: null };
}

/**
 * @param {View} home
 * @param {string} you
 * @param {string} bot
 * @returns {Item}
 */
function homeItem(home, you, bot) {
  // A hash begins with the time of the change.
  const at = Number.parseInt(home.hash, 10);
  const { blocks } = home;
  const key = `home-${you}`;
  return { key, user: bot, at, text: "", blocks, isEdited: false, isPrivate: false, foot: null };
}

/**
 * @param {Message} message
 * @param {Message[]} seen
 */
function threadOpener(message, seen) {
  const count = seen.filter((one) => isReply(one) && one.thread_ts === message.ts).length;
  if (!count) return null;
  const attributes = { type: "button", class: "replies", onclick: () => openThread(message.ts) };
  return el("button", attributes, count === 1 ? "1 reply" : `${count} replies`);
}

/** @param {string} ts */
function openThread(ts) {
  page.thread = ts;
  showPane("thread");
  if (page.snapshot) showThread(page.snapshot);
  byId("thread-name", HTMLElement).focus();
}

/**
 * A message that did not change keeps its buttons, so these look at the page when they are used:
 * somebody else may be at it then.
 *
 * @param {Item} item
 * @returns {Handlers}
 */
function messageHandlers(item) {
  return {
    prefix: `m-${item.key}`,
    value: () => undefined,
    act: async (element, value, control) => {
      const { snapshot, channel } = page;
      if (!snapshot || !(await isConfirmed(element, namesOf(snapshot)))) return;
      const place = { user: snapshot.you, channel, ts: item.key };
      await whileBusy(control, async () => {
        const click = { ...place, action_id: element.action_id, value };
        const answer = await post("/slack/click", click);
        if (answer && !answer.acked) notify(NOT_ACKED);
      });
    },
  };
}

/** @returns {Handlers} */
function homeHandlers() {
  return {
    prefix: "home",
    value: () => undefined,
    act: async (element, value, control) => {
      const { snapshot } = page;
      const home = snapshot?.slack.home;
      if (!home || !(await isConfirmed(element, namesOf(snapshot)))) return;
      const click = { user: snapshot.you, view_id: home.id, action_id: element.action_id, value };
      await whileBusy(control, () => post("/slack/click", click));
    },
  };
}

/**
 * Send what a person has typed into the channel.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it was taken
 */
export async function sendTyped(text) {
  const { snapshot, channel } = page;
  if (!snapshot) return false;
  const place = { user: snapshot.you, channel };
  if (!text.startsWith("/")) return Boolean(await post("/slack/say", { ...place, text }));
  const [command] = text.split(/\s/, 1);
  if (!snapshot.slack.commands.some((one) => one.command === command)) {
    sayLocally(`\`${escapeMrkdwn(command)}\` is not a valid command.`);
    return true;
  }
  const rest = text.slice(command.length).trim();
  const answer = await post("/slack/command", { ...place, command, text: rest });
  if (answer && !answer.acked) {
    sayLocally(
      `${escapeMrkdwn(command)} failed with the error "${escapeMrkdwn(answer.error ?? "")}"`,
    );
  }
  return Boolean(answer?.acked);
}

/**
 * Say something as the client itself.
 *
 * @param {string} text
 */
function sayLocally(text) {
  const { snapshot, channel } = page;
  if (!snapshot) return;
  page.local.push({ user: snapshot.you, channel, at: Date.now() / 1000, text });
  showChannel(snapshot);
}

/** @param {string} text */
function escapeMrkdwn(text) {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("`", "'");
}

/** Send what a person has typed into the thread's line. */
async function sendReply() {
  const { snapshot, channel } = page;
  const text = replyLine.value.trim();
  if (!text || !snapshot) return;
  replyLine.value = "";
  if (text.startsWith("/")) {
    sayLocally("Commands do not work in threads. Type them in the channel.");
    return;
  }
  const reply = { user: snapshot.you, channel, text, thread_ts: replyForm.dataset.ts };
  if (!(await post("/slack/say", reply))) replyLine.value = text;
}

export function wireThread() {
  replyForm.addEventListener("submit", (event) => {
    event.preventDefault();
    sendReply();
  });
}
