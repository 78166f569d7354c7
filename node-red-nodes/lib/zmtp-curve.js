"use strict";
/*
 * The CURVE security mechanism, the client's side: both prove who they are, and nobody else reads or alters a byte
 * (rfc.zeromq.org/spec/26; the commands and their sizes are of that page).
 *
 * 1. Sees commands and frames only; the calculations are tweetnacl's.
 * 2. Nothing that fails a check is looked at further: wrong size, wrong number, a box that does not open.
 * 3. A secret lives as long as it is needed: short-term keys are overwritten with zeros, at the latest in dispose().
 * 4. No key goes into a message.
 */

const nacl = require("tweetnacl");

const { COMMAND, MORE, encodeCommand, encodeMetadata, parseMetadata } = require("./zmtp-framing");
const { TransportError, transportError } = require("./zmtp-errors");
const { checkPeerSocketType } = require("./zmtp-null");

const { lowlevel } = /** @type {any} the declared types leave this out */ (nacl);
const {
  crypto_onetimeauth: authenticate, crypto_onetimeauth_verify: isGenuine,
  crypto_stream_salsa20: keystream, crypto_stream_salsa20_xor: encrypt,
} = lowlevel;

const VERSION = Buffer.from([1, 0]);
const HELLO_PADDING = Buffer.alloc(72);
const HELLO_PLAIN = new Uint8Array(64);
const NONCE_BYTES = 24;
const SHORT_NONCE_AT = 16;
const SHORT_NONCE_BYTES = 8;
const LONG_NONCE_BYTES = 16;
const BOX_BYTES = 16;
const KEY_BYTES = 32;
const WELCOME_DATA_BYTES = LONG_NONCE_BYTES + BOX_BYTES + 128;

/** What NaCl wants before a text, and gives before a box; the header of MESSAGE is as long as the latter. */
const ZERO_BYTES = 32;
const MESSAGE_HEADER = Buffer.from("\x07MESSAGE", "latin1");
const MESSAGE_NONCE_AT = MESSAGE_HEADER.length;
const MESSAGE_HEADER_BYTES = MESSAGE_NONCE_AT + SHORT_NONCE_BYTES;
const FLAGS_BYTES = 1;
const OVERHEAD_BYTES = MESSAGE_HEADER_BYTES + BOX_BYTES + FLAGS_BYTES;

/** The flags inside a box are libzmq's own: MORE as on the wire, but another bit for commands, which is how PING travels. */
const SEALED_COMMAND = 0x02;

/** Larger messages get memory of their own instead of a share of what is kept for the next. */
const KEPT_BYTES = 65536;

/** The constant of Salsa20 with keys of 32 bytes. */
const SIGMA = Buffer.from("expand 32-byte k", "latin1");

/**
 * Derives the key of XSalsa20 that belongs to all nonces with the same beginning: for MESSAGE that is the direction, so once
 * is enough for a connection.
 *
 * @param {Uint8Array} shared
 * @param {Uint8Array} nonce  of 24 bytes
 * @returns {Uint8Array}
 */
function keyFor(shared, nonce) {
  const key = new Uint8Array(KEY_BYTES);
  lowlevel.crypto_core_hsalsa20(key, nonce, shared, SIGMA);
  return key;
}

/** A nonce with room for the number at its end. @param {string} prefix */
function nonceFor(prefix) {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.write(prefix, "latin1");
  return nonce;
}

/** @param {string} message @param {string} [hint] */
function forged(message, hint = "Something on the way alters what is sent; if it happens again, check the network.") {
  return new TransportError("forged", message, hint);
}

/** @typedef {import("./zmtp-null").Mechanism} Mechanism */

/** @implements {Mechanism} */
class CurveMechanism {
  name = "CURVE";
  asServer = false;
  complete = false;
  overheadBytes = OVERHEAD_BYTES;

