// Tabs of one browser share one stream, whatever happens to the one that has it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { message, serve, token, until } from "../live.js";
import { open } from "./browser.js";

const TIMES = { beat: 500, steal: 1_500, first: 100, longest: 2_000, settled: 1_000 }; // as in the client, but shorter
const OUTAGE = /net::|Failed to load|status of 503/;

// PAGE shows alice's badge, and what its client tells.
const PAGE = `<!doctype html><title>0</title><script type="module">
  import { Reddot } from "/reddot.js";
  const options = await window.options();
  if (options.guarded) options.token = () => window.token();
  const me = new Reddot(options).user(options.guarded ? undefined : "alice");
  window.told = { states: [], errors: [], totals: undefined };
  me.listen({
    onTotalUnreadMessageCountChanged(totals) { told.totals = totals; document.title = String(totals.unread); },
    onStateChanged(state) { told.states.push(state); },
    onError(e) { told.errors.push(String(e.detail ?? e)); },
  });
</script>`;

// browser opens tabs of a page at the server's address.
async function browser(t, live, options = {}) {
  const chromium = await open(t), { context } = chromium, streams = [];
  let tokens = 0;
  await context.route(`${live.url}/test`, (route) => route.fulfill({ contentType: "text/html", body: PAGE }));
  await context.exposeFunction("options", () => ({ times: TIMES, ...options, token: undefined }));
  await context.exposeFunction("token", () => { tokens++; return options.token(); });
  context.on("request", (r) => { if (/v1\/(events|changes)/.test(r.url())) streams.push(r.frame().page()); });
  const tabs = [];
  const tab = async () => {
    const page = await context.newPage();
    await page.goto(`${live.url}/test`);
    tabs.push(page);
    return page;
  };
  return {
    ...chromium, tabs, tab, streams, tokens: () => tokens,
    /** show says that all tabs have the badge. */
    async show(n, of = tabs) {
      await Promise.all(of.map((page, i) => until(`tab ${i} shows ${n}`, async () => await page.title() === String(n))));
    },
    told: (page) => page.evaluate(() => window.told),
  };
}

// streamsOf is how many streams the server has open.
const streamsOf = async (live) => Number(/^reddot_streams\{transport="sse"\} (\d+)/m.exec(await (await fetch(`${live.url}/metrics`)).text())?.[1] ?? 0);

test("eight tabs have one stream, and go on when it goes", async (t) => {
  const live = await serve(t);
  await live.send(message("alice", "bob", "m1"));
  const { tabs, tab, streams, show, told, context, expects, content } = await browser(t, live);
  for (let i = 0; i < 8; i++) await tab();
  await show(1);
  assert.equal(await streamsOf(live), 1);
  await live.send(message("alice", "bob", "m2"));
  await show(2);

  // The one that has the stream is closed.
  const leader = streams.at(-1);
  await leader.close();
  tabs.splice(tabs.indexOf(leader), 1);
  await live.send(message("alice", "bob", "m3"));
  await show(3);
  await until("another has the stream", async () => streams.at(-1) !== leader && await streamsOf(live) === 1);

  // The next one is frozen, as browsers do with hidden tabs.
  const frozen = streams.at(-1), others = tabs.filter((page) => page !== frozen);
  const cdp = await context.newCDPSession(frozen);
  await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
  await live.send(message("alice", "bob", "m4"));
  await show(4, others);
  await cdp.send("Page.setWebLifecycleState", { state: "active" });
  await live.send(message("alice", "bob", "m5"));
  await show(5);
  await until("there is one stream", async () => await streamsOf(live) === 1);

  // All are without network for a while.
  expects(OUTAGE);
  await context.setOffline(true);
  await live.send(message("alice", "bob", "m6"));
  await context.setOffline(false);
  await live.send(message("alice", "bob", "m7"));
  await show(7);

  // The server restarts.
  await live.stop();
  await live.start();
  await live.send(message("alice", "bob", "m8"));
  await show(8);
  await until("there is one stream", async () => await streamsOf(live) === 1);

  const late = await tab(); // who comes later is told the state
  await show(8, [late]);
  for (const page of tabs) assert.deepEqual((await told(page)).totals, (await told(late)).totals);
  content();
});

