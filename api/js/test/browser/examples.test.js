// The page of the examples, as it is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { message, serve, token, until } from "../live.js";
import { open } from "./browser.js";

test("page.html shows the badge and the list", async (t) => {
  const live = await serve(t, { guarded: true }), { context, content } = await open(t);
  await context.route(`${live.url}/example`, (route) => route.fulfill({ contentType: "text/html", body: readFileSync(new URL("../../examples/page.html", import.meta.url), "utf8") }));
  await context.route(`${live.url}/token`, (route) => route.fulfill({ contentType: "text/plain", body: token("alice") }));
  await live.send(message("alice", "bob", "m1"), message("alice", "carol", "m2"));
  const page = await context.newPage();
  await page.goto(`${live.url}/example`);
  await until("the badge is shown", async () => await page.title() === "(2) Chats");
  assert.deepEqual(await page.locator("li").allTextContents(), ["c2c_carol: 1", "c2c_bob: 1"]);
  await page.locator("li", { hasText: "bob" }).click();
  await until("it is read", async () => await page.title() === "(1) Chats");
  assert.deepEqual(await page.locator("li").allTextContents(), ["c2c_carol: 1", "c2c_bob: 0"]);
  await live.send(message("alice", "bob", "m3", { mentions: ["alice"] }));
  await until("it moves to the top", async () => (await page.locator("li").first().textContent()) === "c2c_bob: 1 @1");
  content();
});
