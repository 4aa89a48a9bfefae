// What pages are made of.

import { Problem, repeat, server } from "./ask.js";
import { el, fill, listed, say, set } from "./dom.js";
import { describe } from "./tip.js";

const numbers = new Intl.NumberFormat("en"), rates = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** count writes a number with its thousands apart. */
export const count = (n) => (n === undefined ? "–" : numbers.format(n));
export const rate = (n) => (n === undefined ? "–" : rates.format(n));

/** millis writes milliseconds. */
export const millis = (ms) => (ms === undefined ? "–" : ms >= 10_000 ? `${rates.format(ms / 1000)} s` : ms >= 100 ? `${Math.round(ms)} ms` : `${Number(ms.toPrecision(2))} ms`);

/** bytes writes a size. */
export function bytes(n) {
  if (n === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${i ? rates.format(n) : n} ${units[i]}`;
}

/** span writes how long something is. */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** day writes a time to the millisecond, as it is here. */
export const day = (at) => {
  const d = new Date(at), two = (n) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
};

/** clock writes the time of a day; what is of another day has its date. */
export const clock = (at) => (new Date(at).toDateString() === new Date().toDateString() ? day(at).slice(11, 19) : day(at).slice(0, 16));

const since = (at) => (Math.abs(Date.now() - at) < 1000 ? "now" : at > Date.now() ? `in ${span(at - Date.now())}` : `${span(Date.now() - at)} ago`);

/** ago is how long ago a time was; pointed at or with the focus it says when that was. */
export function ago(at) {
  if (!at) return el("span", {}, "never");
  const node = el("time", { datetime: new Date(at).toISOString(), "data-at": at, tabindex: 0 }, since(at));
  return describe(node, `${day(at)}, ${new Date(at).toISOString()}`);
}
setInterval(() => { for (const node of document.querySelectorAll("time[data-at]")) say(node, since(Number(node.dataset.at))); }, 1000);

/** rawOf is the page that shows what a route of the API answers: where numbers come from. */
export const rawOf = (path, query = {}) => `#/api?${new URLSearchParams({ op: `GET ${path}`, run: 1, ...query })}`;

/**
 * figure is a number: what it counts is said when it is pointed at or has the focus, and it
 * leads to where it comes from.
 * @param {{label: string, counts: string, href: string}} what
 */
export function figure({ label, counts, href }) {
  const value = el("span", { class: "value" }, "–"), unit = el("span", { class: "unit" });
  const node = describe(el("a", { class: "figure", href }, el("span", { class: "label" }, label), el("span", { class: "number" }, value, unit)), counts);
  return {
    node,
    /** to renews it. tone: "good", "warn", "bad" or none. */
    to(text, { tone, of = "" } = {}) {
      say(value, text);
      say(unit, of);
      set(node, "data-tone", tone);
    },
  };
}

/**
 * board is figures by their keys: each of its label and what it counts; href is where they come
 * from, but those that say so themselves.
 * @param {string} href
 * @param {Record<string, [label: string, counts: string, href?: string]>} of
 */
export const board = (href, of) => Object.fromEntries(Object.entries(of).map(([key, [label, counts, own]]) => [key, figure({ label, counts, href: own ?? href })]));

/** figures are figures beside each other. */
export const figures = (...all) => el("div", { class: "figures" }, all.map((f) => f.node ?? f));

/**
 * table is rows under columns. to(rows) renews it.
 * @template T
 * @param {{caption: string, columns: {head: string, cell: (row: T) => Node | string | undefined, kind?: string}[], key: (row: T) => string}} of
 */
export function table({ caption, columns, key }) {
  const body = el("tbody");
  const head = columns.map((c) => el("th", { scope: "col", class: c.kind }, c.head));
  const node = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${caption}, as a table` }, el("table", {}, el("caption", { class: "unseen" }, caption), el("thead", {}, el("tr", {}, head)), body));
  return {
    node,
    to(rows) {
      listed(body, rows, key, (row) => el("tr", {}, columns.map((c) => el("td", { class: c.kind }, c.cell(row) ?? ""))));
    },
  };
}

/** copyButton copies a text; of says what is copied. */
export function copyButton(text, of = "Copy", label) {
  const node = el("button", { class: "small", type: "button", "aria-label": label, onclick: copy }, of);
  async function copy() {
    const value = typeof text === "function" ? text() : text;
    try {
      await navigator.clipboard.writeText(value);
    } catch { // there is no clipboard on plain http of another host
      const box = el("textarea", { class: "unseen", "aria-hidden": "true" });
      box.value = value;
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
      node.focus();
    }
    node.textContent = "Copied";
    setTimeout(() => { node.textContent = of; }, 1500);
  }
  return node;
}

const BLOCK = 50, WIDE = 4000; // lines, and characters, of a block

/**
 * longText is a text as it is, of any length: in blocks, of which the browser lays out those in
 * sight. add puts more at its end.
 * @param {string} text
 * @param {string} label
 */
export function longText(text, label) {
  const node = el("pre", { tabindex: 0, "aria-label": label, class: "long" });
  let last, lines = 0, left = 0; // of the last block: the room in it
  node.add = (more) => {
    for (const line of more.match(/[^\n]*\n|[^\n]+$/g) ?? []) for (let i = 0; i < line.length; i += WIDE) {
      const part = line.slice(i, i + WIDE);
      if (!last || lines <= 0 || left < part.length) {
        node.append(last = el("span"));
        [lines, left] = [BLOCK, WIDE];
      }
      last.append(part);
      if (part.endsWith("\n")) lines--;
      left -= part.length;
    }
  };
  node.add(text);
  return node;
}

/** code is an id or a word of the API. */
export const code = (text, kind = "") => el("code", { class: kind }, String(text));

/** note is a sentence that stands where something would. */
export const note = (title, ...text) => el("div", { class: "state" }, el("p", { class: "state-title" }, title), text.length > 0 && el("p", {}, ...text));

const WORDS = {
  network: ["The server does not answer", "It is asked again until it does. What is shown here comes back by itself."],
  unavailable: ["Not ready"],
  forbidden: ["Not allowed"],
  not_found: ["Not found"],
  rate_limited: ["Asked too often"],
  too_many_streams: ["Too many streams"],
};

/** sentence makes one of an error. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/** trouble is what stands where an answer would. again asks once more. */
export function trouble(e, again) {
  const [title, more] = WORDS[e.code] ?? ["That went wrong"];
  return el("div", { class: "state", "data-code": e.code ?? "error", role: "alert" },
    el("p", { class: "state-title" }, title), el("p", {}, more ?? sentence(e.message)),
    e.request && el("p", { class: "soft" }, "Request ", code(e.request), ": the log of the server has more by it."),
    again && el("button", { type: "button", onclick: again }, "Try again"));
}

/**
 * panel is a part of a page that shows what a question is answered: loading, the answer, that
 * there is nothing, or why there is no answer. What was known stays while a later question
 * fails. It asks again when the server is back, and where "every" says so, in milliseconds.
 * @template T
 * @param {{signal: AbortSignal}} view
 * @param {{title: string, load: (signal: AbortSignal) => Promise<T>, make: () => Node[], draw: (answer: T) => void,
 *   empty?: (answer: T) => Node | undefined | false, every?: number, tools?: Node[], lede?: string}} of
 * @returns {{node: HTMLElement, again: () => Promise<void>}}
 */
export function panel(view, { title, load, make, draw, empty, every, tools = [], lede }) {
  const body = el("div", { class: "panel-body", "aria-busy": "true" }, el("div", { class: "loading" }, el("span", { class: "unseen" }, "Loading")));
  const stale = el("p", { class: "stale", hidden: true });
  const node = el("section", { class: "panel" }, el("header", {}, el("h2", {}, title), stale, el("div", { class: "tools" }, tools)), lede && el("p", { class: "lede" }, lede), body);
  set(node, "aria-label", title);
  let made, known = false, at = 0;
  async function again() {
    try {
      const answer = await load(view.signal);
      if (view.signal.aborted) return;
      at = Date.now();
      const nothing = empty?.(answer);
      if (nothing) fill(body, nothing);
      else {
        made ??= make();
        if (body.firstChild !== made[0]) fill(body, made);
        draw(answer);
      }
      known = true;
      say(stale);
    } catch (e) {
      if (view.signal.aborted) return;
      if (!(e instanceof Problem)) console.error(e);
      if (known && ["network", "unavailable", "rate_limited"].includes(e.code)) say(stale, `as of ${clock(at)}`);
      else {
        known = false;
        fill(body, trouble(e, again));
        if (!every && e.retryAfter) setTimeout(() => { if (!view.signal.aborted) again(); }, e.retryAfter * 1000);
      }
    }
    set(body, "aria-busy", undefined);
  }
  if (every) repeat(every, view.signal, again);
  else {
    server.addEventListener("back", again, { signal: view.signal });
    again();
  }
  return { node, again };
}
