// Elements are made here and nowhere else, and text goes in as text: nothing typed is ever HTML.

/**
 * @typedef {Node | string | null | undefined} Child
 * @typedef {string | number | boolean | null | undefined | ((event: Event) => unknown)} Attribute
 */

/**
 * Make an element. Attributes that are null, undefined or false are left out, functions listen.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {(Child | Child[])[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice("on".length), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) made.append(child);
  }
  return made;
}

/**
 * Return an element of the page, which has to be there.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`There is no ${kind.name} with the id ${id}.`);
}

/**
 * Return all elements that a selector finds.
 *
 * @template {HTMLElement} Kind
 * @param {string} selector
 * @param {new () => Kind} kind
 * @param {ParentNode} [root]
 * @returns {Kind[]}
 */
export function all(selector, kind, root = document) {
  /** @type {Kind[]} */
  const found = [];
  for (const one of root.querySelectorAll(selector)) if (one instanceof kind) found.push(one);
  return found;
}

/**
 * Return the first element that a selector finds, or null.
 *
 * @template {HTMLElement} Kind
 * @param {string} selector
 * @param {new () => Kind} kind
 * @param {ParentNode} [root]
 * @returns {Kind | null}
 */
export function first(selector, kind, root = document) {
  return all(selector, kind, root)[0] ?? null;
}
