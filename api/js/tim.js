// The shapes of Tencent Cloud's IM SDK (V2TIM) on top of a user of reddot: its objects, its
// numbers and its listeners, under its names. What it means in detail: tim.d.ts.

export const V2TIM = Object.freeze({
  C2C: 1, GROUP: 2, // types of conversations
  RECEIVE_MESSAGE: 0, NOT_RECEIVE_MESSAGE: 1, RECEIVE_NOT_NOTIFY_MESSAGE: 2, RECEIVE_NOT_NOTIFY_MESSAGE_EXCEPT_AT: 3, NOT_RECEIVE_MESSAGE_EXCEPT_AT: 4,
  MARK_STAR: 1, MARK_UNREAD: 2, MARK_FOLD: 4, MARK_HIDE: 8,
  READ_MEMBERS: 0, UNREAD_MEMBERS: 1, // filters of getGroupMessageReadMemberList
  MSG_STATUS_SEND_SUCC: 2, MSG_STATUS_LOCAL_REVOKED: 6,
});

const KINDS = { 1: "c2c", 2: "group" };
const LEVELS = ["all", "none", "none", "mentions", "mentions"]; // by V2TIMReceiveMessageOpt
const OPTS = { all: 0, none: 2, mentions: 3 }; // messages always come, so the ones that say so
const MARKS = new Map([[1, "star"], [2, "unread"], [4, "fold"], [8, "hide"]]);
for (let n = 32; n < 64; n++) MARKS.set(2 ** n, `mark_${n}`);
const NUMBERS = new Map([...MARKS].map(([number, label]) => [label, number]));
const OWN = new Set(["pinned", "archived", ...NUMBERS.keys()]); // labels that are no conversation groups

const SURE = { wait: "applied" }; // so that what is asked next shows it, and what the rules refuse is an error

const bad = (detail) => Object.assign(new Error(detail), { status: 400, code: "bad_request", detail });
const seconds = (ms) => Math.floor(ms / 1000);

function markOf(number) {
  return MARKS.get(Number(number)) ?? fail(`markType ${number}: want 1, 2, 4, 8 or 2 ** n, 32 <= n < 64`);
}
function groupOf(name) {
  return OWN.has(name) ? fail(`group name ${name}: it means something else here`) : name;
}
function levelOf(opt) {
  return LEVELS[opt] ?? fail(`opt ${opt}: want 0 to 4`);
}
function fail(detail) { throw bad(detail); }

// split is the two parts of a conversation's name.
const split = (id) => [id.slice(0, id.indexOf("_")), id.slice(id.indexOf("_") + 1)];

/** A V2TIMConversation of a conversation of reddot. */
export function toConversation(c, user) {
  const [kind, id] = split(c.conversation), group = kind === "group", m = c.last_message;
  const labels = c.labels ?? [];
  return {
    conversationID: c.conversation,
    type: group ? V2TIM.GROUP : V2TIM.C2C,
    userID: group ? "" : id,
    groupID: group ? id : "",
    showName: id,
    unreadCount: c.unread,
    recvOpt: OPTS[c.level ?? "all"],
    isPinned: labels.includes("pinned"),
    markList: [...labels.map((l) => NUMBERS.get(l)).filter(Boolean), ...(c.marked_unread ? [V2TIM.MARK_UNREAD] : [])].sort((a, b) => a - b),
    conversationGroupList: labels.filter((l) => !OWN.has(l)),
    lastMessage: m && {
      msgID: m.id, sender: m.from, isSelf: m.from === user, timestamp: seconds(m.at),
      userID: group ? "" : id, groupID: group ? id : "", status: m.revoked ? V2TIM.MSG_STATUS_LOCAL_REVOKED : V2TIM.MSG_STATUS_SEND_SUCC,
    },
    orderKey: m?.at ?? 0,
    c2cReadTimestamp: group ? 0 : seconds(c.read_at ?? 0),
    mentionCount: c.mentions,
    firstUnreadMsgID: c.first_unread ?? "",
  };
}