  #keys;
  #at;
  /** @type {"start" | "hello" | "initiate" | "ready"} what we have said last, or that all is said */
  #stage = "start";
  #shortTerm = nacl.box.keyPair();
  /** @type {Uint8Array} shared by our short-term key and the server's long-term one; then by both short-term keys */
  #shared = new Uint8Array(KEY_BYTES);
  /** @type {Uint8Array} */
  #sendKey = new Uint8Array(KEY_BYTES);
  /** @type {Uint8Array} */
  #receiveKey = new Uint8Array(KEY_BYTES);
  /** What the authenticator of one message is keyed with. */
  #oneTimeKey = new Uint8Array(KEY_BYTES);

  #sent = 0;
  #sendNonce = nonceFor("CurveZMQMESSAGEC");
  #receiveNonce = nonceFor("CurveZMQMESSAGES");
  #sendNumber = this.#sendNonce.subarray(SHORT_NONCE_AT);
  #receiveNumber = this.#receiveNonce.subarray(SHORT_NONCE_AT);
  /** The peer's next number, in two halves: together they are more than a JavaScript number holds exactly. */
  #nextHigh = 0;
  #nextLow = 0;
  #plain = Buffer.alloc(0);
  #sealed = Buffer.alloc(0);

  /**
   * @param {import("./zmtp-keys").Keys} keys  are read, not kept beyond the connection
   * @param {string} at  the endpoint, for the user
   */
  constructor(keys, at) {
    this.#keys = keys;
    this.#at = at;
  }

