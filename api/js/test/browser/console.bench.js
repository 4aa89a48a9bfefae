// How long the console holds a page up: lists of 100,000 conversations, members and refused
// commands, each read to the end, then scrolled through from end to end by the wheel and by
// keys; and the live tail, at 1,000 events a second and in a burst. Want no task above 100 ms.
//
//	npm run bench:console
//
// It says what it is on an idle machine; the numbers of a busy one are of no use. Of frames
// above 50 ms it says what they are made of.

import { test } from "node:test";
import { message, serve, until } from "../live.js";
import { crowd, frames, refusals, tasks, visit, watchFrames, watchTasks } from "./console.js";

const MANY = Number(process.env.ROWS ?? 100_000), BAR = 100; // ms
const RATE = 1_000, SECONDS = Number(process.env.SECONDS ?? 20), BURST = 10_000; // events

/** watched opens a page and returns what says how long it was held up since it was last asked. */
async function watched(t, live, hash, what, rows) {
  const { page, context } = await visit(t, live);
  await watchTasks(context);
  await watchFrames(context);
  await page.goto(`${live.url}/console/${hash}`);
  await page.reload();
  let since = Date.now();
  const report = async (did) => {
    const long = await tasks(page), longest = Math.max(0, ...long);
    console.log(`${what}: ${did}: ${((Date.now() - since) / 1000).toFixed(1)} s, ${long.length} tasks above 50 ms, the longest ${longest} ms${longest > BAR ? `, ABOVE ${BAR}` : ""}; ${await page.locator(rows).count()} rows in the document`);
    for (const text of await frames(page)) console.log(`    a frame of ${text}`);
    since = Date.now();
  };
  return { page, context, report };
}

test("lists of the console", { timeout: 1_800_000 }, async (t) => {
  const live = await serve(t);
  await crowd(live, MANY);
  await refusals(live, MANY);
  for (const [what, hash] of [["conversations", "#/users?user=many"], ["members", "#/groups?group=huge"], ["refusals", "#/refused"]]) {
    const { page, context, report } = await watched(t, live, hash, what, `.${what} .rows-space > .row`);
    const grid = page.locator(`.${what} [role=grid]`), rows = grid.locator(".rows-space > .row");
    await rows.first().waitFor();
    await report("first page");
    await rows.first().focus();
    await page.keyboard.press("End");
    await until("it is read to the end", async () => /in all$/.test(await page.locator(`.${what} .rows-told`).textContent()), 1_500_000);
    await report("read to the end");
    await grid.locator(".rows-scroll").hover();
    for (let i = 0; i < 300; i++) await page.mouse.wheel(0, i < 150 ? -12_000 : 12_000);
    await report("the wheel");
    for (let i = 0; i < 300; i++) await page.keyboard.press(["PageUp", "PageDown", "ArrowUp", "Home", "End"][i % 5]);
    await report("the keys");
    if (what === "conversations") {
      await page.getByRole("button", { name: "Follow live" }).click();
      await page.locator(".tag[data-tone=good]", { hasText: "live" }).waitFor({ timeout: 300_000 });
      await report("followed live");
      for (let i = 0; i < 50; i++) await live.send(message("many", `peer-${String(i * 17).padStart(6, "0")}`, `late${i}`));
      await report("50 changes of it");
    }
    await context.close();
  }
});

test("the live tail", { timeout: 600_000 }, async (t) => {
  const live = await serve(t), { page, report } = await watched(t, live, "#/live", "live tail", ".tail > li");
  const seen = async () => Number((await page.locator(".figure", { hasText: "Since you look" }).locator(".value").textContent()).replace(/\D/g, ""));
  const pieces = 10; // a second: of users of their own, as events of one are merged
  await page.getByText("listening").waitFor();
  await report("listening");
  const began = Date.now();
  for (let i = 0; i < SECONDS * pieces; i++) {
    await live.send(...Array.from({ length: RATE / pieces }, (_, k) => message(`user${i}-${k}`, "bob", `m${i}`)));
    await page.waitForTimeout(Math.max(0, began + (i + 1) * (1000 / pieces) - Date.now()));
  }
  await report(`${((await seen()) / ((Date.now() - began) / 1000)).toFixed(0)} events a second`);
  const before = await seen();
  for (let i = 0; i < BURST; i += 1000) await live.send(...Array.from({ length: 1000 }, (_, k) => message(`more${i + k}`, "bob", `n${i}`)));
  await until("all came", async () => (await seen()) >= before + BURST);
  await report(`a burst of ${BURST} events`);
});
