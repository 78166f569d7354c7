// When the messages of a module's event arrive at the node behind it, in a Node-RED of its own.
// Usage: node node-red-edges.cjs ENDPOINT TYPE SLOT EVENT FIELDS FOLDER. Prints "ready", then one line for each message: the payload and
// seconds of CLOCK_MONOTONIC, the same clock as Python's. FIELDS: JSON, the fields of the node that are not left at their default.
// FOLDER: the user directory.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const RED = require("node-red");

const [endpoint, type, slot, event, fields, userDirectory] = process.argv.slice(2);
const ROOT = path.join(__dirname, "..", "..");

const FLOW = [
  { id: "tab", type: "tab", label: "bench" },
  { id: "a-bridge", type: "wisblock-bridge", endpoint },
  { id: "a-module", z: "tab", type, bridge: "a-bridge", slot, trigger: "event", event, ...JSON.parse(fields), wires: [["an-end"]] },
  { id: "an-end", z: "tab", type: "wisblock-bench-end" },
];

(async () => {
  RED.init(http.createServer(), { userDir: userDirectory, nodesDir: [ROOT], flowFile: "flows.json", httpAdminRoot: false, httpNodeRoot: false, logging: { console: { level: process.env.NODE_RED_LOG || "off" } } });
  fs.writeFileSync(path.join(userDirectory, "flows.json"), JSON.stringify(FLOW));
  RED.events.on("flows:started", () => process.stdout.write("ready\n"));
  await RED.start();
  RED.nodes.registerType("wisblock-bench", "wisblock-bench-end", function End(config) {
    RED.nodes.createNode(this, config);
    this.on("input", (msg) => {
      const seconds = Number(process.hrtime.bigint()) / 1e9;
      process.stdout.write(`${JSON.stringify(msg.payload)} ${seconds}\n`);
    });
  });
})();
