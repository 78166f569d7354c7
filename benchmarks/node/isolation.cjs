// Reads a RAK5801 in slot 1 one after another for a while. Prints all round trips in microseconds as one JSON line.
// Usage: node isolation.cjs ENDPOINT MS
"use strict";

const { BridgeClient } = require("../../node-red-nodes/lib/client.js");

const [endpoint, ms] = process.argv.slice(2);
const client = new BridgeClient({ endpoint, name: "isolation", version: "0" });

client.on("state", async (state) => {
    if (state !== "online") return;
    const read = () => client.invoke("RAK5801", 1, "read", { samples: 1 });
    const times = [];
    await read();
    const end = process.hrtime.bigint() + BigInt(Number(ms) * 1e6);
    for (let now = process.hrtime.bigint(); now < end; now = process.hrtime.bigint()) {
        await read();
        times.push(Number(process.hrtime.bigint() - now) / 1000);
    }
    process.stdout.write(`${JSON.stringify(times)}\n`);
    await client.close({ bye: true });
});
