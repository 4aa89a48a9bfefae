// A list of any length: pages come by cursor as one scrolls, and only what is in sight is in
// the document. It is a grid of rows for whoever can't see it, with one stop of the Tab key:
//
//	up, down, Page Up, Page Down, Home, End   from row to row; End reads on to the end
//	left, right                               to what is in a row, and back
//	Enter                                     opens it, as a click does
//
// Invariant: the row that has the focus stays in the document, wherever one scrolls to.
//
// However fast one scrolls, a frame makes rows for no longer than FRAME: first those in sight,
// then those beyond; what is left is made in the next one. Nothing goes through all of a list.

import { el, say, set } from "./dom.js";
import { count as written, sentence } from "./parts.js";

const BEYOND = 8; // rows drawn above and below what is in sight
const FRAME = 8; // ms in which rows are made; a frame has some 16
const AGAIN = 2000; // ms until a server that was away or not ready is asked again
const MOVED = 1000; // rows around the one with the focus in which it is looked for when a list is filled anew
const AHEAD = 100; // rows from the end of what is known at which the next page is asked for
const TALLEST = 8_000_000; // px: browsers draw nothing beyond some height, this is safe in all

/**
 * @template T
 * @typedef {object} Options
 * @property {string} label what the list is of
 * @property {string} [kind] a class: its columns, in the style sheet
 * @property {string[]} [columns] their names
 * @property {number} [height] of a row, in px
 * @property {(after: string|undefined, signal: AbortSignal) => Promise<{items: T[], next?: string}>} load
 * @property {(item: T) => Node|Node[]} draw what is in a row, or in its columns
 * @property {(item: T) => void} [open]
 * @property {(item: T) => string} [key] what tells one from another when they are filled anew
 * @property {number} [total] how many there are, if that is known
 * @property {string|Node} [empty] instead of rows where there are none
 * @property {(error: Error) => string} [failed] what is said of a page that did not come
 * @property {AbortSignal} [signal]
 */

/**
 * rows makes a list. reset reads it anew from the first page; fill shows items that one has,
 * at the place in the list where one was.
 * @template T
 * @param {Options<T>} options
 */
export function rows(options) {
  const list = new Rows(options);
  list.reset();
  return {
    node: list.node,
    reset: () => list.reset(),
    fill: (items) => list.fill(items),
    total: (n) => list.count(n),
    focus: () => list.go(list.active),
    get items() { return list.items; },
  };
}

class Rows {
  items = [];
  room = 0; // px in which rows are seen
  at = 0; // px of what is above them
  next; // of the page that is not there yet
  more = true;
  active = 0; // the row that Tab leads to
  drawn = new Map(); // by index
  #loading; #ending = false; #asked = false; #height;
  #stale = false; // what is shown is of before the reset, until the first page is there

