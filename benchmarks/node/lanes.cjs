// The ways to ask that are compared: each lane is { ask(): Promise, close() } and asks the same thing.
"use strict";

const { encode, decode } = require("@msgpack/msgpack");
const { BridgeClient } = require("../../node-red-nodes/lib/client.js");

const READ = { module: "TPT29555", slot: "board", operation: "read", params: { expander: "board", line: 7 } };

/** The npm package zeromq against an echo: the floor that everything else is held against. */
async function zeromqEcho(endpoint) {
    const zmq = require("zeromq");
    const socket = new zmq.Dealer({ sendHighWaterMark: 0, receiveHighWaterMark: 0 });
    socket.connect(endpoint);
    const payload = encode({ v: 1, id: 1, method: "invoke", params: READ });
    const waiting = [];
    let closing = false;
    (async () => {
        for await (const [frame] of socket) {
            const resolve = waiting.shift();
            if (resolve) resolve(frame);
        }
    })().catch((error) => { if (!closing) throw error; });
    let last = Promise.resolve();
    return {
        ask() {
            const answer = new Promise((resolve) => waiting.push(resolve));
            last = last.then(() => socket.send(payload)); // zeromq refuses a second send while one waits
            return answer;
        },
        close() { closing = true; socket.close(); },
    };
}

/** Our client and our bridge: an emulated expander is read through its driver. @param {string} endpoint  "ADDRESS", or "ADDRESS KEYS" in JSON */
async function bridge(endpoint) {
    const [address, keys] = endpoint.split(" ");
    const client = new BridgeClient({ endpoint: address, keys: keys && JSON.parse(keys), name: "bench", version: "0" });
    await new Promise((resolve) => client.on("state", (state) => { if (state === "online") resolve(); }));
    return {
        ask: () => client.invoke(READ.module, READ.slot, READ.operation, READ.params),
        client,
        close: () => client.close({ bye: true }),
    };
}

/** What touches no module: the request that renews a lease. */
async function ping(endpoint) {
    const lane = await bridge(endpoint);
    return { ...lane, ask: () => lane.client.request("ping") };
}

module.exports = { zeromqEcho, bridge, ping, decode, READ };
