"use strict";
/*
 * What sits at the endpoint means harm. Node-RED must not notice more than that the bridge gives no good answers.
 *
 * 1. Bytes are typed from the MessagePack and ZMTP specifications, not made by the code under test.
 * 2. How long a frame keeps the event loop busy is what is tested here; the time of a core is counted, and the best of several runs,
 *    so that a busy computer fails nothing.
 */

const assert = require("node:assert/strict");
const { encode } = require("@msgpack/msgpack");

const { Codec, idOf } = require("../../node-red-nodes/lib/client-codec");
const { BridgeClient } = require("../../node-red-nodes/lib/client");
const { FrameReader } = require("../../node-red-nodes/lib/zmtp-framing");
const { faultOf } = require("../../node-red-nodes/lib/messagepack-check");
const { NullMechanism } = require("../../node-red-nodes/lib/zmtp-null");
const catalogue = require("../../node-red-nodes/catalogue.json");
const { RawPeer, command, frame, greeting, longHeader, property, ready } = require("./peers/raw-peer");
const { removeEndpoints, until } = require("./peers/start-peer");

const LONGEST_MS = 80;
const FRAME_BYTES = 2 * 1024 * 1024;

/** A format with a length of four bytes. */
const long = (first, length) => Buffer.from([first, length >>> 24, length >>> 16 & 255, length >>> 8 & 255, length & 255]);
const ARRAY = 0xdd;
const MAP = 0xdf;
const TEXT = 0xdb;
const BIN = 0xc6;
const EXT = 0xc9;
const MILLION = 1048576;

/** A reply to request `id` with these bytes as its result. */
const reply = (id, result) => Buffer.concat([Buffer.from([0x84, 0xa1, 0x76, 1, 0xa2, 0x69, 0x64, id, 0xa2, 0x6f, 0x6b, 0xc3, 0xa6]), Buffer.from("result"), result]);
/** As many of a value as fit into the largest frame, in one array. */
const full = (value, bytes = FRAME_BYTES - 64) => {
  const count = Math.floor(bytes / value.length);
  return Buffer.concat([long(ARRAY, count), Buffer.concat(Array(count).fill(value))]);
};
const keys = (maps, count) => Buffer.concat([long(ARRAY, maps), ...Array.from({ length: maps }, (_map, map) => Buffer.concat([
  long(MAP, count), ...Array.from({ length: count }, (_key, key) => Buffer.concat([Buffer.from([0xa7]), Buffer.from((map * count + key).toString(36).padStart(7, "k")), Buffer.from([1])])),
]))]);

/** Frames that shall be refused, by what they do. */
const BOMBS = {
  "15 kB of array headers that announce a million elements each": reply(2, Buffer.concat(Array(3000).fill(long(ARRAY, MILLION)))),
  "1 kB of them": reply(2, Buffer.concat(Array(200).fill(long(ARRAY, MILLION)))),
  "one array of 4294967295": reply(2, long(ARRAY, 0xffffffff)),
  "one map of 4294967295": reply(2, long(MAP, 0xffffffff)),
  "maps of a million": reply(2, Buffer.concat(Array(3000).fill(Buffer.concat([long(MAP, MILLION), Buffer.from([0xa1, 0x61])])))),
  "a text of 4 GiB": reply(2, long(TEXT, 0xffffffff)),
  "bytes of 4 GiB": reply(2, long(BIN, 0xffffffff)),
  "an extension of 4 GiB": reply(2, long(EXT, 0xffffffff)),
  "an extension type": reply(2, Buffer.from([0xd4, 1, 0])),
  "a timestamp": reply(2, Buffer.from([0xd6, 0xff, 0, 0, 0, 0])),
  "2 MiB of arrays in arrays": reply(2, Buffer.alloc(FRAME_BYTES - 64, 0x91)),
  "2 MiB of maps in maps": reply(2, Buffer.concat(Array(600000).fill(Buffer.from([0x81, 0xa1, 0x61])))),
  "deeper by one than is taken": reply(2, Buffer.concat([Buffer.alloc(32, 0x91), Buffer.from([1])])),
  "two million numbers": reply(2, full(Buffer.from([1]))),
  "two million empty maps": reply(2, full(Buffer.from([0x80]))),
  "two million empty arrays": reply(2, full(Buffer.from([0x90]))),
  "half a million maps": reply(2, full(Buffer.from([0x81, 0xa1, 0x61, 0xc0]))),
  "a million texts": reply(2, full(Buffer.from([0xa1, 0x61]))),
  "a million byte strings": reply(2, full(Buffer.from([0xc4, 0]))),
  "texts that are no UTF-8": reply(2, full(Buffer.concat([Buffer.from([0xd9, 190]), Buffer.alloc(190, 0xc3)]))),
  "a hundred thousand keys": reply(2, keys(25, 4096)),
  "more bytes behind the message": Buffer.concat([reply(2, Buffer.from([1])), Buffer.from([1])]),
  "a reply that is cut off": reply(2, long(ARRAY, 2)),
  "a number that is cut off": reply(2, Buffer.from([0xcf, 1])),
  "the byte that means nothing": reply(2, Buffer.from([0xc1])),
};

