// The events of everybody as they are stored, from GET /v1/feed.

import { ask, pause, SERVER } from "./ask.js";

const TYPES = ["change", "receipt", "group-receipt", "rejected"];
export { TYPES };

/**
 * follow hears the feed until a signal ends: the browser resumes where it was, and what it
 * gives up for good, as at an answer that is no stream, is begun anew.
 * @param {{types: string[], prefix: string, after?: string}} of
 * @param {AbortSignal} signal
 * @param {{event: (type: string, id: string, data: string) => void, state: (word: "asking" | "listening" | "away", why?: string) => void}} tell
 */
export async function follow({ types, prefix, after }, signal, tell) {
  for (let last = after; !signal.aborted; await pause(2000, signal)) {
    const url = new URL("v1/feed", SERVER);
    if (types.length) url.searchParams.set("types", types.join());
    if (prefix) url.searchParams.set("users_prefix", prefix);
    if (last) url.searchParams.set("after", last);
    tell.state("asking");
    const source = new EventSource(url);
    for (const type of [...TYPES, "reset"]) {
      source.addEventListener(type, (e) => {
        last = e.lastEventId || last;
        tell.event(type, e.lastEventId, e.data);
      });
    }
    source.addEventListener("hello", () => tell.state("listening"));
    await new Promise((resolve) => {
      source.onerror = () => { if (source.readyState === EventSource.CLOSED) resolve(); else tell.state("away"); };
      signal.addEventListener("abort", resolve, { once: true });
    });
    source.close();
    if (signal.aborted) return;
    const why = await ask("v1/status", { signal }).then(() => "there may be as many feeds as the server has room for", (e) => e.message); // an expired session is told of here
    tell.state("away", why);
  }
}
