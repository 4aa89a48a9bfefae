// Live: what is told, as it happens. However much comes, it is drawn no more often than EVERY,
// and then rows are made for no longer than FRAME, the oldest first; of what waits for its turn
// only the newest MOST are kept.

import { sparkline } from "./chart.js";
import { toUser } from "./command.js";
import { el, fill, say, set } from "./dom.js";
import { follow, TYPES } from "./feed.js";
import { clock, code, copyButton, count, day, figure, longText, note, rate, rawOf } from "./parts.js";

const MOST = 500; // rows that are there
const EVERY = 100; // ms between two rounds of drawing: each lays out the list
const FRAME = 6; // ms in which rows are made; a frame has some 16

export default function live(view) {
  const { params, signal } = view, root = view.root;
  let types = new Set((params.get("types") ?? "").split(",").filter((t) => TYPES.includes(t)));
  let paused = false, following, waiting = [], asked = false, drawn = 0, left = 0, seen = 0, second = 0;

  const prefix = el("input", { type: "search", value: params.get("prefix") ?? "", placeholder: "all", autocomplete: "off", spellcheck: "false", maxlength: 256 });
  const kinds = TYPES.map((type) => el("label", { class: "check" }, el("input", { type: "checkbox", checked: !types.size || types.has(type), value: type, onchange: filtered }), type));
  const stop = el("button", { type: "button", "aria-pressed": "false", onclick: () => hold(!paused) }, "Pause");
  const empty = el("button", { type: "button", onclick: clear }, "Clear");
  const state = el("span", { class: "tag" }), told = el("span", { class: "soft", role: "status" });
  const list = el("ol", { class: "tail", tabindex: 0, "aria-label": "Events, the newest first", onclick: opened });
  const nothing = note("Nothing yet", "What is told from now on is shown here: changes of users' counts, receipts, and commands that are refused.");
  const speed = figure({ label: "Events", counts: "Events that came a second, of those that the filter lets through: mean of the last second.", href: rawOf("/v1/stats") });
  const all = figure({ label: "Since you look", counts: "Events that came since this page was opened, or since the filter was changed.", href: rawOf("/v1/feed") });
  const trend = sparkline({ label: "Events a second of the last minute", format: rate });
  const form = el("form", { class: "bar-of-tools", onsubmit: (e) => { e.preventDefault(); filtered(); } },
    el("fieldset", {}, el("legend", { class: "unseen" }, "Types"), kinds), el("label", { class: "inline" }, "Users that begin with ", prefix), el("span", { class: "tools" }, stop, empty));
  fill(root, el("div", { class: "panel" }, el("div", { class: "panel-body trend three" }, speed.node, all.node, trend.node)),
    el("section", { class: "panel", "aria-label": "Events" }, el("header", {}, form), el("p", { class: "panel-line" }, state, told), nothing, list));
  prefix.addEventListener("change", filtered);

  function filtered() {
    const boxes = kinds.map((k) => k.firstChild).filter((b) => b.checked).map((b) => b.value);
    types = new Set(boxes.length === TYPES.length ? [] : boxes);
    if (!boxes.length) return say(told, "Choose a type");
    params.set("types", [...types].join());
    params.set("prefix", prefix.value);
    view.put(params);
    begin();
  }

  function begin() {
    following?.abort();
    following = new AbortController();
    clear();
    seen = 0;
    follow({ types: [...types], prefix: prefix.value }, AbortSignal.any([following.signal, signal]), {
      event(type, id, data) {
        seen++;
        second++;
        waiting.push({ type, id, data, at: Date.now() });
        if (waiting.length > MOST) { // they would leave the list before they were seen
          waiting.shift();
          left++;
        }
        soon();
      },
      state(word, why) {
        set(state, "data-tone", { listening: "good", asking: "warn", away: "bad" }[word]);
        say(state, { listening: "listening", asking: "connecting", away: "away, trying again" }[word]);
        state.title = why ?? "";
      },
    });
  }

  function clear() {
    waiting = [];
    left = 0;
    list.replaceChildren();
    draw();
    tell();
  }

  function hold(on) {
    paused = on;
    set(stop, "aria-pressed", String(on));
    say(stop, on ? "Resume" : "Pause");
    soon();
    tell();
  }

  function soon() {
    if (asked || paused || !waiting.length || signal.aborted) return;
    asked = true;
    setTimeout(() => requestAnimationFrame((at) => {
      asked = false;
      drawn = at;
      draw();
    }), Math.max(0, drawn + EVERY - performance.now()));
  }

  // draw puts on top what waits. Only then is it parsed: what is left out costs nothing.
  function draw() {
    if (!paused && waiting.length) {
      const fresh = [], until = performance.now() + FRAME, first = !list.firstChild;
      do fresh.unshift(row(waiting.shift())); while (waiting.length && performance.now() < until);
      list.prepend(...fresh);
      for (let n = list.childElementCount; n > MOST; n--) {
        const last = list.lastElementChild, open = last.classList.contains("open");
        (open ? last.previousElementSibling : last).remove(); // what one reads stays
      }
      if (first) tell();
    }
    nothing.hidden = Boolean(list.firstChild);
    list.hidden = !list.firstChild;
    soon();
  }

  function tell() {
    const shown = list.childElementCount;
    const parts = [shown && `${count(shown)} shown`, paused && waiting.length && `${count(waiting.length + left)} came meanwhile`, !paused && seen > MOST && `the newest ${count(MOST)} of ${count(seen)}`];
    say(told, parts.filter(Boolean).join(", "));
  }

  const ticking = setInterval(() => {
    trend.add(second);
    speed.to(rate(second), { of: "/s" });
    all.to(count(seen));
    second = 0;
    tell();
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(ticking));
  begin();
}

/** parsed is what an event holds; what can't be read is shown raw. */
function parsed(data) {
  try { return JSON.parse(data); } catch { return {}; }
}

/** row is an event. */
function row(of) {
  const event = parsed(of.data), { who, text } = words(of.type, event), node = el("li", {},
    el("button", { type: "button", class: "line-of", "aria-expanded": "false" },
      el("span", { class: "at" }, clock(event.at ?? of.at)), el("span", { class: "kind", "data-kind": of.type }, of.type), el("span", { class: "whose" }, who), el("span", { class: "what" }, text)));
  node.of = of;
  return node;
}

/** opened shows the raw form of a row that is clicked, or hides it. */
function opened({ target }) {
  const button = target.closest(".line-of"), node = button?.parentNode;
  if (!node) return;
  const open = node.classList.toggle("open"), { type, id, data } = node.of;
  set(button, "aria-expanded", String(open));
  if (!open) return node.lastChild.remove();
  const event = parsed(data), { user } = words(type, event);
  node.append(el("div", { class: "raw" },
    el("p", {}, "Event ", code(id || "–"), event.at && ` of ${day(event.at)}`, user && el("span", {}, " · ", el("a", { href: toUser(user) }, user)),
      type === "rejected" && el("span", {}, " · ", el("a", { href: `#/refused?${new URLSearchParams({ command: event.seq })}` }, "the command"))),
    longText(JSON.stringify(event, null, 2), "The event"), copyButton(data, "Copy")));
}

/** words says what an event is about. */
function words(type, e) {
  switch (type) {
    case "change": {
      const named = (e.conversations ?? []).slice(0, 4).map((c) => `${c.conversation} ${c.unread}${c.mentions ? ` @${c.mentions}` : ""}`);
      const more = (e.conversations?.length ?? 0) - named.length, gone = (e.removed ?? []).slice(0, 4).map((c) => `${c} gone`);
      return { user: e.user, who: e.user, text: `${e.totals?.unread ?? 0} unread · ${[...named, ...gone].join(", ")}${more > 0 ? ` and ${more} more` : ""}` };
    }
    case "receipt": return { user: e.user, who: e.user, text: `${e.peer} has read up to ${e.upto}` };
    case "group-receipt": return { user: e.user, who: e.user, text: `${e.group}: ${(e.receipts ?? []).slice(0, 4).map((r) => `${r.id} read by ${r.read} of ${r.members}`).join(", ")}` };
    case "rejected": return { who: `command ${e.seq}`, text: `${e.reason} · ${e.subject}` };
    case "reset": return { who: "", text: `Events before ${e.first} are no longer stored: it goes on from there` };
  }
  return { who: "", text: "" };
}
