// Requests to the server, and whether it is there.

export const SERVER = new URL("../", import.meta.url); // a proxy may have all of it below a path

/** Problem is why there is no answer: as the server says it, or "network". */
export class Problem extends Error {
  /** @param {{status?: number, code: string, detail: string, request?: string, retryAfter?: number}} what */
  constructor(what) {
    super(what.detail);
    Object.assign(this, { status: 0 }, what);
  }
}

/**
 * server is where it is told what became of requests: "lost" when it no longer answers,
 * "back" when it does again, "out" when it no longer knows who asks.
 */
export const server = Object.assign(new EventTarget(), { lostAt: 0 });

const tell = (what) => server.dispatchEvent(new Event(what));

function answers(does) {
  if (does === !server.lostAt) return;
  server.lostAt = does ? 0 : Date.now();
  tell(does ? "back" : "lost");
}

/**
 * send makes a request and returns the answer, whatever it is.
 * @param {string} path below the server, as "v1/status"
 * @param {{query?: Record<string, unknown>, body?: unknown, method?: string, signal?: AbortSignal, headers?: Record<string, string>}} [options]
 */
export async function send(path, { query = {}, body, method, signal, headers } = {}) {
  const url = new URL(path, SERVER);
  for (const [k, v] of Object.entries(query)) for (const one of [v].flat()) if (one !== undefined && one !== "") url.searchParams.append(k, String(one));
  try {
    const answer = await fetch(url, {
      method: method ?? (body === undefined ? "GET" : "POST"), signal, credentials: "same-origin", cache: "no-cache",
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      headers: { ...headers, ...(body !== undefined && { "Content-Type": "application/json" }) },
    });
    answers(![502, 504].includes(answer.status) || answer.headers.has("Reddot-Request")); // a proxy's word that nobody is behind it
    return answer;
  } catch (e) {
    if (signal?.aborted) throw signal.reason;
    answers(false);
    throw new Problem({ code: "network", detail: "the server does not answer" });
  }
}

/** ask makes a request and returns what a good answer holds; any other is a Problem. */
export async function ask(path, options) {
  const answer = await send(path, options);
  const body = answer.status === 204 ? {} : await answer.json().catch(() => {});
  if (answer.ok && body) return body;
  options?.signal?.throwIfAborted();
  if (answer.status === 401 && path !== "v1/session") tell("out");
  throw new Problem({
    status: answer.status, code: body?.code ?? `http_${answer.status}`, detail: body?.detail ?? `the answer is ${answer.status} ${answer.statusText}, and none of reddot's`,
    request: body?.request, retryAfter: Number(answer.headers.get("Retry-After")) || undefined,
  });
}

/** pause waits, unless a signal ends. */
export const pause = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(done, ms);
  function done() {
    clearTimeout(timer);
    signal?.removeEventListener("abort", done);
    resolve();
  }
  signal?.addEventListener("abort", done);
});

/**
 * repeat does something now and again until a signal ends: not while nobody looks, and at
 * once when somebody does again or the server is back.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {() => Promise<unknown>} work
 */
export async function repeat(ms, signal, work) {
  for (;;) {
    const early = new AbortController(), wake = () => document.hidden || early.abort(), until = AbortSignal.any([signal, early.signal]);
    document.addEventListener("visibilitychange", wake, { signal: until });
    server.addEventListener("back", wake, { signal: until });
    if (!document.hidden) await work();
    if (signal.aborted) return;
    await pause(ms, until);
    early.abort();
    if (signal.aborted) return;
  }
}
