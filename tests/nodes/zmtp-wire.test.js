"use strict";
/*
 * What a ZMTP socket says and accepts, byte by byte, against a peer that speaks by hand, rightly and wrongly.
 *
 * 1. Expected bytes are typed from rfc.zeromq.org/spec/37, not taken from the code under test.
 * 2. Waits are for conditions, never for a while, except where silence itself is what is tested.
 */

const assert = require("node:assert/strict");

const { closeAll, connected, ending, open, rawPeer, refusal } = require("./peers/dealer");
const { CLIENT_HANDSHAKE_BYTES, command, frame, greeting, longHeader, property, ready } = require("./peers/raw-peer");
const { removeEndpoints, sleep, until } = require("./peers/start-peer");

describe("zmtp on the wire", function () {
  this.timeout(60000);

  afterEach(closeAll);
  after(removeEndpoints);

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
      ["another mechanism", greeting({ mechanism: "PLAIN" }), /wants the security mechanism PLAIN, this client is set to NULL/],
      ["CURVE", greeting({ mechanism: "CURVE" }), /wants keys \(CURVE\), and none are set here/],
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
});
