"use strict";
/*
 * A client that means harm, in a process of its own that can be killed: node attacker.js KIND ENDPOINT [KEYS].
 *
 * 1. Speaks to our own bridge, with keys where it wants them: what a listener has to bear comes from those whom it lets in.
 * 2. Says "ready" past its handshake and begins when it is given a line. "pings" ends by itself; "dear" goes on until it is killed.
 */

const { once } = require("node:events");
const net = require("node:net");

const { parseEndpoint } = require("../../../node-red-nodes/lib/endpoint");
const { COMMAND, FrameReader, GreetingReader, encodeFrame, encodeGreeting, parseCommand } = require("../../../node-red-nodes/lib/zmtp-framing");
const { mechanismFor } = require("../../../node-red-nodes/lib/zmtp-keys");

const BLOCKS = 300;
const MESSAGES_IN_A_BLOCK = 100;
const PING = Buffer.from("\x04PING\x00\x00", "latin1");

/** A request that is valid but for one key, which holds 19 990 empty maps: it has to be read to be refused. */
const DEAR = Buffer.concat([Buffer.from([0x81, 0xa1, 0x78, 0xdc, 0x4e, 0x16]), Buffer.alloc(19990, 0x80)]);

const CONNECTS_FOR_MS = 90000;

/** Connects, also to a process that is about to start. @param {import("node:net").NetConnectOpts} where @returns {Promise<net.Socket>} */
async function reach(where) {
  for (const end = Date.now() + CONNECTS_FOR_MS; ;) {
    const socket = net.connect(where);
    try {
      await once(socket, "connect");
      return socket;
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
  }
}

/** @param {string} text @param {object} keys @returns {Promise<{socket: net.Socket, frame: (body: Buffer, command?: boolean) => Buffer}>} */
async function connect(text, keys) {
  const endpoint = parseEndpoint(text);
  const mechanism = mechanismFor(keys)(endpoint);
  const socket = await reach(endpoint.transport === "ipc" ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port });
  socket.on("error", () => process.exit(0));
  socket.write(encodeGreeting(mechanism.name, mechanism.asServer));
  const greeting = new GreetingReader();
  await new Promise((resolve) => {
    const say = (/** @type {Buffer | null} */ body) => body && socket.write(encodeFrame(COMMAND, body));
    const reader = new FrameReader(65536, (flags, body) => {
      if (mechanism.complete) return;
      const { name, data } = parseCommand(body);
      say(mechanism.receive(name, data));
      if (mechanism.complete) resolve(undefined);
    });
    socket.on("data", (/** @type {Buffer} */ data) => {
      if (mechanism.complete) return;
      let start = 0;
      if (!greeting.complete) {
        start = greeting.feed(data);
        if (!greeting.complete) return;
        say(mechanism.start());
      }
      reader.feed(data, start);
    });
  });
  // What is answered is not read from now on.
  socket.pause();
  const frame = (/** @type {Buffer} */ body, command = false) => {
    const flags = command ? COMMAND : 0;
    return mechanism.seal === null ? encodeFrame(flags, body) : Buffer.from(encodeFrame(0, mechanism.seal(flags, body)));
  };
  return { socket, frame };
}

async function main() {
  const [kind, endpoint, keys] = process.argv.slice(2);
  const { socket, frame } = await connect(endpoint, JSON.parse(keys ?? "{}"));
  process.stdout.write("ready\n");
  await once(process.stdin, "data");
  if (kind === "pings") {
    const block = () => Buffer.concat([...Array.from({ length: MESSAGES_IN_A_BLOCK }, () => frame(Buffer.from("abc"))), frame(PING, true)]);
    const data = Buffer.concat(Array.from({ length: BLOCKS }, block));
    socket.write(data, () => socket.destroy());
    await once(socket, "close");
    process.exit(0);
  }
  for (;;) {
    if (!socket.write(Buffer.concat([frame(DEAR), frame(PING, true)]))) await once(socket, "drain");
  }
}

main();
