// Asks again and again across restarts of a bridge; prints the time of each first answer after an outage.
// Usage: node return.cjs ENDPOINT. Times are CLOCK_MONOTONIC in seconds, the same clock as Python's.
"use strict";

const { BridgeClient } = require("../../node-red-nodes/lib/client.js");

const client = new BridgeClient({ endpoint: process.argv[2], name: "return", version: "0" });
const seconds = () => Number(process.hrtime.bigint()) / 1e9;
client.on("state", (state) => {
    if (state !== "online") return;
    client.invoke("TPT29555", "board", "read", { expander: "board", line: 7 })
        .then(() => process.stdout.write(`${seconds()}\n`), () => {});
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
