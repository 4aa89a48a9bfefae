// The page: two phones, the friends, and the buttons above them.

import { Reddot } from "../reddot.js";
import { el, say, set } from "./elements.js";
import { Friends } from "./friends.js";
import { Messages } from "./messages.js";
import { Phone } from "./phone.js";

const LINES = 60; // of the story

const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);

// Without HTTP/2 a browser has six connections to a server, and each phone holds one: in a
// third tab nothing would come any more.
const tabs = async () => (await navigator.locks.query()).held.filter((lock) => lock.name === "reddot demo").length;
if (navigator.locks && location.protocol === "http:") {
  if (await tabs() >= 2) {
    $("phones").append(el("p", { class: "empty", role: "alert" }, "This page is open in two other tabs, and a browser has no connections left for a third: close one, and reload."));
    throw new Error("no connections left for a third tab");
  }
  navigator.locks.request("reddot demo", { mode: "shared" }, () => new Promise(() => {}));
}

const cast = await (await fetch("cast.json")).json();
const messages = new Messages();
const friends = new Friends({ reddot: new Reddot({ url: new URL("..", import.meta.url), shareTabs: false }), messages, cast, told, random: seeded(asked.get("seed")) });
const phones = cast.shown.map((user) => new Phone({ user, messages, friends }));
$("phones").append(...phones.map((p) => p.node));

function told(words) {
  $("story").prepend(el("li", {}, words));
  while ($("story").children.length > LINES) $("story").lastChild.remove();
}

// seeded is Math.random, or, with a seed, numbers that are the same each time.
function seeded(seed) {
  if (!seed) return Math.random;
  let state = Number(seed) >>> 0;
  return () => { // SplitMix32
    state = (state + 0x9e3779b9) >>> 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

function show() {
  say($("play"), friends.playing ? "Pause" : "Play");
  set($("play"), "aria-pressed", friends.playing);
}

$("play").addEventListener("click", () => {
  if (friends.playing) friends.pause();
  else friends.play(Number($("speed").value));
  show();
});
$("speed").addEventListener("change", () => { if (friends.playing) friends.play(Number($("speed").value)); });
$("step").addEventListener("click", async () => {
  $("step").disabled = true;
  await friends.step().catch((e) => told(`the friends could not: ${e.message}`));
  $("step").disabled = false;
  $("step").focus();
});

// The phones have heard of everything a moment after it happened; what they show must be
// what the server answers.
$("check").addEventListener("click", async () => {
  for (const until = Date.now() + 5_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    try {
      const differences = (await Promise.all(phones.map((p) => p.differs()))).filter(Boolean);
      if (differences.length === 0) return told("compared: both phones show what the server answers");
      if (Date.now() > until) return told(`compared: it differs: ${differences.join("; ")}`);
    } catch (e) {
      return told(`compared: ${e.detail ?? e.message}`);
    }
  }
});

if (asked.has("play")) {
  $("speed").value = [...$("speed").options].find((o) => o.value === asked.get("play"))?.value ?? "1";
  friends.play(Number($("speed").value));
}
show();
$("play").disabled = $("step").disabled = $("check").disabled = false;
