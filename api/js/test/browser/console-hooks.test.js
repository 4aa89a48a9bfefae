// Walks through the console's page of webhooks, with a receiver of its own.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { wsconnect } from "@nats-io/nats-core";
import { message, serve, until } from "../live.js";
import { confirm, everyLook, openConsole } from "./console.js";

/** receive is a back end that is told. answers says with which status, by the URL. */
async function receive(t, answers) {
  const told = [];
  const receiver = createServer((q, a) => {
    let body = "";
    q.on("data", (part) => { body += part; });
    q.on("end", () => {
      told.push({ id: q.headers["webhook-id"], to: q.url, ...JSON.parse(body) });
      a.writeHead(answers[q.url] ?? 204).end();
    });
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  t.after(() => receiver.close());
  return { told, url: `http://127.0.0.1:${receiver.address().port}` };
}

/** written writes the file of webhooks, by name and URL. */
function written(live, hooks) {
  const file = join(live.folder, "webhooks.json"), secrets = [`whsec_${Buffer.from("a secret of 32 bytes, for tests!").toString("base64")}`];
  writeFileSync(file, JSON.stringify(Object.entries(hooks).map(([name, url]) => ({ name, url, types: ["badge.changed", "conversation.changed"], secrets }))), { mode: 0o600 });
  return file;
}

test("webhooks: none, one that delivers, one that does not; a test of it, and its list of what was given up", async (t) => {
  const none = await openConsole(t, { at: "webhooks" });
  await none.page.getByText("reddot serve --webhooks webhooks.json").waitFor();
  await none.looked("webhooks-none");

  const { told, url } = await receive(t, { "/gone": 410 });
  const file = written(none.live, { push: `${url}/push`, audit: `${url}/gone` });
  const { live, page, chromium, go, looked } = await openConsole(t, { as: "operator", args: ["--webhooks", file] });
  await go("Webhooks");
  await live.send(message("alice", "bob", "m1"));
  const push = page.getByRole("article", { name: "push" }), audit = page.getByRole("article", { name: "audit" });
  await until("the success of one is counted", async () => /100 %/.test(await push.textContent()));
  await until("the other is paused", async () => /paused/.test(await audit.textContent()));
  await push.getByRole("button", { name: "Send a test" }).click();
  await push.getByText(/Delivered: 204/).waitFor();
  assert.ok(told.some((m) => m.type === "endpoint.test"));
  await push.getByRole("button", { name: "Dead letters" }).click();
  await push.getByText(/There are none/).waitFor();
  await looked("webhooks-two");
  chromium.content();
});

test("a dead letter is seen, and sent again with the state as it is then", async (t) => {
  const answers = { "/slow": 503 }, { told, url } = await receive(t, answers);
  const live = await serve(t, { args: ["--websocket"] });
  live.args.push("--webhooks", written(live, { push: `${url}/push`, slow: `${url}/slow` }));
  await live.stop();
  await live.start();
  const windows = await everyLook(t, live, "#/webhooks"), [page] = windows.pages;
  const push = page.getByRole("article", { name: "push" }), slow = page.getByRole("article", { name: "slow" });
  const dead = () => push.locator(".figure", { hasText: "Dead letters" }).locator(".value").textContent();
  const version = await live.send(message("alice", "bob", "m1"), message("alice", "bob", "m2"));
  await until("the badge is told", () => told.some((m) => m.to === "/push" && m.data.badge === 2));
  await until("who does not take it is shown to fail", async () => /failing/.test(await slow.textContent()));

  // what the server stores when it gives up, some 16 hours after the first try
  const nc = await wsconnect({ servers: `ws://${live.http}/nats` });
  t.after(() => nc.close());
  const ago = 17 * 3_600_000, letter = (i) => ({ id: `msg_e_${i}_push`, name: "push", type: "conversation.changed", user: "alice", at: Date.now() - ago, dead_at: Date.now() - 3_600_000, attempts: 11, status: 503, reason: "it answered 503 Service Unavailable", about: { version, conversations: ["c2c_bob"] }, place: i });
  for (const i of [1, 2]) assert.equal((await nc.request("unread.dead.push", JSON.stringify(letter(i)), { timeout: 30_000 })).json().error, undefined);
  await until("they are counted", async () => (await dead()) === "2");
  await windows.each(async ({ page }) => {
    await page.getByRole("article", { name: "push" }).getByRole("button", { name: "Dead letters" }).click();
    await page.getByText("msg_e_2_push").waitFor();
  });
  assert.match(await push.locator(".letters li").first().textContent(), /conversation\.changed alice.*after 11 tries.*503 Service Unavailable/);
  await windows.looked("webhooks-dead");

  await live.send(message("alice", "bob", "m3")); // the state has gone on
  const unread = (m) => m.to === "/push" && m.type === "conversation.changed" && m.data.conversations[0].unread;
  await until("that is told", () => told.some((m) => unread(m) === 3));
  const before = told.length;
  await push.getByLabel("Choose msg_e_2_push").check();
  await push.getByText("1 chosen.").waitFor();
  await push.getByRole("button", { name: "Send again…" }).click();
  await confirm(page, "replay");
  await push.getByText("1 is sent again.").waitFor();
  const again = await until("it is sent again", () => told.slice(before).find(unread));
  assert.equal(unread(again), 3, "with the state as it is now");
  await until("the other one is left", async () => (await dead()) === "1" && (await push.locator(".letters li").count()) === 1);
  await push.getByRole("button", { name: "Send again…" }).click();
  await confirm(page, "replay");
  await until("none is left", async () => (await dead()) === "0");
  await push.getByRole("button", { name: "Dead letters" }).click();
  await push.getByRole("button", { name: "Dead letters" }).click();
  await push.getByText(/There are none/).waitFor();
  windows.content();
});
