// Keeps the converter of a bridge busy, N requests deep, until its input closes. Prints the conversions at the end.
// Usage: node load.cjs ENDPOINT DEPTH
"use strict";

const { BridgeClient } = require("../../node-red-nodes/lib/client.js");

const [endpoint, depth] = process.argv.slice(2);
const client = new BridgeClient({ endpoint, name: "load", version: "0" });
let running = true;
let conversions = 0;
process.stdin.resume();
process.stdin.on("end", () => { running = false; });

client.on("state", (state) => {
    if (state !== "online") return;
    Promise.all(Array.from({ length: Number(depth) }, async (_, index) => {
        while (running) {
            await client.invoke("ADC", "board", "read", { channel: index % 4 });
            conversions += 1;
        }
    })).then(async () => {
        process.stdout.write(`${conversions}\n`);
        await client.close({ bye: true });
    });
    process.stdout.write("ready\n");
});
