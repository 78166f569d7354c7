"use strict";
/*
 * A ZeroMQ DEALER socket in plain JavaScript: one peer, connected to again and again until closed.
 *
 * 1. Bytes only: what is in a message is no business of this file.
 * 2. Nothing is queued while there is no connection: send() says false, and the message is the caller's again.
 * 3. No error is thrown into the event loop: failures are events, with a reason in words.
 */

const { EventEmitter } = require("node:events");

const { parseEndpoint } = require("./endpoint");
const { Connection } = require("./zmtp-connection");
const { NullMechanism } = require("./zmtp-null");
const { ReturnWatch } = require("./zmtp-return");
const { TransportError } = require("./zmtp-errors");

/** A connect() to a socket of this machine or a neighbour's costs less than a tenth of a millisecond. */
const UNWATCHED_RETRY_CAP_MS = 120;
const WATCHED_RETRY_CAP_MS = 1000;
const FIRST_RETRY_MS = 20;

const READ_BUFFER_BYTES = 65536;

/** Failures that trying ten times a second will not mend. */
const LASTING_FAILURES = ["protocol", "handshake_timeout", "bad_endpoint", "keys_wanted", "bad_keys", "no_curve", "wrong_server_key", "forged"];

/** The peer has said that it does not want us: asked again rarely, in case somebody has put our key on its list meanwhile. */
const REFUSED_RETRY_CAP_MS = 10000;

/**
 * @typedef {object} DealerOptions
 * @property {string | (() => string)} endpoint  `ipc://…` or `tcp://…`; a function is asked before each attempt
 * @property {(endpoint: import("./endpoint").Endpoint) => import("./zmtp-null").Mechanism} [mechanism]
 *   makes the security mechanism of one connection, or throws a TransportError where there shall be none; default NULL
 * @property {number} [maxFrameBytes]        default 2 MiB
 * @property {number} [passOverBytes]        default 0: a frame that is too large ends the connection. Up to this it is left out
 * @property {number} [maxUnsentBytes]       default 4 MiB
 * @property {number} [handshakeTimeoutMs]   default 3000
 * @property {number} [heartbeatIntervalMs]  default 2000; 0 for none of our own (the peer's are always answered)
 * @property {number} [heartbeatTimeoutMs]   default 2000
 * @property {number} [heartbeatTtlMs]       default 0, no limit
 */

/**
 * Events: `connect` (handshake done), `disconnect` (reason: TransportError), `unreachable` (reason; an attempt failed),
 * `message` (last frame: Buffer, all frames when there are several: Buffer[]), `passed_over` (first bytes of a message that was too
 * large: Buffer, its size).
 */
