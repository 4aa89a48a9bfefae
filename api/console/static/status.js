// The one poll of the status, for all who show some of it.

import { ask, Problem, repeat, send } from "./ask.js";
import { panel, sentence } from "./parts.js";

export const EVERY = 2000; // ms

/**
 * status tells "news" whenever it was asked for: known is the last answer, problem why there is
 * none now, and reason why the server is not ready, if it says so.
 */
export const status = Object.assign(new EventTarget(), { known: undefined, problem: undefined, reason: undefined, at: 0 });

/** poll asks until a signal ends. */
export function poll(signal) {
  return repeat(EVERY, signal, () => look(signal));
}

/** look asks now. */
export async function look(signal) {
  try {
    status.known = await ask("v1/status", { signal });
    status.problem = undefined;
    status.at = Date.now();
  } catch (e) {
    if (signal.aborted) return;
    if (!(e instanceof Problem)) throw e;
    status.reason = e.code === "unavailable" ? await reason(signal) : undefined;
    status.problem = e;
  }
  status.dispatchEvent(new Event("news"));
}

/** reason is why a server is not ready, as it tells those who may know. */
async function reason(signal) {
  const answer = await send("readyz", { signal }).catch(() => {});
  return answer?.status === 503 ? (await answer.text().catch(() => "")).trim() : undefined;
}

/** hear calls fn with what is known now, and at each news. */
export function hear(signal, fn) {
  status.addEventListener("news", fn, { signal });
  if (status.at || status.problem) fn();
}

/** statusPanel is a panel of what is known, renewed at each news. of is as panel has it. */
export function statusPanel(view, of) {
  const news = () => new Promise((resolve) => status.addEventListener("news", resolve, { once: true }));
  const p = panel(view, { ...of, async load() {
    if (!status.known && !status.problem) await news();
    if (status.problem) throw status.problem;
    return status.known;
  } });
  status.addEventListener("news", p.again, { signal: view.signal });
  return p.node;
}

/**
 * summary is what the state is in a word, how good that is, and what is to be done.
 * @returns {{word: string, tone: "good" | "warn" | "bad", text: string}}
 */
export function summary({ known: s, problem: p, reason: why } = status) {
  if (p?.code === "network") return { word: "no answer", tone: "bad", text: "The server does not answer. See whether the process runs and can be reached; the console comes back by itself." };
  if (p?.code === "unavailable") return { word: "not ready", tone: "warn", text: `${sentence(why || p.message)} It is asked again until it is ready; the log of the server says more.` };
  if (p) return { word: "no answer", tone: "bad", text: sentence(p.message) };
  if (!s) return { word: "asking", tone: "warn", text: "The status is asked for." };
  const { state, error, emitter, applied, last, stalled, emission_stalled: held, peers } = s;
  switch (state) {
    case "stopped": return { word: "stopped", tone: "bad", text: `${sentence(error ?? "The stream is not whole")} No queries are answered.` };
    case "lost": return { word: "lost", tone: "bad", text: `${sentence(error ?? "The NATS server does not answer")} The figures are the last ones known. Bring the NATS server back: reddot goes on by itself.` };
    case "catching up": return { word: "catching up", tone: "warn", text: `It has applied ${applied.toLocaleString("en")} of ${last.toLocaleString("en")} commands, and takes queries once it is near the end.${error ? ` ${sentence(error)}` : ""}` };
    case "stalled": {
      const [what, at] = stalled ? ["applied", stalled] : ["told", held];
      return { word: "stalled", tone: "bad", text: at ? `Command ${at.seq.toLocaleString("en")} is in the stream and is not ${what}: ${sentence(at.reason)}` : sentence(error ?? "Nothing moves") };
    }
    case "live":
      if (emitter === "standby" && peers?.length) return { word: "standby", tone: "good", text: `This reddot answers; another one${peers[0].host ? ` (on ${peers[0].host})` : ""} tells events. This one takes over when that one is gone.` };
      if (s.held_until) return { word: "live", tone: "warn", text: "Commands are applied; change events and receipts are held back, as was asked for." };
      if (emitter === "starting") return { word: "live", tone: "warn", text: "Commands are applied; events are told in a moment." };
      return { word: "live", tone: "good", text: "Commands are applied and told as they come." };
  }
  return { word: state || "starting", tone: "warn", text: error ? sentence(error) : "It is starting." };
}
