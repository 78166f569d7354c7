"use strict";
/*
 * The ZMTP socket against libzmq (through pyzmq), and against a peer that speaks by hand, rightly and wrongly.
 *
 * 1. Expected bytes are typed from rfc.zeromq.org/spec/37, not taken from the code under test.
 * 2. Waits are for conditions, never for a while, except where silence itself is what is tested.
 */

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const { EndpointError, defaultEndpoint, parseEndpoint } = require("../../node-red-nodes/lib/endpoint");
const { DealerSocket } = require("../../node-red-nodes/lib/zmtp");
const { ReturnWatch } = require("../../node-red-nodes/lib/zmtp-return");
const { CLIENT_HANDSHAKE_BYTES, RawPeer, command, frame, greeting, longHeader, property, ready } = require("./peers/raw-peer");
const { ROOT, freshEndpoint, removeEndpoints, sleep, startPeer, stopPeers, until } = require("./peers/start-peer");

/** @type {DealerSocket[]} */
let sockets = [];
/** @type {RawPeer[]} */
let peers = [];

/** A socket that writes down what happens to it. */
function open(endpoint, options = {}) {
  const socket = new DealerSocket({ endpoint, heartbeatIntervalMs: 0, ...options });
  const seen = { connects: 0, messages: [], parts: [], disconnects: [], unreachable: [] };
  socket.on("connect", () => {
    seen.connects += 1;
  });
  socket.on("message", (body, parts) => {
    seen.messages.push(body);
    seen.parts.push(parts);
  });
  socket.on("disconnect", (reason) => seen.disconnects.push(reason));
  socket.on("unreachable", (reason) => seen.unreachable.push(reason));
  socket.open();
  sockets.push(socket);
  return Object.assign(socket, { seen });
}

async function connected(endpoint, options) {
  const socket = open(endpoint, options);
  await until(() => socket.connected, "the handshake");
  return socket;
}

async function rawPeer(onConnection) {
  const peer = await new RawPeer(onConnection).listen();
  peers.push(peer);
  return peer;
}

/** What an attempt ends with that the peer spoils. */
async function refusal(onConnection, options) {
  const peer = await rawPeer(onConnection);
  const socket = open(peer.endpoint, options);
  await until(() => socket.seen.unreachable.length > 0, "the refusal");
  assert.equal(socket.seen.connects, 0);
  return socket.seen.unreachable[0];
}

/** What a connection ends with, after the handshake, when the peer says this. */
async function ending(bytes, options) {
  const peer = await rawPeer((socket) => socket.write(Buffer.concat([greeting(), ready(), bytes])));
  const socket = open(peer.endpoint, options);
  await until(() => socket.seen.disconnects.length > 0, "the end of the connection");
  return { reason: socket.seen.disconnects[0], messages: socket.seen.messages };
}

