// The elements of Block Kit: how each is drawn, and what a person has entered into it.
import { all, el } from "./dom.js";
import { textNodes } from "./mrkdwn.js";

/**
 * @import {
 *   Block, Button, Checkboxes, DatetimePicker, Element, Entry, Handlers, Input, InputElement,
 *   Names, Option, Select, Text, TextInput, Value, Values,
 * } from "../types"
 */

/**
 * Where an element stands.
 *
 * @template {Block} [B=Block]
 * @typedef {{ block: B, names: Names, handlers: Handlers }} Place
 */

/**
 * @typedef {object} Drawing
 * @property {(element: any, place: Place<any>) => HTMLElement} draw
 * @property {(entry: Entry) => Value} [stored] - what the element's state holds
 * @property {(field: HTMLElement) => Value} [read] - what stands in its field
 */

/** @type {{ [Kind in Element["type"]]: Drawing }} */
export const ELEMENTS = {
  button: { draw: button },
  checkboxes: {
    draw: checkboxes,
    stored: (entry) => (entry.selected_options ?? []).map((option) => option.value),
    read: checkedValues,
  },
  static_select: {
    draw: staticSelect,
    stored: (entry) => entry.selected_option?.value ?? "",
    read: fieldValue,
  },
  datetimepicker: {
    draw: datetimepicker,
    stored: (entry) => String(entry.selected_date_time ?? ""),
    read: secondsOf,
  },
  plain_text_input: {
    draw: plainTextInput,
    stored: (entry) => entry.value ?? "",
    read: fieldValue,
  },
  mrkdwn: { draw: contextText },
};

/**
 * @param {string} kind
 * @returns {HTMLElement}
 */
export function cannotDraw(kind) {
  return el("div", { class: "cannot" }, `cannot draw ${kind}`);
}

/**
 * @param {Element} element
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function drawElement(element, place) {
  if (!Object.hasOwn(ELEMENTS, element.type)) return cannotDraw(element.type);
  return ELEMENTS[element.type].draw(element, place);
}

/**
 * @param {InputElement} element
 * @param {Entry | undefined} entry
 * @returns {Value | undefined} what an element's state in a view holds
 */
export function storedValue(element, entry) {
  return entry && ELEMENTS[element.type].stored?.(entry);
}

/**
 * @param {ParentNode} root
 * @returns {Values} what a person has entered in a form
 */
export function enteredValues(root) {
  /** @type {Values} */
  const values = {};
  for (const field of all("[data-field]", HTMLElement, root)) {
    const { field: block = "", action = "", kind = "" } = field.dataset;
    const read = ELEMENTS[/** @type {Element["type"]} */ (kind)].read;
    if (read) values[block] = { ...values[block], [action]: read(field) };
  }
  return values;
}

/**
 * @param {Button} element
 * @param {Place} place
 */
function button(element, { names, handlers }) {
  const attributes = {
    type: "button",
    class: element.style ? `button ${element.style}` : "button",
    "data-action": element.action_id,
    "data-value": element.value,
  };
  const made = el("button", attributes, textNodes(element.text, names));
  made.addEventListener("click", () => handlers.act(element, element.value, made));
  return made;
}

/**
 * @param {TextInput} element
 * @param {Place<Input>} place
 */
function plainTextInput(element, place) {
  const attributes = {
    ...fieldAttributes(element, place),
    placeholder: element.placeholder?.text,
    maxlength: element.max_length ?? 3000,
  };
  const value = String(place.handlers.value(place.block, element) ?? "");
  if (element.multiline) return el("textarea", { ...attributes, rows: 3 }, value);
  return el("input", { ...attributes, value });
}

/**
 * @param {DatetimePicker} element
 * @param {Place<Input>} place
 */
function datetimepicker(element, place) {
  const seconds = Number(place.handlers.value(place.block, element));
  return el("input", {
    ...fieldAttributes(element, place),
    type: "datetime-local",
    value: seconds ? localTime(seconds) : null,
  });
}

/**
 * @param {Select} element
 * @param {Place<Input>} place
 */
function staticSelect(element, place) {
  const chosen = place.handlers.value(place.block, element);
  const options = element.options.map((option) =>
    el("option", { value: option.value, selected: option.value === chosen }, optionLine(option)),
  );
  const nothing = el("option", { value: "" }, element.placeholder?.text ?? "Choose…");
  const made = el("select", fieldAttributes(element, place), nothing, options);
  made.addEventListener("change", () => dispatch(element, place, made));
  return made;
}

/** @param {Option} option */
function optionLine(option) {
  if (!option.description) return option.text.text;
  return `${option.text.text} — ${option.description.text}`;
}

/**
 * @param {Checkboxes} element
 * @param {Place<Input>} place
 */
function checkboxes(element, place) {
  const attributes = groupAttributes(element, place);
  const chosen = place.handlers.value(place.block, element) ?? [];
  const options = element.options.map((option, index) => {
    const box = el("input", {
      type: "checkbox",
      id: `${attributes.id}-${index}`,
      name: attributes.id,
      value: option.value,
      checked: chosen.includes(option.value),
    });
    return el("label", { class: "option" }, box, optionText(option, place.names));
  });
  const made = el("div", { ...attributes, class: "options" }, options);
  made.addEventListener("change", () => dispatch(element, place, made));
  return made;
}

/**
 * @param {Option} option
 * @param {Names} names
 */
function optionText(option, names) {
  const made = el("span", {}, textNodes(option.text, names));
  if (option.description) made.append(el("small", {}, textNodes(option.description, names)));
  return made;
}

/**
 * @param {Text} text
 * @param {Place} place
 */
function contextText(text, { names }) {
  return el("span", {}, textNodes(text, names));
}

/**
 * @param {InputElement} element
 * @param {Place<Input>} place
 */
function groupAttributes(element, { block, handlers }) {
  return {
    id: fieldId(block, handlers),
    "data-field": block.block_id,
    "data-kind": element.type,
    "data-action": element.action_id,
  };
}

/**
 * @param {InputElement} element
 * @param {Place<Input>} place
 */
function fieldAttributes(element, place) {
  return {
    ...groupAttributes(element, place),
    autocomplete: "off",
    "aria-describedby": `${fieldId(place.block, place.handlers)}-error`,
    "aria-required": place.block.optional ? null : "true",
  };
}

/**
 * @param {Input} block
 * @param {Handlers} handlers
 */
export function fieldId(block, handlers) {
  return `${handlers.prefix}-${block.block_id}`;
}

/**
 * A choice waits for the submit, unless the block wants to hear of it.
 *
 * @param {Select | Checkboxes} element
 * @param {Place<Input>} place
 * @param {HTMLElement} field
 */
function dispatch(element, { block, handlers }, field) {
  if (!block.dispatch_action) return;
  handlers.act(element, ELEMENTS[element.type].read?.(field), field);
}

/** @param {HTMLElement} field */
function fieldValue(field) {
  return "value" in field ? String(field.value) : "";
}

/** @param {HTMLElement} field */
function checkedValues(field) {
  return all("input:checked", HTMLInputElement, field).map((box) => box.value);
}

/** @param {HTMLElement} field */
function secondsOf(field) {
  const local = fieldValue(field);
  return local && String(Math.floor(new Date(local).getTime() / 1000));
}

/**
 * @param {number} seconds
 * @returns {string} the moment as a field for local times has it
 */
function localTime(seconds) {
  const date = new Date(seconds * 1000);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
