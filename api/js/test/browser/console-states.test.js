// Every state of a server as the console shows it: of servers that are in it. Each walk ends
// with the server being live, and the page knowing that by itself.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { wsconnect } from "@nats-io/nats-core";
import { freeAddress, message, serve, until } from "../live.js";
import { confirm, everyLook, openConsole, OUTAGE, slowly } from "./console.js";

const stateOf = (page) => page.locator(".sentence b").textContent();
const sentence = (page) => page.locator(".sentence span").textContent();

/** look has a page ask at once how the server is, as it does when one comes back to it. */
const look = (page) => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));

/** becomes waits until every window shows a state. */
const becomes = (windows, word) => windows.each(({ page }) => until(`the state is ${word}`, async () => {
  await look(page);
  return (await stateOf(page).catch(() => "")) === word && (await page.locator("#pill").textContent()).startsWith(word);
}));

/** bus is a NATS server: that of a reddot which reads other streams. */
const bus = (t, more = {}) => serve(t, { args: ["--prefix", "other", "--websocket", "--snapshots", "off"], ...more });

/** follower is a reddot that uses a NATS server, which need not be there yet. */
const follower = async (t, nats) => serve(t, { unready: await freeAddress(), args: ["--nats", `nats://${nats.listen ?? nats}`, "--snapshots", "off"] });

const ready = (live) => until("it is ready", () => fetch(`${live.url}/readyz`).then((a) => a.ok));

test("not ready: there is no NATS server yet; live when it comes; lost when it goes", async (t) => {
  const listen = await freeAddress(), live = await follower(t, listen);
  const windows = await everyLook(t, live, "#/overview", OUTAGE);
  await becomes(windows, "not ready");
  assert.match(await sentence(windows.pages[0]), /^No NATS server at nats:/);
  await windows.looked("overview-not-ready");
  await windows.each(({ page }) => page.goto(`${live.url}/console/#/users?user=alice`));
  await windows.each(({ page }) => page.getByText("Not ready", { exact: true }).first().waitFor());
  await windows.looked("users-not-ready");
  await windows.each(({ page }) => page.goto(`${live.url}/console/#/overview`));

  const nats = await bus(t, { listen });
  await becomes(windows, "live");
  await ready(live);
  await live.send(message("alice", "bob", "m1"));
  await nats.stop();
  await becomes(windows, "lost");
  assert.match(await sentence(windows.pages[0]), /Bring the NATS server back/);
  await windows.looked("overview-nats-lost");
  await nats.start();
  await becomes(windows, "live");
});

test("standby: another one tells events; this one takes over when that one is gone", async (t) => {
  const nats = await bus(t), first = await follower(t, nats);
  await ready(first);
  await first.send(message("alice", "bob", "m1"));
  const live = await follower(t, nats), windows = await everyLook(t, live, "#/overview", OUTAGE);
  await becomes(windows, "standby");
  assert.match(await sentence(windows.pages[0]), /another one .*tells events/);
  await until("the other one is listed", async () => /emitting/.test(await windows.pages[0].getByRole("region", { name: "Where it runs" }).textContent()));
  await windows.looked("overview-standby");
  await first.stop();
  await ready(live);
  await live.send(message("alice", "bob", "m2"));
  await becomes(windows, "live");
});

test("catching up: a store is built from the log", async (t) => {
  const first = await serve(t, { args: ["--snapshots", "off"] }), commands = 60_000, batch = 1_000;
  for (let i = 0; i < commands; i += batch) await first.send(...Array.from({ length: batch }, (_, k) => message(`user${k}`, "bob", `m${i}`)));
  const live = await follower(t, first);
  const windows = await everyLook(t, live, "#/overview", OUTAGE);
  await becomes(windows, "standby");
  await live.stop();
  rmSync(join(live.folder, "data", "store"), { recursive: true });
  await live.start();
  await slowly(live, () => becomes(windows, "catching up"));
  live.signal("SIGSTOP"); // it stays as it is while it is looked at
  assert.match(await sentence(windows.pages[0]), /^It has applied [\d,]+ of 60,000 commands/);
  await windows.looked("overview-catching-up");
  live.signal("SIGCONT");
  await becomes(windows, "standby");
  assert.equal(await windows.pages[0].locator(".figure", { hasText: "Applied" }).locator(".value").textContent(), "60,000");
});

