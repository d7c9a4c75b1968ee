// Slack's texts as DOM nodes: mrkdwn, emoji by name, mentions, dates.
import { all, el } from "./dom.js";

/** @import { Names, Text } from "../types" */

/** @type {Record<string, string>} */
const EMOJI = {
  alarm_clock: "⏰",
  arrows_counterclockwise: "🔄",
  eyes: "👀",
  grey_question: "❔",
  heavy_multiplication_x: "✖️",
  hourglass: "⌛",
  hourglass_flowing_sand: "⏳",
  inbox_tray: "📥",
  key: "🔑",
  leftwards_arrow_with_hook: "↩️",
  lock: "🔒",
  no_entry: "⛔",
  octagonal_sign: "🛑",
  question: "❓",
  rocket: "🚀",
  tada: "🎉",
  thumbsup: "👍",
  unlock: "🔓",
  warning: "⚠️",
  white_check_mark: "✅",
  x: "❌",
  floppy_disk: "💾",
  information_source: "ℹ️",
  calendar: "📆",
  negative_squared_cross_mark: "❎",
  rotating_light: "🚨",
};

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @typedef {(date: Date) => string} Format */

/** @type {(options: Intl.DateTimeFormatOptions) => Format} */
const format = (options) => (date) => new Intl.DateTimeFormat(undefined, options).format(date);

const short = format({ month: "short", day: "numeric", year: "numeric" });
const long = format({ weekday: "long", month: "long", day: "numeric", year: "numeric" });
const plain = format({ month: "long", day: "numeric", year: "numeric" });
const full = format({ dateStyle: "full", timeStyle: "medium" });

/** @type {Record<string, Format>} */
const DATES = {
  date_num: (date) => date.toISOString().slice(0, 10),
  date: plain,
  date_short: short,
  date_long: long,
  date_pretty: (date) => nearDay(date) ?? plain(date),
  date_short_pretty: (date) => nearDay(date) ?? short(date),
  date_long_pretty: (date) => nearDay(date) ?? long(date),
  time: format({ hour: "2-digit", minute: "2-digit" }),
  time_secs: format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  ago,
};

/**
 * @param {Text | null | undefined} text
 * @param {Names} names
 * @returns {(Node | string)[]} a text object as DOM nodes
 */
export function textNodes(text, names) {
  if (!text) return [];
  if (text.type === "mrkdwn") return mrkdwn(text.text, names);
  return [text.emoji === false ? text.text : withEmoji(text.text)];
}

/**
 * @param {string} text
 * @param {Names} names
 * @returns {(Node | string)[]}
 */
export function mrkdwn(text, names) {
  // A pre block may span lines, so it is kept whole before quotes are looked for.
  return text.split(/(```[\s\S]+?```)/).flatMap((part) => {
    const isPre = part.startsWith("```") && part.length > "``````".length;
    return isPre ? inline(part, names) : quotesAndLines(part, names);
  });
}

/**
 * @param {number} seconds - since 1970
 * @param {string} pattern - of Slack's date tokens
 * @param {string} fallback - for what is no time
 * @returns {Node} the moment in the reader's zone
 */
export function moment(seconds, pattern, fallback) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(decode(fallback));
  const attributes = {
    datetime: date.toISOString(),
    title: full(date),
    "data-pattern": decode(pattern),
  };
  return el("time", attributes, written(date, decode(pattern)));
}

/** Write the times of the page anew: "2 min ago" grows old by itself. */
export function refreshTimes() {
  for (const time of all("time[data-pattern]", HTMLTimeElement)) {
    const text = written(new Date(time.dateTime), time.dataset.pattern ?? "");
    if (time.textContent !== text) time.textContent = text;
  }
}

/**
 * @param {string} text
 * @param {Names} names
 * @returns {(Node | string)[]}
 */
function quotesAndLines(text, names) {
  // Lines that begin with ">" are a quote.
  return text.split(/((?:^(?:&gt;|>)[^\n]*(?:\n|$))+)/m).flatMap((lines) => {
    if (!/^(&gt;|>)/.test(lines)) return inline(lines, names);
    const quoted = lines
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^(&gt;|>) ?/, ""));
    return [el("blockquote", {}, inline(quoted.join("\n"), names))];
  });
}

