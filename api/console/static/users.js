// Users: who there is, and what one of them sees, now and at any time before.

import { ask, SERVER } from "./ask.js";
import { asof, past } from "./asof.js";
import { toConversation } from "./command.js";
import { el, fill, say, set } from "./dom.js";
import { ago, board, clock, code, copyButton, count, figure, figures, note, panel, rawOf, table } from "./parts.js";
import { rows } from "./rows.js";
import { describe } from "./tip.js";

const PAGE = 200, TAIL = 100; // of a request; changes that are shown
const WAIT = 150; // ms without a further key

export default function users(view) {
  const { params, signal, root } = view;
  const user = params.get("user");
  root.classList.toggle("of-one", Boolean(user));
  fill(root, search(view), user ? one(view, user) : pick());
  if (!user) root.querySelector("input").focus();
}

const pick = () => el("section", { class: "panel pick" }, note("Choose a user", "What they see is shown here: the badge, the list in its order, and why each count is what it is; now, or at any time before."));

/** search is the users by prefix. */
function search({ params, signal, put }) {
  const input = el("input", { type: "search", id: "prefix", value: params.get("prefix") ?? "", autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: "any", oninput: typed });
  let timer;
  function typed() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (signal.aborted) return;
      params.set("prefix", input.value);
      put(params);
      list.reset();
    }, WAIT);
  }
  const nobody = el("div", {}, note("Nobody", "No user who has a conversation begins so. Prefixes are told apart by case."));
  const list = rows({
    label: "Users, by id", kind: "names", signal, empty: nobody, key: String,
    load: async (after, s) => { const { users, next } = await ask("v1/users", { query: { prefix: input.value, limit: PAGE, after }, signal: s }); return { items: users, next }; },
    draw: (name) => el("a", { href: hrefOf(name), "aria-current": name === params.get("user") && "true" }, name),
  });
  const hrefOf = (name) => `#/users?${new URLSearchParams({ user: name, ...(input.value && { prefix: input.value }) })}`;
  input.addEventListener("keydown", (e) => {
    if (e.key !== "ArrowDown") return;
    e.preventDefault();
    list.focus();
  });
  return el("section", { class: "panel search", "aria-label": "Users" }, el("header", {}, el("label", { for: "prefix" }, "User id begins with"), input), el("div", { class: "panel-body" }, list.node));
}

const SUMS = {
  unread: ["Badge", "Unread messages of all conversations in the list that level and “archived” let through: the number on the app's icon"],
  c2c: ["One to one", "Of the badge: unread in C2C conversations"],
  group: ["In groups", "Of the badge: unread in groups"],
  mentions: ["Mentions", "Unread messages that name the user or all, of what the badge counts"],
  conversations: ["Conversations", "Conversations with unread messages or the mark, of what the badge counts"],
  muted: ["Kept out", "Unread messages kept out of the badge by muting or archiving"],
};

