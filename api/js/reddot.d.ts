// Types of the reddot client. Those under "The wire" are the fields of the HTTP API as they
// come; a test compares them with the contract, openapi.yaml. Options of the client's own
// are in camelCase: includeMuted is sent as include_muted.

/** A command's position in the log. Of a thing: of the command that last changed it. */
export type Seq = number;
/** Unix milliseconds. */
export type Time = number;

// The wire.

export type Kind = "c2c" | "group";
/** What a conversation puts into the totals: all that is unread, unread mentions, nothing. */
export type Level = "all" | "mentions" | "none";

export interface ThreadTotals { unread: number; mentions: number; /** threads that have any */ threads: number }

/** The sums over a list: `unread` is the number on the app's icon. */
export interface Totals {
  unread: number;
  c2c: number;
  group: number;
  mentions: number;
  /** conversations with unread messages or the mark */
  conversations: number;
  /** unread messages kept out by muting or archiving */
  muted: number;
  /** what counts apart from the conversations, in followed threads */
  threads?: ThreadTotals;
}

export interface LastMessage { id: string; from: string; at: Time; revoked?: boolean }

export interface Conversation {
  /** `c2c_` and the peer's id, or `group_` and the group's */
  conversation: string;
  unread: number;
  mentions: number;
  marked_unread?: boolean;
  /** its level is "none" */
  muted?: boolean;
  /** absent at "all" */
  level?: Level;
  labels?: string[];
  last_message?: LastMessage;
  /** the first message of the count */
  first_unread?: string;
  /** the last message at or before the read position */
  read_upto?: string;
  read_at?: Time;
  threads?: ThreadTotals;
  version: Seq;
}

export interface Thread {
  conversation: string;
  /** its id; "": the main timeline */
  thread: string;
  unread: number;
  mentions: number;
  following?: boolean;
  muted?: boolean;
  last_message?: LastMessage;
  first_unread?: string;
  read_upto?: string;
  version: Seq;
}

export interface NamedTotals { [name: string]: Totals }

export interface TotalsReply { user: string; version: Seq; totals: Totals; filters?: NamedTotals }
export interface ConversationsReply { user: string; version: Seq; totals: Totals; conversations: Conversation[]; next?: string }
export interface ThreadsReply { user: string; version: Seq; threads: Thread[]; next?: string }
export interface ReceiptReply { user: string; version: Seq; peer: string; upto: string; at: Time }
export interface GroupReceipt { id: string; read: number; /** who could have read it */ members: number }
export interface Reader { user: string; /** of the read */ at?: Time }
export interface ReadersReply { id: string; read: number; members: number; users: Reader[]; next?: string }
export interface UserTotals { user: string; version: Seq; totals: Totals }

export interface PendingRead { upto: string; at: Time; seq: Seq; private?: boolean }
export interface ExplainedMessage { id: string; from: string; at: Time; seq: Seq; mention?: boolean; thread?: string }
/** `counts`: whether it is part of the count ("unread"), or the first reason why it is not. */
export interface LoggedMessage {
  id: string;
  from: string;
  at: Time;
  seq: Seq;
  thread?: string;
  /** at or before the read position of its timeline */
  read?: boolean;
  counts: "revoked" | "hidden" | "silent" | "own" | "unread" | "read" | "apart" | "muted" | "blocked";
}
/** `unread` = `carried` + `since_read` - `own` - `revoked` - `blocked` - `purged` + `threads`. */
export interface Explanation {
  user: string;
  version: Seq;
  conversation: string;
  thread?: string;
  unread: number;
  mentions: number;
  marked_unread?: boolean;
  muted?: boolean;
  level?: Level;
  labels?: string[];
  read_upto?: string;
  read_at?: Time;
  read_seq?: Seq;
  since_read: number;
  own: number;
  revoked: number;
  blocked?: number;
  purged?: number;
  carried?: number;
  threads?: number;
  early_reads?: PendingRead[];
  messages: ExplainedMessage[];
  /** messages of the count beyond the limit */
  more?: number;
  /** with `log`: the newest messages, whether they count or not, the oldest of them first */
  log?: LoggedMessage[];
  /** with `log`: where the messages before those begin */
  log_next?: string;
}

export interface CommandReply { seq: Seq; /** stored before, with the same idempotencyKey */ duplicate?: boolean }
export interface CommandResult { seq?: Seq; duplicate?: boolean; error?: "uncertain" | "not_sent" }
export interface RefusedCommand { index: number; reason: string }
export interface CommandsReply { results: CommandResult[]; last_seq: Seq; applied?: Seq; refused?: RefusedCommand[] }
export interface ProblemError { /** where in the body (RFC 6901) */ pointer: string; detail: string }

