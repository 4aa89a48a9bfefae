// What is promised to who listens, of any source.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Feed, Reddot } from "../reddot.js";
import { change, net, recorder, settle, whole } from "./net.js";

// source is what a feed hears: it counts how often it was started and stopped.
function feeding() {
  const source = { started: 0, stopped: 0, start() { source.started++; }, stop() { source.stopped++; } };
  const feed = new Feed(source);
  const enter = (events) => { for (const { event, data } of events) feed.enter(event, data); };
  return { source, feed, enter };
}

test("a callback that throws, or rejects, is told, and the next comes", async () => {
  const { feed, enter } = feeding();
  const told = [];
  const sub = feed.listen({
    onNewConversation() { throw new Error("one"); },
    async onTotalUnreadMessageCountChanged() { throw new Error("two"); },
    onStateChanged: (state) => told.push(state),
    onError: (e) => { told.push(e.message); throw new Error("three"); },
  });
  const logged = [], log = console.error;
  console.error = (...args) => logged.push(args.at(-1).message);
  enter(whole(1, 1));
  await settle();
  console.error = log;
  assert.deepEqual(told, ["one", "live", "two"]);
  assert.deepEqual(logged, ["three", "three"]);
  await sub.ready;
});

test("one round shows one state, and callbacks may close", async () => {
  const { feed, enter } = feeding();
  const rounds = [];
  let list = new Map();
  const sub = feed.listen({
    onNewConversation(all) { for (const v of all) list.set(v.conversation, v.unread); },
    onConversationChanged(all) { for (const v of all) list.set(v.conversation, v.unread); },
    onTotalUnreadMessageCountChanged(totals) {
      rounds.push([totals.unread, [...list.values()].reduce((a, b) => a + b, 0)]);
      if (totals.unread === 4) sub.close();
    },
  });
  enter(whole(1, 1));
  await settle();
  for (const version of [2, 3]) enter([{ event: "change", data: change(version, version) }]);
  await settle();
  enter([{ event: "change", data: change(4, 4) }]);
  await settle();
  enter([{ event: "change", data: change(5, 5) }]);
  await settle();
  assert.deepEqual(rounds, [[1, 1], [3, 3], [4, 4]]);
});

