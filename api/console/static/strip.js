// A conversation as a strip: its messages in a row, a lane for each timeline, and where each
// is read up to as a bar. Beneath it the same as a list, which says each thing in words.

import { el } from "./dom.js";
import { clock, count } from "./parts.js";
import { describe } from "./tip.js";

const SVG = "http://www.w3.org/2000/svg";
const CELL = 13, LANE = 20, LEFT = 4; // px

/** WORDS says of each reason what it is to the count. */
export const WORDS = {
  unread: ["unread", "Part of the count"],
  read: ["read", "At or before the read position"],
  own: ["own", "The user's own: never counts for the user"],
  revoked: ["recalled", "Recalled or expired: never counts"],
  blocked: ["blocked", "Of a sender whom the user has blocked"],
  silent: ["silent", "Silent: never counts"],
  hidden: ["hidden", "Hidden: never counts and does not show"],
  apart: ["apart", "Counts in its thread alone"],
  muted: ["thread muted", "Its thread is muted: counts in the thread alone"],
};

/** lanesOf are the timelines of messages, the main one first. */
export const lanesOf = (log) => ["", ...new Set(log.map((m) => m.thread ?? "").filter(Boolean))];

const shape = (name, attributes, ...children) => {
  const node = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  node.append(...children);
  return node;
};

/** barOf is the place of the last message of a timeline that is read, -1 if none is. */
function barOf(log, lane) {
  let at = -1;
  log.forEach((m, i) => { if (m.read && (m.thread ?? "") === lane) at = i; });
  return at;
}

/** picture is the strip as a picture. */
export function picture(log, title) {
  const lanes = lanesOf(log), width = LEFT * 2 + log.length * CELL, height = lanes.length * LANE + 4;
  const parts = [];
  lanes.forEach((lane, y) => parts.push(shape("line", { class: "strip-lane", x1: 0, x2: width, y1: y * LANE + LANE / 2 + 2, y2: y * LANE + LANE / 2 + 2 })));
  log.forEach((m, i) => {
    const x = LEFT + i * CELL, y = lanes.indexOf(m.thread ?? "") * LANE + 6;
    parts.push(shape("rect", { class: "strip-cell", "data-counts": m.counts, x: x + 1, y, width: CELL - 3, height: LANE - 8, rx: 2 }));
    if (m.counts === "revoked") parts.push(shape("path", { class: "strip-cross", d: `M${x + 2} ${y + 1}l${CELL - 5} ${LANE - 10}m0 -${LANE - 10}l-${CELL - 5} ${LANE - 10}` }));
  });
  lanes.forEach((lane, y) => {
    const at = barOf(log, lane), x = LEFT + (at + 1) * CELL - .5;
    parts.push(shape("line", { class: "strip-bar", x1: x, x2: x, y1: y * LANE + 2, y2: y * LANE + LANE + 2 }));
  });
  const n = (of) => log.filter((m) => m.counts === of).length;
  const said = Object.keys(WORDS).filter(n).map((k) => `${count(n(k))} ${WORDS[k][0]}`).join(", ");
  const svg = shape("svg", { class: "strip", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `The newest ${count(log.length)} messages: ${said}` }, ...parts);
  const scroller = el("div", { class: "strip-scroll", tabindex: 0, role: "region", "aria-label": `The conversation as a strip: ${title.toLowerCase()}` }, svg);
  requestAnimationFrame(() => { scroller.scrollLeft = scroller.scrollWidth; });
  return scroller;
}

/** legend says what the marks of a strip mean, of those that are in it. */
export function legend(log) {
  const kinds = Object.keys(WORDS).filter((k) => log.some((m) => m.counts === k));
  return el("ul", { class: "legend", "aria-label": "What the marks mean" },
    kinds.map((k) => describe(el("li", { tabindex: 0 }, el("span", { class: "mark", "data-counts": k }), WORDS[k][0]), WORDS[k][1])),
    describe(el("li", { tabindex: 0 }, el("span", { class: "mark bar" }), "read position"), "What lies before the bar is read; each timeline has its own"));
}

/**
 * listOf is the strip as a list.
 * @param {{id: string, from: string, at: number, seq: number, thread?: string, read?: boolean, counts: string}[]} log
 * @param {{command: (seq: number) => Node, mention: (id: string) => boolean, thread: (thread: string) => string}} of thread: where a thread leads to
 */
export function listOf(log, { command, mention, thread }) {
  const lanes = lanesOf(log);
  const several = lanes.length > 1, ends = new Map();
  for (const lane of lanes) {
    const at = barOf(log, lane);
    if (at >= 0 || lane === "") ends.set(at, [...(ends.get(at) ?? []), lane]);
  }
  const bar = (i) => ends.has(i) && el("li", { class: "read-bar" }, el("span", {}, `read up to here${several ? `: ${ends.get(i).map((lane) => lane || "main timeline").join(", ")}` : ""}`));
  return el("ol", { class: "messages", "data-lanes": Math.min(lanes.length, 5) }, bar(-1), log.map((m, i) => {
    const lane = lanes.indexOf(m.thread ?? ""), [word, why] = WORDS[m.counts] ?? [m.counts, m.counts];
    return [
      el("li", { class: "message", "data-counts": m.counts, "data-lane": Math.min(lane, 4) },
        el("span", { class: "mark", "data-counts": m.counts }),
        el("span", { class: "mono id" }, m.id), el("span", { class: "from" }, m.from),
        el("span", { class: "soft keep" }, clock(m.at)),
        el("span", { class: "flags" }, mention(m.id) && el("span", { class: "tag", "data-tone": "bad" }, "@"), m.thread && describe(el("a", { class: "tag label", href: thread(m.thread) }, m.thread), "The thread that it is of. Opens why the thread counts what it does.")),
        describe(el("span", { class: "counts", tabindex: 0 }, word), why),
        command(m.seq)),
      bar(i),
    ];
  }).flat());
}
