// A program that uses the client as it is meant to be used: it compiles, and so its types hold.
import { Feed, Reddot, ReddotError, type Command, type Conversation, type Snapshot, type Source, type Totals } from "reddot";

const reddot = new Reddot({ url: "/", token: async ({ reason }) => (await fetch(`/token?why=${reason}`)).text(), transport: "auto", shareTabs: false });
const me = reddot.user();

export async function queries(signal: AbortSignal): Promise<void> {
  const n: number = await me.getTotalUnreadMessageCount();
  const totals: Totals = await me.totals({ kind: "group", includeMuted: true, afterSeq: n });
  const m: number = await me.getUnreadMessageCountByFilter({ label: "work", mentioned: true }, { signal });
  for await (const page of me.conversations({ unreadOnly: true })) page.conversations.map((c) => c.first_unread?.length);
  for await (const page of me.threads({ conversation: "group_team" })) page.threads.map((t) => t.following);
  for await (const page of me.getGroupMessageReadMemberList("team", "m1", { read: false })) page.users.map((u) => u.at);
  const c: Conversation = await me.conversation("c2c_bob");
  const list: Conversation[] = await me.getConversationList(["c2c_bob"]);
  const why = await me.explain("group_team", { limit: 10 });
  const upto: string | undefined = (await me.receipt("bob"))?.upto;
  console.log(totals.threads?.unread, m, c.level, list.length, why.messages[0]?.mention, upto, (await me.getMessageReadReceipts("team", ["m1"]))[0]?.read);
}

export async function commands(): Promise<void> {
  const { seq } = await me.markC2CMessageAsRead("bob", { upto: "m9", wait: "applied" });
  await me.markGroupMessageAsRead("team", { thread: "" });
  await me.markAllMessageAsRead({ kind: "c2c", idempotencyKey: "k" });
  await me.markUnread("c2c_bob", { from: "m7" });
  await me.mute("group_team", true);
  await me.deleteConversation("c2c_bob");
  await me.markConversation(["c2c_bob"], "star", true);
  const { name } = await me.subscribeUnreadMessageCountByFilter({ kind: "group" });
  await me.filter(name, null);
  // @ts-expect-error: there is no such level
  await me.level("c2c_bob", "some");
  // @ts-expect-error: it is uptoAt
  await me.markC2CMessageAsRead("bob", { upto_at: seq });
}

export function listens(signal: AbortSignal): Promise<void> {
  const sub = me.listen({
    onTotalUnreadMessageCountChanged(totals) { console.log(totals.unread); },
    onConversationChanged(list) { console.log(list.map((c) => c.conversation)); },
    onNewConversation(list) { console.log(list.length); },
    onConversationDeleted(names) { console.log(names.join()); },
    onRecvC2CReadReceipt(receipts) { console.log(receipts[0]?.upto); },
    onRecvMessageReadReceipts(receipts) { console.log(receipts[0]?.read); },
    onStateChanged(state) { console.log(state === "live"); },
    onError(e) { if (e instanceof ReddotError && e.code === "forbidden") console.log(e.retryAfter); },
  }, { signal });
  return sub.ready;
}

// As React's useSyncExternalStore takes it.
declare function useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, getSnapshot: () => T): T;
export function badge(): number {
  const { subscribe, getSnapshot } = me.store();
  const snapshot: Readonly<Snapshot> = useSyncExternalStore(subscribe, getSnapshot);
  return snapshot.totals?.unread ?? 0;
}

export async function watches(): Promise<void> {
  for await (const { conversations, state } of me.watch()) console.log(conversations[0]?.unread, state);
}

export async function backend(): Promise<void> {
  const commands: Command[] = [{ type: "user.message", user: "alice", id: "m1", from: "bob" }, { type: "group.join", group: "team", users: ["alice"] }];
  const { results, refused } = await new Reddot({ url: "http://127.0.0.1:8480", key: "rdk_" }).backend.send(commands, { wait: "applied" });
  console.log(results[0]?.seq, refused?.[0]?.reason);
}

// Another way in.
const source: Source = { start(feed) { feed.enter("live", { user: "alice", version: 1 }); feed.fail(new Error(), true); }, stop() {} };
export const feed = new Feed(source);
feed.become("offline");
