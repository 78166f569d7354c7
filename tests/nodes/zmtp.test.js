"use strict";
/*
 * The life of a ZMTP socket: with libzmq at the other end (through pyzmq), heartbeats, losses, the end.
 *
 * 1. Expected bytes are typed from rfc.zeromq.org/spec/37, not taken from the code under test.
 * 2. Waits are for conditions, never for a while, except where silence itself is what is tested.
 */

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const { DealerSocket } = require("../../node-red-nodes/lib/zmtp");
const { ReturnWatch } = require("../../node-red-nodes/lib/zmtp-return");
const { closeAll, connected, open, rawPeer } = require("./peers/dealer");
const { CLIENT_HANDSHAKE_BYTES, command, frame, greeting, ready } = require("./peers/raw-peer");
const { ROOT, freshEndpoint, removeEndpoints, sleep, startPeer, until } = require("./peers/start-peer");

describe("zmtp", function () {
  this.timeout(60000);

  afterEach(closeAll);
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
      const turn = () => new Promise((resolve) => {
        setImmediate(resolve);
      });
      for (let round = 0; round < 3; round += 1) {
        const end = performance.now() + 800;
        while (performance.now() < end) {
          // Busy, the way a flow with a heavy Function node is: the PONG comes meanwhile, and its time runs out.
        }
        // Long enough for a PING to leave, too short for its PONG to be read before the next busy spell.
        await turn();
        await turn();
      }
      await sleep(20);
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
});
