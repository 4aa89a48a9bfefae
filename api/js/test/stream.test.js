// How a stream is kept: resumed, tried again, left for polls, looked after. The clock is the
// test's own.
import assert from "node:assert/strict";
import { test } from "node:test";

const target = new EventTarget(); // what a browser has
for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) globalThis[name] = target[name].bind(target);
const { Reddot } = await import("../reddot.js");
const { begins, change, net, recorder, settle, whole } = await import("./net.js");

// listening begins to listen with mocked timers, of which tick is the only mover.
function listening(t, options = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  t.mock.method(performance, "now", () => Date.now());
  const peer = net(), listener = recorder();
  const reddot = new Reddot({ url: "http://peer/at/", fetch: peer.fetch, ...options });
  const sub = reddot.user("alice").listen(listener);
  t.after(() => reddot.close());
  return { ...peer, listener, sub, reddot, take: listener.take };
}

const ticker = (t) => async (ms) => {
  const step = Math.max(100, ms / 20);
  for (; ms > 0; ms -= step) { // timers that others begin come in their order
    await settle();
    t.mock.timers.tick(Math.min(ms, step));
  }
  await settle();
};

test("a stream is asked for, and resumed from its cursor when it breaks off", async (t) => {
  const { next, none, take, sub } = listening(t), pass = ticker(t);
  const first = await next("/at/v1/events");
  assert.deepEqual(first.query, { user: "alice", receipts: "true", watch: "true" });
  assert.equal(first.headers.Accept, "text/event-stream");
  await begins(first, 5, 1);
  await sub.ready;
  assert.deepEqual(take(), ["syncing", "new c2c_bob=1", "totals 1", "live"]);
  first.send("change", change(6, 2));
  await settle();
  assert.deepEqual(take(), ["changed c2c_bob=2", "totals 2"]);
  first.cut();
  await settle();
  assert.deepEqual(take(), ["offline"]);
  await none();
  await pass(500);
  const second = await next("/at/v1/events");
  assert.equal(second.query.cursor, "e.6.0");
  second.sse().hello();
  second.send("live", { user: "alice", version: 6, cursor: "e.6.0" });
  await settle();
  assert.deepEqual(take(), ["syncing", "live"]);
});

test("parts have no cursor, and a reset takes it away", async (t) => {
  const { next, take } = listening(t), pass = ticker(t);
  const first = await next();
  await begins(first, 5, 1);
  take();
  first.send("change", { ...change(6, 2), cursor: "e.5.0", more: true });
  await settle();
  first.cut();
  await pass(600);
  const second = await next();
  assert.equal(second.query.cursor, "e.5.0");
  second.sse().hello();
  second.send("change", change(7, 3)); // whole: nothing of the cut part is told beside it
  second.send("live", { user: "alice", version: 7, cursor: "e.7.0" });
  await settle();
  assert.deepEqual(take(), ["offline", "syncing", "changed c2c_bob=3", "totals 3", "live"]);
  second.send("reset", { user: "alice", reason: "lost" });
  await settle();
  second.cut();
  await pass(1_200);
  const third = await next();
  assert.equal(third.query.cursor, undefined);
  third.sse().hello();
  for (const { event, data } of whole(8, 3)) third.send(event, data);
  await settle();
  assert.deepEqual(take(), ["offline", "syncing", "live"]);
});

test("the back-off: 0.5 s, doubled, 30 s at most; at random below", async (t) => {
  const pass = ticker(t);
  t.mock.method(Math, "random", () => 0.8);
  const { next, none } = listening(t);
  for (const bound of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    (await next()).reject(new TypeError("fetch failed"));
    await pass(0.8 * bound - 100);
    await none();
    await pass(200);
  }
  await next();
});

test("what the server says of when to come back wins", async (t) => {
  const pass = ticker(t);
  const { next, none, take } = listening(t);
  (await next()).problem(503, "unavailable", { "Retry-After": "7" });
  await pass(6_900);
  await none();
  await pass(200);
  const second = await next();
  await begins(second, 1, 0);
  second.send("bye", { reason: "shutdown", retry_ms: 3_000 });
  await pass(2_900);
  await none();
  await pass(200);
  assert.equal((await next()).query.cursor, "e.1.0");
  assert.deepEqual(take().filter((s) => !/new|totals/.test(s)), ["syncing", "error unavailable", "offline", "syncing", "live", "offline", "syncing"]);
});

test("what will not get better stops it, and is told", async (t) => {
  const { next, none, take, sub, reddot } = listening(t), pass = ticker(t);
  (await next()).problem(403, "forbidden");
  await settle();
  assert.deepEqual(take(), ["syncing", "error forbidden", "stopped"]);
  await assert.rejects(sub.ready, { name: "ReddotError", code: "forbidden", status: 403, request: "r1" });
  await pass(60_000);
  await none();
  const again = reddot.user("alice").listen({}); // who listens then begins anew
  await begins(await next(), 1, 1);
  await again.ready;
  again.close();
});

