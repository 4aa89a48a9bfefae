// What walks through the console share: opening it, and lists of any length.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { until } from "../live.js";
import { open } from "./browser.js";

const shots = process.env.REDDOT_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

/** visit opens the console of a server at one of its pages. */
export async function visit(t, live, at = "", options = {}) {
  const chromium = await open(t, { viewport: { width: 1280, height: 860 }, ...options });
  const page = await chromium.context.newPage();
  await page.goto(`${live.url}/console/${at}`);
  return { ...chromium, page, shot: async (name) => { if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true }); } };
}

/** equals waits until a text is as it should be. */
export const equals = (what, locator, want) => until(`${what} is ${JSON.stringify(want)}`, async () => (await locator.textContent()) === want);

/** watchTasks counts what holds a page up for longer than 50 ms; call it before it is opened. */
export const watchTasks = (context) => context.addInitScript(() => {
  globalThis.tasks = [];
  new PerformanceObserver((list) => { for (const e of list.getEntries()) globalThis.tasks.push(Math.round(e.duration)); }).observe({ type: "longtask", buffered: true });
});

/** tasks are those since it was last asked, in ms. */
export const tasks = (page) => page.evaluate(() => globalThis.tasks.splice(0));

/** bounded says that only some rows of a grid are in the document. */
export async function bounded(grid, most = 120) {
  const rows = await grid.locator("[role=row]").count();
  assert.ok(rows > 0 && rows <= most, `${rows} rows are in the document, ${most} at most`);
}

/** crowd makes a user "many" with n conversations, and a group "huge" of n members. */
export async function crowd(live, n) {
  const name = (kind, i) => `${kind}-${String(i).padStart(6, "0")}`, numbers = (from, size) => Array.from({ length: size }, (_, i) => from + i);
  const imports = numbers(0, n / 1000).map((i) => ({ type: "user.import", user: "many", conversations: numbers(i * 1000, 1000).map((j) => ({ conversation: `c2c_${name("peer", j)}`, unread: 1 + (j % 7), last_message: { id: `m${j}`, from: name("peer", j), at: 1_767_600_000_000 + j } })) }));
  for (let i = 0; i < imports.length; i += 20) await live.send(...imports.slice(i, i + 20));
  for (let i = 0; i < n; i += 5000) await live.send({ type: "group.join", group: "huge", users: numbers(i, 5000).map((j) => name("member", j)) });
  await live.send({ type: "group.message", group: "huge", id: "g1", from: name("member", 0) });
}