class DealerSocket extends EventEmitter {
  #options;
  #endpoint;
  #endpointVaries;
  /** @type {Connection | null} */
  #connection = null;
  #failures = 0;
  /** Connections in a row that ended because of what the peer said after a handshake that was right. */
  #spoiled = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #retryTimer;
  /** @type {ReturnWatch | null} */
  #watch = null;
  #watchedPath = "";
  #closing = false;
  /** @type {(() => void) | null} */
  #onClosed = null;
  /** @type {Promise<void>} */
  #closed = new Promise((resolve) => {
    this.#onClosed = resolve;
  });

  /** @param {DealerOptions} options */
  constructor(options) {
    super();
    const { endpoint } = options;
    this.#endpointVaries = typeof endpoint === "function";
    this.#endpoint = typeof endpoint === "function" ? endpoint : () => endpoint;
    this.#options = {
      mechanism: options.mechanism ?? (() => new NullMechanism()),
      maxFrameBytes: options.maxFrameBytes ?? 2 * 1024 * 1024,
      passOverBytes: options.passOverBytes ?? 0,
      maxUnsentBytes: options.maxUnsentBytes ?? 4 * 1024 * 1024,
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? 3000,
      heartbeatIntervalMs: options.heartbeatIntervalMs ?? 2000,
      heartbeatTimeoutMs: options.heartbeatTimeoutMs ?? 2000,
      heartbeatTtlMs: options.heartbeatTtlMs ?? 0,
      readBuffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
    };
  }

  /** True while messages can be sent. */
  get connected() {
    return this.#connection?.ready ?? false;
  }

  /** Starts to connect. Returns at once; the outcome is reported by events. */
  open() {
    if (this.#connection === null && this.#retryTimer === undefined && !this.#closing) {
      this.#retryTimer = setTimeout(() => this.#attempt(), 0);
    }
  }

  /**
   * Sends a message if there is a connection that takes it.
   *
   * @param {Uint8Array | Uint8Array[]} message  one frame, or several; copied
   * @returns {boolean} false: not connected, or too much unsent; nothing of it will ever be sent
   */
  send(message) {
    return this.#connection !== null && this.#connection.send(message);
  }

  /**
   * Drops the present connection and makes another.
   *
   * @param {Error & {code?: string, hint?: string, said?: import("./client-errors").Said}} reason  reported with `disconnect`
   */
  reset(reason) {
    this.#connection?.abort(new TransportError(reason.code ?? "socket", reason.message, reason.hint, reason.said));
  }

  /**
   * Closes for good. What was handed over to send() still leaves, if the peer takes it in time.
   *
   * @param {number} [flushMs]  longest wait, default 200
   * @returns {Promise<void>} resolves when nothing is left open; never rejects. Further calls give the same promise.
   */
  close(flushMs = 200) {
    if (!this.#closing) {
      this.#closing = true;
      clearTimeout(this.#retryTimer);
      this.#watch?.close();
      if (this.#connection === null) {
        this.#onClosed?.();
      } else {
        this.#connection.close(flushMs);
      }
    }
    return this.#closed;
  }

  #attempt() {
    this.#retryTimer = undefined;
    let endpoint;
    let mechanism;
    try {
      endpoint = parseEndpoint(this.#endpoint());
      mechanism = this.#options.mechanism(endpoint);
    } catch (error) {
      const { code, message, hint, said } = /** @type {Error & {code: string, hint?: string, said?: import("./client-errors").Said}} */ (error);
      this.#ended(false, new TransportError(code ?? "bad_endpoint", message, hint, said), null);
      return;
    }
    let ready = false;
    this.#connection = new Connection({ ...this.#options, endpoint, mechanism }, {
      onReady: () => {
        ready = true;
        // Who greets well and then speaks nonsense is not met twenty times a second for that.
        this.#failures = this.#spoiled;
        this.#watch?.close();
        this.emit("connect");
      },
      onMessage: (body, parts) => this.emit("message", body, parts),
      onPassedOver: (head, size) => this.emit("passed_over", head, size),
      onEnd: (reason) => this.#ended(ready, reason, endpoint),
    });
  }

  /** @param {boolean} wasReady @param {TransportError} reason @param {import("./endpoint").Endpoint | null} endpoint */
  #ended(wasReady, reason, endpoint) {
    this.#connection = null;
    if (wasReady) {
      this.#spoiled = reason.code === "protocol" ? this.#spoiled + 1 : 0;
    }
    if (!this.#closing) {
      this.#retryLater(reason, endpoint);
    }
    this.emit(wasReady ? "disconnect" : "unreachable", reason);
    if (this.#closing) {
      this.#onClosed?.();
    }
  }

  /** @param {TransportError} reason @param {import("./endpoint").Endpoint | null} endpoint */
  #retryLater(reason, endpoint) {
    const watched = this.#watchFor(endpoint);
    let cap = watched || LASTING_FAILURES.includes(reason.code) ? WATCHED_RETRY_CAP_MS : UNWATCHED_RETRY_CAP_MS;
    if (reason.code === "key_refused") {
      cap = REFUSED_RETRY_CAP_MS;
    }
    const longest = Math.min(cap, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    // Half of it by chance, so that many clients of one bridge do not come back in step.
    this.#retryTimer = setTimeout(() => this.#attempt(), longest / 2 + Math.random() * longest / 2);
  }

  /** @param {import("./endpoint").Endpoint | null} endpoint @returns {boolean} true when the return of the socket will be noticed */
  #watchFor(endpoint) {
    if (endpoint?.transport !== "ipc" || endpoint.abstract) {
      this.#watch?.close();
      return false;
    }
    if (this.#watch === null || this.#watchedPath !== endpoint.path) {
      this.#watch?.close();
      this.#watchedPath = endpoint.path;
      this.#watch = new ReturnWatch(endpoint.path, () => this.#hint());
    }
    const armed = this.#watch.arm();
    // An endpoint that is asked for again each time may name another place next time, which nobody watches.
    return armed && !this.#endpointVaries;
  }

  #hint() {
    this.#failures = 0;
    if (this.#retryTimer !== undefined) {
      clearTimeout(this.#retryTimer);
      this.#attempt();
    }
  }
}

module.exports = { DealerSocket, TransportError };
