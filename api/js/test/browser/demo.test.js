// A walk through the page /demo/: with the mouse, with the keyboard, on a small screen, in
// the dark. REDDOT_SHOTS names a folder for pictures of it; REDDOT_REWRITE=1 renews the one
// of the README.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { message, serve, until } from "../live.js";
import { axe, fits, open } from "./browser.js";

const PICTURE = new URL("../../../demo/demo.png", import.meta.url), MOST = 120 * 1024;

const shots = process.env.REDDOT_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

// stage opens the page.
async function stage(t, options = {}, query = "") {
  const live = await serve(t), chromium = await open(t, { viewport: { width: 1280, height: 800 }, ...options });
  const page = await chromium.context.newPage();
  await page.goto(`${live.url}/demo/?seed=7${query}`);
  const phone = (user) => page.locator(".phone", { has: page.getByRole("heading", { name: user, exact: true, level: 2 }) });
  const on = (user) => {
    const node = phone(user);
    return {
      node, total: async () => Number((await node.locator(".total .badge").textContent()) || 0), state: () => node.locator(".state").textContent(),
      row: (name) => node.locator(".row", { has: page.locator(".name", { hasText: new RegExp(`^${name}$`) }) }),
      bubble: (text) => node.locator(".scroll li", { hasText: text }).last(),
      button: (name) => node.getByRole("button", { name, exact: true }),
      async write(to, text) {
        if (to) await node.getByRole("combobox").selectOption({ label: to });
        await node.getByRole("textbox").fill(text);
        await node.getByRole("textbox").press("Enter");
      },
      async home() { await node.getByRole("button", { name: /^Back/ }).click(); },
      async act(text, name) { // what can be done with a message
        await this.bubble(text).hover();
        await this.bubble(text).getByRole("button", { name, exact: true }).click();
      },
    };
  };
  const step = async (n = 1) => {
    for (; n > 0; n--) {
      await page.getByRole("button", { name: "One step" }).click();
      await until("a step is over", () => page.getByRole("button", { name: "One step" }).isEnabled());
    }
  };
  const same = async () => { // as the server's answers
    await page.getByRole("button", { name: "Compare with the server" }).click();
    const line = page.locator("#story li", { hasText: "compared:" }).first();
    await line.waitFor();
    assert.equal(await line.textContent(), "compared: both phones show what the server answers");
    await line.evaluate((node) => node.remove());
  };
  const shot = async (name) => { if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true }); };
  const equals = (what, ask, want) => until(`${what} is ${want}`, async () => (await ask()) === want);
  return { live, page, alice: on("alice"), bob: on("bob"), step, same, shot, equals, chromium };
}

