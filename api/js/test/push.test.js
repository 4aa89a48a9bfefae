// push.js has APNs and FCM show the badges that reddot tells it of. Both services refuse here
// what the real ones do by their documentation, which api/docs/webhooks.md names.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createHTTP2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { message, serve, until } from "./live.js";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const short = (conversation) => createHash("sha256").update(conversation).digest("hex").slice(0, 32);

// service keeps what it is asked for, and answers 400 to what check complains of.
async function service(t, create, check) {
  const got = [];
  const server = create(async (request, response) => {
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => name.startsWith("apns-") || name === "authorization"));
    const body = await text(request), asked = { path: request.url, headers, body: JSON.parse(body) };
    const reason = body.length > 4096 ? "PayloadTooLarge" : check(asked);
    if (!reason) got.push(asked);
    response.writeHead(reason ? 400 : 200).end(JSON.stringify(reason ? { reason } : {}));
  });
  const sessions = new Set();
  server.on("session", (s) => { sessions.add(s); });
  t.after(() => { sessions.forEach((s) => s.destroy()); server.closeAllConnections?.(); server.close(); });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { got, url: `http://127.0.0.1:${server.address().port}` };
}

function refusedByAPNs({ headers, body }) {
  const shown = ["alert", "badge", "sound"].some((name) => name in body.aps);
  if (!(Number(headers["apns-expiration"]) > Date.now() / 1000)) return "BadExpirationDate";
  if (!headers["apns-collapse-id"] || headers["apns-collapse-id"].length > 64) return "BadCollapseId";
  if (headers["apns-push-type"] === "background") return headers["apns-priority"] === "5" && body.aps["content-available"] === 1 && !shown ? "" : "BadPriority";
  return headers["apns-push-type"] === "alert" && shown && /^(5|10)$/.test(headers["apns-priority"]) ? "" : "InvalidPushType";
}

function refusedByFCM({ path, body: { message } }) {
  const reserved = Object.entries(message.data).find(([key, value]) => typeof value !== "string" || /^(from|message_type|google\..*|gcm\..*)$/.test(key));
  if (path !== "/v1/projects/chat/messages:send" || reserved || !/^\d+s$/.test(message.android.ttl) || !/^(NORMAL|HIGH)$/.test(message.android.priority)) return "INVALID_ARGUMENT";
  return refusedByAPNs({ headers: message.apns.headers, body: message.apns.payload });
}

test("push.js: what reddot tells becomes what APNs and FCM are asked for", async (t) => {
  const apple = await service(t, createHTTP2, refusedByAPNs), google = await service(t, createServer, refusedByFCM);
  const folder = mkdtempSync(join(tmpdir(), "reddot-push-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const devices = join(folder, "devices.json"), file = join(folder, "hooks.json");
  writeFileSync(devices, JSON.stringify({ alice: [{ apns: "phone" }, { fcm: "tablet" }] }));
  const child = spawn(process.execPath, [fileURLToPath(new URL("../examples/push.js", import.meta.url))], {
    env: { ...process.env, REDDOT_SECRET: SECRET, APNS: apple.url, FCM: google.url, APNS_TOPIC: "com.example.chat", APNS_TOKEN: "a", FCM_PROJECT: "chat", FCM_TOKEN: "f", DEVICES: devices },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill());
  const [line] = await once(child.stdout, "data");
  const url = /http:\S+/.exec(line)[0];
  const second = `whsec_${Buffer.alloc(24, 7).toString("base64")}`; // a new one, while the sender has the old one
  writeFileSync(file, JSON.stringify([{ name: "push", url, types: ["badge.changed"], secrets: [second, SECRET] }]), { mode: 0o600 });
  const live = await serve(t, { args: ["--webhooks", file] });

  const both = (n) => until(`push ${n} is asked for`, () => apple.got.length > n && google.got.length > n);
  const first = await live.send(message("alice", "bob", "m1"));
  await both(0);
  await live.send({ type: "group.join", group: "team", users: ["alice", "carol"] });
  const mention = await live.send({ type: "group.message", group: "team", id: "g1", from: "carol", mentions: ["alice"] });
  await both(1);
  const third = await live.send({ type: "user.read", user: "alice", conversation: "c2c_bob" });
  await both(2);

  const seen = (badge, version, conversation, title, body) => ({
    headers: { "apns-push-type": "alert", "apns-priority": "10", "apns-collapse-id": short(conversation) },
    payload: { aps: { badge, alert: { title, body }, sound: "default", "thread-id": conversation }, badge, version, conversation },
    data: { badge: String(badge), version: String(version), conversation, sender: title },
    android: { priority: "HIGH", notification: { notification_count: badge, tag: short(conversation), sound: "default" } },
    notification: { title, body },
  });
  const wants = [
    seen(1, first, "c2c_bob", "bob", "sent a message"),
    seen(2, mention, "group_team", "carol", "mentioned you"),
    {
      headers: { "apns-push-type": "background", "apns-priority": "5", "apns-collapse-id": "badge" },
      payload: { aps: { "content-available": 1 }, badge: 1, version: third },
      data: { badge: "1", version: String(third) }, android: { priority: "NORMAL" },
    },
  ];
  for (const [n, { headers, payload, data, android, notification }] of wants.entries()) {
    const expiration = apple.got[n].headers["apns-expiration"];
    assert.ok(Math.abs(Number(expiration) - 86400 - Date.now() / 1000) < 600, `it expires at ${expiration}`);
    const all = { ...headers, "apns-expiration": expiration };
    assert.deepEqual(apple.got[n], { path: "/3/device/phone", headers: { ...all, "apns-topic": "com.example.chat", authorization: "Bearer a" }, body: payload });
    const sent = { token: "tablet", data, android: { collapse_key: "badge", ttl: "86400s", ...android }, apns: { headers: all, payload } };
    assert.deepEqual(google.got[n], { path: "/v1/projects/chat/messages:send", headers: { authorization: "Bearer f" }, body: { message: notification ? { ...sent, notification } : sent } });
  }

  const forged = await fetch(url, { method: "POST", body: JSON.stringify({ type: "badge.changed", data: {} }), headers: { "webhook-id": "msg_1", "webhook-timestamp": String(Math.floor(Date.now() / 1000)), "webhook-signature": "v1,AAAA" } });
  assert.equal(forged.status, 400, "what reddot has not signed");
  assert.equal(apple.got.length, 3);
});
