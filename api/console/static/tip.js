// What a thing says of itself when it is pointed at or has the focus; for who hears the
// page, it is its description.

const tip = document.getElementById("tip");

/** describe gives an element a text that says more, and returns it. */
export function describe(node, text) {
  if (node.tipText === text) return node;
  node.tipText = text;
  node.setAttribute("data-tip", "");
  node.setAttribute("aria-description", text);
  return node;
}

let shown;

function show(node) {
  if (shown === node) return;
  shown = node;
  tip.hidden = !node;
  if (!node) return;
  tip.textContent = node.tipText;
  const at = node.getBoundingClientRect(), has = tip.getBoundingClientRect(), gap = 6;
  const under = at.bottom + gap + has.height < innerHeight;
  tip.style.left = `${Math.max(gap, Math.min(at.left, innerWidth - has.width - gap))}px`;
  tip.style.top = `${under ? at.bottom + gap : Math.max(gap, at.top - gap - has.height)}px`;
}

const of = (e) => (e.target instanceof Element ? e.target.closest("[data-tip]") : null);

addEventListener("mouseover", (e) => { if (e.target !== tip) show(of(e)); });
addEventListener("focusin", (e) => show(e.target.matches(":focus-visible") ? of(e) : null));
addEventListener("focusout", () => show(null));
addEventListener("scroll", () => show(null), true);
addEventListener("keydown", (e) => { if (e.key === "Escape") show(null); });
