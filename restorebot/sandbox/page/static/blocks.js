// The blocks of Block Kit as DOM nodes.
import { el } from "./dom.js";
import { cannotDraw, drawElement, fieldId } from "./elements.js";
import { textNodes } from "./mrkdwn.js";

/**
 * @import { Actions, Block, Context, Handlers, Header, Input, Names, Section } from "../types"
 * @import { Place } from "./elements.js"
 */

/** @type {{ [Kind in Block["type"]]: (place: Place<any>) => HTMLElement }} */
export const BLOCKS = { section, header, context, actions, input };

/**
 * @param {Block[]} list
 * @param {Names} names
 * @param {Handlers} handlers
 * @returns {HTMLElement[]}
 */
export function drawBlocks(list, names, handlers) {
  return list.map((block) => {
    if (!Object.hasOwn(BLOCKS, block.type)) return cannotDraw(block.type);
    return BLOCKS[block.type]({ block, names, handlers });
  });
}

/** @param {Place<Header>} place */
function header({ block, names }) {
  return el("h3", { class: "b-header" }, textNodes(block.text, names));
}

/** @param {Place<Section>} place */
function section({ block, names }) {
  const made = el("div", { class: "b-section" });
  if (block.text) made.append(el("div", { class: "b-text" }, textNodes(block.text, names)));
  if (block.fields) {
    const fields = block.fields.map((field) => el("div", {}, textNodes(field, names)));
    made.append(el("div", { class: "b-fields" }, fields));
  }
  return made;
}

/** @param {Place<Context>} place */
function context(place) {
  const elements = place.block.elements.map((element) => drawElement(element, place));
  return el("div", { class: "b-context" }, elements);
}

/** @param {Place<Actions>} place */
function actions(place) {
  const elements = place.block.elements.map((element) => drawElement(element, place));
  return el("div", { class: "b-actions" }, elements);
}

/** @param {Place<Input>} place */
function input(place) {
  const { block, names, handlers } = place;
  const id = fieldId(block, handlers);
  const label = textNodes(block.label, names);
  if (block.optional) label.push(el("small", {}, " (optional)"));
  const rest = [drawElement(block.element, place)];
  if (block.hint) {
    rest.push(el("p", { class: "hint", id: `${id}-hint` }, textNodes(block.hint, names)));
  }
  const error = { class: "error", id: `${id}-error`, "data-error": block.block_id, hidden: true };
  rest.push(el("p", error));
  const attributes = { class: "b-input", "data-block": block.block_id };
  if (block.element.type !== "checkboxes") {
    return el("div", attributes, el("label", { for: id }, label), rest);
  }
  const described = { ...attributes, "aria-describedby": `${id}-error` };
  return el("fieldset", described, el("legend", {}, label), rest);
}
