// Walks through the console's pages of users, counts and groups.

import assert from "node:assert/strict";
import { test } from "node:test";
import { message, serve, until } from "../live.js";
import { axe, fits } from "./browser.js";
import { equals, visit } from "./console.js";

const AT = Date.UTC(2026, 0, 5, 12); // of the first command

// story is a group in which everything happens that a count knows of. It returns the seq
// after which alice has 4 unread there, as she had when she asks why.
async function story(live) {
  let at = AT;
  const next = () => (at += 10_000);
  const said = (id, from, more = {}) => ({ type: "group.message", group: "team", id, from, at: next(), ...more });
  await live.send(
    { type: "policy", threads: "apart", group_receipts: "members", at: next() }, { type: "group.join", group: "team", users: ["alice", "bob", "carol", "dave", "erin"], at: next() },
    said("t1", "bob"), said("t2", "alice"), said("t3", "dave"), { type: "user.read", user: "alice", conversation: "group_team", upto: "t3", at: next() },
  );
  const before = await live.send(said("t4", "bob", { mentions: ["alice"] }), said("t5", "carol"), said("t6", "alice"), said("t7", "erin"), said("t8", "bob", { silent: true }), said("t9", "dave"));
  await live.send(
    { type: "group.revoke", group: "team", id: "t5", at: next() }, { type: "user.block", user: "alice", users: ["erin"], blocked: true, at: next() }, said("t10", "bob", { thread: "t4" }), said("t11", "bob", { hidden: true }),
    { type: "user.read", user: "alice", conversation: "group_team", upto: "t99", at: next() }, { type: "user.read", user: "bob", conversation: "group_team", upto: "t9", at: next() },
    message("alice", "bob", "m1", { at: next() }), message("alice", "carol", "c1", { at: next() }), { type: "user.mute", user: "alice", conversation: "c2c_carol", muted: true, at: next() },
    { type: "user.label", user: "alice", conversation: "c2c_bob", add: ["work"], at: next() }, message("albert", "bob", "a1", { at: next() }), message("zoe", "bob", "z1", { at: next() }),
  );
  return before;
}

const figure = (page, label) => page.locator(".figure", { has: page.locator(".label", { hasText: new RegExp(`^${label}$`) }) }).locator(".value");
const row = (page, name) => page.locator(".conversations .rows-space > .row", { has: page.getByRole("link", { name, exact: true }) });

