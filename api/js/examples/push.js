// A sender of push notifications, in Node without dependencies: it takes reddot's webhooks
// and has APNs and FCM show badges. api/docs/webhooks.md explains it; api/webhook/push_test.go
// is the same in Go.
//
//   REDDOT_SECRET=whsec_... APNS_TOPIC=com.example.chat FCM_PROJECT=chat DEVICES=devices.json node push.js
//
// Yours are the tokens of both services, and which user has which devices: here a file,
// {"alice": [{"apns": "token"}, {"fcm": "token"}]}.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:http2";
import { buffer, text } from "node:stream/consumers";

const { REDDOT_SECRET = "", APNS_TOPIC = "", FCM_PROJECT = "", DEVICES = "devices.json" } = process.env;
const { APNS = "https://api.push.apple.com", FCM = "https://fcm.googleapis.com" } = process.env;
const devices = (user) => JSON.parse(readFileSync(DEVICES, "utf8"))[user] ?? [];
const forget = (user, device) => console.log(`${user} has no app any more at ${Object.values(device)}`); // delete it
const apnsToken = () => process.env.APNS_TOKEN; // a JWT, of at most an hour
const fcmToken = () => process.env.FCM_TOKEN; // an OAuth token

// verified reports whether reddot has signed a body, at most five minutes ago: the bytes as
// they came. There is a signature for each secret of the endpoint.
function verified(headers, body) {
  const id = headers["webhook-id"], time = headers["webhook-timestamp"], signatures = headers["webhook-signature"] ?? "";
  if (!(Math.abs(Date.now() / 1000 - time) <= 300)) return false;
  const key = Buffer.from(REDDOT_SECRET.slice("whsec_".length), "base64");
  const want = createHmac("sha256", key).update(`${id}.${time}.`).update(body).digest();
  return signatures.split(" ").some((s) => {
    const [version, signature = ""] = s.split(",");
    const got = Buffer.from(signature, "base64");
    return version === "v1" && got.length === want.length && timingSafeEqual(got, want);
  });
}

// reddot has ids, and no texts: names and messages are yours.
const words = ({ cause }) => ({ title: cause.from, body: cause.mention ? "mentioned you" : "sent a message" });
const short = (conversation) => createHash("sha256").update(conversation).digest("hex").slice(0, 32);

function apns({ badge, version, delta, cause, at }) {
  const headers = {
    "apns-push-type": "alert",
    "apns-priority": "5", // 10 is for what is seen or heard
    "apns-expiration": String(Math.floor(at / 1000) + 86400), // kept for a day if the device is off
    "apns-collapse-id": "badge", // the newest one replaces those before
  };
  if (delta <= 0) { // in silence: the app sets the badge
    headers["apns-push-type"] = "background";
    return { headers, payload: { aps: { "content-available": 1 }, badge, version } };
  }
  if (!cause) return { headers, payload: { aps: { badge }, badge, version } };
  Object.assign(headers, { "apns-priority": "10", "apns-collapse-id": short(cause.conversation) });
  const aps = { badge, alert: words({ cause }), sound: "default", "thread-id": cause.conversation };
  return { headers, payload: { aps, badge, version, conversation: cause.conversation } };
}

function fcm(event, token) {
  const { badge, version, delta, cause } = event;
  const data = { badge: String(badge), version: String(version) }; // strings, and no key is "from"
  const android = { collapse_key: "badge", priority: "NORMAL", ttl: "86400s" };
  const message = { token, data, android, apns: apns(event) }; // for iPhones that FCM pushes to
  if (delta > 0 && cause) {
    Object.assign(data, { conversation: cause.conversation, sender: cause.from });
    message.notification = words(event);
    android.priority = "HIGH";
    android.notification = { notification_count: badge, tag: short(cause.conversation), sound: "default" };
  }
  return { message };
}

// APNs wants HTTP/2: one connection for all.
let session;
async function toAPNs(token, { headers, payload }) {
  if (!session || session.closed || session.destroyed) session = connect(APNS).on("error", () => {});
  const request = session.request({
    ":method": "POST", ":path": `/3/device/${token}`, authorization: `Bearer ${apnsToken()}`, "apns-topic": APNS_TOPIC, ...headers,
  });
  request.end(JSON.stringify(payload));
  const [answer] = await once(request, "response", { signal: AbortSignal.timeout(10_000) });
  return { status: answer[":status"], after: answer["retry-after"], said: await text(request) };
}

async function toFCM(body) {
  const answer = await fetch(`${FCM}/v1/projects/${FCM_PROJECT}/messages:send`, {
    method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(10_000),
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${fcmToken()}` },
  });
  return { status: answer.status, after: answer.headers.get("retry-after"), said: await answer.text() };
}

const last = new Map(); // the newest version that was pushed, by user; better where the devices are

// push returns what reddot is answered: 204 once all devices are pushed to, else it sends
// the newest state again. Never 410: that would pause the endpoint, and not one device.
async function push(event) {
  if (event.version <= last.get(event.user)) return [204];
  for (const device of devices(event.user)) {
    const { status, after, said } = device.apns ? await toAPNs(device.apns, apns(event)) : await toFCM(fcm(event, device.fcm));
    if (status === 410 || /BadDeviceToken|UNREGISTERED/.test(said)) forget(event.user, device);
    else if (status === 429 || status >= 500) return [503, { "Retry-After": after ?? "10" }];
    else if (status !== 200) throw new Error(`${Object.keys(device)} answered ${status} ${said}`);
  }
  last.set(event.user, event.version);
  return [204];
}

const server = createServer(async (request, response) => {
  try {
    const body = await buffer(request);
    if (!verified(request.headers, body)) return response.writeHead(400).end();
    const { type, data } = JSON.parse(body);
    response.writeHead(...(type === "badge.changed" ? await push(data) : [204])).end();
  } catch (e) {
    console.error(e);
    response.writeHead(502).end();
  }
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${server.address().port}`));