test("what one does on a phone is seen on both", async (t) => {
  const { page, alice, bob, step, same, equals, chromium, shot } = await stage(t);
  await equals("alice's phone", alice.state, "live");
  await equals("bob's phone", bob.state, "live");
  await axe(page, "empty");

  await alice.write("bob", "hi bob");
  await alice.write("", "are you there?");
  await alice.write("", "hello?");
  await equals("bob's total", bob.total, 3);
  assert.equal(await bob.row("alice").locator(".badge").textContent(), "3");
  assert.equal(await alice.bubble("hello?").locator(".tick").textContent(), "✓");
  await bob.row("alice").click();
  assert.equal(await bob.total(), 3, "opening a chat reads nothing");
  await bob.act("are you there?", "Read up to here");
  await equals("bob's total", bob.total, 1);
  await equals("the second message's tick", () => alice.bubble("are you there?").locator(".tick").textContent(), "✓✓ read");
  assert.equal(await alice.bubble("hello?").locator(".tick").textContent(), "✓");
  await bob.act("hi bob", "Unread from here");
  await equals("bob's total", bob.total, 3);
  assert.equal(await alice.bubble("hi bob").locator(".tick").textContent(), "✓✓ read", "a receipt is not taken back");
  await bob.button("Read").click();
  await equals("bob's total", bob.total, 0);
  await bob.button("Mark as unread").click();
  await bob.home();
  await bob.row("alice").locator(".badge[aria-label='marked as unread']").waitFor();
  assert.equal(await bob.total(), 0, "a mark is no count");
  await alice.home();

  await alice.write("#team", "stand-up, @bob?");
  await bob.row("#team").locator(".mentions").waitFor();
  await bob.row("#team").click();
  await bob.act("stand-up", "Read up to here");
  await equals("who has read it", () => alice.bubble("stand-up").locator(".tick").textContent(), "✓✓ read by 1 of 3");
  await alice.bubble("stand-up").locator(".tick").click();
  await equals("who has read it", () => alice.bubble("stand-up").locator(".tick").textContent(), "✓✓ bob");
  await axe(page, "chats");
  await shot("chats");

  await bob.act("stand-up", "Thread");
  await bob.write("", "two minutes");
  await equals("alice's total", alice.total, 1);
  await alice.act("two minutes", "Open thread");
  await alice.node.getByRole("button", { name: "Follow", pressed: true }).waitFor(); // as its first message is hers
  await axe(page, "threads");
  await shot("threads");
  await alice.button("Read").click();
  await equals("alice's total", alice.total, 0);
  await alice.home();
  await alice.home();
  await bob.home();
  await bob.button("Mute").click();
  await bob.home();
  await bob.row("#team").locator(".muted").waitFor();
  await alice.write("#team", "we begin");
  await equals("the muted row's count", () => bob.row("#team").locator(".badge").textContent(), "1");
  assert.equal(await bob.total(), 0, "what is muted is in no total");
  await alice.home();
  await same();

  chromium.expects(/net::|Failed to load/);
  await bob.button("Pull the plug").click();
  await equals("bob's phone", bob.state, "no network");
  await step(12);
  await alice.write("bob", "did you get this?");
  await axe(page, "without network");
  await shot("unplugged");
  await bob.button("Put the plug back").click();
  await equals("bob's phone", bob.state, "live");
  await equals("bob's last line", () => bob.row("alice").locator(".last").textContent(), "did you get this?");
  await same();

  await page.reload();
  await equals("alice's phone", alice.state, "live");
  await same();
  await bob.row("alice").click();
  await bob.bubble("message demo-").waitFor(); // no text is known any more, the count is
  chromium.content();
});

test("the keyboard does it all", async (t) => {
  const { page, alice, bob, equals, chromium } = await stage(t);
  await equals("alice's phone", alice.state, "live");
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent);
  const to = async (name) => { // by Tab alone
    for (let i = 0; i < 80; i++) {
      if (name.test(await focused())) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`Tab does not lead to ${name}`);
  };
  await to(/^One step$/);
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Enter");
    await until("a step is over", async () => await page.getByRole("button", { name: "One step" }).isEnabled() && /^One step$/.test(await focused()));
  }
  await alice.row("#team").waitFor();
  await to(/#team/);
  await page.keyboard.press("Enter");
  await until("the text has the focus", async () => /writes to #team/.test(await focused()));
  await page.keyboard.type("hello from the keys");
  await page.keyboard.press("Enter");
  await equals("bob's line", () => bob.row("#team").locator(".last").textContent(), "alice: hello from the keys");
  await page.keyboard.press("Shift+Tab"); // the message's own
  await to(/^Back/);
  await page.keyboard.press("Enter");
  await until("the row has the focus again", async () => /#team/.test(await focused()));
  await to(/^Pull the plug$/);
  await page.keyboard.press("Enter");
  await equals("alice's phone", alice.state, "no network");
  chromium.content();
});

for (const [width, height] of [[1280, 800], [390, 844]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`it looks right at ${width} px, ${colorScheme}`, async (t) => {
      const mobile = width < 500;
      const { page, alice, bob, step, shot, same, equals, chromium } = await stage(t, { viewport: { width, height }, colorScheme, reducedMotion: "reduce", hasTouch: mobile, isMobile: mobile });
      await equals("alice's phone", alice.state, "live");
      await step(16);
      await same();
      await axe(page, "lists");
      await fits(page, "lists");
      await shot(`lists-${width}-${colorScheme}`);
      await bob.row("#team").click();
      await alice.row("bob").click();
      await axe(page, "chats");
      await fits(page, "chats");
      await shot(`chats-${width}-${colorScheme}`);
      chromium.content();
    });
  }
}

