// The friends: they say what cast.json has for them, a few scenes at a time, and look at
// what others say. What they do goes to the server as if they were phones of their own.

const OPEN = 3; // scenes that go on at the same time
const PAUSE = 900, LETTER = 35; // ms, at speed 1

export class Friends {
  #reddot; #messages; #told; #random; #timer; #coming = []; #open = []; #news = new Map(); #set; #speed = 1;

  // told(words) hears what happens; random is Math.random or one that has a seed.
  constructor({ reddot, messages, cast, told, random = Math.random }) {
    Object.assign(this, { cast });
    this.#reddot = reddot;
    this.#messages = messages;
    this.#told = told;
    this.#random = random;
    this.#coming.push(cast.scenes[0], cast.scenes[1]);
    for (const name of cast.people) this.#news.set(name, new Map());
  }

  get people() { return this.cast.people; }

  // setUp makes the groups, and has the server tell who has read what in them. All of it
  // may be done again: a join of a member changes nothing, and a message counts once.
  setUp() {
    return this.#set ??= this.#setUp().catch((e) => { this.#set = undefined; throw e; });
  }

  async #setUp() {
    const commands = [{ type: "policy", group_receipts: "members" }];
    for (const { group, people } of this.cast.groups) {
      const id = `demo-${group}`;
      commands.push({ type: "group.join", group, users: people });
      commands.push({ type: "group.message", group, id, from: this.cast.office, silent: true });
      this.#messages.put({ id, chat: `group_${group}`, from: this.cast.office, text: `this is the group ${group}`, seq: 0, at: Date.now() });
    }
    await this.#reddot.backend.send(commands, { wait: "applied" });
  }

  get playing() { return this.#timer !== undefined; }

  play(speed) {
    this.#speed = speed;
    this.pause();
    const next = async () => {
      const letters = await this.step().catch((e) => { this.#told(`the friends could not: ${e.message}`); return 20; });
      if (this.#timer !== undefined) this.#timer = setTimeout(next, (PAUSE * (0.6 + this.#random()) + LETTER * letters) / this.#speed);
    };
    this.#timer = setTimeout(next);
  }

  pause() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  // step has one thing happen, and returns for how many letters somebody was busy.
  async step() {
    await this.setUp();
    if (this.#random() < 0.35) {
      const behind = this.people.filter((name) => !this.cast.shown.includes(name) && this.#news.get(name).size > 0);
      if (behind.length > 0) {
        const name = this.#pick(behind), [conversation] = this.#news.get(name).keys();
        return this.#read(name, conversation);
      }
    }
    return this.#next();
  }

  #pick(list) { return list[Math.floor(this.#random() * list.length)]; }

  // next goes on with a scene.
  async #next() {
    while (this.#open.length < OPEN) this.#begin();
    const scene = this.#pick(this.#open), line = scene.lines[scene.at++];
    if (scene.at === scene.lines.length) this.#open.splice(this.#open.indexOf(scene), 1);
    const chat = scene.group ? `group_${scene.group}` : [...scene.between].sort().join(" and ");
    const people = scene.group ? this.cast.groups.find((g) => g.group === scene.group).people : scene.between;
    if (line.recalls) return this.#recall(scene, chat, people, line.from);
    const mine = this.#seenBy(line.from, chat);
    if (this.#news.get(line.from)?.has(mine)) await this.#read(line.from, mine); // who answers has looked
    const id = await this.#messages.say(this.#reddot.backend, { from: line.from, chat, text: line.text, people: this.people });
    scene.last[line.from] = id;
    this.heard(line.from, chat, id);
    return line.text.length;
  }

  // begin opens another scene, of a chat in which none is going on.
  #begin() {
    if (this.#coming.length < OPEN) this.#coming.push(...this.cast.scenes.map((s) => [this.#random(), s]).sort((a, b) => a[0] - b[0]).map(([, s]) => s));
    const where = (s) => s.group ?? s.between.join();
    const i = this.#coming.findIndex((s) => !this.#open.some((o) => where(o) === where(s)));
    this.#open.push({ ...this.#coming[i], at: 0, last: {} });
    this.#coming.splice(i, 1);
  }

  async #recall(scene, chat, people, from) {
    const id = scene.last[from], text = this.#messages.text(id);
    const of = scene.group ? { type: "group.revoke", group: scene.group, id } : { type: "user.revoke", user: people.find((name) => name !== from), id, from };
    await this.#reddot.backend.send([of]);
    this.#messages.put({ id, recalled: true });
    this.#told(`${from} takes back “${text}”`);
    return 20;
  }

  #seenBy(name, chat) { return chat.startsWith("group_") ? chat : `c2c_${chat.split(" and ").find((other) => other !== name)}`; }

  // heard notes that a message was written: others may want to look.
  heard(from, chat, id) {
    const people = chat.startsWith("group_") ? this.cast.groups.find((g) => `group_${g.group}` === chat)?.people ?? [] : chat.split(" and ");
    for (const name of people) if (name !== from) this.#news.get(name)?.set(this.#seenBy(name, chat), id);
    this.#told(`${from} → ${chat.startsWith("group_") ? "#" + chat.slice(6) : this.#seenBy(from, chat).slice(4)}: “${this.#messages.text(id)}”`);
  }

  async #read(name, conversation) {
    const upto = this.#news.get(name).get(conversation);
    this.#news.get(name).delete(conversation);
    const me = this.#reddot.user(name), [kind, id] = [conversation.slice(0, conversation.indexOf("_")), conversation.slice(conversation.indexOf("_") + 1)];
    await (kind === "group" ? me.markGroupMessageAsRead(id, { upto }) : me.markC2CMessageAsRead(id, { upto }));
    this.#told(`${name} reads ${kind === "group" ? "#" + id : id}`);
    return 10;
  }
}

