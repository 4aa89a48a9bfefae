// reddot/tim against a live server: V2TIM's names, objects and numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reddot } from "../reddot.js";
import { V2TIM, V2TIMManager } from "../tim.js";
import { message, serve, until } from "./live.js";

test("an app written for V2TIM finds its names, objects and numbers", async (t) => {
  const live = await serve(t);
  const reddot = new Reddot({ url: live.url });
  t.after(() => reddot.close());
  const tim = new V2TIMManager(reddot.user("alice")), manager = tim.getConversationManager();
  const told = { news: [], changes: [], gone: [], totals: [], filters: [], added: [], removed: [], receipts: [], figures: [], synced: 0 };
  const listener = {
    onSyncServerFinish: () => told.synced++,
    onNewConversation: (list) => told.news.push(...list), onConversationChanged: (list) => told.changes.push(...list), onConversationDeleted: (ids) => told.gone.push(...ids),
    onTotalUnreadMessageCountChanged: (n) => told.totals.push(n), onUnreadMessageCountChangedByFilter: (filter, n) => told.filters.push([filter, n]),
    onConversationsAddedToGroup: (name, list) => told.added.push([name, list.map((c) => c.conversationID)]),
    onConversationsDeletedFromGroup: (name, list) => told.removed.push([name, list.map((c) => c.conversationID)]),
  };
  await live.send({ type: "policy", group_receipts: "members" }, { type: "group.join", group: "team", users: ["alice", "bob", "carol"] },
    message("alice", "bob", "m1", { at: 1_700_000_001_500 }), message("alice", "bob", "m2", { at: 1_700_000_002_500 }),
    { type: "group.message", group: "team", id: "g1", from: "bob", mentions: ["alice"], at: 1_700_000_003_500 });
  manager.addConversationListener(listener);
  manager.addConversationListener(listener); // once all the same
  tim.getMessageManager().addAdvancedMsgListener({ onRecvC2CReadReceipt: (list) => told.receipts.push(...list), onRecvMessageReadReceipts: (list) => told.figures.push(...list) });
  await until("the list is told", () => told.synced > 0);
  assert.deepEqual(told.totals, [3]);
  const byID = (list, id) => list.find((c) => c.conversationID === id);
  assert.deepEqual(byID(told.news, "c2c_bob"), {
    conversationID: "c2c_bob", type: V2TIM.C2C, userID: "bob", groupID: "", showName: "bob", unreadCount: 2, recvOpt: V2TIM.RECEIVE_MESSAGE, isPinned: false,
    markList: [], conversationGroupList: [], lastMessage: { msgID: "m2", sender: "bob", isSelf: false, timestamp: 1_700_000_002, userID: "bob", groupID: "", status: 2 },
    orderKey: 1_700_000_002_500, c2cReadTimestamp: 0, mentionCount: 0, firstUnreadMsgID: "m1",
  });
  assert.equal(byID(told.news, "group_team").groupID, "team");

  // counts
  assert.equal(await manager.getTotalUnreadMessageCount(), 3);
  assert.equal(await manager.getUnreadMessageCountByFilter({ type: V2TIM.GROUP }), 1);
  const filter = { type: V2TIM.C2C };
  await manager.subscribeUnreadMessageCountByFilter(filter);
  await until("the filter is told", () => told.filters.length === 1);
  assert.deepEqual(told.filters, [[filter, 2]]);
  await manager.cleanConversationUnreadMessageCount("c2c_bob", 1_700_000_001, 0);
  await until("a read up to a time is told", () => told.totals.at(-1) === 2 && told.filters.at(-1)[1] === 1);
  await manager.markC2CMessageAsRead("bob");
  await manager.markGroupMessageAsRead("team");
  await until("reads are told", () => told.totals.at(-1) === 0);
  await manager.unsubscribeUnreadMessageCountByFilter(filter);
  await live.send(message("alice", "bob", "m3"), { type: "group.message", group: "team", id: "g2", from: "bob" });
  await until("two are unread", () => told.totals.at(-1) === 2);
  await manager.cleanConversationUnreadMessageCount("group");
  await until("the groups are read", () => told.totals.at(-1) === 1);
  await manager.markAllMessageAsRead();
  await until("all is read", () => told.totals.at(-1) === 0);
  await assert.rejects(manager.cleanConversationUnreadMessageCount("group_team", 0, 7), { code: "bad_request" });

  // marks, the pin, groups and levels
  const now = async (id) => (await manager.getConversationList([id]))[0];
  assert.deepEqual(await manager.markConversation(["c2c_bob", "group_none"], V2TIM.MARK_STAR, true).then((all) => all.map((r) => r.resultCode)), [0, 400]);
  await manager.markConversation(["c2c_bob"], 2 ** 40, true);
  await manager.markConversation(["c2c_bob"], V2TIM.MARK_UNREAD, true);
  await manager.pinConversation("c2c_bob", true);
  await manager.createConversationGroup("friends", ["c2c_bob"]);
  await until("it is marked", async () => (await now("c2c_bob")).markList.length === 3 && (await now("c2c_bob")).conversationGroupList.length === 1);
  assert.deepEqual(await now("c2c_bob").then(({ markList, isPinned, conversationGroupList }) => ({ markList, isPinned, conversationGroupList })), { markList: [1, 2, 2 ** 40], isPinned: true, conversationGroupList: ["friends"] });
  await until("the group is told", () => told.added.length > 0);
  assert.deepEqual(told.added, [["friends", ["c2c_bob"]]]);
  assert.deepEqual(await manager.getConversationGroupList(), ["friends"]);
  const { conversationList, isFinished } = await manager.getConversationListByFilter({ conversationGroup: "friends" });
  assert.deepEqual([conversationList.length, isFinished], [1, true]);
  await manager.renameConversationGroup("friends", "pals");
  await until("it is renamed", async () => (await manager.getConversationGroupList())[0] === "pals");
  await manager.deleteConversationGroup("pals");
  await until("it is gone", async () => (await manager.getConversationGroupList()).length === 0);
  await manager.markConversation(["c2c_bob"], V2TIM.MARK_UNREAD, false);
  await until("the mark is taken away", async () => !(await now("c2c_bob")).markList.includes(2));
  await assert.rejects(manager.markConversation(["c2c_bob"], 3, true), { code: "bad_request" });
  await assert.rejects(manager.addConversationsToGroup("pinned", ["c2c_bob"]), { code: "bad_request" });
  await manager.setC2CReceiveMessageOpt(["bob"], V2TIM.RECEIVE_NOT_NOTIFY_MESSAGE);
  await manager.setGroupReceiveMessageOpt("team", V2TIM.RECEIVE_NOT_NOTIFY_MESSAGE_EXCEPT_AT);
  await until("the levels are set", async () => (await now("c2c_bob")).recvOpt === 2 && (await now("group_team")).recvOpt === 3);
  assert.deepEqual(await manager.getC2CReceiveMessageOpt(["bob", "erin"]), [{ userID: "bob", c2CReceiveMessageOpt: 2 }, { userID: "erin", c2CReceiveMessageOpt: 0 }]);

  // receipts
  await live.send(message("bob", "alice", "a1"), { type: "user.sent", user: "alice", to: "bob", id: "a1" }, { type: "group.message", group: "team", id: "a2", from: "alice", receipt: true },
    { type: "user.read", user: "bob", conversation: "c2c_alice", upto: "a1" }, { type: "user.read", user: "bob", conversation: "group_team", upto: "a2" });
  await until("the receipts are told", () => told.receipts.length > 0 && told.figures.length > 0);
  assert.deepEqual([told.receipts.at(-1).userID, told.receipts.at(-1).msgID, told.figures.at(-1)], ["bob", "a1", { msgID: "a2", groupID: "team", readCount: 1, unreadCount: 1 }]);
  const receipts = await tim.getMessageReadReceipts([{ msgID: "a2", groupID: "team", userID: "", timestamp: 1 }, { msgID: "a1", userID: "bob", groupID: "", timestamp: 1 }, { msgID: "none", groupID: "team", userID: "", timestamp: 1 }]);
  assert.deepEqual(receipts.map((r) => [r.msgID, r.readCount ?? r.isPeerRead]), [["a2", 1], ["a1", true]]);
  assert.deepEqual(await tim.getGroupMessageReadMemberList({ msgID: "a2", groupID: "team" }, V2TIM.UNREAD_MEMBERS), { memberInfoList: [{ userID: "carol" }], nextSeq: 0, isFinished: true });

  // pages, callbacks, and what goes
  const page = await manager.getConversationList(0, 1);
  assert.deepEqual([page.conversationList.length, page.isFinished], [1, false]);
  assert.equal((await manager.getConversationList(page.nextSeq, 1)).isFinished, true);
  assert.equal((await manager.getConversation("c2c_bob")).userID, "bob");
  assert.equal(await new Promise((onSuccess, onError) => { manager.getTotalUnreadMessageCount({ onSuccess, onError }); }), 0);
  assert.deepEqual(await new Promise((resolve) => { manager.getConversation("c2c_none", { onError: (code, desc) => resolve([code, typeof desc]) }); }), [404, "string"]);
  await manager.deleteConversation("c2c_bob");
  await until("it is deleted", () => told.gone.includes("c2c_bob"));
  const before = told.totals.length;
  manager.removeConversationListener(listener);
  await live.send(message("alice", "bob", "m9"));
  assert.equal(await manager.getTotalUnreadMessageCount(), 0, "bob's chat is muted still");
  assert.equal(told.totals.length, before);
});
