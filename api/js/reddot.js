// The client of reddot, in one file without dependencies. README.md has its parts.

const DEFAULTS = {
  hello: 5_000, again: 600_000, // without a hello by then it polls for so long
  first: 500, longest: 30_000, // bounds of the back-off, each wait is random below
  settled: 10_000, // a connection that lived so long was a good one
  heartbeat: 25_000, look: 2_000, // see Stream.#guard
  wait: 25, pause: 200, // a poll, in seconds; after one with events, in ms
  beat: 5_000, steal: 15_000, count: 300, // see Tabs and counter
};

export class ReddotError extends Error {
  constructor({ cause, ...problem }) {
    super(problem.detail, { cause });
    Object.assign(this, problem, { name: "ReddotError" });
  }
}

const trouble = (code, detail, status = 0, cause) => new ReddotError({ status, code, detail, cause });

const sleep = (ms, wake = {}) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  wake.up = () => resolve(clearTimeout(timer));
});

const check = (signal) => { if (signal?.aborted) throw signal.reason; };

const defined = (object) => Object.entries(object).filter(([, v]) => v !== undefined);

// wire writes the names of options as the server does.
const wire = (options) => Object.fromEntries(defined(options).map(([k, v]) => [k.replace(/[A-Z]/g, (c) => "_" + c.toLowerCase()), v]));

// What differs in its version alone looks the same.
const looks = (thing) => JSON.stringify(thing && { ...thing, version: 0 });

// What watch and store hear beside a listener's own calls.
const EACH = Symbol("each"), CLOSED = Symbol("closed");

const PARTS = ["list", "threads", "receipts"];
const MAX_RECEIPTS = 10_000;

// Book is a user's state. Invariant: no version in it goes backward.
class Book {
  version = 0;
  list = new Map(); // newest activity last, as that is where a Map grows
  threads = new Map();
  receipts = new Map();

  // change enters a change and returns what it touched, by part and key, newest first. A
  // book has all that is of its version, so an older change has nothing new.
  change({ version, totals, conversations = [], removed = [], threads = [], filters }) {
    if (version < this.version) return [];
    Object.assign(this, { version, totals, filters });
    let touched = [];
    const listed = [];
    for (const name of removed) { // first, as some may be back
      if (!(this.list.get(name)?.version <= version)) continue;
      this.list.delete(name);
      touched.push(["list", name]);
      for (const [key, { conversation }] of this.threads) { // they end with it
        if (conversation === name && this.threads.delete(key)) touched.push(["threads", key]);
      }
    }
    for (const now of [...conversations].reverse()) {
      const key = now.conversation, known = this.list.get(key);
      if (known?.version >= now.version) continue;
      if (now.last_message && known?.last_message?.id !== now.last_message.id) this.list.delete(key); // to the top
      this.list.set(key, now);
      listed.push(["list", key]);
    }
    touched = listed.reverse().concat(touched);
    for (const now of threads) {
      const key = now.conversation + "\0" + now.thread;
      if (this.threads.get(key)?.version >= now.version) continue;
      if (now.following) this.threads.set(key, now);
      else this.threads.delete(key);
      touched.push(["threads", key]);
    }
    return touched;
  }

  receive({ receipts }) {
    const touched = [];
    for (const now of receipts) {
      const key = now.group ? `${now.group}\0\0${now.id}` : `${now.peer}\0${now.thread ?? ""}`;
      if (this.receipts.get(key)?.version >= now.version) continue;
      this.receipts.delete(key); // the newest last: the oldest go first
      this.receipts.set(key, now);
      touched.push(["receipts", key]);
      if (this.receipts.size <= MAX_RECEIPTS) continue;
      const [oldest] = this.receipts.keys();
      this.receipts.delete(oldest);
      touched.push(["receipts", oldest]);
    }
    return touched;
  }

  // all is every key, of the list the newest first.
  all() {
    return PARTS.flatMap((part) => {
      const keys = [...this[part].keys()];
      return (part === "list" ? keys.reverse() : keys).map((key) => [part, key]);
    });
  }

  conversations() { return [...this.list.values()].reverse(); }
}

// Feed is a user's book and who listens to it. Events are entered as they come; who listens
// is told in rounds, a microtask later, what looks different by then.
export class Feed {
  #source; #named; #book; #reading; #held = {}; #state = "syncing";
  #listeners = new Set(); #waking = false; #store; #snapshot; #conversations;
  started = false;

  constructor(source, user) {
    this.#source = source;
    this.user = this.#named = user;
  }

