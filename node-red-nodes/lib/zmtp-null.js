"use strict";
/*
 * The NULL security mechanism: nobody proves anything, nothing is encrypted (rfc.zeromq.org/spec/37, "NULL").
 *
 * 1. A mechanism sees handshake commands and, if it has seal and open, the frames after them. It never sees the socket.
 * 2. One object serves one connection.
 */

/**
 * @typedef {object} Mechanism
 * @property {string} name              as it stands in the greeting
 * @property {boolean} asServer         as it stands in the greeting
 * @property {boolean} complete         true once the handshake is done on both sides
 * @property {() => Buffer | null} start
 *   first command to send after the greetings (body of a command frame), if any
 * @property {(name: string, data: Buffer) => Buffer | null} receive
 *   takes the peer's next command and gives the answer, if any; throws a TransportError to refuse the peer
 * @property {((flags: number, body: Uint8Array) => Uint8Array) | null} seal
 *   turns a frame into the body of the plain frame that goes out in its place, which is good until the next call;
 *   null: frames go out as they are
 * @property {((flags: number, body: Buffer) => {flags: number, body: Buffer}) | null} open
 *   the reverse of seal; throws a TransportError when the frame is not genuine
 * @property {number} [overheadBytes]   by how much sealing makes a body longer; default 0
 * @property {(address: string) => import("./zmtp-errors").TransportError | null} [checkAddress]
 *   asked once the peer's IP address is known, before anything is sent to it; null: go on
 * @property {(end: "other_mechanism" | "refused" | "cut_off" | "late", detail: string) =>
 *   import("./zmtp-errors").TransportError | null} [explain]
 *   why a handshake failed, where the mechanism knows better than the connection; detail: the peer's mechanism, or its ERROR
 * @property {() => void} [dispose]     the connection has ended: forget all secrets
 */

const { encodeCommand, encodeMetadata, parseMetadata } = require("./zmtp-framing");
const { TransportError, transportError } = require("./zmtp-errors");

/** What a DEALER may be connected to, of the socket types that answer. */
const PEER_SOCKET_TYPES = ["ROUTER", "DEALER", "REP"];

/**
 * Checks that the peer is something a DEALER can talk to.
 *
 * @param {Map<string, string>} properties  the peer's metadata
 * @throws {TransportError} `protocol`
 */
function checkPeerSocketType(properties) {
  const type = properties.get("socket-type");
  if (type === undefined || !PEER_SOCKET_TYPES.includes(type)) {
    throw new TransportError("protocol",
      `The ZeroMQ socket there is of type ${type ?? "(not said)"}; the bridge's is ROUTER.`, "Check that the endpoint is the bridge's.");
  }
}

/** @implements {Mechanism} */
class NullMechanism {
  name = "NULL";
  asServer = false;
  complete = false;
  seal = null;
  open = null;

  #at;

  /**
   * @param {string} [at]  the endpoint, for the user
   * @param {(address: string) => TransportError | null} [checkAddress]  default: any peer will do
   */
  constructor(at = "that endpoint", checkAddress = () => null) {
    this.#at = at;
    this.checkAddress = checkAddress;
  }

  /** @param {string} end @param {string} detail */
  explain(end, detail) {
    return end === "other_mechanism" && detail === "CURVE"
      ? transportError("keys_wanted", "keys_required", { endpoint: this.#at }) : null;
  }

  start() {
    return encodeCommand("READY", encodeMetadata({ "Socket-Type": "DEALER", "Identity": "" }));
  }

  /**
   * @param {string} name
   * @param {Buffer} data
   * @returns {null}
   */
  receive(name, data) {
    if (name !== "READY" || this.complete) {
      throw new TransportError("protocol", `The peer sent the command ${JSON.stringify(name)} where READY was due.`);
    }
    checkPeerSocketType(parseMetadata(data));
    this.complete = true;
    return null;
  }
}

module.exports = { NullMechanism, checkPeerSocketType };
