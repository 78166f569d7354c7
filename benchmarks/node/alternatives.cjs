// What a user would take instead, and the bridge, in slices that take turns. Prints one JSON line.
// Usage: node alternatives.cjs ROUNDS SLICE_MS OUTSTANDING NAME=ADDRESS...
"use strict";

const { execFile } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const { createRequire } = require("node:module");
const { bridge, READ } = require("./lanes.cjs");
const { turns } = require("./turns.cjs");

// The libraries for MQTT and WebSocket are those that Node-RED's own nodes use.
const ofNodeRed = createRequire(require.resolve("@node-red/nodes/package.json"));
const REQUEST = JSON.stringify({ v: 1, id: 1, method: "invoke", params: READ });

/** One byte from a device that answers at once: what is left of i2c-bus without bus, chip and compiled code. @param {string} path */
async function inProcess(path) {
    const file = fs.openSync(path, "r");
    const byte = Buffer.alloc(1);
    return {
        // As i2c-bus does it: one call to the kernel, in a thread of libuv's pool.
        ask: () => new Promise((resolve, reject) => {
            fs.read(file, byte, 0, 1, null, (error) => { if (error) reject(error); else resolve(byte[0]); });
        }),
        close: () => fs.closeSync(file),
    };
}

/** A WebSocket server with its library's defaults that answers and does nothing else. @param {string} address */
async function websocket(address, options = {}) {
    const WebSocket = ofNodeRed("ws");
    const socket = new WebSocket(address, options);
    await new Promise((resolve, reject) => { socket.once("open", resolve); socket.once("error", reject); });
    const waiting = [];
    socket.on("message", (data) => waiting.shift()(JSON.parse(data)));
    return {
        ask() {
            const answer = new Promise((resolve) => waiting.push(resolve));
            socket.send(REQUEST);
            return answer;
        },
        close: () => socket.close(),
    };
}

/** The same without compression, which both ends agree on by default. */
const websocketPlain = (address) => websocket(address, { perMessageDeflate: false });

/** An HTTP server; connections are kept. @param {string} address */
async function httpPost(address) {
    const agent = new http.Agent({ keepAlive: true });
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(REQUEST) };
    return {
        ask: () => new Promise((resolve, reject) => {
            const request = http.request(address, { agent, method: "POST", headers }, (response) => {
                const parts = [];
                response.on("data", (part) => parts.push(part));
                response.on("end", () => resolve(JSON.parse(Buffer.concat(parts))));
            });
            request.on("error", reject);
            request.end(REQUEST);
        }),
        close: () => agent.destroy(),
    };
}

/** A program that listens to a topic and answers on another, behind a broker. @param {string} address */
async function mqtt(address) {
    const client = await ofNodeRed("mqtt").connectAsync(address);
    const waiting = [];
    client.on("message", (_topic, data) => waiting.shift()(JSON.parse(data)));
    await client.subscribeAsync("bench/answer");
    return {
        ask() {
            const answer = new Promise((resolve) => waiting.push(resolve));
            client.publish("bench/request", REQUEST);
            return answer;
        },
        close: () => client.end(true),
    };
}

/** An interpreter for each request, as a flow with an exec node has it. @param {string} python  its path */
async function exec(python) {
    return {
        ask: () => new Promise((resolve, reject) => {
            execFile(python, ["-c", "print(1)"], (error, printed) => { if (error) reject(error); else resolve(Number(printed)); });
        }),
        close: () => undefined,
    };
}

const KINDS = { bridge, inProcess, websocket, websocketPlain, httpPost, mqtt, exec };

(async () => {
    const [rounds, sliceMs, outstanding] = process.argv.slice(2, 5).map(Number);
    const lanes = {};
    for (const argument of process.argv.slice(5)) {
        const [name, address] = argument.split(/=(.*)/s);
        lanes[name] = await KINDS[name](address);
    }
    process.stdout.write(`${JSON.stringify(await turns(lanes, rounds, sliceMs, outstanding))}\n`);
    for (const lane of Object.values(lanes)) lane.close();
    setTimeout(() => process.exit(0), 100).unref();
})();