/** one is what a user sees. */
function one(view, user) {
  const { params, signal, put } = view;
  const all = board(rawOf("/v1/totals", { user }), SUMS);
  const threads = figure({ label: "In threads", counts: "Unread messages of followed threads that count apart from the conversations", href: rawOf("/v1/threads", { user }) });
  threads.node.hidden = true;
  let now, at = params.get("at") ?? "", tail;

  /** sums shows totals; of the past beside what is so now. */
  function sums(totals, then) {
    for (const key of Object.keys(SUMS)) all[key].to(count(totals[key]), { of: then && now && now[key] !== totals[key] ? `now ${count(now[key])}` : "" });
    threads.node.hidden = !totals.threads;
    if (totals.threads) threads.to(count(totals.threads.unread), { of: `in ${count(totals.threads.threads)}` });
  }

  const told = el("p", { class: "told", role: "status" });
  const empty = el("div", {}, note("No conversations", "This user has none in the list. A user nobody has heard of has zero totals and no conversations."));
  const list = rows({
    label: `Conversations of ${user}, newest activity first`, kind: "conversations", columns: ["Conversation", "Unread", "Last message", "First unread", "Flags"], height: 38, signal, empty,
    key: (c) => c.conversation,
    async load(after, s) {
      const query = { user, limit: PAGE, after };
      if (at && !after) say(told, "The state is derived from the log …");
      try {
        const page = at ? await past("v1/past/conversations", { ...query, at }, s) : await ask("v1/conversations", { query, signal: s });
        if (!at) now = page.totals;
        else if (!now) now = (await ask("v1/totals", { query: { user }, signal: s })).totals;
        sums(page.totals, at);
        say(told);
        return { items: page.conversations, next: page.next };
      } catch (e) {
        if (!s.aborted) say(told);
        throw e;
      }
    },
    draw: (c) => conversation(user, c, at),
  });

  const slider = asof(view, {
    at, change(to) {
      at = to;
      params.set("at", at);
      put(params);
      tail?.stop();
      live.disabled = Boolean(at);
      list.reset();
    },
  });

  // the live tail
  const state = el("span", { class: "tag" }), changes = el("ol", { class: "changes", "aria-label": "Changes, the newest first", tabindex: 0 });
  const hint = el("p", { class: "soft" }, "A live tail shows each change as this user's devices are told of it, and keeps the list above current.");
  const live = el("button", { type: "button", "aria-pressed": "false", disabled: Boolean(at), onclick: () => (tail ? tail.stop() : follow()) }, "Follow live");
  const tailed = el("section", { class: "panel", "aria-label": "Live tail" }, el("header", {}, el("h2", {}, "Live tail"), state, live), el("div", { class: "panel-body" }, hint, changes));
  state.hidden = changes.hidden = true;

  async function follow() {
    const stop = new AbortController(), s = AbortSignal.any([signal, stop.signal]);
    let reddot, first = true, known = new Map();
    tail = { stop() {
      stop.abort();
      reddot?.close();
      tail = undefined;
      set(live, "aria-pressed", "false");
      say(live, "Follow live");
      state.hidden = true;
    } };
    set(live, "aria-pressed", "true");
    say(live, "Stop");
    const tell = (...words) => {
      changes.hidden = false;
      changes.prepend(el("li", {}, el("time", { class: "soft" }, clock(Date.now())), " ", words));
      while (changes.children.length > TAIL) changes.lastChild.remove();
    };
    const name = (c) => el("a", { href: toConversation(user, c) }, c);
    try {
      const { Reddot } = await import(new URL("reddot.js", SERVER));
      if (s.aborted) return;
      reddot = new Reddot({ url: SERVER, shareTabs: false, receipts: true, watch: true });
      signal.addEventListener("abort", () => reddot.close(), { once: true });
      const of = reddot.user(user);
      const renew = () => requestAnimationFrame(() => { if (!s.aborted) list.fill([...of.store().getSnapshot().conversations]); });
      const unsubscribe = of.store().subscribe((snapshot) => { if (snapshot.state === "live") renew(); });
      s.addEventListener("abort", unsubscribe);
      of.listen({
        onStateChanged(to) {
          say(state, to);
          set(state, "data-tone", to === "live" ? "good" : to === "stopped" ? "bad" : "warn");
          if (to === "live") first = false;
        },
        onTotalUnreadMessageCountChanged(totals) {
          if (now && !first) tell("badge ", el("b", {}, count(totals.unread)), now.unread === totals.unread ? "" : `, was ${count(now.unread)}`);
          now = totals;
          sums(totals);
        },
        onNewConversation(all) {
          for (const c of all) known.set(c.conversation, c.unread);
          if (!first) for (const c of all.slice(-TAIL)) tell(name(c.conversation), ` is new in the list, unread ${count(c.unread)}`);
        },
        onConversationChanged(all) {
          for (const [i, c] of all.entries()) {
            const was = known.get(c.conversation);
            known.set(c.conversation, c.unread);
            if (all.length - i <= TAIL) tell(name(c.conversation), was === c.unread ? ` looks different, unread ${count(c.unread)}` : ` unread ${count(c.unread)}, was ${count(was)}`);
          }
        },
        onConversationDeleted(all) { for (const [i, c] of all.entries()) { known.delete(c); if (all.length - i <= TAIL) tell(c, " has left the list"); } },
        onRecvC2CReadReceipt(all) { if (!first) for (const r of all.slice(-TAIL)) tell(`${r.peer} has read up to `, code(r.upto)); },
        onRecvMessageReadReceipts(all) { if (!first) for (const r of all.slice(-TAIL)) tell(code(r.id), ` in ${r.group} is read by ${count(r.read)} of ${count(r.members)}`); },
        onError(e) { tell(e.detail ?? e.message); },
      }, { signal: s });
    } catch (e) {
      if (!s.aborted) tell(e.message);
    }
  }

  const streams = table({
    caption: "Open streams of this user", key: (r) => `${r.transport} ${r.since} ${r.key ?? ""}`,
    columns: [
      { head: "Transport", cell: (r) => describe(el("span", { tabindex: 0 }, { sse: "SSE", poll: "long poll", gateway: "gateway" }[r.transport] ?? r.transport), r.view === "totals" ? "It is told the totals alone" : "It is told conversations and totals") },
      { head: "Open", cell: (r) => ago(r.since), kind: "keep" },
      { head: "By", cell: (r) => r.key ? el("span", {}, "key ", code(r.key)) : "the user" },
      { head: "Also", cell: (r) => [r.watch && "watches large groups", r.receipts && "receipts", r.expires_at && `ends ${clock(r.expires_at)}`].filter(Boolean).join(", ") || "–" },
    ],
  });
  const connected = panel(view, {
    title: "Who is connected", every: 5000, load: (s) => ask("v1/streams", { query: { user }, signal: s }), make: () => [streams.node], draw: (a) => streams.to(a.streams),
    empty: (a) => !a.streams?.length && note("No stream", "None of this user's devices has a stream to this reddot. Those of other instances and of NATS are not listed."),
  });

  return el("div", { class: "one" },
    el("section", { class: "panel", "aria-label": `What ${user} sees` },
      el("header", {}, el("h2", { class: "name" }, user), told, copyButton(() => location.href, "Copy link")),
      el("div", { class: "panel-body" }, figures(...Object.values(all), threads), slider.node),
      list.node),
    el("div", { class: "columns" }, [tailed, connected.node]));
}

