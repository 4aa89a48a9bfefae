// What is done: buttons that say how it went, and words to be typed.

import { el, fill, say } from "./dom.js";

/**
 * action is a button that does something and says how that went.
 * @param {{label: string, work: () => Promise<string | undefined>, kind?: string, disabled?: string}} of
 *   work returns what is said when it is done; disabled says why it can't be asked for
 */
export function action({ label, work, kind, disabled }) {
  const told = el("span", { class: "told", role: "status" });
  const button = el("button", { type: "button", class: kind, onclick: run, disabled: !!disabled }, label);
  say(told, disabled);
  async function run() {
    if (button.disabled) return;
    button.disabled = true;
    say(told);
    told.classList.remove("bad");
    try {
      say(told, await work());
    } catch (e) {
      told.classList.add("bad");
      say(told, e.message);
    }
    button.disabled = false;
    button.focus();
  }
  return el("span", { class: "action" }, button, told);
}

/**
 * confirmed asks for a word to be typed, and resolves to whether it was.
 * @param {{title: string, word: string, text: string}} of
 */
export function confirmed({ title, word, text }) {
  return new Promise((resolve) => {
    const input = el("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", id: "confirm-word", oninput: look });
    const go = el("button", { type: "submit", class: "main", disabled: true }, title);
    const dialog = el("dialog", { "aria-labelledby": "confirm-title", onclose: closed },
      el("form", { method: "dialog", onsubmit: done },
        el("h2", { id: "confirm-title" }, title), el("p", {}, text),
        el("label", { for: "confirm-word" }, "Type ", el("strong", {}, word), " to go on"), input,
        el("div", { class: "buttons" }, el("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), go)));
    let yes = false;
    function look() { go.disabled = input.value.trim() !== word; }
    function done(e) {
      e.preventDefault(); // the dialog is closed here, and nothing is sent
      yes = input.value.trim() === word;
      if (yes) dialog.close();
    }
    function closed() {
      dialog.remove();
      resolve(yes);
    }
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

/** field is an input with its label. */
export function field(label, input) {
  return el("label", { class: "field" }, el("span", {}, label), input);
}

/** tabs are buttons of which one is pressed. */
export function choice({ label, options, value, change }) {
  const node = el("div", { class: "choice", role: "group", "aria-label": label });
  const draw = () => fill(node, options.map(([key, text]) => el("button", { type: "button", "aria-pressed": String(key === value), onclick: () => pick(key) }, text)));
  function pick(key) {
    value = key;
    draw();
    [...node.children][options.findIndex(([k]) => k === key)].focus();
    change(key);
  }
  draw();
  return node;
}
