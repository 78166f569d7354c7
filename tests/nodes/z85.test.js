"use strict";
/*
 * Z85 and the reading of keys.
 *
 * 1. Expected values are typed from rfc.zeromq.org/spec/32 and from libzmq's manual, zmq_curve(7).
 */

const assert = require("node:assert/strict");

const { isLoopback, mechanismFor, readKeys } = require("../../node-red-nodes/lib/zmtp-keys");
const { parseEndpoint } = require("../../node-red-nodes/lib/endpoint");
const { decodeZ85, encodeZ85 } = require("../../node-red-nodes/lib/z85");
const { KEYS, SERVER, stranger } = require("./peers/keys");

const VECTORS = [
  ["", ""],
  ["864fd26fb559f75b", "HelloWorld"],
  ["00000000ffffffff", "00000%nSc0"],
  ["bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"],
  ["7bb864b489afa3671fbe69101f94b38972f24816dfb01b51656b3fec8dfd0888", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"],
  ["54fcba24e93249969316fb617c872bb0c1d1ff14800427c594cbfacf1bc2d652", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"],
  ["8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3b7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"],
];

describe("Z85", () => {
  for (const [hex, text] of VECTORS) {
    it(`reads and writes "${text}"`, () => {
      assert.equal(encodeZ85(Buffer.from(hex, "hex")), text);
      assert.equal(Buffer.from(decodeZ85(text)).toString("hex"), hex);
    });
  }

  it("takes any bytes there and back", () => {
    for (let value = 0; value < 256; value += 1) {
      const bytes = Buffer.from([value, 255 - value, value ^ 0x5a, 7]);
      assert.deepEqual(Buffer.from(decodeZ85(encodeZ85(bytes))), bytes);
    }
  });

  for (const [text, clause] of [["Hell", /4 characters long/], ["Hello Worl", /character 6 is none/], ["Hell\"", /character 5 is none/],
    ["Hellö", /character 5 is none/], ["00000%nSc1", /characters 6 to 10 stand for no four bytes/], ["#####", /stand for no four bytes/]]) {
    it(`refuses "${text}"`, () => {
      assert.throws(() => decodeZ85(text), (error) => error instanceof RangeError && clause.test(error.message));
    });
  }

  it("refuses bytes that are no multiple of four", () => {
    assert.throws(() => encodeZ85(Buffer.alloc(5)), /5 bytes long/);
  });
});

describe("the keys of a client", () => {
  it("are read with blanks around them", () => {
    const keys = readKeys({ serverKey: ` ${KEYS.serverKey}\n`, publicKey: `\t${KEYS.publicKey}`, secretKey: KEYS.secretKey });
    assert.deepEqual([keys.server, keys.public, keys.secret].map((key) => encodeZ85(key)), [KEYS.serverKey, KEYS.publicKey, KEYS.secretKey]);
  });

  it("may all be missing", () => {
    assert.equal(readKeys({}), null);
    assert.equal(readKeys({ serverKey: " ", publicKey: "", secretKey: "" }), null);
  });

  const wrong = [
    [{ serverKey: "" }, /The server key is missing/],
    [{ publicKey: "  " }, /The public key is missing/],
    [{ secretKey: "" }, /The secret key is missing/],
    [{ serverKey: KEYS.serverKey.slice(1) }, /The server key is 39 characters long; a key has 40/],
    [{ secretKey: `${KEYS.secretKey}x` }, /The secret key is 41 characters long/],
    [{ publicKey: KEYS.publicKey.replace("w", "\"") }, /The public key is not a key: character 6 is none that Z85 uses/],
    [{ secretKey: "#".repeat(40) }, /The secret key is not a key: characters 1 to 5 stand for no four bytes/],
    // as Node-RED leaves it when the variable is not set
    [{ secretKey: "${WISBLOCK_SECRET}" }, /The secret key names an environment variable that is not set/],
    [{ publicKey: stranger().publicKey }, /do not belong together/],
    [{ publicKey: KEYS.secretKey, secretKey: KEYS.publicKey }, /do not belong together/],
    [{ serverKey: KEYS.publicKey }, /The server key is this client's own public key/],
  ];
  for (const [change, sentence] of wrong) {
    it(`are refused when ${sentence.source.toLowerCase()}, and not told`, () => {
      const texts = { ...KEYS, ...change };
      assert.throws(() => readKeys(texts), (error) => {
        assert.equal(error.code, "bad_keys");
        assert.match(error.message, sentence);
        for (const key of Object.values(texts).filter((each) => each.trim().length > 30)) {
          assert.ok(!`${error.message} ${error.hint}`.includes(key.slice(0, 8)), "no part of a key");
        }
        return true;
      });
    });
  }

  it("decide with the endpoint which mechanism is used", () => {
    const chosen = (endpoint, keys) => mechanismFor(keys)(parseEndpoint(endpoint)).name;
    assert.equal(chosen("ipc:///run/a.sock", KEYS), "NULL");
    assert.equal(chosen("ipc:///run/a.sock", { ...KEYS, secretKey: "nonsense" }), "NULL");
    assert.equal(chosen("tcp://127.0.0.1:5555", KEYS), "CURVE");
    assert.equal(chosen("tcp://gateway.local:5555", KEYS), "CURVE");
    assert.equal(chosen("tcp://127.0.0.1:5555", {}), "NULL");
    assert.equal(chosen("tcp://[::1]:5555", undefined), "NULL");
    assert.equal(chosen("tcp://gateway.local:5555", {}), "NULL");
    for (const far of ["tcp://192.0.2.7:5555", "tcp://[2001:db8::1]:5555", "tcp://[fe80::1%eth0]:5555", "tcp://0.0.0.0:5555"]) {
      assert.throws(() => chosen(far, {}), (error) => error.code === "keys_wanted" && /on another computer, and that takes keys/.test(error.message));
    }
  });

  it("are wanted as soon as a name turns out to be another computer", () => {
    const mechanism = mechanismFor({})(parseEndpoint("tcp://gateway.local:5555"));
    for (const near of ["127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1"]) {
      assert.equal(mechanism.checkAddress(near), null, near);
    }
    for (const far of ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "::", "::ffff:1", "127", "fe80::127.0.0.1"]) {
      assert.equal(mechanism.checkAddress(far)?.code, "keys_wanted", far);
      assert.equal(isLoopback(far), false);
    }
  });

  it("do not begin like an environment variable, whatever they are", () => {
    // the highest four bytes there are
    assert.equal(encodeZ85(Buffer.alloc(4, 0xff))[0], "%");
    assert.throws(() => decodeZ85("$0000"), /stand for no four bytes/);
    assert.notEqual(SERVER.publicKey[0], "$");
  });
});