/** What a user keeps totals of; see User.filter. */
export interface WireFilter { kind?: Kind; label?: string; without?: string; mentioned?: boolean; include_muted?: boolean }

interface Placed { at?: Time }
interface Messaged extends Placed { id: string; from: string; silent?: boolean; hidden?: boolean; mentions?: string[]; thread?: string; expires_at?: Time; [field: string]: unknown }
export interface ImportedConversation {
  conversation: string;
  unread: number;
  mentions?: number;
  marked_unread?: boolean;
  level?: Level;
  labels?: string[];
  read_at?: Time;
  last_message?: { id: string; from: string; at: Time };
  receipt?: { upto: string; at: Time };
}
/** A command as POST /v1/commands takes it: `type` is the subject on NATS without its id. */
export type Command =
  | ({ type: "user.message"; user: string } & Messaged)
  | ({ type: "user.revoke"; user: string; id: string; from: string } & Placed)
  | ({ type: "user.edit"; user: string; id: string; from: string; mentions?: string[] } & Placed)
  | ({ type: "user.sent"; user: string; id: string; to: string; silent?: boolean; hidden?: boolean; thread?: string; [field: string]: unknown } & Placed)
  | ({ type: "user.read"; user?: string; conversation: string; upto?: string; upto_at?: Time; thread?: string; private?: boolean } & Placed)
  | ({ type: "user.read-all"; user?: string; kind?: Kind; upto_at?: Time; threads?: boolean; private?: boolean } & Placed)
  | ({ type: "user.unread"; user?: string; conversation: string; from?: string; thread?: string } & Placed)
  | ({ type: "user.mute"; user?: string; conversation: string; muted: boolean; thread?: string } & Placed)
  | ({ type: "user.level"; user?: string; conversation: string; level: Level } & Placed)
  | ({ type: "user.label"; user?: string; conversation: string; add?: string[]; remove?: string[] } & Placed)
  | ({ type: "user.filter"; user?: string; name: string; filter?: WireFilter } & Placed)
  | ({ type: "user.block"; user?: string; users: string[]; blocked: boolean } & Placed)
  | ({ type: "user.follow"; user?: string; conversation: string; thread: string; following: boolean } & Placed)
  | ({ type: "user.delete"; user?: string; conversation: string; upto?: string; upto_at?: Time } & Placed)
  | ({ type: "user.clear"; user?: string; conversation: string; before?: string } & Placed)
  | ({ type: "user.import"; user: string; conversations: ImportedConversation[] } & Placed)
  | ({ type: "user.erase"; user: string } & Placed)
  | ({ type: "group.message"; group: string; mention_all?: boolean; broadcast?: boolean; receipt?: boolean } & Messaged)
  | ({ type: "group.revoke"; group: string; id: string } & Placed)
  | ({ type: "group.edit"; group: string; id: string; mentions?: string[]; mention_all?: boolean } & Placed)
  | ({ type: "group.join"; group: string; users: string[] } & Placed)
  | ({ type: "group.leave"; group: string; users: string[] } & Placed)
  | ({ type: "group.dismiss"; group: string } & Placed)
  | ({ type: "group.purge"; group: string; before?: string; before_at?: Time } & Placed)
  | ({ type: "policy"; own_message?: "keep" | "advance"; threads?: "in" | "apart"; group_receipts?: "off" | "sender" | "members" } & Placed)
  | { type: "clock"; at: Time };

// What listeners hear.

/** The peer has read the user's messages up to one, of a thread if `thread` is there. */
export interface C2CReadReceipt { peer: string; conversation: string; upto: string; at: Time; thread?: string; version: Seq }
/** `read` of `members` have read the user's message `id` in `group`. */
export interface GroupReadReceipt { group: string; id: string; read: number; members: number; version: Seq }
export interface ThreadName { conversation: string; thread: string }

/**
 * How current what was told is. "syncing": the state is being read, at the start and after
 * an outage. "live": all was told, changes come as they happen. "offline": no connection;
 * another try is due. "stopped": for good, onError has said why.
 */
export type State = "syncing" | "live" | "offline" | "stopped";

/**
 * What one who listens wants to hear; leave out what you don't want. Calls of one round
 * show one state and come in the order below. An exception in one is given to onError, or
 * to console.error without it, and the next call comes as if it had returned.
 */