test("without a hello in 5 s it polls, and tries to stream again after 10 minutes", async (t) => {
  const { next, none, take, sub } = listening(t), pass = ticker(t);
  const streamed = (await next("/at/v1/events")).sse(); // a proxy that holds all of it back
  await pass(4_900);
  await none();
  await pass(200);
  assert.ok(streamed.aborted);
  const first = await next("/at/v1/changes");
  assert.deepEqual(first.query, { user: "alice", receipts: "true", watch: "true", wait: "0" });
  first.json({ events: whole(3, 2), cursor: "e.3.0" });
  await sub.ready;
  assert.deepEqual(take(), ["syncing", "new c2c_bob=2", "totals 2", "live"]);
  await pass(300);
  const second = await next("/at/v1/changes");
  assert.deepEqual([second.query.cursor, second.query.wait], ["e.3.0", "25"]);
  await pass(25_000);
  second.json({ events: [], cursor: "e.3.0" });
  const third = await next("/at/v1/changes");
  third.json({ events: [{ event: "change", data: change(4, 3) }], cursor: "e.4.0" });
  await settle();
  assert.deepEqual(take(), ["changed c2c_bob=3", "totals 3"]);
  let call;
  for (let i = 0; i < 30; i++) {
    await pass(20_000);
    call = await next();
    if (call.path === "/at/v1/events") break;
    call.json({ events: [], cursor: "e.4.0" });
  }
  assert.equal(call.path, "/at/v1/events");
  assert.equal(call.query.cursor, "e.4.0");
  call.sse().hello();
  call.send("live", { user: "alice", version: 4, cursor: "e.4.0" });
  await settle();
  assert.deepEqual(take(), []); // it was live all the time
});

test("a poll whose list breaks off is gone on with at once", async (t) => {
  const { next, take } = listening(t, { transport: "poll" }), pass = ticker(t);
  const [reset, list] = whole(3, 2);
  (await next("/at/v1/changes")).json({ events: [reset, list], cursor: "e.3.0" });
  await pass(300);
  const second = await next("/at/v1/changes");
  assert.equal(second.query.wait, "0");
  second.json({ events: [], cursor: "e.3.0" });
  await settle();
  assert.deepEqual(take(), ["syncing", "new c2c_bob=2", "totals 2", "live"]);
  const third = await next("/at/v1/changes");
  third.json({ events: [{ event: "bye", data: { reason: "shutdown", retry_ms: 1_000 } }], cursor: "e.3.0" });
  await settle();
  assert.deepEqual(take(), ["offline"]);
});

test("where answers have no streaming body it polls at once", async (t) => {
  const { next } = listening(t);
  (await next("/at/v1/events")).resolve({ ok: true, headers: new Headers(), json: async () => ({}) });
  await next("/at/v1/changes");
});

test("a stream that is silent is looked at twice before it is left", async (t) => {
  const { next, none, take } = listening(t), pass = ticker(t);
  const first = await next();
  await begins(first, 1, 0);
  for (let i = 0; i < 20; i++) { // minutes
    await pass(24_000);
    first.send("ping", { at: 1 });
  }
  await none();
  take();
  await pass(62_400);
  assert.ok(!first.aborted);
  await pass(1_000);
  first.send("ping", { at: 1 }); // late, as in a tab that was hidden: it lives
  await pass(62_000);
  assert.ok(!first.aborted);
  await pass(4_000);
  assert.ok(first.aborted);
  assert.equal(take()[0], "offline");
  await pass(500);
  assert.equal((await next()).query.cursor, "e.1.0");
});

test("waking up is a reason to look, and to try again", async (t) => {
  const { next, none, take } = listening(t), pass = ticker(t);
  const first = await next();
  await begins(first, 1, 0);
  globalThis.dispatchEvent(new Event("online"));
  await pass(5_000);
  assert.ok(!first.aborted, "it was not silent");
  first.cut();
  t.mock.method(Math, "random", () => 1);
  for (let i = 0; i < 6; i++) {
    await pass(31_000);
    (await next()).reject(new TypeError("fetch failed"));
    await settle();
  }
  take();
  await none();
  globalThis.dispatchEvent(new Event("online"));
  await next();
  assert.deepEqual(take(), ["syncing"]);
});

test("who is replaced comes back as one who polls", async (t) => {
  const { next, none } = listening(t), pass = ticker(t);
  const first = await next("/at/v1/events");
  await begins(first, 1, 0);
  first.send("bye", { reason: "replaced", retry_ms: 60_000 });
  await pass(59_900);
  await none();
  await pass(200);
  await next("/at/v1/changes");
});

test("nothing is asked for any more when the last one has left", async (t) => {
  const { next, none, sub, reddot } = listening(t), pass = ticker(t);
  const first = await next();
  await begins(first, 1, 0);
  const other = reddot.user("alice").listen({});
  sub.close();
  await pass(100);
  assert.ok(!first.aborted);
  other.close();
  const back = reddot.user("alice").listen({}); // as where a page is drawn anew
  await pass(100);
  assert.ok(!first.aborted);
  back.close();
  await pass(100);
  assert.ok(first.aborted);
  await pass(100_000);
  await none();
});