test("from a prefix to why a count is what it is, and what it was", async (t) => {
  const live = await serve(t), before = await story(live);
  const { page, context, content } = await visit(t, live, "#/users");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByLabel("User id begins with").fill("al");
  const users = page.getByRole("grid", { name: "Users, by id" });
  await until("two begin so", async () => (await users.getByRole("row").count()) === 2);
  await axe(page, "users");
  await users.getByText("alice").click();
  await equals("the badge", figure(page, "Badge"), "3"); // t4 and t9, and m1
  await equals("what is kept out", figure(page, "Kept out"), "1");
  assert.equal(await row(page, "group_team").locator(".badge").textContent(), "2");
  assert.match(await row(page, "group_team").locator(".flags").textContent(), /@ 1/);
  assert.match(await row(page, "c2c_carol").locator(".flags").textContent(), /muted/);
  assert.match(await row(page, "c2c_bob").locator(".flags").textContent(), /\bwork\b/);
  await axe(page, "a user");

  await page.getByRole("spinbutton", { name: "After command" }).fill(String(before));
  await page.keyboard.press("Enter");
  await equals("the badge then", figure(page, "Badge"), "4");
  await until("the badge of now stands beside it", async () => /now 3/.test(await page.locator(".figure").first().textContent()));
  assert.equal(await page.locator(".conversations .rows-space > .row").count(), 1, "the others came later");
  await row(page, "group_team").locator(".badge").click();

  const then = page.getByRole("region", { name: "As it was" }), now = page.getByRole("region", { name: "Now", exact: true });
  await until("both are there", async () => (await then.locator(".result .n").count()) && (await now.locator(".result .n").count()));
  const sum = (side) => side.locator(".sum li").allTextContents();
  assert.deepEqual(await sum(then), ["5counted messages after the read position", "−1sent by alice", "−0revoked", "=4unread, of them 1 mention"]);
  assert.deepEqual(await sum(now), ["6counted messages after the read position", "−1sent by alice", "−1revoked", "−1of blocked senders", "−1of threads", "=2unread, of them 1 mention"]);
  const counts = (side, id) => side.locator(".message", { has: page.locator(".id", { hasText: new RegExp(`^${id}$`) }) }).getAttribute("data-counts");
  for (const [id, was, is] of [["t3", "read", "read"], ["t4", "unread", "unread"], ["t5", "unread", "revoked"], ["t6", "own", "own"], ["t7", "unread", "blocked"], ["t8", "silent", "silent"]]) {
    assert.equal(await counts(then, id), was, `${id} then`);
    assert.equal(await counts(now, id), is, `${id} now`);
  }
  assert.equal(await counts(now, "t10"), "apart");
  assert.match(await now.textContent(), /Early read.*waits for t99/);
  assert.match(await now.locator(".read-bar").textContent(), /read up to here/);
  await axe(page, "side by side");

  await page.getByRole("button", { name: "Copy all for a ticket" }).click();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  for (const part of [`after command ${before}`, /= +4 +unread/, /= +2 +unread, of them 1 mention/, /t7 +erin +blocked/, /read up to t3/]) assert.match(text, new RegExp(part));

  await now.locator(".message", { hasText: "t4" }).first().getByRole("link", { name: /^Command/ }).click();
  const command = page.getByRole("region", { name: "The command" });
  await until("the payload is shown", async () => /"mentions": \[\s+"alice"\s+\]/.test(await command.textContent()));
  assert.match(await command.textContent(), /unread\.cmd\.group\.team\.message/);
  await page.keyboard.press("Escape");
  await command.waitFor({ state: "hidden" });

  const slider = page.getByRole("slider"); // by keys, from where it stands
  await until("the slider knows the log", () => slider.isEnabled());
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  await equals("what is beside it", then.locator("h2"), `After command ${before - 1}`);
  await equals("the count there", then.locator(".result > .n"), "3");
  await page.keyboard.press("End");
  await then.waitFor({ state: "hidden" });
  content();
});

test("a count of more messages than are shown at once is explained back to its first one", async (t) => {
  const live = await serve(t), messages = 450;
  await live.send(...Array.from({ length: messages }, (_, i) => message("alice", "bob", `m${i}`)));
  const { page, content } = await visit(t, live, "#/explain?user=alice&conversation=c2c_bob");
  const now = page.getByRole("region", { name: "Now", exact: true }), shown = now.locator("ol.messages > .message"), older = now.getByRole("button", { name: "Earlier messages" });
  for (const n of [200, 400, messages]) {
    await until(`${n} messages are shown`, async () => (await shown.count()) === n);
    if (n < messages) await older.click();
  }
  assert.equal(await older.count(), 0);
  assert.match(await shown.first().textContent(), /^m0bob/);
  assert.match(await shown.last().textContent(), /^m449bob/);
  await equals("the count", now.locator(".result > .n"), "450");
  content();
});

