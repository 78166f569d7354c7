"use strict";
/*
 * CURVE with somebody in the middle, who listens, alters, repeats, leaves out and pretends.
 *
 * 1. Places in commands are typed from rfc.zeromq.org/spec/26, not taken from the code under test.
 * 2. Waits are for conditions.
 */

const assert = require("node:assert/strict");
const net = require("node:net");

const { mechanismFor, readKeys } = require("../../node-red-nodes/lib/zmtp-keys");
const { closeAll, connected, open } = require("./peers/dealer");
const { Cutter, FrameProxy, bodyStart, commandName } = require("./peers/frame-proxy");
const { CLIENT, KEYS, startGuarded, stranger } = require("./peers/keys");
const { command, frame, greeting, ready } = require("./peers/raw-peer");
const { removeEndpoints, startPeer, until } = require("./peers/start-peer");

/** Options of a socket that has keys. */
const keyed = (more = {}, keys = KEYS) => ({ mechanism: mechanismFor(keys), ...more });

/** Where the fields of a command begin, counted from the length byte of its name; the last number is beyond the end. */
const FIELDS = {
  HELLO: { name: 1, version: 6, "short-term key": 80, nonce: 112, tag: 120, box: 136, end: 200 },
  WELCOME: { name: 1, nonce: 8, tag: 24, box: 40, end: 168 },
  INITIATE: { name: 1, "cookie nonce": 9, "cookie box": 25, nonce: 105, tag: 113, "client key": 129, vouch: 161, metadata: 257, end: 292 },
  READY: { name: 1, nonce: 6, tag: 14, metadata: 30, end: 65 },
  MESSAGE: { name: 1, nonce: 8, tag: 16, flags: 32, data: 33, end: 60 },
};

/** The first and the last byte of each field. */
function places(name) {
  const fields = Object.entries(FIELDS[name]);
  return fields.slice(0, -1).flatMap(([field, start], index) => {
    // HELLO has 72 bytes of padding behind its version, which nobody looks at
    const end = field === "version" ? 8 : fields[index + 1][1];
    return [[`the first byte of the ${field}`, start, 0x80], [`the last byte of the ${field}`, end - 1, 0x01]];
  });
}

/** @param {Buffer} bytes @param {number} at in the body of the frame @param {number} bits */
function flipped(bytes, at, bits) {
  const copy = Buffer.from(bytes);
  copy[bodyStart(copy) + at] ^= bits;
  return copy;
}

