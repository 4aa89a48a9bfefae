// Walks through the console. REDDOT_SHOTS names a folder for pictures of each page, else it is
// shots; REDDOT_REWRITE=1 renews those of the README.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { message, PEOPLE, serve, until } from "../live.js";
import { open } from "./browser.js";
import { confirm, expired, LOOKS, logIn, openConsole, OUTAGE, UNASKED } from "./console.js";

const FIRST_VIEW = 100 * 1024, PICTURE = 150 * 1024;

const stranger = (i, group = "team") => ({ type: "user.read", user: `stranger${i}`, conversation: `group_${group}` });
const join_ = { type: "group.join", group: "team", users: ["alice", "bob", "carol"] };

/** refuse stores commands that are refused. */
async function refuse(live, ...commands) {
  await fetch(`${live.url}/v1/commands`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ commands, wait: "emitted", timeout_ms: 30_000 }) }).then((r) => assert.ok(r.ok));
}

test("the overview shows how far the server has come, and where each number comes from", async (t) => {
  const { live, page, chromium, figure, looked } = await openConsole(t);
  await live.send(join_, message("alice", "bob", "m1"), message("alice", "bob", "m2"));
  await until("it shows what is applied", async () => (await figure("Applied")) === "3" && (await figure("Emitted")) === "3" && (await figure("Last")) === "3");
  assert.equal(await page.locator(".sentence b").textContent(), "live");
  assert.match(await page.locator(".line a").textContent(), /^[0-9a-f]{16}$/);
  const number = page.locator(".figure", { hasText: "Applied" });
  await page.locator("h1").focus();
  await until("the keyboard gets to the number", async () => {
    await page.keyboard.press("Tab");
    return number.evaluate((node) => node === document.activeElement);
  });
  assert.match(await page.locator("#tip").textContent(), /last command that is folded/, "with the focus it says what it counts");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#tip").isVisible(), false);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "API" }).waitFor();
  await until("the API shows the same", async () => /"applied": 3/.test(await page.locator(".answer pre").textContent().catch(() => "")));
  await looked("api-answer");
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  chromium.content();
});

test("the first view is small", async (t) => {
  const { page, chromium, figure } = await openConsole(t);
  await until("it is there", async () => (await figure("Applied")) !== "–" && (await figure("Streams")) !== "–");
  const [all, files] = await page.evaluate(() => {
    const list = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    return [list.reduce((sum, e) => sum + e.transferSize, 0), list.map((e) => new URL(e.name).pathname)];
  });
  assert.ok(files.length > 8 && files.every((f) => f.startsWith("/console/") || f.startsWith("/v1/")), files.join(" "));
  assert.ok(all <= FIRST_VIEW, `${all} bytes, ${FIRST_VIEW} at most`);
  t.diagnostic(`${all} bytes in ${files.length} answers`);
  chromium.content();
});

