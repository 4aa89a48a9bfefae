// The client's listeners on a NATS connection of the caller's. How no gap comes about:
//
//   subscribe to the user's events
//   ask for the state, page by page, and for the receipts
//   enter it, and again what came meanwhile: the newer version of each thing stays
//
// and ask again after the connection was lost, when an event is missing (each names the one
// before it), and when a check finds a newer version than is known.

import { Feed, ReddotError } from "./reddot.js";

const LIMIT = 200; // of a page
const READINGS = 3; // of a list that changes on the way; then it is taken as it is, and events mend it
const AT_ONCE = 16; // requests for receipts
const WATCH = 20_000, CHECK = 60_000; // ms; a watch holds for 60 s
const FIRST = 500, LONGEST = 30_000; // bounds of the back-off
const BUSY = 1_000; // after which one asks again who asked too often

const token = (id) => id.replace(/[\x00-\x20%.*>\x7f]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0"));

/** What a user's connection has as inboxPrefix: others may not hear the answers. */
export const inboxPrefix = (user, prefix = "unread") => `${prefix}.inbox.${token(user)}`;

// unpack reads MessagePack, as far as events have it.
export function unpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), utf8 = new TextDecoder("utf-8", { fatal: true });
  let at = 0;
  const uint = (size) => {
    let n = 0;
    for (; size > 0; size--) n = n * 256 + view.getUint8(at++);
    return n;
  };
  const int = (size) => (at += size, size === 8 ? Number(view.getBigInt64(at - 8)) : view[`getInt${8 * size}`](at - size));
  const text = (size) => utf8.decode(bytes.subarray(at, at += size));
  const list = (size) => Array.from({ length: fits(size) }, next);
  const map = (size) => Object.fromEntries(Array.from({ length: fits(size) }, () => [String(next()), next()]));
  const fits = (size) => {
    if (size > bytes.length - at) throw new RangeError("MessagePack: it ends early");
    return size;
  };
  function next() {
    const b = view.getUint8(at++);
    if (b < 0x80) return b;
    if (b < 0x90) return map(b & 15);
    if (b < 0xa0) return list(b & 15);
    if (b < 0xc0) return text(fits(b & 31));
    if (b >= 0xe0) return b - 256;
    switch (b) {
      case 0xc0: return null;
      case 0xc2: case 0xc3: return b === 0xc3;
      case 0xca: return view.getFloat32((at += 4) - 4);
      case 0xcb: return view.getFloat64((at += 8) - 8);
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return uint(1 << (b - 0xcc));
      case 0xd0: case 0xd1: case 0xd2: case 0xd3: return int(1 << (b - 0xd0));
      case 0xd9: case 0xda: case 0xdb: return text(fits(uint(1 << (b - 0xd9))));
      case 0xdc: case 0xdd: return list(uint(2 << (b - 0xdc)));
      case 0xde: case 0xdf: return map(uint(2 << (b - 0xde)));
    }
    throw new RangeError(`MessagePack: ${b} begins nothing that events have`);
  }
  return next();
}

const decode = (m) => (m.headers?.get("Content-Type") === "application/msgpack" ? unpack(m.data) : m.json());
const trouble = (status, code, detail, more) => new ReddotError({ status, code, detail, ...more });
const pause = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(done, ms);
  function done() { clearTimeout(timer); signal.removeEventListener("abort", done); resolve(); }
  signal.addEventListener("abort", done);
});

/** See nats.d.ts. */
export class NatsUser {
  #conn; #subject; #feed;

