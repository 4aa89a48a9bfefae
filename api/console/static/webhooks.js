// Webhooks: the back ends that are told over HTTP, how they do, and what they did not take.

import { action, confirmed } from "./act.js";
import { ask } from "./ask.js";
import { toUser } from "./command.js";
import { el, fill, say, set } from "./dom.js";
import { ago, board, clock, code, copyButton, count, figures, note, panel, rate, rawOf, span, trouble } from "./parts.js";

const EVERY = 2000; // ms
const LETTERS = 100; // dead letters a page

const STATES = {
  ok: ["good", "It is told of what happens as it comes."], failing: ["warn", "The last requests failed; they are made again, ever later."],
  probing: ["bad", "Ten requests in a row failed: one is made at a time until one succeeds, and what else it should be told waits."],
  paused: ["bad", "It said that it wants no more (410). A test that succeeds ends that, or a changed file."], unknown: ["warn", "Nobody says how it does: no reddot delivers at the moment."],
};

const EXAMPLE = `[{"name": "push", "url": "https://push.example/reddot", "types": ["badge.changed"], "secrets": ["whsec_…"]}]`;

export default function webhooks(view) {
  const list = el("div", { class: "stack-of" });
  const cards = new Map();
  const p = panel(view, {
    title: "Endpoints", every: EVERY,
    load: async (signal) => {
      const [{ webhooks }, { windows }] = await Promise.all([ask("v1/webhooks", { signal }), ask("v1/stats", { signal })]);
      const { seconds, webhooks: { endpoints = [] } } = windows.at(-1);
      return webhooks.map((w) => ({ ...w, seconds, lately: endpoints.find((e) => e.name === w.name) }));
    },
    make: () => [list],
    empty: (all) => !all.length && el("div", { class: "state" }, el("p", { class: "state-title" }, "There are none"),
      el("p", {}, "Webhooks tell back ends of events over HTTP: a push sender of badges, an audit of refused commands. They are in a file that the operator owns:"),
      el("pre", { tabindex: 0, "aria-label": "An example of the file" }, EXAMPLE), el("p", {}, "Start the server with it: ", code("reddot serve --webhooks webhooks.json"), ". It is read again on SIGHUP."), copyButton(EXAMPLE, "Copy the example")),
    draw(all) {
      for (const w of all) {
        if (!cards.has(w.name)) cards.set(w.name, card(view, w.name, p));
        cards.get(w.name).to(w);
      }
      for (const name of cards.keys()) if (!all.some((w) => w.name === name)) cards.delete(name);
      const nodes = all.map((w) => cards.get(w.name).node);
      if (nodes.some((n, i) => list.children[i] !== n) || list.childElementCount !== nodes.length) fill(list, nodes);
    },
  });
  fill(view.root, p.node);
}