export interface Listener {
  /** Conversations that were not in the list before: first the whole list, newest activity first. */
  onNewConversation?(list: readonly Conversation[]): void;
  /** Conversations that look different now. */
  onConversationChanged?(list: readonly Conversation[]): void;
  /** Names of conversations that have left the list. */
  onConversationDeleted?(conversations: readonly string[]): void;
  /** Followed threads that are new or look different: first all of them. */
  onThreadChanged?(threads: readonly Thread[]): void;
  /** Threads that are followed no longer. */
  onThreadDeleted?(threads: readonly ThreadName[]): void;
  /** The totals: first as they are, then when one of them has changed. */
  onTotalUnreadMessageCountChanged?(totals: Totals): void;
  /** The totals of all filters that the user keeps, when there are any or one has changed. */
  onUnreadMessageCountChangedByFilter?(filters: NamedTotals): void;
  /** How far peers have read: first of each peer in the list, then what is new. One of a peer and thread, the last. */
  onRecvC2CReadReceipt?(receipts: readonly C2CReadReceipt[]): void;
  /** By how many members messages of the user's are read, the last figure of each. */
  onRecvMessageReadReceipts?(receipts: readonly GroupReadReceipt[]): void;
  onStateChanged?(state: State): void;
  /** What went wrong: an attempt that failed and is tried again, an exception in a callback, or what stopped it. */
  onError?(error: Error): void;
}

export interface Subscription {
  /** Settled when the whole state was told; rejected if it stops or is closed before. Need not be awaited. */
  readonly ready: Promise<void>;
  readonly state: State;
  /** No callback comes after it. May be called more than once, and by a callback. */
  close(): void;
}

export interface Snapshot {
  /** undefined until the state is known */
  readonly totals?: Readonly<Totals>;
  /** newest activity first */
  readonly conversations: readonly Conversation[];
  readonly state: State;
  readonly version: Seq;
}

/**
 * What a user sees, as one value: for React's useSyncExternalStore(store.subscribe,
 * store.getSnapshot), Svelte ($store) and signals. Hears while anybody is subscribed; the
 * same object until something has changed.
 */
export interface Store {
  /** Calls fn at once and after every change, with the snapshot. */
  subscribe(fn: (snapshot: Readonly<Snapshot>) => void): () => void;
  getSnapshot(): Readonly<Snapshot>;
}

// Options.

export interface Options {
  /** Of the server, with the path that it is behind, if any. "/" in a page, unless given; elsewhere it must be absolute. */
  url?: string | URL;
  /**
   * The user's token (JWT). Asked for at the start, at 70 to 90 % of a token's life, and
   * when one was rejected; once at a time. If it throws that is told and it is asked again
   * later; nothing (undefined or "") means that there is none to be had, which stops.
   */
  token?: (why: { reason: "start" | "expiring" | "rejected" }) => string | undefined | null | Promise<string | undefined | null>;
  /** An API key instead, of a back end in Node. Never in a page. */
  key?: string;
  /** "auto" unless given: "sse", and "poll" while that doesn't get through. */
  transport?: "auto" | "sse" | "poll";
  /** One stream for all tabs of this browser; true in pages unless given. */
  shareTabs?: boolean;
  /** Hear receipts; true unless given. */
  receipts?: boolean;
  /** Hear of groups beyond the server's fan-out limit while listening; true unless given. */
  watch?: boolean;
  /** Used instead of the global one. */
  fetch?: typeof fetch;
}

export interface QueryOptions {
  /** Answer once this command is applied, as the seq of a reply. */
  afterSeq?: Seq;
  /** For that: 2,000 unless given, at most 30,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface CommandOptions {
  /** When to answer: it is in the log (unless given), queries show it, its events are stored too. */
  wait?: "stored" | "applied" | "emitted";
  timeoutMs?: number;
  /** When it was, in Unix ms; unless given, when it is stored. */
  at?: Time;
  /** 1 to 200 visible ASCII: the same key is the same command, for two minutes by default. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface ReadOptions extends CommandOptions {
  /** A message: what lies after it stays unread. Without any position all is read that came before. */
  upto?: string;
  uptoAt?: Time;
  /** That thread alone; "": the main timeline alone. */
  thread?: string;
  /** It sends no receipt. */
  private?: boolean;
}

export interface Filter {
  kind?: Kind;
  /** Conversations with the label; "": without any. */
  label?: string;
  without?: string;
  /** Conversations with unread mentions. */
  mentioned?: boolean;
  includeMuted?: boolean;
}

export interface Page {
  /** Of a page, 1 to 200; 200 unless given. */
  limit?: number;
  /** `next` of an earlier page. */
  after?: string;
}