/** Frames that are as dear as what may still be taken. */
const DEAR = {
  "numbers": full(Buffer.from([1]), 59000),
  "empty maps": full(Buffer.from([0x80]), 59000),
  "maps": full(Buffer.from([0x81, 0xa1, 0x61, 0xc0]), 4 * 19000),
  "texts": full(Buffer.from([0xa1, 0x61]), 2 * 59000),
  "byte strings": full(Buffer.from([0xc4, 1, 7]), 3 * 59000),
  "64-bit numbers": full(Buffer.from([0xcf, 255, 255, 255, 255, 255, 255, 255, 255]), 9 * 59000),
  "keys": keys(29, 1000),
  "texts that are no UTF-8": full(Buffer.concat([Buffer.from([0xd9, 190]), Buffer.alloc(190, 0xc3)]), 1000000),
  "one text": Buffer.concat([long(TEXT, 1000000), Buffer.alloc(1000000, 0xff)]),
  "one byte string": Buffer.concat([long(BIN, 2000000), Buffer.alloc(2000000, 1)]),
};

/** What the cheapest of several runs takes of a core, ms: time in which others had it does not count. */
function best(work) {
  const times = Array.from({ length: 7 }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

describe("a malicious bridge", function () {
  this.timeout(60000);

  /** @type {BridgeClient[]} */
  const clients = [];
  /** @type {RawPeer[]} */
  const peers = [];

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((each) => each.close()));
    await Promise.all(peers.splice(0).map((each) => each.close()));
  });
  after(removeEndpoints);

  /** A client that was greeted well, and what the peer may say to it. Its next request has the id 2. */
  async function welcomed(options = {}) {
    const hello = encode({ v: 1, id: 1, ok: true, result: { server: "x", version: "1", board: "x", protocol: [1], session: "s", lease_ms: 60000, resumed: false } });
    const peer = await new RawPeer((socket) => {
      socket.write(Buffer.concat([greeting(), ready()]));
      // a client on a later connection greets with another id: leave it waiting
      setImmediate(() => socket.write(frame(Buffer.from(hello))));
    }).listen();
    peers.push(peer);
    const client = new BridgeClient({ endpoint: peer.endpoint, leaseMs: 60000, transport: { heartbeatIntervalMs: 0 }, ...options });
    clients.push(client);
    await until(() => client.state === "online", "the client is online");
    return { client, say: (bytes) => peer.sockets[0].write(bytes), peer };
  }

  const rejected = async (promise) => promise.then(() => assert.fail("it should have been rejected"), (error) => error);

  describe("cannot keep Node-RED busy with a frame of", () => {
    for (const [what, bytes] of Object.entries(BOMBS)) {
      it(`${what}: it is refused`, () => {
        assert.ok(bytes.length <= FRAME_BYTES);
        const codec = new Codec();
        const took = best(() => assert.throws(() => codec.decode(bytes)));
        assert.ok(took < LONGEST_MS, `${took} ms`);
      });
    }

    for (const [what, result] of Object.entries(DEAR)) {
      it(`${what}, as many as are taken`, () => {
        const bytes = reply(2, result);
        const codec = new Codec();
        assert.equal(faultOf(bytes), "");
        const took = best(() => codec.decode(bytes));
        assert.ok(took < LONGEST_MS, `${took} ms`);
      });
    }

    it("a thousand small bombs in a row", () => {
      const codec = new Codec();
      const took = best(() => {
        for (let count = 0; count < 1000; count += 1) {
          assert.throws(() => codec.decode(BOMBS["1 kB of them"]));
        }
      });
      assert.ok(took < LONGEST_MS * 4, `${took} ms for a thousand`);
    });

    for (const [what, chunk] of Object.entries({
      "one byte": Buffer.from([0, 1, 0xc1]), "nothing": Buffer.from([0, 0]), "PING": command("PING", Buffer.from([0, 0])), "a command nobody knows": command("NOISE"),
    })) {
      it(`frames of ${what}, as many as are read at once`, () => {
        const chunks = Buffer.concat(Array(Math.floor(65536 / chunk.length)).fill(chunk));
        let frames = 0;
        const took = best(() => new FrameReader(FRAME_BYTES, () => {
          frames += 1;
        }).feed(chunks, 0));
        assert.ok(frames > 0 && took < LONGEST_MS, `${took} ms`);
      });
    }

    it("a READY that is full of properties", () => {
      const data = Buffer.concat([property("Socket-Type", "ROUTER"), Buffer.concat(Array.from({ length: 9000 }, (_each, index) => property(`${index % 10}`, "")))]);
      assert.ok(data.length < 65536);
      const took = best(() => new NullMechanism().receive("READY", data));
      assert.ok(took < LONGEST_MS, `${took} ms`);
    });
  });

  it("is understood as long as it is honest: the catalogue has four times the room that it needs", () => {
    const bytes = Buffer.from(encode({ v: 1, id: 1, ok: true, result: catalogue }));
    assert.deepEqual(new Codec().decode(bytes).result, catalogue);
    const values = (value) => 1 + (typeof value === "object" && value !== null ? Object.entries(value).reduce((sum, [, each]) => sum + values(each) + (Array.isArray(value) ? 0 : 1), 0) : 0);
    assert.ok(values(catalogue) * 4 < 80000, "give the check more room");
  });

  for (const [what, value] of [["numbers", [0, 127, 128, 255, 256, 65535, 65536, 2 ** 32, -1, -32, -33, -128, -32768, -(2 ** 31), 1.5]], ["texts", ["", "a".repeat(31), "a".repeat(32), "a".repeat(256), "ü".repeat(40000)]],
    ["bytes", [Buffer.alloc(0), Buffer.alloc(300), Buffer.alloc(70000)]], ["lists and maps", [Array(15).fill(null), Array(16).fill(true), Array(20000).fill(false), Object.fromEntries(Array.from({ length: 1000 }, (_each, index) => [`k${index}`, index]))]]]) {
    it(`does not spoil ${what} of every length: an honest message passes`, () => {
      assert.equal(faultOf(Buffer.from(encode({ value }))), "");
    });
  }

  for (const what of ["15 kB of array headers that announce a million elements each", "two million empty maps", "an extension type"]) {
    it(`fails the request that it answers with ${what}, at once and in words, and nothing else`, async () => {
      const { client, say } = await welcomed();
      const answer = rejected(client.request("status"));
      say(frame(BOMBS[what]));
      const error = await answer;
      assert.equal(error.code, "internal");
      assert.match(error.message, /reply to "status" was not taken: /);
      assert.equal(client.state, "online");
      const next = client.request("ping");
      say(frame(reply(3, Buffer.from([0x80]))));
      assert.deepEqual(await next, {});
    });
  }

  for (const bytes of [FRAME_BYTES + 1, 5 * 1024 * 1024]) {
    it(`fails the request that it answers with ${bytes} bytes, and the connection stands (R11)`, async () => {
      const { client, say } = await welcomed();
      const answer = rejected(client.request("status"));
      say(frame(reply(2, Buffer.concat([long(BIN, bytes), Buffer.alloc(bytes)]))));
      const error = await answer;
      assert.equal(error.code, "internal");
      assert.match(error.message, /reply to "status" was not taken: \d+ bytes are more than are taken/);
      const next = client.request("ping");
      say(frame(reply(3, Buffer.from([0x80]))));
      assert.deepEqual(await next, {});
      assert.equal(client.state, "online");
    });
  }

  it("is left when it announces more than could ever be meant", async () => {
    const { client, say } = await welcomed();
    say(longHeader(2 ** 40));
    await until(() => client.state !== "online", "it is left");
  });

  it("is left when it speaks nothing but nonsense", async () => {
    const { client, say } = await welcomed();
    const states = [];
    client.on("state", (state, reason) => states.push([state, reason?.message]));
    say(Buffer.concat(Array(1000).fill(frame(BOMBS["1 kB of them"]))));
    await until(() => states.length > 0, "it is left");
    assert.equal(states[0][0], "offline");
    assert.match(states[0][1], /101 messages that make no sense/);
    assert.equal(client.counters.malformed, 101);
  });

  it("is recognised by the id alone where nothing else may be read", () => {
    for (const id of [1, 127, 128, 255, 256, 65535, 65536, 0xffffffff]) {
      assert.equal(idOf(Buffer.from(encode({ v: 1, id, ok: true, result: {} }))), id);
    }
    for (const bytes of [[], [0x82], [0x82, 0xa1, 0x76, 1, 0xa2, 0x69, 0x64], [0x82, 0xa1, 0x76, 1, 0xa2, 0x69, 0x64, 0xcd, 1], [0x82, 0xa1, 0x77, 1, 0xa2, 0x69, 0x64, 1], [0x91, 0xa1, 0x76, 1, 0xa2, 0x69, 0x64, 1]]) {
      assert.equal(idOf(Buffer.from(bytes)), null);
    }
  });
});
