"use strict";
/*
 * The requests under way: ids, deadlines, and the reply that belongs to each.
 *
 * 1. Every request that was sent is settled exactly once: by its reply, its deadline, its signal or the loss of the connection.
 * 2. A reply that nobody waits for (late, or the second one) changes nothing but a counter.
 * 3. Keeps no timer: returns the next deadline, and is called when it may have passed.
 */

const { BridgeError, reasonOf, say } = require("./client-errors");
const { limits } = require("./limits");

const PROTOCOL_VERSION = 1;
const MAX_ID = 0xffffffff;

/**
 * @typedef {object} Call
 * @property {string} method
 * @property {object} [params]
 * @property {number} timeoutMs      how long it may wait in the bridge before it starts
 * @property {number} graceMs        how long it may then take
 * @property {boolean} [internal]    the client's own: does not count towards the limit
 * @property {AbortSignal} [signal]
 * @property {string} [node]         who asks
 *
 * @typedef {{call: Call, resolve: Resolve, reject: Reject, deadline: number, counted: boolean, onAbort: (() => void) | null}} Pending
 *
 * @typedef {(result: any) => void} Resolve
 * @typedef {(error: BridgeError) => void} Reject
 */

/** @param {{method: string, params?: any}} call */
function nameOf({ method, params }) {
  return typeof params?.operation === "string" ? `"${params.operation}"` : `"${method}"`;
}

/** @param {{params?: any}} call */
function placeOf({ params }) {
  if (params?.module === undefined) {
    return undefined;
  }
  return params.slot === undefined || params.slot === "board" ? `${params.module}` : `${params.module} slot ${params.slot}`;
}

/** @param {string | undefined} node @returns {string | undefined} as much of it as the bridge takes */
function shortened(node) {
  const whole = /** @type {any} */ (node)?.toWellFormed();
  return node === undefined || node.length <= limits.node_name ? whole : [...whole].slice(0, limits.node_name).join("");
}

class Requests {
  /** When the last request was sent, in terms of performance.now(). */
  sentAt = -Infinity;

  #codec;
  #clock;
  #send;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  #counted = 0;
  #id = 0;

  /**
   * @param {import("./client-codec").Codec} codec
   * @param {import("./bridge-clock").BridgeClock} clock
   * @param {(bytes: Uint8Array) => boolean} send  false: not sent, because too much waits already
   */
  constructor(codec, clock, send) {
    this.#codec = codec;
    this.#clock = clock;
    this.#send = send;
  }

