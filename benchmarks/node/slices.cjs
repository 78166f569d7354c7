// Round trips and throughput of two lanes, in slices that take turns. Prints one JSON line.
// Usage: node slices.cjs ROUNDS SLICE_MS KIND_A ENDPOINT_A KIND_B ENDPOINT_B [OUTSTANDING]
"use strict";

const lanes = require("./lanes.cjs");
const { turns } = require("./turns.cjs");

const [rounds, sliceMs] = process.argv.slice(2, 4).map(Number);
const [kindA, endpointA, kindB, endpointB] = process.argv.slice(4, 8);
const outstanding = Number(process.argv[8] ?? 1);

(async () => {
    const a = await lanes[kindA](endpointA);
    const b = await lanes[kindB](endpointB);
    process.stdout.write(`${JSON.stringify(await turns({ a, b }, rounds, sliceMs, outstanding))}\n`);
    a.close();
    b.close();
    setTimeout(() => process.exit(0), 100).unref();
})();
