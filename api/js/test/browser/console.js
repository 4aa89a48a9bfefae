// The console in a Chromium for tests: opened, logged in to, looked at; and lists of any length.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PEOPLE, serve, until } from "../live.js";
import { axe, fits, launch, open } from "./browser.js";

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

/**
 * everyLook opens a page of the console in all LOOKS. each does something with every window;
 * looked says that all can be used, and takes their pictures.
 */
export async function everyLook(t, live, hash, expected) {
  const browser = await launch(t), all = [];
  for (const { name, options } of LOOKS) {
    const chromium = await open(t, { browser, ...options });
    if (expected) chromium.expects(expected);
    const page = await chromium.context.newPage();
    await page.goto(`${live.url}/console/${hash}`);
    all.push({ name, page, chromium });
  }
  const each = (does) => Promise.all(all.map(does));
  return {
    each,
    pages: all.map(({ page }) => page),
    async looked(what) {
      for (const { name, page } of all) {
        await axe(page, `${what} ${name}`);
        await fits(page, `${what} ${name}`);
        await page.screenshot({ path: join(shots, `console-${what}-${name}.png`), fullPage: true });
      }
    },
    content() { for (const { chromium } of all) chromium.content(); },
  };
}

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

/** watchFrames keeps what frames above 50 ms are made of; call it before it is opened. */
export const watchFrames = (context) => context.addInitScript(() => {
  globalThis.frames_ = [];
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) {
      const end = e.startTime + e.duration, of = (from, to) => Math.max(0, Math.round(to - from));
      const scripts = [...e.scripts].sort((a, b) => b.duration - a.duration).slice(0, 3).map((s) => `${Math.round(s.duration)} ms ${s.invokerType} ${s.invoker} ${s.sourceURL.replace(/.*\//, "")} ${s.sourceFunctionName}, of them ${Math.round(s.forcedStyleAndLayoutDuration)} ms layout`);
      globalThis.frames_.push({ duration: Math.round(e.duration), text: `${Math.round(e.duration)} ms: tasks ${of(e.startTime, e.renderStart || end)}, render ${e.renderStart ? of(e.renderStart, e.styleAndLayoutStart || end) : 0}, style and layout ${e.styleAndLayoutStart ? of(e.styleAndLayoutStart, end) : 0}; ${scripts.join("; ") || "no script"}` });
    }
  }).observe({ type: "long-animation-frame", buffered: true });
});

/** frames are the longest since it was last asked, as texts. */
export const frames = (page, most = 2) => page.evaluate((n) => globalThis.frames_.splice(0).sort((a, b) => b.duration - a.duration).slice(0, n).map((f) => f.text), most);

/** tasks are those since it was last asked, in ms. */
export const tasks = (page) => page.evaluate(() => globalThis.tasks.splice(0));

/** bounded says that only some rows of a grid are in the document. */
export async function bounded(grid, most = 120) {
  const rows = await grid.locator("[role=row]").count();
  assert.ok(rows > 0 && rows <= most, `${rows} rows are in the document, ${most} at most`);
}

/** refusals makes n commands that are refused, of strangers to a group. */
export async function refusals(live, n) {
  const size = 1000;
  for (let i = 0; i < n; i += size) {
    const commands = Array.from({ length: Math.min(size, n - i) }, (_, j) => ({ type: "user.read", user: `stranger-${String(i + j).padStart(6, "0")}`, conversation: "group_huge" }));
    const last = i + size >= n; // events come in order
    const answer = await fetch(`${live.url}/v1/commands`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ commands, wait: last ? "emitted" : "stored", timeout_ms: 30_000 }) });
    if (!answer.ok) throw new Error(await answer.text());
  }
}

/** slowly has a server work only now and then while something is done, as on a slow machine. */
export async function slowly(live, work, { works = 10, rests = 200 } = {}) {
  let over = false;
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)), done = work().finally(() => { over = true; });
  done.catch(() => {});
  while (!over) {
    live.signal("SIGSTOP");
    await wait(rests);
    live.signal("SIGCONT");
    await wait(works);
  }
  return done;
}

/** crowd makes a user "many" with n conversations, and a group "huge" of n members. */
export async function crowd(live, n) {
  const name = (kind, i) => `${kind}-${String(i).padStart(6, "0")}`, numbers = (from, size) => Array.from({ length: size }, (_, i) => from + i);
  const imports = numbers(0, n / 1000).map((i) => ({ type: "user.import", user: "many", conversations: numbers(i * 1000, 1000).map((j) => ({ conversation: `c2c_${name("peer", j)}`, unread: 1 + (j % 7), last_message: { id: `m${j}`, from: name("peer", j), at: 1_767_600_000_000 + j } })) }));
  for (let i = 0; i < imports.length; i += 20) await live.send(...imports.slice(i, i + 20));
  for (let i = 0; i < n; i += 5000) await live.send({ type: "group.join", group: "huge", users: numbers(i, 5000).map((j) => name("member", j)) });
  await live.send({ type: "group.message", group: "huge", id: "g1", from: name("member", 0) });
}
