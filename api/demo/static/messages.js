// What the messages say. reddot counts messages and stores no texts, so this page keeps
// them: in memory, the newest 2,000. In an app they are in the chat's own store.

const MOST = 2000;

// mentions finds whom a text names: "@alice", "@all".
export function mentions(text, people) {
  const named = text.split(/\s+/).filter((word) => word[0] === "@").map((word) => word.slice(1).replace(/[?!.,]+$/, ""));
  return { mentions: people.filter((name) => named.includes(name)), mention_all: named.includes("all") || undefined };
}

// between names a chat, whoever looks at it: conversations have the peer's name.
export const between = (user, conversation) =>
  conversation.startsWith("c2c_") ? [user, conversation.slice(4)].sort().join(" and ") : conversation;

export class Messages {
  #all = new Map(); // by id, oldest first
  #heard = new Set();
  #count = 0;
  #run = Math.random().toString(36).slice(2, 8); // ids are new after a reload, too

  newID() { return `demo-${this.#run}-${++this.#count}`; }

  // heard calls fn when there is something new.
  heard(fn) { this.#heard.add(fn); }

  // put enters a message, or what else is known of it now.
  put(message) {
    const known = this.#all.get(message.id);
    this.#all.set(message.id, { ...known, ...message });
    if (this.#all.size > MOST) this.#all.delete(this.#all.keys().next().value);
    for (const fn of this.#heard) fn();
  }

  drop(id) {
    this.#all.delete(id);
    for (const fn of this.#heard) fn();
  }

  get(id) { return this.#all.get(id); }

  text(id) {
    const m = this.#all.get(id);
    return m?.recalled ? "(recalled)" : m?.text ?? `message ${id}`;
  }

  // in lists a chat's messages in the log's order; those that are on their way last.
  in(chat) {
    return [...this.#all.values()].filter((m) => m.chat === chat).sort((a, b) => (a.seq ?? Infinity) - (b.seq ?? Infinity) || 0);
  }

  // say has somebody write: what a chat's own server does once it has stored the text.
  async say(backend, { from, chat, text, thread, people }) {
    const id = this.newID();
    this.put({ id, from, chat, text, thread, at: Date.now() });
    const named = mentions(text, people), common = { id, ...named, thread };
    const group = /^group_(.*)/s.exec(chat)?.[1];
    const to = chat.split(" and ").find((name) => name !== from);
    const commands = group
      ? [{ type: "group.message", group, from, receipt: true, ...common }]
      : [{ type: "user.message", user: to, from, id, thread, mentions: named.mentions }, { type: "user.sent", user: from, to, id, thread }];
    try {
      const { results } = await backend.send(commands, { idempotencyKey: id });
      this.put({ id, seq: results[0].seq });
    } catch (e) {
      this.drop(id);
      throw e;
    }
    return id;
  }
}
