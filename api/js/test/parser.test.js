// Streams of events, cut anywhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reddot } from "../reddot.js";
import { until } from "./live.js";
import { change, net, random, recorder, settle, whole } from "./net.js";

// written is an event as a server may write it.
function written({ event, data }, rng, line) {
  const pick = (...of) => of[Math.floor(rng() * of.length)];
  const json = JSON.stringify(data);
  const at = json.indexOf(",") + 1; // data may be in several lines, which are joined by one end of line
  const lines = rng() < 0.3 ? [json.slice(0, at), json.slice(at)] : [json];
  return [
    ...(rng() < 0.2 ? [": a comment: with colons"] : []),
    ...(rng() < 0.2 ? ["retry: 2000", "unknown: x", "alone"] : []),
    `event:${pick("", " ")}${event}`,
    ...(data.cursor && rng() < 0.5 ? [`id: ${data.cursor}`] : []),
    ...(event === "reset" ? ["id:"] : []),
    ...lines.map((part) => `data:${pick("", " ")}${part}`),
    "", ...(rng() < 0.2 ? [""] : []),
  ].map((text) => text + line).join("");
}

test("a stream that is cut anywhere, in any style of lines, tells the same", async () => {
  const seed = Number(process.env.SEED ?? 1), rng = random(seed);
  for (let run = 0; run < 200; run++) {
    const name = "c2c_Zoë-漢字-🎈";
    const events = [{ event: "hello", data: { stream: "s", epoch: "e", heartbeat_ms: 25_000 } }, ...whole(1, 1)];
    for (let version = 2; version < 6; version++) {
      const data = change(version, version);
      data.conversations.push({ conversation: name, unread: version, mentions: 0, version });
      events.push({ event: "change", data }, { event: "ping", data: { at: 1 } });
    }
    const line = ["\n", "\r\n", "\r"][run % 3];
    const bytes = new TextEncoder().encode((rng() < 0.2 ? "\uFEFF" : "") + events.map((e) => written(e, rng, line)).join("") + "event: change\ndata: {cut off");
    const { fetch, next } = net();
    const listener = recorder();
    const sub = new Reddot({ url: "http://peer", fetch }).user("alice").listen(listener);
    const call = (await next("/v1/events")).sse();
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + Math.floor(rng() ** 3 * 200);
      call.bytes(bytes.slice(at, at += size));
      if (rng() < 0.02) await settle();
    }
    await sub.ready;
    await settle();
    assert.deepEqual(listener.told.filter((t) => t.startsWith("error")), [], `run ${run}, SEED=${seed}`);
    assert.equal(listener.told.filter((t) => t.startsWith("totals")).at(-1), "totals 5", `run ${run}, SEED=${seed}`);
    assert.ok(listener.told.some((t) => t.includes(`${name}=5`)), `run ${run}, SEED=${seed}: ${listener.told}`);
    sub.close();
  }
});

test("what is no stream of reddot's is told, and tried again", async () => {
  const { fetch, next, calls } = net();
  const listener = recorder();
  const sub = new Reddot({ url: "http://peer", fetch, times: { first: 0 } }).user("alice").listen(listener);
  (await next("/v1/events")).resolve(new Response("<html>", { headers: { "Content-Type": "text/html" } }));
  await settle();
  const told = listener.take(); // it may have tried again by now
  await until("it tries again", () => calls.length === 2);
  (await next("/v1/events")).sse().bytes("event: change\ndata: {nonsense\n\n");
  await settle();
  await until("that is told", () => listener.told.some((s) => s.startsWith("error")));
  assert.match([...told, ...listener.take()].join(), /^syncing,error network,offline,syncing,error /);
  sub.close();
});
