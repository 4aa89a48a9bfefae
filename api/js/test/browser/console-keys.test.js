// The console by keyboard alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { message, until } from "../live.js";
import { openConsole } from "./console.js";

const FULL = ["users?user=alice", "explain?user=alice&conversation=group_team&at=4", "groups?group=team&message=t1&from=bob", "refused?command=5", "live"]; // with what is shown of something
const PAGES = ["Overview", "Users", "Explain", "Groups", "Live", "Refused", "Operations", "Webhooks", "API"];
const MANY = 400; // stops of the Tab key that no page has

// what has the focus, and whether one sees it.
const focused = (page) => page.evaluate(() => {
  const node = document.activeElement, box = node.getBoundingClientRect(), style = getComputedStyle(node);
  globalThis.stops ??= new Map();
  if (!globalThis.stops.has(node)) globalThis.stops.set(node, globalThis.stops.size);
  const part = node.closest("[data-tip], a, button, input, select, textarea, [tabindex]") ?? node;
  return {
    body: node === document.body, stop: globalThis.stops.get(node), skip: node.classList.contains("skip"), link: node.closest("nav") ? node.textContent : "",
    name: `${node.tagName.toLowerCase()} ${node.getAttribute("aria-label") ?? node.labels?.[0]?.textContent ?? node.textContent.slice(0, 40)}`.trim(), hidden: !part.checkVisibility({ opacityProperty: true, visibilityProperty: true }),
    inside: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
    parts: node.type === "datetime-local", // it has stops within
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && node.matches(":focus-visible"),
  };
});

test("every page is reached and gone through by keys alone, and one sees where one is", async (t) => {
  const { live, page, chromium } = await openConsole(t);
  await live.send({ type: "policy", group_receipts: "members" }, { type: "group.join", group: "team", users: ["alice", "bob"] }, message("alice", "bob", "m1"), { type: "group.message", group: "team", id: "t1", from: "bob" });
  await fetch(`${live.url}/v1/commands`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ wait: "emitted", commands: [{ type: "user.read", user: "mallory", conversation: "group_team" }] }) });
  await page.reload();
  await page.locator("nav a").first().waitFor();
  await page.keyboard.press("Tab");
  assert.equal((await focused(page)).skip, true, "the first stop skips to the page");
  assert.equal((await focused(page)).inside, true, "and shows itself");
  await page.keyboard.press("Enter");
  await until("the page has the focus", () => page.evaluate(() => document.activeElement.id === "main"));

  /** through goes through a page, from where the focus is. */
  async function through(title) {
    await until("nothing is read any more", async () => (await page.locator("main > div > *").count()) > 0 && (await page.locator("main [aria-busy=true]").count()) === 0);
    const stops = [];
    for (let i = 0; i < MANY; i++) {
      await page.keyboard.press("Tab");
      const at = await focused(page);
      if (at.body || at.skip) break; // around
      if (at.parts && at.stop === stops.at(-1)?.stop) continue;
      assert.deepEqual([at.hidden, at.inside, at.ring], [false, true, true], `${title}: ${at.name}: [hidden, inside, ring]`);
      stops.push(at);
    }
    assert.ok(stops.length > 0 && stops.length < MANY, `${title} has ${stops.length} stops`);
    assert.equal(new Set(stops.map((s) => s.stop)).size, stops.length, `${title}: none is come to twice`);
    t.diagnostic(`${title}: ${stops.length} stops`);
  }

  for (const title of PAGES) {
    for (let i = 0; i < MANY && (await focused(page)).link !== title; i++) await page.keyboard.press("Tab");
    assert.equal((await focused(page)).link, title, "Tab leads to the link");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
    await through(title);
  }
  for (const hash of FULL) {
    await page.goto(`${live.url}/console/#/${hash}`);
    await page.getByRole("heading", { level: 1 }).focus();
    await through(hash);
  }
  chromium.content();
});

test("what opens takes the focus, what closes gives it back", async (t) => {
  const { live, page, chromium } = await openConsole(t, { at: "operations" });
  await live.send({ type: "group.join", group: "team", users: ["alice", "bob"] }, message("alice", "bob", "m1"));
  await fetch(`${live.url}/v1/commands`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ wait: "emitted", commands: [{ type: "user.read", user: "mallory", conversation: "group_team" }] }) });
  const tabTo = async (name) => {
    for (let i = 0; i < MANY && !(await focused(page)).name.includes(name); i++) await page.keyboard.press("Tab");
    assert.match((await focused(page)).name, new RegExp(name));
  };
  const within = (selector) => page.evaluate((s) => Boolean(document.activeElement.closest(s)), selector);

  // a dialog
  for (const [name, word] of [["Take a snapshot", "snapshot"], ["Rebuild", "rebuild"]]) {
    await tabTo(`button ${name}`);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    assert.equal(await within("dialog input"), true, "the word can be typed at once");
    for (let i = 0; i < 6; i++) {
      await page.keyboard.press("Tab");
      assert.equal((await within("dialog")) || (await focused(page)).body, true, "Tab stays in the dialog");
    }
    await page.keyboard.press("Escape");
    await until("the button has the focus again", async () => (await focused(page)).name.startsWith(`button ${name}`));
    await page.keyboard.press("Space");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type(word);
    await page.keyboard.press("Enter");
    await until("it is done", async () => /done/.test(await page.getByRole("region", { name: name.split(" ").at(-1).replace(/^s/, "S"), exact: true }).textContent()));
    await until("the button has the focus after it, too", async () => (await focused(page)).name.startsWith(`button ${name}`));
  }

  // a command of the log
  await page.goto(`${live.url}/console/#/refused`);
  await page.getByRole("row").filter({ hasText: "mallory" }).waitFor();
  await tabTo("mallory");
  await page.keyboard.press("Enter");
  const command = page.getByRole("region", { name: "The command" });
  await until("the command has the focus", async () => /"conversation"/.test(await command.textContent()) && within(".command"));
  await page.keyboard.press("Escape");
  await until("the row has it again", async () => (await focused(page)).name.includes("mallory"));
  assert.equal(await command.isVisible(), false);

  // an event
  await page.goto(`${live.url}/console/#/live`);
  await page.getByText("listening").waitFor();
  await live.send(message("alice", "bob", "m2"));
  await page.locator(".tail > li").first().waitFor();
  await tabTo("alice");
  await page.keyboard.press("Enter");
  await page.locator(".tail .raw").waitFor();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(".tail .raw").count(), 0);

  // a route
  await page.goto(`${live.url}/console/#/api`);
  await page.locator(".route-line").first().waitFor();
  await tabTo("/v1/status");
  await page.keyboard.press("Enter");
  await tabTo("button Send");
  await page.keyboard.press("Enter");
  await until("it answers", async () => /"applied"/.test(await page.locator(".answer pre").textContent().catch(() => "")));
  chromium.content();
});
