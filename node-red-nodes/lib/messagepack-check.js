"use strict";
/*
 * Looks through a MessagePack message before it is decoded: what it announces must be there, and be what an honest bridge sends.
 *
 * 1. Walks over the bytes once, without making anything of them: its time and memory are bounded by the size of the frame.
 * 2. The decoder allocates what a header announces; so nothing reaches it whose announcements were not counted here.
 */

/** A reply of the bridge is some ten levels deep at most. */
const MAX_DEPTH = 32;

/**
 * Values in one message, keys counted as well. The whole catalogue has a quarter of that; a full frame of single bytes would keep the
 * decoder busy for longer than Node-RED may be kept waiting.
 */
const MAX_VALUES = 80000;

/** Keys of one map. */
const MAX_KEYS = 1024;

/** Bytes of all texts in one message: the decoder is slow with what is no UTF-8. Byte strings cost it nothing. */
const MAX_TEXT_BYTES = 1024 * 1024;

const FIX_MAP = 0x80;
const FIX_ARRAY = 0x90;
const FIX_STRING = 0xa0;
const NIL = 0xc0;
const NEGATIVE = 0xe0;

/** What the value behind a first byte is: the number tells what has to be counted. */
const REFUSED = 0;
const NUMBER = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;

/**
 * The formats from 0xc0 to 0xdf (github.com/msgpack/msgpack/blob/master/spec.md): what it is, and how many bytes of a number, or of a
 * length, follow. What is left out is refused.
 *
 * @type {[first: number, kind: number, bytes: number][]}
 */
const FORMATS = [
  [0xc0, NUMBER, 0], [0xc2, NUMBER, 0], [0xc3, NUMBER, 0], [0xca, NUMBER, 4], [0xcb, NUMBER, 8], [0xcc, NUMBER, 1], [0xcd, NUMBER, 2],
  [0xce, NUMBER, 4], [0xcf, NUMBER, 8], [0xd0, NUMBER, 1], [0xd1, NUMBER, 2], [0xd2, NUMBER, 4], [0xd3, NUMBER, 8],
  [0xc4, BYTES, 1], [0xc5, BYTES, 2], [0xc6, BYTES, 4], [0xd9, TEXT, 1], [0xda, TEXT, 2], [0xdb, TEXT, 4],
  [0xdc, ARRAY, 2], [0xdd, ARRAY, 4], [0xde, MAP, 2], [0xdf, MAP, 4],
];
const KINDS = new Uint8Array(256);
const FOLLOWING_BYTES = new Uint8Array(256);
for (const [first, kind, bytes] of FORMATS) {
  KINDS[first] = kind;
  FOLLOWING_BYTES[first] = bytes;
}

/** How many values are still to come on each level that is open; one message is looked through at a time. */
const open = new Float64Array(MAX_DEPTH + 1);

/**
 * Checks a message.
 *
 * @param {Buffer} bytes
 * @returns {string} "" when it may be decoded, else what is wrong, to be put into brackets
 */
function faultOf(bytes) {
  const end = bytes.length;
  let depth = 0;
  let values = 0;
  let textBytes = 0;
  let offset = 0;
  open[0] = 1;
  for (;;) {
    while (open[depth] === 0) {
      if (depth === 0) {
        return offset === end ? "" : "more bytes than one message";
      }
      depth -= 1;
    }
    open[depth] -= 1;
    if (offset >= end) {
      return "cut off";
    }
    const first = bytes[offset];
    offset += 1;
    values += 1;
    if (values > MAX_VALUES) {
      return `more than ${MAX_VALUES} values`;
    }
    if (first < FIX_MAP || first >= NEGATIVE) {
      continue;
    }
    let kind;
    let length;
    if (first < NIL) {
      kind = first < FIX_ARRAY ? MAP : first < FIX_STRING ? ARRAY : TEXT;
      length = kind === TEXT ? first & 0x1f : first & 0x0f;
    } else {
      kind = KINDS[first];
      const following = FOLLOWING_BYTES[first];
      if (kind === REFUSED) {
        return first === 0xc1 ? "a byte that means nothing" : "an extension type";
      }
      if (kind === NUMBER) {
        length = following;
      } else {
        if (end - offset < following) {
          return "cut off";
        }
        length = bytes.readUIntBE(offset, following);
        offset += following;
      }
    }
    if (kind < ARRAY) {
      if (length > end - offset) {
        return `${length} bytes announced where ${end - offset} are left`;
      }
      if (kind === TEXT) {
        textBytes += length;
        if (textBytes > MAX_TEXT_BYTES) {
          return `more than ${MAX_TEXT_BYTES} bytes of text`;
        }
      }
      offset += length;
      continue;
    }
    const isMap = kind === MAP;
    const count = isMap ? 2 * length : length;
    if (count > end - offset) {
      return `${count} values announced where ${end - offset} bytes are left`;
    }
    if (isMap && length > MAX_KEYS) {
      return `a map of more than ${MAX_KEYS} keys`;
    }
    if (depth === MAX_DEPTH) {
      return `deeper than ${MAX_DEPTH} levels`;
    }
    depth += 1;
    open[depth] = count;
  }
}

module.exports = { faultOf };
