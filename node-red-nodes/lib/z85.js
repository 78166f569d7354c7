"use strict";
/*
 * Z85: bytes as printable text, four bytes in five characters (rfc.zeromq.org/spec/32). ZeroMQ writes its keys so.
 *
 * 1. Strict: what is not exactly Z85 is refused. Blanks are the caller's business.
 * 2. An error gives a place and a length, never the text itself: it may be a secret.
 */

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const BASE = 85;
const BYTES = 4;
const CHARACTERS = 5;
const HIGHEST = 0xffffffff;

const VALUES = new Map([...ALPHABET].map((character, value) => [character, value]));

/**
 * @param {Uint8Array} bytes  their number divisible by four
 * @returns {string} five characters for every four bytes
 * @throws {RangeError}
 */
function encodeZ85(bytes) {
  if (bytes.length % BYTES !== 0) {
    throw new RangeError(`it is ${bytes.length} bytes long, and Z85 takes four at a time`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = "";
  for (let at = 0; at < bytes.length; at += BYTES) {
    let number = view.getUint32(at);
    let group = "";
    for (let count = 0; count < CHARACTERS; count += 1) {
      group = ALPHABET[number % BASE] + group;
      number = Math.floor(number / BASE);
    }
    text += group;
  }
  return text;
}

/**
 * @param {string} text  its length divisible by five
 * @returns {Uint8Array} four bytes for every five characters, memory of its own
 * @throws {RangeError} with what is wrong as a clause: "it is 39 characters long, …"
 */
function decodeZ85(text) {
  if (text.length % CHARACTERS !== 0) {
    throw new RangeError(`it is ${text.length} characters long, and Z85 has five for every four bytes`);
  }
  const bytes = new Uint8Array(text.length / CHARACTERS * BYTES);
  const view = new DataView(bytes.buffer);
  for (let group = 0; group * CHARACTERS < text.length; group += 1) {
    let number = 0;
    for (let at = group * CHARACTERS; at < (group + 1) * CHARACTERS; at += 1) {
      const value = VALUES.get(text[at]);
      if (value === undefined) {
        throw new RangeError(`character ${at + 1} is none that Z85 uses`);
      }
      number = number * BASE + value;
    }
    if (number > HIGHEST) {
      throw new RangeError(`characters ${group * CHARACTERS + 1} to ${(group + 1) * CHARACTERS} stand for no four bytes`);
    }
    view.setUint32(group * BYTES, number);
  }
  return bytes;
}

module.exports = { decodeZ85, encodeZ85 };
