// What each method asks the server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reddot, ReddotError } from "../reddot.js";
import { net } from "./net.js";

const QUERIES = [
  ["totals?user=alice", (me) => me.getTotalUnreadMessageCount()],
  ["totals?user=alice&kind=group&include_muted=true", (me) => me.totals({ kind: "group", includeMuted: true })],
  ["totals?user=alice&label=&after_seq=7&timeout_ms=100", (me) => me.getUnreadMessageCountByFilter({ label: "" }, { afterSeq: 7, timeoutMs: 100 })],
  ["conversation?user=alice&conversation=c2c_%C3%A9%26%3D", (me) => me.conversation("c2c_é&=")],
  ["explain?user=alice&thread=t1&limit=5&conversation=group_team", (me) => me.explain("group_team", { thread: "t1", limit: 5 })],
  ["thread?user=alice&conversation=group_team&thread=", (me) => me.thread("group_team", "")],
  ["receipt?user=alice&peer=bob", (me) => me.receipt("bob")],
  ["group-receipts?user=alice&group=team&ids=m1&ids=m2", (me) => me.getMessageReadReceipts("team", ["m1", "m2"])],
];

const COMMANDS = [
  ["read", { conversation: "c2c_bob", upto: "m9", wait: "applied" }, (me) => me.markC2CMessageAsRead("bob", { upto: "m9", wait: "applied" })],
  ["read", { conversation: "group_team", upto_at: 5, thread: "", private: true }, (me) => me.markGroupMessageAsRead("team", { uptoAt: 5, thread: "", private: true })],
  ["read-all", { kind: "c2c" }, (me) => me.markAllMessageAsRead({ kind: "c2c" })],
  ["read-all", {}, (me) => me.cleanConversationUnreadMessageCount("")],
  ["read-all", { kind: "group" }, (me) => me.cleanConversationUnreadMessageCount("group")],
  ["read", { conversation: "c2c_bob" }, (me) => me.cleanConversationUnreadMessageCount("c2c_bob")],
  ["unread", { conversation: "c2c_bob", from: "m7" }, (me) => me.markUnread("c2c_bob", { from: "m7" })],
  ["mute", { conversation: "group_team", muted: true }, (me) => me.mute("group_team", true)],
  ["level", { conversation: "group_team", level: "mentions", at: 9 }, (me) => me.level("group_team", "mentions", { at: 9 })],
  ["label", { conversation: "c2c_bob", add: ["work"] }, (me) => me.label("c2c_bob", { add: ["work"] })],
  ["filter", { name: "work", filter: { label: "work", include_muted: true } }, (me) => me.filter("work", { label: "work", includeMuted: true })],
  ["filter", { name: "work" }, (me) => me.filter("work", null)],
  ["filter", { name: "kind=group&label=x", filter: { label: "x", kind: "group" } }, (me) => me.subscribeUnreadMessageCountByFilter({ label: "x", kind: "group" })],
  ["filter", { name: "all" }, (me) => me.unsubscribeUnreadMessageCountByFilter({})],
  ["block", { users: ["mallory"], blocked: true }, (me) => me.block(["mallory"], true)],
  ["follow", { conversation: "group_team", thread: "t1", following: false }, (me) => me.follow("group_team", "t1", false)],
  ["delete", { conversation: "c2c_bob", upto: "m2" }, (me) => me.deleteConversation("c2c_bob", { upto: "m2" })],
  ["clear", { conversation: "c2c_bob", before: "m2" }, (me) => me.clear("c2c_bob", { before: "m2" })],
  ["level", { conversation: "group_team", level: "none" }, (me) => me.setGroupReceiveMessageOpt("team", "none")],
];

