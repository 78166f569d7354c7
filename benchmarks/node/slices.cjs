// Round trips and throughput of two lanes, in slices that take turns. Prints one JSON line.
// Usage: node slices.cjs ROUNDS SLICE_MS KIND_A ENDPOINT_A KIND_B ENDPOINT_B [OUTSTANDING]
"use strict";

const lanes = require("./lanes.cjs");

const [rounds, sliceMs] = process.argv.slice(2, 4).map(Number);
const [kindA, endpointA, kindB, endpointB] = process.argv.slice(4, 8);
const outstanding = Number(process.argv[8] ?? 1);

/** Ask one after another for a while; returns the times in microseconds, sorted. */
async function latencies(lane, ms) {
    const times = [];
    const end = process.hrtime.bigint() + BigInt(ms * 1e6);
    for (let now = process.hrtime.bigint(); now < end;) {
        await lane.ask();
        const after = process.hrtime.bigint();
        times.push(Number(after - now) / 1000);
        now = after;
    }
    return times.sort((a, b) => a - b);
}

/** Keep so many requests in flight for a while; returns answers per second. */
async function throughput(lane, ms, depth) {
    let answers = 0;
    const start = process.hrtime.bigint();
    const end = start + BigInt(ms * 1e6);
    await Promise.all(Array.from({ length: depth }, async () => {
        while (process.hrtime.bigint() < end) {
            await lane.ask();
            answers += 1;
        }
    }));
    return answers / (Number(process.hrtime.bigint() - start) / 1e9);
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

(async () => {
    const a = await lanes[kindA](endpointA);
    const b = await lanes[kindB](endpointB);
    const result = { a: [], b: [] };
    await latencies(a, sliceMs);
    await latencies(b, sliceMs);
    for (let round = 0; round < rounds; round += 1) {
        for (const [name, lane] of [["a", a], ["b", b]]) {
            if (outstanding > 1) {
                result[name].push({ perSecond: await throughput(lane, sliceMs, outstanding) });
            } else {
                const times = await latencies(lane, sliceMs);
                result[name].push({ p50: at(times, 0.5), p99: at(times, 0.99) });
            }
        }
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
    a.close();
    b.close();
    setTimeout(() => process.exit(0), 100).unref();
})();
