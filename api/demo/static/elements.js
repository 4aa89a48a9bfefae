// Making and renewing elements.

// el makes an element: attributes, listeners ("onclick") and what is in it.
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else set(node, key, value);
  }
  node.append(...children.flat().filter((c) => c !== undefined));
  return node;
}

// set sets an attribute; false and undefined take it away.
export function set(node, key, value) {
  if (value === undefined || value === false) node.removeAttribute(key);
  else if (node.getAttribute(key) !== String(value)) node.setAttribute(key, value);
}

// say writes a text, and hides the element when there is none.
export function say(node, text = "") {
  text = String(text);
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

// listed makes the children of a parent those of a list, one for each key, in its order. A
// child that stays is renewed and keeps the focus.
export function listed(parent, things, key, make) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const wanted = things.map((thing) => {
    const name = key(thing), node = known.get(name) ?? make(thing);
    node.dataset.key = name;
    known.delete(name);
    node.renew(thing);
    return node;
  });
  for (const node of known.values()) node.remove();
  wanted.forEach((node, i) => {
    if (parent.children[i] !== node) moved(parent, node, parent.children[i]);
  });
}

// moved puts a child before another, with the focus that was in it.
function moved(parent, node, before) {
  const focused = node.contains(document.activeElement) ? document.activeElement : undefined;
  parent.insertBefore(node, before ?? null);
  focused?.focus();
}

export const time = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

// hue gives each name a colour of its own; the style sheet has six.
export const hue = (name) => [...name].reduce((sum, c) => sum + c.codePointAt(0), 0) % 6;
