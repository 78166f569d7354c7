"use strict";
/*
 * MessagePack as the protocol wants it: plain types, nothing else (docs/protocol.md, "Transport").
 *
 * 1. Keys whose value is undefined do not travel.
 * 2. No extension types go out, and none come in.
 * 3. Nothing is decoded that has not been looked through: a few bytes can announce gigabytes.
 * 4. 64-bit integers arrive as numbers, never as BigInt.
 * 5. Text that is no UTF-8 does not go out: a bridge cannot read a message that has it, and so cannot answer.
 */

const { types } = require("node:util");

const { Decoder, Encoder } = require("@msgpack/msgpack");

const { faultOf } = require("./messagepack-check");

const MAX_DEPTH = 16;

/** Values that MessagePack would silently turn into an empty map, or into the bytes of their memory. Function nodes make theirs in a realm of their own: no instanceof. */
/** @type {[(value: unknown) => boolean, string][]} */
const UNSENDABLE = [[types.isDate, "date"], [types.isMap, "Map"], [types.isSet, "Set"], [types.isRegExp, "regular expression"],
  [types.isPromise, "promise"], [types.isNativeError, "error"], [types.isAnyArrayBuffer, "bare ArrayBuffer"],
  [(value) => ArrayBuffer.isView(value) && !types.isUint8Array(value), "typed array other than Uint8Array"]];

/** Stands where the library's timestamp extension would: refuses what cannot be said in plain types. */
const plainTypesOnly = {
  /** @param {object} value */
  tryToEncode(value) {
    if (Object.getPrototypeOf(value) !== Object.prototype) {
      const found = UNSENDABLE.find(([isSuch]) => isSuch(value));
      if (found !== undefined) {
        throw new TypeError(`a ${found[1]} cannot be sent`);
      }
    }
    return null;
  },
  /** @param {Uint8Array} _data @param {number} type */
  decode(_data, type) {
    throw new TypeError(`extension type ${type} is not part of the protocol`);
  },
};

/** @param {unknown} value @param {number} depth @throws {TypeError} when there is half a character in it */
function refuseHalves(value, depth) {
  if (typeof value === "string") {
    if (!/** @type {any} */ (value).isWellFormed()) {
      throw new TypeError("half of a character cannot be sent");
    }
    return;
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) {
    return;
  }
  if (depth > MAX_DEPTH) {
    throw new RangeError(`deeper than ${MAX_DEPTH} levels`); // a circle, perhaps
  }
  if (Array.isArray(value)) {
    for (const each of value) {
      refuseHalves(each, depth + 1);
    }
    return;
  }
  for (const key of Object.keys(value)) {
    refuseHalves(key, depth);
    refuseHalves(/** @type {Record<string, unknown>} */ (value)[key], depth + 1);
  }
}

/** One encoder and one decoder, used again for each message. */
class Codec {
  #encoder = new Encoder({ ignoreUndefined: true, maxDepth: MAX_DEPTH, extensionCodec: plainTypesOnly });
  #decoder = new Decoder({ extensionCodec: plainTypesOnly });

  /**
   * @param {object} message
   * @returns {Uint8Array} memory of the encoder: valid until the next call
   * @throws {Error} when a value has no place in MessagePack
   */
  encode(message) {
    refuseHalves(message, 1);
    return this.#encoder.encodeSharedRef(message);
  }

  /**
   * @param {Buffer} bytes
   * @returns {Record<string, any>} a map; its `bin` values are Buffers
   * @throws {Error} when it is not one whole MessagePack map
   */
  decode(bytes) {
    const fault = faultOf(bytes);
    if (fault !== "") {
      throw new RangeError(fault);
    }
    const message = this.#decoder.decode(bytes);
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      throw new TypeError("not a map");
    }
    return /** @type {Record<string, any>} */ (message);
  }
}

/** How every reply of the bridge begins: a map, the version, the key of the id. */
const VERSION_KEY = Buffer.from([0xa1, 0x76]);
const ID_KEY = Buffer.from([0xa2, 0x69, 0x64]);

/**
 * Reads the id of a reply that is not to be decoded.
 *
 * @param {Buffer} bytes  its beginning
 * @returns {number | null} null when it does not begin as a reply does
 */
function idOf(bytes) {
  const isShortMap = (bytes[0] & 0xf0) === 0x80;
  const start = isShortMap ? 1 : bytes[0] === 0xde ? 3 : bytes[0] === 0xdf ? 5 : Infinity;
  const idKey = start + VERSION_KEY.length + 1;
  const idStart = idKey + ID_KEY.length;
  if (!(idStart < bytes.length) || bytes.indexOf(VERSION_KEY, start) !== start || bytes.indexOf(ID_KEY, idKey) !== idKey) {
    return null;
  }
  const first = bytes[idStart];
  if (first < 0x80) {
    return first;
  }
  const width = { 0xcc: 1, 0xcd: 2, 0xce: 4 }[first] ?? 0;
  return width > 0 && idStart + 1 + width <= bytes.length ? bytes.readUIntBE(idStart + 1, width) : null;
}

module.exports = { Codec, idOf };
