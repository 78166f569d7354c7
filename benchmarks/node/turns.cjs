// Lanes that take turns in slices: the times of requests one after the other, or answers per second of several at once.
"use strict";

/** Ask one after another for a while; returns the times in microseconds, sorted. At least one request is made. */
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

/** Let lanes take turns. @returns {Promise<object>} for each name of a lane, what each of its slices measured */
async function turns(lanes, rounds, sliceMs, outstanding) {
    const result = Object.fromEntries(Object.keys(lanes).map((name) => [name, []]));
    for (const lane of Object.values(lanes)) await latencies(lane, sliceMs); // warms everything up
    for (let round = 0; round < rounds; round += 1) {
        for (const [name, lane] of Object.entries(lanes)) {
            if (outstanding > 1) {
                result[name].push({ perSecond: await throughput(lane, sliceMs, outstanding) });
            } else {
                const times = await latencies(lane, sliceMs);
                result[name].push({ p50: at(times, 0.5), p99: at(times, 0.99) });
            }
        }
    }
    return result;
}

module.exports = { turns };
