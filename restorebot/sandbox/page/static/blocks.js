// Block Kit as DOM nodes. `hands` is what a person can do with them: act(element, value, where), value(block, element, member)
// of an input's state, and a `prefix` for ids.
import { el } from "./dom.js";
import { absolute, emoji, link, mention, textObject } from "./mrkdwn.js";

const cannot = (what) => el("div", { class: "cannot" }, `cannot draw ${what}`);

export function blocks(list, names, hands) {
  return list.map((block) => {
    const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : null;
    return draw ? draw(block, names, hands) : cannot(block.type);
  });
}

const BLOCKS = {
  header: (block, names) => el("h3", { class: "b-header" }, textObject(block.text, names)),
  divider: () => el("hr"),
  section: (block, names, hands) =>
    el("div", { class: "b-section" },
      el("div", { class: "b-body" },
        block.text ? el("div", { class: "b-text" }, textObject(block.text, names)) : null,
        block.fields ? el("div", { class: "b-fields" }, block.fields.map((field) => el("div", {}, textObject(field, names)))) : null),
      block.accessory ? el("div", { class: "b-accessory" }, element(block.accessory, block, names, hands)) : null),
  context: (block, names) =>
    el("div", { class: "b-context" }, block.elements.map((one) => (one.type === "image" ? picture(one) : el("span", {}, textObject(one, names))))),
  actions: (block, names, hands) =>
    el("div", { class: "b-actions" }, block.elements.map((one) => element(one, block, names, hands))),
  input: (block, names, hands) => {
    const id = `${hands.prefix}-${block.block_id}`;
    const group = ["checkboxes", "radio_buttons"].includes(block.element.type);
    const optional = block.optional ? el("small", {}, " (optional)") : null;
    const hint = block.hint ? el("p", { class: "hint", id: `${id}-hint` }, textObject(block.hint, names)) : null;
    const error = el("p", { class: "error", id: `${id}-error`, "data-error": block.block_id, hidden: true });
    const label = el(group ? "legend" : "label", group ? {} : { for: id }, textObject(block.label, names), optional);
    return el(group ? "fieldset" : "div", { class: "b-input", "data-block": block.block_id, "aria-describedby": group ? `${id}-error` : null },
      label, element(block.element, block, names, hands, id), hint, error);
  },
  image: (block) => el("figure", {}, block.title ? el("figcaption", {}, block.title.text) : null, picture(block)),
  rich_text: (block, names) => el("div", { class: "b-rich" }, block.elements.map((one) => rich(one, names))),
};

// Nothing is loaded from elsewhere, so a picture of another site is shown by its words.
function picture(image) {
  const address = image.image_url || "";
  if (address.startsWith("data:image/")) return el("img", { src: address, alt: image.alt_text });
  return el("span", { class: "picture", role: "img", "aria-label": image.alt_text }, `🖼 ${image.alt_text}`);
}

function rich(part, names) {
  if (part.type === "rich_text_section") return el("p", {}, part.elements.map((one) => richInline(one, names)));
  if (part.type === "rich_text_preformatted") return el("pre", { tabindex: "0" }, part.elements.map((one) => richInline(one, names)));
  if (part.type === "rich_text_quote") return el("blockquote", {}, part.elements.map((one) => richInline(one, names)));
  if (part.type === "rich_text_list") {
    const tag = part.style === "ordered" ? "ol" : "ul";
    return el(tag, { start: part.offset ? part.offset + 1 : null, class: `indent-${Math.min(part.indent || 0, 4)}` },
      part.elements.map((one) => el("li", {}, one.elements.map((inside) => richInline(inside, names)))));
  }
  return cannot(part.type);
}

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

function richInline(one, names) {
  const made = {
    text: () => document.createTextNode(one.text),
    link: () => link(one.url, one.text),
    emoji: () => document.createTextNode(emoji(one.name)),
    user: () => mention(`@${names.people[one.user_id]?.name || one.user_id}`, names.you === one.user_id),
    usergroup: () => mention(`@${names.usergroups[one.usergroup_id] || one.usergroup_id}`),
    channel: () => mention(`#${names.channels[one.channel_id] || one.channel_id}`),
    broadcast: () => mention(`@${one.range}`),
    color: () => el("code", {}, one.value),
    date: () => el("time", { datetime: new Date(one.timestamp * 1000).toISOString() }, absolute(new Date(one.timestamp * 1000))),
  }[one.type];
  if (!made) return cannot(one.type);
  return Object.entries(STYLES).reduce((inside, [style, tag]) => (one.style?.[style] ? el(tag, {}, inside) : inside), made());
}