test("stopped: a command is gone from the log, and what is to be done is said", async (t) => {
  const nats = await bus(t), gone = 3, last = 20;
  const nc = await wsconnect({ servers: `ws://${nats.http}/nats` });
  t.after(() => nc.close());
  const manage = async (what, body) => {
    const answer = (await nc.request(`$JS.API.STREAM.${what}.UNREAD_COMMANDS`, JSON.stringify(body), { timeout: 30_000 })).json();
    assert.equal(answer.error, undefined);
  };
  const config = { name: "UNREAD_COMMANDS", subjects: ["unread.cmd.>"], max_msg_size: 1 << 20, storage: "file", retention: "limits", discard: "new", num_replicas: 1 };
  await manage("CREATE", config);
  for (let i = 0; i < last; i++) await nc.request("unread.cmd.user.alice.message", JSON.stringify({ id: `m${i}`, from: "bob" }), { timeout: 30_000 });
  await manage("MSG.DELETE", { seq: gone });
  await manage("UPDATE", { ...config, deny_delete: true });
  const live = await follower(t, nats), windows = await everyLook(t, live, "#/overview", OUTAGE);
  await becomes(windows, "stopped");
  assert.match(await sentence(windows.pages[0]), /--skip-seq 3/);
  await windows.looked("overview-stopped");
  await windows.each(({ page }) => page.goto(`${live.url}/console/#/users?user=alice`));
  await windows.each(({ page }) => page.locator(".rows-told[data-failed]").first().waitFor());
  await windows.looked("users-stopped");
  await windows.each(({ page }) => page.goto(`${live.url}/console/#/overview`));
  await live.stop();
  live.args.push("--skip-seq", String(gone));
  await live.start();
  await becomes(windows, "live");
});

test("stalled: no event can be stored, and why is said; live when it can be again", async (t) => {
  const nats = await bus(t), live = await follower(t, nats);
  await ready(live);
  await live.send(message("alice", "bob", "m1"));
  const nc = await wsconnect({ servers: `ws://${nats.http}/nats` });
  t.after(() => nc.close());
  const manage = async (what, body) => {
    const answer = (await nc.request(`$JS.API.STREAM.${what}.UNREAD_EVENTS`, JSON.stringify(body ?? {}), { timeout: 30_000 })).json();
    assert.equal(answer.error, undefined);
    return answer;
  };
  const windows = await everyLook(t, live, "#/overview", OUTAGE);
  await becomes(windows, "live");
  const { config } = await manage("INFO");
  await manage("UPDATE", { ...config, discard: "new", max_bytes: 1 }); // as a disk that is full
  const last = await live.send(message("alice", "bob", "m2"));
  await becomes(windows, "stalled");
  assert.match(await sentence(windows.pages[0]), new RegExp(`^Command ${last} is in the stream and is not told: .`));
  await windows.looked("overview-stalled");
  await manage("UPDATE", config);
  await becomes(windows, "live");
});

test("a snapshot is seen on its way", async (t) => {
  const { live, page, chromium, go, panel, button, looked } = await openConsole(t);
  const random = () => randomBytes(60).toString("hex"); // ids that no file makes smaller
  for (let i = 0; i < 8; i++) await live.send(...Array.from({ length: 12 }, (_, k) => ({ type: "user.import", user: `user${i}-${k}`, conversations: Array.from({ length: 1_000 }, () => ({ conversation: `c2c_${random()}`, unread: 1 })) })));
  await go("Operations");
  await page.evaluate(() => {
    const bar = document.querySelector("[aria-label=Snapshot] progress");
    globalThis.seen = [];
    new MutationObserver(() => { if (!bar.hidden && bar.hasAttribute("value")) globalThis.seen.push(bar.value); }).observe(bar, { attributes: true });
  });
  await button("Take a snapshot…").click();
  await confirm(page, "snapshot");
  const seen = () => page.evaluate(() => globalThis.seen), moves = async () => new Set((await seen()).filter((v) => v > 0 && v < 1)).size > 1;
  await slowly(live, () => until("the bar moves, or it is over", async () => (await moves()) || /done/.test(await panel("Snapshot").textContent())));
  if (await moves()) {
    live.signal("SIGSTOP");
    await looked("operations-snapshot");
    live.signal("SIGCONT");
  }
  await panel("Snapshot").getByText("done").waitFor();
  const values = await seen();
  t.diagnostic(`the bar was seen at ${values.map((v) => `${Math.round(v * 100)} %`).join(", ")}`);
  assert.ok(new Set(values).size > 1, "it was seen to move");
  assert.deepEqual(values, [...values].sort((a, b) => a - b), "it never goes back");
  await panel("Snapshots that are kept").locator("tbody tr").first().waitFor();
  chromium.content();
});
