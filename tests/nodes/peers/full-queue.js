"use strict";
/*
 * A flow's client that asks for far more than a stopped bridge can take: node full-queue.js ENDPOINT COUNT TIMEOUT_MS KEYS.
 *
 * 1. Says "ready" once it is online, begins when it is given a line, and prints how often there was which answer.
 */

const { once } = require("node:events");

const { BridgeClient } = require("../../../node-red-nodes/lib/client");

async function main() {
  const [endpoint, count, timeoutMs, keys] = process.argv.slice(2);
  const client = new BridgeClient({ endpoint, name: "full-queue.js", leaseMs: 60000, keys: JSON.parse(keys) });
  while (client.state !== "online") await once(client, "state");
  // Once, so that the module is open; and the client knows the bridge's clock.
  await client.invoke("RAK13007", 1, "state", {});
  process.stdout.write("ready\n");
  await once(process.stdin, "data");
  /** @type {Record<string, number>} */
  const answers = {};
  const ask = async () => {
    let answer = "ok";
    try {
      await client.invoke("RAK13007", 1, "set", { on: true }, { timeoutMs: Number(timeoutMs) });
    } catch (error) {
      answer = error.code;
    }
    answers[answer] = (answers[answer] ?? 0) + 1;
  };
  await Promise.all(Array.from({ length: Number(count) }, ask));
  process.stdout.write(`${JSON.stringify(answers)}\n`);
  process.exit(0);
}

main();
