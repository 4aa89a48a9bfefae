// The console in a Chromium for tests: opened, logged in to, looked at.

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
