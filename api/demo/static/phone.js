// A phone: what its user sees, as the client tells it. Nothing is computed here but what
// is shown where; counts, order and receipts are the client's.

import { Reddot } from "../reddot.js";
import { Chat } from "./chat.js";
import { el, hue, listed, say, set, time } from "./elements.js";
import { between } from "./messages.js";

// Plug is the phone's network: what the client fetches goes through it while it is in.
class Plug {
  #cut = new AbortController();

  get in() { return !this.#cut.signal.aborted; }
  pull() { this.#cut.abort(new TypeError("the plug is out")); }

  put() {
    this.#cut = new AbortController();
    dispatchEvent(new Event("online")); // as browsers say when the network is back
  }

  fetch = (url, options = {}) =>
    fetch(url, { ...options, signal: AbortSignal.any([this.#cut.signal, options.signal].filter(Boolean)) });
}

// nameOf is what a conversation is called in a list.
export const nameOf = (conversation) => conversation.replace(/^c2c_/, "").replace(/^group_/, "#");

const STATES = { live: "live", syncing: "catching up", offline: "no network", stopped: "stopped" };

export class Phone {
  receipts = new Map(); // how far peers have read, by peer
  figures = new Map(); // by how many own messages to groups are read, by id
  threads = new Map(); // those that are followed, by name
  #asked = new Set(); // figures of messages of before this page was loaded
  #plug = new Plug();
  #chat; #parts = {}; #due = false;

  constructor({ user, messages, friends }) {
    Object.assign(this, { user, messages, friends });
    this.reddot = new Reddot({ url: new URL("..", import.meta.url), fetch: this.#plug.fetch, shareTabs: false });
    this.me = this.reddot.user(user);
    this.node = this.#make();
    const store = this.me.store();
    store.subscribe((snapshot) => {
      this.snapshot = snapshot;
      this.draw();
    });
    this.me.listen({
      onRecvC2CReadReceipt: (list) => list.forEach((r) => this.receipts.set(`${r.peer}\0${r.thread ?? ""}`, r)),
      onRecvMessageReadReceipts: (list) => list.forEach((r) => this.figures.set(r.id, r)),
      onThreadChanged: (list) => list.forEach((t) => this.threads.set(`${t.conversation}\0${t.thread}`, t)),
      onThreadDeleted: (list) => list.forEach((t) => this.threads.delete(`${t.conversation}\0${t.thread}`)),
      onError: (e) => { if (this.#plug.in) this.tell(e.message); },
    });
    messages.heard(() => this.draw());
  }

  #make() {
    const p = this.#parts;
    const plug = () => {
      if (this.#plug.in) this.#plug.pull();
      else this.#plug.put();
      this.tell("");
      this.draw();
    };
    const write = () => {
      if (p.write.value) this.open(p.write.value);
      p.write.value = "";
    };
    const others = [...this.friends.people.filter((name) => name !== this.user).map((name) => `c2c_${name}`),
      ...this.friends.cast.groups.filter((g) => g.people.includes(this.user)).map((g) => `group_${g.group}`)];
    const id = `phone-${this.user}`;
    return el("section", { class: "phone", "aria-labelledby": id },
      el("header", {},
        el("span", { class: `face hue${hue(this.user)}`, "aria-hidden": "true" }, this.user[0]),
        el("h2", { id }, this.user),
        p.state = el("span", { class: "state" }),
        el("span", { class: "total" }, p.total = el("span", { class: "badge" }), el("span", { class: "unseen" }, "unread in all"))),
      p.screen = el("div", { class: "screen" },
        p.home = el("div", { class: "home" },
          el("div", { class: "tools" },
            p.write = el("select", { "aria-label": `${this.user} writes to`, onchange: write }, el("option", { value: "" }, "Write to…"), others.map((c) => el("option", { value: c }, nameOf(c)))),
            p.sums = el("span", { class: "sums" }),
            p.readAll = el("button", { onclick: () => this.try(this.me.markAllMessageAsRead()) }, "Read all")),
          p.empty = el("p", { class: "empty" }, "No chats yet. Write to somebody, or let the friends talk."),
          p.rows = el("ul", { class: "rows" }))),
      el("footer", {},
        p.told = el("p", { class: "told", role: "status" }),
        p.plug = el("button", { class: "plug", onclick: plug })));
  }

  // draw shows the state once the round of changes is over.
  draw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw() {
    const p = this.#parts, { totals, conversations, state } = this.snapshot;
    const out = !this.#plug.in;
    this.node.dataset.state = out ? "offline" : state;
    say(p.state, out ? STATES.offline : STATES[state]);
    say(p.total, totals?.unread || "");
    p.total.parentNode.hidden = !totals?.unread;
    say(p.sums, totals && [totals.mentions && `@${totals.mentions}`, totals.muted && `${totals.muted} muted`].filter(Boolean).join(" · "));
    say(p.plug, out ? "Put the plug back" : "Pull the plug");
    set(p.plug, "aria-pressed", out);
    p.readAll.disabled = !totals || totals.conversations + totals.muted === 0;
    p.empty.hidden = conversations.length > 0 || state === "syncing";
    listed(p.rows, conversations, (c) => c.conversation, () => this.#row());
    this.#chat?.draw();
  }

  // row makes a line of the list.
  #row() {
    let name = "";
    const face = el("span", { class: "face", "aria-hidden": "true" }), title = el("span", { class: "name" }), muted = el("span", { class: "muted" }, "muted");
    const at = el("span", { class: "time" }), tick = el("span", { class: "tick" }), last = el("span", { class: "last" });
    const mentions = el("span", { class: "mentions" }), count = el("span", { class: "badge" }), threads = el("span", { class: "threads" });
    const node = el("li", {}, el("button", { class: "row", onclick: () => this.open(name) },
      face, el("span", { class: "line" }, title, muted, at), el("span", { class: "line" }, tick, last, threads, mentions, count)));
    node.renew = (c) => {
      name = c.conversation;
      const m = c.last_message, mine = m?.from === this.user;
      say(face, nameOf(name).replace("#", "")[0]);
      set(face, "class", `face hue${hue(nameOf(name))} ${name.startsWith("group_") ? "group" : ""}`);
      say(title, nameOf(name));
      muted.hidden = !c.muted;
      say(at, m && time(m.at));
      const sent = mine ? this.tick(name, m) : undefined;
      say(tick, sent?.text);
      set(tick, "class", `tick ${sent?.read ? "read" : ""}`);
      say(last, m && (name.startsWith("group_") && !mine ? `${m.from}: ` : "") + (m.revoked ? "(recalled)" : this.messages.text(m.id)));
      say(mentions, c.mentions ? `@${c.mentions}` : "");
      say(count, c.unread || (c.marked_unread ? "•" : ""));
      set(count, "aria-label", c.unread ? undefined : c.marked_unread ? "marked as unread" : undefined);
      set(count, "role", !c.unread && c.marked_unread ? "img" : undefined);
      set(count, "class", `badge ${c.muted ? "quiet" : ""}`);
      const new_ = [...this.threads.values()].filter((t) => t.conversation === name && t.unread).length;
      say(threads, new_ ? `↳ ${new_}` : "");
    };
    return node;
  }

  // tick says what is known of a message of the user's own.
  tick(conversation, message) {
    if (conversation.startsWith("group_")) {
      const f = this.figures.get(message.id);
      if (!f) this.#ask(conversation.slice(6), message.id);
      if (f?.read) return { text: `✓✓ read by ${f.read} of ${f.members}`, read: f.read === f.members };
      return { text: "✓" };
    }
    const peer = conversation.slice(4), thread = this.messages.get(message.id)?.thread;
    const read = ["", thread].some((t) => t !== undefined && this.#reaches(this.receipts.get(`${peer}\0${t}`), message));
    return read ? { text: "✓✓ read", read } : { text: "✓" };
  }

  // reaches says whether a receipt is of a message or a later one. Of a message that this
  // page doesn't know only the time can be compared.
  #reaches(receipt, { id, at }) {
    if (!receipt || receipt.upto === id) return !!receipt;
    const upto = this.messages.get(receipt.upto)?.seq, seq = this.messages.get(id)?.seq;
    return upto && seq ? upto >= seq : receipt.at >= at;
  }

  // ask asks for what was not told: by how many a message was read before this page heard.
  async #ask(group, id) {
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    const [figure] = await this.me.getMessageReadReceipts(group, [id]).catch(() => []);
    if (figure && !this.figures.has(id)) this.figures.set(id, figure);
    this.draw();
  }

  conversation(name) { return this.snapshot.conversations.find((c) => c.conversation === name); }

  open(conversation, thread) {
    const from = this.#chat;
    from?.node.remove();
    const back = () => (thread ? this.open(conversation) : this.#home(conversation));
    this.#chat = new Chat(this, conversation, thread, back);
    this.#parts.home.hidden = true;
    this.#parts.screen.append(this.#chat.node);
    this.#chat.draw();
    this.#chat.focus();
    this.#learn(conversation);
  }

  #home(conversation) {
    this.#chat.node.remove();
    this.#chat = undefined;
    this.#parts.home.hidden = false;
    this.#draw();
    [...this.#parts.rows.children].find((row) => row.dataset.key === conversation)?.firstChild.focus();
  }

  // learn asks which messages make up the count: some may be older than this page, or
  // somebody else's, as "reddot send alice --from erin" in a terminal.
  async #learn(conversation) {
    if (!this.conversation(conversation)?.unread) return;
    const { messages = [] } = await this.me.explain(conversation, { limit: 100 }).catch(() => ({}));
    const chat = between(this.user, conversation);
    for (const { id, from, at, seq, thread } of messages) if (!this.messages.get(id)?.seq) this.messages.put({ id, from, at, seq, thread, chat });
  }

  // write sends a message, as the chat's own server would after it came from this phone.
  async write(conversation, text, thread) {
    if (!this.#plug.in) throw new Error("there is no network");
    await this.friends.setUp();
    const chat = between(this.user, conversation);
    const id = await this.messages.say(this.reddot.backend, { from: this.user, chat, text, thread, people: this.friends.people });
    this.friends.heard(this.user, chat, id);
  }

  // try tells what goes wrong, and whether all went well.
  try(work) {
    return work.then(() => { this.tell(""); return true; }, (e) => { this.tell(e.detail ?? e.message); return false; });
  }

  tell(words) { say(this.#parts.told, words); }

  // differs compares what is shown with what the server answers.
  async differs() {
    const list = [];
    let now;
    for await (const page of this.me.conversations()) list.push(...(now = page).conversations);
    const { totals, conversations } = this.snapshot;
    const looks = (things) => JSON.stringify(things.map((c) => ({ ...c, version: 0 })));
    if (JSON.stringify(totals) !== JSON.stringify(now.totals)) return `${this.user}'s totals are ${JSON.stringify(now.totals)}`;
    if (looks(conversations) !== looks(list)) return `${this.user}'s list is another`;
  }
}
