// API: what can be asked, as the contract has it, and a form to try it.

import { ask, SERVER } from "./ask.js";
import { el, fill, say } from "./dom.js";
import { code, note, panel } from "./parts.js";
import { trial } from "./trial.js";

const METHODS = ["get", "post", "delete"];

export default function api(view) {
  const { params } = view;
  const search = el("input", { type: "search", "aria-label": "Find a route", placeholder: "Find a route", autocomplete: "off", spellcheck: "false", value: params.get("find") ?? "", oninput: find });
  const list = el("div", { class: "routes" }), none = note("No route is like that", "The search looks at paths and at what they are for.");
  let contract, all = [];
  const p = panel(view, {
    title: "Routes", tools: [search, el("a", { href: new URL("openapi.json", SERVER).href }, "openapi.json"), el("a", { href: new URL("openapi.yaml", SERVER).href }, "openapi.yaml")],
    load: (signal) => ask("openapi.json", { signal }), make: () => [none, list],
    draw(answer) {
      if (contract) return;
      contract = answer;
      all = Object.entries(contract.paths).flatMap(([path, item]) => METHODS.filter((m) => item[m]).map((method) => route(contract, method.toUpperCase(), path, item[method], view)));
      fill(list, contract.tags.map(({ name, description }) => {
        const of = all.filter((r) => r.tags.includes(name));
        return of.length > 0 && el("section", { class: "routes-of", "aria-label": name }, el("h3", {}, name, el("span", { class: "soft" }, ` ${description}`)), el("ul", {}, of.map((r) => r.node)));
      }));
      find();
      const named = all.find((r) => r.name === params.get("op"));
      if (named) {
        named.open();
        named.node.scrollIntoView({ block: "start" });
      }
    },
  });
  function find() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const r of all) r.node.hidden = !words.every((w) => r.text.includes(w));
    for (const s of list.querySelectorAll(".routes-of")) s.hidden = ![...s.querySelectorAll("li")].some((li) => !li.hidden);
    none.hidden = !all.length || all.some((r) => !r.node.hidden);
    params.set("find", search.value);
    view.put(params);
  }
  fill(view.root, el("p", { class: "lede" }, "All that this console shows can be asked for, and all of it is here. What you try is done, with your rights."), p.node);
}

/** route is one line of the list; what is below it is made when it is opened. */
function route(contract, method, path, op, view) {
  const name = `${method} ${path}`, id = `op-${name.replace(/\W+/g, "-")}`;
  const below = el("div", { class: "route", id, hidden: true }), roles = op["x-roles"] ?? [];
  const button = el("button", { type: "button", class: "route-line", "aria-expanded": "false", "aria-controls": id, onclick: () => toggle(below.hidden) },
    el("span", { class: "method", "data-method": method }, method), el("span", { class: "mono path" }, path), el("span", { class: "summary" }, op.summary), el("span", { class: "roles" }, roles.length ? roles.join(", ") : "anybody"));
  function toggle(open) {
    if (open && !below.firstChild) fill(below, describedBy(op.description), trial(contract, { method, path, op, roles }, view, new URLSearchParams(view.params.get("op") === name ? view.params : "")));
    below.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) view.params.set("op", name);
    else if (view.params.get("op") === name) view.params.delete("op");
    view.put(view.params);
  }
  return { name, tags: op.tags ?? [], text: `${name} ${op.summary} ${op.operationId}`.toLowerCase(), node: el("li", {}, button, below), open: () => toggle(true) };
}

/** describedBy is the description of a route: paragraphs, with words of the API between backticks. */
export function describedBy(text) {
  return el("div", { class: "prose" }, (text ?? "").trim().split(/\n\s*\n/).filter(Boolean).map((p) => el("p", {}, p.split("`").map((part, i) => (i % 2 ? code(part) : part)))));
}
