"use strict";
/*
 * MessagePack as the protocol wants it: plain types, nothing else (docs/protocol.md, "Transport").
 *
 * 1. Keys whose value is undefined do not travel.
 * 2. No extension types go out, and none come in.
 * 3. 64-bit integers arrive as numbers, never as BigInt.
 */

const { types } = require("node:util");

const { Decoder, Encoder } = require("@msgpack/msgpack");

const MAX_DEPTH = 16;

/** Values that MessagePack would silently turn into an empty map. Function nodes make theirs in a realm of their own: no instanceof. */
const UNSENDABLE = [[types.isDate, "date"], [types.isMap, "Map"], [types.isSet, "Set"], [types.isRegExp, "regular expression"],
  [types.isPromise, "promise"], [types.isNativeError, "error"]];

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
    return this.#encoder.encodeSharedRef(message);
  }

  /**
   * @param {Buffer} bytes
   * @returns {Record<string, any>} a map; its `bin` values are Buffers
   * @throws {Error} when it is not one whole MessagePack map
   */
  decode(bytes) {
    const message = this.#decoder.decode(bytes);
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      throw new TypeError("not a map");
    }
    return /** @type {Record<string, any>} */ (message);
  }
}

module.exports = { Codec };
