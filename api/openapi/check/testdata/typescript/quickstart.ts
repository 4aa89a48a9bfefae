// The quick start with the generated types: two messages, the badge, a read, and why.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

const client = createClient<paths>({ baseUrl: process.argv[2]! });

function must<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const commands: components["schemas"]["Command"][] = [
  { type: "user.message", user: "alice", id: "m1", from: "bob" },
  { type: "user.message", user: "alice", id: "m2", from: "bob" },
];
const stored = must(await client.POST("/v1/commands", { body: { commands } }));
const before = must(await client.GET("/v1/totals", { params: { query: { user: "alice", after_seq: stored.last_seq } } }));
const read = must(await client.POST("/v1/read", { body: { user: "alice", conversation: "c2c_bob", upto: "m1" } }));
const after = must(
  await client.GET("/v1/conversation", { params: { query: { user: "alice", conversation: "c2c_bob", after_seq: read.seq } } }),
).conversation;
console.log(`alice has ${before.totals.unread} unread, ${after.unread} after reading m1; ${after.first_unread} is the first`);
const none = await client.GET("/v1/conversation", { params: { query: { user: "alice", conversation: "c2c_nobody" } } });
if (none.error?.code !== "not_found") throw new Error(JSON.stringify(none.error));