const SEVERAL = [
  [{ type: "user.label", conversation: "c2c_bob", add: ["star"] }, (me) => me.markConversation(["c2c_bob"], "star", true)],
  [{ type: "user.unread", conversation: "c2c_bob" }, (me) => me.markConversation(["c2c_bob"], "unread", true)],
  [{ type: "user.read", conversation: "c2c_bob", upto_at: 0, private: true }, (me) => me.markConversation(["c2c_bob"], "unread", false)],
  [{ type: "user.label", conversation: "c2c_bob", remove: ["pinned"] }, (me) => me.pinConversation("c2c_bob", false)],
  [{ type: "user.label", conversation: "c2c_bob", add: ["work"] }, (me) => me.addConversationsToGroup("work", ["c2c_bob"])],
  [{ type: "user.label", conversation: "c2c_bob", remove: ["work"] }, (me) => me.deleteConversationsFromGroup("work", ["c2c_bob"])],
  [{ type: "user.level", conversation: "c2c_bob", level: "mentions" }, (me) => me.setC2CReceiveMessageOpt(["bob"], "mentions")],
];

const client = (options) => {
  const peer = net();
  return { ...peer, reddot: new Reddot({ url: "http://peer/", fetch: peer.fetch, ...options }) };
};

test("queries", async () => {
  for (const [want, ask] of QUERIES) {
    const { reddot, next } = client({ key: "rdk_x" });
    const answer = ask(reddot.user("alice"));
    const call = await next();
    assert.deepEqual([call.method, call.url, call.token], ["GET", `http://peer/v1/${want}`, "rdk_x"]);
    call.json({ totals: {}, receipts: [] });
    await answer;
  }
});

test("commands", async () => {
  for (const [verb, body, command] of COMMANDS) {
    const { reddot, next } = client();
    const answer = command(reddot.user("alice"));
    const call = await next();
    assert.deepEqual([call.method, call.path, call.body, call.headers], ["POST", `/v1/${verb}`, { user: "alice", ...body }, { "Content-Type": "application/json" }]);
    call.json({ seq: 5 });
    assert.equal((await answer).seq, 5);
  }
  for (const [body, command] of SEVERAL) {
    const { reddot, next } = client();
    const answer = command(reddot.user());
    const call = await next();
    assert.deepEqual([call.path, call.body], ["/v1/commands", { commands: [body] }]);
    call.json({ results: [{ seq: 5, duplicate: true }], last_seq: 5 });
    assert.deepEqual(await answer, { seq: 5, duplicate: true });
  }
});

test("a key makes a command one, and a refusal among several is an error", async () => {
  const { reddot, next } = client();
  const read = reddot.user().markC2CMessageAsRead("bob", { idempotencyKey: "k1" });
  const call = await next();
  assert.equal(call.headers["Idempotency-Key"], "k1");
  assert.deepEqual(call.body, { conversation: "c2c_bob" });
  call.json({ seq: 1 });
  await read;
  const labelled = reddot.user().markConversation(["c2c_bob", "group_x"], "star", true, { wait: "applied" });
  (await next()).json({ results: [{ seq: 2 }, { seq: 3 }], last_seq: 3, applied: 3, refused: [{ index: 1, reason: "not a member of the group" }] });
  await assert.rejects(labelled, { code: "bad_request", detail: "group_x: not a member of the group", seq: 3 });
});

test("back ends", async () => {
  const { reddot, next } = client({ key: "rdk_x" });
  const commands = [{ type: "user.message", user: "alice", id: "m1", from: "bob", mention_all: true }];
  const sent = reddot.backend.send(commands, { wait: "applied", timeoutMs: 5, idempotencyKey: "k" });
  let call = await next();
  assert.deepEqual([call.path, call.body, call.headers["Idempotency-Key"]], ["/v1/commands", { commands, wait: "applied", timeout_ms: 5 }, "k"]);
  call.problem(503, "unavailable", { "Retry-After": "2" }, { results: [{ seq: 1 }, { error: "uncertain" }] });
  await assert.rejects(sent, { code: "unavailable", retryAfter: 2, results: [{ seq: 1 }, { error: "uncertain" }] });
  const totals = reddot.backend.totals(["alice"], { includeMuted: true });
  call = await next();
  assert.deepEqual([call.path, call.body], ["/v1/totals/batch", { users: ["alice"], include_muted: true }]);
  call.json({ applied: 1, totals: [{ user: "alice" }] });
  assert.deepEqual(await totals, [{ user: "alice" }]);
  const gone = reddot.backend.disconnect("alice");
  call = await next();
  assert.deepEqual([call.path, call.body], ["/v1/disconnect", { user: "alice" }]);
  call.json({ user: "alice", closed: 2 });
  assert.equal((await gone).closed, 2);
});

