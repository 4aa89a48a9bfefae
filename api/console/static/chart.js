// Lines of what was, and bars of how far: SVG, without a library.

const SVG = "http://www.w3.org/2000/svg";

const shape = (name, attributes) => {
  const node = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  return node;
};

/**
 * sparkline makes a line of the last values; add adds one.
 * @param {{label: string, points?: number, format?: (n: number) => string}} options
 */
export function sparkline({ label, points = 60, format = String }) {
  const W = 240, H = 40, values = [];
  const svg = shape("svg", { viewBox: `0 0 ${W} ${H}`, class: "spark", role: "img", "aria-label": label, preserveAspectRatio: "none" });
  const area = shape("path", { class: "spark-area" }), line = shape("path", { class: "spark-line", "vector-effect": "non-scaling-stroke" });
  svg.append(shape("path", { class: "spark-base", "vector-effect": "non-scaling-stroke", d: `M0 ${H - 1}H${W}` }), area, line);
  return {
    node: svg,
    add(value) {
      values.push(value);
      if (values.length > points) values.shift();
      const most = Math.max(1, ...values), x = (i) => W - (values.length - 1 - i) * (W / (points - 1)), y = (v) => H - 2 - (v / most) * (H - 5);
      const d = values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
      line.setAttribute("d", values.length > 1 ? d : `M${W - 1} ${y(value)}L${W} ${y(value)}`);
      area.setAttribute("d", values.length > 1 ? `${d}L${W} ${H}L${x(0).toFixed(1)} ${H}Z` : "");
      svg.setAttribute("aria-label", `${label}: now ${format(value)}, at most ${format(Math.max(...values))}`);
    },
  };
}

/** bar is how far something has come; to(part, text) renews it. part undefined: nobody knows. */
export function bar(label) {
  const node = document.createElement("progress");
  node.max = 1;
  node.setAttribute("aria-label", label);
  return {
    node,
    to(part) {
      if (part === undefined) node.removeAttribute("value");
      else node.value = Math.min(1, Math.max(0, part));
    },
  };
}