test("a refused command is found by its reason, with what was in it", async (t) => {
  const { live, page, chromium, figure, go, looked } = await openConsole(t);
  await live.send(join_, { type: "group.message", group: "team", id: "t1", from: "bob" });
  await refuse(live, stranger(1), stranger(2), { type: "group.message", group: "team", id: "t1", from: "mallory", mentions: ["alice"] });
  await until("the overview counts them", async () => (await figure("Refused")) === "3");
  await page.locator(".figure", { hasText: "Refused" }).click();
  await page.getByRole("heading", { level: 1, name: "Refused" }).waitFor();
  const row = page.getByRole("row").filter({ hasText: "another sender" });
  await row.waitFor();
  assert.equal(await page.getByRole("row").filter({ hasText: "unread.cmd" }).count(), 3);
  await page.getByRole("button", { name: /^the id is another sender's message/ }).click();
  await until("the filter leaves one", async () => (await page.getByRole("row").filter({ hasText: "unread.cmd" }).count()) === 1);
  assert.match(page.url(), /reason=/, "and is in the URL");
  await row.click();
  const command = page.getByRole("region", { name: "The command" });
  await until("the payload is shown", async () => /"from": "mallory"/.test(await command.textContent()));
  await looked("refused-payload");
  await command.getByRole("button", { name: "Copy for a ticket" }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /^command 5, .*\nunread\.cmd\.group\.team\.message\nrefused: the id is another sender's message\n/);
  await page.reload();
  await until("a reload is there again", async () => /"from": "mallory"/.test(await command.textContent().catch(() => "")));
  await go("Overview");
  chromium.content();
});

test("an operator takes a snapshot, watches it, and rebuilds", async (t) => {
  const { live, page, chromium, go, panel, button, looked } = await openConsole(t, { as: "operator" });
  await live.send(join_, message("alice", "bob", "m1"));
  await go("Operations");
  await panel("Snapshots that are kept").getByText("There are none yet").waitFor();
  await button("Take a snapshot…").click();
  await looked("operations-confirm");
  await page.keyboard.press("Escape");
  await panel("Snapshot").getByText("Nothing was begun.").waitFor();
  await page.keyboard.press("Enter"); // the button has the focus again
  await confirm(page, "snapshot");
  await panel("Snapshot").getByText("done").waitFor();
  await until("it is in the list", async () => /^2/.test(await panel("Snapshots that are kept").locator("tbody tr").first().textContent().catch(() => "")));
  await button("Rebuild…").click();
  await confirm(page, "rebuild");
  await panel("Rebuild").getByText(/the old store was what the log says/).waitFor();
  await looked("operations-done");
  chromium.content();
});

test("a viewer sees how it goes, and may not", async (t) => {
  const { live, page, chromium, go, button, panel } = await openConsole(t, { as: "viewer" });
  await go("Operations");
  for (const name of ["Take a snapshot…", "Rebuild…"]) assert.equal(await button(name).isDisabled(), true);
  await panel("Rebuild").getByText("An operator may").waitFor();
  chromium.expects(/status of 403/);
  const status = await page.evaluate((url) => fetch(url, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } }).then((r) => r.status), `${live.url}/v1/snapshot`);
  assert.equal(status, 403, "nor by hand");
  chromium.content();
});

test("without a key there is the log-in and nothing else", async (t) => {
  const live = await serve(t, { guarded: true }), chromium = await open(t, { viewport: { width: 390, height: 844 } });
  chromium.expects(/status of 40[13]/);
  const page = await chromium.context.newPage(), alert = page.getByRole("alert");
  await page.goto(`${live.url}/console/#/refused?reason=x`);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(await page.getByRole("navigation").count(), 0);
  await logIn(page, "rdk_" + "x".repeat(43));
  await alert.waitFor();
  assert.match(await alert.textContent(), /no key of this server/);
  assert.equal((await chromium.context.cookies()).length, 0);
  const { KEY } = await import("../live.js");
  await logIn(page, KEY);
  await until("a back end's key is told from a wrong one", async () => /viewer or operator/.test(await alert.textContent()));
  await logIn(page, PEOPLE.viewer);
  await page.getByRole("heading", { level: 1, name: "Refused" }).waitFor(); // where the URL leads
  const [cookie] = await chromium.context.cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.secure], [true, "Strict", true]);
  assert.equal(await page.evaluate(() => document.cookie + localStorage.length + sessionStorage.length), "00", "no page can read it");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("You have logged out.").waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  chromium.content();
});

test("who stays until the session ends is asked again, and goes on where they were", async (t) => {
  const { live, page, chromium, go } = await openConsole(t, { as: "viewer" });
  await go("Live");
  chromium.expects(UNASKED);
  const [cookie] = await chromium.context.cookies();
  await chromium.context.addCookies([{ ...cookie, value: expired(live, "viewer") }]);
  await page.getByText("Your session has ended").waitFor();
  await logIn(page, PEOPLE.operator);
  await page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  await page.getByText("the-operator, operator").waitFor();
  chromium.content();
});

test("the server goes, and comes back, and so does the page", async (t) => {
  const { live, page, chromium, figure, looked } = await openConsole(t);
  await live.send(message("alice", "bob", "m1"));
  await until("it shows the command", async () => (await figure("Applied")) === "1");
  chromium.expects(OUTAGE);
  await live.stop();
  await page.getByText(/The server does not answer since/).waitFor();
  assert.equal(await figure("Applied"), "1", "what was known stays");
  await page.getByText(/as of/).first().waitFor();
  await looked("overview-lost");
  await live.start();
  await live.send(message("alice", "bob", "m2"));
  await until("it is back by itself", async () => (await figure("Applied")) === "2" && !(await page.locator("#notice").isVisible()));
  chromium.content();
});

test("the tail shows what happens, holds still, and never has more than 500 rows", async (t) => {
  const { live, page, chromium, figure, go, button, looked } = await openConsole(t);
  await go("Live");
  await page.getByText("listening").waitFor();
  await live.send(join_, message("alice", "bob", "m1"), message("alice", "carol", "m2"));
  await refuse(live, stranger(1));
  const rows = page.locator(".tail > li"), top = rows.first();
  await until("both are there", async () => /alice/.test((await rows.allTextContents()).join()) && /stranger1/.test((await rows.allTextContents()).join()));
  await rows.filter({ hasText: "stranger1" }).getByRole("button").first().click();
  await page.getByRole("link", { name: "the command" }).waitFor();
  await looked("live-open");
  await page.getByLabel("Users that begin with").fill("zoe");
  await page.getByLabel("Users that begin with").press("Enter");
  await page.getByText("listening").waitFor();
  await live.send(message("alice", "bob", "m3"), message("zoe", "bob", "z1"));
  await until("only one passes the filter", async () => /zoe/.test(await top.textContent().catch(() => "")));
  assert.equal(await rows.count(), 1);
  await button("Pause").click();
  await live.send(message("zoe", "bob", "z2"));
  await page.getByText("1 came meanwhile").waitFor();
  assert.equal(await rows.count(), 1);
  await button("Resume").click();
  await until("it goes on", async () => (await rows.count()) === 2);

  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => { for (const e of list.getEntries()) window.longest = Math.max(window.longest, e.duration); }).observe({ type: "longtask" });
  });
  const commands = 6_000;
  for (let sent = 0; sent < commands; sent += 1_000) await live.send(...Array.from({ length: 1_000 }, (_, i) => message(`zoe${sent + i}`, "bob", `n${i}`)));
  await until("all came", async () => Number((await figure("Since you look")).replace(/,/g, "")) >= commands); // one each: nothing is coalesced
  assert.equal(await rows.count(), 500);
  t.diagnostic(`longest task ${await page.evaluate(() => window.longest)} ms`);
  chromium.content();
});

