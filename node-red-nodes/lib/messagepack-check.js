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

/** What follows the first byte of each format from 0xc0 to 0xdf (github.com/msgpack/msgpack/blob/master/spec.md): bytes of a number ... */
const NUMBER_BYTES = new Map([
  [0xc0, 0], [0xc2, 0], [0xc3, 0], [0xca, 4], [0xcb, 8], [0xcc, 1], [0xcd, 2], [0xce, 4], [0xcf, 8], [0xd0, 1], [0xd1, 2], [0xd2, 4], [0xd3, 8],
]);
/** ... or bytes of a length, and what it counts. */
const LENGTH_BYTES = new Map([
  [0xc4, 1], [0xc5, 2], [0xc6, 4], [0xd9, 1], [0xda, 2], [0xdb, 4], [0xdc, 2], [0xdd, 4], [0xde, 2], [0xdf, 4],
]);
const ARRAYS = new Set([0xdc, 0xdd]);
const MAPS = new Set([0xde, 0xdf]);
const TEXTS = new Set([0xd9, 0xda, 0xdb]);

/**
 * Checks a message.
 *
 * @param {Buffer} bytes
 * @returns {string} "" when it may be decoded, else what is wrong, to be put into brackets
 */
function faultOf(bytes) {
  const end = bytes.length;
  /** How many values are still to come on each level that is open. */
  const open = new Float64Array(MAX_DEPTH + 1);
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
    let length;
    let isMap = false;
    let isArray = false;
    if (first < NIL) {
      isMap = first < FIX_ARRAY;
      isArray = !isMap && first < FIX_STRING;
      length = isMap || isArray ? first & 0x0f : first & 0x1f;
    } else {
      const lengthBytes = LENGTH_BYTES.get(first);
      if (lengthBytes === undefined) {
        const numberBytes = NUMBER_BYTES.get(first);
        if (numberBytes === undefined) {
          return first === 0xc1 ? "a byte that means nothing" : "an extension type";
        }
        length = numberBytes;
      } else {
        if (end - offset < lengthBytes) {
          return "cut off";
        }
        length = bytes.readUIntBE(offset, lengthBytes);
        offset += lengthBytes;
        isMap = MAPS.has(first);
        isArray = ARRAYS.has(first);
      }
    }
    if (!isMap && !isArray) {
      if (length > end - offset) {
        return `${length} bytes announced where ${end - offset} are left`;
      }
      if (first < NIL || TEXTS.has(first)) {
        textBytes += length;
        if (textBytes > MAX_TEXT_BYTES) {
          return `more than ${MAX_TEXT_BYTES} bytes of text`;
        }
      }
      offset += length;
      continue;
    }
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
