// Slack's texts as DOM nodes: mrkdwn, emoji by name, mentions, dates.
import { el } from "./dom.js";

const EMOJI = {
  alarm_clock: "⏰", arrows_counterclockwise: "🔄", eyes: "👀", grey_question: "❔", heavy_multiplication_x: "✖️",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", inbox_tray: "📥", key: "🔑", leftwards_arrow_with_hook: "↩️",
  lock: "🔒", no_entry: "⛔", octagonal_sign: "🛑", question: "❓", rocket: "🚀", tada: "🎉", thumbsup: "👍",
  unlock: "🔓", warning: "⚠️", white_check_mark: "✅", x: "❌", floppy_disk: "💾", information_source: "ℹ️",
  calendar: "📆", negative_squared_cross_mark: "❎", rotating_light: "🚨",
};

export const decoded = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

function emojis(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => (Object.hasOwn(EMOJI, name) ? EMOJI[name] : whole));
}

// Only addresses that open a page or a mail; everything else stays text.
function link(address, label) {
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return document.createTextNode(label ? `${label} (${address})` : address);
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label || address);
}

const DAY = 86400000;
const format = (options) => (date) => new Intl.DateTimeFormat(undefined, options).format(date);
const short = format({ month: "short", day: "numeric", year: "numeric" });
const long = format({ weekday: "long", month: "long", day: "numeric", year: "numeric" });
const plainDate = format({ month: "long", day: "numeric", year: "numeric" });
const clock = format({ hour: "2-digit", minute: "2-digit" });
const absolute = format({ dateStyle: "full", timeStyle: "medium" });

function pretty(date, otherwise) {
  const start = new Date().setHours(0, 0, 0, 0);
  const days = Math.floor((date - start) / DAY);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] || otherwise(date);
}

export function ago(date, now = Date.now()) {
  const seconds = Math.round((date - now) / 1000);
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  if (Math.abs(seconds) < 45) return seconds > 5 ? "in a moment" : "just now";
  if (Math.abs(seconds) < 3600) return words.format(Math.round(seconds / 60), "minute");
  if (Math.abs(seconds) < 86400) return words.format(Math.round(seconds / 3600), "hour");
  return words.format(Math.round(seconds / 86400), "day");
}

const DATES = {
  date_num: (date) => date.toISOString().slice(0, 10),
  date: plainDate,
  date_short: short,
  date_long: long,
  date_pretty: (date) => pretty(date, plainDate),
  date_short_pretty: (date) => pretty(date, short),
  date_long_pretty: (date) => pretty(date, long),
  time: clock,
  time_secs: format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  ago: (date) => ago(date),
};

const written = (date, pattern) => pattern.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(DATES, name) ? DATES[name](date) : whole));

// Seconds since the epoch in the reader's zone, by Slack's date tokens.
export function moment(seconds, pattern, fallback) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(decoded(fallback));
  return el("time", { datetime: date.toISOString(), title: absolute(date), "data-pattern": decoded(pattern) }, written(date, decoded(pattern)));
}

// "2 min ago" grows old by itself.
export function refresh(root) {
  for (const time of root.querySelectorAll("time[data-pattern]")) {
    const text = written(new Date(time.dateTime), time.dataset.pattern);
    if (time.textContent !== text) time.textContent = text;
  }
}

function angled(inside, names) {
  const [target, label] = inside.split(/\|(.*)/s);
  const shown = label === undefined ? "" : decoded(label);
  if (target.startsWith("@")) return mention(`@${names.people[target.slice(1)]?.name || shown || target.slice(1)}`, names.you === target.slice(1));
  if (target.startsWith("#")) return mention(`#${names.channels[target.slice(1)] || shown || target.slice(1)}`);
  if (target.startsWith("!subteam^")) return mention(`@${names.usergroups[target.slice(9)] || shown || target.slice(9)}`);
  if (target.startsWith("!date^")) {
    const [, seconds, pattern] = target.split("^");
    return moment(seconds, pattern || "{date} {time}", label || "");
  }
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`);
  return link(decoded(target), shown);
}

const mention = (text, you = false) => el("span", { class: you ? "mention you" : "mention" }, text);

const INLINE = /```([\s\S]+?)```|`([^`\n]+)`|<([^<>]+)>|(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])|(?<![\w_])_(?=\S)([^_\n]*?\S)_(?![\w_])|(?<![\w~])~(?=\S)([^~\n]*?\S)~(?![\w~])/g;

function inline(text, names) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > at) nodes.push(emojis(decoded(text.slice(at, found.index))));
    at = found.index + found[0].length;
    const [, pre, code, angle, bold, italic, strike] = found;
    if (pre !== undefined) nodes.push(el("pre", { tabindex: "0" }, decoded(pre.replace(/^\n|\n$/g, ""))));
    else if (code !== undefined) nodes.push(el("code", {}, decoded(code)));
    else if (angle !== undefined) nodes.push(angled(angle, names));
    else if (bold !== undefined) nodes.push(el("strong", {}, inline(bold, names)));
    else if (italic !== undefined) nodes.push(el("em", {}, inline(italic, names)));
    else nodes.push(el("s", {}, inline(strike, names)));
  }
  if (at < text.length) nodes.push(emojis(decoded(text.slice(at))));
  return nodes;
}

// Lines that begin with ">" are a quote; a pre block may span lines, so it is kept whole first.
export function mrkdwn(text, names) {
  const nodes = [];
  for (const part of text.split(/(```[\s\S]+?```)/)) {
    if (part.startsWith("```") && part.length > 6) {
      nodes.push(...inline(part, names));
      continue;
    }
    for (const lines of part.split(/((?:^(?:&gt;|>)[^\n]*(?:\n|$))+)/m)) {
      if (!lines) continue;
      if (/^(&gt;|>)/.test(lines)) {
        const inside = lines.trimEnd().split("\n").map((line) => line.replace(/^(&gt;|>) ?/, "")).join("\n");
        nodes.push(el("blockquote", {}, inline(inside, names)));
      } else nodes.push(...inline(lines, names));
    }
  }
  return nodes;
}

export function textObject(object, names) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, names);
  return [object.emoji === false ? object.text : emojis(object.text)];
}
