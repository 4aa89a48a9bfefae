// Groups: who is in one, what they have unread, its last messages, and who has read them.

import { ask } from "./ask.js";
import { choice, field } from "./act.js";
import { command, toConversation, toUser } from "./command.js";
import { el, fill } from "./dom.js";
import { ago, clock, count, figure, figures, note, panel, rawOf, table } from "./parts.js";
import { rows } from "./rows.js";
import { describe } from "./tip.js";

const PAGE = 200;

export default function groups(view) {
  const { params, root } = view, group = params.get("group");
  fill(root, search(params), group ? one(view, group) : note("Choose a group", "By its id, as commands name it. A user's list leads here too, from each conversation of a group."));
  if (!group) root.querySelector("input").focus();
}

function search(params) {
  const input = el("input", { type: "search", required: true, value: params.get("group") ?? "", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  return el("form", { class: "ask-for", role: "search", onsubmit(e) {
    e.preventDefault();
    location.hash = `#/groups?${new URLSearchParams({ group: input.value })}`;
  } }, field("Group id", input), el("button", { class: "main" }, "Open"));
}

function one(view, group) {
  const { params, signal, put } = view, shown = command(view);
  const href = rawOf("/v1/group", { group });
  const members = figure({ label: "Members", counts: "Who is in the group now", href: rawOf("/v1/group/members", { group }) });
  const messages = figure({ label: "Messages", counts: "That were ever written, silent and recalled ones among them", href });
  const head = figure({ label: "Head", counts: "The command that brought the newest message", href });
  const fanout = figure({ label: "Fan-out", counts: "Who is told of a change of the group", href: rawOf("/v1") });
  const last = table({
    caption: "The last messages", key: (m) => m.id,
    columns: [
      { head: "Message", cell: (m) => el("span", { class: m.revoked ? "mono gone" : "mono" }, m.id) },
      { head: "From", cell: (m) => el("a", { href: toUser(m.from) }, m.from) },
      { head: "When", cell: (m) => ago(m.at), kind: "keep" },
      { head: "Also", kind: "wide", cell: (m) => el("span", { class: "flags" }, [m.thread && el("span", { class: "tag label" }, m.thread), m.revoked && el("span", { class: "tag" }, "recalled"), m.silent && el("span", { class: "tag" }, "silent"), m.hidden && el("span", { class: "tag" }, "hidden")].filter(Boolean)) },
      { head: "Command", cell: (m) => shown.link(m.seq), kind: "n wide" },
      { head: "Read by", cell: (m) => (m.revoked ? el("span", { class: "soft" }, "nobody: recalled") : el("button", { type: "button", class: "small", "aria-label": `Readers of ${m.id}`, onclick: () => readers(m.id, m.from) }, "Readers")) },
    ],
  });

  const newest = el("section", { class: "panel", "aria-label": "The last messages", hidden: true }, el("header", {}, el("h2", {}, "The last messages, the newest first")), el("div", { class: "panel-body" }, last.node));

  const list = rows({
    label: `Members of ${group}, by id`, kind: "members", columns: ["Member", "Unread"], signal, key: (m) => m.user,
    load: async (after, s) => { const { members, next } = await ask("v1/group/members", { query: { group, limit: PAGE, after }, signal: s }); return { items: members, next }; },
    draw: (m) => [el("a", { class: "cut", href: toUser(m.user) }, m.user),
      describe(el("a", { class: m.unread ? "badge" : "soft", href: toConversation(m.user, `group_${group}`), "aria-label": `${count(m.unread)} unread` }, count(m.unread)), "Messages that this member has unread in the group. Opens why.")],
    empty: note("Nobody is in it", "All have left, or the group was dismissed."),
  });
  const listed = el("section", { class: "panel", "aria-label": "Members" }, el("header", {}, el("h2", {}, "Members, with what they have unread"), el("button", { type: "button", class: "small", onclick: () => list.reset() }, "Refresh")), el("div", { class: "panel-body" }, list.node));

  const about = panel(view, {
    title: group, every: 5000,
    async load(s) {
      const [g, server] = await Promise.all([ask("v1/group", { query: { group }, signal: s }), ask("v1", { signal: s })]);
      return { ...g, limit: server.limits?.fanout };
    },
    make: () => [figures(members, messages, head, fanout)],
    draw(g) {
      members.to(count(g.members));
      list.total(g.members);
      messages.to(count(g.messages));
      head.to(g.head ? count(g.head) : "none");
      const large = g.members > g.limit;
      fanout.to(g.limit === undefined ? "–" : large ? "large" : "all");
      describe(fanout.node, g.limit === undefined ? "Who is told of a change depends on the fan-out limit of the server" : large
        ? `More members than the fan-out limit of ${count(g.limit)}: a change goes to members that are watching, and to who is named. Counts are exact for everyone all the same.`
        : `Each change goes to every member: there are no more of them than the fan-out limit of ${count(g.limit)}.`);
      last.to(g.last_messages);
      newest.hidden = g.last_messages.length === 0;
    },
  });

  // who has read a message
  const of = el("section", { class: "panel", "aria-label": "Readers", tabindex: -1, hidden: true });
  let leave = new AbortController();
  function readers(id, from, moved = true) {
    leave.abort();
    leave = new AbortController();
    const s = AbortSignal.any([signal, leave.signal]);
    params.set("message", id);
    params.set("from", from);
    put(params);
    of.hidden = false;
    let read = true;
    const sum = el("p", { class: "panel-line" }), body = el("div", { class: "panel-body" });
    const close = () => { leave.abort(); of.hidden = true; for (const k of ["message", "from"]) params.delete(k); put(params); newest.querySelector(`[aria-label="${CSS.escape(`Readers of ${id}`)}"]`)?.focus(); };
    function show() {
      const all = rows({
        label: read ? `Who has read ${id}` : `Who has not read ${id}`, kind: "readers", signal: s, key: (r) => r.user,
        async load(after, s2) {
          const r = await ask("v1/readers", { query: { user: from, group, id, read, limit: PAGE, after }, signal: s2 });
          fill(sum, el("span", {}, "Read by ", describe(el("a", { href: rawOf("/v1/readers", { user: from, group, id }) }, count(r.read)), "Members with a receipt for it"), " of ", describe(el("span", { tabindex: 0 }, count(r.members)), "Members who joined before it and have not left since, its sender left out")));
          return { items: r.users, next: r.next };
        },
        draw: (r) => [el("a", { class: "cut", href: toUser(r.user) }, r.user), r.at ? el("span", { class: "soft" }, clock(r.at)) : ""],
        empty: note(read ? "Nobody yet" : "Nobody is left", read ? "No member has a receipt for this message." : "All who could have read it have."),
        failed(e) {
          if (e.code === "unavailable") fill(body, note("There are no group receipts", "The policy ", el("code", {}, "group_receipts"), " is off, or this reddot is not ready. With a policy of sender or members, reads after it count."));
          else if (e.code === "not_found") fill(body, note("No such message", "It is unknown, recalled or expired."));
          return e.message;
        },
      });
      fill(body, all.node);
    }
    fill(of, el("header", {}, el("h2", {}, "Readers of ", el("span", { class: "mono" }, id)), choice({ label: "Which", options: [["read", "Has read"], ["not", "Has not"]], value: "read", change(v) { read = v === "read"; show(); } }), el("button", { type: "button", class: "small", onclick: close }, "Close")), sum, body);
    show();
    if (!moved) return;
    of.focus({ preventScroll: true });
    of.scrollIntoView({ block: "nearest" });
  }
  if (params.get("message") && params.get("from")) readers(params.get("message"), params.get("from"), false);

  return [about.node, shown.node, of, newest, listed];
}
