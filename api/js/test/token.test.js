// Tokens: when they are asked for, and what comes of answers that are late, wrong or none.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reddot } from "../reddot.js";
import { begins, change, net, recorder, settle, token, whole } from "./net.js";

const START = 1_800_000_000_000; // ms
const jwt = (name, life, iat = 0) => token({ sub: "alice", name, iat: START / 1000 + iat, exp: START / 1000 + iat + life });

function client(t, give, options = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: START });
  t.mock.method(performance, "now", () => Date.now());
  const peer = net(), listener = recorder(), asked = [];
  const reddot = new Reddot({
    url: "http://peer", fetch: peer.fetch,
    token: ({ reason }) => { asked.push(reason); return give(reason, asked.length); }, ...options,
  });
  t.after(() => reddot.close());
  const pass = async (ms) => {
    const step = Math.max(100, ms / 20);
    for (; ms > 0; ms -= step) {
      await settle();
      t.mock.timers.tick(Math.min(ms, step));
    }
    await settle();
  };
  return { ...peer, reddot, me: reddot.user(), listener, take: listener.take, asked, pass };
}

test("one call for a token at a time, whoever wants one; and it is used until it is old", async (t) => {
  let give;
  const { me, next, asked, none } = client(t, () => new Promise((resolve) => { give = resolve; }));
  const both = [me.getTotalUnreadMessageCount(), me.conversation("c2c_bob")];
  await none();
  assert.deepEqual(asked, ["start"]);
  give("t1");
  for (const answer of [{ totals: { unread: 3 }, version: 1 }, { conversation: { unread: 1 } }]) {
    const call = await next();
    assert.equal(call.token, "t1");
    call.json(answer);
  }
  assert.deepEqual(await Promise.all(both), [3, { unread: 1 }]);
  assert.deepEqual(asked, ["start"]);
});

test("a rejected token is asked for anew, once", async (t) => {
  const { me, next, asked, none } = client(t, (reason, n) => `t${n}`);
  const count = me.getTotalUnreadMessageCount();
  (await next()).problem(401, "token_expired");
  const second = await next();
  assert.equal(second.token, "t2");
  second.problem(401, "unauthorized");
  await assert.rejects(count, { code: "unauthorized", status: 401 });
  assert.deepEqual(asked, ["start", "rejected"]);
  await none();
});

test("the same token again is not tried again", async (t) => {
  const { me, next, none } = client(t, () => "t1");
  const count = me.getTotalUnreadMessageCount();
  (await next()).problem(401, "token_expired");
  await assert.rejects(count, { code: "token_expired" });
  await none();
});

test("a stream whose tokens are rejected stops, and says so", async (t) => {
  const { me, next, none, take, listener, asked, pass } = client(t, (reason, n) => `t${n}`);
  const sub = me.listen(listener);
  (await next()).problem(401, "token_expired");
  (await next()).problem(401, "unauthorized");
  await assert.rejects(sub.ready, { code: "unauthorized" });
  assert.deepEqual(take(), ["syncing", "error unauthorized", "stopped"]);
  await pass(100_000);
  await none();
  assert.deepEqual(asked, ["start", "rejected"]);
});

test("no token to be had stops it; one that can't be had now is asked for again", async (t) => {
  const { me, next, none, take, listener, asked, pass } = client(t, (reason, n) => {
    if (n === 1) throw new Error("offline");
    return n === 2 ? undefined : "t3";
  });
  const sub = me.listen(listener);
  await none();
  await pass(600);
  await assert.rejects(sub.ready, { code: "unauthorized", detail: /no token/ });
  assert.deepEqual(take(), ["syncing", "error offline", "offline", "syncing", "error unauthorized", "stopped"]);
  const again = me.listen({}); // after a log-in
  await begins(await next(), 1, 1);
  await again.ready;
  assert.deepEqual(asked, ["start", "start", "start"]);
});

for (const [by, tokens, hello] of [
  ["its claims", [jwt("t1", 50), jwt("t2", 50)], {}],
  ["the server's word", ["t1", "t2"], { expires_at: START + 50_000 }],
]) {
  test(`at 70 to 90 % of a token's life, by ${by}, a second stream takes over before the first ends`, async (t) => {
    t.mock.method(Math, "random", () => 0.5);
    const { me, next, none, take, listener, asked, pass } = client(t, (reason, n) => tokens[n - 1]);
    me.listen(listener);
    const first = await next();
    assert.equal(first.token, tokens[0]);
    await begins(first, 1, 1, hello);
    take();
    await pass(39_000);
    await none();
    await pass(2_000);
    const second = await next();
    assert.equal(second.token, tokens[1]);
    assert.equal(second.query.cursor, "e.1.0");
    assert.ok(!first.aborted);
    first.send("change", change(2, 2)); // both are heard for a while
    second.sse().hello();
    await settle();
    assert.deepEqual(take(), ["changed c2c_bob=2", "totals 2"]);
    second.send("change", change(2, 2));
    second.send("change", change(3, 3));
    second.send("live", { user: "alice", version: 3, cursor: "e.3.0" });
    await settle();
    assert.ok(first.aborted && !second.aborted);
    assert.deepEqual(take(), ["changed c2c_bob=3", "totals 3"]); // nobody saw it change over
    second.send("change", change(4, 4));
    await settle();
    assert.deepEqual(take(), ["changed c2c_bob=4", "totals 4"]);
    assert.deepEqual(asked, ["start", "expiring"]);
    await none();
  });
}

