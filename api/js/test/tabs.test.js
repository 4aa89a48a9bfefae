// One stream for all tabs. The tabs are clients in one process, with its BroadcastChannel;
// their locks are those of navigator.locks, written down here for Node 20, which has none.
import assert from "node:assert/strict";
import { after, test } from "node:test";

class Locks {
  #held = new Map(); #queues = new Map();

  request(name, { signal, steal }, run) {
    return new Promise((resolve, reject) => {
      const lock = { run, resolve, reject };
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      if (steal) {
        const held = this.#held.get(name);
        this.#held.delete(name);
        held?.reject(new DOMException("stolen", "AbortError"));
        queue.unshift(lock);
      } else queue.push(lock);
      signal?.addEventListener("abort", () => {
        const at = queue.indexOf(lock);
        if (at < 0) return;
        queue.splice(at, 1);
        reject(signal.reason);
      });
      this.#next(name);
    });
  }

  #next(name) {
    const queue = this.#queues.get(name);
    if (this.#held.has(name) || !queue.length) return;
    const lock = queue.shift();
    this.#held.set(name, lock);
    Promise.resolve().then(lock.run).then(lock.resolve, lock.reject).finally(() => {
      if (this.#held.get(name) !== lock) return;
      this.#held.delete(name);
      this.#next(name);
    });
  }
}

Object.defineProperty(globalThis, "navigator", { value: { locks: new Locks() }, configurable: true });
const { Reddot } = await import("../reddot.js");
const { until } = await import("./live.js");
const { begins, change, net, recorder, settle, whole } = await import("./net.js");

const clients = [];
after(() => { for (const reddot of clients) reddot.close(); });
let servers = 0;

// tabs is a server and what opens tabs on it.
function tabs(times = {}) {
  const url = `http://tabs-${servers++}`;
  return (user = "alice") => {
    const peer = net(), listener = recorder();
    const reddot = new Reddot({ url, fetch: peer.fetch, shareTabs: true, times: { beat: 20, steal: 100_000, first: 1, ...times } });
    clients.push(reddot);
    return { ...peer, listener, reddot, me: reddot.user(user), sub: reddot.user(user).listen(listener), totals: () => listener.told.filter((s) => s.startsWith("totals")).at(-1) };
  };
}

const leads = (...all) => until("one tab has a stream", async () => all.find((tab) => tab.calls.some((c) => c.path === "/v1/events" && !c.aborted)));
const streams = (...all) => all.flatMap((tab) => tab.calls).filter((c) => c.path === "/v1/events" && !c.aborted).length;

test("one stream, which all tabs hear, and a new one is told what is known", async () => {
  const open = tabs();
  const first = open(), second = open();
  await leads(first);
  const call = await first.next("/v1/events");
  await begins(call, 1, 1);
  for (const tab of [first, second]) await tab.sub.ready;
  assert.deepEqual(second.listener.told, ["syncing", "new c2c_bob=1", "totals 1", "live"]);
  call.send("change", change(2, 2));
  await until("both know", () => first.totals() === "totals 2" && second.totals() === "totals 2");
  const third = open();
  await third.sub.ready;
  assert.deepEqual(third.listener.told, ["syncing", "new c2c_bob=2", "totals 2", "live"]);
  assert.deepEqual(third.me.store().getSnapshot().conversations, first.me.store().getSnapshot().conversations);
  call.send("change", { ...change(3, 3), more: true });
  call.send("change", { ...change(3, 3), conversations: [] });
  await until("all know", () => [first, second, third].every((tab) => tab.totals() === "totals 3"));
  assert.equal(streams(first, second, third), 1);
  call.cut();
  await until("the others know that it is cut", () => third.listener.told.includes("offline"));
});

test("when the tab that leads is closed another goes on from the cursor, and nothing is told twice", async () => {
  const open = tabs();
  const first = open(), second = open(), third = open();
  await begins(await (await leads(first)).next("/v1/events"), 5, 1);
  for (const tab of [second, third]) await tab.sub.ready;
  first.reddot.close();
  const next = await leads(second, third);
  const call = await next.next("/v1/events");
  assert.equal(call.query.cursor, "e.5.0");
  call.sse().hello();
  call.send("change", change(6, 2));
  call.send("live", { user: "alice", version: 6, cursor: "e.6.0" });
  await until("both know", () => second.totals() === "totals 2" && third.totals() === "totals 2");
  for (const tab of [second, third]) assert.deepEqual(tab.listener.told.filter((s) => !/^(syncing|live|offline)$/.test(s)), ["new c2c_bob=1", "totals 1", "changed c2c_bob=2", "totals 2"]);
  assert.equal(streams(first, second, third), 1);
});

test("from a tab that doesn't answer the lock is stolen; when it wakes it follows", async () => {
  const post = BroadcastChannel.prototype.postMessage;
  const leaders = {}, name = `reddot http://tabs-${servers}/ alice`;
  let frozen;
  BroadcastChannel.prototype.postMessage = function (message) {
    if (message.leader !== undefined && message.leader === frozen) return; // it stands still
    if (message.leader !== undefined) leaders[this.name] = message.leader;
    post.call(this, message);
  };
  try {
    const open = tabs({ steal: 200 });
    const first = open(), second = open();
    const old = await (await leads(first)).next("/v1/events");
    await begins(old, 5, 1);
    await second.sub.ready;
    frozen = leaders[name];
    assert.ok(frozen);
    await leads(second);
    const call = await second.next("/v1/events");
    assert.equal(call.query.cursor, "e.5.0");
    call.sse().hello();
    call.send("change", change(6, 2));
    call.send("live", { user: "alice", version: 6, cursor: "e.6.0" });
    await until("both know", () => first.totals() === "totals 2" && second.totals() === "totals 2");
    assert.ok(old.aborted);
    assert.equal(streams(first, second), 1);
  } finally {
    BroadcastChannel.prototype.postMessage = post;
  }
});

test("users and servers are kept apart, and who the token's user is is asked", async () => {
  const open = tabs(), elsewhere = tabs();
  const alice = open(), bob = open("bob"), other = elsewhere();
  for (const tab of [alice, bob, other]) await leads(tab);
  const mine = open(undefined);
  mine.reddot.user().listen(mine.listener);
  const ask = await until("it has asked who it is", () => mine.calls.find((c) => c.path === "/v1/totals"));
  ask.json({ user: "bob", version: 1, totals: {} });
  const call = (await bob.next("/v1/events")).sse();
  call.hello();
  for (const { event, data } of whole(1, 4, "bob")) call.send(event, data);
  await until("it hears bob", () => mine.totals() === "totals 4");
  assert.equal(streams(mine), 0);
});

test("where locks are refused each tab leads itself", async () => {
  const { locks } = navigator, { request } = locks;
  locks.request = async () => { throw new DOMException("no", "SecurityError"); };
  try {
    const open = tabs(), both = [open(), open()];
    for (const tab of both) await begins(await (await leads(tab)).next("/v1/events"), 1, 1);
    for (const tab of both) await tab.sub.ready;
  } finally {
    locks.request = request;
  }
});

test("a tab with another user's token tells the others nothing of it", async () => {
  const open = tabs(), first = open(), second = open();
  const call = await (await leads(first)).next("/v1/events");
  await begins(call, 1, 1);
  await second.sub.ready;
  call.send("change", change(9, 9, "bob"));
  await until("it has stopped", () => first.listener.told.includes("stopped"));
  const next = await (await leads(second)).next("/v1/events");
  assert.equal(next.query.cursor, "e.1.0");
  assert.deepEqual(second.listener.told, ["syncing", "new c2c_bob=1", "totals 1", "live"]);
});

test("without locks the third tab polls", async () => {
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  const open = tabs({ count: 50 });
  const paths = [];
  for (let i = 0; i < 3; i++) {
    const tab = open();
    paths.push(await until("it asks", async () => tab.calls.at(-1)?.path));
  }
  assert.deepEqual(paths, ["/v1/events", "/v1/events", "/v1/changes"]);
});

test("shareTabs: false has each tab hear for itself", async () => {
  const peers = [net(), net()];
  for (const { fetch } of peers) {
    const reddot = new Reddot({ url: "http://own", fetch, shareTabs: false });
    clients.push(reddot);
    reddot.user("alice").listen({});
  }
  for (const peer of peers) await peer.next("/v1/events");
});
