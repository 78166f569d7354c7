"use strict";
/*
 * One connection, from connect() to its end: greeting, handshake, frames, heartbeat.
 *
 * 1. Lives once: another connection is another object.
 * 2. Ends exactly once, through onEnd, with a reason in words; throws nothing into the event loop.
 * 3. Knows the mechanism only by its interface (see zmtp-null.js) and messages only as bytes.
 */

const net = require("node:net");

const { COMMAND, FrameReader, GreetingReader, MORE, VERSION_BYTES, encodeCommand, encodeFrame, encodeGreeting, frameBytes, parseCommand,
  writeFrame } = require("./zmtp-framing");
const { TransportError, fromSystemError, transportError } = require("./zmtp-errors");

const BATCH_BYTES = 65536;
const MAX_PARTS = 64;
const MAX_PING_CONTEXT_BYTES = 16;
const TTL_UNIT_MS = 100;
const MAX_TTL_UNITS = 0xffff;

/**
 * @typedef {object} ConnectionOptions
 * @property {import("./endpoint").Endpoint} endpoint
 * @property {import("./zmtp-null").Mechanism} mechanism
 * @property {Buffer} readBuffer           what the kernel writes into; may serve the next connection
 * @property {number} maxFrameBytes        largest frame, and largest sum of a multi-part message, accepted from the peer
 * @property {number} passOverBytes        a message of one frame that is too large, but not larger than this, is left out; the connection stands
 * @property {number} maxUnsentBytes       send() refuses beyond this many bytes that the kernel has not taken
 * @property {number} handshakeTimeoutMs   from connect() to the end of the handshake
 * @property {number} heartbeatIntervalMs  silence after which we send PING; 0 for never
 * @property {number} heartbeatTimeoutMs   silence after a PING after which the peer is dead
 * @property {number} heartbeatTtlMs       how long the peer shall wait for a sign of life from us; 0 for no limit
 *
 * @typedef {object} ConnectionHandlers
 * @property {() => void} onReady
 * @property {(body: Buffer, parts?: Buffer[]) => void} onMessage  last frame, and all of them when there are several
 * @property {(head: Buffer, size: number) => void} onPassedOver  a message that was too large; its first bytes
 * @property {(reason: TransportError) => void} onEnd
 */

class Connection {
  /** True from the end of the handshake to the end of the connection. */
  ready = false;

  #options;
  #handlers;
  #mechanism;
  #socket;
  #ended = false;
  #closing = false;
  #greeting = new GreetingReader();
  #reader;
  /** @type {Buffer[] | null} */
  #parts = null;
  #partsBytes = 0;

  /** @type {Buffer | null} */
  #batch = null;
  #batchLength = 0;
  #flushScheduled = false;
  #flushBatch = () => this.#flush();

  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #heardAt = 0;
  #pingedAt = 0;
  #peerTtlMs = 0;

