// The client's listeners on a NATS connection, of @nats-io/nats-core (3.4 or later): over
// WebSocket at /nats of the server, or over TCP in Node.
//
//   const nc = await wsconnect({ servers: "wss://chat.example/nats", authenticator: tokenAuthenticator(fetchToken), inboxPrefix: inboxPrefix("alice") });
//   const sub = new NatsUser(nc, "alice").listen({ onTotalUnreadMessageCountChanged(totals) {} });
//
// The connection is the caller's: set maxReconnectAttempts to -1, so that it comes back
// after any outage, and a function as token, so that it comes back with a new one. What was
// missed meanwhile is read; a connection that is closed stops its listeners.

import type { NatsConnection } from "@nats-io/nats-core";
import type { Feed } from "./reddot.js";

export interface NatsOptions {
  /** As --prefix of the server; "unread" unless given. */
  prefix?: string;
  /** Hear receipts; true unless given. At the start one request for each C2C conversation. */
  receipts?: boolean;
  /** Hear of groups beyond the server's fan-out limit while listening; true unless given. */
  watch?: boolean;
}

/** A user's changes, heard on a NATS connection that may do so. */
export class NatsUser {
  constructor(connection: NatsConnection, id: string, options?: NatsOptions);
  readonly id: string;
  /** As User's of reddot. */
  listen: Feed["listen"];
  store: Feed["store"];
  watch: Feed["watch"];
  /** A query, as "totals", with the fields that it has on NATS. Rejected with a ReddotError. */
  ask(query: string, fields?: object, options?: { timeoutMs?: number }): Promise<any>;
  /** A command of the user's own, as "read". */
  do(verb: string, fields?: object, options?: { timeoutMs?: number }): Promise<{ seq: number; duplicate?: boolean }>;
}

/** What the connection of a user has as inboxPrefix: nobody else may hear the answers. */
export function inboxPrefix(user: string, prefix?: string): string;

/** Reads MessagePack as events have it. */
export function unpack(bytes: Uint8Array): unknown;
