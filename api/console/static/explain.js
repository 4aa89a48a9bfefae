// Explain: why a count is what it is, now, and beside it what it was.

import { ask } from "./ask.js";
import { asof, past } from "./asof.js";
import { field } from "./act.js";
import { command, toConversation, toGroup, toUser } from "./command.js";
import { el, fill, say } from "./dom.js";
import { ago, code, copyButton, count, day, note, rawOf, sentence, trouble } from "./parts.js";
import { legend, listOf, picture, WORDS } from "./strip.js";
import { describe } from "./tip.js";

const MOST = 200; // messages that are shown

export default function explain(view) {
  const { params, root } = view;
  fill(root, params.get("user") && params.get("conversation") ? both(view) : choose(view));
}

/** choose asks for a conversation. */
function choose({ params, root }) {
  const user = el("input", { type: "text", required: true, value: params.get("user") ?? "", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const conversation = el("input", { type: "text", required: true, value: params.get("conversation") ?? "", pattern: "(c2c|group)_.+", placeholder: "c2c_bob or group_team", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const form = el("form", { class: "ask-for", onsubmit(e) {
    e.preventDefault();
    location.hash = `#/explain?${new URLSearchParams({ user: user.value, conversation: conversation.value })}`;
  } }, field("User", user), field("Conversation", conversation), el("button", { class: "main" }, "Explain"));
  return el("section", { class: "panel", "aria-label": "Which count" }, el("header", {}, el("h2", {}, "Which count")), el("div", { class: "panel-body" }, form,
    note("Why a count is what it is", "Message by message: what was read, what is the user's own, recalled or blocked, and what is left. The list of a ", el("a", { href: "#/users" }, "user"), " leads here from each count.")));
}

function both(view) {
  const { params, signal, put } = view;
  const user = params.get("user"), conversation = params.get("conversation"), thread = params.get("thread") ?? undefined;
  const shown = command(view), texts = {};
  const query = { user, conversation, thread, limit: MOST, log: true };
  const main = thread === "" ? "?thread=" : ""; // which ask leaves out

  const now = el("section", { class: "panel side-now", "aria-label": "Now" }), then = el("section", { class: "panel side-then", "aria-label": "As it was", hidden: true });
  const pair = el("div", { class: "pair" }, then, now);

  async function load(into, title, get, key) {
    const body = el("div", { class: "panel-body", "aria-busy": "true" }, el("div", { class: "loading" }, el("span", { class: "unseen" }, "Loading")));
    fill(into, el("header", {}, el("h2", {}, title)), body);
    const show = (e) => {
      texts[key] = ticket(e, title);
      const why = el("p", { class: "told bad", role: "status" });
      const older = e.log_next && el("p", {}, el("button", { type: "button", class: "small", async onclick({ target }) {
        target.disabled = true;
        try {
          const { log = [], log_next } = await get(e.log_next);
          show({ ...e, log: [...log, ...e.log], log_next });
        } catch (failed) {
          if (failed.name === "AbortError" || signal.aborted) return;
          target.disabled = false;
          say(why, sentence(failed.detail ?? failed.message));
        }
      } }, "Earlier messages"));
      fill(into, el("header", {}, el("h2", {}, title), copyButton(() => texts[key], "Copy for a ticket", `Copy for a ticket: ${title.toLowerCase()}`)),
        el("div", { class: "panel-body explained" }, explanation(e, shown, title, key === "then" ? params.get("at") : ""), older, why));
    };
    try {
      show(await get());
    } catch (e) {
      if (e.name === "AbortError" || signal.aborted) return;
      delete texts[key];
      const gone = e.code === "not_found";
      fill(into, el("header", {}, el("h2", {}, title)), el("div", { class: "panel-body" }, gone
        ? note("Not in the list", `${user} ${key === "then" ? "had" : "has"} no ${thread ? `thread ${thread} in ${conversation}` : `conversation ${conversation}`} in the list${key === "then" ? " there" : ": it was never there, was deleted, or the user has left the group"}.`)
        : trouble(e, () => load(into, title, get, key))));
    }
  }

  const ofNow = () => load(now, "Now", (log_after) => ask(`v1/explain${main}`, { query: { ...query, log_after }, signal }), "now");
  const ofThen = (at, s) => {
    then.hidden = !at;
    pair.classList.toggle("two", Boolean(at));
    if (!at) return void delete texts.then;
    return load(then, /^\d+$/.test(at) ? `After command ${count(Number(at))}` : `At ${day(Date.parse(at))}`, (log_after) => past(`v1/past/explain${main}`, { ...query, at, log_after }, s), "then");
  };
  const slider = asof(view, { at: params.get("at") ?? "", now: "Now only", change(at, s) {
    params.set("at", at);
    put(params);
    ofThen(at, s);
  } });
  ofNow();
  ofThen(params.get("at") ?? "", signal);

  const [kind, ...of] = conversation.split("_"), peer = of.join("_");
  const head = el("section", { class: "panel", "aria-label": "Which count" },
    el("header", {}, el("h2", {}, el("a", { href: toUser(user) }, user), " in ", kind === "group" ? el("a", { href: toGroup(peer) }, conversation) : el("a", { href: toUser(peer) }, conversation), thread !== undefined && [el("span", { class: "soft" }, thread ? `, thread ${thread}; ` : ", main timeline; "), el("a", { href: toConversation(user, conversation) }, "all of it")]),
      el("div", { class: "tools" }, copyButton(() => [texts.then, texts.now].filter(Boolean).join("\n\n"), "Copy all for a ticket"), el("button", { type: "button", class: "small", onclick: () => { ofNow(); slider.go(slider.at); } }, "Refresh"))),
    el("div", { class: "panel-body" }, slider.node));
  return [head, shown.node, pair];
}

/** terms are the equation of a count: sign, number, words, and what is meant. What is rare is left out where there is none. */
function terms(e) {
  const all = [["", e.since_read, `counted message${e.since_read === 1 ? "" : "s"} after the read position`, "Silent and hidden messages are not counted; the user's own, recalled and blocked ones are, and taken off below"]];
  if (e.carried) all.push(["+", e.carried, "carried over by an import", "Imported, of messages without ids"]);
  all.push(["−", e.own, `sent by ${e.user}`, "One's own message never counts for oneself"], ["−", e.revoked, "revoked", "Recalled or expired"]);
  if (e.blocked) all.push(["−", e.blocked, "of blocked senders", "Of senders whom the user has blocked"]);
  if (e.purged) all.push(["−", e.purged, "purged", "Messages before the place of a purge count for nobody"]);
  if (e.threads) all.push([e.threads > 0 ? "+" : "−", Math.abs(e.threads), "of threads", "Of threads with a read position of their own, that are muted or count apart"]);
  return all;
}

/** explanation is what is shown of one. */
function explanation(e, shown, title, at) {
  const href = rawOf(at ? "/v1/past/explain" : "/v1/explain", { user: e.user, conversation: e.conversation, ...(at && { at }), ...(e.thread !== undefined && { thread: e.thread }) });
  const line = (sign, n, words, means, kind) => el("li", { class: kind }, el("span", { class: "sign" }, sign), describe(el("a", { class: "n", href }, count(n)), means), el("span", {}, words));
  const sum = el("ol", { class: "sum", "aria-label": `The count: ${title.toLowerCase()}` }, terms(e).map((t) => line(...t)),
    line("=", e.unread, el("span", {}, "unread, of them ", describe(el("a", { href }, count(e.mentions)), "Unread messages that name the user or all"), ` mention${e.mentions === 1 ? "" : "s"}`), "What the conversation shows as its count", "result"));
  const pair = (name, ...what) => [el("dt", {}, name), el("dd", {}, what.flat().filter(Boolean))];
  const facts = el("dl", { class: "pairs" }, [
    pair("Read up to", e.read_upto ? code(e.read_upto) : "nothing", e.read_at ? [" · ", ago(e.read_at)] : "", e.read_seq ? [" · command ", shown.link(e.read_seq)] : ""),
    ...(e.early_reads ?? []).map((r) => pair("Early read", "waits for ", code(r.upto), " · ", ago(r.at), " · command ", shown.link(r.seq), r.private ? ", private" : "")),
    e.marked_unread && pair("Marked unread", "yes, not part of the count"),
    e.muted ? pair("Muted", "yes, not part of the totals") : e.level && pair("Level", `${e.level}, all that the totals have of it`),
    e.labels?.length && pair("Labels", e.labels.map((l) => el("span", { class: "tag label" }, l))),
    pair("Version", shown.link(e.version)),
  ].filter(Boolean).flat());
  const log = e.log ?? [], named = new Set(e.messages.filter((m) => m.mention).map((m) => m.id));
  return [
    el("div", { class: "why" }, sum, facts),
    log.length > 0 ? [picture(log, title), legend(log)] : note("No messages", e.carried ? "The count is carried over by an import, of messages without ids." : "None since the user has the conversation."),
    log.length > 0 && listOf(log, { command: (seq) => shown.link(seq), mention: (id) => named.has(id), thread: (thread) => toConversation(e.user, e.conversation, { thread, ...(at && { at }) }) }),
    e.more > 0 && el("p", { class: "soft" }, `${count(e.more)} more messages of the count are older than these.`),
  ].flat().filter(Boolean);
}

/** ticket is an explanation as a text. */
function ticket(e, title) {
  const wide = Math.max(...terms(e).map(([, n]) => count(n).length), count(e.unread).length), num = (n) => count(n).padStart(wide);
  return [
    `${e.user} in ${e.conversation}${e.thread !== undefined ? `, ${e.thread ? `thread ${e.thread}` : "main timeline"}` : ""} (${title.toLowerCase()}; version ${e.version})`,
    `read up to ${e.read_upto ?? "nothing"}${e.read_at ? ` at ${day(e.read_at)}` : ""}${e.read_seq ? ` by command ${e.read_seq}` : ""}`,
    ...(e.early_reads ?? []).map((r) => `early read: waits for ${r.upto}, command ${r.seq}${r.private ? ", private" : ""}`),
    ...(e.marked_unread ? ["marked unread, not part of the count"] : []), ...(e.muted ? ["muted, not part of the totals"] : []), "",
    ...terms(e).map(([sign, n, words]) => `  ${sign || " "} ${num(n)}  ${words}`),
    `  = ${num(e.unread)}  unread, of them ${count(e.mentions)} mention${e.mentions === 1 ? "" : "s"}`, "",
    ...(e.log ?? e.messages).map((m) => `  ${String(m.seq).padStart(8)}  ${day(m.at)}  ${m.id}  ${m.from}${m.thread ? `  [${m.thread}]` : ""}  ${WORDS[m.counts]?.[0] ?? ""}`),
    ...(e.more ? [`  and ${count(e.more)} more`] : []),
  ].join("\n");
}
