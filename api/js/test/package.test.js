// The package: its size, its types, what is packed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as reddot from "reddot";

const here = fileURLToPath(new URL("..", import.meta.url));
const bin = (name) => join(here, "node_modules", ".bin", name);
const run = (command, ...args) => execFileSync(command, args, { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

test("the module is small, and needs no other", () => {
  const text = readFileSync(join(here, "reddot.js"));
  const size = gzipSync(text, { level: 9 }).length;
  assert.ok(size <= 12_000, `${size} bytes, compressed`);
  assert.doesNotMatch(String(text), /^import |\bimport\(|require\(/m);
  assert.deepEqual(Object.keys(reddot), ["Feed", "Reddot", "ReddotError"]);
});

test("the types are those of a program that uses all of it", () => {
  run(bin("tsc"), "-p", "test/types");
  run(bin("tsc"), "-p", "test/types/bridges.json");
});

// What the types say of the wire is what the contract says: each is assigned to the other.
test("the types of the wire are those of the contract", () => {
  const work = mkdtempSync(join(tmpdir(), "reddot-types-"));
  try {
    run(bin("openapi-typescript"), "../openapi/openapi.yaml", "-o", join(work, "schema.d.ts"));
    const names = [
      "ThreadTotals", "Totals", "LastMessage", "Conversation", "Thread", "NamedTotals", "TotalsReply", "ConversationsReply", "ThreadsReply", "ReceiptReply",
      "GroupReceipt", "Reader", "ReadersReply", "UserTotals", "PendingRead", "ExplainedMessage", "LoggedMessage", "Explanation", "CommandReply", "CommandResult",
      "RefusedCommand", "CommandsReply", "ProblemError", ["WireFilter", "Filter"],
      ["C2CReadReceipt", "PeerReceipt"], ["GroupReadReceipt", "MessageReceipt"],
    ].map((name) => [name].flat());
    const commands = JSON.parse(readFileSync(join(here, "../openapi/openapi.json"), "utf8")).components.schemas.Command.discriminator.mapping;
    writeFileSync(join(work, "compare.ts"), [
      `import type * as ours from "${join(here, "reddot.js")}";`,
      `import type { components } from "./schema.js";`,
      `type Same<A, B> = (<T>() => T extends Flat<A> ? 1 : 2) extends (<T>() => T extends Flat<B> ? 1 : 2) ? true : { ours: Flat<A>; contract: Flat<B> };`,
      // What an object has, level by level, whatever it was put together from. Other fields that it may have are not compared.
      `type Flat<T> = T extends readonly (infer E)[] ? Flat<E>[] : T extends object ? { [K in keyof T as string extends K ? never : K]: Flat<T[K]> } : T;`,
      ...names.map(([our, their = our]) => `export const ${our}: Same<ours.${our}, components["schemas"]["${their}"]> = true;`),
      `export const Named: Same<ours.NamedTotals[string], components["schemas"]["NamedTotals"][string]> = true;`,
      // Of events more is taken than comes: those of other ways in have no cursor.
      ...["reset", "change", "receipts", "live"].map((event) =>
        `export const ${event}: ours.StreamEvents["${event}"] = {} as components["schemas"]["Stream${event[0].toUpperCase()}${event.slice(1)}"];`),
      `type Keys<T> = T extends unknown ? keyof Flat<T> : never;`,
      `type Name = Same<ours.Command["type"], ${Object.keys(commands).map((type) => `"${type}"`).join(" | ")}>;`,
      `export const name: Name = true;`,
      // Of a purge, whose fields are one or the other, the generator makes no type.
      ...Object.entries(commands).filter(([type]) => type !== "group.purge").map(([type, ref], i) =>
        `export const command${i}: Same<Keys<Extract<ours.Command, { type: "${type}" }>>, Keys<components["schemas"]["${ref.split("/").at(-1)}"]>> = true;`),
    ].join("\n"));
    writeFileSync(join(work, "tsconfig.json"), JSON.stringify({ compilerOptions: { strict: true, noEmit: true, module: "nodenext", target: "es2022", types: [] }, files: ["compare.ts"] }));
    try {
      run(bin("tsc"), "-p", work);
    } catch (e) {
      assert.fail(e.stdout);
    }
  } finally {
    rmSync(work, { recursive: true });
  }
});

test("what is packed is what is used", () => {
  const [{ files }] = JSON.parse(run("npm", "pack", "--dry-run", "--json", "--ignore-scripts"));
  const names = files.map((f) => f.path);
  const { exports } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  for (const file of Object.values(exports).flatMap((of) => Object.values(of))) assert.ok(names.includes(file.slice(2)), `${file} is not packed`);
  for (const name of names) assert.match(name, /^(README\.md|package\.json|(reddot|tim|nats)\.(js|d\.ts))$/);
});

test("publint finds nothing", () => {
  run(bin("publint"), "--strict", "--pack", "false");
});

test("no registry is named where its packages are locked", () => {
  assert.doesNotMatch(readFileSync(join(here, "package-lock.json"), "utf8"), /"resolved"/);
});