// toFilter is a V2TIMConversationListFilter as options of reddot's client.
function toFilter({ type, conversationGroup, markType } = {}) {
  if (conversationGroup && markType) fail("filter: want conversationGroup or markType, not both");
  if (Number(markType) === V2TIM.MARK_UNREAD) fail("filter: conversations can't be found by the mark of being unread");
  if (type && !KINDS[type]) fail(`filter: type ${type}: want 1 or 2`);
  const label = conversationGroup ? groupOf(conversationGroup) : markType ? markOf(markType) : undefined;
  return { ...(type && { kind: KINDS[type] }), ...(label && { label }) };
}

/** See tim.d.ts. */
export class V2TIMManager {
  #me; #conversations = new Map(); #messages = new Map();
  #filters = new Map(); #totals = {}; // those that are subscribed, and of all kept ones, by name

  /** Of a user of reddot's client: new Reddot(...).user(). */
  constructor(user) {
    this.#me = user;
    for (const name of CALLS) { // a callback may come last, as in the native SDKs
      const call = this[name];
      this[name] = (...args) => {
        const callback = ["onSuccess", "onError"].some((k) => typeof args.at(-1)?.[k] === "function") ? args.pop() : undefined;
        const answer = Promise.resolve().then(() => call.apply(this, args));
        if (!callback) return answer;
        answer.then((data) => callback.onSuccess?.(data), (e) => callback.onError?.(e.status ?? 0, e.detail ?? e.message));
      };
    }
  }

  getConversationManager() { return this; }
  getMessageManager() { return this; }

  // Listeners.

  addConversationListener(listener) {
    const seen = new Map(); // groups of each conversation, and counts by filter
    const shape = (list) => list.map((c) => toConversation(c, this.#me.id));
    const told = (list) => this.#regrouped(listener, seen, shape(list));
    this.#listen(this.#conversations, listener, {
      counts: () => this.#counts(listener, seen),
      onNewConversation: (list) => { listener.onNewConversation?.(shape(list)); told(list); },
      onConversationChanged: (list) => { listener.onConversationChanged?.(shape(list)); told(list); },
      onConversationDeleted: (ids) => { ids.forEach((id) => seen.delete(id)); listener.onConversationDeleted?.(ids); },
      onTotalUnreadMessageCountChanged: this.#total(listener),
      onUnreadMessageCountChangedByFilter: (totals) => {
        this.#totals = totals;
        this.#counts(listener, seen);
      },
      onStateChanged: (state) => {
        if (state === "syncing") listener.onSyncServerStart?.();
        if (state === "live") listener.onSyncServerFinish?.();
      },
      onError: (e) => { listener.onSyncServerFailed?.(e); listener.onError?.(e); },
    });
  }

