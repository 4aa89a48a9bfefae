// The console's lists of 100,000: by wheel and by keys, with few rows in the document.
// How long they hold a page up is measured by npm run bench:console.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serve, until } from "../live.js";
import { bounded, crowd, refusals, tasks, visit, watchTasks } from "./console.js";

const MOST = 2_000; // ms of one task: only a page that hangs takes so long, however busy the machine is
const MANY = 100_000;

for (const [what, hash, label, of, total, make] of [
  ["conversations", "#/users?user=many", /^Conversations of many/, (row) => row.locator("a").first(), undefined, crowd],
  ["members", "#/groups?group=huge", /^Members of huge/, (row) => row.locator("a").first(), MANY + 1, crowd],
  ["refusals", "#/refused", /^Refused commands/, (row) => row.locator("[role=gridcell]").nth(2), undefined, refusals],
]) {
  test(`100,000 ${what}`, async (t) => {
    const live = await serve(t);
    await make(live, MANY);
    const { page, context, content } = await visit(t, live);
    await watchTasks(context);
    await page.goto(`${live.url}/console/${hash}`);
    await page.reload();
    const grid = page.getByRole("grid", { name: label }), row = (i) => grid.locator(`[aria-rowindex="${i + 2}"]`);
    await row(0).waitFor();
    await bounded(grid);
    if (total) await until("their number is told", async () => (await grid.getAttribute("aria-rowcount")) === String(total));
    const first = await of(row(0)).textContent();

    // by keys, over more than a page of the server's
    await row(0).focus();
    const active = () => page.evaluate(() => Number(document.activeElement.getAttribute("aria-rowindex")) - 2);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    assert.equal(await active(), 1);
    await until("a row beyond the first page has the focus", async () => {
      for (let i = 0; i < 5; i++) await page.keyboard.press("PageDown");
      return (await active()) > 450;
    });
    await bounded(grid);
    const far = await active();
    await page.keyboard.press("PageUp");
    assert.ok((await active()) < far);

    // by the wheel: the row with the focus stays
    const held = await active(), name = await page.evaluate(() => document.activeElement.textContent);
    await grid.locator(".rows-scroll").hover();
    await until("the wheel has led far", async () => {
      await page.mouse.wheel(0, 6_000);
      return (await grid.locator(".rows-space > .row").last().getAttribute("aria-rowindex")) > held + 200;
    });
    await bounded(grid);
    assert.equal(await active(), held);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), name);
    await until("all that is in sight is drawn, in order", () => grid.locator(".rows-scroll").evaluate((scroller) => {
      const box = scroller.getBoundingClientRect(), rows = [...scroller.querySelectorAll("[role=row]")], index = (r) => Number(r.getAttribute("aria-rowindex"));
      const seen = rows.filter((r) => { const at = r.getBoundingClientRect(); return at.bottom > box.top && at.top < box.bottom; });
      const tall = seen.reduce((sum, r) => sum + r.getBoundingClientRect().height, 0);
      return rows.every((r, i) => !i || index(rows[i - 1]) < index(r)) && tall >= box.height - 2;
    }));
    await page.keyboard.press("Home");
    assert.equal(await active(), 0);
    assert.equal(await of(row(0)).textContent(), first);

    // to the end, until one stops it
    await page.keyboard.press("End");
    await until("it reads on", async () => Number((await page.getByRole("status").filter({ hasText: "Reading to the end" }).textContent()).replace(/\D*([\d,]+).*/, "$1").replaceAll(",", "")) > 2_000);
    await page.keyboard.press("Escape");
    await bounded(grid);
    const long = await tasks(page);
    t.diagnostic(`tasks above 50 ms: ${long.length}, the longest ${Math.max(0, ...long)} ms`);
    assert.ok(Math.max(0, ...long) < MOST, `a task of ${Math.max(...long)} ms`);
    content();
  });
}

test("the end of a list, and the way back", async (t) => {
  const live = await serve(t), many = 3_000;
  await crowd(live, many);
  const { page, content } = await visit(t, live, "#/users?user=many");
  const list = page.locator(".conversations"), row = (i) => list.locator(`[aria-rowindex="${i + 2}"]`);
  await row(0).focus();
  await page.keyboard.press("End");
  await until("it is read to its end", async () => (await list.locator(".rows-told").textContent()) === "3,000 in all");
  await row(many - 1).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Home");
  await row(0).and(page.locator(":focus")).waitFor();
  assert.equal(await list.locator(".rows-told").textContent(), "3,000 in all");
  content();
});