test("a third tab says that there is no connection left for it", async (t) => {
  const { live, chromium, alice, equals } = await stage(t);
  await equals("alice's phone", alice.state, "live");
  chromium.expects(/third tab/);
  for (let i = 2; i <= 3; i++) {
    const page = await chromium.context.newPage();
    await page.goto(`${live.url}/demo/`);
    if (i === 2) await until("its phones are live", async () => (await page.locator(".state", { hasText: "live" }).count()) === 2);
    else await page.getByRole("alert").waitFor();
  }
  chromium.content();
});

test("where nobody is asked who they are, no other name leads here", async (t) => {
  const live = await serve(t, { args: ["--websocket"] }), { context, expects, content } = await open(t, { args: ["--host-resolver-rules=MAP evil.example 127.0.0.1"] });
  expects(/status of 403|Failed to load|CORS|WebSocket/);
  const page = await context.newPage(), port = new URL(live.url).port;
  assert.equal((await page.goto(`http://evil.example:${port}/demo/`)).status(), 403);
  const asked = (url, options) => page.evaluate(([url, options]) => fetch(url, options).then(async (r) => [r.status, (await r.json()).code], () => "kept away"), [url, options]);
  assert.deepEqual(await asked("/v1/totals?user=alice"), [403, "bad_host"]);
  assert.equal(await asked(`${live.url}/v1/totals?user=alice`), "kept away");
  const command = JSON.stringify({ commands: [message("alice", "bob", "m1")] });
  assert.equal(await asked(`${live.url}/v1/commands`, { method: "POST", body: command, headers: { "Content-Type": "application/json" } }), "kept away");
  assert.equal(await asked(`${live.url}/v1/commands`, { method: "POST", body: command, headers: { "Content-Type": "text/plain" } }), "kept away");
  const socket = (url) => page.evaluate((url) => new Promise((resolve) => {
    const s = new WebSocket(url);
    s.onopen = () => resolve("open");
    s.onerror = () => resolve("refused");
  }), url);
  assert.equal(await socket(`ws://127.0.0.1:${port}/nats`), "refused");
  const totals = await (await fetch(`${live.url}/v1/totals?user=alice`)).json();
  assert.equal(totals.totals.unread, 0, "nothing was stored");
  content();
});

test("the README's picture", async (t) => {
  const { page, alice, bob, step, equals } = await stage(t, { viewport: { width: 1240, height: 640 }, colorScheme: "light", reducedMotion: "reduce" });
  await equals("alice's phone", alice.state, "live");
  await step(20);
  await alice.write("#team", "numbers are printed, @bob");
  await until("a friend reads it", async () => {
    await step();
    return /read by/.test(await alice.bubble("numbers are printed").locator(".tick").textContent());
  });
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement.blur());
  const picture = await page.locator("#phones").screenshot();
  assert.ok(picture.length <= MOST, `the picture has ${picture.length} bytes, ${MOST} at most`);
  if (process.env.REDDOT_REWRITE === "1") writeFileSync(PICTURE, picture);
  assert.ok(existsSync(PICTURE), "there is none: REDDOT_REWRITE=1 makes it");
  const size = (png) => [png.readUInt32BE(16), png.readUInt32BE(20)];
  assert.deepEqual(size(readFileSync(PICTURE)), size(picture));
  await bob.node.waitFor();
});