describe("zmtp with CURVE and somebody in the middle", function () {
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

  /** Tries once with a frame altered, and gives what the client makes of it. */
  async function attempt(change) {
    const { peer, proxy } = await inTheMiddle();
    proxy.change = change;
    const socket = open(proxy.endpoint, keyed({ handshakeTimeoutMs: 1000 }));
    return { peer, proxy, socket };
  }

  for (const name of ["HELLO", "WELCOME", "INITIATE", "READY"]) {
    it(`lets no connection come about when a bit of ${name} was altered`, async () => {
      const { proxy } = await inTheMiddle();
      for (const [what, at, bits] of places(name)) {
        let altered = 0;
        proxy.change = (_side, each) => {
          if (commandName(each) !== name) {
            return each;
          }
          altered += 1;
          return flipped(each, at, bits);
        };
        const socket = open(proxy.endpoint, keyed({ handshakeTimeoutMs: 1000 }));
        await until(() => socket.seen.unreachable.length + socket.seen.connects > 0, "an end");
        assert.equal(socket.seen.connects, 0, what);
        assert.ok(altered > 0, `${name} was there to be altered`);
        const [reason] = socket.seen.unreachable;
        const expected = { HELLO: ["wrong_server_key"], WELCOME: ["forged", "protocol"], INITIATE: ["key_refused"], READY: ["forged", "protocol"] }[name];
        assert.ok(expected.includes(reason.code), `${what}: ${reason.code} ${reason.message}`);
        await socket.close();
      }
    });
  }

  it("lets no connection come about when a command of the handshake is cut off, made longer or said twice", async () => {
    const { proxy } = await inTheMiddle();
    const resized = (each, body) => Buffer.concat([Buffer.from([6, 0, 0, 0, 0, 0, 0, body.length >> 8, body.length & 0xff]), body]);
    const changes = {
      "cut off": (each) => resized(each, each.subarray(bodyStart(each), -1)),
      "cut to its name": (each) => resized(each, each.subarray(bodyStart(each), bodyStart(each) + 1 + each[bodyStart(each)])),
      "made longer": (each) => resized(each, Buffer.concat([each.subarray(bodyStart(each)), Buffer.alloc(1)])),
      "said twice": (each) => [each, each],
    };
    for (const name of ["HELLO", "WELCOME", "INITIATE", "READY"]) {
      for (const [what, change] of Object.entries(changes)) {
        proxy.change = (_side, each) => (commandName(each) === name ? change(each) : each);
        const socket = open(proxy.endpoint, keyed({ handshakeTimeoutMs: 1000 }));
        // The second of two READYs or INITIATEs comes when the connection stands, and ends it.
        await until(() => socket.seen.unreachable.length + socket.seen.disconnects.length > 0, `${name} ${what} to be noticed`);
        if (what !== "said twice") {
          assert.equal(socket.seen.connects, 0, `${name} ${what}`);
        }
        await socket.close();
      }
    }
  });

  for (const [side, what] of [["client", "to the server"], ["server", "to the client"]]) {
    it(`delivers nothing that was altered on its way ${what}`, async () => {
      const { peer, proxy } = await inTheMiddle();
      for (const [where, at, bits] of places("MESSAGE")) {
        proxy.change = (_side, each) => each;
        const socket = await connected(proxy.endpoint, keyed());
        proxy.change = (who, each) => (who === side && commandName(each) === "MESSAGE" ? flipped(each, at, bits) : each);
        socket.send(Buffer.from("note: twenty-seven bytes long").subarray(0, 27));
        await until(() => socket.seen.disconnects.length > 0, `${where} to be noticed`);
        assert.equal(socket.seen.messages.length, 0, where);
        assert.equal(socket.seen.disconnects[0].code, side === "server" ? "forged" : "closed_by_peer", where);
        await socket.close();
      }
      const heard = peer.lines.filter((line) => line.startsWith("GOT"));
      assert.equal(heard.length, side === "server" ? places("MESSAGE").length : 0);
    });

    it(`delivers nothing twice that was repeated on its way ${what}`, async () => {
      const { peer, proxy } = await inTheMiddle();
      const socket = await connected(proxy.endpoint, keyed());
      proxy.change = (who, each) => (who === side ? [each, each] : each);
      socket.send(Buffer.from("note: once"));
      await until(() => socket.seen.disconnects.length > 0, "the repetition to be noticed");
      assert.ok(socket.seen.messages.length <= 1);
      // libzmq may even forget the first when the second makes it hang up
      assert.ok(peer.lines.filter((line) => line.startsWith("GOT")).length <= 1);
      if (side === "server") {
        assert.equal(socket.seen.messages.length, 1);
        assert.match(socket.seen.disconnects[0].message, /came twice, or one before it is missing/);
      }
    });
  }

  it("notices a message of the server that was left out, or overtaken", async () => {
    for (const order of [[1], [1, 0], [2, 0, 1]]) {
      const { proxy } = await inTheMiddle();
      const socket = await connected(proxy.endpoint, keyed());
      const held = [];
      proxy.change = (side, each) => {
        if (side === "client") {
          return each;
        }
        held.push(each);
        return held.length === 3 ? order.map((index) => held[index]) : [];
      };
      socket.send(Buffer.from("burst:3"));
      await until(() => socket.seen.disconnects.length > 0, "the gap to be noticed");
      assert.deepEqual(socket.seen.messages, []);
      assert.equal(socket.seen.disconnects[0].code, "forged");
    }
  });

  it("refuses what is not encrypted once the connection stands, commands included", async () => {
    const injected = [frame(Buffer.from("open the door")), frame(Buffer.from("part"), true), command("PING", Buffer.from([0, 0])), frame(Buffer.alloc(0)),
      command("ERROR", Buffer.from([0])), command("MESSAGE", Buffer.alloc(24)), command("MESSAGE", Buffer.alloc(60)), ready(),
      frame(Buffer.concat([Buffer.from("\x07MESSAGE"), Buffer.alloc(7), Buffer.from([2]), Buffer.alloc(17)]))];
    for (const bytes of injected) {
      const { proxy } = await inTheMiddle();
      const socket = await connected(proxy.endpoint, keyed());
      proxy.tellClient(bytes);
      await until(() => socket.seen.disconnects.length > 0, "the refusal");
      assert.equal(socket.seen.disconnects[0].code, "forged");
      assert.deepEqual(socket.seen.messages, []);
    }
  });

  it("is not talked into a connection without CURVE", async () => {
    const { proxy } = await inTheMiddle();
    for (const mechanism of ["NULL", "PLAIN", "CURVE2", "curve", ""]) {
      proxy.changeGreeting = (side, bytes) => (side === "server" ? Buffer.concat([bytes.subarray(0, 11), greeting({ mechanism }).subarray(11)]) : bytes);
      const socket = open(proxy.endpoint, keyed());
      await until(() => socket.seen.unreachable.length > 0, "the refusal");
      assert.equal(socket.seen.unreachable[0].code, "no_curve", mechanism);
      assert.equal(socket.seen.connects, 0);
      await socket.close();
    }
    assert.ok(proxy.talks.every((talk) => talk.client.length === 0), "not even the greeting was said to its end");
  });

  it("gains nothing by saying again to the server what a client has said", async () => {
    const { peer, proxy } = await inTheMiddle();
    const socket = await connected(proxy.endpoint, keyed());
    socket.send(Buffer.from("note: relay on"));
    await until(() => socket.seen.messages.length === 1, "the echo");
    const said = proxy.talks[0].client;
    assert.deepEqual(said.slice(1).map(commandName), ["HELLO", "INITIATE", "MESSAGE"]);
    const heard = await replay(peer.endpoint, said);
    const answers = heard.map((each, index) => (index === 0 ? "greeting" : commandName(each)));
    assert.deepEqual(answers, ["greeting", "WELCOME"], "HELLO tells nobody anything, INITIATE is refused");
    assert.deepEqual(peer.lines.slice(1), ["GOT note: relay on"]);
  });

  it("gains nothing by saying again to a client what the server has said", async () => {
    const { proxy } = await inTheMiddle();
    const first = await connected(proxy.endpoint, keyed());
    first.send(Buffer.from("secret"));
    await until(() => first.seen.messages.length === 1, "the echo");
    const recorded = Buffer.concat(proxy.talks[0].server);
    assert.ok(!Buffer.concat([...proxy.talks[0].client, recorded]).includes("secret"));
    const server = net.createServer((socket) => socket.on("error", () => {}).write(recorded));
    await new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve(undefined));
    });
    const socket = open(`tcp://127.0.0.1:${server.address().port}`, keyed());
    await until(() => socket.seen.unreachable.length > 0, "the refusal");
    assert.equal(socket.seen.unreachable[0].code, "forged");
    assert.match(socket.seen.unreachable[0].message, /does not hold the server key, or its answer was altered/);
    assert.equal(socket.seen.connects + socket.seen.messages.length, 0);
    await socket.close();
    server.close();
  });

  it("gains nothing by giving a client the WELCOME or READY of another connection", async () => {
    for (const name of ["WELCOME", "READY"]) {
      const { proxy } = await inTheMiddle();
      const first = await connected(proxy.endpoint, keyed());
      const old = proxy.talks[0].server.find((each, index) => index > 0 && commandName(each) === name);
      proxy.change = (_side, each) => (commandName(each) === name ? old : each);
      const second = open(proxy.endpoint, keyed());
      await until(() => second.seen.unreachable.length > 0, "the refusal");
      assert.equal(second.seen.unreachable[0].code, "forged");
      assert.equal(first.connected, true);
    }
  });

  it("cannot pass for the server with keys of its own", async () => {
    const other = stranger();
    const peer = await startPeer("echo", "tcp://127.0.0.1:*", `--curve-secret=${other.secretKey}`, `--allow=${CLIENT.publicKey}`);
    const socket = open(peer.endpoint, keyed());
    await until(() => socket.seen.unreachable.length > 0, "the refusal");
    assert.equal(socket.seen.unreachable[0].code, "wrong_server_key");
    assert.equal((await connected(peer.endpoint, keyed({}, { ...KEYS, serverKey: other.publicKey }))).connected, true);
  });

  it("sees nothing of the keys and of what is sent", async () => {
    const { proxy } = await inTheMiddle();
    const socket = await connected(proxy.endpoint, keyed());
    socket.send(Buffer.from("the current in slot 1"));
    await until(() => socket.seen.messages.length === 1, "the echo");
    const all = Buffer.concat([...proxy.talks[0].client, ...proxy.talks[0].server]);
    const keys = readKeys(KEYS);
    for (const secret of [Buffer.from("current"), Buffer.from("DEALER"), Buffer.from("ROUTER"), keys.public, keys.server, keys.secret]) {
      assert.equal(all.includes(Buffer.from(secret)), false);
    }
  });

  it("is noticed by the client even where the frame's header was altered", async () => {
    for (const [name, bits] of [["WELCOME", 0x01], ["WELCOME", 0x08], ["READY", 0x04], ["READY", 0x02]]) {
      const { socket } = await attempt((_side, each) => {
        const copy = Buffer.from(each);
        copy[0] ^= commandName(each) === name ? bits : 0;
        return copy;
      });
      await until(() => socket.seen.unreachable.length > 0, "the refusal");
      assert.equal(socket.seen.connects, 0);
    }
  });
});

/** Says recorded frames to a server, one after the other, each when the one before is answered, and gives the answers. */
async function replay(endpoint, frames) {
  const socket = net.connect({ host: "127.0.0.1", port: Number(endpoint.split(":").at(-1)) });
  const heard = [];
  const cutter = new Cutter();
  let closed = false;
  socket.on("data", (chunk) => heard.push(...cutter.feed(chunk)));
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  for (const [index, each] of frames.entries()) {
    socket.write(each);
    await until(() => closed || heard.length > index, "an answer");
  }
  await until(() => closed, "the server to hang up");
  return heard;
}