test("ready: when all is told; rejected when it is closed, stopped or aborted before", async () => {
  const { feed, enter, source } = feeding();
  const closed = feed.listen({}), stays = feed.listen({});
  closed.close();
  await assert.rejects(closed.ready, { code: "closed" });
  const controller = new AbortController();
  const aborted = feed.listen({}, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(aborted.ready, /enough/);
  await assert.rejects(feed.listen({}, { signal: AbortSignal.abort(new Error("before")) }).ready, /before/);
  enter(whole(1, 1));
  await stays.ready;
  assert.equal(stays.state, "live");
  const late = recorder();
  await feed.listen(late).ready;
  assert.deepEqual(late.told, ["new c2c_bob=1", "totals 1", "live"]);
  feed.fail(Object.assign(new Error("over"), { code: "over" }), true);
  assert.deepEqual(late.told.slice(3), ["error over", "stopped"]);
  assert.equal(source.stopped, 1);
  assert.equal(source.started, 1);
});

test("a store: the same snapshot until something changes, and the same store", async () => {
  const { feed, enter, source } = feeding();
  const store = feed.store();
  assert.equal(feed.store(), store);
  const empty = store.getSnapshot();
  assert.equal(empty, store.getSnapshot());
  assert.deepEqual({ ...empty }, { totals: undefined, conversations: [], state: "syncing", version: 0 });
  assert.equal(source.started, 0);
  const seen = [];
  const leave = store.subscribe((snapshot) => seen.push(snapshot));
  await settle();
  assert.deepEqual(seen, [empty]);
  enter(whole(1, 1));
  await settle();
  const first = store.getSnapshot();
  assert.deepEqual(seen, [empty, first]);
  assert.deepEqual([first.totals.unread, first.conversations.length, first.state, first.version], [1, 1, "live", 1]);
  assert.throws(() => { first.state = "else"; });
  assert.throws(() => { first.conversations.push({}); });
  const other = store.subscribe(() => {});
  await settle();
  assert.equal(store.getSnapshot(), first); // another who subscribes changes nothing
  feed.become("offline");
  await settle();
  assert.equal(store.getSnapshot().conversations, first.conversations);
  enter([{ event: "live", data: { user: "alice", version: 1 } }, { event: "change", data: change(2, 2) }]);
  await settle();
  assert.deepEqual(seen.map((s) => [s.state, s.totals?.unread]), [["syncing", undefined], ["live", 1], ["offline", 1], ["live", 2]]);
  leave();
  other();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(source.stopped, 1);
  enter([{ event: "change", data: change(3, 3) }]);
  await settle();
  assert.equal(seen.length, 4);
});

test("the newest activity is first, and stays where it is when it is read", async () => {
  const { feed } = feeding();
  feed.store().subscribe(() => {});
  const v = (name, version, last) => ({ conversation: name, unread: 0, mentions: 0, last_message: { id: last, from: "x", at: 1 }, version });
  const totals = { unread: 0 }, user = "alice";
  const names = async () => { await settle(); return feed.store().getSnapshot().conversations.map((c) => c.conversation).join(" "); };
  feed.enter("reset", { user, reason: "start" });
  feed.enter("change", { user, version: 3, totals, conversations: [v("c", 3, "m3"), v("b", 2, "m2"), v("a", 1, "m1")] });
  feed.enter("live", { user, version: 3 });
  assert.equal(await names(), "c b a");
  feed.enter("change", { user, version: 4, totals, conversations: [v("b", 4, "m2")] }); // read
  assert.equal(await names(), "c b a");
  feed.enter("change", { user, version: 6, totals, conversations: [v("d", 6, "m6"), v("a", 5, "m5")] }); // written to
  assert.equal(await names(), "d a c b");
  feed.enter("change", { user, version: 7, totals, conversations: [v("e", 7, "m7")], removed: ["a"] });
  assert.equal(await names(), "e d c b");
});

test("watch: from the first live snapshot on; the last value if it is slow; ends quietly", async () => {
  const { feed, enter } = feeding();
  const controller = new AbortController();
  const seen = [];
  let go;
  const watching = (async () => {
    for await (const snapshot of feed.watch({ signal: controller.signal })) {
      seen.push(snapshot.totals.unread);
      await new Promise((resolve) => { go = resolve; });
    }
  })();
  await settle();
  enter(whole(1, 1));
  await settle();
  for (const version of [2, 3, 4]) {
    enter([{ event: "change", data: change(version, version) }]);
    await settle();
  }
  go();
  await settle();
  assert.deepEqual(seen, [1, 4]);
  go();
  await settle();
  controller.abort();
  await watching;
  for await (const _ of feed.watch({ signal: controller.signal })) assert.fail("it was aborted before");

  const stops = (async () => { for await (const _ of feed.watch()) ; })();
  await settle();
  feed.fail(new Error("over"), true);
  await assert.rejects(stops, /over/);
});

test("a break leaves, and the stream ends with it", async () => {
  const { fetch, next } = net();
  const me = new Reddot({ url: "http://peer", fetch }).user("alice");
  const watching = (async () => { for await (const snapshot of me.watch()) return snapshot.version; })();
  const call = (await next()).sse();
  for (const { event, data } of whole(7, 1)) call.send(event, data);
  assert.equal(await watching, 7);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(call.aborted);
});

test("of receipts no more are kept than a bound", async () => {
  const { feed, enter } = feeding();
  let told = 0;
  const sub = feed.listen({ onRecvMessageReadReceipts: (all) => { told += all.length; } });
  enter(whole(1, 1));
  for (let i = 0; i < 12; i++) {
    feed.enter("receipts", { user: "alice", receipts: Array.from({ length: 1_000 }, (_, j) => ({ group: "team", id: `m${i}-${j}`, read: 1, members: 2, version: i + 2 })) });
    await settle();
  }
  assert.equal(told, 12_000);
  assert.equal(feed.state().find(({ event }) => event === "receipts").data.receipts.length, 10_000);
  assert.equal(sub.told.receipts.size, 10_000);
});
