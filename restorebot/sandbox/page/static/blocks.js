// Block Kit as DOM nodes. `handlers` is what a person can do with them: act(element, value, where), value(block, element, member)
// of an input's state, and a `prefix` for ids.
import { el } from "./dom.js";
import { textObject } from "./mrkdwn.js";

const cannot = (what) => el("div", { class: "cannot" }, `cannot draw ${what}`);

export function blocks(list, names, handlers) {
  return list.map((block) => {
    const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : null;
    return draw ? draw(block, names, handlers) : cannot(block.type);
  });
}

export const BLOCKS = {
  header: (block, names) => el("h3", { class: "b-header" }, textObject(block.text, names)),
  section: (block, names) =>
    el("div", { class: "b-section" },
      block.text ? el("div", { class: "b-text" }, textObject(block.text, names)) : null,
      block.fields ? el("div", { class: "b-fields" }, block.fields.map((field) => el("div", {}, textObject(field, names)))) : null),
  context: (block, names) => el("div", { class: "b-context" }, block.elements.map((one) => element(one, block, names))),
  actions: (block, names, handlers) =>
    el("div", { class: "b-actions" }, block.elements.map((one) => element(one, block, names, handlers))),
  input: (block, names, handlers) => {
    const id = `${handlers.prefix}-${block.block_id}`;
    const group = block.element.type === "checkboxes";
    const optional = block.optional ? el("small", {}, " (optional)") : null;
    const hint = block.hint ? el("p", { class: "hint", id: `${id}-hint` }, textObject(block.hint, names)) : null;
    const error = el("p", { class: "error", id: `${id}-error`, "data-error": block.block_id, hidden: true });
    const label = el(group ? "legend" : "label", group ? {} : { for: id }, textObject(block.label, names), optional);
    return el(group ? "fieldset" : "div", { class: "b-input", "data-block": block.block_id, "aria-describedby": group ? `${id}-error` : null },
      label, element(block.element, block, names, handlers, id), hint, error);
  },
};

export const ELEMENTS = {
  button: (one, block, names, handlers) => {
    const style = one.style ? `button ${one.style}` : "button";
    return el("button", { type: "button", class: style, "data-action": one.action_id, "data-value": one.value,
      onclick: (event) => handlers.act(one, one.value, event.currentTarget) }, textObject(one.text, names));
  },
  plain_text_input: (one, block, names, handlers, id) =>
    el(one.multiline ? "textarea" : "input", { ...field(one, block, id), rows: one.multiline ? 3 : null, placeholder: one.placeholder?.text,
      maxlength: one.max_length || 3000, value: one.multiline ? null : handlers.value(block, one, "value") },
      one.multiline ? handlers.value(block, one, "value") || "" : null),
  datetimepicker: (one, block, names, handlers, id) =>
    el("input", { ...field(one, block, id), type: "datetime-local", value: localTime(handlers.value(block, one, "selected_date_time")) }),
  static_select: (one, block, names, handlers, id) => {
    const chosen = handlers.value(block, one, "selected_option")?.value;
    const words = (option) => (option.description ? `${option.text.text} — ${option.description.text}` : option.text.text);
    const choice = (option) => el("option", { value: option.value, selected: option.value === chosen }, words(option));
    return el("select", { ...field(one, block, id), onchange: (event) => dispatch(one, block, handlers, event.target.value, event.target) },
      el("option", { value: "" }, one.placeholder?.text || "Choose…"),
      one.options.map(choice));
  },
  checkboxes: (one, block, names, handlers, id) => {
    const chosen = (handlers.value(block, one, "selected_options") || []).map((option) => option.value);
    const changed = (event) => dispatch(one, block, handlers, checked(event.currentTarget), event.currentTarget);
    return el("div", { id, class: "options", "data-field": block.block_id, "data-kind": one.type, "data-action": one.action_id, onchange: changed },
      one.options.map((option, index) => el("label", { class: "option" },
        el("input", { type: "checkbox", name: id, value: option.value, checked: chosen.includes(option.value), id: `${id}-${index}` }),
        el("span", {}, textObject(option.text, names), option.description ? el("small", {}, textObject(option.description, names)) : null))));
  },
  plain_text: (one, block, names) => el("span", {}, textObject(one, names)),
  mrkdwn: (one, block, names) => el("span", {}, textObject(one, names)),
};

const checked = (place) => [...place.querySelectorAll("input:checked")].map((input) => input.value);

function element(one, block, names, handlers, id) {
  const draw = Object.hasOwn(ELEMENTS, one.type) ? ELEMENTS[one.type] : null;
  return draw ? draw(one, block, names, handlers, id) : cannot(one.type);
}

function field(one, block, id) {
  return { id, "data-field": block.block_id, "data-kind": one.type, "data-action": one.action_id, autocomplete: "off",
    "aria-describedby": `${id}-error`, "aria-required": block.optional ? null : "true" };
}

// Seconds since 1970 as a field for local times has them.
function localTime(seconds) {
  if (!seconds) return null;
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

// A choice waits for the submit, unless the block wants to hear of it.
function dispatch(one, block, handlers, value, where) {
  if (block.dispatch_action) handlers.act(one, value, where);
}

// What a person has entered in a form, by block and action, as the workspace takes it.
export function entered(root) {
  const values = {};
  for (const place of root.querySelectorAll("[data-field]")) {
    const seconds = () => (place.value ? String(Math.floor(new Date(place.value).getTime() / 1000)) : "");
    const kinds = { checkboxes: () => checked(place), datetimepicker: seconds };
    const value = kinds[place.dataset.kind]?.() ?? place.value;
    values[place.dataset.field] = { ...values[place.dataset.field], [place.dataset.action]: value };
  }
  return values;
}
