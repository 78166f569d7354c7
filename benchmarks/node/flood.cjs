// Sends as fast as it can, far beyond what a client may have in flight, and counts what comes back.
// Usage: node flood.cjs ENDPOINT REQUESTS. Prints one JSON line.
"use strict";

const { encode, decode } = require("@msgpack/msgpack");
const { DealerSocket } = require("../../node-red-nodes/lib/zmtp.js");
const { READ } = require("./lanes.cjs");

const [endpoint, requests] = process.argv.slice(2);
const total = Number(requests);
const socket = new DealerSocket({ endpoint });
const answered = new Map();
let sent = 0;

/** Send a burst, then let answers in. */
function pump() {
    while (sent < total && socket.send(Buffer.from(encode({ v: 1, id: sent, method: "invoke", params: READ })))) {
        sent += 1;
        if (sent % 2000 === 0) break;
    }
    if (sent < total) setImmediate(pump);
}

socket.on("connect", pump);
socket.on("message", (frame) => {
    const reply = decode(frame);
    answered.set(reply.id, (answered.get(reply.id) ?? 0) + 1);
    if (answered.size === total) finish();
});

const deadline = setTimeout(finish, 60000);
socket.open();

/** Tell what came back. */
function finish() {
    clearTimeout(deadline);
    const twice = [...answered.values()].filter((times) => times > 1).length;
    process.stdout.write(`${JSON.stringify({ sent, answered: answered.size, twice })}\n`);
    process.exit(0);
}