test("where the second stream fails the first goes on, to its end", async (t) => {
  const tokens = [jwt("t1", 50), jwt("t2", 50, 40)];
  const { me, next, take, listener, pass } = client(t, (reason, n) => tokens[n - 1]);
  me.listen(listener);
  const first = await next();
  await begins(first, 1, 1);
  await pass(46_000);
  const second = await next();
  second.problem(503, "unavailable");
  await settle();
  take();
  first.send("change", change(2, 2));
  await settle();
  assert.deepEqual(take(), ["changed c2c_bob=2", "totals 2"]);
  first.send("bye", { reason: "expired", retry_ms: 0 });
  await pass(600);
  const third = await next();
  assert.equal(third.query.cursor, "e.2.0");
});

test("the same token before its end is no reason for another stream", async (t) => {
  const t1 = jwt("t1", 50);
  const { me, next, none, listener, asked, pass } = client(t, (reason, n) => n < 3 ? t1 : "t2");
  me.listen(listener);
  const first = await next();
  await begins(first, 1, 1);
  await pass(46_000);
  assert.deepEqual(asked, ["start", "expiring"]);
  await none();
  first.send("bye", { reason: "expired", retry_ms: 0 });
  await pass(600);
  assert.equal((await next()).token, "t2");
  assert.deepEqual(asked, ["start", "expiring", "expiring"]);
});

test("a clock that is wrong by hours doesn't matter", async (t) => {
  const tokens = [jwt("t1", 50, -50_000), jwt("t2", 50, -50_000)];
  const { me, next, none, listener, pass, asked } = client(t, (reason, n) => tokens[n - 1]);
  me.listen(listener);
  await begins(await next(), 1, 1, { expires_at: START - 49_950_000 });
  await pass(34_000);
  await none();
  await pass(12_000);
  assert.equal((await next()).token, tokens[1]);
  assert.deepEqual(asked, ["start", "expiring"]);
});

test("a token that comes after the log-out is dropped", async (t) => {
  const gives = [];
  const { reddot, me, next, none, take, listener, asked } = client(t, () => new Promise((resolve) => gives.push(resolve)));
  const sub = me.listen(listener), count = me.getTotalUnreadMessageCount();
  await none();
  reddot.close();
  await assert.rejects(sub.ready, { code: "closed" });
  const later = me.getTotalUnreadMessageCount(); // of who logs in then
  await none();
  gives[1]("bob's");
  gives[0]("alice's");
  await assert.rejects(count, { code: "closed" });
  const call = await next();
  assert.equal(call.token, "bob's");
  call.json({ totals: { unread: 7 }, version: 1 });
  assert.equal(await later, 7);
  assert.deepEqual(asked, ["start", "start"]);
  await none();
  assert.deepEqual(take().filter((s) => s.startsWith("error")), []);
});

test("after a log-out nothing is left of who was there", async (t) => {
  const { reddot, me, next, listener } = client(t, (reason, n) => `t${n}`);
  const sub = me.listen(listener);
  await begins(await next(), 1, 1);
  assert.equal(me.id, "alice");
  assert.equal(me.store().getSnapshot().totals.unread, 1);
  const shown = [];
  me.store().subscribe(({ totals }) => shown.push(totals?.unread));
  reddot.close();
  sub.close();
  assert.deepEqual(shown, [1, undefined]);
  assert.equal(me.id, undefined);
  assert.deepEqual({ ...me.store().getSnapshot() }, { totals: undefined, conversations: [], state: "syncing", version: 0 });
  const other = recorder();
  me.listen(other);
  const call = await next();
  assert.deepEqual([call.token, call.query.cursor], ["t2", undefined]);
  call.sse().hello();
  for (const { event, data } of whole(9, 4, "bob")) call.send(event, data);
  await settle();
  assert.equal(me.id, "bob");
  assert.deepEqual(other.take(), ["syncing", "new c2c_bob=4", "totals 4", "live"]);
});

test("another user's token: nothing of theirs is told", async (t) => {
  const { me, next, take, listener, pass } = client(t, (reason, n) => `t${n}`);
  const sub = me.listen(listener);
  const first = await next();
  await begins(first, 1, 1);
  take();
  first.cut();
  await pass(600);
  const second = await next();
  second.sse().hello();
  for (const { event, data } of whole(9, 4, "bob")) second.send(event, data);
  await settle();
  assert.deepEqual(take(), ["offline", "syncing", "error other_user", "stopped"]);
  assert.ok(second.aborted);
  sub.close();
  me.listen({}); // with a token of the own again
  assert.equal((await next()).query.cursor, "e.1.0");
});

test("another user's token, polled", async (t) => {
  const { me, next, take, listener, pass } = client(t, (reason, n) => `t${n}`, { transport: "poll" });
  me.listen(listener);
  (await next()).json({ events: whole(1, 1), cursor: "e.1.0" });
  await pass(300);
  (await next()).json({ events: [{ event: "change", data: change(9, 9, "bob") }], cursor: "e.9.0" });
  await settle();
  assert.deepEqual(take().slice(-2), ["error other_user", "stopped"]);
  me.listen({});
  assert.equal((await next()).query.cursor, "e.1.0");
});

test("who was disconnected comes back only with another token", async (t) => {
  for (const [give, want] of [
    [(n) => `t${n}`, ["offline", "syncing"]],
    [() => "t1", ["error disconnected", "stopped"]],
    [(n) => n === 1 ? "t1" : undefined, ["error disconnected", "stopped"]],
  ]) {
    const { me, next, take, listener, asked, pass, reddot } = client(t, (reason, n) => give(n));
    me.listen(listener);
    const first = await next();
    await begins(first, 1, 1);
    take();
    first.send("bye", { reason: "disconnected", retry_ms: 1_000 });
    await pass(1_200);
    assert.deepEqual(take(), want);
    assert.deepEqual(asked, ["start", "rejected"]);
    reddot.close();
    t.mock.timers.reset();
  }
});
