// A walk through all pages of /docs/: axe, no link of a list that leads nowhere, small screens,
// in the dark. REDDOT_SHOTS names a folder for pictures of them.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { serve } from "../live.js";
import { axe, fits, open } from "./browser.js";

const shots = process.env.REDDOT_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

for (const [name, options] of Object.entries({
  "wide, light": { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  "390 px, dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
})) {
  test(`/docs/, ${name}`, async (t) => {
    const server = await serve(t);
    const browser = await open(t, options);
    const page = await browser.context.newPage();
    for (const start of ["/docs", "/docs/zh/"]) {
      await page.goto(server.url + start);
      const pages = await page.locator("nav#pages > ul > li > a").evaluateAll((links) => links.map((a) => a.href));
      assert.ok(pages.length > 1);
      for (const url of [page.url(), ...pages]) {
        const reply = await page.goto(url);
        assert.equal(reply.status(), 200, url);
        await axe(page, url);
        await fits(page, url);
        if (shots) await page.screenshot({ path: `${shots}/docs-${options.colorScheme}-${new URL(url).pathname.replace(/\W+/g, "-")}.png` });
      }
    }
    browser.content();
  });
}
