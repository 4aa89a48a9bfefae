// The other end of the client in tests: a fetch whose answers the test gives, call by call.

import { setMaxListeners } from "node:events";

const sleep = () => new Promise((resolve) => setImmediate(resolve));

/** settle lets everything happen that needs no clock. */
export async function settle() { for (let i = 0; i < 12; i++) await sleep(); }

class Call {
  constructor(url, init) {
    const { pathname, searchParams } = new URL(url, "http://relative");
    Object.assign(this, { url, path: pathname, query: Object.fromEntries(searchParams), method: init.method, headers: init.headers, signal: init.signal });
    this.body = init.body && JSON.parse(init.body);
    this.token = init.headers.Authorization?.replace("Bearer ", "");
    this.done = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    if (this.signal) setMaxListeners(0, this.signal);
    this.signal?.addEventListener("abort", () => {
      this.reject(this.signal.reason);
      this.controller?.error(this.signal.reason);
    });
  }

  get aborted() { return this.signal?.aborted ?? false; }

  json(body, status = 200, headers = {}) { this.resolve(Response.json(body, { status, headers })); }
  problem(status, code, headers = {}, more = {}) {
    this.resolve(new Response(JSON.stringify({ type: `urn:reddot:problem:${code}`, title: code, status, code, detail: `${code} it is`, request: "r1", ...more }), { status, headers: { "Content-Type": "application/problem+json", ...headers } }));
  }

  /** sse answers with a stream. */
  sse() {
    const body = new ReadableStream({ start: (controller) => { this.controller = controller; } });
    this.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
    return this;
  }
  bytes(bytes) { this.controller.enqueue(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes); }
  send(event, data) { this.bytes(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`); }
  hello(more = {}) { this.send("hello", { stream: "s", epoch: "e", heartbeat_ms: 25_000, ...more }); }
  end() { this.controller.close(); }
  cut() { this.controller.error(new TypeError("terminated")); }
}

/** net is a fetch and the calls that came to it. */
export function net() {
  const calls = [];
  let seen = 0;
  const fetch = (url, init) => {
    init.signal?.throwIfAborted();
    const call = new Call(url, init);
    calls.push(call);
    return call.done;
  };
  return {
    fetch, calls,
    /** next is the next call, which must have come. */
    async next(path) {
      await settle();
      const call = calls[seen++];
      if (!call) throw new Error(`want a call of ${path}; none has come`);
      if (path && call.path !== path) throw new Error(`want a call of ${path}; ${call.path} has come`);
      return call;
    },
    /** none says that no further call has come. */
    async none() {
      await settle();
      if (calls.length > seen) throw new Error(`want no call; ${calls[seen].path} has come`);
    },
  };
}

export const totals = (unread) => ({ unread, c2c: unread, group: 0, mentions: 0, conversations: unread ? 1 : 0, muted: 0 });
export const conversation = (name, unread, version) => ({ conversation: name, unread, mentions: 0, version });

/** whole is the events of a whole list, at a version. */
export function whole(version, unread, user = "alice") {
  return [
    { event: "reset", data: { user, reason: "start" } },
    { event: "change", data: { user, version, at: 1, totals: totals(unread), conversations: [conversation("c2c_bob", unread, version)], cursor: `e.${version}.0` } },
    { event: "live", data: { user, version, cursor: `e.${version}.0` } },
  ];
}

/** change is a change of the conversation with bob. */
export const change = (version, unread, user = "alice") => ({ user, version, at: 1, totals: totals(unread), conversations: [conversation("c2c_bob", unread, version)], cursor: `e.${version}.0` });

/** begins answers a call with a stream that tells a whole list, and is live. */
export async function begins(call, version, unread, hello = {}) {
  call.sse().hello(hello);
  for (const { event, data } of whole(version, unread)) call.send(event, data);
  await settle();
}

/** recorder writes down what it is told. */
export function recorder() {
  const told = [];
  return {
    told,
    take: () => told.splice(0),
    onNewConversation: (list) => told.push(`new ${list.map((v) => `${v.conversation}=${v.unread}`)}`),
    onConversationChanged: (list) => told.push(`changed ${list.map((v) => `${v.conversation}=${v.unread}`)}`),
    onConversationDeleted: (list) => told.push(`deleted ${list}`),
    onTotalUnreadMessageCountChanged: (now) => told.push(`totals ${now.unread}`),
    onStateChanged: (state) => told.push(state),
    onError: (e) => told.push(`error ${e.code ?? e.message}`),
  };
}

/** random is a generator of numbers from 0 to below 1, the same ones for a seed (mulberry32). */
export function random(seed) {
  return () => {
    seed = seed + 0x6D2B79F5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

/** token is a JWT that nobody has signed. */
export function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.x`;
}