function card(view, name, all) {
  const { operator, signal } = view;
  const f = board(rawOf("/v1/webhooks"), {
    success: ["Delivered", "Of the requests to it that this instance has made in the last 15 minutes, those that were answered with 2xx.", rawOf("/v1/stats")],
    waiting: ["Waiting", "Things that it is not told of yet. Of each user only the newest state waits."],
    oldest: ["Oldest waits", "For how long the oldest of what waits does."],
    flight: ["In flight", "Requests to it that are not answered yet, 16 at most."],
    failures: ["Failures in a row", "Requests that failed since the last one that did not. After ten it is probed by one at a time."],
    dead: ["Dead letters", "What it was not told of in about 16 hours. They are kept for 7 days and can be sent again, with the state as it is then.", rawOf("/v1/webhooks/dead", { name })],
  });
  const tag = el("span", { class: "tag" }), words = el("span", { class: "soft" }), reason = el("p", { class: "told bad" }), url = code("", "url"), types = el("p", { class: "soft" });
  const letters = el("div", { hidden: true });
  const only = operator ? undefined : "An operator may test and send again.";
  const test = action({
    label: "Send a test", disabled: only,
    async work() {
      const t = await ask("v1/webhooks/test", { body: { name }, signal });
      all.again();
      return t.delivered ? `Delivered: ${t.status} in ${t.took_ms} ms.` : `Not delivered in ${t.took_ms} ms: ${t.reason ?? t.status}.`;
    },
  });
  const show = el("button", { type: "button", "aria-expanded": "false", onclick: () => toggle() }, "Dead letters");
  function toggle(open = letters.hidden) {
    letters.hidden = !open;
    set(show, "aria-expanded", String(open));
    if (open) renew = dead(view, name, letters, all);
  }
  let known, renew; // dead letters; the list of them
  const id = `hook-${name.replace(/\W/g, "-")}`;
  const node = el("article", { class: "hook", "aria-labelledby": id },
    el("header", {}, el("h3", { id }, name), tag, words), el("p", {}, url), types, reason, figures(...Object.values(f)), el("div", { class: "tools" }, test, show), letters);
  return {
    node,
    to(w) {
      const [tone, text] = STATES[w.state] ?? STATES.unknown;
      set(tag, "data-tone", tone);
      say(tag, w.state);
      say(words, text);
      say(url, w.url);
      say(types, [w.types.join(", "), `${w.secrets} ${w.secrets === 1 ? "secret signs" : "secrets sign"}`, w.delay && `rising badges wait ${w.delay}`, w.users_prefix && `users that begin with ${w.users_prefix}`, w.skip_live && "not of users with a stream"].filter(Boolean).join(" · "));
      say(reason, w.reason && w.failures ? `${w.reason}${w.next_at ? `. The next try is ${w.next_at > Date.now() ? `in ${span(w.next_at - Date.now())}` : "due"}` : ""}.` : "");
      const sent = w.lately?.sent.count ?? 0, good = w.lately?.delivered.count ?? 0;
      f.success.to(sent ? `${rate(Math.floor((good / sent) * 1000) / 10)} %` : "–", { of: `${sent ? `${count(good)} of ${count(sent)}` : "nothing sent"} in ${span(w.seconds * 1000)}`, tone: sent && good / sent < 0.99 ? "warn" : undefined });
      f.waiting.to(count(w.waiting));
      f.oldest.to(w.oldest_at ? span(Date.now() - w.oldest_at) : "–", { tone: w.oldest_at && Date.now() - w.oldest_at > 600_000 ? "bad" : undefined });
      f.flight.to(count(w.in_flight));
      f.failures.to(count(w.failures), { tone: w.failures >= 10 ? "bad" : w.failures ? "warn" : undefined });
      f.dead.to(count(w.dead), { tone: w.dead ? "bad" : undefined });
      if (!letters.hidden && known !== undefined && known !== w.dead) renew();
      known = w.dead;
    },
  };
}

/** dead shows the dead letters of an endpoint, the oldest first, and returns what shows them anew unless some are chosen. */
function dead(view, name, at, all) {
  const { signal, operator } = view, list = el("ul", { class: "letters" }), chosen = new Set();
  const told = el("p", { class: "soft", role: "status" }), more = el("button", { type: "button", class: "small", hidden: true, onclick: () => read(next) }, "More");
  const replay = action({
    label: "Send again…", disabled: operator ? undefined : "An operator may.",
    async work() {
      const ids = [...chosen];
      if (!await confirmed({ title: "Send again", word: "replay", text: `${ids.length ? `${count(ids.length)} dead letters` : "All dead letters"} of ${name} are sent again, with the state as it is then.` })) return "Nothing was sent.";
      const { replayed } = await ask("v1/webhooks/replay", { body: { name, ids: ids.length ? ids : undefined }, signal });
      all.again();
      restart();
      return `${count(replayed)} ${replayed === 1 ? "is" : "are"} sent again.`;
    },
  });
  let next, shown = 0;
  const row = (l) => el("li", {},
    el("label", {}, el("input", { type: "checkbox", "aria-label": `Choose ${l.id}`, onchange: (e) => { if (e.target.checked) chosen.add(l.id); else chosen.delete(l.id); tell(); } })),
    el("div", {}, el("p", {}, code(l.type), " ", l.user && el("a", { href: toUser(l.user) }, l.user), " of ", clock(l.at), ", given up ", ago(l.dead_at), ` after ${l.attempts} tries`), el("p", { class: "told bad" }, `${l.reason}`), el("p", { class: "soft" }, code(l.id))));
  function tell() { say(told, !shown ? "There are none: everything it wanted was taken, or is still tried." : chosen.size ? `${count(chosen.size)} chosen.` : `${count(shown)} shown, the oldest first. None chosen: all are sent again.`); }
  async function read(after) {
    try {
      const page = await ask("v1/webhooks/dead", { query: { name, limit: LETTERS, after }, signal });
      if (!after) {
        shown = 0;
        fill(list);
      }
      next = page.next;
      shown += page.dead.length;
      list.append(...page.dead.map(row));
      more.hidden = !next;
      replay.hidden = !shown;
      tell();
    } catch (e) {
      if (!signal.aborted) fill(list, el("li", {}, trouble(e, restart)));
    }
  }
  function restart() {
    chosen.clear();
    read();
  }
  fill(at, told, list, el("div", { class: "tools" }, more, replay));
  restart();
  return () => { if (!chosen.size) restart(); };
}
