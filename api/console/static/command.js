// One command, as it lies in the log.

import { ask } from "./ask.js";
import { el, fill } from "./dom.js";
import { ago, code, copyButton, count, day, longText, rawOf, trouble } from "./parts.js";

/** toUser, toConversation and toGroup are the pages of what a name names. */
export const toUser = (user, more = {}) => `#/users?${new URLSearchParams({ user, ...more })}`;
export const toGroup = (group, more = {}) => `#/groups?${new URLSearchParams({ group, ...more })}`;
export const toConversation = (user, conversation, more = {}) => `#/explain?${new URLSearchParams({ user, conversation, ...more })}`;

/**
 * command is a panel that shows a command; it is hidden until open is called. Which one it
 * shows stands in the URL. open's reason is why it was refused.
 * @param {{params: URLSearchParams, signal: AbortSignal, put: (p: URLSearchParams) => void}} view
 */
export function command(view) {
  const { params, signal } = view;
  const node = el("section", { class: "panel command", "aria-label": "The command", tabindex: -1, hidden: true });
  let from; // what had the focus

  function close() {
    node.hidden = true;
    params.delete("command");
    view.put(params);
    if (from?.isConnected) from.focus();
  }

  async function open(seq, reason) {
    from = document.activeElement;
    params.set("command", seq);
    view.put(params);
    node.hidden = false;
    const body = el("div", { class: "panel-body" }, el("div", { class: "loading" }, el("span", { class: "unseen" }, "Loading")));
    fill(node, el("header", {}, el("h2", {}, `Command ${count(Number(seq))}`), el("div", { class: "tools" }, el("button", { type: "button", class: "small", onclick: close }, "Close"))), body);
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest" });
    try {
      const { commands: [c] } = await ask("v1/log", { query: { seq, limit: 1 }, signal });
      if (params.get("command") === String(seq)) fill(body, drawn(c, reason));
    } catch (e) {
      if (!signal.aborted) fill(body, trouble(e, () => open(seq, reason)));
    }
    node.scrollIntoView({ block: "nearest" });
  }

  node.addEventListener("keydown", (e) => { if (e.key === "Escape") close(); });
  if (params.get("command")) open(params.get("command"));
  return {
    node, open,
    /** link leads to a command: its sequence. */
    link: (seq, what = count(seq)) => el("a", {
      class: "mono", href: rawOf("/v1/log", { seq }), "aria-label": `Command ${count(seq)} in the log`,
      onclick(e) {
        if (e.ctrlKey || e.metaKey || e.shiftKey) return;
        e.preventDefault();
        open(seq);
      },
    }, what),
  };
}

function drawn(c, reason) {
  const text = c.payload !== undefined ? JSON.stringify(c.payload, null, 2) : c.base64;
  const pair = (name, ...what) => [el("dt", {}, name), el("dd", {}, what.flat())];
  return [
    el("dl", { class: "pairs" }, [
      reason && pair("Refused", reason), pair("Stored", day(c.at), " · ", ago(c.at)), pair("Subject", code(c.subject)),
      c.user && pair("User", el("a", { href: toUser(c.user) }, c.user)), c.group && pair("Group", el("a", { href: toGroup(c.group) }, c.group)),
      c.error && pair("Undecodable", c.error), pair("Payload", `${count(c.bytes)} bytes${c.encoding ? ` of ${c.encoding}` : ", in base64"}`),
    ].filter(Boolean).flat()),
    longText(text, "Payload"),
    el("div", { class: "tools" }, copyButton(text, "Copy payload"),
      copyButton(() => `command ${c.seq}, ${new Date(c.at).toISOString()}\n${c.subject}\n${reason ? `refused: ${reason}\n` : ""}${text}`, "Copy for a ticket"), el("a", { href: rawOf("/v1/log", { seq: c.seq }) }, "As the API answers")),
  ];
}
