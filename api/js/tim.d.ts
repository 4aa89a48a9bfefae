// V2TIM's names and shapes for a user of reddot, so that code written for Tencent Cloud's IM
// SDK needs little change:
//
//   const tim = new V2TIMManager(new Reddot({ token }).user());
//   tim.getConversationManager().addConversationListener({ onTotalUnreadMessageCountChanged(n) {} });
//
// Methods return promises; a callback { onSuccess, onError(code, desc) } may come last
// instead, as in the native SDKs. code is the HTTP status, 0 if no answer came. What is
// different, as reddot knows no more or knows better:
//
//   - Times are in seconds, as V2TIM's; reddot's own are in ms.
//   - Messages have no sequence numbers: positions are message ids, groups' too.
//   - lastMessage says which message it is and from whom, and has no content.
//   - recvOpt says what counts: NOT_RECEIVE and NOT_NOTIFY are both level "none".
//   - Marks, groups and the pin are labels: "star", "fold", "hide", "mark_32" to "mark_63"
//     for 2 ** n, "pinned"; other labels are conversation groups, but for "archived".
//   - Lists are not reordered by isPinned: sort by it, then by the order given.
//   - Commands have succeeded once queries show them (wait: "applied").
//   - nextSeq is a string that means nothing; 0 at the start, and at the end.

import type { Conversation, ReadOptions, User } from "./reddot.js";

export const V2TIM: Readonly<{
  C2C: 1; GROUP: 2;
  RECEIVE_MESSAGE: 0; NOT_RECEIVE_MESSAGE: 1; RECEIVE_NOT_NOTIFY_MESSAGE: 2; RECEIVE_NOT_NOTIFY_MESSAGE_EXCEPT_AT: 3; NOT_RECEIVE_MESSAGE_EXCEPT_AT: 4;
  MARK_STAR: 1; MARK_UNREAD: 2; MARK_FOLD: 4; MARK_HIDE: 8;
  READ_MEMBERS: 0; UNREAD_MEMBERS: 1;
  MSG_STATUS_SEND_SUCC: 2; MSG_STATUS_LOCAL_REVOKED: 6;
}>;

export interface V2TIMMessage {
  msgID: string;
  sender: string;
  isSelf: boolean;
  /** seconds */
  timestamp: number;
  /** the peer of a C2C message */
  userID: string;
  groupID: string;
  status: 2 | 6;
}

export interface V2TIMConversation {
  conversationID: string;
  type: 1 | 2;
  userID: string;
  groupID: string;
  /** its id: reddot knows no names */
  showName: string;
  unreadCount: number;
  recvOpt: 0 | 2 | 3;
  isPinned: boolean;
  /** 1, 2, 4, 8 and 2 ** n */
  markList: number[];
  conversationGroupList: string[];
  lastMessage?: V2TIMMessage;
  /** the last message's time in ms */
  orderKey: number;
  /** seconds; 0: never, or a group */
  c2cReadTimestamp: number;
  /** Beyond V2TIM: unread messages that name the user. */
  mentionCount: number;
  /** Beyond V2TIM: the first message of the count, or "". */
  firstUnreadMsgID: string;
}

export interface V2TIMConversationListFilter {
  type?: 0 | 1 | 2;
  conversationGroup?: string;
  markType?: number;
  /** of getConversationListByFilter alone */
  hasUnreadCount?: boolean;
  /** of getConversationListByFilter alone */
  hasGroupAtInfo?: boolean;
}

export interface V2TIMConversationResult { conversationList: V2TIMConversation[]; nextSeq: string | 0; isFinished: boolean }
/** resultCode 0 is success; else the HTTP status, or -1. */
export interface V2TIMConversationOperationResult { conversationID: string; resultCode: number; resultInfo: string }

/** How far a peer has read: up to the message msgID. */
export interface V2TIMC2CReceipt { userID: string; msgID: string; timestamp: number; isPeerRead: boolean }
export interface V2TIMGroupReceipt { groupID: string; msgID: string; readCount: number; unreadCount: number }
export interface V2TIMGroupMessageReadMemberList { memberInfoList: { userID: string }[]; nextSeq: string | 0; isFinished: boolean }

export interface V2TIMConversationListener {
  onSyncServerStart?(): void;
  onSyncServerFinish?(): void;
  /** It is tried again. */
  onSyncServerFailed?(error: Error): void;
  onNewConversation?(list: V2TIMConversation[]): void;
  onConversationChanged?(list: V2TIMConversation[]): void;
  onConversationDeleted?(conversationIDList: readonly string[]): void;
  onTotalUnreadMessageCountChanged?(totalUnreadCount: number): void;
  /** Of each filter that was subscribed here: its count now, then when it changes. */
  onUnreadMessageCountChangedByFilter?(filter: V2TIMConversationListFilter, totalUnreadCount: number): void;
  onConversationsAddedToGroup?(groupName: string, list: V2TIMConversation[]): void;
  onConversationsDeletedFromGroup?(groupName: string, list: V2TIMConversation[]): void;
  onError?(error: Error): void;
}

export interface V2TIMAdvancedMsgListener {
  onRecvC2CReadReceipt?(receiptList: V2TIMC2CReceipt[]): void;
  onRecvMessageReadReceipts?(receiptList: V2TIMGroupReceipt[]): void;
  onError?(error: Error): void;
}

export interface V2TIMCallback<T = void> {
  onSuccess?(data: T): void;
  onError?(code: number, desc: string): void;
}

