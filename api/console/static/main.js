// Who is here, and which page is shown.

import { ask, Problem, repeat, server } from "./ask.js";
import { el, fill, say, set } from "./dom.js";
import { clock, code, note, trouble } from "./parts.js";
import { hear, poll, summary, status } from "./status.js";
import { describe } from "./tip.js";

// pages are in the order of the navigation; a group of them has a name.
const pages = {
  overview: { title: "Overview" },
  users: { title: "Users", group: "Who sees what" },
  explain: { title: "Explain", group: "Who sees what" },
  groups: { title: "Groups", group: "Who sees what" },
  live: { title: "Live", group: "What happens" },
  refused: { title: "Refused", group: "What happens" },
  operations: { title: "Operations", group: "Server" },
  webhooks: { title: "Webhooks", group: "Server" },
  api: { title: "API", group: "Server" },
};

const [main, nav, who, pill, notice] = ["main", "nav", "who", "pill", "notice"].map((id) => document.getElementById(id));

let session; // who is here: {role, name?, expires_at?}; no name: nobody is asked
let shown; // the page that is, {name, leave, query}
let here; // ends when who is here goes

/** where reads the URL. */
function where() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { name: path || "overview", query };
}

async function show() {
  if (!session || (location.hash && !location.hash.startsWith("#/"))) return; // "#main" skips to the page
  const { name, query } = where();
  if (shown?.name === name && shown.query === query) return;
  const first = !shown, leave = new AbortController(), signal = AbortSignal.any([leave.signal, here.signal]);
  shown?.leave.abort();
  shown = { name, query, leave };
  for (const a of nav.querySelectorAll("a")) set(a, "aria-current", a.dataset.page === name && "page");
  nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  const page = Object.hasOwn(pages, name) ? pages[name] : undefined, title = page?.title ?? "No such page";
  document.title = `${title} · reddot`;
  const h1 = el("h1", { tabindex: -1 }, title), root = el("div", { class: `of-${name}` });
  fill(main, h1, root);
  scrollTo(0, 0);
  if (!first) h1.focus();
  if (!page) return fill(root, note("There is no such page", "The navigation has all that there are."));
  const view = {
    root, signal, name: session.name, role: session.role, operator: session.role === "operator",
    params: new URLSearchParams(query),
    /** put renews the URL, for who copies it or comes back, and leaves the page as it is. */
    put(params) {
      if (signal.aborted) return;
      for (const [k, v] of [...params]) if (v === "") params.delete(k);
      shown.query = String(params);
      history.replaceState(null, "", `#/${name}${shown.query && `?${shown.query}`}`);
    },
  };
  try {
    const { default: draw } = await import(`./${name}.js`);
    if (!signal.aborted) await draw(view);
  } catch (e) {
    if (signal.aborted) return;
    console.error(e);
    fill(root, trouble(new Problem({ code: "page", detail: "The page could not be loaded" }), () => location.reload()));
    server.addEventListener("back", () => location.reload(), { signal });
  }
}

function frame() {
  const groups = Map.groupBy(Object.entries(pages), ([, p]) => p.group ?? "");
  fill(nav, [...groups].map(([group, all]) => el("div", { class: "group" }, group && el("p", {}, group),
    el("ul", {}, all.map(([name, p]) => el("li", {}, el("a", { href: `#/${name}`, "data-page": name }, p.title)))))));
  const { role, name, expires_at: ends } = session, open = !name;
  const words = open ? "open to all" : `${name}, ${role}`;
  const known = describe(el("span", { class: "known", tabindex: 0 }, words), open ? "The server listens on this machine alone, or was told to ask nobody: whoever reaches it may do all." : `Logged in with the key ${name}.${ends ? ` The session ends at ${clock(ends)}.` : ""}`);
  fill(who, known, !open && el("button", { class: "small", type: "button", onclick: leave }, "Log out"));
  for (const node of [nav, who, pill]) node.hidden = false;
}

/** enter begins with somebody. */
function enter(as) {
  session = as;
  shown = undefined;
  here = new AbortController();
  document.body.classList.add("in");
  frame();
  hear(here.signal, () => {
    const { word, tone, text } = summary(), lag = status.known?.lag > 0 && ` lag ${status.known.lag.toLocaleString("en")}`;
    fill(pill, describe(el("a", { href: "#/overview", "data-tone": tone, "aria-label": `State: ${word}${lag || ""}` }, el("span", { class: "dot" }), word, lag && el("span", { class: "soft" }, lag)), text));
  });
  poll(here.signal);
  show();
}

/** leave ends the session. */
async function leave() {
  await ask("v1/session", { method: "DELETE" }).catch(() => {});
  out("You have logged out.");
}

/** out shows the log-in. Where one was stays in the URL. */
function out(why) {
  here?.abort();
  shown?.leave.abort();
  session = shown = undefined;
  document.title = "Log in · reddot";
  document.body.classList.remove("in");
  for (const node of [nav, who, pill]) node.hidden = true;
  const key = el("input", { type: "password", id: "key", autocomplete: "current-password", required: true, spellcheck: "false", "aria-describedby": "key-help" });
  const told = el("p", { class: "told bad", role: "alert", hidden: true }), button = el("button", { class: "main" }, "Log in");
  async function submit(e) {
    e.preventDefault();
    button.disabled = true;
    say(told);
    try {
      const as = await ask("v1/session", { body: { key: key.value.trim() } });
      key.value = "";
      enter(as);
    } catch (e) {
      const words = { 401: "This is no key of this server, or no longer one.", 429: `Too many wrong keys: try again in ${e.retryAfter ?? 60} s.` };
      say(told, words[e.status] ?? `${e.message.charAt(0).toUpperCase()}${e.message.slice(1)}.`);
      button.disabled = false;
      key.select();
    }
  }
  fill(main, el("form", { class: "login", onsubmit: submit },
    el("h1", {}, "Log in"), why && el("p", { class: "lede" }, why),
    el("label", { for: "key" }, "Key of a viewer or an operator"), key,
    el("p", { id: "key-help", class: "soft" }, "A viewer sees all; an operator also takes snapshots and rebuilds. ", code("reddot key new --role viewer --name me"), " makes one; the server's file of keys then has its digest."),
    told, button));
  key.focus();
}

addEventListener("hashchange", show);
server.addEventListener("out", () => { if (session) out("Your session has ended. Log in to go on where you were."); });
server.addEventListener("lost", () => say(notice, `The server does not answer since ${clock(server.lostAt)}. It is asked again every 2 s; what is shown is what was known.`));
server.addEventListener("back", () => say(notice));

async function start() {
  const done = new AbortController();
  await repeat(2000, done.signal, async () => {
    try {
      const as = await ask("v1/session");
      done.abort();
      enter(as);
    } catch (e) {
      if (e.status === 401) {
        done.abort();
        return out();
      }
      fill(main, trouble(e));
    }
  });
}
start();
