// "As seen at": a place in the log, by its sequence or by the time, and what was so there.

import { ask, pause } from "./ask.js";
import { field } from "./act.js";
import { el, fill, set } from "./dom.js";
import { count, day } from "./parts.js";
import { describe } from "./tip.js";

const WAIT = 250; // ms without a further move before the server is asked

/** local writes a time as an input of the kind datetime-local takes it. */
const local = (at) => day(at).replace(" ", "T").slice(0, 19);

/** past asks for a past state. Those are derived one at a time: another's is waited for. */
export async function past(path, query, signal) {
  for (;;) {
    try {
      return await ask(path, { query, signal });
    } catch (e) {
      if (e.code !== "rate_limited") throw e;
      await pause(1000 * Math.min(e.retryAfter ?? 1, 2), signal);
      signal.throwIfAborted();
    }
  }
}

/**
 * asof is a slider through the log. change is called with the place, "" for now, and a
 * signal that ends when one moves on.
 * @param {{signal: AbortSignal}} view
 * @param {{at: string, now?: string, change: (at: string, signal: AbortSignal) => void}} of now: what the end of the log is called
 */
export function asof(view, { at, now = "Now", change }) {
  let log, moved = 0, left = new AbortController();
  const seq = el("input", { type: "number", min: 1, step: 1, inputmode: "numeric", onchange: () => go(seq.value) });
  const time = el("input", { type: "datetime-local", step: 1, onchange: () => { if (time.value) go(new Date(time.value).toISOString()); } });
  const slide = el("input", { type: "range", min: 1, max: 1, step: 1, value: 1, "aria-label": "As seen at command", disabled: true, oninput: () => go(slide.value, WAIT) });
  const end = el("button", { type: "button", onclick: () => go("") }, now);
  const place = el("output", { class: "soft" });
  const node = el("div", { class: "asof" }, el("h3", {}, "As seen at"), slide, el("div", { class: "asof-line" }, describe(field("After command", seq), "A sequence of the log: what was so when this command had been applied"), field("At the time", time), end, place));

  /** go moves to a place, and asks for it after a while without a further move. */
  async function go(to, wait = 0) {
    left.abort();
    const mine = left = new AbortController(), signal = AbortSignal.any([view.signal, mine.signal]), me = ++moved;
    at = String(to) === slide.max && Number(slide.max) > 1 ? "" : String(to);
    mark();
    if (wait) await pause(wait, signal);
    if (signal.aborted || me !== moved) return;
    change(at, signal);
    when(signal);
  }

  /** when says the time of the command where one is. */
  async function when(signal) {
    const known = /^\d+$/.test(at) && await ask("v1/log", { query: { seq: at, limit: 1 }, signal }).catch(() => {});
    if (signal.aborted || !known?.commands?.[0]) return;
    time.value = local(known.commands[0].at);
    fill(place, day(known.commands[0].at));
  }

  function mark() {
    set(end, "aria-pressed", String(at === ""));
    set(node, "data-past", at !== "");
    if (at === "") {
      slide.value = slide.max;
      seq.value = "";
      time.value = "";
      fill(place, "as it is now");
    } else if (/^\d+$/.test(at)) {
      slide.value = seq.value = at;
      set(slide, "aria-valuetext", `command ${count(Number(at))}`);
      fill(place, `command ${count(Number(at))}`);
    } else {
      seq.value = "";
      const ms = Date.parse(at);
      if (ms) time.value = local(ms);
      fill(place, ms ? day(ms) : at);
      if (log?.last && ms) slide.value = Math.round(log.first.seq + (log.last.seq - log.first.seq) * Math.max(0, Math.min(1, (ms - log.first.at) / Math.max(1, log.last.at - log.first.at))));
    }
    if (at === "") set(slide, "aria-valuetext", now);
  }

  async function know() {
    log = await ask("v1/log", { query: { limit: 1 }, signal: view.signal }).catch(() => {});
    if (view.signal.aborted || !log?.last) return;
    set(slide, "min", log.first.seq);
    set(slide, "max", log.last.seq);
    set(seq, "max", log.last.seq);
    set(time, "min", local(log.first.at));
    slide.disabled = log.first.seq === log.last.seq;
    mark();
    when(AbortSignal.any([view.signal, left.signal]));
  }

  mark();
  know();
  return { node, go, get at() { return at; } };
}
