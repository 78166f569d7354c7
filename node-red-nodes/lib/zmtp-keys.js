"use strict";
/*
 * The three keys of a client: from the text that a user pasted to the bytes that CURVE calculates with.
 *
 * 1. Keys are wanted beyond this computer; whether they are used is decided here, by the endpoint, and nowhere else.
 * 2. No key, public or secret, whole or in part, goes into a message.
 */

const net = require("node:net");
const nacl = require("tweetnacl");

const { decodeZ85 } = require("./z85");
const { transportError } = require("./zmtp-errors");
const { CurveMechanism } = require("./zmtp-curve");
const { NullMechanism } = require("./zmtp-null");

const KEY_CHARACTERS = 40;

/**
 * @typedef {object} KeyTexts  Z85, 40 characters each
 * @property {string} serverKey  public key of the bridge
 * @property {string} publicKey  of this client
 * @property {string} secretKey  of this client
 *
 * @typedef {object} Keys  32 bytes each
 * @property {Uint8Array} server
 * @property {Uint8Array} public
 * @property {Uint8Array} secret
 */

/** @param {string} id  of its sentences @param {Record<string, unknown>} [values] */
function badKeys(id, values) {
  return transportError("bad_keys", id, values);
}

/** @param {string} id  of its name, for the user @param {string} text @returns {Uint8Array} */
function readKey(id, text) {
  const key = { id };
  const written = text.trim();
  if (written === "") {
    throw badKeys("key_missing", { key });
  }
  if (written.startsWith("${")) {
    throw badKeys("key_environment", { key });
  }
  if (written.length !== KEY_CHARACTERS) {
    throw badKeys("key_length", { key, length: written.length, due: KEY_CHARACTERS });
  }
  try {
    return decodeZ85(written);
  } catch (error) {
    throw badKeys("key_damaged", { key, why: error instanceof Error ? error.message : String(error) });
  }
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function same(a, b) {
  return Buffer.compare(a, b) === 0;
}

/**
 * Reads the keys of a client.
 *
 * @param {Partial<KeyTexts>} texts
 * @returns {Keys | null} null when not one of them is given
 * @throws {import("./zmtp-errors").TransportError} `bad_keys`: one is missing or misspelt, or they do not belong together
 */
function readKeys({ serverKey = "", publicKey = "", secretKey = "" }) {
  if ([serverKey, publicKey, secretKey].every((text) => text.trim() === "")) {
    return null;
  }
  const keys = {
    server: readKey("server_key", serverKey),
    public: readKey("public_key", publicKey),
    secret: readKey("secret_key", secretKey),
  };
  if (!same(nacl.box.keyPair.fromSecretKey(keys.secret).publicKey, keys.public)) {
    throw badKeys("key_pair");
  }
  if (same(keys.server, keys.public)) {
    throw badKeys("key_own");
  }
  return keys;
}

/** @param {string} address  an IP address @returns {boolean} whether it is this computer's alone */
function isLoopback(address) {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  return plain === "::1" || (net.isIPv4(plain) && plain.startsWith("127."));
}

/** @param {string} at  the endpoint @returns {import("./zmtp-errors").TransportError} */
function keysWanted(at) {
  return transportError("keys_wanted", "keys_beyond", { endpoint: at });
}

/**
 * Returns what makes the mechanism for each connection.
 *
 * @param {Partial<KeyTexts>} [texts]
 * @returns {(endpoint: import("./endpoint").Endpoint) => import("./zmtp-null").Mechanism} throws a TransportError instead
 *   of making a connection that may not be: `bad_keys`, or `keys_wanted` for an address beyond this computer
 */
function mechanismFor(texts = {}) {
  /** @type {Keys | null | undefined} */
  let keys;
  return (endpoint) => {
    if (endpoint.transport === "ipc") {
      return new NullMechanism();
    }
    keys ??= readKeys(texts);
    if (keys !== null) {
      return new CurveMechanism(keys, endpoint.text);
    }
    if (net.isIP(endpoint.host.replace(/%.*$/, "")) !== 0 && !isLoopback(endpoint.host)) {
      throw keysWanted(endpoint.text);
    }
    // A name may stand for this computer or for another: that is seen once it is resolved.
    return new NullMechanism(endpoint.text, (address) => (isLoopback(address) ? null : keysWanted(endpoint.text)));
  };
}

module.exports = { isLoopback, mechanismFor, readKeys };
