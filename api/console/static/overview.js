// Overview: whether all is well, and how far and how fast.

import { choice } from "./act.js";
import { ask } from "./ask.js";
import { sparkline } from "./chart.js";
import { el, fill, say, set } from "./dom.js";
import { ago, board, bytes, code, count, figures, millis, note, panel, rate, rawOf, span, table } from "./parts.js";
import { EVERY, hear, status, statusPanel, summary } from "./status.js";
import { describe } from "./tip.js";

const STATUS = rawOf("/v1/status"), STATS = rawOf("/v1/stats");

export default function overview(view) {
  const line = el("p", { class: "sentence", role: "status" }, el("b"), el("span"));
  let asking; // the stats, for both panels of them
  const load = (signal) => (asking ??= ask("v1/stats", { signal }).finally(() => { asking = undefined; }));
  fill(view.root, line, el("div", { class: "columns" }, [place(view), stats(view, load)]), latencies(view, load), el("div", { class: "columns" }, [kept(view), site(view)]));
  hear(view.signal, () => {
    const { word, tone, text } = summary();
    set(line, "data-tone", tone);
    say(line.firstChild, word);
    say(line.lastChild, text);
  });
}

function place(view) {
  const lag = sparkline({ label: "Lag of the last 2 minutes, in commands", format: count });
  const f = board(STATUS, {
    lag: ["Lag", "Commands in the stream that are not applied yet: last − applied."],
    applied: ["Applied", "The last command that is folded into the state that answers show, by its sequence in the stream."],
    emitted: ["Emitted", "All events of the commands up to here are stored and told."],
    durable: ["Durable", "The state up to here survives a crash without the log; what lies after it is applied anew from the log."],
    last: ["Last", "The last command in the stream."],
    refused: ["Refused", "Commands that were skipped since the log began: malformed, or from a user about a group that they are not in. The page Refused lists those that are stored.", "#/refused"],
    ignored: ["Ignored", "Commands that changed nothing since the log began, as a duplicate or a stale read."],
  });
  const digest = el("a", { href: STATUS, class: "mono" });
  describe(digest, "A sum over the whole state at applied. Two reddots that have applied the same commands have the same; “reddot verify” folds the log anew and compares.");
  return statusPanel(view, {
    title: "Position",
    make: () => [el("div", { class: "trend" }, f.lag.node, lag.node), figures(f.applied, f.emitted, f.durable, f.last, f.refused, f.ignored), el("p", { class: "soft line" }, "Digest ", digest)],
    draw(s) {
      f.lag.to(count(s.lag), { tone: s.lag > 10_000 ? "bad" : s.lag > 1000 ? "warn" : undefined, of: s.lag === 1 ? "command" : "commands" });
      lag.add(s.lag);
      for (const k of ["applied", "emitted", "durable", "last", "ignored"]) f[k].to(count(s[k]));
      f.refused.to(count(s.refused));
      say(digest, s.digest);
    },
  });
}

function stats(view, load) {
  const speed = sparkline({ label: "Commands a second of the last 2 minutes", format: rate });
  let before;
  const f = board(STATS, {
    now: ["Commands now", "Commands applied a second, since the last look two seconds ago.", STATUS],
    commands: ["Commands", "Commands applied a second, mean of the last minute."],
    events: ["Events", "Change events and receipts emitted a second, mean of the last minute."],
    queries: ["Queries", "Queries answered a second, over NATS and HTTP, mean of the last minute."],
    requests: ["Requests", "Requests over HTTP a second, mean of the last minute."],
    errors: ["Errors", "Answers of HTTP with a status of 500 or more, in the last minute."],
    limited: ["Limited", "Turned away since they came too often, in the last minute."],
    streams: ["Streams", "Clients that hear events over HTTP from this instance now, by all transports."],
  });
  hear(view.signal, () => {
    const now = status.known && { n: status.known.applied, at: status.at };
    if (!now || status.problem || now.at === before?.at) return;
    if (before && now.at - before.at < 5 * EVERY) {
      const n = Math.max(0, (now.n - before.n) / ((now.at - before.at) / 1000));
      speed.add(n);
      f.now.to(rate(n), { of: "/s" });
    }
    before = now;
  });
  return panel(view, {
    title: "Rates", every: EVERY, load,
    make: () => [el("div", { class: "trend" }, f.now.node, speed.node), figures(f.commands, f.events, f.queries, f.requests, f.errors, f.limited, f.streams)],
    draw({ streams, windows: [w] }) {
      for (const k of ["commands", "events", "queries", "requests"]) f[k].to(rate(w[k].per_second), { of: "/s" });
      f.errors.to(count(w.errors.count), { tone: w.errors.count ? "bad" : undefined });
      f.limited.to(count(w.limited.count), { tone: w.limited.count ? "warn" : undefined });
      f.streams.to(count(Object.values(streams).reduce((a, b) => a + b, 0)), { of: Object.entries(streams).filter(([, n]) => n).map(([k, n]) => `${k} ${n}`).join(", ") });
    },
  }).node;
}