// The client.

/** One user's counts. All promises of its methods are rejected with a ReddotError. */
export interface User {
  /** As given to Reddot.user, or as the server has said it. */
  readonly id: string | undefined;

  // Queries.
  getTotalUnreadMessageCount(options?: QueryOptions): Promise<number>;
  getUnreadMessageCountByFilter(filter: Filter, options?: QueryOptions): Promise<number>;
  totals(options?: Filter & QueryOptions): Promise<Totals & { version: Seq; filters?: NamedTotals }>;
  /** Page by page, newest activity first. */
  conversations(options?: { unreadOnly?: boolean; kind?: Kind; label?: string; without?: string; mentioned?: boolean } & Page & QueryOptions): AsyncGenerator<ConversationsReply, void, void>;
  conversation(conversation: string, options?: QueryOptions): Promise<Conversation>;
  /** Those of them that are in the list, in the order given; at most 200. */
  getConversationList(conversations: string[], options?: QueryOptions): Promise<Conversation[]>;
  /** Why a count is what it is, message by message. */
  explain(conversation: string, options?: { thread?: string; limit?: number; log?: boolean } & QueryOptions): Promise<Explanation>;
  /** Of a conversation, or, without one, those that the user follows everywhere. */
  threads(options?: { conversation?: string; following?: boolean; unreadOnly?: boolean } & Page & QueryOptions): AsyncGenerator<ThreadsReply, void, void>;
  thread(conversation: string, thread: string, options?: QueryOptions): Promise<Thread>;
  /** How far the peer has read the user's messages; undefined: not at all. */
  receipt(peer: string, options?: { thread?: string } & QueryOptions): Promise<ReceiptReply | undefined>;
  /** By how many members each message is read; unknown and recalled ones are left out. */
  getMessageReadReceipts(group: string, ids: string[], options?: QueryOptions): Promise<GroupReceipt[]>;
  /** Who has read a message, or, with read: false, has not. */
  getGroupMessageReadMemberList(group: string, id: string, options?: { read?: boolean } & Page & QueryOptions): AsyncGenerator<ReadersReply, void, void>;

  // Commands.
  markC2CMessageAsRead(peer: string, options?: ReadOptions): Promise<CommandReply>;
  markGroupMessageAsRead(group: string, options?: ReadOptions): Promise<CommandReply>;
  markAllMessageAsRead(options?: { kind?: Kind; uptoAt?: Time; threads?: boolean; private?: boolean } & CommandOptions): Promise<CommandReply>;
  /** One conversation; or all of them: "c2c", "group", "" for both. */
  cleanConversationUnreadMessageCount(conversation: string, options?: ReadOptions): Promise<CommandReply>;
  /** From a message on, or with a bare mark, which no count includes. */
  markUnread(conversation: string, options?: { from?: string; thread?: string } & CommandOptions): Promise<CommandReply>;
  mute(conversation: string, muted: boolean, options?: { thread?: string } & CommandOptions): Promise<CommandReply>;
  level(conversation: string, level: Level, options?: CommandOptions): Promise<CommandReply>;
  label(conversation: string, options: { add?: string[]; remove?: string[] } & CommandOptions): Promise<CommandReply>;
  /** Keeps totals under a name, or, with null, drops them. They come to onUnreadMessageCountChangedByFilter. */
  filter(name: string, filter: Filter | null, options?: CommandOptions): Promise<CommandReply>;
  block(users: string[], blocked: boolean, options?: CommandOptions): Promise<CommandReply>;
  follow(conversation: string, thread: string, following: boolean, options?: CommandOptions): Promise<CommandReply>;
  /** Drops it from the list; with a position, what lies after it stays. */
  deleteConversation(conversation: string, options?: { upto?: string; uptoAt?: Time } & CommandOptions): Promise<CommandReply>;
  /** Its history is gone for the user, or what lies before a message; it stays in the list. */
  clear(conversation: string, options?: { before?: string } & CommandOptions): Promise<CommandReply>;