  /**
   * @param {ConnectionOptions} options
   * @param {ConnectionHandlers} handlers
   */
  constructor(options, handlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#mechanism = options.mechanism;
    const largest = options.maxFrameBytes + (options.mechanism.overheadBytes ?? 0);
    this.#reader = new FrameReader(largest, (flags, body) => this.#frame(flags, body), (head, size) => this.#passedOver(head, size));
    const { endpoint } = options;
    const address = endpoint.transport === "ipc" ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
    const { readBuffer } = options;
    this.#socket = net.connect({
      ...address,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#read(readBuffer.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.on("connect", () => this.#greet());
    this.#socket.on("error", (error) => {
      const reason = fromSystemError(error, endpoint);
      this.#end(reason.code === "closed_by_peer" ? this.#hungUp() : reason);
    });
    this.#socket.on("end", () => this.#end(this.#hungUp()));
    this.#socket.on("close", () => this.#end(this.#hungUp()));
    this.#timer = setTimeout(() => setImmediate(() => this.#handshakeIsLate()), options.handshakeTimeoutMs);
  }

  /**
   * Hands a message over; it leaves at the end of this turn of the event loop, together with its neighbours.
   *
   * @param {Uint8Array | Uint8Array[]} message  one frame, or several; copied, so the caller may use the memory again
   * @returns {boolean} false: nothing of it was or will be sent
   */
  send(message) {
    if (!this.ready || this.#closing) {
      return false;
    }
    if (!Array.isArray(message)) {
      if (this.#unsentBytes() + this.#wireBytes(message.length) > this.#options.maxUnsentBytes) {
        return false;
      }
      this.#queue(0, message);
      return true;
    }
    const bytes = message.reduce((sum, part) => sum + this.#wireBytes(part.length), 0);
    if (message.length === 0 || this.#unsentBytes() + bytes > this.#options.maxUnsentBytes) {
      return false;
    }
    message.forEach((part, index) => this.#queue(index < message.length - 1 ? MORE : 0, part));
    return true;
  }

  /**
   * Says goodbye: what was handed over still leaves, within the time given; nothing is received any more.
   *
   * @param {number} flushMs  longest wait for the peer to take it
   */
  close(flushMs) {
    if (this.#ended || this.#closing) {
      return;
    }
    this.#closing = true;
    this.#reader.stopped = true;
    if (!this.ready) {
      this.#end(this.#closed());
      return;
    }
    this.#flush();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(this.#closed()), flushMs);
    this.#socket.end();
  }

  /**
   * Ends the connection at once.
   *
   * @param {TransportError} reason
   */
  abort(reason) {
    this.#end(reason);
  }

  #greet() {
    const { remoteAddress } = this.#socket;
    const refusal = remoteAddress === undefined ? null : this.#mechanism.checkAddress?.(remoteAddress);
    if (refusal) {
      this.#end(refusal);
      return;
    }
    // libzmq hangs up without a word on a mechanism that is not its own, so ours is sent once its is known.
    this.#socket.write(encodeGreeting(this.#mechanism.name, this.#mechanism.asServer).subarray(0, VERSION_BYTES));
  }

  // --- receiving -------------------------------------------------------------------------------------------------------

  /** @param {Buffer} chunk  ours only until this returns */
  #read(chunk) {
    if (this.#ended || this.#closing) {
      return;
    }
    this.#heardAt = performance.now();
    try {
      let offset = 0;
      if (!this.#greeting.complete) {
        offset = this.#greeting.feed(chunk);
        if (!this.#greeting.complete) {
          return;
        }
        this.#greeted();
      }
      this.#reader.feed(chunk, offset);
    } catch (error) {
      this.#end(error instanceof TransportError ? error
        : new TransportError("listener", `A message could not be handled: ${error instanceof Error ? error.message : error}.`));
    }
  }

  #greeted() {
    const theirs = this.#greeting.mechanism;
    if (theirs !== this.#mechanism.name) {
      throw this.#mechanism.explain?.("other_mechanism", theirs) ?? new TransportError("protocol",
        `The bridge wants the security mechanism ${theirs || "(none)"}, this client is set to ${this.#mechanism.name}.`,
        "Set the same on both sides.");
    }
    this.#socket.write(encodeGreeting(this.#mechanism.name, this.#mechanism.asServer).subarray(VERSION_BYTES));
    this.#sendCommand(this.#mechanism.start());
  }

  /** @param {number} flags @param {Buffer} body */
  #frame(flags, body) {
    if (!this.ready) {
      this.#handshake(flags, body);
      return;
    }
    let kind = flags;
    let content = body;
    if (this.#mechanism.open !== null) {
      ({ flags: kind, body: content } = this.#mechanism.open(flags, body));
    }
    if ((kind & COMMAND) !== 0) {
      this.#command(content);
    } else if ((kind & MORE) === 0 && this.#parts === null) {
      this.#handlers.onMessage(content);
    } else {
      this.#part(content, (kind & MORE) === 0);
    }
  }

  /** @param {Buffer} head @param {number} size */
  #passedOver(head, size) {
    if (this.#parts !== null) {
      throw new TransportError("protocol", `The peer sent a message with a frame of ${size} bytes; at most ${this.#options.maxFrameBytes} are accepted.`);
    }
    this.#handlers.onPassedOver(head, size);
  }

  /** @param {Buffer} body @param {boolean} last */
  #part(body, last) {
    this.#parts ??= [];
    this.#parts.push(body);
    this.#partsBytes += body.length;
    if (this.#parts.length > MAX_PARTS || this.#partsBytes > this.#options.maxFrameBytes) {
      throw new TransportError("protocol",
        `The peer sent a message of more than ${MAX_PARTS} frames or ${this.#options.maxFrameBytes} bytes.`);
    }
    if (last) {
      const parts = this.#parts;
      this.#parts = null;
      this.#partsBytes = 0;
      this.#handlers.onMessage(body, parts);
    }
  }

  /** @param {number} flags @param {Buffer} body */
  #handshake(flags, body) {
    if ((flags & COMMAND) === 0) {
      throw new TransportError("protocol", "The peer sent a message before the handshake was done.");
    }
    const { name, data } = parseCommand(body);
    this.#refuseError(name, data);
    this.#sendCommand(this.#mechanism.receive(name, data));
    if (this.#mechanism.complete) {
      this.ready = true;
      // A sealed message that is left out breaks the count of those after it.
      this.#reader.passOverBytes = this.#mechanism.open === null ? this.#options.passOverBytes : 0;
      clearTimeout(this.#timer);
      this.#beatLater();
      this.#handlers.onReady();
    }
  }

  /** @param {Buffer} body */
  #command(body) {
    const { name, data } = parseCommand(body);
    this.#refuseError(name, data);
    if (name === "PING") {
      if (data.length < 2) {
        throw new TransportError("protocol", "The peer sent a PING without its time to live.");
      }
      this.#peerTtlMs = data.readUInt16BE(0) * TTL_UNIT_MS;
      this.#sendCommand(encodeCommand("PONG", data.subarray(2, 2 + MAX_PING_CONTEXT_BYTES)));
      this.#beatLater();
    } else if (name === "PONG") {
      // The timer waits for the end of the peer's time, which may be long: the next PING is due after the interval.
      this.#beatLater();
    }
  }

  /** @param {string} name @param {Buffer} data */
  #refuseError(name, data) {
    if (name === "ERROR") {
      const text = data.length === 0 ? "" : data.toString("latin1", 1, 1 + data[0]).replace(/[^\x20-\x7e]/g, "?");
      throw (this.ready ? null : this.#mechanism.explain?.("refused", text))
        ?? (text === "" ? transportError("refused", "refused_silently") : transportError("refused", "refused", { why: text }));
    }
  }

  // --- sending ---------------------------------------------------------------------------------------------------------

  /** @param {number} bodyBytes @returns {number} what a frame of that size takes once it is sealed */
  #wireBytes(bodyBytes) {
    return frameBytes(bodyBytes + (this.#mechanism.overheadBytes ?? 0));
  }

  #unsentBytes() {
    return this.#batchLength + this.#socket.writableLength;
  }

  /** @param {Buffer | null} body */
  #sendCommand(body) {
    // Answers to a peer that never reads must not pile up either.
    if (body !== null && this.#unsentBytes() + this.#wireBytes(body.length) <= this.#options.maxUnsentBytes) {
      this.#queue(COMMAND, body);
    }
  }

  /** @param {number} flags @param {Uint8Array} content */
  #queue(flags, content) {
    let kind = flags;
    let body = content;
    if (this.ready && this.#mechanism.seal !== null) {
      body = this.#mechanism.seal(flags, content);
      kind = 0;
    }
    const bytes = frameBytes(body.length);
    if (this.#batchLength + bytes > BATCH_BYTES) {
      this.#flush();
    }
    if (bytes > BATCH_BYTES) {
      this.#socket.write(encodeFrame(kind, body));
      return;
    }
    this.#batch ??= Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#batchLength = writeFrame(this.#batch, this.#batchLength, kind, body);
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(this.#flushBatch);
    }
  }

  #flush() {
    this.#flushScheduled = false;
    if (this.#batch === null || this.#batchLength === 0 || this.#ended) {
      return;
    }
    const bytes = this.#batch.subarray(0, this.#batchLength);
    this.#batchLength = 0;
    if (this.#socket.writableLength > 0) {
      this.#socket.write(Buffer.from(bytes));
      return;
    }
    this.#socket.write(bytes);
    if (this.#socket.writableLength > 0) {
      // The kernel did not take it at once, so this memory belongs to the socket until it does.
      this.#batch = null;
    }
  }

  // --- signs of life ---------------------------------------------------------------------------------------------------

  #beatLater() {
    clearTimeout(this.#timer);
    const { heartbeatIntervalMs, heartbeatTimeoutMs } = this.#options;
    let due = Infinity;
    // ZMTP 3.0 has no PING.
    if (heartbeatIntervalMs > 0 && this.#greeting.minor >= 1) {
      due = this.#pingedAt > this.#heardAt ? this.#pingedAt + heartbeatTimeoutMs : this.#heardAt + heartbeatIntervalMs;
    }
    if (this.#peerTtlMs > 0) {
      due = Math.min(due, this.#heardAt + this.#peerTtlMs);
    }
    if (due < Infinity) {
      // Timers run before sockets are read: after a busy spell, let what has arrived be heard before judging.
      this.#timer = setTimeout(() => setImmediate(() => this.#beat()), Math.max(1, Math.ceil(due - performance.now())));
      this.#timer.unref();
    }
  }

  #beat() {
    if (this.#ended || this.#closing) {
      return;
    }
    const { heartbeatIntervalMs, heartbeatTimeoutMs, heartbeatTtlMs } = this.#options;
    const now = performance.now();
    const unanswered = this.#pingedAt > this.#heardAt && now - this.#pingedAt >= heartbeatTimeoutMs;
    if (unanswered || (this.#peerTtlMs > 0 && now - this.#heardAt >= this.#peerTtlMs)) {
      this.#end(transportError("heartbeat", "heartbeat", { endpoint: this.#options.endpoint.text, silence: Math.round(now - this.#heardAt) }));
      return;
    }
    if (heartbeatIntervalMs > 0 && this.#greeting.minor >= 1 && this.#pingedAt <= this.#heardAt
        && now - this.#heardAt >= heartbeatIntervalMs) {
      this.#pingedAt = now;
      const ttl = Buffer.alloc(2);
      ttl.writeUInt16BE(Math.min(MAX_TTL_UNITS, Math.ceil(heartbeatTtlMs / TTL_UNIT_MS)));
      this.#sendCommand(encodeCommand("PING", ttl));
    }
    this.#beatLater();
  }

  // --- the end ---------------------------------------------------------------------------------------------------------

  #handshakeIsLate() {
    if (!this.ready) {
      const { endpoint, handshakeTimeoutMs } = this.#options;
      this.#end(this.#mechanism.explain?.("late", "") ?? transportError("handshake_timeout", "handshake", { endpoint: endpoint.text, timeout: handshakeTimeoutMs }));
    }
  }

  #closed() {
    return transportError("closed", "closed");
  }

  #hungUp() {
    if (this.#closing) {
      return this.#closed();
    }
    return (this.ready ? null : this.#mechanism.explain?.("cut_off", ""))
      ?? transportError("closed_by_peer", "closed_by_peer", { endpoint: this.#options.endpoint.text });
  }

  /** @param {TransportError} reason */
  #end(reason) {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.ready = false;
    this.#reader.stopped = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#mechanism.dispose?.();
    this.#handlers.onEnd(this.#closing ? this.#closed() : reason);
  }
}

module.exports = { Connection };
