// The vectors of testdata/book, which the Go client runs too: events in, calls out.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Feed } from "../reddot.js";

const folder = new URL("../../../testdata/book/", import.meta.url);

// blocks reads a file as blocks of events and what is told after them.
function blocks(text) {
  return text.split(/\n{2,}/).map((block) => {
    const lines = block.split("\n").filter((line) => line && !line.startsWith("#"));
    const cut = lines.indexOf("----");
    assert.ok(cut > 0, `want ---- in ${block}`);
    return { events: lines.slice(0, cut), want: lines.slice(cut + 1) };
  });
}

const count = (v) => v.mentions ? `${v.unread}/${v.mentions}` : v.unread;

// recorder is a listener that writes down what it is told as the vectors do.
function recorder() {
  const told = [];
  const note = (what, show) => (list) => told.push([what, ...list.map(show)].join(" "));
  return {
    told,
    onNewConversation: note("new", (v) => `${v.conversation}=${count(v)}`),
    onConversationChanged: note("changed", (v) => `${v.conversation}=${count(v)}`),
    onConversationDeleted: (list) => told.push(["deleted", ...[...list].sort()].join(" ")),
    onThreadChanged: note("thread", (v) => `${v.conversation}/${v.thread}=${count(v)}`),
    onThreadDeleted: note("unfollowed", (v) => `${v.conversation}/${v.thread}`),
    onTotalUnreadMessageCountChanged: (totals) => told.push(`totals ${totals.unread}`),
    onUnreadMessageCountChangedByFilter: (filters) => told.push(["filters", ...Object.keys(filters).sort().map((k) => `${k}=${filters[k].unread}`)].join(" ")),
    onRecvC2CReadReceipt: note("receipt", (r) => `${r.peer}${r.thread ? "/" + r.thread : ""}=${r.upto}`),
    onRecvMessageReadReceipts: note("readers", (r) => `${r.group}/${r.id}=${r.read}/${r.members}`),
    onError: (e) => told.push(`error ${e}`),
  };
}

const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
assert.ok(files.length > 5);

for (const file of files) {
  test(`book: ${file}`, async () => {
    const feed = new Feed({ start() {}, stop() {} });
    const listener = recorder();
    feed.listen(listener);
    for (const { events, want } of blocks(readFileSync(new URL(file, folder), "utf8"))) {
      for (const line of events) {
        const [, event, data] = /^(\S+) (.*)$/.exec(line);
        feed.enter(event, { user: "alice", ...JSON.parse(data) });
      }
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(listener.told.splice(0), want, events.join("\n"));

      // Who comes now, in another tab for example, is told the same state.
      if (!feed.state().length) continue;
      const late = new Feed({ start() {}, stop() {} }), known = recorder(), again = recorder();
      late.listen(known);
      for (const { event, data } of structuredClone(feed.state())) late.enter(event, data);
      const listening = feed.listen(again);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(known.told, again.told);
      assert.deepEqual(late.store().getSnapshot().conversations, feed.store().getSnapshot().conversations);
      listening.close();
    }
  });
}