  // The same under the names that they have in Tencent Cloud's IM SDK.
  /** Labels: "pinned", "star", "fold", "hide" or any other; "unread" is the mark. */
  markConversation(conversations: string[], mark: string, enabled: boolean, options?: CommandOptions): Promise<CommandReply>;
  pinConversation(conversation: string, pinned: boolean, options?: CommandOptions): Promise<CommandReply>;
  addConversationsToGroup(label: string, conversations: string[], options?: CommandOptions): Promise<CommandReply>;
  deleteConversationsFromGroup(label: string, conversations: string[], options?: CommandOptions): Promise<CommandReply>;
  setC2CReceiveMessageOpt(peers: string[], level: Level, options?: CommandOptions): Promise<CommandReply>;
  setGroupReceiveMessageOpt(group: string, level: Level, options?: CommandOptions): Promise<CommandReply>;
  /** Keeps a filter under a name made of it, as "kind=group", which it returns. */
  subscribeUnreadMessageCountByFilter(filter: Filter, options?: CommandOptions): Promise<CommandReply & { name: string }>;
  unsubscribeUnreadMessageCountByFilter(filter: Filter, options?: CommandOptions): Promise<CommandReply>;

  // Changes.
  /** Tells the user's state and then every change of it, the last value always, across outages. */
  listen(listener: Listener, options?: { signal?: AbortSignal }): Subscription;
  /** The same store each time. */
  store(): Store;
  /** Snapshots, from the first that is live on; values in between may be left out. Ends when the signal is aborted, throws what stops it. */
  watch(options?: { signal?: AbortSignal }): AsyncGenerator<Readonly<Snapshot>, void, void>;
}

/** What a back end does, with an API key. */
export interface Backend {
  /** Up to 1,000 commands, in order. With wait beyond "stored", `refused` names those that the rules refuse. */
  send(commands: Command[], options?: { wait?: "stored" | "applied" | "emitted"; timeoutMs?: number; idempotencyKey?: string; signal?: AbortSignal }): Promise<CommandsReply>;
  /** The badges of up to 1,000 users, in order. */
  totals(users: string[], options?: { kind?: Kind; includeMuted?: boolean } & QueryOptions): Promise<UserTotals[]>;
  /** Closes what the user has open: at a log-out, or a ban. */
  disconnect(user: string, options?: { signal?: AbortSignal }): Promise<{ user: string; closed: number }>;
}

export class Reddot {
  constructor(options?: Options);
  /** The token's user; with an API key, or where nobody is asked who they are, the one named. The same object each time. */
  user(id?: string): User;
  readonly backend: Backend;
  /** Ends all that listens and forgets the token: at a log-out. What is called later begins anew. */
  close(): void;
}

/** What the server answers instead (RFC 9457), or why there is no answer. */
export class ReddotError extends Error {
  readonly name: "ReddotError";
  /** 0: no answer came. */
  readonly status: number;
  /** What to branch on, as "not_found"; "network": no answer came; "disconnected", "other_user": see the README. */
  readonly code: string;
  readonly detail: string;
  readonly errors?: ProblemError[];
  /** The server's name for the request, as in its log. */
  readonly request?: string;
  /** Seconds to wait before asking again. */
  readonly retryAfter?: number;
  /** Of a batch: what is stored of it. */
  readonly results?: CommandResult[];
  /** The command is stored all the same. */
  readonly seq?: Seq;
  /** The command may be stored: ask again with the same idempotencyKey. */
  readonly uncertain?: boolean;
}

// For other ways in, as reddot/nats.

/** The events of a stream, as GET /v1/events has them. */
export interface StreamEvents {
  reset: { user: string; reason?: string };
  change: { user: string; version: Seq; at?: Time; totals: Totals; conversations?: Conversation[]; removed?: string[]; threads?: Thread[]; filters?: NamedTotals; cursor?: string; more?: boolean };
  receipts: { user: string; receipts: (C2CReadReceipt | GroupReadReceipt)[]; cursor?: string; more?: boolean };
  live: { user: string; version: Seq; cursor?: string };
}

/** Where a feed's events come from: started with the first listener, stopped after the last. */
export interface Source {
  /** Calls feed.enter, feed.become and feed.fail from then on. */
  start(feed: Feed): void;
  stop(): void;
}

/** A user's book and who listens to it: what listen, store and watch of a user are. */
export class Feed {
  constructor(source: Source);
  /** Enters an event. `from` tells the parts of one connection from those of another. */
  enter<E extends keyof StreamEvents>(event: E, data: StreamEvents[E], from?: object): void;
  become(state: "syncing" | "offline"): void;
  /** Tells an error; with stop it is the last thing told. */
  fail(error: Error, stop?: boolean): void;
  /** The events that lead to what is known now: begins with reset and ends with live; [] until something is. */
  state(): { event: keyof StreamEvents; data: StreamEvents[keyof StreamEvents] }[];
  listen(listener: Listener, options?: { signal?: AbortSignal }): Subscription;
  store(): Store;
  watch(options?: { signal?: AbortSignal }): AsyncGenerator<Readonly<Snapshot>, void, void>;
}