/** A V2TIMConversation of a conversation of reddot; user is whose it is. */
export function toConversation(conversation: Conversation, user?: string): V2TIMConversation;

export class V2TIMManager {
  constructor(user: User);
  getConversationManager(): this;
  getMessageManager(): this;

  addConversationListener(listener: V2TIMConversationListener): void;
  removeConversationListener(listener: V2TIMConversationListener): void;
  addAdvancedMsgListener(listener: V2TIMAdvancedMsgListener): void;
  removeAdvancedMsgListener(listener: V2TIMAdvancedMsgListener): void;

  getConversationList(nextSeq?: string | 0, count?: number, callback?: V2TIMCallback<V2TIMConversationResult>): Promise<V2TIMConversationResult>;
  /** Those of them that are in the list, in the order given; at most 200. */
  getConversationList(conversationIDList: string[], callback?: V2TIMCallback<V2TIMConversation[]>): Promise<V2TIMConversation[]>;
  getConversationListByFilter(filter: V2TIMConversationListFilter, nextSeq?: string | 0, count?: number, callback?: V2TIMCallback<V2TIMConversationResult>): Promise<V2TIMConversationResult>;
  getConversation(conversationID: string, callback?: V2TIMCallback<V2TIMConversation>): Promise<V2TIMConversation>;
  deleteConversation(conversationID: string, callback?: V2TIMCallback): Promise<void>;
  clearC2CHistoryMessage(userID: string, callback?: V2TIMCallback): Promise<void>;
  clearGroupHistoryMessage(groupID: string, callback?: V2TIMCallback): Promise<void>;
  pinConversation(conversationID: string, isPinned: boolean, callback?: V2TIMCallback): Promise<void>;
  markConversation(conversationIDList: string[], markType: number, enableMark: boolean, callback?: V2TIMCallback<V2TIMConversationOperationResult[]>): Promise<V2TIMConversationOperationResult[]>;

  createConversationGroup(groupName: string, conversationIDList: string[], callback?: V2TIMCallback<V2TIMConversationOperationResult[]>): Promise<V2TIMConversationOperationResult[]>;
  /** Those that a conversation is in. */
  getConversationGroupList(callback?: V2TIMCallback<string[]>): Promise<string[]>;
  deleteConversationGroup(groupName: string, callback?: V2TIMCallback): Promise<void>;
  renameConversationGroup(oldName: string, newName: string, callback?: V2TIMCallback): Promise<void>;
  addConversationsToGroup(groupName: string, conversationIDList: string[], callback?: V2TIMCallback<V2TIMConversationOperationResult[]>): Promise<V2TIMConversationOperationResult[]>;
  deleteConversationsFromGroup(groupName: string, conversationIDList: string[], callback?: V2TIMCallback<V2TIMConversationOperationResult[]>): Promise<V2TIMConversationOperationResult[]>;

  getTotalUnreadMessageCount(callback?: V2TIMCallback<number>): Promise<number>;
  getUnreadMessageCountByFilter(filter: V2TIMConversationListFilter, callback?: V2TIMCallback<number>): Promise<number>;
  subscribeUnreadMessageCountByFilter(filter: V2TIMConversationListFilter, callback?: V2TIMCallback): Promise<void>;
  unsubscribeUnreadMessageCountByFilter(filter: V2TIMConversationListFilter, callback?: V2TIMCallback): Promise<void>;
  /** Beyond V2TIM: with { upto: msgID } what lies after that message stays unread. */
  markC2CMessageAsRead(userID: string, options?: ReadOptions, callback?: V2TIMCallback): Promise<void>;
  markGroupMessageAsRead(groupID: string, options?: ReadOptions, callback?: V2TIMCallback): Promise<void>;
  markAllMessageAsRead(callback?: V2TIMCallback): Promise<void>;
  /** "": all; "c2c", "group": all of them. cleanTimestamp: in seconds, what is not later is read; 0: all. */
  cleanConversationUnreadMessageCount(conversationID: string, cleanTimestamp?: number, cleanSequence?: number, callback?: V2TIMCallback): Promise<void>;

  /** Of messages to groups and to peers; unknown and recalled ones are left out. */
  getMessageReadReceipts(messageList: Pick<V2TIMMessage, "msgID" | "userID" | "groupID" | "timestamp">[], callback?: V2TIMCallback<(V2TIMC2CReceipt | V2TIMGroupReceipt)[]>): Promise<(V2TIMC2CReceipt | V2TIMGroupReceipt)[]>;
  getGroupMessageReadMemberList(message: Pick<V2TIMMessage, "msgID" | "groupID">, filter?: 0 | 1, nextSeq?: string | 0, count?: number, callback?: V2TIMCallback<V2TIMGroupMessageReadMemberList>): Promise<V2TIMGroupMessageReadMemberList>;

  setC2CReceiveMessageOpt(userIDList: string[], opt: 0 | 1 | 2 | 3 | 4, callback?: V2TIMCallback): Promise<void>;
  setGroupReceiveMessageOpt(groupID: string, opt: 0 | 1 | 2 | 3 | 4, callback?: V2TIMCallback): Promise<void>;
  getC2CReceiveMessageOpt(userIDList: string[], callback?: V2TIMCallback<{ userID: string; c2CReceiveMessageOpt: number }[]>): Promise<{ userID: string; c2CReceiveMessageOpt: number }[]>;
}
