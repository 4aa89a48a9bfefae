// The examples do what they say.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { hooks } from "../examples/hooks.js";
import { Reddot } from "../reddot.js";
import { KEY, message, serve, until } from "./live.js";

// render is as much of React as the hooks need: it renders when a snapshot has changed, and
// complains, as React does, of one that is another each time.
function render(component) {
  const cleanups = [], seen = [];
  let again = false, hook = 0;
  const known = [];
  const useSyncExternalStore = (subscribe, getSnapshot) => {
    const i = hook++, now = getSnapshot();
    assert.ok(Object.is(now, getSnapshot()), "The result of getSnapshot should be cached");
    if (!(i in known)) cleanups.push(subscribe(() => { if (!Object.is(known[i], getSnapshot())) schedule(); }));
    known[i] = now;
    return now;
  };
  const schedule = () => {
    if (again) return;
    again = true;
    queueMicrotask(show);
  };
  const show = () => {
    again = false;
    hook = 0;
    seen.push(component(useSyncExternalStore));
  };
  show();
  return { seen, unmount: () => cleanups.forEach((end) => end()) };
}

test("hooks.js: a component renders when what it uses has changed", async (t) => {
  const live = await serve(t), reddot = new Reddot({ url: live.url });
  t.after(() => reddot.close());
  await live.send(message("alice", "bob", "m1"));
  let use;
  const badge = render((useSyncExternalStore) => (use = hooks(reddot.user("alice"), useSyncExternalStore)).useUnread());
  await until("the badge is shown", () => badge.seen.at(-1) === 1);
  assert.deepEqual(badge.seen, [undefined, 1]);
  const list = render((useSyncExternalStore) => hooks(reddot.user("alice"), useSyncExternalStore).useConversations());
  assert.equal(list.seen.at(-1).length, 1, "who comes later sees the state at once");
  await live.send(message("alice", "carol", "m2"));
  await until("the list is shown", () => list.seen.at(-1).length === 2);
  await until("the badge is shown", () => badge.seen.at(-1) === 2);
  const before = badge.seen.length;
  await live.send({ type: "user.label", user: "alice", conversation: "c2c_bob", add: ["pinned"] });
  await until("the label is shown", () => list.seen.at(-1).some((c) => c.labels));
  assert.equal(badge.seen.length, before, "the badge has not changed");
  badge.unmount();
  list.unmount();
});

test("backend.js: a chat's server tells of messages", async (t) => {
  const live = await serve(t, { guarded: true });
  const child = spawn(process.execPath, [fileURLToPath(new URL("../examples/backend.js", import.meta.url))], { env: { ...process.env, REDDOT_URL: live.url, REDDOT_KEY: KEY }, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill());
  const [line] = await once(child.stdout, "data");
  const url = /http:\S+/.exec(line)[0];
  const tell = async (body) => {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
    return [answer.status, await answer.text()];
  };
  const [status, body] = await tell({ id: "m1", from: "bob", to: "alice" });
  assert.equal(status, 200, body);
  assert.equal(JSON.parse(body).badge, 1);
  assert.equal(JSON.parse((await tell({ id: "m1", from: "bob", to: "alice" }))[1]).badge, 1, "told twice it counts once");
  assert.equal(JSON.parse((await tell({ id: "m2", from: "bob", to: "alice" }))[1]).badge, 2);
  assert.equal((await tell({ id: "", from: "bob", to: "alice" }))[0], 400);
});
