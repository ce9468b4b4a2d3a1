/** The elements of the page that the modules work on. */

/**
 * The first element below a root; a page that has none, or one of another kind, is not the one this was written for.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (element instanceof kind) return element;
  throw new TypeError(`${selector} is ${element?.localName ?? 'not there'}, not a ${kind.name}`);
}
