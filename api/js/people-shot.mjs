import { chromium } from "playwright-core";
const [base, ...list] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const spec of list) {
  const [name, hash, w = "1280", scheme = "light", act] = spec.split("|");
  const c = await browser.newContext({ viewport: { width: +w, height: +w < 500 ? 844 : 860 }, colorScheme: scheme });
  const p = await c.newPage();
  p.on("console", (m) => { if (m.type() === "error") console.log(name, m.text(), m.location().url); }); p.on("pageerror", (e) => console.log(name, e.stack));
  await p.goto(base + "/console/" + hash); await p.waitForTimeout(1500);
  if (act) { await p.getByRole("button", { name: act }).first().click(); await p.waitForTimeout(1200); }
  console.log(name, await p.evaluate(() => document.documentElement.scrollWidth));
  await p.screenshot({ path: `/tmp/w/people-shots/${name}.png`, fullPage: +w < 500 });
}
await browser.close();