  constructor(options) {
    this.o = { height: 34, key: (item) => JSON.stringify(item), empty: "There are none.", failed: (e) => sentence(e.detail ?? e.message), ...options };
    this.space = el("div", { class: "rows-space", role: "presentation" });
    this.scroller = el("div", { class: "rows-scroll", role: "rowgroup" }, this.space);
    const head = this.o.columns && el("div", { class: "rows-head row", role: "row", "aria-rowindex": 1 }, ...this.o.columns.map((name) => el("div", { role: "columnheader" }, name)));
    this.grid = el("div", { class: "rows-grid", role: "grid", "aria-label": this.o.label }, head ?? [], this.scroller);
    this.told = el("p", { class: "rows-told", role: "status" });
    this.again = el("button", { type: "button", hidden: true, onclick: () => this.#load() }, "Try again");
    this.instead = el("div", { class: "rows-empty", hidden: true }, this.o.empty);
    this.node = el("div", { class: `rows ${this.o.kind ?? ""}`.trim() }, this.grid, this.instead, el("div", { class: "rows-foot" }, this.told, this.again));
    this.first = this.o.columns ? 2 : 1; // aria-rowindex of the first row
    this.scroller.addEventListener("scroll", () => { this.at = this.scroller.scrollTop; this.#soon(); }, { passive: true });
    for (const event of ["wheel", "pointerdown"]) this.scroller.addEventListener(event, () => { this.#ending = false; }, { passive: true });
    this.grid.addEventListener("keydown", (e) => this.#key(e));
    this.grid.addEventListener("click", (e) => this.#click(e));
    const sized = new ResizeObserver(([{ contentRect }]) => { this.room = contentRect.height; this.#soon(); });
    sized.observe(this.scroller);
    this.o.signal?.addEventListener("abort", () => { sized.disconnect(); this.#loading?.abort(); });
  }

  reset() {
    this.#loading?.abort();
    this.#loading = undefined;
    this.#stale = true;
    this.next = undefined;
    this.more = true;
    this.#ending = false;
    this.#load();
  }

  // begin forgets what was shown.
  #begin() {
    const focused = this.scroller.contains(document.activeElement);
    this.#stale = false;
    this.items = [];
    this.active = 0;
    this.#scroll(0);
    for (const node of this.drawn.values()) node.remove();
    this.drawn.clear();
    if (focused) requestAnimationFrame(() => this.go(0));
  }

  fill(items) {
    this.#loading?.abort();
    this.#loading = undefined;
    this.#stale = this.#ending = false;
    const was = this.items[this.active], place = this.#place(was, items);
    const kept = new Map([...this.drawn].map(([i, node]) => [this.items[i], node])), focused = this.grid.contains(document.activeElement); // what looks as before is left as it is
    this.items = items;
    this.more = false;
    this.active = Math.max(0, Math.min(place, items.length - 1));
    const { from, to } = this.#sight(), before = this.drawn, moved = [];
    this.drawn = new Map();
    for (const i of new Set([...Array(to - from).keys()].map((n) => from + n).concat(focused ? this.active : []))) {
      const node = kept.get(items[i]);
      if (!node) continue;
      kept.delete(items[i]);
      if (before.get(i) === node) this.drawn.set(i, node);
      else moved.push([i, node]);
    }
    for (const [i, node] of moved) this.#put(i, node);
    for (const node of kept.values()) node.remove();
    for (const [i, node] of this.drawn) node.tabIndex = i === this.active ? 0 : -1;
    this.#draw();
    if (focused && !this.grid.contains(document.activeElement)) this.go(this.active, true);
  }

  // place is where an item of before is among others: where it was, or near.
  #place(was, items) {
    if (!was) return this.active;
    const key = this.o.key(was), is = (i) => i >= 0 && i < items.length && (items[i] === was || this.o.key(items[i]) === key);
    for (let d = 0; d <= MOVED; d++) for (const i of [this.active + d, this.active - d]) if (is(i)) return i;
    return this.active;
  }

  count(n) {
    this.o.total = n;
    this.#tell();
  }

  async #load() {
    if (this.#loading || !this.more) return;
    const page = this.#loading = new AbortController();
    const signal = this.o.signal ? AbortSignal.any([this.o.signal, page.signal]) : page.signal;
    this.again.hidden = true;
    this.#tell();
    try {
      const { items, next } = await this.o.load(this.next, signal);
      if (signal.aborted) return;
      if (this.#stale) this.#begin();
      this.items.push(...items);
      this.next = next;
      this.more = Boolean(next);
      this.#loading = undefined;
    } catch (e) {
      if (signal.aborted) return;
      if (this.#stale) this.#begin();
      this.#loading = undefined;
      this.#ending = false;
      set(this.told, "data-failed", "");
      say(this.told, this.o.failed(e));
      this.again.hidden = false;
      if (["network", "unavailable"].includes(e.code)) setTimeout(() => { if (!signal.aborted && !this.again.hidden) this.#load(); }, AGAIN);
      return;
    }
    const ended = this.#ending && !this.more;
    if (ended) this.#ending = false;
    this.#draw();
    if (ended) this.go(this.items.length - 1);
    else if (this.#ending) this.#load();
  }

  #soon() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  // A list that is taller than browsers can draw is squeezed: a step of the scroll bar is
  // then more than a row, the keys still go row by row.
  get #squeeze() { return Math.max(1, (this.items.length * this.o.height - this.room) / (TALLEST - this.room)); }

  // top is the first row in sight, with what of it is out of sight as a fraction.
  get #top() { return (this.at * this.#squeeze) / this.o.height; }

  // sight is which rows are in sight, and which of them and beyond are drawn.
  #sight() {
    const count = this.items.length, top = Math.min(this.#top, count), first = Math.floor(top), last = Math.min(count, Math.ceil(top + this.room / this.o.height));
    return { top, first, last, from: Math.max(0, first - BEYOND), to: Math.min(count, last + BEYOND) };
  }

  #scroll(top) { this.scroller.scrollTop = this.at = top; }

  #draw() {
    const { height, draw } = this.o, count = this.items.length;
    const tall = Math.min(count * height, TALLEST);
    if (tall !== this.#height) {
      this.space.style.height = `${this.#height = tall}px`;
      if (!this.room) this.room = this.scroller.clientHeight; // nobody has told yet
      set(this.node, "data-long", tall > this.room);
    }
    const { top, first, last, from, to } = this.#sight();
    const focused = this.grid.contains(document.activeElement) && this.drawn.get(this.active)?.contains(document.activeElement);
    for (const [i, node] of this.drawn) {
      if (i >= from && i < to || i === this.active && focused) continue;
      node.remove();
      this.drawn.delete(i);
    }
    const until = performance.now() + FRAME;
    let late = false;
    for (const [a, b] of [[first, last], [last, to], [from, first]]) {
      for (let i = a; i < b && !late; i++) {
        if (this.drawn.has(i)) continue;
        this.#put(i, this.#row(draw(this.items[i])));
        late = performance.now() > until;
      }
    }
    if (late) this.#soon();
    if (count > 0 && !this.drawn.has(this.active)) this.#stop(Math.max(from, Math.min(this.active, to - 1)));
    const shift = this.#squeeze > 1 ? this.at - top * height : 0;
    for (const [i, node] of this.drawn) {
      const y = i * height + shift;
      if (node.y !== y) node.style.transform = `translateY(${node.y = y}px)`;
    }
    this.#tell();
    if (this.more && !this.#loading && this.again.hidden && to + AHEAD > count) this.#load();
  }

  #row(content) {
    const cells = (Array.isArray(content) ? content : [content]).map((c) => el("div", { role: "gridcell" }, c));
    const node = el("div", { class: "row", role: "row" }, ...cells);
    for (const inner of node.querySelectorAll("a, button")) inner.tabIndex = -1;
    node.style.height = `${this.o.height}px`;
    return node;
  }

  // put puts a row where it belongs, for whoever reads it aloud.
  #put(i, node) {
    node.tabIndex = i === this.active ? 0 : -1;
    set(node, "aria-rowindex", i + this.first);
    let next = Infinity;
    for (const j of this.drawn.keys()) if (j > i && j < next) next = j;
    this.space.insertBefore(node, this.drawn.get(next) ?? null);
    this.drawn.set(i, node);
  }

  // stop makes a row the one that Tab leads to.
  #stop(i) {
    const was = this.drawn.get(this.active);
    if (was) was.tabIndex = -1;
    this.active = i;
    const is = this.drawn.get(i);
    if (is) is.tabIndex = 0;
  }

  #tell() {
    const { total } = this.o, count = this.items.length;
    const known = total ?? (this.more ? undefined : count);
    set(this.grid, "aria-rowcount", known === undefined ? -1 : known + this.first - 1);
    set(this.grid, "aria-busy", this.#loading && "true");
    set(this.grid, "data-stale", this.#stale);
    const none = count === 0 && !this.more;
    this.instead.hidden = !none;
    this.grid.hidden = none;
    if (!this.again.hidden) return;
    set(this.told, "data-failed", undefined);
    const far = `${written(count)}${total ? ` of ${written(total)}` : ""}`;
    const words = none ? "" : count === 0 || this.#stale ? "Reading …" : this.more ? `${far} read; scroll for more` : `${written(count)} in all`;
    say(this.told, this.#ending ? `Reading to the end: ${far} so far; Esc stops` : words);
  }

  /** go leads to a row: it has the focus and is in sight, unless one stays where one is. */
  go(i, stay = false) {
    const count = this.items.length;
    if (count === 0) return;
    i = Math.max(0, Math.min(i, count - 1));
    const { height } = this.o, { room } = this, top = this.#top * height;
    let want = top;
    if (i * height < top) want = i * height;
    else if ((i + 1) * height > top + room) want = (i + 1) * height - room;
    if (want !== top && !stay) this.#scroll(want / this.#squeeze);
    this.#stop(i);
    if (!this.drawn.has(i)) this.#put(i, this.#row(this.o.draw(this.items[i])));
    this.drawn.get(i).focus({ preventScroll: true });
    this.#draw();
  }

  #key(e) {
    if (e.altKey || e.metaKey) return;
    const page = Math.max(1, Math.floor(this.room / this.o.height) - 1);
    const to = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page, PageUp: this.active - page, Home: 0, End: this.items.length - 1 }[e.key];
    if (to !== undefined) {
      e.preventDefault();
      this.#ending = e.key === "End" && this.more;
      this.go(to);
      if (this.#ending) this.#load();
    } else if (e.key === "ArrowRight" || e.key === "ArrowLeft") {
      const row = this.drawn.get(this.active), stops = row ? [row, ...row.querySelectorAll("a, button")] : [];
      const at = stops.indexOf(document.activeElement) + (e.key === "ArrowRight" ? 1 : -1);
      e.preventDefault();
      stops[Math.max(0, Math.min(at, stops.length - 1))]?.focus({ preventScroll: true });
    } else if (e.key === "Enter" && e.target === this.drawn.get(this.active)) {
      e.preventDefault();
      this.#open(this.active);
    } else if (e.key === "Escape") this.#ending = false;
    this.#tell();
  }

  #click(e) {
    const row = e.target.closest(".rows-space > .row");
    if (!row) return;
    for (const [i, node] of this.drawn) if (node === row) {
      this.#stop(i);
      if (!e.target.closest("a, button")) {
        row.focus({ preventScroll: true });
        this.#open(i);
      }
    }
  }

  #open(i) {
    if (this.o.open) this.o.open(this.items[i]);
    else this.drawn.get(i)?.querySelector("a")?.click();
  }
}
