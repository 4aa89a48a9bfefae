// reddot/nats on a connection to a live server: over WebSocket, with a token.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenAuthenticator, wsconnect } from "@nats-io/nats-core";
import { inboxPrefix, NatsUser, unpack } from "../nats.js";
import { message, serve, token, until } from "./live.js";

// dial connects as a user. Node has a WebSocket of its own from version 22 on; before, with
// --experimental-websocket.
async function dial(t, live, user) {
  const nc = await wsconnect({ servers: `ws://${live.http}/nats`, authenticator: tokenAuthenticator(() => token(user)), inboxPrefix: inboxPrefix(user), maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  t.after(() => nc.close());
  return nc;
}

// book is a listener that keeps what it is told.
function book() {
  const told = { list: new Map(), totals: undefined, receipts: [], figures: [], threads: new Map(), states: [], errors: [], filters: undefined };
  const put = (list) => list.forEach((c) => told.list.set(c.conversation, c));
  return {
    told,
    onNewConversation: put, onConversationChanged: put,
    onConversationDeleted: (ids) => ids.forEach((id) => told.list.delete(id)),
    onTotalUnreadMessageCountChanged: (t) => { told.totals = t; },
    onUnreadMessageCountChangedByFilter: (f) => { told.filters = f; },
    onThreadChanged: (list) => list.forEach((t) => told.threads.set(t.thread, t)),
    onRecvC2CReadReceipt: (list) => told.receipts.push(...list),
    onRecvMessageReadReceipts: (list) => told.figures.push(...list),
    onStateChanged: (s) => told.states.push(s),
    onError: (e) => told.errors.push(e),
  };
}

for (const encoding of ["msgpack", "json"]) {
  test(`a user's changes come over NATS, and none is missed, ${encoding}`, async (t) => {
    const live = await serve(t, { guarded: true, args: ["--websocket", "--event-encoding", encoding] });
    await live.send({ type: "policy", group_receipts: "members" }, { type: "group.join", group: "team", users: ["alice", "bob"] },
      message("alice", "bob", "m1"), message("alice", "carol", "m2"), { type: "user.sent", user: "alice", to: "bob", id: "a1" }, message("bob", "alice", "a1"),
      { type: "user.read", user: "bob", conversation: "c2c_alice", upto: "a1" }, { type: "group.message", group: "team", id: "g1", from: "alice", receipt: true },
      { type: "user.filter", user: "alice", name: "groups", filter: { kind: "group" } });
    const nc = await dial(t, live, "alice"), me = new NatsUser(nc, "alice"), listener = book(), { told } = listener;
    const sub = me.listen(listener);
    await sub.ready;
    assert.deepEqual([told.totals.unread, [...told.list.keys()].sort()], [2, ["c2c_bob", "c2c_carol", "group_team"]]);
    assert.deepEqual([told.receipts.length, told.receipts[0].upto, told.filters.groups.unread], [1, "a1", 0]);

    await live.send(message("alice", "bob", "m3"), { type: "group.message", group: "team", id: "g2", from: "bob", mentions: ["alice"], thread: "g1" },
      { type: "user.read", user: "bob", conversation: "group_team" });
    await until("the changes are heard", () => told.totals.unread === 4 && told.figures.length > 0 && told.threads.has("g1"));
    assert.deepEqual(told.figures.at(-1).members, 1);
    assert.equal(told.list.get("group_team").mentions, 1);

    const { seq } = await me.do("read", { conversation: "c2c_bob", upto: "m1", wait: "applied" });
    assert.ok(seq > 0);
    await until("the read is heard", () => told.totals.unread === 3);
    await assert.rejects(me.do("unread", { conversation: "group_none", wait: "applied" }), { code: "bad_request", status: 400 });
    await assert.rejects(me.ask("conversation", { conversation: "c2c_none" }), { code: "not_found", status: 404 });
    await assert.rejects(new NatsUser(nc, "bob").ask("totals", {}, { timeoutMs: 2_000 }), { code: "network" });

    await live.stop();
    await until("the outage is told", () => told.states.at(-1) === "offline");
    await live.start();
    await live.send(message("alice", "dave", "m4"));
    await until("what came after it is heard", () => told.totals.unread === 4 && told.states.at(-1) === "live");
    const answer = await me.ask("conversations", { limit: 200 });
    const looks = (list) => list.map((c) => ({ ...c, version: 0 })).sort((a, b) => (a.conversation < b.conversation ? -1 : 1));
    assert.deepEqual(looks([...told.list.values()]), looks(answer.conversations));
    assert.deepEqual(told.totals, answer.totals);

    await nc.close();
    await until("the end is told", () => told.states.at(-1) === "stopped");
    assert.match(told.errors.at(-1).message, /closed/);
  });
}

test("what comes while the state is read is not missed", async (t) => {
  const live = await serve(t, { guarded: true, args: ["--websocket"] });
  for (let i = 0; i < 5; i++) await live.send(...Array.from({ length: 100 }, (_, k) => message("alice", `peer${i * 100 + k}`, `m${i}-${k}`)));
  const me = new NatsUser(await dial(t, live, "alice"), "alice", { receipts: false }), listener = book(), { told } = listener;
  const sub = me.listen(listener);
  let last = 0;
  for (let i = 0; i < 40; i++) last = await live.send(message("alice", `peer${i * 7}`, `n${i}`), { type: "user.delete", user: "alice", conversation: `c2c_peer${i * 7 + 1}` });
  await sub.ready;
  const answer = await me.ask("totals", { after_seq: last });
  await until("all is heard", () => JSON.stringify(told.totals) === JSON.stringify(answer.totals));
  await until("the list is whole", () => told.list.size === 460);
  assert.equal([...told.list.values()].reduce((sum, c) => sum + c.unread, 0), answer.totals.unread);
});

test("MessagePack is read as it is written", () => {
  const bytes = (...b) => new Uint8Array(b);
  for (const [input, want] of [
    [bytes(0x07), 7], [bytes(0xff), -1], [bytes(0xcc, 200), 200], [bytes(0xcd, 1, 0), 256], [bytes(0xce, 0, 1, 0, 0), 65536], [bytes(0xcf, 0, 0, 1, 0, 0, 0, 0, 0), 2 ** 40],
    [bytes(0xd0, 0x80), -128], [bytes(0xd1, 0xff, 0), -256], [bytes(0xd2, 0xff, 0xff, 0, 0), -65536], [bytes(0xd3, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0), -(2 ** 40)],
    [bytes(0xc0), null], [bytes(0xc2), false], [bytes(0xc3), true], [bytes(0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0), 1.5],
    [bytes(0xa2, 0xc3, 0xa9), "é"], [bytes(0xd9, 1, 0x61), "a"], [bytes(0x92, 1, 0xa1, 0x61), [1, "a"]], [bytes(0xdc, 0, 1, 5), [5]], [bytes(0x81, 0xa1, 0x61, 1), { a: 1 }], [bytes(0xde, 0, 1, 0xa1, 0x61, 1), { a: 1 }],
  ]) assert.deepEqual(unpack(input), want);
  for (const broken of [bytes(), bytes(0xa5, 0x61), bytes(0xdd, 0xff, 0xff, 0xff, 0xff), bytes(0xc1), bytes(0xa1, 0xff)]) assert.throws(() => unpack(broken));
  assert.equal(inboxPrefix("a.b c%é"), "unread.inbox.a%2Eb%20c%25é");
});
