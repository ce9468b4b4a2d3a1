/** Typed look-up of elements. */

/**
 * The first element below a root that matches a selector. Throws if there is none, or it is of another class.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (element instanceof kind) return element;
  throw new TypeError(`${selector} is ${element?.localName ?? 'missing'}, not a ${kind.name}`);
}
