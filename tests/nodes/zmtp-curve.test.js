"use strict";
/*
 * CURVE with libzmq at the other end, with the right keys and with wrong ones.
 *
 * 1. Places in commands are typed from rfc.zeromq.org/spec/26, not taken from the code under test.
 * 2. Waits are for conditions, never for a while, except where silence itself is what is tested.
 */

const assert = require("node:assert/strict");
const nacl = require("tweetnacl");

const { CurveMechanism } = require("../../node-red-nodes/lib/zmtp-curve");
const { mechanismFor, readKeys } = require("../../node-red-nodes/lib/zmtp-keys");
const { closeAll, connected, open, rawPeer } = require("./peers/dealer");
const { FrameProxy, bodyStart, commandName } = require("./peers/frame-proxy");
const { CLIENT, KEYS, startGuarded, stranger } = require("./peers/keys");
const { removeEndpoints, sleep, startPeer, until } = require("./peers/start-peer");

/** Options of a socket that has keys. */
const keyed = (more = {}, keys = KEYS) => ({ mechanism: mechanismFor(keys), ...more });

describe("zmtp with CURVE", function () {
  this.timeout(60000);

  /** @type {FrameProxy[]} */
  let proxies = [];

  afterEach(async () => {
    await closeAll();
    await Promise.all(proxies.map((proxy) => proxy.close()));
    proxies = [];
  });
  after(removeEndpoints);

  async function inTheMiddle() {
    const peer = await startGuarded("echo");
    const proxy = await new FrameProxy(peer.endpoint).listen();
    proxies.push(proxy);
    return { peer, proxy };
  }

  /** What attempts with these keys end with. */
  async function refusal(endpoint, keys, options) {
    const socket = open(endpoint, keyed(options, keys));
    await until(() => socket.seen.unreachable.length > 0, "the refusal");
    assert.equal(socket.seen.connects, 0);
    return socket.seen.unreachable[0];
  }

  describe("with libzmq", () => {
    for (const endpoint of ["tcp://127.0.0.1:*", "tcp://[::1]:*"]) {
      it(`carries messages from 0 bytes to 2 MiB over ${endpoint}`, async () => {
        const peer = await startGuarded("echo", endpoint);
        const socket = await connected(peer.endpoint, keyed());
        const sizes = [0, 1, 2, 221, 222, 223, 254, 255, 256, 65500, 65502, 65503, 65504, 65535, 65536, 200000, 2 ** 20, 2 * 2 ** 20];
        const sent = sizes.map((size) => Buffer.alloc(size, size % 251));
        for (const message of sent) {
          // the echoes of what is large are waited for: the limit of unsent bytes is not what is tested
          await until(() => socket.send(message), "room");
        }
        await until(() => socket.seen.messages.length === sizes.length, "all echoes");
        sent.forEach((message, index) => assert.ok(message.equals(socket.seen.messages[index]), `${sizes[index]} bytes`));
        assert.equal(socket.seen.disconnects.length, 0);
      });
    }

    it("carries a message of several frames", async () => {
      const peer = await startGuarded("echo");
      const socket = await connected(peer.endpoint, keyed());
      socket.send([Buffer.from("one"), Buffer.alloc(0), Buffer.alloc(70000, 3)]);
      socket.send(Buffer.from("parts:3"));
      await until(() => socket.seen.messages.length === 2, "both");
      assert.deepEqual(socket.seen.parts[0].map((part) => part.length), [3, 0, 70000]);
      assert.deepEqual(socket.seen.parts[1].map(String), ["part 0", "part 1", "part 2"]);
    });

    it("keeps the order of ten thousand messages, with heartbeats of both sides between them", async () => {
      const peer = await startGuarded("echo", "tcp://127.0.0.1:*", "--heartbeat-ms", "20", "--heartbeat-timeout-ms", "15000");
      const socket = await connected(peer.endpoint, keyed({ heartbeatIntervalMs: 20, heartbeatTimeoutMs: 15000 }));
      const count = 10000;
      let sent = 0;
      let next = 0;
      const send = () => {
        while (sent < count && sent - next < 100) {
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

    it("answers libzmq's heartbeats, so that an idle connection stays", async () => {
      const peer = await startGuarded("echo", "tcp://127.0.0.1:*", "--heartbeat-ms", "100", "--heartbeat-timeout-ms", "1500", "--heartbeat-ttl-ms", "5000");
      const socket = await connected(peer.endpoint, keyed());
      await sleep(2200);
      assert.equal(socket.seen.disconnects.length, 0);
      socket.send(Buffer.from("still there"));
      await until(() => socket.seen.messages.length === 1, "the echo");
    });

    it("gets its own heartbeats answered, and gives up when the answers do not come through", async () => {
      const { proxy } = await inTheMiddle();
      const socket = await connected(proxy.endpoint, keyed({ heartbeatIntervalMs: 50, heartbeatTimeoutMs: 5000, heartbeatTtlMs: 10000 }));
      const said = () => proxy.talks[0].server.length;
      await until(() => said() >= 8, "five PONGs after greeting, WELCOME and READY");
      assert.equal(socket.seen.disconnects.length, 0);
      assert.deepEqual([...new Set(proxy.talks[0].client.slice(3).map(commandName))], ["MESSAGE"], "PING is as secret as anything else");
      proxy.change = (side, each) => (side === "server" ? [] : each);
      await until(() => socket.seen.disconnects.length === 1, "the peer to be given up");
      assert.equal(socket.seen.disconnects[0].code, "heartbeat");
    });

    it("comes back to a restarted server with other short-term keys", async () => {
      const { peer, proxy } = await inTheMiddle();
      const socket = await connected(proxy.endpoint, keyed());
      assert.equal(socket.send(Buffer.from("note: before")), true);
      await until(() => peer.lines.includes("GOT note: before"), "the note");
      await peer.kill("SIGKILL");
      await until(() => socket.seen.disconnects.length === 1, "the loss to be noticed");
      assert.equal(socket.send(Buffer.from("note: between")), false);
      const second = await startGuarded("echo", peer.endpoint);
      await until(() => socket.connected, "the reconnect");
      assert.equal(socket.send(Buffer.from("note: after")), true);
      await until(() => second.lines.length === 2, "the note");
      assert.deepEqual(second.lines.slice(1), ["GOT note: after"]);
      const hellos = proxy.talks.map((talk) => talk.client[1]).filter((each) => each !== undefined);
      const shortTerm = hellos.map((each) => each.toString("hex", bodyStart(each) + 80, bodyStart(each) + 112));
      assert.ok(hellos.length >= 2);
      assert.equal(new Set(shortTerm).size, hellos.length);
    });
  });

  describe("says why it is not let in", () => {
    it("with another server's key", async () => {
      const peer = await startGuarded("echo");
      const reason = await refusal(peer.endpoint, { ...KEYS, serverKey: stranger().publicKey });
      assert.equal(reason.code, "wrong_server_key");
      assert.match(reason.message, /hung up when it was shown the server key\.$/);
      assert.match(reason.hint, /not this bridge's, or something else answers there.*keys server/);
    });

    it("with a key that is not on the list", async () => {
      const peer = await startGuarded("echo");
      const reason = await refusal(peer.endpoint, { ...KEYS, ...stranger() });
      assert.equal(reason.code, "key_refused");
      assert.match(reason.message, /does not know this client's key\.$/);
      assert.match(reason.hint, /keys list.*keys add/);
    });

    it("without keys", async () => {
      const peer = await startGuarded("echo");
      const reason = await refusal(peer.endpoint, {});
      assert.equal(reason.code, "keys_wanted");
      assert.match(reason.message, /wants keys \(CURVE\), and none are set here\.$/);
      assert.match(reason.hint, /keys add/);
    });

    it("by a server without CURVE, to which it says nothing more", async () => {
      const peer = await startPeer("echo", "tcp://127.0.0.1:*");
      const reason = await refusal(peer.endpoint, KEYS);
      assert.equal(reason.code, "no_curve");
      assert.match(reason.message, /does not use keys \(CURVE\), so it cannot prove that it is the bridge; nothing was sent\.$/);
    });

    it("with keys that are none, without trying", async () => {
      const peer = await startGuarded("echo");
      const reason = await refusal(peer.endpoint, { ...KEYS, secretKey: CLIENT.secretKey.slice(1) });
      assert.equal(reason.code, "bad_keys");
      assert.match(reason.message, /The secret key is 39 characters long/);
    });

    it("by a server that hangs up after the client's key was shown, or never answers it", async () => {
      const { proxy } = await inTheMiddle();
      proxy.change = (side, each) => (commandName(each) === "READY" ? null : each);
      const cut = await refusal(proxy.endpoint, KEYS);
      assert.equal(cut.code, "key_refused");
      assert.match(cut.message, /has the right server key, but hung up when it saw this client's key\.$/);
      proxy.change = (side, each) => (commandName(each) === "READY" ? [] : each);
      const late = await refusal(proxy.endpoint, KEYS, { handshakeTimeoutMs: 300 });
      assert.equal(late.code, "key_refused");
      assert.match(late.message, /did not let this client in in time\.$/);
    });

    it("by a server that never answers, at each step", async () => {
      const { proxy } = await inTheMiddle();
      proxy.change = () => [];
      const reason = await refusal(proxy.endpoint, KEYS, { handshakeTimeoutMs: 300 });
      assert.equal(reason.code, "wrong_server_key");
      assert.match(reason.message, /did not answer to the server key in time\.$/);
      const silent = await rawPeer(() => {});
      const nothing = await refusal(silent.endpoint, KEYS, { handshakeTimeoutMs: 300 });
      assert.equal(nothing.code, "handshake_timeout");
    });

    for (const [reason, sentence] of [["400", /does not know this client's key/], ["", /does not know this client's key/],
      ["500", /could not check this client's key \(500\)/]]) {
      it(`by an ERROR that says "${reason}"`, () => {
        const mechanism = new CurveMechanism(readKeys(KEYS), "tcp://gateway:5555");
        mechanism.start();
        const { code, message } = mechanism.explain("refused", reason);
        assert.equal(code, "key_refused");
        assert.match(message, sentence);
        mechanism.dispose();
      });
    }

    for (const [what, keys] of [["a key that is not on the list", () => ({ ...KEYS, ...stranger() })],
      ["another server's key", () => ({ ...KEYS, serverKey: stranger().publicKey })]]) {
      it(`and does not try all the time with ${what}`, async () => {
        const peer = await startGuarded("echo");
        const socket = open(peer.endpoint, keyed({}, keys()));
        const start = performance.now();
        await until(() => socket.seen.unreachable.length >= 6, "six attempts");
        // each wait is at least half of what doubles from 20 ms: 10 + 20 + 40 + 80 + 160
        assert.ok(performance.now() - start >= 300, "the waits grow");
        await sleep(1500);
        assert.ok(socket.seen.unreachable.length <= 6 + 5, `${socket.seen.unreachable.length} attempts`);
      });
    }

    it("and is let in as soon as its key is on the list", async () => {
      const keys = stranger();
      const peer = await startGuarded("echo");
      const socket = open(peer.endpoint, keyed({}, { ...KEYS, ...keys }));
      await until(() => socket.seen.unreachable.some((reason) => reason.code === "key_refused"), "the refusal");
      await peer.kill();
      await startGuarded("echo", peer.endpoint, `--allow=${keys.publicKey}`);
      await until(() => socket.connected, "the connection");
    });
  });

  describe("secrets", () => {
    it("of a connection are overwritten: short-term and shared keys after the handshake, those of each direction at the end", async () => {
      const { keyPair, before } = nacl.box;
      const { crypto_core_hsalsa20: derive } = nacl.lowlevel;
      const pairs = [];
      const shared = [];
      const derived = [];
      nacl.lowlevel.crypto_core_hsalsa20 = (key, ...rest) => {
        derived.push(key);
        return derive(key, ...rest);
      };
      nacl.box.keyPair = Object.assign(() => {
        const pair = keyPair();
        pairs.push(pair);
        return pair;
      }, keyPair);
      nacl.box.before = (...given) => {
        const key = before(...given);
        shared.push(key);
        return key;
      };
      try {
        const peer = await startGuarded("echo");
        const socket = await connected(peer.endpoint, keyed());
        assert.equal(pairs.length, 1);
        const isZero = (bytes) => bytes.every((byte) => byte === 0);
        assert.ok(isZero(pairs[0].secretKey), "c'");
        // the first is of HELLO and WELCOME, the last of the connection; one between them may be of the vouch
        assert.ok(isZero(shared[0]), "C' and S");
        assert.ok(isZero(shared[1]), "C' and S'");
        assert.equal(derived.length, 2);
        assert.ok(!derived.some(isZero), "to the server, and from it");
        assert.notDeepEqual(derived[0], derived[1]);
        socket.send(Buffer.from("hello"));
        await until(() => socket.seen.messages.length === 1, "the echo");
        await socket.close();
        assert.ok(derived.every(isZero), "at the end");
      } finally {
        Object.assign(nacl.box, { keyPair, before });
        nacl.lowlevel.crypto_core_hsalsa20 = derive;
      }
    });

    it("of an attempt that failed are overwritten as well", () => {
      const { keyPair } = nacl.box;
      let made;
      nacl.box.keyPair = () => {
        made = keyPair();
        return made;
      };
      try {
        const mechanism = new CurveMechanism(readKeysWith(keyPair), "tcp://gateway:5555");
        mechanism.start();
        assert.ok(made.secretKey.some((byte) => byte !== 0));
        mechanism.dispose();
        assert.ok(made.secretKey.every((byte) => byte === 0));
      } finally {
        nacl.box.keyPair = keyPair;
      }
    });
  });

  it("calculates as RFC 7748, section 6.1, and the tests of NaCl do (tests/box.out there, its beginning)", () => {
    const hex = (text) => Buffer.from(text, "hex");
    const alice = nacl.box.keyPair.fromSecretKey(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    const bob = nacl.box.keyPair.fromSecretKey(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    assert.equal(Buffer.from(alice.publicKey).toString("hex"), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    assert.equal(Buffer.from(bob.publicKey).toString("hex"), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert.equal(Buffer.from(nacl.scalarMult(alice.secretKey, bob.publicKey)).toString("hex"), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    const plain = hex("be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8"
      + "250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705");
    const box = Buffer.from(nacl.box(plain, hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"), bob.publicKey, alice.secretKey));
    assert.equal(box.toString("hex", 0, 22), "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f4868");
  });
});

/** The keys, read while nacl.box.keyPair is replaced. */
function readKeysWith(keyPair) {
  const replaced = nacl.box.keyPair;
  nacl.box.keyPair = keyPair;
  try {
    return readKeys(KEYS);
  } finally {
    nacl.box.keyPair = replaced;
  }
}