test("a clock that jumps makes at most one connection anew", async (t) => {
  const live = await serve(t), { tab, streams, show, content, told } = await browser(t, live, { shareTabs: false, transport: "sse" });
  const page = await tab();
  await show(0);
  await page.evaluate(() => {
    const real = Date.now;
    Date.now = () => real() + 3_600_000;
    dispatchEvent(new Event("pageshow")); // has a look taken
  });
  await live.send(message("alice", "bob", "m1"));
  await show(1);
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 5_000))); // longer than two looks
  await live.send(message("alice", "bob", "m2"));
  await show(2);
  assert.ok(streams.length <= 2, `${streams.length} connections`);
  assert.deepEqual((await told(page)).errors, []);
  content();
});

test("tokens that live five seconds are renewed without a gap", async (t) => {
  const live = await serve(t, { guarded: true });
  const { tab, tabs, streams, show, tokens, told, content } = await browser(t, live, { guarded: true, shareTabs: false, token: () => token("alice", 5) });
  await tab();
  await show(0);
  let n = 0;
  await until("three tokens have been used", async () => {
    await live.send(message("alice", "bob", `m${++n}`));
    await show(n);
    return tokens() >= 3 && streams.length >= 3;
  });
  assert.deepEqual((await told(tabs[0])).states, ["syncing", "live"], "no other state is told on the way");
  assert.deepEqual((await told(tabs[0])).errors, []);
  content();
});

test("EventSource hears the same events, and resumes", async (t) => {
  const live = await serve(t), { tab, show, content, expects } = await browser(t, live);
  await live.send(message("alice", "bob", "m1"));
  const page = await tab();
  await show(1);
  await page.evaluate(() => {
    const KINDS = ["hello", "reset", "change", "receipts", "live", "bye"], heard = window.heard = { source: [], fetched: [] };
    const strip = ({ stream, at, retry_ms, expires_at, ...data }) => data;
    const source = new EventSource("/v1/events?user=alice&receipts=1");
    for (const kind of KINDS) source.addEventListener(kind, (e) => heard.source.push([kind, strip(JSON.parse(e.data)), e.lastEventId]));
    (async () => { // the bytes, read plainly
      const { body } = await fetch("/v1/events?user=alice&receipts=1");
      let text = "";
      for await (const bytes of body.pipeThrough(new TextDecoderStream())) {
        text += bytes;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const fields = new Map(text.slice(0, end).split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
          if (KINDS.includes(fields.get("event"))) heard.fetched.push([fields.get("event"), strip(JSON.parse(fields.get("data")))]);
        }
      }
    })().catch(() => {});
  });
  const heard = () => page.evaluate(() => window.heard);
  const told = (kind, n) => until(`${n} of ${kind} are heard`, async () => Object.values(await heard()).every((list) => list.filter(([k]) => k === kind).length >= n));
  await told("live", 1);
  await live.send(message("alice", "carol", "m2"));
  await told("change", 2);
  await live.send(message("bob", "alice", "a1"), { type: "user.sent", user: "alice", to: "bob", id: "a1" }, { type: "user.read", user: "bob", conversation: "c2c_alice", upto: "a1" });
  await told("receipts", 1);
  const { source, fetched } = await heard();
  const what = (list) => list.map(([kind, { cursor, ...data }]) => [kind, data]);
  assert.deepEqual(what(source), what(fetched));
  for (const [kind, data, id] of source) if (data.cursor) assert.equal(id, data.cursor, kind);

  expects(OUTAGE);
  await live.stop();
  await live.start();
  await live.send(message("alice", "erin", "m3"));
  await until("it has resumed", async () => (await heard()).source.filter(([kind]) => kind === "live").length >= 2);
  const after = (await heard()).source.slice(source.length);
  assert.deepEqual(after.filter(([kind]) => kind === "reset"), [], "it resumes from its last id");
  assert.ok(after.some(([kind, data]) => kind === "change" && data.conversations.some((c) => c.conversation === "c2c_erin")));
  content();
});