/** conversation is what a row of the list shows. */
function conversation(user, c, at) {
  const href = toConversation(user, c.conversation, at ? { at } : {}), last = c.last_message;
  const badge = c.unread > 0 || c.marked_unread
    ? describe(el("a", { class: "badge", href, "data-quiet": Boolean(c.muted), "aria-label": c.unread ? `${count(c.unread)} unread` : "marked as unread" }, c.unread ? count(c.unread) : "●"), c.unread ? `Messages that count since the read position${c.muted ? "; kept out of the badge, as it is muted" : ""}. Opens why.` : "Marked as unread by hand; no count includes the mark")
    : el("span", { class: "soft" }, "0");
  const flags = [
    c.mentions > 0 && describe(el("a", { class: "tag", "data-tone": "bad", href }, `@ ${count(c.mentions)}`), "Unread messages that name the user or all"),
    c.unread > 0 && c.marked_unread && el("span", { class: "tag" }, "marked"),
    c.level && el("span", { class: "tag" }, { none: "muted", mentions: "mentions only" }[c.level] ?? c.level),
    c.threads?.unread > 0 && describe(el("a", { class: "tag", href }, `threads ${count(c.threads.unread)}`), "Unread messages of followed threads that count apart"),
    ...(c.labels ?? []).map((l) => el("span", { class: "tag label" }, l)),
  ].filter(Boolean);
  return [
    el("a", { class: "cut", href }, c.conversation), badge,
    last ? el("span", {}, el("span", { class: last.revoked ? "mono gone" : "mono" }, last.id), el("span", { class: "soft" }, ` ${last.from}, ${clock(last.at)}`)) : el("span", { class: "soft" }, "none"),
    c.first_unread ? el("span", { class: "mono" }, c.first_unread) : el("span", { class: "soft" }, "–"), el("span", { class: "flags" }, flags),
  ];
}