  // enter enters an event of a connection. Parts of one wait for the last. After a reset the
  // state is read into a book of its own, which takes the place of the other once it is whole.
  enter(event, data, from = "") {
    this.user ??= data.user;
    if (data.user !== this.user) return this.fail(trouble("other_user", `the token of ${this.user} is now one of ${data.user}`), true);
    const key = event + from;
    for (const [k, v] of Object.entries(this.#held[key] ?? {})) if (Array.isArray(v)) data = { ...data, [k]: v.concat(data[k] ?? []) };
    this.#held[key] = data.more && data;
    if (data.more) return;

    const reading = this.#reading?.from === from && this.#reading.book, book = reading || this.#book;
    let touched = [];
    if (event === "reset") this.#reading = { from, book: new Book() };
    else if (!book) return; // it begins with a reset
    else if (event === "change") touched = book.change(data);
    else if (event === "receipts") touched = book.receive(data);
    else if (event === "live") {
      if (reading) {
        touched = reading.all().concat(this.#book?.all() ?? []);
        this.#book = reading;
        this.#reading = undefined;
      }
      book.version = Math.max(book.version, data.version);
      this.#held = {}; // by connections that broke off
      this.#state = "live";
    }
    if (reading && event !== "live") return; // nobody is told of it yet
    if (touched.length) this.#conversations = undefined;
    for (const s of this.#listeners) s.touch(touched);
    this.#changed();
  }

  become(state) {
    this.#state = state;
    this.#changed();
  }

  fail(error, stop) {
    for (const s of this.#listeners) s.errors.push(error);
    if (stop) this.#end(error, "stopped");
    else this.#wake();
  }

  state() {
    const book = this.#book, user = this.user;
    if (!book) return [];
    const { version, totals, filters } = book;
    return [
      { event: "reset", data: { user } },
      { event: "change", data: { user, version, totals, filters, conversations: book.conversations(), threads: [...book.threads.values()] } },
      { event: "receipts", data: { user, receipts: [...book.receipts.values()] } },
      { event: "live", data: { user, version } },
    ];
  }

  listen(listener, { signal } = {}) { return this.#add(listener, signal); }

  store() {
    return this.#store ??= {
      getSnapshot: () => this.#show(),
      subscribe: (fn) => {
        const s = this.#add({ [EACH]: fn });
        s.call(EACH, s.shown = this.#show());
        return () => s.close();
      },
    };
  }

  async *watch({ signal } = {}) {
    let wake, seen;
    const s = this.#add({ [EACH]: () => wake?.(), [CLOSED]: () => wake?.() }, signal);
    try {
      while (!s.closed) {
        if (s.live && seen !== this.#show()) yield seen = this.#show();
        else await new Promise((resolve) => { wake = resolve; });
      }
      if (s.failed) throw s.failed;
    } finally {
      s.close();
    }
  }

  end(error) {
    this.#book = this.#reading = this.#conversations = undefined;
    this.user = this.#named;
    this.#end(error, "syncing");
  }

  #end(error, state) {
    const failed = state === "stopped";
    this.become(state);
    if (failed) this.#round();
    for (const s of [...this.#listeners]) {
      if (!failed) s.call(EACH, this.#show()); // a store shows nobody's any more
      s.close(error, failed);
    }
    this.#stop();
  }

  #add(listener, signal) {
    const s = new Listening(listener, () => {
      signal?.removeEventListener("abort", abort);
      if (this.#listeners.delete(s)) setTimeout(() => { if (!this.#listeners.size) this.#stop(); }, 0); // unless another comes at once
    });
    const abort = () => s.close(signal.reason);
    if (signal?.aborted) abort();
    if (s.closed) return s;
    signal?.addEventListener("abort", abort);
    s.touch(this.#book?.all() ?? []);
    this.#listeners.add(s);
    if (!this.started) {
      this.started = true;
      if (this.#state !== "syncing") this.become("syncing");
      this.#source.start(this);
    }
    this.#wake();
    return s;
  }

  #stop() {
    if (this.started) this.#source.stop();
    this.started = false;
  }

  #changed() {
    this.#snapshot = undefined;
    this.#wake();
  }

  #wake() {
    if (this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      this.#round();
    });
  }

  #round() {
    for (const s of [...this.#listeners]) s.round(this.#book, this.#state, () => this.#show());
  }

  #show() {
    const { totals, version = 0 } = this.#book ?? {};
    const conversations = this.#conversations ??= Object.freeze(this.#book?.conversations() ?? []);
    return this.#snapshot ??= Object.freeze({ totals, conversations, state: this.#state, version });
  }
}

// Listening is one who listens: what they were told, and what has been touched since.
class Listening {
  told = { list: new Map(), threads: new Map(), receipts: new Map() };
  touched = { list: new Set(), threads: new Set(), receipts: new Set() };
  errors = []; state = "syncing"; closed = false;

  constructor(listener, leave) {
    Object.assign(this, { listener, leave });
    this.ready = new Promise((resolve, reject) => { this.settle = { resolve, reject }; });
    this.ready.catch(() => {}); // who doesn't await it has onError
  }

  touch(keys) { for (const [part, key] of keys) this.touched[part].add(key); }

  close(reason = trouble("closed", "it was closed"), failed) {
    if (this.closed) return;
    this.call(CLOSED);
    this.closed = true;
    this.failed = failed && reason;
    this.leave();
    this.settle.reject(reason);
  }

  // call makes one call. What it throws, or rejects with, is told.
  call(name, what) {
    if (this.closed) return;
    const report = (e) => {
      if (name === "onError" || !this.listener.onError) console.error("reddot:", name, e);
      else this.call("onError", e);
    };
    try {
      this.listener[name]?.(what)?.then?.(undefined, report);
    } catch (e) {
      report(e);
    }
  }

  tell(name, list) { if (list.length) this.call(name, list); }

  round(book, state, show) {
    for (const e of this.errors.splice(0)) this.call("onError", e);
    this.started ||= state === "live";
    if (this.started && book) this.#news(book);
    if (state !== this.last) this.call("onStateChanged", this.state = this.last = state);
    if (state === "live") {
      this.live = true;
      this.settle.resolve();
    }
    if (this.listener[EACH] && this.shown !== show()) this.call(EACH, this.shown = show());
  }

  #news(book) {
    const [list, threads, receipts] = PARTS.map((part) => this.#take(part, book[part]));
    this.tell("onNewConversation", list.fresh);
    this.tell("onConversationChanged", list.changed);
    this.tell("onConversationDeleted", list.gone.map((v) => v.conversation));
    this.tell("onThreadChanged", [...threads.fresh, ...threads.changed]);
    this.tell("onThreadDeleted", threads.gone.map(({ conversation, thread }) => ({ conversation, thread })));
    for (const [of, name] of [["totals", "onTotalUnreadMessageCountChanged"], ["filters", "onUnreadMessageCountChangedByFilter"]]) {
      const now = JSON.stringify(book[of]);
      if (now !== this.told[of]) this.call(name, book[of] ?? {});
      this.told[of] = now;
    }
    const all = [...receipts.fresh, ...receipts.changed];
    this.tell("onRecvC2CReadReceipt", all.filter((r) => !r.group));
    this.tell("onRecvMessageReadReceipts", all.filter((r) => r.group));
  }

  // take takes what was touched and looks different than what was told.
  #take(part, now) {
    const news = { fresh: [], changed: [], gone: [] }, told = this.told[part];
    for (const key of this.touched[part]) {
      const is = now.get(key), was = told.get(key);
      if (is && was ? looks(is) === looks(was) : is === was) continue;
      (!is ? news.gone : was ? news.changed : news.fresh).push(is ?? was);
      if (is) told.set(key, is);
      else told.delete(key);
    }
    this.touched[part].clear();
    return news;
  }
}

// Http makes requests, and has the token that they bring along. The callback for it is
// called once at a time; what it gives to a session that is over is dropped.
class Http {
  #asking; #session = 0; current; renewAt;

  constructor(options) {
    const { url = "/", token, key } = options;
    this.options = options;
    this.base = String(url).replace(/\/*$/, "/");
    this.times = { ...DEFAULTS, ...options.times }; // times: shorter ones, in tests
    const shares = globalThis.BroadcastChannel && (options.shareTabs ?? !!globalThis.document);
    this.shares = shares && globalThis.navigator?.locks;
    if (shares && !this.shares) this.count = counter(this.base, this.times);
    if (!/^https?:/.test(this.base) && !globalThis.location) throw new TypeError(`url ${JSON.stringify(url)}: want http:// or https:// outside of a page`);
    if (token && key) throw new TypeError("want a token or a key, not both");
  }

  // credential returns what the next request brings along. rejected is what the last one did.
  async credential(rejected) {
    if (!this.options.token) return this.options.key;
    if (!this.current) return this.ask("start");
    if (rejected === this.current) return this.ask("rejected");
    if (Date.now() < this.renewAt) return this.current;
    return this.ask("expiring").catch(() => this.current); // which may do for a while
  }

  ask(reason) {
    const session = this.#session;
    return this.#asking ??= Promise.resolve().then(() => this.options.token({ reason })).then((token) => {
      if (session !== this.#session) throw trouble("closed", "the client was closed");
      if (!token) throw trouble("unauthorized", "there is no token to be had", 401);
      this.current = token;
      let claims = {};
      try { claims = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))); } catch {} // the server will say
      this.renewAt = Infinity;
      this.lives(claims.exp * 1000, claims.iat * 1000);
      return token;
    }).finally(() => { if (session === this.#session) this.#asking = undefined; });
  }

  // lives says until when the token does: the next one is asked for at 70 to 90 % of what is
  // left, so that tokens made at once aren't renewed at once. A clock that is wrong by more
  // than a life is seen by iat.
  lives(exp, iat) {
    let left = exp - Date.now();
    if (left <= 0 || left > exp - iat) left = exp - iat;
    if (left > 0 && this.renewAt === Infinity) this.renewAt = Date.now() + left * (0.7 + 0.2 * Math.random());
  }

  close() {
    this.#session++;
    this.current = this.#asking = undefined;
  }

  // open sends a request, once more with a new token if the first was rejected, and returns
  // the answer if it is a good one. sending hears of each attempt.
  async open(path, { query = {}, body, headers, signal, sending } = {}) {
    const params = defined(query).flatMap(([k, v]) => [v].flat().map((v) => `${k}=${encodeURIComponent(v)}`)).join("&");
    let credential = await this.credential();
    for (let first = true; ; first = false) {
      check(signal);
      sending?.(true);
      let answer;
      try {
        answer = await (this.options.fetch ?? fetch)(this.base + path + (params && `?${params}`), {
          method: body ? "POST" : "GET", signal, body: body && JSON.stringify(body),
          headers: { ...headers, ...(body && { "Content-Type": "application/json" }), ...(credential && { Authorization: `Bearer ${credential}` }) },
        });
      } catch (e) {
        check(signal);
        throw trouble("network", `no answer from ${this.base}: ${e.message}`, 0, e);
      }
      if (answer.ok) return answer;
      sending?.(false);
      const problem = await answer.json().catch(() => ({}));
      const after = answer.headers.get("Retry-After");
      const error = new ReddotError({
        ...problem, status: answer.status, code: problem.code ?? `http_${answer.status}`, detail: problem.detail ?? `the answer is ${answer.status} ${answer.statusText}`,
        retryAfter: after === null ? undefined : Math.max(0, after >= 0 ? Number(after) : (Date.parse(after) - Date.now()) / 1000),
      });
      if (answer.status !== 401 || !first || !this.options.token) throw error;
      const next = await this.credential(credential);
      if (next === credential) throw error;
      credential = next;
    }
  }

  command(verb, body, key, signal) {
    return this.json(`v1/${verb}`, { body, signal, headers: key === undefined ? {} : { "Idempotency-Key": key } });
  }

  async json(path, options) {
    const answer = await this.open(path, options);
    try {
      return await answer.json();
    } catch (e) {
      check(options?.signal);
      throw trouble("network", `the answer of ${path} broke off, or is none of reddot's`, 0, e);
    }
  }
}

// parser takes the bytes of an event stream, cut anywhere, and emits events.
function parser(emit) {
  const decoder = new TextDecoder();
  let rest = "", cr = false, event = "", data = [];
  const line = (text) => {
    if (text === "") {
      if (data.length) emit(event || "message", data.join("\n"));
      event = "", data = [];
      return;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(text);
    if (field === "event") event = value;
    if (field === "data") data.push(value);
  };
  return (bytes) => {
    let text = decoder.decode(bytes, { stream: true });
    if (!text) return;
    if (cr && text[0] === "\n") text = text.slice(1); // of a CRLF that was cut
    cr = text.endsWith("\r");
    const lines = (rest + text).split(/\r\n|\r|\n/);
    rest = lines.pop();
    lines.forEach(line);
  };
}

// By the clock that went further: one stands still while a machine sleeps, one can be set back.
const now = () => [Date.now(), performance.now()];
const since = (then) => Math.max(...now().map((t, i) => t - then[i]));

// Stream hears a user's events over HTTP and tells them to a feed: again and again from its
// cursor, until it is stopped.
class Stream {
  #http; #user; #feed; #run; #pollUntil = 0; #connections = new Set(); #sleeping = {}; #opened = 0;
  cursor = "";

  constructor(http, user) {
    this.#http = http;
    this.#user = user;
  }

  start(feed) {
    this.#feed = feed;
    for (const [target, event] of SIGNS) target?.addEventListener?.(event, this.#look);
    this.forever(feed, () => this.#connect());
  }

  stop() {
    this.#run = undefined;
    this.#sleeping.up?.();
    for (const c of this.#connections) c.abort();
    for (const [target, event] of SIGNS) target?.removeEventListener?.(event, this.#look);
  }

  // forever attempts until it is stopped or an attempt returns "done". In between it waits as
  // the server says, else at random, ever longer.
  async forever(feed, attempt) {
    const run = this.#run = {}, { first, longest, settled } = this.#http.times;
    for (let tries = 0; ; ) {
      const began = Date.now();
      let wait;
      try {
        const outcome = await attempt();
        if (run !== this.#run) return false;
        if (outcome === "done") return true;
        if (outcome === "again") continue;
        wait = outcome?.retry_ms;
      } catch (e) {
        if (run !== this.#run) return false;
        const stop = e.code === "disconnected" || e.status >= 400 && e.status < 500 && ![408, 425, 429].includes(e.status);
        feed.fail(e, stop);
        if (stop) return false;
        wait = e.retryAfter * 1000;
      }
      if (Date.now() - began > settled) tries = 0;
      feed.become("offline");
      const due = wait > 0;
      await sleep(due ? wait : Math.random() * Math.min(longest, first * 2 ** tries++), this.#sleeping = { due });
      if (run !== this.#run) return false;
      feed.become("syncing");
    }
  }

  // connect hears one connection to its end, and those that take over from it.
  async #connect() {
    let c = this.#open(await this.#polls());
    do await c.ended; while (c.next && (c = c.next));
    if (c.error) throw c.error;
    const { times, options, current } = this.#http, reason = c.bye?.reason;
    if (reason === "expired") this.#http.renewAt = 0;
    if (reason === "replaced" && options.transport !== "sse") this.#pollUntil = Date.now() + times.again;
    if (reason === "disconnected") { // a log-out, or a ban: only who still gets another token comes back
      const next = options.token && await this.#http.ask("rejected").catch(() => {});
      if (!next || next === current) throw trouble("disconnected", "the server has disconnected the user");
    }
    return c.bye ?? c.outcome;
  }

  #open(polls, live = () => {}) {
    const aborter = new AbortController();
    const c = { id: `${++this.#opened}`, signal: aborter.signal, abort: () => aborter.abort(), heard: now(), live, limit: 2.5 * this.#http.times.heartbeat };
    this.#connections.add(c);
    this.#guard(c);
    c.ended = (polls ? this.#poll(c) : this.#hear(c)).catch((e) => { if (!c.signal.aborted) c.error = e; }).finally(() => {
      this.#connections.delete(c);
      for (const timer of [c.hello, c.guard, c.renewal]) clearTimeout(timer);
    });
    return c;
  }

  async #hear(c) {
    const http = this.#http, { hello, again } = http.times, auto = http.options.transport !== "sse";
    const unheard = () => {
      c.outcome = "again";
      this.#pollUntil = Date.now() + again;
      c.abort();
    };
    const answer = await http.open("v1/events", {
      query: this.#query(), headers: { Accept: "text/event-stream" }, signal: c.signal,
      sending: (on) => {
        clearTimeout(c.hello);
        if (on && auto) c.hello = setTimeout(unheard, hello);
      },
    });
    if (!answer.body?.getReader) {
      if (auto) return unheard();
      throw trouble("network", 'there are no streams here: want transport "auto" or "poll"');
    }
    if (!answer.headers.get("Content-Type")?.startsWith("text/event-stream")) throw trouble("network", "the answer is no stream of events");
    const reader = answer.body.getReader(), parse = parser((event, data) => this.#take(c, event, JSON.parse(data)));
    while (!c.bye) {
      const { done, value } = await reader.read().catch(() => ({ done: true })); // it broke off: no fault to tell of
      if (done) return;
      c.heard = now();
      parse(value);
    }
    c.abort();
  }

  async #poll(c) {
    const { times, options } = this.#http;
    for (let wait = 0; ; ) {
      const { events, cursor } = await this.#http.json("v1/changes", { query: { ...this.#query(), wait }, signal: c.signal });
      c.heard = now();
      const pause = events.length && times.pause;
      if (!pause && this.#feed.user) events.push({ event: "live", data: { user: this.#feed.user, version: 0 } });
      for (const { event, data } of events) {
        this.#take(c, event, data);
        if (event === "live") wait = times.wait;
      }
      if (c.signal.aborted) return;
      this.cursor = cursor || this.cursor;
      if (options.transport !== "poll" && Date.now() > this.#pollUntil) c.outcome = "again";
      if (c.outcome || c.bye) return;
      if (pause) await sleep(pause);
    }
  }

  #query() {
    const { receipts = true, watch = true } = this.#http.options;
    return { user: this.#user, cursor: this.cursor || undefined, receipts, watch };
  }

  #take(c, event, data) {
    if (c.signal.aborted) return;
    if (event === "hello") {
      clearTimeout(c.hello);
      c.limit = 2.5 * (data.heartbeat_ms || this.#http.times.heartbeat);
      this.#guard(c);
      this.#http.lives(data.expires_at);
      this.#renew(c);
    } else if (event === "bye") c.bye = data;
    else if (["reset", "change", "receipts", "live"].includes(event)) {
      this.#feed.enter(event, data, c.id);
      if (c.signal.aborted) return; // it was another user's
      this.note(event, data);
      if (event === "live") c.live();
    }
  }

  // note notes where to resume.
  note(event, data) {
    if (event === "reset") this.cursor = "";
    else if (data.cursor && !data.more) this.cursor = data.cursor;
  }

  // renew makes before it breaks: a second stream, with a new token and the cursor.
  #renew(c) {
    const http = this.#http, left = http.renewAt - Date.now();
    if (!(left < Infinity)) return;
    c.renewal = setTimeout(async () => {
      if (Date.now() < http.renewAt) return this.#renew(c);
      const before = http.current;
      await http.ask("expiring").catch((e) => this.#feed.fail(e));
      if (http.current === before || !this.#connections.has(c)) return;
      const next = c.next = this.#open(false, c.abort);
      next.ended.then(() => { if (this.#connections.has(c)) c.next = undefined; });
    }, Math.min(Math.max(left, 0), 2 ** 31 - 1));
  }

  // guard ends a connection that is silent for 2.5 heartbeats, and still is at a second look:
  // timers of a hidden tab run once a minute, and before what came meanwhile has been seen.
  #guard(c, second) {
    clearTimeout(c.guard);
    const left = c.limit - since(c.heard);
    if (left <= 0 && second) c.abort();
    else c.guard = setTimeout(() => this.#guard(c, left <= 0), left > 0 ? left : this.#http.times.look);
  }

  #look = () => {
    if (globalThis.document?.hidden) return;
    for (const c of this.#connections) this.#guard(c);
    if (!this.#sleeping.due) this.#sleeping.up?.();
  };

  async #polls() {
    const { options: { transport = "auto" }, times, count } = this.#http;
    if (transport !== "auto") return transport === "poll";
    if (count && Date.now() > this.#pollUntil && !await count()) this.#pollUntil = Date.now() + times.again;
    return Date.now() < this.#pollUntil;
  }
}

const SIGNS = [[globalThis, "online"], [globalThis, "pageshow"], [globalThis.document, "visibilitychange"]];

// Tabs is one stream for all tabs of a browser that show a user. The one that holds a lock
// has it, and posts what comes; the others enter that, each in its book, and go on from there
// when the lock is theirs. Of a tab that is frozen it is stolen: not of one that is hidden,
// whose timers are slow, as who is asked answers at once.
class Tabs {
  #http; #stream; #user; #feed; #channel; #beat; #lock; #release; #leader = 0; #n; #synced; #heard; #asked; #wanted; #on;

  constructor(http, stream, user) {
    this.#http = http;
    this.#stream = stream;
    this.#user = user;
  }

  async start(feed) {
    const on = this.#on = this.#feed = feed;
    await this.#stream.forever(feed, async () => {
      this.#user ??= feed.user ?? (await this.#http.json("v1/totals")).user;
      return "done";
    });
    if (on !== this.#on || !this.#user) return;
    const { base, times } = this.#http;
    this.#channel = new BroadcastChannel(`reddot ${base} ${this.#user}`);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#beat = setInterval(() => this.#tick(), times.beat);
    this.#queue({});
    this.#ask();
  }

  stop() {
    this.#on = undefined;
    clearInterval(this.#beat);
    this.#channel?.close();
    this.#channel = undefined;
    this.#lock?.abort();
    this.#lock = undefined;
    this.#release?.();
    this.#release = undefined;
    this.#stream.stop();
  }

  // queue waits for the lock, or steals it, and leads as long as it is held.
  #queue(how) {
    this.#lock?.abort();
    const lock = this.#lock = new AbortController();
    navigator.locks.request(this.#channel.name, how.steal ? how : { signal: lock.signal }, () => new Promise((resolve) => {
      if (lock === this.#lock) this.#lead(resolve);
      else resolve();
    })).catch((e) => {
      if (lock !== this.#lock) return;
      if (e.name !== "AbortError") return this.#lead(() => {}); // there are no locks here, as in a sandbox
      this.#release = undefined; // stolen, as this tab was frozen
      this.#stream.stop();
      this.#queue({});
      this.#ask();
    });
  }

  #lead(release) {
    const feed = this.#feed;
    this.#release = release;
    this.#leader = Math.max(Date.now(), this.#leader + 1); // the later one leads, if a stolen one doesn't know yet
    this.#n = 0;
    this.#post({});
    this.#stream.start({
      get user() { return feed.user; },
      enter: (event, data, from) => {
        feed.enter(event, data, from);
        this.#post({ event, data, from: `${this.#leader} ${from}` });
        if (event === "live" && this.#wanted) this.#tell();
      },
      become: (state) => {
        this.#post({ state });
        feed.become(state);
      },
      fail: (error, stop) => feed.fail(error, stop),
    });
  }

  #post(message) { this.#channel?.postMessage({ leader: this.#leader, n: this.#n++, ...message }); }

  #tell() {
    const { state } = this.#feed.store().getSnapshot(), known = this.#feed.state();
    this.#wanted = !known.length;
    this.#post(known.length ? { known, state, cursor: this.#stream.cursor } : {});
  }

  #ask() {
    this.#heard ??= now();
    this.#synced = false;
    this.#channel.postMessage({ asks: "all" });
  }

  #hear({ asks, leader, n, event, data, from, state, known, cursor }) {
    if (this.#release) return asks === "all" ? this.#tell() : asks && this.#post({});
    if (asks || leader < this.#leader) return;
    const follows = this.#synced && leader === this.#leader;
    this.#heard = now();
    this.#asked = false;
    this.#leader = leader;
    if (known && !follows) {
      for (const { event, data } of known) this.#feed.enter(event, data, `${leader}`);
      this.#stream.cursor = cursor;
      this.#synced = true;
    } else if (!follows || n !== this.#n + 1) { // another leads, or something was missed
      if (this.#synced || event === "live") this.#ask();
      return;
    } else if (event) {
      this.#stream.note(event, data);
      this.#feed.enter(event, data, from);
    }
    this.#n = n;
    if (state && state !== "live") this.#feed.become(state);
  }

  #tick() {
    if (this.#release) return this.#post({});
    const { steal, beat } = this.#http.times, silent = since(this.#heard);
    if (silent >= steal && this.#asked) this.#queue({ steal: true });
    else if (silent >= steal - beat) {
      this.#asked = true;
      this.#channel.postMessage({ asks: "here" });
    }
  }
}

// counter counts the other tabs that have a stream, where they can't share one.
function counter(base, times) {
  const channel = new BroadcastChannel(`reddot ${base}`);
  channel.unref?.(); // in Node
  let others, streams = false;
  channel.onmessage = ({ data }) => {
    if (data === "who" && streams) channel.postMessage("here");
    if (data === "here") others++;
  };
  return async () => {
    others = 0;
    streams = true;
    channel.postMessage("who");
    await sleep(times.count);
    return streams = others < 2;
  };
}

const PAGE = 200, CHUNK = 30; // most that a page holds; most messages whose readers can be asked for at once
const MAX_USERS = 1_000; // remembered, beside those that are listened to

class User {
  #http; #id; #stream; #feed;

  constructor(http, id) {
    const stream = this.#stream = new Stream(http, id);
    this.#http = http;
    this.#id = id;
    this.#feed = new Feed(http.shares ? new Tabs(http, stream, id) : stream, id);
    for (const name of ["listen", "store", "watch"]) this[name] = (...args) => this.#feed[name](...args);
  }

  get id() { return this.#feed.user; }
  get listening() { return this.#feed.started; }

  #get(path, { signal, ...query } = {}) { return this.#http.json(`v1/${path}`, { query: { user: this.#id, ...wire(query) }, signal }); }

  #do(verb, { signal, idempotencyKey, ...body } = {}) { return this.#http.command(verb, { user: this.#id, ...wire(body) }, idempotencyKey, signal); }

  async #each(type, conversations, body, { wait, timeoutMs, idempotencyKey, signal, at } = {}) {
    const commands = conversations.map((conversation) => ({ type, ...wire({ user: this.#id, conversation, at, ...body }) }));
    const { last_seq: seq, results, refused } = await this.#http.command("commands", { commands, ...wire({ wait, timeoutMs }) }, idempotencyKey, signal);
    if (refused?.length) throw new ReddotError({ status: 400, code: "bad_request", detail: `${conversations[refused[0].index]}: ${refused[0].reason}`, seq });
    return results.at(-1).duplicate ? { seq, duplicate: true } : { seq };
  }

  #label(conversations, label, on, options) { return this.#each("user.label", conversations, { [on ? "add" : "remove"]: [label] }, options); }

  async *#pages(path, options) {
    let after = options?.after;
    do {
      const page = await this.#get(path, { limit: PAGE, ...options, after });
      yield page;
      after = page.next;
    } while (after);
  }

  async totals(options) {
    const { totals, version, filters } = await this.#get("totals", options);
    return { ...totals, version, ...(filters && { filters }) };
  }
  async getUnreadMessageCountByFilter(filter, options) { return (await this.totals({ ...filter, ...options })).unread; }
  getTotalUnreadMessageCount(options) { return this.getUnreadMessageCountByFilter({}, options); }
  conversations(options) { return this.#pages("conversations", options); }
  async conversation(conversation, options) { return (await this.#get("conversation", { ...options, conversation })).conversation; }
  async getConversationList(conversations, { signal, ...options } = {}) {
    return (await this.#http.json("v1/conversations/get", { body: { user: this.#id, conversations, ...wire(options) }, signal })).conversations;
  }
  explain(conversation, options) { return this.#get("explain", { ...options, conversation }); }
  threads(options) { return this.#pages("threads", options); }
  async thread(conversation, thread, options) { return (await this.#get("thread", { ...options, conversation, thread })).thread; }
  receipt(peer, options) {
    return this.#get("receipt", { ...options, peer }).catch((e) => { if (e.code !== "not_found") throw e; });
  }
  async getMessageReadReceipts(group, ids, options) {
    const all = [];
    for (let i = 0; i < ids.length; i += CHUNK) all.push(...(await this.#get("group-receipts", { ...options, group, ids: ids.slice(i, i + CHUNK) })).receipts);
    return all;
  }
  getGroupMessageReadMemberList(group, id, options) { return this.#pages("readers", { ...options, group, id }); }

  markC2CMessageAsRead(peer, options) { return this.#do("read", { ...options, conversation: `c2c_${peer}` }); }
  markGroupMessageAsRead(group, options) { return this.#do("read", { ...options, conversation: `group_${group}` }); }
  markAllMessageAsRead(options) { return this.#do("read-all", options); }
  cleanConversationUnreadMessageCount(conversation, options) {
    if (["", "c2c", "group"].includes(conversation)) return this.#do("read-all", { ...options, kind: conversation || undefined });
    return this.#do("read", { ...options, conversation });
  }
  markUnread(conversation, options) { return this.#do("unread", { ...options, conversation }); }
  mute(conversation, muted, options) { return this.#do("mute", { ...options, conversation, muted }); }
  level(conversation, level, options) { return this.#do("level", { ...options, conversation, level }); }
  label(conversation, options) { return this.#do("label", { ...options, conversation }); }
  filter(name, filter, options) { return this.#do("filter", { ...options, name, filter: filter ? wire(filter) : undefined }); }
  block(users, blocked, options) { return this.#do("block", { ...options, users, blocked }); }
  follow(conversation, thread, following, options) { return this.#do("follow", { ...options, conversation, thread, following }); }
  deleteConversation(conversation, options) { return this.#do("delete", { ...options, conversation }); }
  clear(conversation, options) { return this.#do("clear", { ...options, conversation }); }

  markConversation(conversations, mark, enabled, options) {
    if (mark !== "unread") return this.#label(conversations, mark, enabled, options);
    if (enabled) return this.#each("user.unread", conversations, {}, options);
    return this.#each("user.read", conversations, { uptoAt: 0, private: true }, options); // which moves nothing and takes the mark away
  }
  pinConversation(conversation, pinned, options) { return this.#label([conversation], "pinned", pinned, options); }
  addConversationsToGroup(label, conversations, options) { return this.#label(conversations, label, true, options); }
  deleteConversationsFromGroup(label, conversations, options) { return this.#label(conversations, label, false, options); }
  setC2CReceiveMessageOpt(peers, level, options) { return this.#each("user.level", peers.map((peer) => `c2c_${peer}`), { level }, options); }
  setGroupReceiveMessageOpt(group, level, options) { return this.level(`group_${group}`, level, options); }
  async subscribeUnreadMessageCountByFilter(filter, options) {
    const name = nameOf(filter);
    return { ...await this.filter(name, filter, options), name };
  }
  unsubscribeUnreadMessageCountByFilter(filter, options) { return this.filter(nameOf(filter), null, options); }

  end(error) {
    this.#feed.end(error);
    this.#stream.cursor = "";
  }
}

const nameOf = (filter) => Object.entries(wire(filter)).sort().map((kv) => kv.join("=")).join("&") || "all";

export class Reddot {
  #http; #users = new Map();

  constructor(options = {}) {
    const http = this.#http = new Http(options);
    this.backend = {
      send: (commands, { idempotencyKey, signal, ...options } = {}) => http.command("commands", { commands, ...wire(options) }, idempotencyKey, signal),
      totals: async (users, { signal, ...options } = {}) => (await http.json("v1/totals/batch", { body: { users, ...wire(options) }, signal })).totals,
      disconnect: (user, { signal } = {}) => http.json("v1/disconnect", { body: { user }, signal }),
    };
  }

  user(id) {
    const users = this.#users;
    if (!users.has(id)) users.set(id, new User(this.#http, id));
    if (users.size > MAX_USERS) users.delete([...users.keys()].find((k) => k !== undefined && !users.get(k).listening));
    return users.get(id);
  }

  close() {
    this.#http.close();
    for (const user of this.#users.values()) user.end(trouble("closed", "the client was closed"));
  }
}
