// Live: what is told, as it happens.

import { sparkline } from "./chart.js";
import { toUser } from "./command.js";
import { el, fill, say, set } from "./dom.js";
import { follow, TYPES } from "./feed.js";
import { clock, code, copyButton, count, day, figure, note, rate, rawOf } from "./parts.js";

const MOST = 500; // rows that are there
const EVERY = 120; // ms between two rounds of drawing


export default function live(view) {
  const { params, signal } = view, root = view.root;
  let types = new Set((params.get("types") ?? "").split(",").filter((t) => TYPES.includes(t)));
  let paused = false, following, waiting = [], left = 0, seen = 0, second = 0;

  const prefix = el("input", { type: "search", value: params.get("prefix") ?? "", placeholder: "all", autocomplete: "off", spellcheck: "false", maxlength: 256 });
  const kinds = TYPES.map((type) => el("label", { class: "check" }, el("input", { type: "checkbox", checked: !types.size || types.has(type), value: type, onchange: filtered }), type));
  const stop = el("button", { type: "button", "aria-pressed": "false", onclick: () => hold(!paused) }, "Pause");
  const empty = el("button", { type: "button", onclick: clear }, "Clear");
  const state = el("span", { class: "tag" }), told = el("span", { class: "soft", role: "status" });
  const list = el("ol", { class: "tail", tabindex: 0, "aria-label": "Events, the newest first" });
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
  }

  function hold(on) {
    paused = on;
    set(stop, "aria-pressed", String(on));
    say(stop, on ? "Resume" : "Pause");
    draw();
  }

  // draw puts what waits on top. Only then is it parsed: what is left out costs nothing.
  function draw() {
    if (!paused && waiting.length) {
      const open = list.querySelector(".open");
      const fresh = waiting.splice(0).map(row).reverse();
      list.prepend(...fresh);
      while (list.childElementCount > MOST) {
        const last = list.lastElementChild;
        if (last === open && list.childElementCount === MOST + 1) break;
        last.remove();
      }
    }
    const shown = list.childElementCount;
    nothing.hidden = shown > 0;
    list.hidden = !shown;
    const parts = [shown && `${count(Math.min(shown, MOST))} shown`, paused && waiting.length && `${count(waiting.length + left)} came meanwhile`, !paused && seen > MOST && `the newest ${count(MOST)} of ${count(seen)}`];
    say(told, parts.filter(Boolean).join(", "));
  }

  const timer = setInterval(draw, EVERY), ticking = setInterval(() => {
    trend.add(second);
    speed.to(rate(second), { of: "/s" });
    all.to(count(seen));
    second = 0;
  }, 1000);
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    clearInterval(ticking);
  });
  begin();
}

/** row is an event. Its raw form is made when it is opened. */
function row({ type, id, data, at }) {
  let event = {};
  try { event = JSON.parse(data); } catch {} // shown raw
  const { user, who, text } = words(type, event);
  const button = el("button", { type: "button", class: "line-of", "aria-expanded": "false" },
    el("span", { class: "at" }, clock(event.at ?? at)), el("span", { class: "kind", "data-kind": type }, type), el("span", { class: "whose" }, who), el("span", { class: "what" }, text));
  const node = el("li", {}, button);
  button.addEventListener("click", () => {
    const open = node.classList.toggle("open");
    set(button, "aria-expanded", String(open));
    if (!open) return node.lastChild.remove();
    node.append(el("div", { class: "raw" },
      el("p", {}, "Event ", code(id || "–"), event.at && ` of ${day(event.at)}`, user && el("span", {}, " · ", el("a", { href: toUser(user) }, user)),
        type === "rejected" && el("span", {}, " · ", el("a", { href: `#/refused?${new URLSearchParams({ command: event.seq })}` }, "the command"))),
      el("pre", {}, JSON.stringify(event, null, 2)), copyButton(data, "Copy")));
  });
  return node;
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
