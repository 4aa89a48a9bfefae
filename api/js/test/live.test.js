// Against a server of one's own.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { test } from "node:test";
import { Reddot } from "reddot";
import { KEY, serve, token, until } from "./live.js";
import { random } from "./net.js";

// clients returns what makes clients, which end with the test.
const clients = (t) => (options) => {
  const reddot = new Reddot(options);
  t.after(() => reddot.close());
  return reddot;
};

// mirror keeps a list as a listener tells it.
function mirror() {
  const list = new Map(), seen = { list, errors: [], states: [], receipts: [], readers: [] };
  const put = (all) => {
    for (const v of all) {
      assert.ok(!(list.get(v.conversation)?.version > v.version), "no version goes backward");
      list.set(v.conversation, v);
    }
  };
  return {
    seen, onNewConversation: put, onConversationChanged: put,
    onConversationDeleted: (names) => names.forEach((name) => list.delete(name)),
    onTotalUnreadMessageCountChanged: (totals) => { seen.totals = totals; },
    onRecvC2CReadReceipt: (all) => seen.receipts.push(...all.map((r) => `${r.peer}:${r.upto}`)),
    onRecvMessageReadReceipts: (all) => seen.readers.push(...all.map((r) => `${r.group}/${r.id}:${r.read}/${r.members}`)),
    onStateChanged: (state) => seen.states.push(state),
    onError: (e) => seen.errors.push(e),
  };
}

const all = async (pages) => {
  const list = [];
  for await (const page of pages) list.push(...page.conversations);
  return list;
};