  /**
   * Sends a request. Exactly one of resolve and reject is called, possibly before this returns.
   *
   * @param {Call} call
   * @param {Resolve} resolve
   * @param {Reject} reject
   * @returns {number} its deadline in terms of performance.now(); Infinity when it was not sent
   */
  start(call, resolve, reject) {
    const { method, params, timeoutMs, signal } = call;
    const counted = call.internal !== true;
    if (counted && this.#counted >= limits.in_flight) {
      reject(new BridgeError({
        code: "busy", ...say("in_flight", { limit: limits.in_flight, request: nameOf(call) }), where: placeOf(call),
      }));
      return Infinity;
    }
    if (signal?.aborted) {
      reject(this.#aborted(call));
      return Infinity;
    }
    const id = this.#freeId();
    const deadlineMs = this.#clock.deadlineMs(timeoutMs);
    const refusal = this.#encodeAndSend(call, {
      v: PROTOCOL_VERSION, id, method, params, timeout_ms: deadlineMs === undefined ? timeoutMs : undefined, deadline_ms: deadlineMs,
      node: shortened(call.node),
    });
    if (refusal !== null) {
      reject(refusal);
      return Infinity;
    }
    const now = performance.now();
    const deadline = now + timeoutMs + call.graceMs;
    /** @type {Pending} */
    const pending = { call, resolve, reject, deadline, counted, onAbort: null };
    if (signal !== undefined) {
      pending.onAbort = () => this.#settle(id)?.reject(this.#aborted(call));
      signal.addEventListener("abort", pending.onAbort, { once: true });
    }
    this.sentAt = now;
    this.#counted += counted ? 1 : 0;
    this.#pending.set(id, pending);
    return deadline;
  }

  /**
   * Takes a reply.
   *
   * @param {Record<string, any>} message  as it came from the wire
   * @returns {"settled" | "unexpected" | "malformed"}  unexpected: nobody waits for it (any more)
   */
  reply(message) {
    const pending = this.#settle(message.id);
    if (pending === undefined) {
      return Number.isInteger(message.id) ? "unexpected" : "malformed";
    }
    if (message.ok === true && message.result !== undefined) {
      pending.resolve(message.result);
      return "settled";
    }
    const { error } = message;
    if (message.ok === false && typeof error?.code === "string" && typeof error.message === "string") {
      const { code, message: happened, hint, where, data } = error;
      pending.reject(new BridgeError({ code, message: happened, hint, where, data }));
      return "settled";
    }
    pending.reject(new BridgeError({
      code: "internal", ...say("no_sense", { request: nameOf(pending.call) }), where: placeOf(pending.call),
    }));
    return "malformed";
  }

  /**
   * Fails the request whose reply cannot be read.
   *
   * @param {number | null} id  null when not even that could be read
   * @param {string} why
   */
  unreadable(id, why) {
    const pending = id === null ? undefined : this.#settle(id);
    pending?.reject(new BridgeError({
      code: "internal", ...say("unreadable", { request: nameOf(pending.call), why }), where: placeOf(pending.call),
    }));
  }

  /**
   * Fails what is overdue with `timeout_reply`.
   *
   * @param {number} now
   * @returns {number} the next deadline; Infinity when nothing is under way
   */
  expire(now) {
    let next = Infinity;
    for (const [id, { call, deadline }] of this.#pending) {
      if (deadline > now) {
        next = Math.min(next, deadline);
      } else {
        this.#settle(id)?.reject(new BridgeError({
          code: "timeout_reply", ...say("no_reply", { request: nameOf(call), timeout: call.timeoutMs + call.graceMs }), where: placeOf(call),
        }));
      }
    }
    return next;
  }

  /**
   * Fails everything: the connection is gone, and no reply will come.
   *
   * @param {import("./client-errors").Words} reason  a sentence, and what to do
   */
  failAll(reason) {
    for (const id of [...this.#pending.keys()]) {
      const pending = this.#settle(id);
      pending?.reject(new BridgeError({
        code: "offline", ...say("lost", { request: nameOf(pending.call), reason: reasonOf(reason) }), where: placeOf(pending.call),
      }));
    }
  }

  #freeId() {
    do {
      this.#id = this.#id === MAX_ID ? 1 : this.#id + 1;
    } while (this.#pending.has(this.#id));
    return this.#id;
  }

  /** @param {Call} call @param {object} message @returns {BridgeError | null} why it was not sent */
  #encodeAndSend(call, message) {
    let bytes;
    try {
      bytes = this.#codec.encode(message);
    } catch (error) {
      return new BridgeError({
        code: "bad_params", where: placeOf(call),
        ...say("cannot_be_sent", { request: nameOf(call), why: error instanceof Error ? error.message : String(error), depth: limits.depth }),
      }, { cause: error });
    }
    if (bytes.length > limits.message_bytes) {
      return new BridgeError({
        code: "bad_request", ...say("too_long", { request: nameOf(call), bytes: bytes.length, limit: limits.message_bytes }), where: placeOf(call),
      });
    }
    return this.#send(bytes) ? null : new BridgeError({
      code: "busy", ...say("no_room", { request: nameOf(call) }), where: placeOf(call),
    });
  }

  /** Takes a request off the list, for the caller to resolve or reject it.  @param {number} id */
  #settle(id) {
    const pending = this.#pending.get(id);
    if (pending !== undefined) {
      this.#pending.delete(id);
      this.#counted -= pending.counted ? 1 : 0;
      if (pending.onAbort !== null) {
        pending.call.signal?.removeEventListener("abort", pending.onAbort);
      }
    }
    return pending;
  }

  /** @param {Call} call */
  #aborted(call) {
    return new BridgeError({ code: "aborted", ...say("cancelled", { request: nameOf(call) }), where: placeOf(call) }, { cause: call.signal?.reason });
  }
}

module.exports = { PROTOCOL_VERSION, Requests };