  removeConversationListener(listener) { this.#hush(this.#conversations, listener); }

  addAdvancedMsgListener(listener) {
    this.#listen(this.#messages, listener, {
      onRecvC2CReadReceipt: (list) => listener.onRecvC2CReadReceipt?.(list.map(({ peer, upto, at }) => ({ userID: peer, msgID: upto, timestamp: seconds(at), isPeerRead: true }))),
      onRecvMessageReadReceipts: (list) => listener.onRecvMessageReadReceipts?.(list.map((r) => toReceipt(r.group, r))),
      onError: (e) => listener.onError?.(e),
    });
  }

  removeAdvancedMsgListener(listener) { this.#hush(this.#messages, listener); }

  #listen(all, listener, calls) {
    if (!all.has(listener)) all.set(listener, { ...calls, heard: this.#me.listen(calls) });
  }

  #hush(all, listener) {
    all.get(listener)?.heard.close();
    all.delete(listener);
  }

  // total tells the number alone, so not when only another sum has changed.
  #total(listener) {
    let before;
    return ({ unread }) => {
      if (unread !== before) listener.onTotalUnreadMessageCountChanged?.(before = unread);
    };
  }

  #counts(listener, seen) {
    for (const [name, filter] of this.#filters) {
      const unread = this.#totals[name]?.unread, key = `\0${name}`;
      if (unread === undefined || seen.get(key) === unread) continue;
      seen.set(key, unread);
      listener.onUnreadMessageCountChangedByFilter?.(filter, unread);
    }
  }

  // regrouped tells which conversations have come into a group or left it.
  #regrouped(listener, seen, list) {
    const added = new Map(), removed = new Map();
    const note = (to, name, c) => to.set(name, [...(to.get(name) ?? []), c]);
    for (const c of list) {
      const before = seen.get(c.conversationID), now = c.conversationGroupList;
      seen.set(c.conversationID, now);
      if (!before) continue; // nothing of it has changed
      for (const name of now) if (!before.includes(name)) note(added, name, c);
      for (const name of before) if (!now.includes(name)) note(removed, name, c);
    }
    added.forEach((list, name) => listener.onConversationsAddedToGroup?.(name, list));
    removed.forEach((list, name) => listener.onConversationsDeletedFromGroup?.(name, list));
  }

  // Conversations.

  async getConversationList(first = 0, count = 100) {
    if (!Array.isArray(first)) return this.getConversationListByFilter({}, first, count);
    return (await this.#me.getConversationList(first)).map((c) => toConversation(c, this.#me.id));
  }

  async getConversationListByFilter(filter, nextSeq = 0, count = 100) {
    const { hasUnreadCount: unreadOnly, hasGroupAtInfo: mentioned } = filter;
    const pages = this.#me.conversations({ ...toFilter(filter), ...(unreadOnly && { unreadOnly }), ...(mentioned && { mentioned }), ...page(nextSeq, count) });
    const { value } = await pages.next();
    return { conversationList: value.conversations.map((c) => toConversation(c, value.user)), nextSeq: value.next ?? 0, isFinished: !value.next };
  }

  async getConversation(conversationID) { return toConversation(await this.#me.conversation(conversationID), this.#me.id); }

  async deleteConversation(conversationID) { await this.#me.deleteConversation(conversationID, SURE); }
  async clearC2CHistoryMessage(userID) { await this.#me.clear(`c2c_${userID}`, SURE); }
  async clearGroupHistoryMessage(groupID) { await this.#me.clear(`group_${groupID}`, SURE); }
  async pinConversation(conversationID, isPinned) { await this.#me.pinConversation(conversationID, isPinned, SURE); }

  async markConversation(conversationIDList, markType, enableMark) {
    const mark = markOf(markType);
    return this.#each(conversationIDList, (id) => this.#me.markConversation([id], mark, enableMark, SURE));
  }

  // each does something with one after the other, and says of each what came of it.
  async #each(ids, work) {
    const results = [];
    for (const conversationID of ids) {
      results.push(await work(conversationID).then(
        () => ({ conversationID, resultCode: 0, resultInfo: "" }),
        (e) => ({ conversationID, resultCode: e.status || -1, resultInfo: e.detail ?? e.message })));
    }
    return results;
  }

  // Groups of conversations.

  async createConversationGroup(groupName, conversationIDList) { return this.addConversationsToGroup(groupName, conversationIDList); }

  async addConversationsToGroup(groupName, conversationIDList) {
    const label = groupOf(groupName);
    return this.#each(conversationIDList, (id) => this.#me.addConversationsToGroup(label, [id], SURE));
  }

  async deleteConversationsFromGroup(groupName, conversationIDList) {
    const label = groupOf(groupName);
    return this.#each(conversationIDList, (id) => this.#me.deleteConversationsFromGroup(label, [id], SURE));
  }

  async getConversationGroupList() {
    const names = new Set();
    for await (const page of this.#me.conversations()) for (const { labels = [] } of page.conversations) for (const l of labels) if (!OWN.has(l)) names.add(l);
    return [...names];
  }

  async deleteConversationGroup(groupName) {
    for (const id of await this.#inGroup(groupName)) await this.#me.label(id, { remove: [groupName], ...SURE });
  }

  async renameConversationGroup(oldName, newName) {
    const add = [groupOf(newName)];
    for (const id of await this.#inGroup(oldName)) await this.#me.label(id, { remove: [oldName], add, ...SURE });
  }

  async #inGroup(name) {
    const ids = [];
    for await (const page of this.#me.conversations({ label: groupOf(name) })) ids.push(...page.conversations.map((c) => c.conversation));
    return ids;
  }

  // Counts.

  getTotalUnreadMessageCount() { return this.#me.getTotalUnreadMessageCount(); }
  async getUnreadMessageCountByFilter(filter) { return this.#me.getUnreadMessageCountByFilter(toFilter(filter)); }

  async subscribeUnreadMessageCountByFilter(filter) {
    const { name } = await this.#me.subscribeUnreadMessageCountByFilter(toFilter(filter), SURE);
    this.#filters.set(name, filter);
    for (const { counts } of this.#conversations.values()) counts(); // which may have come already
  }

  async unsubscribeUnreadMessageCountByFilter(filter) {
    const of = JSON.stringify(toFilter(filter));
    await this.#me.unsubscribeUnreadMessageCountByFilter(toFilter(filter), SURE);
    for (const [name, known] of this.#filters) if (JSON.stringify(toFilter(known)) === of) this.#filters.delete(name);
  }

  async markC2CMessageAsRead(userID, options) { await this.#me.markC2CMessageAsRead(userID, { ...SURE, ...options }); }
  async markGroupMessageAsRead(groupID, options) { await this.#me.markGroupMessageAsRead(groupID, { ...SURE, ...options }); }
  async markAllMessageAsRead() { await this.#me.markAllMessageAsRead(SURE); }

  async cleanConversationUnreadMessageCount(conversationID, cleanTimestamp = 0, cleanSequence = 0) {
    if (cleanSequence && !conversationID.startsWith("c2c_")) fail("cleanSequence: messages have no numbers here; want 0, or markGroupMessageAsRead(group, { upto: msgID })");
    await this.#me.cleanConversationUnreadMessageCount(conversationID, { ...SURE, uptoAt: cleanTimestamp ? cleanTimestamp * 1000 + 999 : undefined });
  }

  // Receipts.

  async getMessageReadReceipts(messageList) {
    const of = new Map(); // by group, or by peer
    for (const m of messageList) of.set(m.groupID || `\0${m.userID}`, [...(of.get(m.groupID || `\0${m.userID}`) ?? []), m]);
    const found = new Map();
    for (const [key, messages] of of) {
      if (key[0] === "\0") {
        const userID = key.slice(1), r = await this.#me.receipt(userID);
        for (const m of messages) found.set(m, { msgID: m.msgID, userID, isPeerRead: !!r && (r.upto === m.msgID || m.timestamp * 1000 <= r.at), timestamp: seconds(r?.at ?? 0) });
        continue;
      }
      const receipts = await this.#me.getMessageReadReceipts(key, messages.map((m) => m.msgID));
      for (const m of messages) {
        const r = receipts.find((r) => r.id === m.msgID);
        if (r) found.set(m, toReceipt(key, r));
      }
    }
    return messageList.map((m) => found.get(m)).filter(Boolean);
  }

  async getGroupMessageReadMemberList(message, filter = V2TIM.READ_MEMBERS, nextSeq = 0, count = 100) {
    const pages = this.#me.getGroupMessageReadMemberList(message.groupID, message.msgID, { read: filter === V2TIM.READ_MEMBERS, ...page(nextSeq, count) });
    const { value } = await pages.next();
    return { memberInfoList: value.users.map(({ user }) => ({ userID: user })), nextSeq: value.next ?? 0, isFinished: !value.next };
  }

  // Levels.

  async setC2CReceiveMessageOpt(userIDList, opt) { await this.#me.setC2CReceiveMessageOpt(userIDList, levelOf(opt), SURE); }
  async setGroupReceiveMessageOpt(groupID, opt) { await this.#me.setGroupReceiveMessageOpt(groupID, levelOf(opt), SURE); }

  async getC2CReceiveMessageOpt(userIDList) {
    const list = await this.#me.getConversationList(userIDList.map((id) => `c2c_${id}`));
    const opts = new Map(list.map((c) => [c.conversation, OPTS[c.level ?? "all"]]));
    return userIDList.map((userID) => ({ userID, c2CReceiveMessageOpt: opts.get(`c2c_${userID}`) ?? V2TIM.RECEIVE_MESSAGE }));
  }
}

const CALLS = Object.getOwnPropertyNames(V2TIMManager.prototype).filter((name) => !/^(constructor|get\w+Manager|(add|remove)\w+Listener)$/.test(name));

const page = (nextSeq, count) => ({ limit: Math.min(count, 200), ...(nextSeq && { after: nextSeq }) });

const toReceipt = (groupID, { id, read, members }) => ({ msgID: id, groupID, readCount: read, unreadCount: members - read });