test("what is heard is what is asked for, streamed and polled, over cuts of all kinds", async (t) => {
  const { http, url } = await serve(t), client = clients(t);
  const [host, port] = http.split(":");
  const rng = random(1);
  // A proxy that cuts connections in the middle of a byte.
  let cut = true;
  const proxy = createServer((req, res) => {
    const onward = request({ host, port, path: req.url, method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      let left = cut && req.url.includes("/v1/events") ? 200 + Math.floor(rng() * 3_000) : Infinity;
      answer.on("data", (bytes) => {
        res.write(bytes.subarray(0, left));
        left -= bytes.length;
        if (left <= 0) res.destroy();
      });
      answer.on("end", () => res.end());
      answer.on("error", () => res.destroy());
    });
    onward.on("error", () => res.destroy());
    res.on("close", () => onward.destroy());
    req.pipe(onward);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  try {
    const near = client({ url }), far = client({ url: `http://127.0.0.1:${proxy.address().port}`, times: { first: 1_000, longest: 1_500 } });
    const listeners = [
      [near.user("alice"), mirror()], [far.user("alice"), mirror()],
      [client({ url, transport: "poll" }).user("alice"), mirror()],
    ];
    for (const [me, listener] of listeners) me.listen(listener);
    let last;
    for (let i = 0; i < 40; i++) {
      const peer = `p${Math.floor(rng() * 6)}`, group = `g${Math.floor(rng() * 2)}`;
      const { last_seq } = await near.backend.send([
        { type: "group.join", group, users: ["alice", peer] },
        ...Array.from({ length: 5 }, (_, j) => ({ type: "user.message", user: "alice", id: `m${i}-${j}`, from: peer })),
        { type: "group.message", group, id: `t${i}`, from: peer, mentions: ["alice"] },
      ]);
      last = last_seq;
      const me = near.user("alice");
      switch (Math.floor(rng() * 5)) {
        case 0: last = (await me.markC2CMessageAsRead(peer, { upto: `m${i}-2` })).seq; break;
        case 1: last = (await me.deleteConversation(`c2c_${peer}`)).seq; break;
        case 2: last = (await me.markGroupMessageAsRead(group)).seq; break;
        case 3: last = (await near.backend.send([{ type: "group.leave", group, users: ["alice"] }])).last_seq;
      }
    }
    cut = false;
    const list = await all(near.user("alice").conversations({ afterSeq: last, timeoutMs: 30_000 }));
    const want = new Map(list.map((v) => [v.conversation, v]));
    const { version, ...totals } = await near.user("alice").totals();
    for (const [me, { seen }] of listeners) {
      await until("the list is the one that is asked for", () => seen.totals?.unread === totals.unread && seen.list.size === want.size &&
        [...want].every(([name, v]) => JSON.stringify(seen.list.get(name)) === JSON.stringify(v)));
      assert.deepEqual(seen.totals, totals);
      assert.deepEqual(me.store().getSnapshot().conversations.map((v) => v.conversation), list.map((v) => v.conversation), "in the same order");
      assert.equal(me.store().getSnapshot().version, version);
    }
    assert.deepEqual(listeners[0][1].seen.errors, []);
    assert.ok(listeners[1][1].seen.states.includes("offline"), "it was cut");
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

test("receipts of peers and groups, threads and filters", async (t) => {
  const { url } = await serve(t), client = clients(t);
  const { backend } = client({ url }), alice = client({ url }).user("alice"), bob = client({ url }).user("bob");
  await backend.send([
    { type: "policy", group_receipts: "members", threads: "apart" },
    { type: "group.join", group: "team", users: ["alice", "bob", "carol"] },
    { type: "user.sent", user: "alice", id: "m1", to: "bob" }, { type: "user.message", user: "bob", id: "m1", from: "alice" },
    { type: "group.message", group: "team", id: "t1", from: "alice", receipt: true },
  ], { wait: "emitted" });
  const listener = mirror(), threads = [], filters = [];
  listener.onThreadChanged = (list) => threads.push(...list.map((v) => `${v.thread}=${v.unread}`));
  listener.onUnreadMessageCountChangedByFilter = (named) => filters.push(...Object.entries(named).map(([k, v]) => `${k}=${v.unread}`));
  await alice.listen(listener).ready;
  await bob.markC2CMessageAsRead("alice", { upto: "m1" });
  await bob.markGroupMessageAsRead("team", { upto: "t1", wait: "applied" });
  await until("the receipts have come", () => listener.seen.receipts.includes("bob:m1") && listener.seen.readers.includes("team/t1:1/2"));
  assert.equal((await alice.receipt("bob")).upto, "m1");
  assert.equal(await alice.receipt("nobody"), undefined);
  assert.deepEqual(await alice.getMessageReadReceipts("team", ["t1", "unknown"]), [{ id: "t1", read: 1, members: 2 }]);
  for await (const page of alice.getGroupMessageReadMemberList("team", "t1", { read: false })) assert.deepEqual(page.users.map((u) => u.user), ["carol"]);
  await alice.subscribeUnreadMessageCountByFilter({ kind: "c2c" });
  await backend.send([{ type: "group.message", group: "team", id: "t2", from: "bob", thread: "t1" }, { type: "user.message", user: "alice", id: "m2", from: "bob" }]);
  await until("the thread and the filter have come", () => threads.includes("t1=1") && filters.includes("kind=c2c=1"));
  assert.equal((await alice.thread("group_team", "t1")).unread, 1);
  const { seq } = await alice.markConversation(["c2c_bob"], "unread", true);
  await alice.markConversation(["c2c_bob"], "unread", false);
  await alice.pinConversation("c2c_bob", true, { wait: "applied" });
  const marked = await alice.conversation("c2c_bob", { afterSeq: seq });
  assert.deepEqual([marked.marked_unread, marked.unread, marked.labels], [undefined, 1, ["pinned"]]);
  const [why] = (await alice.explain("c2c_bob")).messages;
  assert.deepEqual([why.id, why.from], ["m2", "bob"]);
  await assert.rejects(alice.markGroupMessageAsRead("strangers", { wait: "applied" }), { code: "bad_request", status: 400 });
  assert.deepEqual(listener.seen.errors, []);
});

test("a server that is restarted or killed, and tokens that expire", async (t) => {
  const live = await serve(t, { guarded: true }), { url } = live, client = clients(t);
  const { backend } = client({ url, key: KEY }), asked = [], listener = mirror();
  const me = client({ url, times: { first: 50 }, token: ({ reason }) => { asked.push(reason); return token("alice", 4); } }).user();
  await me.listen(listener).ready;
  await until("its token was renewed twice", () => asked.filter((reason) => reason === "expiring").length >= 2);
  await backend.send([{ type: "user.message", user: "alice", id: "m1", from: "bob" }]);
  await until("it has come", () => listener.seen.totals?.unread === 1);
  assert.deepEqual([listener.seen.states, listener.seen.errors], [["syncing", "live"], []], "nobody saw tokens expire");

  for (const [signal, id, unread] of [["SIGTERM", "m2", 2], ["SIGKILL", "m3", 3]]) {
    listener.seen.states.length = 0;
    await live.stop(signal);
    await until("it is noticed", () => listener.seen.states.includes("offline"));
    await live.start();
    await until("a message can be sent", () => backend.send([{ type: "user.message", user: "alice", id, from: "bob" }]).catch(() => {}));
    await until("it has come", () => listener.seen.totals?.unread === unread);
    assert.deepEqual(listener.seen.list.get("c2c_bob"), await me.conversation("c2c_bob"), `after ${signal}`);
  }

  await assert.rejects(client({ url, token: () => token("bob") }).user("alice").totals(), { status: 403 });
  await backend.disconnect("alice");
  await until("alice is back, with another token", () => asked.includes("rejected") && listener.seen.states.at(-1) === "live");
});
