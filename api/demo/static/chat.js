// One conversation on a phone, or one thread of it. Opening it reads nothing: reading is a
// button here, so that one sees what it does.

import { el, hue, listed, say, set, time } from "./elements.js";
import { between } from "./messages.js";
import { nameOf } from "./phone.js";

export class Chat {
  #phone; #name; #thread; #parts = {}; #shown = 0;

  constructor(phone, conversation, thread, back) {
    this.#phone = phone;
    this.#name = conversation;
    this.#thread = thread;
    const p = this.#parts, { me } = phone, call = nameOf(conversation);
    const send = async (event) => {
      event.preventDefault();
      const text = p.text.value.trim();
      p.text.value = "";
      if (text && !await phone.try(phone.write(conversation, text, thread))) p.text.value ||= text;
    };
    this.node = el("div", { class: "chat" },
      el("div", { class: "tools" },
        el("button", { class: "back", "aria-label": thread ? `Back to ${call}` : "Back to the list", onclick: back }, "‹"),
        el("h3", {}, thread ? "Thread" : call),
        p.count = el("span", { class: "badge" }),
        thread ? [
          p.follow = el("button", { onclick: () => phone.try(me.follow(conversation, thread, !this.#following)) }, "Follow"),
          el("button", { onclick: () => this.#read() }, "Read"),
        ] : [
          p.mute = el("button", { onclick: () => phone.try(me.mute(conversation, !this.#now?.muted)) }, "Mute"),
          el("button", { "aria-label": "Mark as unread", onclick: () => phone.try(me.markUnread(conversation)) }, "Unread"),
          el("button", { onclick: () => this.#read() }, "Read"),
        ]),
      p.scroll = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${thread ? "Thread in" : "Messages of"} ${call} on ${phone.user}'s phone` },
        p.list = el("ol", {})),
      el("form", { onsubmit: send },
        p.text = el("input", { "aria-label": `${phone.user} writes to ${call}`, placeholder: thread ? "Reply…" : "Message…", maxlength: "500", autocomplete: "off" }),
        el("button", { class: "send" }, "Send")));
  }

  focus() { this.#parts.text.focus({ preventScroll: true }); }

  get #now() { return this.#phone.conversation(this.#name); }
  get #followed() { return this.#phone.threads.get(`${this.#name}\0${this.#thread}`); }
  get #following() { return !!this.#followed?.following; }

  // read marks as read up to a message, or all of it.
  #read(upto) {
    return this.#phone.try(this.#phone.me.cleanConversationUnreadMessageCount(this.#name, { upto, thread: this.#thread }));
  }

  draw() {
    const p = this.#parts, phone = this.#phone, now = this.#thread ? this.#followed : this.#now;
    say(p.count, now?.unread || (now?.marked_unread ? "•" : ""));
    set(p.count, "class", `badge ${this.#now?.muted ? "quiet" : ""}`);
    if (p.mute) set(p.mute, "aria-pressed", !!this.#now?.muted);
    if (p.follow) set(p.follow, "aria-pressed", this.#following);
    const all = phone.messages.in(between(phone.user, this.#name));
    const list = this.#thread ? all.filter((m) => m.id === this.#thread || m.thread === this.#thread) : all;
    const first = list.findIndex((m) => m.id === now?.first_unread);
    const replies = Object.groupBy(all.filter((m) => m.thread), (m) => m.thread);
    const about = list.map((message, i) => ({ message, opens: i === first, unread: first >= 0 && i >= first, replies: replies[message.id]?.length ?? 0 }));
    const atEnd = p.scroll.scrollTop + p.scroll.clientHeight > p.scroll.scrollHeight - 40;
    listed(p.list, about, ({ message }) => message.id, () => this.#bubble());
    if (list.length !== this.#shown && (atEnd || !this.#shown)) p.scroll.scrollTop = p.scroll.scrollHeight;
    this.#shown = list.length;
  }

  // bubble makes a message.
  #bubble() {
    let m = {};
    const phone = this.#phone, group = this.#name.startsWith("group_") && this.#name.slice(6);
    const divider = el("p", { class: "divider" }, "unread from here");
    const from = el("span", { class: "from" }), where = el("span", { class: "where" }), text = el("span", { class: "text" });
    const at = el("span", { class: "time" }), tick = el("button", { class: "tick", onclick: () => this.#who(m.id, tick) });
    const read = el("button", { onclick: () => this.#read(m.id) }, "Read up to here");
    const unread = el("button", { onclick: () => phone.try(phone.me.markUnread(this.#name, { from: m.id, thread: this.#thread })) }, "Unread from here");
    const thread = el("button", { onclick: () => phone.open(this.#name, m.thread ?? m.id) });
    const node = el("li", {}, divider, el("div", { class: "bubble" }, from, where, text, el("span", { class: "meta" }, at, tick)), el("div", { class: "acts" }, read, unread, thread));
    node.renew = (about) => {
      m = about.message;
      const mine = m.from === phone.user, root = m.thread && !this.#thread && phone.messages.get(m.thread);
      set(node, "class", `${mine ? "mine" : "theirs"} ${m.recalled ? "recalled" : ""}`);
      divider.hidden = !about.opens;
      say(from, group && !mine ? m.from : "");
      set(from, "class", `from ink${hue(m.from)}`);
      say(where, root ? `↳ ${phone.messages.text(m.thread)}` : "");
      say(text, phone.messages.text(m.id));
      say(at, time(m.at));
      const sent = mine && m.seq !== 0 && !m.recalled ? phone.tick(this.#name, m) : undefined;
      say(tick, m.seq === undefined ? "…" : tick.dataset.who ? `✓✓ ${tick.dataset.who}` : sent?.text);
      if (!mine) tick.hidden = true;
      tick.disabled = !group;
      set(tick, "class", `tick ${sent?.read ? "read" : ""}`);
      read.hidden = mine || !about.unread || !!m.recalled;
      unread.hidden = mine || about.unread || !!m.recalled || m.seq === 0;
      say(thread, m.thread ? "Open thread" : about.replies ? `Thread: ${about.replies}` : "Thread");
      thread.hidden = !!this.#thread || !!m.recalled || m.seq === 0;
    };
    return node;
  }

  // who shows who has read a message, and then the number again.
  async #who(id, tick) {
    if (tick.dataset.who) delete tick.dataset.who;
    else {
      const readers = [];
      const asked = (async () => {
        for await (const page of this.#phone.me.getGroupMessageReadMemberList(this.#name.slice(6), id)) readers.push(...page.users.map((r) => r.user));
      })();
      if (!await this.#phone.try(asked)) return;
      tick.dataset.who = readers.join(", ") || "nobody yet";
    }
    this.#phone.draw();
  }
}
