"use strict";
/*
 * ZMTP 3.1 as bytes: greeting, frames, commands (rfc.zeromq.org/spec/37).
 *
 * 1. Does no I/O and keeps no time: chunks in, frames out.
 * 2. Nothing is allocated for a frame before its announced size has been checked.
 * 3. Strict: a byte that the specification does not allow ends the connection with a sentence.
 */

const { TransportError } = require("./zmtp-errors");

const MORE = 0x01;
const LONG = 0x02;
const COMMAND = 0x04;
const RESERVED = 0xf8;

const GREETING_BYTES = 64;
const SIGNATURE_END = 9;
const VERSION_MAJOR = 10;
const VERSION_MINOR = 11;
/** What of a greeting comes before the mechanism: signature and version. */
const VERSION_BYTES = 12;
const MECHANISM_START = VERSION_BYTES;
const MECHANISM_END = 32;
const AS_SERVER = 32;

const SHORT_HEADER_BYTES = 2;
const LONG_HEADER_BYTES = 9;
const MAX_SHORT_BODY_BYTES = 255;
const MAX_COMMAND_BYTES = 65536;

/** So much is kept of a frame that is passed over: enough to see what it answers. */
const HEAD_BYTES = 64;

const EMPTY = Buffer.alloc(0);

/**
 * Builds our greeting, which announces ZMTP 3.1.
 *
 * @param {string} mechanism  name of the security mechanism, at most 20 ASCII characters
 * @param {boolean} asServer  whether we take the server's part in the mechanism
 * @returns {Buffer} 64 bytes
 */
function encodeGreeting(mechanism, asServer) {
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[SIGNATURE_END] = 0x7f;
  greeting[VERSION_MAJOR] = 3;
  greeting[VERSION_MINOR] = 1;
  greeting.write(mechanism, MECHANISM_START, MECHANISM_END - MECHANISM_START, "latin1");
  greeting[AS_SERVER] = asServer ? 1 : 0;
  return greeting;
}

/** Collects the peer's greeting from chunks of any size and refuses it at the first byte that is wrong. */
class GreetingReader {
  #bytes = Buffer.alloc(GREETING_BYTES);
  #length = 0;

  get complete() {
    return this.#length === GREETING_BYTES;
  }

  /** Minor version of ZMTP 3 that the peer speaks; a peer of a later major version is taken to speak 3.1 with us. */
  get minor() {
    return this.#bytes[VERSION_MAJOR] > 3 ? 1 : this.#bytes[VERSION_MINOR];
  }

  /** Name of the security mechanism that the peer wants. */
  get mechanism() {
    return this.#bytes.toString("latin1", MECHANISM_START, MECHANISM_END).replace(/\0+$/, "");
  }

  get asServer() {
    return this.#bytes[AS_SERVER] === 1;
  }

