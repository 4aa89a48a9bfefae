// Refused: the commands that were skipped, and what was in them.

import { ask } from "./ask.js";
import { command } from "./command.js";
import { el, fill, listed, say, set } from "./dom.js";
import { clock, count, note, panel, rawOf } from "./parts.js";
import { rows } from "./rows.js";
import { statusPanel } from "./status.js";
import { describe } from "./tip.js";

const PAGE = 200, SAMPLE = 1000, LOOKS = 10; // commands a request; those that are summed up; requests for a page of a filter, each of which looks at some thousands

const NONE = "no command's subject";

/** kindOf is what a subject says of a command, without whose it is: as the parameter type has it, where it says something. */
export const kindOf = (subject) => {
  const of = subject.split(".").slice(2); // behind the prefix and "cmd"
  return of.length === 1 ? of[0] : of.length === 3 ? `${of[0]}.${of[2]}` : NONE;
};

/** subject is one, whose beginning, which all have, gives way where there is little room. */
function subject(text) {
  const [, begins, rest] = /^([^.]+\.cmd\.)(.+)$/.exec(text) ?? [];
  return begins ? [el("span", { class: "wide soft" }, begins), rest] : [text];
}

// What kinds of reasons mean, as the status counts them.
const KINDS = {
  subject: "a subject that is no command's", verb: "an unknown verb", payload: "bytes that are no payload", limit: "too long or too many", missing_field: "a field is missing", unknown_field: "an unknown field",
  value: "a field's value", not_member: "a user who is not a member of the group", no_message: "a message that the conversation does not have", other_sender: "an id that is another sender's message", too_many: "one more than there may be", other: "anything else",
};

export default function refused(view) {
  const { params, signal } = view;
  const filter = { reason: params.get("reason") ?? "", kind: params.get("kind") ?? "" };
  const lookFor = (after, signal) => ask(filter.kind === NONE ? "v1/refused?type=" : "v1/refused", { query: { limit: PAGE, after, reason: filter.reason, type: filter.kind === NONE ? "" : filter.kind }, signal });

  const detail = command(view);
  const nothing = el("div"), none = () => fill(nothing, filter.reason || filter.kind ? note("None of these", "No refused command that is stored is of this reason and subject.") : note("Nothing was refused", "Commands that are malformed, or of a user about a group that they are not in, would be listed here with what was in them."));
  none();
  const list = rows({
    label: "Refused commands, the newest first", signal, columns: ["Command", "When", "Subject", "Reason"], kind: "refusals",
    key: (r) => String(r.seq), open: (r) => detail.open(r.seq, r.reason),
    async load(after, signal) {
      const items = [];
      for (let looks = 0; looks < LOOKS; looks++) {
        const page = await lookFor(after, signal);
        items.push(...page.refused);
        after = page.next;
        if (!after || items.length) break;
      }
      return { items, next: after };
    },
    draw: (r) => [el("span", { class: "mono" }, count(r.seq)), el("span", {}, clock(r.at)), el("span", { class: "mono cut" }, ...subject(r.subject)), el("span", { class: "cut" }, r.reason)],
    empty: nothing,
  });
  const chosen = el("span", { class: "tools" });
  const all = el("button", { type: "button", class: "small", onclick: () => choose({ reason: "", kind: "" }) }, "Show all");

  function choose(to) {
    Object.assign(filter, to);
    for (const k of ["reason", "kind"]) params.set(k, filter[k]);
    view.put(params);
    mark();
    none();
    list.reset();
  }

  function mark() {
    fill(chosen, filter.reason && el("span", { class: "tag" }, filter.reason), filter.kind && el("span", { class: "tag" }, filter.kind), (filter.reason || filter.kind) && all);
    for (const b of view.root.querySelectorAll("[data-facet]")) set(b, "aria-pressed", String(filter[b.dataset.facet] === b.dataset.value));
  }

  const byReason = el("ul", { class: "facets" }), byKind = el("ul", { class: "facets" });
  const facet = (name) => ([value, n]) => el("li", {}, el("button", {
    type: "button", "data-facet": name, "data-value": value, "aria-pressed": String(filter[name] === value), onclick: () => choose({ [name]: filter[name] === value ? "" : value }),
  }, el("span", {}, value), el("span", { class: "n" }, count(n))));
  const sums = panel(view, {
    title: "The newest, by reason and subject", make: () => [el("div", { class: "columns" }, [el("div", {}, el("h3", {}, "Reason"), byReason), el("div", {}, el("h3", {}, "Subject"), byKind)])],
    empty: ({ all }) => !all.length && note("Nothing was refused", "All commands that are stored were taken."),
    async load(signal) {
      const all = [];
      let next;
      do {
        const page = await ask("v1/refused", { query: { limit: PAGE, after: next }, signal });
        all.push(...page.refused);
        next = page.next;
      } while (next && all.length < SAMPLE);
      return { all, more: !!next };
    },
    draw({ all, more }) {
      say(sums.node.querySelector("h2"), more ? `The newest ${count(SAMPLE)}, by reason and subject` : `All ${count(all.length)} that are stored, by reason and subject`);
      const sum = (of) => [...all.reduce((m, r) => m.set(of(r), (m.get(of(r)) ?? 0) + 1), new Map())].sort((a, b) => b[1] - a[1]).slice(0, 12);
      listed(byReason, sum((r) => r.reason), ([v]) => v, facet("reason"));
      listed(byKind, sum((r) => kindOf(r.subject)), ([v]) => v, facet("kind"));
    },
  });

  const since = el("ul", { class: "facets" }), total = el("p", { class: "line" });
  const log = statusPanel(view, {
    title: "Since the log began, by kind of reason",
    make: () => [since, total],
    draw(s) {
      listed(since, Object.entries(s.refused_for ?? {}).sort((a, b) => b[1] - a[1]), ([k]) => k, ([kind, n]) => el("li", {}, describe(el("a", { class: "facet", href: rawOf("/v1/status") }, el("span", {}, kind), el("span", { class: "n" }, count(n))), `${KINDS[kind] ?? kind}: refused since the log began`)));
      fill(total, el("span", { class: "soft" }, `${count(s.refused)} of all commands were refused. Older ones than the events that are kept are counted, and no longer listed.`));
    },
  });

  fill(view.root, detail.node, el("section", { class: "panel", "aria-label": "Refused commands" }, el("header", {}, el("h2", {}, "Refused commands, the newest first"), chosen, el("button", { type: "button", class: "small", onclick: () => { list.reset(); sums.again(); } }, "Refresh")), el("div", { class: "panel-body" }, list.node)),
    el("div", { class: "columns" }, [sums.node, log]));
  mark();
}