describe("zmtp", function () {
  this.timeout(60000);

  afterEach(async () => {
    await Promise.all(sockets.map((socket) => socket.close()));
    await Promise.all(peers.map((peer) => peer.close()));
    await stopPeers();
    sockets = [];
    peers = [];
  });
  after(removeEndpoints);

  describe("with libzmq", () => {
    for (const endpoint of ["ipc", "tcp://127.0.0.1:*", "tcp://[::1]:*"]) {
      it(`carries messages of every frame size to a ROUTER and back over ${endpoint}`, async () => {
        const peer = await startPeer("echo", endpoint === "ipc" ? freshEndpoint() : endpoint);
        const socket = await connected(peer.endpoint);
        const sizes = [0, 1, 254, 255, 256, 257, 65535, 65536, 65537, 200000, 2 * 1024 * 1024];
        const sent = sizes.map((size) => Buffer.alloc(size, size % 251));
        sent.forEach((message) => {
          assert.equal(socket.send(message), true);
        });
        await until(() => socket.seen.messages.length === sizes.length, "all echoes");
        sent.forEach((message, index) => assert.ok(message.equals(socket.seen.messages[index]), `${sizes[index]} bytes`));
      });
    }

    it("reaches an abstract socket where Node.js can, and says so in words where it cannot", async () => {
      const peer = await startPeer("echo", `ipc://@wisblock-test-${process.pid}`);
      const socket = open(peer.endpoint);
      await until(() => socket.connected || socket.seen.unreachable.length > 0, "a result");
      const [major, minor] = process.versions.uv.split(".").map(Number);
      if (major > 1 || minor >= 48) {
        socket.send(Buffer.from("hello"));
        await until(() => socket.seen.messages.length === 1, "the echo");
        assert.equal(socket.seen.messages[0].toString(), "hello");
      } else {
        assert.match(socket.seen.unreachable[0].message, /needs Linux and Node\.js 22/);
      }
    });

    it("talks to a REP socket in two frames", async () => {
      const peer = await startPeer("echo", freshEndpoint(), "--type", "REP");
      const socket = await connected(peer.endpoint);
      socket.send([Buffer.alloc(0), Buffer.from("question")]);
      await until(() => socket.seen.messages.length === 1, "the echo");
      assert.equal(socket.seen.messages[0].toString(), "question");
      assert.deepEqual(socket.seen.parts[0].map(String), ["", "question"]);
    });

    it("takes a message of several frames, and refuses a flood of them", async () => {
      const peer = await startPeer("echo", freshEndpoint());
      const socket = await connected(peer.endpoint);
      socket.send(Buffer.from("parts:3"));
      await until(() => socket.seen.messages.length === 1, "the answer");
      assert.deepEqual(socket.seen.parts[0].map(String), ["part 0", "part 1", "part 2"]);
      socket.send(Buffer.from("parts:65"));
      await until(() => socket.seen.disconnects.length === 1, "the refusal");
      assert.match(socket.seen.disconnects[0].message, /more than 64 frames/);
    });

    it("refuses a socket that is no ROUTER", async () => {
      const peer = await startPeer("echo", freshEndpoint(), "--type", "PUB");
      const socket = open(peer.endpoint);
      await until(() => socket.seen.unreachable.length > 0, "the refusal");
      assert.match(socket.seen.unreachable[0].message, /of type PUB; the bridge's is ROUTER|closed the connection/);
      assert.equal(socket.seen.connects, 0);
    });

    it("answers libzmq's heartbeats, so that an idle connection stays", async () => {
      const peer = await startPeer("echo", freshEndpoint(), "--heartbeat-ms", "100", "--heartbeat-timeout-ms", "1500", "--heartbeat-ttl-ms", "5000");
      const socket = await connected(peer.endpoint);
      await sleep(2200);
      assert.equal(socket.seen.disconnects.length, 0);
      socket.send(Buffer.from("still there"));
      await until(() => socket.seen.messages.length === 1, "the echo");
    });

    it("gets its own heartbeats answered by libzmq", async () => {
      const peer = await startPeer("echo", "tcp://127.0.0.1:*");
      const socket = await connected(peer.endpoint, { heartbeatIntervalMs: 50, heartbeatTimeoutMs: 5000, heartbeatTtlMs: 10000 });
      await sleep(600);
      assert.equal(socket.seen.disconnects.length, 0);
    });

    it("keeps the order of ten thousand messages, sent and received", async () => {
      const peer = await startPeer("echo", freshEndpoint());
      const socket = await connected(peer.endpoint);
      const count = 10000;
      let sent = 0;
      let next = 0;
      const send = () => {
        while (sent < count && sent - next < 400) {
          assert.ok(socket.send(Buffer.from(String(sent))));
          sent += 1;
        }
      };
      socket.on("message", (body) => {
        assert.equal(body.toString(), String(next));
        next += 1;
        send();
      });
      send();
      await until(() => next === count, "all echoes");
      assert.equal(socket.seen.disconnects.length, 0);
    });

    for (const endpoint of ["ipc", "tcp"]) {
      it(`comes back to a killed and restarted peer over ${endpoint}, without what was sent in between`, async () => {
        const first = await startPeer("echo", endpoint === "ipc" ? freshEndpoint() : "tcp://127.0.0.1:*");
        const socket = await connected(first.endpoint);
        assert.equal(socket.send(Buffer.from("note: before")), true);
        await until(() => first.lines.includes("GOT note: before"), "the note");
        await first.kill("SIGKILL");
        await until(() => socket.seen.disconnects.length === 1, "the loss to be noticed");
        assert.match(socket.seen.disconnects[0].message, /closed the connection/);
        assert.equal(socket.send(Buffer.from("note: between")), false);
        const second = await startPeer("echo", first.endpoint);
        await until(() => socket.connected, "the reconnect");
        assert.equal(socket.send(Buffer.from("note: after")), true);
        await until(() => second.lines.length === 2, "the note");
        assert.deepEqual(second.lines.slice(1), ["GOT note: after"]);
      });
    }

    it("gets a hint when the file appears, and when a directory on its way does", async () => {
      const root = path.join(path.dirname(freshEndpoint().slice("ipc://".length)), "watched");
      fs.mkdirSync(root);
      const file = path.join(root, "run", "bridge.sock");
      let hints = 0;
      const watch = new ReturnWatch(file, () => {
        hints += 1;
      });
      assert.equal(watch.arm(), true);
      fs.writeFileSync(path.join(root, "something else"), "");
      fs.mkdirSync(path.dirname(file));
      await until(() => hints === 1, "the hint that the directory is there");
      assert.equal(watch.arm(), true);
      fs.writeFileSync(path.join(root, "run", "something else"), "");
      fs.writeFileSync(file, "");
      await until(() => hints > 1, "the hint that the file is there");
      watch.close();
      assert.equal(new ReturnWatch(path.join(root, "something else", "bridge.sock"), () => {}).arm(), false);
    });

    it("notices a socket that appears after a long absence, its directories included", async () => {
      const directory = path.join(path.dirname(freshEndpoint().slice("ipc://".length)), "run", "wisblock-bridge");
      const endpoint = `ipc://${directory}/bridge.sock`;
      const socket = open(endpoint);
      // By now the retries are up to a second apart.
      await until(() => socket.seen.unreachable.length >= 7, "seven attempts");
      assert.equal(socket.seen.unreachable[0].code, "no_socket");
      fs.mkdirSync(directory, { recursive: true });
      const attempts = socket.seen.unreachable.length;
      await until(() => socket.seen.unreachable.length > attempts, "an attempt, because the directory appeared");
      for (let round = 0; round < 3; round += 1) {
        const peer = await startPeer("echo", endpoint);
        await until(() => socket.connected, "the connection");
        assert.equal(socket.seen.connects, round + 1);
        await peer.kill();
        await until(() => !socket.connected, "the loss");
        fs.rmSync(directory, { recursive: true });
        await sleep(300);
        fs.mkdirSync(directory, { recursive: true });
      }
    });
  });

  describe("handshake", () => {
    it("sends the greeting and the READY of ZMTP 3.1, byte for byte", async () => {
      const peer = await rawPeer();
      await connected(peer.endpoint);
      await until(() => peer.heard[0].length >= CLIENT_HANDSHAKE_BYTES, "the handshake");
      const expected = Buffer.concat([greeting(), command("READY", Buffer.concat([property("Socket-Type", "DEALER"), property("Identity", "")]))]);
      assert.deepEqual(peer.heard[0], expected);
    });

    it("accepts a peer of ZMTP 3.0, and spares it the PING that 3.0 does not know", async () => {
      const peer = await rawPeer((socket) => socket.write(Buffer.concat([greeting({ minor: 0 }), ready()])));
      const socket = await connected(peer.endpoint, { heartbeatIntervalMs: 20, heartbeatTimeoutMs: 20 });
      await sleep(200);
      assert.equal(socket.seen.disconnects.length, 0);
      assert.equal(peer.said().length, 0);
    });

    it("accepts the greeting, READY and a message in chunks of one byte", async () => {
      const peer = await rawPeer(async (socket) => {
        socket.setNoDelay?.(true);
        for (const byte of Buffer.concat([greeting(), ready(), frame(Buffer.from("slow"))])) {
          socket.write(Buffer.from([byte]));
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
      });
      const socket = await connected(peer.endpoint);
      await until(() => socket.seen.messages.length === 1, "the message");
      assert.equal(socket.seen.messages[0].toString(), "slow");
    });

    const spoiled = [
      ["garbage", Buffer.from("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), /does not speak ZeroMQ's protocol ZMTP 3 \(first bytes 5353482d/],
      ["a web server", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /\(a web server\)/],
      ["a signature that breaks off", Buffer.concat([Buffer.from([0xff]), Buffer.alloc(9)]), /does not speak ZeroMQ's protocol/],
      ["ZMTP 2.0", Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 6]), /ZMTP 2 or earlier/],
      ["ZMTP 1.0", Buffer.from([1, 0]), /does not speak ZeroMQ's protocol ZMTP 3/],
      ["another mechanism", greeting({ mechanism: "CURVE" }), /wants the security mechanism CURVE, this client is set to NULL/],
      ["no mechanism", greeting({ mechanism: "" }), /security mechanism \(none\)/],
      ["another type of socket", Buffer.concat([greeting(), ready("PULL")]), /of type PULL; the bridge's is ROUTER/],
      ["no type of socket", Buffer.concat([greeting(), command("READY")]), /of type \(not said\)/],
      ["a READY that is cut off", Buffer.concat([greeting(), command("READY", Buffer.from([11, 83, 111]))]), /READY command is cut off/],
      ["a property that is too long", Buffer.concat([greeting(), command("READY", Buffer.from([1, 65, 0xff, 0xff, 0xff, 0xff]))]), /cut off or malformed/],
      ["another command", Buffer.concat([greeting(), command("WELCOME")]), /the command "WELCOME" where READY was due/],
      ["a command without a name", Buffer.concat([greeting(), Buffer.from([4, 0])]), /a command without a name/],
      ["a message", Buffer.concat([greeting(), frame(Buffer.from("too early"))]), /a message before the handshake was done/],
      ["ERROR", Buffer.concat([greeting(), command("ERROR", Buffer.concat([Buffer.from([11]), Buffer.from("not allowed")]))]), /refused the connection: not allowed/],
      ["an empty ERROR", Buffer.concat([greeting(), command("ERROR")]), /refused the connection: no reason given/],
    ];
    for (const [what, bytes, sentence] of spoiled) {
      it(`refuses a peer that begins with ${what}`, async () => {
        const reason = await refusal((socket) => socket.write(bytes));
        assert.match(reason.message, sentence);
        assert.match(reason.message, /\.$/);
      });
    }

    it("gives up on a peer that says nothing, or stops half-way", async () => {
      for (const bytes of [Buffer.alloc(0), greeting().subarray(0, 40), greeting()]) {
        const reason = await refusal((socket) => socket.write(bytes), { handshakeTimeoutMs: 100 });
        assert.equal(reason.code, "handshake_timeout");
        assert.match(reason.message, /did not complete ZeroMQ's handshake within 100 ms/);
      }
    });

    it("gives up on a peer that hangs up in the handshake, and tries again", async () => {
      const peer = await rawPeer((socket) => socket.end(greeting()));
      const socket = open(peer.endpoint);
      await until(() => socket.seen.unreachable.length >= 3, "three attempts");
      assert.ok(socket.seen.unreachable.every((reason) => reason.code === "closed_by_peer"));
    });
  });

  describe("frames", () => {
    it("arrive whole wherever the stream is cut", async () => {
      const bodies = [Buffer.from("short"), Buffer.alloc(0), Buffer.alloc(300, 7), Buffer.from("end")];
      const parts = [frame(bodies[0]), frame(bodies[1]), frame(bodies[2]), command("PING", Buffer.from([0, 0, 9])), frame(bodies[3])];
      const stream = Buffer.concat(parts);
      const cuts = [...Array(stream.length - 1).keys()].map((index) => index + 1);
      const handshake = Buffer.concat([greeting(), ready()]);
      const peer = await rawPeer(async (socket) => {
        socket.write(handshake);
        for (const cut of cuts) {
          socket.write(stream.subarray(0, cut));
          await new Promise((resolve) => {
            setImmediate(() => setImmediate(resolve));
          });
          socket.write(stream.subarray(cut));
        }
      });
      const socket = await connected(peer.endpoint);
      await until(() => socket.seen.messages.length === bodies.length * cuts.length, "all frames");
      socket.seen.messages.forEach((message, index) => assert.ok(message.equals(bodies[index % bodies.length]), `message ${index}`));
    });

    it("are the same for any frames in any chunks (fixed seed)", async () => {
      let state = 20240607;
      const random = (below) => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const expected = [];
      const stream = [greeting(), ready()];
      for (let count = 0; count < 400; count += 1) {
        const frames = Array.from({ length: random(4) === 0 ? 1 + random(5) : 1 }, () => {
          const body = Buffer.alloc([random(4), random(300), 250 + random(10), random(70000)][random(4)]);
          for (let index = 0; index < body.length; index += 1 + random(50)) {
            body[index] = random(256);
          }
          return body;
        });
        frames.forEach((body, index) => stream.push(frame(body, index < frames.length - 1)));
        if (random(5) === 0) {
          stream.push(command(["PONG", "SUBSCRIBE", "X"][random(3)], Buffer.alloc(random(20))));
        }
        expected.push(frames);
      }
      const bytes = Buffer.concat(stream);
      const peer = await rawPeer(async (socket) => {
        for (let offset = 0; offset < bytes.length;) {
          const size = 1 + [random(3), random(100), random(5000), random(100000)][random(4)];
          socket.write(bytes.subarray(offset, offset + size));
          offset += size;
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
      });
      const socket = await connected(peer.endpoint);
      await until(() => socket.seen.messages.length === expected.length, "all messages");
      expected.forEach((frames, index) => {
        const got = socket.seen.parts[index] ?? [socket.seen.messages[index]];
        assert.equal(got.length, frames.length);
        frames.forEach((body, part) => assert.ok(body.equals(got[part]), `message ${index} frame ${part}`));
      });
    });

    it("that are too large are refused by their announcement alone", async () => {
      const { reason } = await ending(longHeader(1025), { maxFrameBytes: 1024 });
      assert.match(reason.message, /announced a frame of 1025 bytes; at most 1024 are accepted/);
      const before = process.memoryUsage().arrayBuffers;
      const { reason: enormous } = await ending(longHeader(2 ** 52));
      assert.match(enormous.message, /announced a frame of 4503599627370496 bytes; at most 2097152/);
      assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
      const { reason: sum } = await ending(Buffer.concat([frame(Buffer.alloc(800), true), frame(Buffer.alloc(800), true)]), { maxFrameBytes: 1024 });
      assert.match(sum.message, /more than 64 frames or 1024 bytes/);
      const { messages } = await ending(Buffer.concat([frame(Buffer.alloc(1024)), Buffer.from([0x80, 0])]), { maxFrameBytes: 1024 });
      assert.equal(messages[0].length, 1024);
    });

    it("with flags that cannot be are refused", async () => {
      for (const flags of [0x08, 0x80, 0x05, 0x07]) {
        const { reason } = await ending(Buffer.from([flags, 0]));
        assert.match(reason.message, new RegExp(`impossible flags 0x0?${flags.toString(16)}`));
      }
    });

    it("after an ERROR or a malformed command are not looked at", async () => {
      const error = command("ERROR", Buffer.concat([Buffer.from([5]), Buffer.from("leave")]));
      for (const [bytes, sentence] of [[error, /refused the connection: leave/], [Buffer.from([4, 1, 9]), /without a name/],
        [command("PING", Buffer.from([0])), /PING without its time to live/]]) {
        const { reason, messages } = await ending(Buffer.concat([frame(Buffer.from("good")), bytes, frame(Buffer.from("never"))]));
        assert.match(reason.message, sentence);
        assert.deepEqual(messages.map(String), ["good"]);
      }
    });
  });

  describe("sending", () => {
    it("puts what is sent in one turn into one write", async () => {
      const peer = await rawPeer();
      const socket = await connected(peer.endpoint);
      const writes = [];
      peer.sockets[0].on("data", (bytes) => writes.push(bytes));
      const bodies = Array.from({ length: 50 }, (_, index) => Buffer.alloc(index * 10, index));
      const scratch = Buffer.alloc(500);
      bodies.forEach((body) => {
        body.copy(scratch);
        assert.ok(socket.send(scratch.subarray(0, body.length)));
      });
      scratch.fill(0xee);
      const expected = Buffer.concat(bodies.map((body) => frame(body)));
      assert.deepEqual(await peer.hear(expected.length), expected);
      assert.equal(writes.length, 1);
    });

    it("refuses what goes beyond the limit of unsent bytes, and loses nothing of what it took", async () => {
      const peer = await rawPeer();
      const socket = await connected(peer.endpoint, { maxUnsentBytes: 300000 });
      await until(() => peer.heard[0].length >= CLIENT_HANDSHAKE_BYTES, "the handshake");
      peer.sockets[0].pause();
      let taken = 0;
      for (let turns = 0; turns < 2000 && socket.send(Buffer.alloc(10000, taken % 256)); turns += 1) {
        taken += 1;
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      assert.ok(taken < 2000, "the limit was reached");
      assert.equal(socket.send([Buffer.alloc(5000), Buffer.alloc(5000)]), false);
      peer.sockets[0].resume();
      const said = await peer.hear(taken * 10009);
      for (let index = 0; index < taken; index += 1) {
        assert.deepEqual([said[index * 10009 + 9], said[index * 10009 + 10008]], [index % 256, index % 256]);
      }
      assert.equal(said.length, taken * 10009);
      await until(() => socket.send(Buffer.from("again")), "room");
    });

    it("says false before the handshake, after the loss and after close, and on no message at all", async () => {
      const peer = await rawPeer((socket) => socket.write(greeting()));
      const socket = open(peer.endpoint);
      assert.equal(socket.send(Buffer.from("early")), false);
      await until(() => peer.heard[0]?.length >= CLIENT_HANDSHAKE_BYTES, "our READY");
      assert.equal(socket.send(Buffer.from("still early")), false);
      peer.sockets[0].write(ready());
      await until(() => socket.connected, "the handshake");
      assert.equal(socket.send([]), false);
      assert.equal(socket.send(Buffer.from("now")), true);
      assert.deepEqual(await peer.hear(5), frame(Buffer.from("now")));
      const closing = socket.close();
      assert.equal(socket.send(Buffer.from("late")), false);
      await closing;
      assert.deepEqual(peer.said(), frame(Buffer.from("now")));
    });

    it("lets a mechanism seal and open each frame without knowing how", async () => {
      const flip = (bytes) => Buffer.from(bytes.map((byte) => byte ^ 0x55));
      class Toy {
        name = "TOY";
        asServer = false;
        complete = false;
        start() {
          return Buffer.from("\x05HELLO");
        }
        receive(name) {
          this.complete = name === "READY";
          return name === "WELCOME" ? Buffer.from("\x08INITIATE") : null;
        }
        seal(flags, body) {
          return flip(Buffer.concat([Buffer.from([flags]), body]));
        }
        open(_flags, body) {
          const plain = flip(body);
          return { flags: plain[0], body: plain.subarray(1) };
        }
      }
      const sealed = (flags, text) => frame(flip(Buffer.concat([Buffer.from([flags]), Buffer.from(text)])));
      const peer = await rawPeer((socket) => socket.write(Buffer.concat([greeting({ mechanism: "TOY" }), command("WELCOME"), command("READY"),
        sealed(1, "two"), sealed(0, "parts"), sealed(4, "\x04PING\0\0hello")])));
      const socket = await connected(peer.endpoint, { mechanism: () => new Toy() });
      await until(() => socket.seen.messages.length === 1, "the message");
      assert.deepEqual(socket.seen.parts[0].map(String), ["two", "parts"]);
      socket.send(Buffer.from("out"));
      const expected = Buffer.concat([greeting({ mechanism: "TOY" }), command("HELLO"), command("INITIATE"), sealed(4, "\x04PONGhello"), sealed(0, "out")]);
      await until(() => peer.heard[0].length >= expected.length, "all of it");
      assert.deepEqual(peer.heard[0], expected);
    });
  });

  describe("signs of life", () => {
    it("answers a PING with its context, at most 16 bytes of it", async () => {
      const context = Buffer.from("0123456789abcdefXYZ");
      const peer = await rawPeer((socket) => socket.write(Buffer.concat([greeting(), ready(), command("PING", Buffer.concat([Buffer.from([0, 0]), context])),
        command("PING", Buffer.from([0, 0]))])));
      await connected(peer.endpoint);
      const expected = Buffer.concat([command("PONG", context.subarray(0, 16)), command("PONG")]);
      assert.deepEqual(await peer.hear(expected.length), expected);
    });

    it("sends PING with its TTL in tenths of a second, and gives a silent peer up after interval and timeout", async () => {
      const peer = await rawPeer();
      const socket = await connected(peer.endpoint, { heartbeatIntervalMs: 100, heartbeatTimeoutMs: 150, heartbeatTtlMs: 2500 });
      const start = performance.now();
      await until(() => socket.seen.disconnects.length === 1, "the peer to be given up");
      const elapsed = performance.now() - start;
      assert.deepEqual(peer.said().subarray(0, 9), command("PING", Buffer.from([0, 25])));
      assert.equal(socket.seen.disconnects[0].code, "heartbeat");
      assert.ok(elapsed > 200 && elapsed < 2000, `${elapsed} ms`);
    });

    it("takes any traffic as a sign of life", async () => {
      const peer = await rawPeer((socket) => {
        socket.write(Buffer.concat([greeting(), ready()]));
        const timer = setInterval(() => socket.write(frame(Buffer.from("tick"))), 20);
        socket.on("close", () => clearInterval(timer));
      });
      const socket = await connected(peer.endpoint, { heartbeatIntervalMs: 2000, heartbeatTimeoutMs: 2000 });
      await until(() => socket.seen.messages.length >= 30, "thirty ticks");
      assert.equal(peer.said().length, 0);
    });

    it("holds the peer to the TTL that it asked for", async () => {
      const peer = await rawPeer((socket) => socket.write(Buffer.concat([greeting(), ready(), command("PING", Buffer.from([0, 2]))])));
      const socket = await connected(peer.endpoint);
      await until(() => socket.seen.disconnects.length === 1, "the end");
      assert.equal(socket.seen.disconnects[0].code, "heartbeat");
    });

    it("hears what has arrived before it judges, however long the process was busy", async () => {
      const peer = await startPeer("echo", freshEndpoint());
      const socket = await connected(peer.endpoint, { heartbeatIntervalMs: 50, heartbeatTimeoutMs: 50 });
      for (let round = 0; round < 3; round += 1) {
        const end = performance.now() + 800;
        while (performance.now() < end) {
          // Busy, the way a flow with a heavy Function node is.
        }
        await sleep(5);
      }
      assert.deepEqual(socket.seen.disconnects, []);
    });
  });

  describe("the end", () => {
    it("comes at once when the peer half-closes, even with unsent bytes waiting", async () => {
      const peer = await rawPeer();
      const socket = await connected(peer.endpoint);
      await until(() => peer.heard[0].length >= CLIENT_HANDSHAKE_BYTES, "the handshake");
      peer.sockets[0].pause();
      for (let count = 0; count < 300; count += 1) {
        socket.send(Buffer.alloc(10000));
      }
      peer.sockets[0].end();
      await until(() => socket.seen.disconnects.length === 1, "the end");
      assert.equal(socket.seen.disconnects[0].code, "closed_by_peer");
    });

    it("lets the last message out, and no more than the time given", async () => {
      const peer = await startPeer("echo", freshEndpoint());
      const socket = await connected(peer.endpoint);
      socket.send(Buffer.from("note: last words"));
      await Promise.all([socket.close(), socket.close()]);
      await until(() => peer.lines.includes("GOT note: last words"), "the last words");
      const stuck = await rawPeer();
      const second = await connected(stuck.endpoint);
      stuck.sockets[0].pause();
      for (let count = 0; count < 300; count += 1) {
        second.send(Buffer.alloc(10000));
      }
      const start = performance.now();
      await second.close(100);
      assert.ok(performance.now() - start < 2000);
      assert.equal(second.seen.disconnects[0].code, "closed");
    });

    it("is reached from every state, and nothing connects after it", async () => {
      const peer = await rawPeer((socket) => socket.write(greeting()));
      const never = new DealerSocket({ endpoint: peer.endpoint });
      await never.close();
      never.open();
      const inHandshake = open(peer.endpoint);
      await until(() => peer.sockets.length === 1, "the connection");
      await inHandshake.close();
      const retrying = open(freshEndpoint());
      await until(() => retrying.seen.unreachable.length === 2, "two attempts");
      await retrying.close();
      await sleep(150);
      assert.equal(peer.sockets.length, 1);
      assert.equal(retrying.seen.unreachable.length, 2);
      assert.deepEqual(inHandshake.seen.unreachable.map((reason) => reason.code), ["closed"]);
    });

    it("is told, not thrown, when a listener fails", async () => {
      const peer = await rawPeer((socket) => socket.write(Buffer.concat([greeting(), ready(), frame(Buffer.from("boo"))])));
      const socket = open(peer.endpoint);
      socket.on("message", () => {
        throw new Error("no good");
      });
      await until(() => socket.seen.disconnects.length > 0, "the end");
      assert.match(socket.seen.disconnects[0].message, /could not be handled: no good/);
    });

    it("leaves nothing behind: a process that opens and closes a socket exits by itself", async () => {
      const peer = await startPeer("echo", freshEndpoint());
      const script = `
        const { DealerSocket } = require(${JSON.stringify(path.join(ROOT, "node-red-nodes", "lib", "zmtp.js"))});
        const away = new DealerSocket({ endpoint: ${JSON.stringify(freshEndpoint())} });
        away.on("unreachable", () => away.close());
        away.open();
        const socket = new DealerSocket({ endpoint: ${JSON.stringify(peer.endpoint)} });
        socket.on("connect", () => socket.send(Buffer.from("hello")));
        socket.on("message", () => socket.close());
        socket.open();
        process.on("exit", () => console.log("exits by itself"));`;
      assert.equal(execFileSync(process.execPath, ["-e", script], { timeout: 20000, encoding: "utf8" }), "exits by itself\n");
    });
  });

  describe("endpoints", () => {
    it("follow the default rule", () => {
      const given = (environment, directories) =>
        defaultEndpoint({ environment, uid: 1000, directoryExists: (directory) => directories.includes(directory) });
      assert.equal(given({ WISBLOCK_BRIDGE_ENDPOINT: "tcp://pi:5555", XDG_RUNTIME_DIR: "/run/user/1000" }, ["/run/wisblock-bridge"]), "tcp://pi:5555");
      assert.equal(given({ XDG_RUNTIME_DIR: "/run/user/1000" }, ["/run/wisblock-bridge"]), "ipc:///run/wisblock-bridge/bridge.sock");
      assert.equal(given({ XDG_RUNTIME_DIR: "/run/user/1000" }, []), "ipc:///run/user/1000/wisblock-bridge/bridge.sock");
      assert.equal(given({ WISBLOCK_BRIDGE_ENDPOINT: "" }, []), "ipc:///tmp/wisblock-bridge-1000/bridge.sock");
    });

    it("are read strictly", () => {
      assert.deepEqual(parseEndpoint(" ipc:///run/a.sock "), { transport: "ipc", path: "/run/a.sock", abstract: false, text: "ipc:///run/a.sock" });
      assert.deepEqual(parseEndpoint("ipc://@name", { platform: "linux", libuvVersion: "1.48.0" }),
        { transport: "ipc", path: "\0name", abstract: true, text: "ipc://@name" });
      assert.deepEqual(parseEndpoint("tcp://[fe80::1%eth0]:5555"), { transport: "tcp", host: "fe80::1%eth0", port: 5555, text: "tcp://[fe80::1%eth0]:5555" });
      assert.deepEqual(parseEndpoint("tcp://raspberrypi.local:65535"), { transport: "tcp", host: "raspberrypi.local", port: 65535, text: "tcp://raspberrypi.local:65535" });
    });

    const wrong = [
      [undefined, /No endpoint is given/], ["", /No endpoint is given/], ["http://localhost:1", /begin with ipc:\/\/ or tcp:\/\//],
      ["ipc://", /names no socket/], ["ipc://@", /names no socket/], ["ipc://run/a.sock", /relative path.*ipc:\/\/\/run\/a\.sock/],
      [`ipc:///${"x".repeat(107)}`, /108 bytes long; at most 107/], ["ipc:///a\0b", /NUL/], ["tcp://localhost", /a host, a colon and a port/],
      ["tcp://localhost:0", /Ports go from 1 to 65535/], ["tcp://localhost:65536", /Ports go from 1 to 65535/], ["tcp://*:5555", /only the bridge itself/],
      ["tcp://::1:5555", /stands in brackets/], ["tcp://host:55x", /a host, a colon and a port/], ["tcp://eth0;host:5555", /a host, a colon and a port/],
    ];
    for (const [text, sentence] of wrong) {
      it(`refuse ${JSON.stringify(text)} with a sentence`, () => {
        assert.throws(() => parseEndpoint(text), (error) => error instanceof EndpointError && sentence.test(error.message));
      });
    }

    it("that cannot be read are told by an event, and asked for anew", async () => {
      const peer = await rawPeer();
      let asked = 0;
      const socket = open(() => {
        asked += 1;
        return asked < 3 ? "nonsense" : peer.endpoint;
      });
      await until(() => socket.connected, "the third answer");
      assert.deepEqual(socket.seen.unreachable.map((reason) => reason.code), ["bad_endpoint", "bad_endpoint"]);
    });
  });
});