  /**
   * Takes what belongs to the greeting from a chunk.
   *
   * @param {Buffer} chunk
   * @returns {number} how many of its bytes were taken
   * @throws {TransportError} `protocol` when this is no ZMTP 3 greeting
   */
  feed(chunk) {
    const taken = Math.min(chunk.length, GREETING_BYTES - this.#length);
    chunk.copy(this.#bytes, this.#length, 0, taken);
    this.#length += taken;
    this.#check();
    return taken;
  }

  #check() {
    const bytes = this.#bytes;
    const isZeroMQ = (this.#length <= 0 || bytes[0] === 0xff) && (this.#length <= SIGNATURE_END || (bytes[SIGNATURE_END] & 1) === 1);
    if (!isZeroMQ) {
      const seen = bytes.subarray(0, Math.min(this.#length, SIGNATURE_END + 1));
      const guess = seen.toString("latin1").startsWith("HTTP") ? "a web server" : `first bytes ${seen.toString("hex")}`;
      throw new TransportError("protocol", `What answers there does not speak ZeroMQ's protocol ZMTP 3 (${guess}).`,
        "Check that the endpoint is the bridge's.");
    }
    if (this.#length > VERSION_MAJOR && bytes[VERSION_MAJOR] < 3) {
      throw new TransportError("protocol", "What answers there speaks an old ZeroMQ protocol, ZMTP 2 or earlier; this client needs 3.0 or later.",
        "Update ZeroMQ at the other end to 4.0 or later.");
    }
  }
}

/**
 * Cuts a byte stream into frames.
 *
 * Each body is memory of its own, so the chunk may be used again once feed() has returned.
 */
class FrameReader {
  /** Set to end the reading in the middle of a chunk: what follows is not looked at. */
  stopped = false;

  /** A frame that is too large is passed over, not refused, when it is no larger than this. */
  passOverBytes = 0;

  #maxFrameBytes;
  #onPassedOver;
  #onFrame;
  #header = Buffer.alloc(LONG_HEADER_BYTES);
  #headerLength = 0;
  #flags = 0;
  /** @type {Buffer | null} */
  #body = null;
  #filled = 0;
  /** Size of the frame that is being passed over; 0: none is. */
  #passing = 0;

  /**
   * @param {number} maxFrameBytes  largest body accepted
   * @param {(flags: number, body: Buffer) => void} onFrame
   * @param {(head: Buffer, size: number) => void} [onPassedOver]  `head`: its first bytes
   */
  constructor(maxFrameBytes, onFrame, onPassedOver = () => undefined) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
    this.#onPassedOver = onPassedOver;
  }

  /**
   * @param {Buffer} chunk
   * @param {number} start  offset of the first byte to read
   * @throws {TransportError} `protocol` on a frame that is malformed or too large
   */
  feed(chunk, start) {
    const end = chunk.length;
    let offset = start;
    while (offset < end && !this.stopped) {
      offset = this.#body === null ? this.#readHeader(chunk, offset, end) : this.#readBody(chunk, offset, end);
    }
  }

  /** @param {Buffer} chunk @param {number} offset @param {number} end */
  #readHeader(chunk, offset, end) {
    const flags = this.#headerLength === 0 ? chunk[offset] : this.#header[0];
    if ((flags & RESERVED) !== 0 || (flags & (COMMAND | MORE)) === (COMMAND | MORE)) {
      throw new TransportError("protocol", `The peer sent a frame with the impossible flags 0x${flags.toString(16).padStart(2, "0")}.`);
    }
    const headerBytes = (flags & LONG) === 0 ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES;
    let header = chunk;
    let at = offset;
    let next = offset + headerBytes;
    if (this.#headerLength !== 0 || next > end) {
      next = Math.min(end, offset + headerBytes - this.#headerLength);
      chunk.copy(this.#header, this.#headerLength, offset, next);
      this.#headerLength += next - offset;
      if (this.#headerLength < headerBytes) {
        return next;
      }
      this.#headerLength = 0;
      header = this.#header;
      at = 0;
    }
    const size = (flags & LONG) === 0 ? header[at + 1] : header.readUInt32BE(at + 1) * 2 ** 32 + header.readUInt32BE(at + 5);
    return this.#begin(flags, size, chunk, next, end);
  }

  /** @param {number} flags @param {number} size @param {Buffer} chunk @param {number} offset @param {number} end */
  #begin(flags, size, chunk, offset, end) {
    const limit = (flags & COMMAND) === 0 ? this.#maxFrameBytes : Math.min(MAX_COMMAND_BYTES, this.#maxFrameBytes);
    if (size > limit && size <= this.passOverBytes && (flags & (COMMAND | MORE)) === 0) {
      this.#passing = size;
      this.#body = Buffer.alloc(Math.min(size, HEAD_BYTES));
      this.#filled = 0;
      return offset;
    }
    if (size > limit) {
      throw new TransportError("protocol", `The peer announced a frame of ${size} bytes; at most ${limit} are accepted.`);
    }
    if (size === 0) {
      this.#onFrame(flags, EMPTY);
      return offset;
    }
    const body = Buffer.allocUnsafe(size);
    if (end - offset >= size) {
      chunk.copy(body, 0, offset, offset + size);
      this.#onFrame(flags, body);
      return offset + size;
    }
    this.#flags = flags;
    this.#body = body;
    this.#filled = 0;
    return offset;
  }

  /** @param {Buffer} chunk @param {number} offset @param {number} end */
  #readBody(chunk, offset, end) {
    const body = /** @type {Buffer} */ (this.#body);
    if (this.#passing > 0) {
      return this.#passOver(body, chunk, offset, end);
    }
    const next = Math.min(end, offset + body.length - this.#filled);
    chunk.copy(body, this.#filled, offset, next);
    this.#filled += next - offset;
    if (this.#filled === body.length) {
      this.#body = null;
      this.#onFrame(this.#flags, body);
    }
    return next;
  }

  /** @param {Buffer} head @param {Buffer} chunk @param {number} offset @param {number} end */
  #passOver(head, chunk, offset, end) {
    const size = this.#passing;
    const next = Math.min(end, offset + size - this.#filled);
    if (this.#filled < head.length) {
      chunk.copy(head, this.#filled, offset, next);
    }
    this.#filled += next - offset;
    if (this.#filled === size) {
      this.#passing = 0;
      this.#body = null;
      this.#onPassedOver(head, size);
    }
    return next;
  }
}

/**
 * Returns how many bytes a frame takes on the wire.
 *
 * @param {number} bodyBytes
 */
function frameBytes(bodyBytes) {
  return bodyBytes + (bodyBytes > MAX_SHORT_BODY_BYTES ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
}

/**
 * Writes one frame into a buffer that has room for it.
 *
 * @param {Buffer} target
 * @param {number} offset  where the frame begins
 * @param {number} flags   MORE, COMMAND or 0; the long bit is set here
 * @param {Uint8Array} body
 * @returns {number} the offset behind the frame
 */
function writeFrame(target, offset, flags, body) {
  let at = offset;
  if (body.length > MAX_SHORT_BODY_BYTES) {
    target[at] = flags | LONG;
    target.writeUInt32BE(Math.floor(body.length / 2 ** 32), at + 1);
    target.writeUInt32BE(body.length >>> 0, at + 5);
    at += LONG_HEADER_BYTES;
  } else {
    target[at] = flags;
    target[at + 1] = body.length;
    at += SHORT_HEADER_BYTES;
  }
  target.set(body, at);
  return at + body.length;
}

/**
 * @param {number} flags
 * @param {Uint8Array} body
 * @returns {Buffer} the frame as memory of its own
 */
function encodeFrame(flags, body) {
  const frame = Buffer.allocUnsafe(frameBytes(body.length));
  writeFrame(frame, 0, flags, body);
  return frame;
}

/**
 * @param {string} name  such as READY
 * @param {...Uint8Array} data
 * @returns {Buffer} the body of a command frame
 */
function encodeCommand(name, ...data) {
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name, "latin1"), ...data]);
}

/**
 * Splits the body of a command frame.
 *
 * @param {Buffer} body
 * @returns {{name: string, data: Buffer}}
 * @throws {TransportError} `protocol` when the name is missing or cut off
 */
function parseCommand(body) {
  const nameBytes = body.length === 0 ? 0 : body[0];
  if (nameBytes === 0 || body.length < 1 + nameBytes) {
    throw new TransportError("protocol", "The peer sent a command without a name.");
  }
  return { name: body.toString("latin1", 1, 1 + nameBytes), data: body.subarray(1 + nameBytes) };
}

/** @param {Record<string, string>} properties @returns {Buffer} */
function encodeMetadata(properties) {
  return Buffer.concat(Object.entries(properties).map(([name, value]) => {
    const property = Buffer.alloc(1 + name.length + 4 + value.length);
    property[0] = name.length;
    property.write(name, 1, "latin1");
    property.writeUInt32BE(value.length, 1 + name.length);
    property.write(value, 1 + name.length + 4, "latin1");
    return property;
  }));
}

/**
 * Reads the properties of a READY command.
 *
 * @param {Buffer} data
 * @returns {Map<string, string>} values by name in lower case: names are case-insensitive
 * @throws {TransportError} `protocol` when a property is cut off
 */
function parseMetadata(data) {
  const properties = new Map();
  let offset = 0;
  while (offset < data.length) {
    const nameEnd = offset + 1 + data[offset];
    const valueStart = nameEnd + 4;
    const valueEnd = valueStart <= data.length ? valueStart + data.readUInt32BE(nameEnd) : Infinity;
    if (data[offset] === 0 || valueEnd > data.length) {
      throw new TransportError("protocol", "The peer's READY command is cut off or malformed.");
    }
    properties.set(data.toString("latin1", offset + 1, nameEnd).toLowerCase(), data.toString("latin1", valueStart, valueEnd));
    offset = valueEnd;
  }
  return properties;
}

module.exports = {
  COMMAND, EMPTY, FrameReader, GREETING_BYTES, GreetingReader, MORE, VERSION_BYTES,
  encodeCommand, encodeFrame, encodeGreeting, encodeMetadata, frameBytes, parseCommand, parseMetadata, writeFrame,
};
