// Operations: what keeps the state safe and right, and how it goes.

import { action, confirmed } from "./act.js";
import { ask } from "./ask.js";
import { bar } from "./chart.js";
import { el, fill, say } from "./dom.js";
import { ago, bytes, code, copyButton, count, note, panel, span, table } from "./parts.js";
import { hear, look, status } from "./status.js";
import { describe } from "./tip.js";

const QUICK = 400; // ms between two looks while something runs

export default function operations(view) {
  const { signal, operator } = view;
  const snapshots = listed(view);
  const only = operator ? undefined : "An operator may; you see how it goes.";
  fill(view.root,
    el("div", { class: "columns" }, [
      job(view, {
        of: "snapshot", title: "Snapshot", label: "Take a snapshot", only, word: "snapshot", path: "v1/snapshot",
        lede: "A copy of the state, kept apart from the store. A lost store begins with the newest one instead of the whole log.",
        warning: "Reading the whole state takes the disk for a while; commands and queries go on.",
        part: (s) => (s.bytes ? (s.done ?? 0) / s.bytes : undefined), progress: (s) => (s.bytes ? `${bytes(s.done ?? 0)} of ${bytes(s.bytes)}` : "the rows are checked"),
        done: (s) => `at command ${count(s.seq)}, ${bytes(s.bytes)}, of them ${bytes(s.new_bytes ?? 0)} new, in ${span(s.ended - s.started)}`,
        ended: snapshots.again,
      }),
      job(view, {
        of: "rebuild", title: "Rebuild", label: "Rebuild", only, word: "rebuild", path: "v1/rebuild",
        lede: "A new store is folded from the log beside the one in use, and takes its place when it is there. It says whether the old one was what the log says.",
        warning: "The whole log is folded anew: that takes processors, disk and as much room as the store has. Commands and queries go on meanwhile.",
        part: (r) => (r.target ? (r.applied - (r.from ?? 0)) / Math.max(1, r.target - (r.from ?? 0)) : undefined), progress: (r) => `${count(r.applied)} of ${count(r.target)} commands`,
        done: (r) => `${count(r.applied)} commands in ${span(r.ended - r.started)}; ${r.differed ? "the old store was NOT what the log says" : "the old store was what the log says"}`,
        bad: (r) => r.differed, ended: () => {},
      }),
    ]),
    snapshots.node, verify(view));
}

/** job is something that is begun and then goes on by itself. */
function job(view, { of, title, label, only, word, path, lede, warning, part, progress, done, bad, ended }) {
  const how = bar(title), text = el("p", { class: "soft" }), tag = el("span", { class: "tag" });
  const state = el("div", { class: "job", role: "status" }, el("p", { class: "job-line" }, tag, text), how.node);
  let running;
  const begin = action({
    label: `${label}…`, disabled: only,
    async work() {
      if (!await confirmed({ title: label, word, text: warning })) return "Nothing was begun.";
      running = (await ask(path, { body: {}, signal: view.signal })).run;
      watch();
      return "It has begun.";
    },
  });
  async function watch() {
    while (!view.signal.aborted && running) {
      await look(view.signal);
      await new Promise((resolve) => setTimeout(resolve, QUICK));
    }
  }
  let before;
  hear(view.signal, () => {
    const s = status.known?.[of];
    how.node.hidden = s?.state !== "running";
    say(tag, s?.state);
    tag.dataset.tone = { running: "warn", done: s && bad?.(s) ? "bad" : "good", failed: "bad" }[s?.state] ?? "";
    if (!s) return say(text, "None since the start.");
    if (s.state === "running") {
      how.to(part(s));
      say(text, `${progress(s)}, for ${span(Date.now() - s.started)}`);
    } else {
      fill(text, s.state === "failed" ? `${s.error} ` : `${done(s)}, `, ago(s.ended));
      text.hidden = false;
      if (running && (!s.run || s.run === running)) running = undefined;
      if (before && before !== "done") begin.lastChild.textContent = "";
      if (before !== s.state) ended();
    }
    before = s.state;
  });
  return el("section", { class: "panel", "aria-label": title }, el("header", {}, el("h2", {}, title)), el("p", { class: "lede" }, lede), el("div", { class: "panel-body stack" }, state, begin));
}

/** listed is the snapshots that are kept. */
function listed(view) {
  const columns = [
    { head: "At command", cell: (s) => count(s.seq) },
    { head: "Digest", cell: (s) => describe(el("span", { class: "mono", tabindex: 0 }, s.digest ?? "–"), "The sum over the whole state in it. A rebuild up to the same command has the same.") },
    { head: "Taken", cell: (s) => ago(s.taken) }, { head: "State of", kind: "wide", cell: (s) => (s.log_time ? ago(s.log_time) : "–") },
    { head: "Size", kind: "n", cell: (s) => bytes(s.bytes) }, { head: "Fault", cell: (s) => s.error && el("span", { class: "tag", "data-tone": "bad" }, s.error) },
    { head: "Id", kind: "wide", cell: (s) => code(s.id) },
  ];
  const t = table({ caption: "Snapshots that are kept", columns, key: (s) => s.id });
  return panel(view, {
    title: "Snapshots that are kept", load: (signal) => ask("v1/snapshots", { signal }), make: () => [t.node], draw: ({ snapshots }) => t.to(snapshots),
    empty: ({ snapshots }) => !snapshots.length && note("There are none yet", "reddot takes one by itself from time to time, and when it is asked to."),
  });
}

/** verify says how the state is compared with the log. */
function verify() {
  const command = "reddot verify";
  return el("section", { class: "panel", "aria-label": "Verify" }, el("header", {}, el("h2", {}, "Verify")),
    el("div", { class: "panel-body stack" },
      el("p", { class: "lede" }, "Whether the state is what the log says, without changing anything: a second store is folded beside, and compared with the one in use row by row. It runs where it costs the server nothing:"),
      el("p", { class: "job-line" }, code(command), copyButton(command))));
}