  /** @returns {Buffer} HELLO */
  start() {
    this.#stage = "hello";
    this.#shared = nacl.box.before(this.#keys.server, this.#shortTerm.secretKey);
    const nonce = this.#numbered("CurveZMQHELLO---");
    const box = nacl.box.after(HELLO_PLAIN, nonce, this.#shared);
    return encodeCommand("HELLO", VERSION, HELLO_PADDING, this.#shortTerm.publicKey, nonce.subarray(SHORT_NONCE_AT), box);
  }

  /**
   * @param {string} name
   * @param {Buffer} data
   * @returns {Buffer | null}
   */
  receive(name, data) {
    const due = { hello: "WELCOME", initiate: "READY" }[/** @type {"hello"} */ (this.#stage)] ?? "MESSAGE";
    if (name !== due) {
      throw new TransportError("protocol", `The peer sent the command ${JSON.stringify(name)} where ${due} was due.`);
    }
    if (name === "WELCOME") {
      return this.#initiate(data);
    }
    this.#ready(data);
    return null;
  }

  /** @param {Buffer} welcome @returns {Buffer} INITIATE */
  #initiate(welcome) {
    if (welcome.length !== WELCOME_DATA_BYTES) {
      throw new TransportError("protocol", `The peer's WELCOME has ${welcome.length} bytes of data where ${WELCOME_DATA_BYTES} were due.`);
    }
    const longNonce = Buffer.concat([Buffer.from("WELCOME-"), welcome.subarray(0, LONG_NONCE_BYTES)]);
    const opened = nacl.box.open.after(welcome.subarray(LONG_NONCE_BYTES), longNonce, this.#shared);
    if (opened === null) {
      throw transportError("forged", "server_key_forged", { endpoint: this.#at });
    }
    const serverShortTerm = opened.subarray(0, KEY_BYTES);
    const cookie = opened.subarray(KEY_BYTES);
    this.#shared.fill(0);
    this.#shared = nacl.box.before(serverShortTerm, this.#shortTerm.secretKey);
    this.#shortTerm.secretKey.fill(0);

    const vouchNonce = Buffer.concat([Buffer.from("VOUCH---"), nacl.randomBytes(LONG_NONCE_BYTES)]);
    const vouch = nacl.box(Buffer.concat([this.#shortTerm.publicKey, this.#keys.server]), vouchNonce, serverShortTerm, this.#keys.secret);
    const plain = Buffer.concat([this.#keys.public, vouchNonce.subarray(NONCE_BYTES - LONG_NONCE_BYTES), vouch,
      encodeMetadata({ "Socket-Type": "DEALER", "Identity": "" })]);
    const nonce = this.#numbered("CurveZMQINITIATE");
    const box = nacl.box.after(plain, nonce, this.#shared);
    this.#stage = "initiate";
    return encodeCommand("INITIATE", cookie, nonce.subarray(SHORT_NONCE_AT), box);
  }

  /** @param {Buffer} data */
  #ready(data) {
    if (data.length < SHORT_NONCE_BYTES + BOX_BYTES) {
      throw new TransportError("protocol", "The peer's READY command is cut off.");
    }
    const nonce = nonceFor("CurveZMQREADY---");
    data.copy(nonce, SHORT_NONCE_AT, 0, SHORT_NONCE_BYTES);
    const opened = nacl.box.open.after(data.subarray(SHORT_NONCE_BYTES), nonce, this.#shared);
    if (opened === null) {
      throw forged(`The last step of the handshake with ${this.#at} was altered on the way.`);
    }
    checkPeerSocketType(parseMetadata(Buffer.from(opened)));
    this.#expectAfter(data.readUInt32BE(0), data.readUInt32BE(4));
    this.#sendKey = keyFor(this.#shared, this.#sendNonce);
    this.#receiveKey = keyFor(this.#shared, this.#receiveNonce);
    this.#shared.fill(0);
    this.#stage = "ready";
    this.complete = true;
  }

  /**
   * @param {number} flags  MORE, COMMAND or 0
   * @param {Uint8Array} body
   * @returns {Uint8Array} a MESSAGE command
   */
  seal(flags, body) {
    const bytes = ZERO_BYTES + FLAGS_BYTES + body.length;
    if (bytes > this.#plain.length) {
      // Where NaCl wants zeros there are some from the beginning, and nothing is ever written there.
      this.#plain.fill(0);
      this.#plain = Buffer.alloc(Math.max(bytes, Math.min(2 * bytes, KEPT_BYTES)));
      this.#sealed = Buffer.alloc(this.#plain.length);
    }
    const [plain, sealed] = [this.#plain, this.#sealed];
    plain[ZERO_BYTES] = (flags & MORE) | ((flags & COMMAND) === 0 ? 0 : SEALED_COMMAND);
    plain.set(body, ZERO_BYTES + FLAGS_BYTES);
    this.#number(this.#sendNonce);
    // The zeros before the text become the key of the authenticator, whose result stands before the box.
    encrypt(sealed, 0, plain, 0, bytes, this.#sendNumber, this.#sendKey);
    authenticate(sealed, BOX_BYTES, sealed, ZERO_BYTES, bytes - ZERO_BYTES, sealed);
    // The box has sixteen zeros before it, and that is just the room that the header takes.
    MESSAGE_HEADER.copy(sealed);
    this.#sendNonce.copy(sealed, MESSAGE_NONCE_AT, SHORT_NONCE_AT);
    const frame = sealed.subarray(0, bytes);
    if (plain.length > KEPT_BYTES) {
      plain.fill(0);
      this.#plain = Buffer.alloc(0);
      this.#sealed = this.#plain;
    }
    return frame;
  }

  /**
   * @param {number} flags  of the frame around it: libzmq sends MESSAGE as a plain frame, the RFC has it as a command
   * @param {Buffer} frame
   * @returns {{flags: number, body: Buffer}}
   */
  open(flags, frame) {
    if ((flags & MORE) !== 0 || !frame.subarray(0, MESSAGE_NONCE_AT).equals(MESSAGE_HEADER)) {
      throw forged(`What came from ${this.#at} was not encrypted.`);
    }
    if (frame.length < OVERHEAD_BYTES) {
      throw forged(`A message from ${this.#at} is cut off.`);
    }
    const high = frame.readUInt32BE(MESSAGE_NONCE_AT);
    const low = frame.readUInt32BE(MESSAGE_NONCE_AT + 4);
    if (high !== this.#nextHigh || low !== this.#nextLow) {
      // libzmq leaves none out, so a gap is as suspicious as a repetition.
      throw forged(`A message from ${this.#at} came twice, or one before it is missing.`);
    }
    frame.copy(this.#receiveNonce, SHORT_NONCE_AT, MESSAGE_NONCE_AT, MESSAGE_HEADER_BYTES);
    const plain = Buffer.allocUnsafe(frame.length);
    keystream(this.#oneTimeKey, 0, KEY_BYTES, this.#receiveNumber, this.#receiveKey);
    if (isGenuine(frame, BOX_BYTES, frame, ZERO_BYTES, frame.length - ZERO_BYTES, this.#oneTimeKey) !== 0) {
      throw forged(`A message from ${this.#at} was altered on the way.`);
    }
    encrypt(plain, 0, frame, 0, frame.length, this.#receiveNumber, this.#receiveKey);
    plain.fill(0, 0, ZERO_BYTES); // what the authenticator's key could be found from
    this.#expectAfter(high, low);
    const sealedFlags = plain[ZERO_BYTES];
    if (sealedFlags > SEALED_COMMAND) {
      throw new TransportError("protocol", `The peer sent a message with the impossible flags 0x${sealedFlags.toString(16).padStart(2, "0")}.`);
    }
    return { flags: sealedFlags === SEALED_COMMAND ? COMMAND : sealedFlags, body: plain.subarray(ZERO_BYTES + FLAGS_BYTES) };
  }

  /**
   * @param {string} end
   * @param {string} detail
   * @returns {TransportError | null}
   */
  explain(end, detail) {
    const endpoint = this.#at;
    if (end === "other_mechanism") {
      return transportError("no_curve", "no_curve", { endpoint });
    }
    if (end === "refused") {
      return this.#refusal(detail);
    }
    if (this.#stage === "hello") {
      return transportError("wrong_server_key", end === "late" ? "server_key_late" : "server_key_hung_up", { endpoint });
    }
    if (this.#stage === "initiate") {
      return transportError("key_refused", end === "late" ? "client_key_late" : "client_key_hung_up", { endpoint });
    }
    return null;
  }

  /** @param {string} reason  as the peer's ERROR has it: libzmq sends the authenticator's status */
  #refusal(reason) {
    if (reason.startsWith("400") || reason === "") {
      return transportError("key_refused", "client_key_unknown", { endpoint: this.#at });
    }
    return transportError("key_refused", "client_key_unchecked", { endpoint: this.#at, why: reason });
  }

  /** Overwrites what is secret. */
  dispose() {
    for (const secret of [this.#shortTerm.secretKey, this.#shared, this.#sendKey, this.#receiveKey, this.#oneTimeKey, this.#plain]) {
      secret.fill(0);
    }
    this.#stage = "start";
    this.complete = false;
  }

  /** @param {string} prefix @returns {Buffer} a nonce with our next number */
  #numbered(prefix) {
    const nonce = nonceFor(prefix);
    this.#number(nonce);
    return nonce;
  }

  /** @param {Buffer} nonce  gets our next number; one connection never comes near the 2^53 that are exact */
  #number(nonce) {
    this.#sent += 1;
    nonce.writeUInt32BE(Math.floor(this.#sent / 2 ** 32), SHORT_NONCE_AT);
    nonce.writeUInt32BE(this.#sent >>> 0, SHORT_NONCE_AT + 4);
  }

  /** @param {number} high @param {number} low  the number that came */
  #expectAfter(high, low) {
    this.#nextLow = (low + 1) >>> 0;
    this.#nextHigh = this.#nextLow === 0 ? (high + 1) >>> 0 : high;
  }
}

module.exports = { CurveMechanism };