test("pages", async () => {
  const { reddot, next } = client();
  const pages = [];
  const reading = (async () => {
    for await (const page of reddot.user("alice").conversations({ unreadOnly: true })) pages.push(page.conversations);
  })();
  let call = await next();
  assert.equal(call.url, "http://peer/v1/conversations?user=alice&limit=200&unread_only=true");
  call.json({ conversations: [1], next: "c/1" });
  call = await next();
  assert.equal(call.url, "http://peer/v1/conversations?user=alice&limit=200&unread_only=true&after=c%2F1");
  call.json({ conversations: [2] });
  await reading;
  assert.deepEqual(pages, [[1], [2]]);
  const readers = reddot.user("alice").getGroupMessageReadMemberList("team", "m1", { read: false, limit: 10 }).next();
  call = await next();
  assert.equal(call.url, "http://peer/v1/readers?user=alice&limit=10&read=false&group=team&id=m1");
  call.json({ users: [{ user: "bob" }] });
  assert.deepEqual((await readers).value.users, [{ user: "bob" }]);
});

test("more messages than one request may name", async () => {
  const { reddot, next } = client();
  const ids = Array.from({ length: 31 }, (_, i) => `m${i}`);
  const receipts = reddot.user("alice").getMessageReadReceipts("team", ids);
  (await next()).json({ receipts: [{ id: "m0" }] });
  const call = await next();
  assert.equal(call.query.ids, "m30");
  call.json({ receipts: [{ id: "m30" }] });
  assert.deepEqual(await receipts, [{ id: "m0" }, { id: "m30" }]);
});

test("errors", async () => {
  const { reddot, next } = client();
  const me = reddot.user("alice");
  const asks = (ask, answer) => next().then(answer).then(() => ask);
  await assert.rejects(asks(me.conversation("c2c_x"), (c) => c.problem(404, "not_found", {}, { errors: [{ pointer: "/x", detail: "y" }] })), (e) =>
    e instanceof ReddotError && e instanceof Error && e.name === "ReddotError" && e.status === 404 && e.code === "not_found" && e.detail === "not_found it is"
    && e.message === e.detail && e.errors[0].pointer === "/x" && e.request === "r1" && e.retryAfter === undefined);
  assert.equal(await asks(me.receipt("x"), (c) => c.problem(404, "not_found")), undefined);
  await assert.rejects(asks(me.totals(), (c) => c.resolve(new Response("<html>", { status: 502 }))), { code: "http_502", status: 502 });
  await assert.rejects(asks(me.totals(), (c) => c.resolve(new Response("<html>"))), { code: "network", status: 0 });
  await assert.rejects(asks(me.totals(), (c) => c.reject(new TypeError("fetch failed"))), (e) => e.code === "network" && e.cause instanceof TypeError);
  await assert.rejects(asks(me.totals(), (c) => c.problem(429, "rate_limited", { "Retry-After": new Date(Date.now() + 60_000).toUTCString() })), (e) => e.retryAfter > 50 && e.retryAfter <= 60);
  const controller = new AbortController();
  const aborted = me.totals({ signal: controller.signal });
  await next();
  controller.abort();
  await assert.rejects(aborted, { name: "AbortError" });
});

test("options that can't be are refused at once", () => {
  assert.throws(() => new Reddot(), /url "\/": want http/);
  assert.throws(() => new Reddot({ url: "http://x", key: "k", token: () => "t" }), /a token or a key/);
});

test("users are the same object, and few are remembered", () => {
  const { reddot } = client();
  assert.equal(reddot.user("alice"), reddot.user("alice"));
  assert.equal(reddot.user(), reddot.user());
  const me = reddot.user(), heard = reddot.user("u7");
  const sub = heard.listen({});
  for (let i = 0; i < 3_000; i++) reddot.user(`u${i}`);
  assert.equal(reddot.user(), me);
  assert.equal(reddot.user("u7"), heard);
  assert.notEqual(reddot.user("alice"), undefined);
  sub.close();
  reddot.close();
});