const ELEMENTS = {
  button: (one, block, names, hands) => {
    const style = one.style ? `button ${one.style}` : "button";
    if (one.url) return el("a", { class: style, href: /^https?:/i.test(one.url) ? one.url : null, target: "_blank", rel: "noopener noreferrer" }, textObject(one.text, names));
    return el("button", { type: "button", class: style, "data-action": one.action_id, "data-value": one.value, "aria-label": one.accessibility_label,
      onclick: (event) => hands.act(one, one.value, event.currentTarget) }, textObject(one.text, names));
  },
  plain_text_input: (one, block, names, hands, id) =>
    el(one.multiline ? "textarea" : "input", { ...field(one, block, id), rows: one.multiline ? 3 : null, placeholder: one.placeholder?.text,
      maxlength: one.max_length || 3000, value: one.multiline ? null : hands.value(block, one, "value") },
      one.multiline ? hands.value(block, one, "value") || "" : null),
  datetimepicker: (one, block, names, hands, id) =>
    el("input", { ...field(one, block, id), type: "datetime-local", value: localTime(hands.value(block, one, "selected_date_time")) }),
  static_select: (one, block, names, hands, id) => {
    const chosen = hands.value(block, one, "selected_option")?.value;
    const words = (option) => (option.description ? `${option.text.text} — ${option.description.text}` : option.text.text);
    const choice = (option) => el("option", { value: option.value, selected: option.value === chosen }, words(option));
    return el("select", { ...field(one, block, id), onchange: (event) => dispatch(one, block, hands, event.target.value, event.target) },
      el("option", { value: "" }, one.placeholder?.text || "Choose…"),
      one.option_groups ? one.option_groups.map((group) => el("optgroup", { label: group.label.text }, group.options.map(choice))) : one.options.map(choice));
  },
  checkboxes: (one, block, names, hands, id) => {
    const chosen = (hands.value(block, one, "selected_options") || []).map((option) => option.value);
    return options("checkbox", one, block, names, hands, id, chosen);
  },
  radio_buttons: (one, block, names, hands, id) =>
    options("radio", one, block, names, hands, id, [hands.value(block, one, "selected_option")?.value]),
  overflow: (one, block, names, hands) =>
    el("select", { class: "overflow", "aria-label": "More actions", onchange: (event) => event.target.value && hands.act(one, event.target.value, event.target) },
      el("option", { value: "" }, "⋯"), one.options.map((option) => el("option", { value: option.value }, option.text.text))),
  image: (one) => picture(one),
};

function element(one, block, names, hands, id) {
  const draw = Object.hasOwn(ELEMENTS, one.type) ? ELEMENTS[one.type] : null;
  return draw ? draw(one, block, names, hands, id || `${hands.prefix}-${one.action_id}`) : cannot(one.type);
}

function field(one, block, id) {
  return { id, "data-field": block.block_id, "data-kind": one.type, "data-action": one.action_id, autocomplete: "off",
    "aria-describedby": `${id}-error`, "aria-label": block.type === "input" ? null : one.placeholder?.text || one.action_id,
    "aria-required": block.type === "input" && !block.optional ? "true" : null };
}

function options(kind, one, block, names, hands, id, chosen) {
  const changed = (event) => {
    const all = [...event.currentTarget.querySelectorAll("input:checked")].map((input) => input.value);
    dispatch(one, block, hands, kind === "radio" ? all[0] : all, event.currentTarget);
  };
  return el("div", { id, class: "options", "data-field": block.block_id, "data-kind": one.type, "data-action": one.action_id, onchange: changed },
    one.options.map((option, index) => el("label", { class: "option" },
      el("input", { type: kind, name: id, value: option.value, checked: chosen.includes(option.value), id: `${id}-${index}` }),
      el("span", {}, textObject(option.text, names), option.description ? el("small", {}, textObject(option.description, names)) : null))));
}

// Seconds since 1970 as a field for local times has them.
function localTime(seconds) {
  if (!seconds) return null;
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

// In an input block a choice waits for the submit, unless the block wants to hear of it.
function dispatch(one, block, hands, value, where) {
  if (block.type !== "input" || block.dispatch_action) hands.act(one, value, where);
}

// What a person has entered in a form, by block and action, as the workspace takes it.
export function entered(root) {
  const values = {};
  for (const place of root.querySelectorAll("[data-field]")) {
    const checked = [...place.querySelectorAll("input:checked")].map((input) => input.value);
    const seconds = () => (place.value ? String(Math.floor(new Date(place.value).getTime() / 1000)) : "");
    const kinds = { checkboxes: () => checked, radio_buttons: () => checked[0] || "", datetimepicker: seconds };
    const value = kinds[place.dataset.kind]?.() ?? place.value;
    values[place.dataset.field] = { ...values[place.dataset.field], [place.dataset.action]: value };
  }
  return values;
}