const LATENCIES = [
  ["apply", "Publish → applied", "From the time that the stream gave a command to the state that answers show."],
  ["emit", "Applied → told", "From there until the events of the command are stored, and told to who listens on NATS."],
  ["tell", "Told over streams", "From there until a client of a stream over HTTP is told; nothing where no stream is told."],
  ["query", "Queries", "From a query's arrival to its answer, over NATS and HTTP."],
  ["http", "HTTP", "From a request's headers to the end of its answer; streams are left out."],
];

function latencies(view, load) {
  let w, windows, chosen = 0;
  const cell = (q) => ([key]) => (w.latencies[key].count ? millis(w.latencies[key][`${q}_ms`]) : el("span", { class: "soft" }, "–"));
  const t = table({
    caption: "How long things take", key: ([key]) => key, columns: [
      { head: "Time of", kind: "keep", cell: ([, label, counts]) => describe(el("a", { href: STATS }, label), counts) },
      ...["p50", "p95", "p99"].map((q) => ({ head: q, kind: "n", cell: cell(q) })),
      { head: "count", kind: "n wide", cell: ([key]) => el("span", { class: "soft" }, count(w.latencies[key].count)) },
    ],
  });
  const draw = () => {
    w = windows[chosen];
    t.to(LATENCIES.map((l) => [...l, w.latencies[l[0]]]));
  };
  const pick = choice({ label: "Of the last", options: [[0, "1 min"], [1, "5 min"], [2, "15 min"]], value: chosen, change(n) { chosen = n; if (windows) draw(); } });
  return panel(view, {
    title: "Latency", every: EVERY, load, tools: [pick], make: () => [t.node],
    draw(s) {
      windows = s.windows;
      draw();
    },
  }).node;
}

/** kept is what was done last to keep the state safe. */
function kept(view) {
  const list = el("dl", { class: "pairs" });
  return statusPanel(view, {
    title: "Snapshot and rebuild", tools: [el("a", { href: "#/operations" }, "Operations")],
    make: () => [list],
    draw({ snapshot: s, rebuild: r }) {
      const pair = (name, ...what) => [el("dt", {}, name), el("dd", {}, what.flat())];
      const how = (x, words) => (x.state === "running" ? [el("span", { class: "tag", "data-tone": "warn" }, "running"), " since ", ago(x.started)] : x.state === "failed" ? [el("span", { class: "tag", "data-tone": "bad" }, "failed"), ` ${x.error} `, ago(x.ended)] : [...words(), " ", ago(x.ended)]);
      fill(list,
        pair("Last snapshot", s ? how(s, () => [`at ${count(s.seq)}, ${bytes(s.bytes)},`]) : "none since the start"),
        pair("Last rebuild", r ? how(r, () => [r.differed ? el("span", { class: "tag", "data-tone": "bad" }, "the old store differed") : "no difference,", ` ${count(r.applied)} commands in ${span(r.ended - r.started)},`]) : "none since the start"));
    },
  });
}

/** site is where it runs. */
function site(view) {
  const list = el("dl", { class: "pairs" });
  return statusPanel(view, {
    title: "Where it runs", empty: (s) => !s.nats && note("NATS is away"),
    make: () => [list],
    draw({ nats, peers = [], emitter, policy, id }) {
      const pair = (name, ...what) => [el("dt", {}, name), el("dd", {}, what.flat())];
      fill(list,
        pair("NATS", code(nats.url ?? "none"), nats.cluster ? ` of cluster ${nats.cluster}` : ""),
        nats.streams.map((s) => pair(s.stream, `${s.current} of ${s.replicas} ${s.replicas === 1 ? "server" : "servers"}${s.leader ? `, led by ${s.leader}` : ""}`, s.advice && [" ", code(s.advice)])).map(([dt, dd]) => [dt, dd]).flat(),
        pair("This reddot", code(id), emitter ? ` ${emitter}` : ""),
        pair("Others", peers.length ? peers.map((p) => `${p.host} ${p.pid}, ${p.role}${p.lag ? `, lag ${count(p.lag)}` : ""}`).join("; ") : "none heard"),
        pair("Policy", Object.entries(policy).map(([k, v]) => `${k} ${v}`).join(" · ")));
    },
  });
}