const INLINE = new RegExp(
  [
    /```(?<pre>[\s\S]+?)```/,
    /`(?<code>[^`\n]+)`/,
    /<(?<angled>[^<>]+)>/,
    /(?<![\w*])\*(?=\S)(?<bold>[^*\n]*?\S)\*(?![\w*])/,
    /(?<![\w_])_(?=\S)(?<italic>[^_\n]*?\S)_(?![\w_])/,
    /(?<![\w~])~(?=\S)(?<strike>[^~\n]*?\S)~(?![\w~])/,
  ]
    .map((part) => part.source)
    .join("|"),
  "g",
);

/** @type {Record<string, (inside: string, names: Names) => Node>} */
const SPANS = {
  pre: (inside) => el("pre", { tabindex: 0 }, decode(inside.replace(/^\n|\n$/g, ""))),
  code: (inside) => el("code", {}, decode(inside)),
  angled,
  bold: (inside, names) => el("strong", {}, inline(inside, names)),
  italic: (inside, names) => el("em", {}, inline(inside, names)),
  strike: (inside, names) => el("s", {}, inline(inside, names)),
};

/**
 * @param {string} text
 * @param {Names} names
 * @returns {(Node | string)[]}
 */
function inline(text, names) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > at) nodes.push(withEmoji(decode(text.slice(at, found.index))));
    at = found.index + found[0].length;
    for (const [kind, inside] of Object.entries(found.groups ?? {})) {
      if (inside !== undefined) nodes.push(SPANS[kind](inside, names));
    }
  }
  if (at < text.length) nodes.push(withEmoji(decode(text.slice(at))));
  return nodes;
}

/**
 * @param {string} inside - of angle brackets: a mention, a date or a link
 * @param {Names} names
 * @returns {Node}
 */
function angled(inside, names) {
  const [target, label] = inside.split(/\|(.*)/s);
  const shown = label === undefined ? "" : decode(label);
  if (target.startsWith("!date^")) {
    const [, seconds, pattern] = target.split("^");
    return moment(Number(seconds), pattern || "{date} {time}", label || "");
  }
  if (/^[@#!]/.test(target)) return mention(target, shown, names);
  return link(decode(target), shown);
}

/**
 * @param {string} target
 * @param {string} shown
 * @param {Names} names
 */
function mention(target, shown, names) {
  const id = target.replace(/^(@|#|!subteam\^|!)/, "");
  if (target.startsWith("#")) return marked(`#${names.channels[id] || shown || id}`);
  if (target.startsWith("!subteam^")) return marked(`@${names.usergroups[id] || shown || id}`);
  if (target.startsWith("!")) return marked(`@${id}`);
  return marked(`@${names.people[id]?.name || shown || id}`, names.you === id);
}

/**
 * @param {string} text
 * @param {boolean} [isYou]
 */
function marked(text, isYou = false) {
  return el("span", { class: isYou ? "mention you" : "mention" }, text);
}

/**
 * Only addresses that open a page or a mail; everything else stays text.
 *
 * @param {string} address
 * @param {string} label
 * @returns {Node}
 */
function link(address, label) {
  if (/^(https?:\/\/|mailto:)/i.test(address)) {
    const attributes = { href: address, target: "_blank", rel: "noopener noreferrer" };
    return el("a", attributes, label || address);
  }
  return document.createTextNode(label ? `${label} (${address})` : address);
}

/** @param {string} text */
function decode(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** @param {string} text */
function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) =>
    Object.hasOwn(EMOJI, name) ? EMOJI[name] : whole,
  );
}

/**
 * @param {Date} date
 * @param {string} pattern
 */
function written(date, pattern) {
  return pattern.replace(/\{(\w+)\}/g, (whole, name) =>
    Object.hasOwn(DATES, name) ? DATES[name](date) : whole,
  );
}

/**
 * @param {Date} date
 * @returns {string | null}
 */
function nearDay(date) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.floor((date.getTime() - midnight) / 1000 / DAY);
  if (days === -1) return "yesterday";
  if (days === 0) return "today";
  return days === 1 ? "tomorrow" : null;
}

/** @param {Date} date */
function ago(date) {
  const seconds = Math.round((date.getTime() - Date.now()) / 1000);
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const distance = Math.abs(seconds);
  if (distance < 45) return seconds > 5 ? "in a moment" : "just now";
  if (distance < HOUR) return words.format(Math.round(seconds / MINUTE), "minute");
  if (distance < DAY) return words.format(Math.round(seconds / HOUR), "hour");
  return words.format(Math.round(seconds / DAY), "day");
}
