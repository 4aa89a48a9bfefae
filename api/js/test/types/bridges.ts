// A program that uses reddot/tim and reddot/nats: it must compile.
import { tokenAuthenticator, wsconnect } from "@nats-io/nats-core";
import { Reddot, type Snapshot } from "reddot";
import { inboxPrefix, NatsUser } from "reddot/nats";
import { toConversation, V2TIM, V2TIMManager, type V2TIMConversation } from "reddot/tim";

export async function tim(reddot: Reddot): Promise<V2TIMConversation[]> {
  const manager = new V2TIMManager(reddot.user());
  manager.getConversationManager().addConversationListener({
    onTotalUnreadMessageCountChanged(count) { count.toFixed(); },
    onUnreadMessageCountChangedByFilter(filter, count) { return filter.type === V2TIM.GROUP && count > 0; },
  });
  manager.getMessageManager().addAdvancedMsgListener({ onRecvC2CReadReceipt: ([first]) => first?.timestamp });
  const results = await manager.markConversation(["c2c_bob"], V2TIM.MARK_STAR, true);
  const { nextSeq } = await manager.getConversationList(0, 100);
  await manager.getTotalUnreadMessageCount({ onSuccess: (n) => n.toFixed(), onError: (code, desc) => `${code} ${desc}` });
  return [...(await manager.getConversationList(results.map((r) => r.conversationID))), ...(await manager.getConversationList(nextSeq)).conversationList, toConversation(await reddot.user().conversation("c2c_bob"))];
}

export async function nats(): Promise<Readonly<Snapshot>> {
  const nc = await wsconnect({ servers: "wss://chat.example/nats", authenticator: tokenAuthenticator(() => "token"), inboxPrefix: inboxPrefix("alice"), maxReconnectAttempts: -1 });
  const me = new NatsUser(nc, "alice", { watch: false });
  const sub = me.listen({ onTotalUnreadMessageCountChanged: ({ unread }) => unread.toFixed() });
  await sub.ready;
  const { seq } = await me.do("read", { conversation: "c2c_bob" });
  await me.ask("totals", { after_seq: seq });
  return me.store().getSnapshot();
}
