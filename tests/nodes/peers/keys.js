"use strict";
/*
 * Keys for the tests of CURVE, and peers that ask for them.
 *
 * 1. The two pairs are those that libzmq's manual publishes for tests (zmq_curve(7), "Test key values"): never a secret.
 * 2. The server is libzmq with pyzmq's authenticator; who may come in is said by the test.
 */

const nacl = require("tweetnacl");

const { encodeZ85 } = require("../../../node-red-nodes/lib/z85");
const { startPeer } = require("./start-peer");

const SERVER = { publicKey: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", secretKey: "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6" };
const CLIENT = { publicKey: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", secretKey: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs" };

/** What a client that is let in has. */
const KEYS = { serverKey: SERVER.publicKey, ...CLIENT };

/** Another pair, which nobody has on a list. */
function stranger() {
  const { publicKey, secretKey } = nacl.box.keyPair();
  return { publicKey: encodeZ85(publicKey), secretKey: encodeZ85(secretKey) };
}

/**
 * Starts a peer that lets in who has the key CLIENT.
 *
 * @param {"echo" | "fake_bridge"} name
 * @param {string} [endpoint]
 * @param {...string} options
 */
function startGuarded(name, endpoint = "tcp://127.0.0.1:*", ...options) {
  // The forms with "=" because a key may begin with a dash.
  return startPeer(name, endpoint, `--curve-secret=${SERVER.secretKey}`, `--allow=${CLIENT.publicKey}`, ...options);
}

module.exports = { CLIENT, KEYS, SERVER, startGuarded, stranger };