test("a route is tried, and is the same as curl, without the key", async (t) => {
  const { live, page, chromium, go, looked } = await openConsole(t, { as: "viewer" });
  await live.send(message("alice", "bob", "m1"));
  await go("API");
  await page.getByLabel("Find a route").fill("badge");
  await page.getByRole("button", { name: /GET \/v1\/totals/ }).click();
  await page.getByLabel(/^user/).fill("alice");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await until("the answer is shown", async () => /"unread": 1/.test(await page.locator(".answer pre").textContent().catch(() => "")));
  await page.getByRole("button", { name: "Copy as curl" }).click();
  const curl = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(curl, `curl -s '${live.url}/v1/totals?user=alice' -H "Authorization: Bearer $REDDOT_KEY"`);
  await looked("api-totals");
  await page.getByLabel("Find a route").fill("disconnect");
  await page.getByRole("button", { name: /POST \/v1\/disconnect/ }).click();
  chromium.expects(/status of 403/);
  await page.locator(".route:visible").getByRole("button", { name: "Send", exact: true }).click();
  await page.locator(".route:visible .answer", { hasText: "forbidden" }).waitFor();
  chromium.content();
});

for (const { name, options } of LOOKS) {
  test(`every page looks right at ${name}`, async (t) => {
    const { live, page, chromium, looked } = await openConsole(t, { options });
    await live.send(join_, ...Array.from({ length: 40 }, (_, i) => message(`user${i}`, "bob", `m${i}`)));
    await refuse(live, ...Array.from({ length: 30 }, (_, i) => stranger(i)), { type: "group.message", group: "team", id: "t1", from: "bob" }, { type: "group.message", group: "team", id: "t1", from: "carol" });
    const pages = { overview: ".spark", live: ".tag[data-tone=good]", refused: ".rows .row >> nth=3", operations: "text=There are none yet", webhooks: "text=There are none", api: ".route-line >> nth=30" };
    for (const [at, there] of Object.entries(pages)) {
      await page.goto(`${live.url}/console/#/${at}`);
      await page.locator(there).first().waitFor();
      await looked(`${at}-${name}`);
    }
    chromium.content();
  });
}

test("the log-in looks right", async (t) => {
  const live = await serve(t, { guarded: true });
  for (const { name, options } of LOOKS) {
    const { page, chromium, looked } = await openConsole(t, { live, options });
    chromium.expects(UNASKED);
    await page.reload();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await looked(`login-${name}`);
  }
});

test("the README's pictures", async (t) => {
  const { live, page } = await openConsole(t, { options: { viewport: { width: 1180, height: 640 }, colorScheme: "light", reducedMotion: "reduce" } });
  await live.send(join_, { type: "group.message", group: "team", id: "t1", from: "bob" }, { type: "group.message", group: "team", id: "t2", from: "carol" }, { type: "user.read", user: "alice", conversation: "group_team", upto: "t1" },
    { type: "group.message", group: "team", id: "t3", from: "bob", mentions: ["alice"] }, { type: "group.message", group: "team", id: "t4", from: "alice" }, { type: "group.message", group: "team", id: "t5", from: "carol" },
    { type: "group.revoke", group: "team", id: "t5" }, { type: "group.message", group: "team", id: "t6", from: "carol" }, { type: "group.message", group: "team", id: "t7", from: "bob", silent: true });
  for (let i = 0; i < 20; i++) {
    await live.send(...Array.from({ length: 60 + (i % 4) * 25 }, (_, k) => message(`user${k}`, ["bob", "carol", "dave"][k % 3], `m${i}-${k}`)));
    await page.waitForTimeout(700);
  }
  const size = (png) => [png.readUInt32BE(16), png.readUInt32BE(20)];
  const take = async (name) => {
    const picture = await page.screenshot(), at = new URL(`../../../console/${name}.png`, import.meta.url);
    assert.ok(picture.length <= PICTURE, `the picture has ${picture.length} bytes, ${PICTURE} at most`);
    if (process.env.REDDOT_REWRITE === "1") writeFileSync(at, picture);
    assert.ok(existsSync(at), "there is none: REDDOT_REWRITE=1 makes it");
    assert.deepEqual(size(readFileSync(at)), size(picture));
  };
  await take("overview");
  await page.goto(`${live.url}/console/#/explain?user=alice&conversation=group_team`);
  await page.getByText("t6").first().waitFor();
  await page.mouse.move(0, 0);
  await take("explain");
});
