// How long the console's lists of 100,000 hold a page up: read to the end, then scrolled
// through from end to end by the wheel and by keys. Want no task above 100 ms.
//
//	npm run bench:console
//
// It says what it is on an idle machine; the numbers of a busy one are of no use.

import { test } from "node:test";
import { serve, until } from "../live.js";
import { crowd, tasks, visit, watchTasks } from "./console.js";

const MANY = Number(process.env.ROWS ?? 100_000), BAR = 100; // ms

test("lists of the console", { timeout: 1_800_000 }, async (t) => {
  const live = await serve(t);
  await crowd(live, MANY);
  for (const [what, hash] of [["conversations", "#/users?user=many"], ["members", "#/groups?group=huge"]]) {
    const { page, context } = await visit(t, live);
    await watchTasks(context);
    await page.goto(`${live.url}/console/${hash}`);
    await page.reload();
    const grid = page.locator(`.${what} [role=grid]`), rows = grid.locator(".rows-space > .row");
    const report = async (did, since) => {
      const long = await tasks(page), longest = Math.max(0, ...long);
      console.log(`${what}: ${did}: ${((Date.now() - since) / 1000).toFixed(1)} s, ${long.length} tasks above 50 ms, the longest ${longest} ms${longest > BAR ? `, ABOVE ${BAR}` : ""}; ${await rows.count()} rows in the document`);
    };
    let at = Date.now();
    await rows.first().waitFor();
    await report("first page", at);
    at = Date.now();
    await rows.first().focus();
    await page.keyboard.press("End");
    await until("it is read to the end", async () => /in all$/.test(await page.locator(`.${what} .rows-told`).textContent()), 1_500_000);
    await report("read to the end", at);
    at = Date.now();
    await grid.locator(".rows-scroll").hover();
    for (let i = 0; i < 300; i++) await page.mouse.wheel(0, i < 150 ? -12_000 : 12_000);
    await report("the wheel", at);
    at = Date.now();
    for (let i = 0; i < 300; i++) await page.keyboard.press(["PageUp", "PageDown", "ArrowUp", "Home", "End"][i % 5]);
    await report("the keys", at);
    await context.close();
  }
});
