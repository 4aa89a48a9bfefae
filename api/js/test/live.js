// A reddot for tests: a process of its own, with data in a temporary folder. The program is
// built once, or is the one that REDDOT names.

import { execFileSync, spawn } from "node:child_process";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START = 120_000, END = 30_000; // ms; generous, as the machine may be busy

let built;
function program() {
  if (process.env.REDDOT) return process.env.REDDOT;
  if (!built) {
    const folder = mkdtempSync(join(tmpdir(), "reddot-js-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    built = join(folder, "reddot");
    execFileSync("go", ["build", "-o", built, "./cmd/reddot"], { cwd: new URL("../../..", import.meta.url), stdio: "inherit" });
  }
  return built;
}

const SECRET = "a secret of at least thirty-two bytes, for tests";
const keyOf = (what) => "rdk_" + createHash("sha256").update(what).digest("hex").slice(0, 43);
export const KEY = keyOf("the key of tests");

/** PEOPLE are who may look around, by their roles. */
export const PEOPLE = { viewer: keyOf("a viewer's key"), operator: keyOf("an operator's key") };

/** token is a user's, as an identity provider would make it. */
export function token(user, seconds = 3600) {
  const now = Math.floor(Date.now() / 1000), part = (o) => Buffer.from(JSON.stringify(o)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, iat: now, exp: now + seconds, jti: randomBytes(6).toString("hex") })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

/** freeAddress is where nobody listens. */
export const freeAddress = () => new Promise((resolve, reject) => {
  const server = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(`127.0.0.1:${port}`));
  });
});

/**
 * serve starts a reddot and ends it with the test. guarded: with tokens and a key. unready: it
 * is there as soon as it answers over HTTP, at an address that is given.
 */
export async function serve(t, { guarded = false, args = [], unready, listen = "127.0.0.1:0" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "reddot-live-"));
  if (guarded) {
    writeFileSync(join(folder, "hs256.key"), SECRET, { mode: 0o600 });
    const key = (name, role, key) => ({ name, role, sha256: createHash("sha256").update(key).digest("hex") });
    const keys = [key("tests", "backend", KEY), ...Object.entries(PEOPLE).map(([role, k]) => key(`the-${role}`, role, k))];
    writeFileSync(join(folder, "auth.json"), JSON.stringify({ keys, tokens: { secret_file: "hs256.key" } }), { mode: 0o600 });
    args = ["--auth", join(folder, "auth.json"), ...args];
  }
  const live = { folder, http: unready ?? "127.0.0.1:0", listen, args }; // args may be changed between two starts
  let child;
  live.start = () => new Promise((resolve, reject) => {
    child = spawn(program(), ["serve", "--data", join(folder, "data"), "--http", live.http, ...(args.includes("--nats") ? [] : ["--listen", live.listen]), ...live.args], { stdio: ["ignore", "pipe", "pipe"] });
    let log = "";
    const late = setTimeout(() => reject(new Error(`reddot is not ready in time:\n${log}`)), START);
    const read = (text) => {
      log += text;
      const ready = /^ready nats=nats:\/\/(\S+) http=(\S+)$/m.exec(log);
      if (!ready) return;
      clearTimeout(late);
      [, live.listen, live.http] = ready; // and there again after a restart
      live.url = `http://${live.http}`;
      resolve(live);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    const starting = child;
    child.on("exit", (code) => reject(new Error(`reddot ended with ${code}:\n${log}`)));
    if (unready) until("it answers over HTTP", () => starting.exitCode === null && fetch(`http://${live.http}/healthz`).then((a) => a.ok, () => false), START).then(() => read(`\nready nats=nats://${live.listen} http=${live.http}\n`), reject);
  });
  /** signal sends the process a signal. */
  live.signal = (name) => child.kill(name);
  live.stop = (signal = "SIGTERM") => new Promise((resolve) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return resolve();
    const late = setTimeout(() => child.kill("SIGKILL"), END);
    child.once("exit", () => { clearTimeout(late); resolve(); });
    child.kill(signal);
    child.kill("SIGCONT");
  });
  /** send stores commands as a back end does. */
  live.send = async (...commands) => {
    const answer = await fetch(`${live.url}/v1/commands`, { method: "POST", headers: { "Content-Type": "application/json", ...(guarded && { Authorization: `Bearer ${KEY}` }) }, body: JSON.stringify({ commands, wait: "applied", timeout_ms: 30_000 }) });
    const body = await answer.json();
    if (!answer.ok || body.refused) throw new Error(JSON.stringify(body));
    return body.last_seq;
  };
  t.after(async () => {
    await live.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return live.start();
}

/** until waits until a condition holds, and returns what it is. */
export async function until(what, holds, within = 60_000) {
  for (const end = Date.now() + within; Date.now() < end; ) {
    const value = await holds();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error(`it never came to it that ${what}`);
}

/** message is a command: a C2C message. */
export const message = (user, from, id, more = {}) => ({ type: "user.message", user, from, id, ...more });
