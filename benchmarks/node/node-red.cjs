// What a message costs Node-RED in a module's node, and in a function node that hands it on: CPU time of the process.
// Usage: node node-red.cjs ENDPOINT ROUNDS MESSAGES. Prints one JSON line, microseconds per message.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const RED = require("node-red");

const [endpoint, rounds, messages] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const ROOT = path.join(__dirname, "..", "..");
const userDirectory = fs.mkdtempSync(path.join(os.tmpdir(), "wisblock-bench-node-red-"));

/** Two ways from a node to the same end. */
const FLOW = [
  { id: "tab", type: "tab", label: "bench" },
  { id: "a-bridge", type: "wisblock-bridge", endpoint },
  { id: "a-module", z: "tab", type: "wisblock-tpt29555", bridge: "a-bridge", slot: "board", trigger: "message", operation: "read",
    "read_expander": "board", "read_expanderType": "choice", "read_line": "7", "read_lineType": "num", wires: [["an-end"]] },
  { id: "a-function", z: "tab", type: "function", func: "return msg;", outputs: 1, wires: [["an-end"]] },
  { id: "an-end", z: "tab", type: "wisblock-bench-end" },
];

let arrived = () => undefined;

/** Sends messages one after the other through a node. @param {string} id @param {number} count @returns {Promise<number>} µs each */
async function cost(id, count) {
  const node = RED.nodes.getNode(id);
  const before = process.cpuUsage();
  for (let number = 0; number < count; number += 1) {
    await new Promise((resolve) => {
      arrived = resolve;
      node.receive({ payload: number });
    });
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Waits until a request of the module's node is answered. */
async function online() {
  for (;;) {
    const answered = new Promise((resolve) => { arrived = () => resolve(true); });
    RED.nodes.getNode("a-module")?.receive({ payload: 0 });
    if (await Promise.race([answered, new Promise((resolve) => { setTimeout(() => resolve(false), 500); })])) return;
  }
}

(async () => {
  RED.init(http.createServer(), { userDir: userDirectory, nodesDir: [ROOT], flowFile: "flows.json", httpAdminRoot: false, httpNodeRoot: false, logging: { console: { level: process.env.NODE_RED_LOG || "off" } } });
  fs.writeFileSync(path.join(userDirectory, "flows.json"), JSON.stringify(FLOW));
  await RED.start();
  RED.nodes.registerType("wisblock-bench", "wisblock-bench-end", function End(config) {
    RED.nodes.createNode(this, config);
    this.on("input", () => arrived());
  });
  await online();
  const result = { module: [], function: [] };
  for (let round = -1; round < rounds; round += 1) {
    for (const id of ["function", "module"]) {
      const each = await cost(`a-${id}`, messages);
      if (round >= 0) result[id].push(each); // the first round warms everything up
    }
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
  await RED.stop();
  fs.rmSync(userDirectory, { recursive: true, force: true });
  process.exit(0);
})();