test("a user is followed live, and who is connected is told", async (t) => {
  const live = await serve(t);
  await live.send(message("alice", "bob", "m1"));
  const { page, content } = await visit(t, live, "#/users?user=alice");
  await equals("the badge", figure(page, "Badge"), "1");
  await page.getByText("No stream", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Follow live" }).click();
  await page.locator(".tag[data-tone=good]", { hasText: "live" }).waitFor();
  await live.send(message("alice", "carol", "c1"), message("alice", "bob", "m2"));
  await equals("the badge", figure(page, "Badge"), "3");
  await until("the list follows", async () => (await page.locator(".conversations .rows-space > .row").first().textContent()).startsWith("c2c_bob"));
  await until("the changes are told", async () => /c2c_carol is new in the list/.test(await page.locator(".changes").textContent()));
  await until("the stream is listed", async () => /SSE/.test(await page.getByRole("region", { name: "Open streams of this user" }).textContent()));
  await axe(page, "live");
  await page.getByRole("button", { name: "Stop" }).click();
  await live.send(message("alice", "bob", "m3"));
  await page.getByText("No stream", { exact: true }).waitFor();
  assert.equal(await figure(page, "Badge").textContent(), "3", "it follows no longer");
  content();
});

test("a group, its members, and who has read a message", async (t) => {
  const live = await serve(t);
  await story(live);
  const { page, content } = await visit(t, live, "#/groups");
  await page.getByLabel("Group id").fill("team");
  await page.keyboard.press("Enter");
  await equals("its members", figure(page, "Members"), "5");
  await equals("its messages", figure(page, "Messages"), "11");
  const members = page.getByRole("grid", { name: "Members of team, by id" });
  await until("they are listed", async () => (await members.locator(".rows-space > .row").count()) === 5);
  assert.equal(await members.locator(".rows-space > .row", { hasText: "alice" }).locator(".badge").textContent(), "2");
  await page.getByRole("button", { name: "Readers of t9" }).click();
  const readers = page.getByRole("region", { name: "Readers" });
  await until("bob has", async () => /Read by 1 of 4.*bob/s.test(await readers.textContent()));
  await readers.getByRole("button", { name: "Has not" }).click();
  await until("the others have not", async () => /alice.*carol.*erin/s.test(await readers.textContent()));
  await axe(page, "readers");
  await readers.getByRole("button", { name: "Close" }).click();
  await until("the button has the focus", () => page.evaluate(() => document.activeElement.getAttribute("aria-label") === "Readers of t9"));
  await members.getByRole("link", { name: "2 unread" }).click();
  await until("the count is explained", async () => /unread, of them 1 mention/.test(await page.locator(".sum").first().textContent()));
  content();
});

test("what is not there says so", async (t) => {
  const live = await serve(t);
  const { page, content, expects } = await visit(t, live, "#/users?user=nobody&prefix=no");
  expects(/status of 404/);
  await page.getByText("Nobody, ", { exact: false }).or(page.getByText("Nobody", { exact: true })).first().waitFor();
  await page.getByText("No conversations", { exact: true }).waitFor();
  await axe(page, "nobody");
  await page.goto(`${live.url}/console/#/explain?user=nobody&conversation=c2c_bob`);
  await page.getByText("Not in the list", { exact: true }).waitFor();
  await axe(page, "no conversation");
  await page.goto(`${live.url}/console/#/groups?group=none`);
  await page.getByText("Not found", { exact: true }).first().waitFor();
  await axe(page, "no group");
  content();
});

test("the keyboard finds a user and a count", async (t) => {
  const live = await serve(t);
  await story(live);
  const { page, content } = await visit(t, live, "#/users");
  await page.getByLabel("User id begins with").waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
  await until("the search has the focus", async () => (await focused()) === "prefix");
  await page.keyboard.type("ali");
  await until("one begins so", async () => (await page.getByRole("grid", { name: "Users, by id" }).getByRole("row").count()) === 1);
  await page.keyboard.press("ArrowDown");
  await until("the row has the focus", async () => (await focused()) === "alice");
  await page.keyboard.press("Enter");
  await row(page, "c2c_bob").waitFor();
  for (let i = 0; i < 40 && !/^(c2c|group)_/.test(await focused()); i++) await page.keyboard.press("Tab");
  for (let i = 0; i < 3 && !/^group_team/.test(await focused()); i++) await page.keyboard.press("ArrowDown");
  assert.match(await focused(), /^group_team/);
  await page.keyboard.press("ArrowRight"); // to the link in the row, and the count beside it
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "2");
  await page.keyboard.press("Enter");
  await page.locator(".sum .result").waitFor();
  content();
});

for (const [width, height] of [[1280, 860], [390, 844]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`users, counts and groups look right at ${width} px, ${colorScheme}`, async (t) => {
      const live = await serve(t), before = await story(live), mobile = width < 500;
      const { page, shot, content } = await visit(t, live, "#/users?user=alice&prefix=a", { viewport: { width, height }, colorScheme, reducedMotion: "reduce", hasTouch: mobile, isMobile: mobile });
      for (const [name, hash, ready] of [
        ["users", "#/users?user=alice&prefix=a", row(page, "c2c_bob")], ["explain", `#/explain?user=alice&conversation=group_team&at=${before}`, page.locator(".side-then .result")],
        ["groups", "#/groups?group=team&message=t9&from=dave", page.locator(".readers .rows-space > .row").first()],
      ]) {
        await page.goto(`${live.url}/console/${hash}`);
        await ready.waitFor();
        await axe(page, name);
        await fits(page, name);
        await shot(`${name}-${width}-${colorScheme}`);
      }
      content();
    });
  }
}
