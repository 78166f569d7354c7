// The round trip of several operations, each in turns. Usage: node operations.cjs ENDPOINT ROUNDS JSON-LIST
// Prints one JSON line: for each operation the median of its medians, in microseconds.
"use strict";

const { BridgeClient } = require("../../node-red-nodes/lib/client.js");

const [endpoint, rounds, list] = process.argv.slice(2);
const operations = JSON.parse(list);
const client = new BridgeClient({ endpoint, name: "operations", version: "0" });
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

client.on("state", async (state) => {
    if (state !== "online") return;
    const medians = operations.map(() => []);
    for (let round = -1; round < Number(rounds); round += 1) {
        for (const [index, each] of operations.entries()) {
            const times = [];
            const ask = () => client.invoke(each.module, each.slot, each.operation, each.params, { timeoutMs: 10000 });
            await ask(); // opens the module
            const end = process.hrtime.bigint() + 60_000_000n;
            do {
                const begin = process.hrtime.bigint();
                await ask();
                times.push(Number(process.hrtime.bigint() - begin) / 1000);
            } while (process.hrtime.bigint() < end);
            if (round >= 0) medians[index].push(median(times)); // the first round warms everything up
            if (each.slot !== "board") await client.request("release", { module: each.module, slot: each.slot });
        }
    }
    process.stdout.write(`${JSON.stringify(medians.map(median))}\n`);
    await client.close({ bye: true });
});