  constructor(conn, id, { prefix = "unread", receipts = true, watch = true } = {}) {
    Object.assign(this, { id });
    this.#conn = conn;
    this.#subject = (kind, verb) => `${prefix}.${kind}.${token(id)}.${verb}`;
    const source = new Source(this, conn, { events: this.#subject("evt", ""), stream: `${prefix.toUpperCase()}_EVENTS`, receipts, watch });
    this.#feed = new Feed(source, id);
    for (const name of ["listen", "store", "watch"]) this[name] = (...args) => this.#feed[name](...args);
  }

  /** Asks a query, as "totals", with the fields that it has on NATS. */
  ask(query, fields = {}, options) { return this.#request(this.#subject("api", query), fields, options); }

  /** Asks for a command, as "read". */
  do(verb, fields = {}, options) { return this.#request(this.#subject("do", verb), fields, options); }

  async #request(subject, fields, { timeoutMs = 5_000 } = {}) {
    let m;
    try {
      m = await this.#conn.request(subject, JSON.stringify(fields), { timeout: timeoutMs });
    } catch (e) {
      throw trouble(0, "network", `no answer on ${subject}: ${e.message}`, { cause: e });
    }
    const code = m.headers?.get("Nats-Service-Error-Code");
    if (!code) return m.json();
    let body = {};
    try { body = m.json(); } catch { /* another program answers */ }
    throw trouble(Number(code), m.headers.get("Nats-Service-Error"), body.message ?? "no reason is given", { seq: body.seq });
  }
}

// Source reads the user's state and hears the changes, and enters them in the feed.
class Source {
  #user; #conn; #about; #feed; #stop; #sub;
  #stored = new Map(); // the sequence of the last event, by subject
  #reading; // events that came while the state is read
  #readings = 0; // what comes after one belongs to it
  #newest = 0; // version that was heard
  #wanted = 0; #settled = 0; #wake = () => {}; // readings: the state is read when wanted is more than settled

  constructor(user, conn, about) {
    this.#user = user;
    this.#conn = conn;
    this.#about = about;
  }

  start(feed) {
    const stop = this.#stop = new AbortController(), { signal } = stop;
    this.#feed = feed;
    this.#stored.clear();
    this.#sub = this.#conn.subscribe(this.#about.events + ">", { callback: (err, m) => (err ? this.#end(err) : this.#hear(m)) });
    this.#follow(signal);
    this.#again();
    this.#run(signal);
    if (this.#about.watch) this.#every(WATCH, signal, () => this.#user.ask("watch"));
    this.#every(CHECK, signal, () => this.#check());
  }

  stop() {
    this.#stop.abort();
    if (!this.#conn.isClosed()) this.#sub.unsubscribe();
    this.#wake();
  }

  #end(error) {
    if (!this.#stop.signal.aborted) this.#feed.fail(trouble(0, "network", `the NATS connection is of no use any more: ${error?.message ?? "it was closed"}`, { cause: error }), true);
  }

  // again has the state read.
  #again() {
    this.#wanted++;
    this.#wake();
  }

  async #every(ms, signal, work) {
    for (;;) {
      await pause(ms, signal);
      if (signal.aborted) return;
      await work().catch(() => {}); // the next one may succeed; an outage is told by the connection
    }
  }

  // check notices an event that NATS lost without a trace.
  async #check() {
    const { version } = await this.#user.ask("totals");
    if (version > this.#newest) this.#again();
  }

  // follow hears how the connection does.
  async #follow(signal) {
    this.#conn.closed().then((e) => this.#end(e));
    for await (const s of this.#conn.status()) {
      if (signal.aborted) return;
      if (s.type === "disconnect") this.#feed.become("offline");
      if (s.type === "reconnect") this.#again();
      if (s.type === "slowConsumer" && s.sub === this.#sub) this.#again();
    }
  }

  async #run(signal) {
    for (let tries = 0; ; ) {
      if (this.#wanted === this.#settled) await new Promise((resolve) => { this.#wake = resolve; });
      if (signal.aborted) return;
      const number = this.#wanted;
      try {
        this.#feed.become("syncing");
        await this.#read(signal);
        this.#settled = number;
        tries = 0;
      } catch (e) {
        if (signal.aborted) return;
        this.#reading = undefined;
        const stop = e.status === 400 || e.status === 403;
        this.#feed.fail(e, stop);
        if (stop) return;
        this.#feed.become("offline");
        await pause(Math.random() * Math.min(LONGEST, FIRST * 2 ** tries++), signal);
      }
    }
  }

  // hear enters an event. It is taken only from the event stream: anybody may be able to have
  // a message sent here, as the answer to a request.
  #hear(m) {
    const { events, stream } = this.#about, { headers } = m, kind = m.subject.slice(events.length);
    if (headers?.get("Nats-Stream") !== stream) return;
    const before = Number(headers.get("Nats-Last-Sequence")), known = this.#stored.get(kind);
    this.#stored.set(kind, Number(headers.get("Nats-Sequence")));
    let missing = known !== undefined && before > known;
    try {
      const data = decode(m);
      if (data.user !== this.#user.id) return;
      this.#newest = Math.max(this.#newest, data.version);
      const entered = this.#shape(kind, data, headers.get("Reddot-More") !== "");
      if (entered) {
        this.#reading?.push(entered);
        this.#feed.enter(...entered, `${this.#readings}`);
      }
    } catch (e) {
      this.#feed.fail(trouble(0, "network", `an event on ${m.subject} can't be read: ${e.message}`, { cause: e }));
      missing = true;
    }
    if (missing) this.#again();
  }

  // shape is an event as streams over HTTP have it; of a later version of reddot: nothing.
  #shape(kind, data, more) {
    const { user, version } = data;
    switch (kind) {
      case "change": return ["change", { ...data, more }];
      case "receipt": return this.#about.receipts ? ["receipts", { user, receipts: [data] }] : undefined;
      case "group-receipt": return this.#about.receipts ? ["receipts", { user, receipts: data.receipts.map((r) => ({ group: data.group, version, ...r })) }] : undefined;
    }
  }

  // read reads the state and enters it, and what came meanwhile after it.
  async #read(signal) {
    const came = this.#reading = [], user = this.#user.id, ask = (...q) => this.#ask(signal, ...q);
    if (this.#about.watch) await ask("watch");
    let state;
    for (let i = 1; !state; i++) state = await this.#state(ask, i === READINGS);
    const receipts = this.#about.receipts ? await this.#receipts(ask, state.conversations) : [];
    signal.throwIfAborted();
    const { version } = state, from = `${++this.#readings}`;
    this.#newest = Math.max(this.#newest, version);
    this.#feed.enter("reset", { user, reason: "start" }, from);
    this.#feed.enter("change", { user, ...state }, from);
    this.#feed.enter("receipts", { user, receipts }, from);
    this.#feed.enter("live", { user, version }, from);
    this.#reading = undefined;
    for (const event of came) this.#feed.enter(...event, from);
  }

  // state is the list, its totals, the filters' and the followed threads; nothing if they
  // changed on the way, unless it is taken as it is.
  async #state(ask, anyhow) {
    const { version, totals, filters } = await ask("totals", { after_seq: this.#newest || undefined });
    const state = { version, totals, filters, conversations: [], threads: [] };
    for (const [query, part, fields] of [["conversations", "conversations", {}], ["threads", "threads", { following: true }]]) {
      let after;
      do {
        const page = await ask(query, { ...fields, limit: LIMIT, after, after_seq: version || undefined });
        if (page.version !== version && !anyhow) return undefined;
        state[part].push(...page[part]);
        after = page.next;
      } while (after);
    }
    return state;
  }

  // receipts asks how far each peer has read.
  async #receipts(ask, conversations) {
    const peers = conversations.filter((c) => c.conversation.startsWith("c2c_")).map((c) => c.conversation.slice(4)), found = [];
    const work = async () => {
      for (let peer = peers.pop(); peer !== undefined; peer = peers.pop()) {
        const r = await ask("receipt", { peer }).catch((e) => { if (e.code !== "not_found") throw e; });
        if (r) found.push({ peer, conversation: `c2c_${peer}`, upto: r.upto, at: r.at, version: r.version });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return found.sort((a, b) => a.version - b.version);
  }

  // ask asks, and waits while the user has asked too often.
  async #ask(signal, query, fields) {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.#user.ask(query, fields);
      } catch (e) {
        if (e.code !== "rate_limited") throw e;
        await pause(BUSY * (0.5 + Math.random()), signal);
      }
    }
  }
}
