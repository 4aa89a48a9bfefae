// The form that tries a route: its parameters, its body, the same as curl, and the answer.

import { SERVER, send } from "./ask.js";
import { el, fill, say, set } from "./dom.js";
import { code, copyButton, longText, millis, trouble } from "./parts.js";

const MOST = 200_000; // characters of an answer that are shown
const SKIPPED = ["X-Request-Id", "If-None-Match", "Last-Event-ID"]; // headers that a trial has no use for

/** resolved follows references of the contract. */
function resolved(contract, thing) {
  for (let i = 0; thing?.$ref && i < 8; i++) thing = thing.$ref.slice(2).split("/").reduce((o, key) => o?.[key], contract);
  return thing;
}

/** quoted is a word as a shell takes it. */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`);

/**
 * trial makes the form of a route.
 * @param {object} contract
 * @param {{method: string, path: string, op: object, roles: string[]}} route
 * @param {{role: string, name?: string, signal: AbortSignal, params: URLSearchParams, put: (p: URLSearchParams) => void}} view
 * @param {URLSearchParams} given values of parameters
 */
export function trial(contract, { method, path, op, roles }, view, given) {
  const fields = (op.parameters ?? []).map((p) => resolved(contract, p)).filter((p) => ["query", "header"].includes(p.in) && !SKIPPED.includes(p.name)).map((p) => parameter(contract, p, given.get(p.name)));
  const media = op.requestBody && Object.values(resolved(contract, op.requestBody).content)[0];
  const example = media && (media.example ?? Object.values(media.examples ?? {})[0]?.value ?? {});
  const body = media && el("textarea", { rows: Math.min(14, JSON.stringify(example, null, 2).split("\n").length + 1), spellcheck: "false", oninput: renew });
  if (body) body.value = JSON.stringify(example, null, 2);
  const wrong = el("p", { class: "told bad", role: "alert", hidden: true }), curl = el("pre", { tabindex: 0, "aria-label": "The same as curl" });
  const go = el("button", { class: method === "GET" ? "" : "main" }, "Send"), stop = el("button", { type: "button", hidden: true, onclick: () => going?.abort() }, "Stop");
  const out = el("div", { class: "answer", "aria-live": "polite" });
  const streams = Object.values(op.responses ?? {}).some((r) => resolved(contract, r)?.content?.["text/event-stream"]);
  let going;

  const values = (where) => fields.filter((f) => f.of.in === where && f.input.value !== "").map((f) => [f.of.name, f.input.value]);
  function renew() {
    const url = new URL(path.slice(1), SERVER);
    for (const [k, v] of values("query")) url.searchParams.append(k, v);
    const parts = ["curl", streams ? "-N" : "-s", quoted(String(url))];
    if (view.name && roles.length) parts.push(`-H "Authorization: Bearer $REDDOT_KEY"`); // the key stays where it is
    for (const [k, v] of values("header")) parts.push("-H", quoted(`${k}: ${v}`));
    if (body) parts.push("--json", quoted(compact(body.value)));
    else if (method !== "GET") parts.push("-X", method);
    curl.textContent = parts.join(" ");
    const missing = fields.filter((f) => f.of.required && f.input.value === "").map((f) => f.of.name);
    let broken = "";
    if (body) try { JSON.parse(body.value || "{}"); } catch (e) { broken = `The body is no JSON: ${e.message}`; }
    say(wrong, broken);
    return !missing.length && !broken;
  }

  async function submit(e) {
    e.preventDefault();
    if (!renew()) return fields.find((f) => f.of.required && f.input.value === "")?.input.focus();
    going?.abort();
    going = new AbortController();
    const signal = AbortSignal.any([going.signal, view.signal]), began = performance.now();
    stop.hidden = false;
    fill(out, el("p", { class: "soft" }, "Asking …"));
    try {
      const answer = await send(path.slice(1), { method, query: Object.fromEntries(values("query")), headers: Object.fromEntries(values("header")), body: body ? body.value || "{}" : undefined, signal });
      const text = longText("", "The answer"), took = performance.now() - began;
      const headers = ["Reddot-Applied", "Reddot-Request", "ETag", "Link", "Retry-After"].filter((h) => answer.headers.has(h)).map((h) => el("span", {}, `${h}: `, code(answer.headers.get(h))));
      const tag = el("span", { class: "tag", "data-tone": answer.ok ? "good" : "bad" }, `${answer.status} ${answer.statusText}`.trim());
      fill(out, el("p", { class: "answer-line" }, tag, el("span", { class: "soft" }, millis(took)), headers), text, copyButton(() => text.textContent, "Copy the answer"));
      await read(answer, text, signal);
    } catch (e) {
      if (!signal.aborted) fill(out, trouble(e));
      else if (!out.querySelector("pre")) fill(out, el("p", { class: "soft" }, "Stopped."));
    }
    stop.hidden = true;
  }

  const form = el("form", { class: "trial", onsubmit: submit, oninput: renew },
    fields.length > 0 && el("div", { class: "fields" }, fields.map((f) => f.node)),
    body && el("label", { class: "field wide-field" }, el("span", {}, "Body"), body), wrong,
    el("div", { class: "tools" }, go, stop), el("div", { class: "curl" }, curl, copyButton(() => curl.textContent, "Copy as curl")), out);
  renew();
  if (given.has("run") && method === "GET" && !streams) queueMicrotask(() => form.requestSubmit());
  return form;
}

/** read shows what an answer holds: JSON when it is whole, a stream as it comes, once a frame. */
async function read(answer, text, signal) {
  const json = /json/.test(answer.headers.get("Content-Type") ?? "");
  if (!answer.body) return;
  let all = "", waits = "", size = 0, asked = 0;
  const flush = () => {
    cancelAnimationFrame(asked);
    asked = 0;
    text.add(waits);
    waits = "";
  };
  try {
    for await (let part of answer.body.pipeThrough(new TextDecoderStream())) {
      const more = (size += part.length) > MOST;
      if (more) part = `${part.slice(0, part.length - (size - MOST))}\n… and more: curl has all of it`;
      if (json) all += part;
      else {
        waits += part;
        asked ||= requestAnimationFrame(flush);
      }
      if (more) break;
    }
  } catch (e) {
    if (!signal.aborted) throw e;
  }
  flush();
  text.add(json ? pretty(all) : "");
}

/** parameter is an input for one. */
function parameter(contract, of, value) {
  const schema = resolved(contract, of.schema) ?? {}, words = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : undefined);
  const input = words
    ? el("select", {}, el("option", { value: "" }, ""), words.map((w) => el("option", { value: w }, String(w))))
    : el("input", { type: "text", inputmode: schema.type === "integer" ? "numeric" : undefined, autocomplete: "off", spellcheck: "false", placeholder: schema.default ?? (of.example ?? "") });
  input.value = value ?? (of.required ? of.example ?? "" : "");
  set(input, "required", of.required);
  return { of, input, node: el("label", { class: "field" }, el("span", {}, code(of.name), of.required ? " (needed)" : "", of.in === "header" ? " (header)" : ""), input, el("span", { class: "help" }, (of.description ?? "").replace(/`/g, ""))) };
}

const pretty = (text) => { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } };
const compact = (text) => { try { return JSON.stringify(JSON.parse(text)); } catch { return text; } };
