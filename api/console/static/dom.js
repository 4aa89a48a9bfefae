// Making and renewing elements.

/**
 * el makes an element: attributes, listeners ("onclick") and what is in it.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes] of those that are false or undefined none is made
 * @param {...(Node | string | undefined | false | (Node | string | undefined | false)[])} children
 * @returns {any} the element
 */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else set(node, key, value);
  }
  node.append(...children.flat().filter((c) => c !== undefined && c !== false));
  return node;
}

/** set sets an attribute; false and undefined take it away. */
export function set(node, key, value) {
  if (value === undefined || value === false) node.removeAttribute(key);
  else if (node.getAttribute(key) !== String(value)) node.setAttribute(key, value === true ? "" : value);
}

/** say writes a text, and hides the element when there is none. */
export function say(node, text = "") {
  text = String(text);
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

/** fill makes nodes all that is in a parent. */
export function fill(parent, ...nodes) {
  parent.replaceChildren(...nodes.flat().filter((n) => n !== undefined && n !== false));
  return parent;
}

/**
 * listed makes the children of a parent those of a list, one for each key, in its order.
 * One that looks as before is left alone, and with it the focus.
 * @template T
 * @param {Element} parent
 * @param {T[]} things
 * @param {(thing: T) => string} key
 * @param {(thing: T) => HTMLElement} draw
 */
export function listed(parent, things, key, draw) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const wanted = things.map((thing) => {
    const name = key(thing), looks = JSON.stringify(thing), old = known.get(name);
    known.delete(name);
    if (old?.looks === looks) return old;
    const node = draw(thing), within = old?.contains(document.activeElement) && focusables(old).indexOf(document.activeElement);
    node.dataset.key = name;
    node.looks = looks;
    old?.replaceWith(node);
    if (within >= 0) focusables(node)[within]?.focus();
    return node;
  });
  for (const node of known.values()) node.remove();
  wanted.forEach((node, i) => { if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null); });
}

const focusables = (node) => [...node.querySelectorAll("a, button, input, select, textarea, [tabindex]")];

/** heard adds a listener that is gone when a signal ends. */
export const heard = (target, event, fn, signal) => target.addEventListener(event, fn, { signal });
