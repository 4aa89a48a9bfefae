// The console in a Chromium for tests: opened, logged in to, looked at; and lists of any length.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PEOPLE, serve, until } from "../live.js";
import { axe, fits, open } from "./browser.js";

const shots = process.env.REDDOT_SHOTS ?? new URL("../../shots", import.meta.url).pathname;
mkdirSync(shots, { recursive: true });

/** OUTAGE is what Chromium says of a server that is away. */
export const OUTAGE = /net::|Failed to load|status of 50\d/;

/** UNASKED is what it says of somebody who is not known: the log-in is shown then. */
export const UNASKED = /status of 401/;

/** LOOKS are the windows and colours that pages are looked at in. */
export const LOOKS = [1280, 390].flatMap((width) => ["light", "dark"].map((colorScheme) => ({
  name: `${width}-${colorScheme}`,
  options: { viewport: { width, height: width < 500 ? 844 : 800 }, colorScheme, reducedMotion: "reduce", hasTouch: width < 500, isMobile: width < 500 },
})));

/** console opens the console at a page of its own. as: whose key is used; none: nobody is asked. */
export async function openConsole(t, { as, at = "overview", live, options = {}, args } = {}) {
  live ??= await serve(t, { guarded: !!as, args });
  const chromium = await open(t, { viewport: { width: 1280, height: 800 }, permissions: ["clipboard-read", "clipboard-write"], ...options });
  if (as) chromium.expects(UNASKED);
  const page = await chromium.context.newPage();
  await page.goto(`${live.url}/console/#/${at}`);
  if (as) {
    await logIn(page, PEOPLE[as]);
    chromium.expects();
  }
  await page.getByRole("heading", { level: 1 }).waitFor();
  return {
    live, chromium, page,
    figure: (label) => page.locator(".figure", { has: page.locator(".label", { hasText: new RegExp(`^${label}$`) }) }).locator(".value").textContent(),
    panel: (name) => page.getByRole("region", { name, exact: true }),
    button: (name) => page.getByRole("button", { name, exact: true }),
    async go(name) {
      await page.getByRole("link", { name, exact: true }).first().click();
      await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
    },
    shot: (name) => page.screenshot({ path: join(shots, `console-${name}.png`), fullPage: true }),
    async looked(name) {
      await axe(page, name);
      await fits(page, name);
      await page.screenshot({ path: join(shots, `console-${name}.png`), fullPage: true });
    },
  };
}

/** logIn shows a key. */
export async function logIn(page, key) {
  await page.getByLabel("Key of a viewer or an operator").fill(key);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** confirm types the word that a dialog wants. */
export async function confirm(page, word) {
  const dialog = page.getByRole("dialog"), go = dialog.locator("button.main");
  await dialog.getByRole("textbox").fill(word.slice(1));
  assert.equal(await go.isDisabled(), true, "another word is not enough");
  await dialog.getByRole("textbox").fill(word);
  await page.keyboard.press("Enter");
  await until("the dialog is closed", async () => (await dialog.count()) === 0);
}

/** expired is a session as the server made it 13 hours ago, and which lasts 12. */
export function expired(live, role) {
  const secret = Buffer.from(readFileSync(join(live.folder, "data", "SESSIONS"), "utf8").trim(), "hex");
  const head = Buffer.alloc(9);
  head[0] = 1;
  head.writeBigUInt64BE(BigInt(Date.now() - 3_600_000), 1);
  const sealed = Buffer.concat([head, createHash("sha256").update(PEOPLE[role]).digest(), Buffer.from(`the-${role}`)]);
  return Buffer.concat([sealed, createHmac("sha256", secret).update(sealed).digest()]).toString("base64url");
}

/** visit opens the console of a server at one of its pages. */
export async function visit(t, live, at = "", options = {}) {
  const chromium = await open(t, { viewport: { width: 1280, height: 860 }, ...options });
  const page = await chromium.context.newPage();
  await page.goto(`${live.url}/console/${at}`);
  return { ...chromium, page, shot: (name) => page.screenshot({ path: join(shots, `${name}.png`), fullPage: true }) };
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
