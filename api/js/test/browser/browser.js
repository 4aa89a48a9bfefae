// A Chromium for tests. What its pages complain of fails them: errors on the console,
// exceptions, violations of their policy, and what axe finds.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** launch starts a browser, which ends with the test. */
export async function launch(t, args = []) {
  const executablePath = process.env.CHROMIUM ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...args] });
  t.after(() => browser.close());
  return browser;
}

/** open opens a window of a browser, its own if none is given. */
export async function open(t, { args, browser, ...options } = {}) {
  browser ??= await launch(t, args);
  const context = await browser.newContext(options);
  context.setDefaultTimeout(60_000);
  const complaints = [];
  let expected;
  const complain = (text) => { if (!expected?.test(text)) complaints.push(text); };
  context.on("console", (m) => { if (m.type() === "error" || m.type() === "warning") complain(`${m.type()}: ${m.text()} ${m.location().url ?? ""}`); });
  context.on("weberror", (e) => complain(`exception: ${e.error().stack}`));
  await context.addInitScript(() => addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`)));
  return {
    browser, context, complaints,
    /** expects lets pages complain of it, as of a server that is away. */
    expects(pattern) { expected = pattern; },
    /** content says that nobody has complained. */
    content() { assert.deepEqual(complaints, []); },
  };
}

/** axe says that a page can be used by everybody. */
export async function axe(page, where) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((v) => `${where}: ${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`), []);
}

/** fits says that a page is not wider than its window. */
export async function fits(page, where) {
  const [wide, has] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= has, `${where}: the page is ${wide} wide, the window ${has}`);
}
