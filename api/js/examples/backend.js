// A back end: what a chat's own server does, in Node. It has a key (reddot key new --role
// backend), tells reddot of every message, and asks for badges to push.
//
//   REDDOT_URL=https://chat.example REDDOT_KEY=rdk_... node backend.js

import { createServer } from "node:http";
import { Reddot, ReddotError } from "reddot";

const reddot = new Reddot({ url: process.env.REDDOT_URL, key: process.env.REDDOT_KEY });

// delivered tells that a message was stored. The same message told twice counts once, so
// who gets no answer tells it again.
async function delivered({ id, from, to, group, mentions }) {
  const commands = group
    ? [{ type: "group.message", group, id, from, mentions, receipt: true }]
    : [{ type: "user.message", user: to, id, from, mentions }, { type: "user.sent", user: from, to, id }];
  for (let tries = 0; ; tries++) {
    try {
      return (await reddot.backend.send(commands, { idempotencyKey: id, wait: "applied" })).last_seq;
    } catch (e) {
      const again = e instanceof ReddotError && (e.status === 0 || e.status === 429 || e.status >= 500);
      if (!again || tries === 5) throw e;
      await new Promise((resolve) => setTimeout(resolve, 1000 * (e.retryAfter ?? 2 ** tries)));
    }
  }
}

// The chat's own API, as far as it is about messages.
const server = createServer(async (request, response) => {
  try {
    let body = "";
    for await (const piece of request) body += piece;
    const message = JSON.parse(body);
    const seq = await delivered(message);
    const [{ totals }] = await reddot.backend.totals([message.to ?? message.from], { afterSeq: seq }); // for the push
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ seq, badge: totals.unread }));
  } catch (e) {
    response.writeHead(e instanceof ReddotError && e.status === 400 ? 400 : 500).end(e.message);
  }
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${server.address().port}`));
