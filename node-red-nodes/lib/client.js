"use strict";
/*
 * A client of the bridge: connection, session and lease, and the doors to requests and subscriptions.
 *
 * 1. Knows the protocol's envelope and methods; what an operation or a reading means is no business of this file.
 * 2. Nothing waits for a connection: a request made while the bridge is away fails at once with `offline`, and is never sent later.
 * 3. Nothing is thrown into the event loop and no promise is left unhandled: failures are rejections, states and events.
 */

const { EventEmitter } = require("node:events");

const { BridgeClock } = require("./bridge-clock");
const { Codec, idOf } = require("./client-codec");
const { BridgeError, describeError, reasonOf, say } = require("./client-errors");
const { PROTOCOL_VERSION, Requests } = require("./client-requests");
const { Subscriptions } = require("./client-subscriptions");
const { defaultEndpoint } = require("./endpoint");
const { limits } = require("./limits");
const { DealerSocket } = require("./zmtp");
const { mechanismFor } = require("./zmtp-keys");

const DEFAULT_GRACE_MS = 30000;
const HELLO_TIMEOUT_MS = 3000;
const BYE_TIMEOUT_MS = 300;
const FIRST_HELLO_RETRY_MS = 250;
const HELLO_RETRY_CAP_MS = 10000;
const MIN_PING_TIMEOUT_MS = 500;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @param {unknown} text @param {number} length  letters, not halves of pairs @returns {string} */
function cut(text, length) {
  return [.../** @type {any} */ (String(text)).toWellFormed()].slice(0, length).join("");
}

/** A lease that is granted shorter than this would keep us busy with pings. */
const SHORTEST_LEASE_MS = 100;

/** Texts of a hello end up in the log and under nodes. */
const LONGEST_WORD = 200;

/** A reply up to this size, though too large to be taken, costs its request only, not the connection that others drive outputs over. */
const PASS_OVER_BYTES = 64 * 1024 * 1024;

/** Messages without sense on one connection: one more, and it is given up. What speaks so is no bridge, or means harm. */
const MAX_MALFORMED = 100;

/**
 * @typedef {object} ClientOptions
 * @property {string} [endpoint]   `ipc://…` or `tcp://…`; default by the rule of endpoint.js, asked again at each attempt
 * @property {Partial<import("./zmtp-keys").KeyTexts>} [keys]  for a bridge on another computer; used on `tcp://…` alone
 * @property {string} [name]       who we are, shown in the bridge's status; default "node-red"
 * @property {string} [version]    our version
 * @property {number} [leaseMs]    how long the bridge keeps our session without a sign of life, 500 to 60000; default 5000
 * @property {string | null} [resume]  session token of the client before this one: outputs keep their state
 * @property {number} [graceMs]    time for the operation itself, on top of a request's timeoutMs; default 30000
 * @property {{debug?: (text: string) => void, warn?: (text: string) => void}} [logger]
 * @property {Partial<import("./zmtp").DealerOptions>} [transport]  handed to the socket
 *
 * @typedef {object} RequestOptions
 * @property {number} [timeoutMs]  how long the request may wait in the bridge before it starts, 1 to 60000; default 2000
 * @property {number} [graceMs]    how long it may then take, before the client gives up with `timeout_reply`
 * @property {AbortSignal} [signal]  gives up with `aborted`; what has been sent may still be carried out
 * @property {string} [node]       who asks, for the bridge to show others who holds a slot; cut to 100 characters
 *
 * @typedef {"connecting" | "online" | "offline" | "closed"} State
 *
 * @typedef {object} BridgeInfo
 * @property {string} server
 * @property {string} version
 * @property {string} board
 * @property {boolean} emulated
 * @property {string} catalogue   sha256 of the bridge's catalogue
 * @property {number} leaseMs     as granted
 * @property {boolean} resumed    the former session goes on
 */

/** Events: `state` (state, reason: BridgeError | null). Connects on its own from the moment it is made until close(). */
class BridgeClient extends EventEmitter {
  /** @type {State} read only */
  state = "connecting";
  /** @type {BridgeError | null} why it is not online; read only */
  lastError = null;
  /** @type {BridgeInfo | null} from the last hello; read only */
  bridge = null;
  /** @type {string | null} token to hand to the next client as `resume`; read only */
  session = null;
  /** Things that should not happen, counted; read only. */
  counters = { malformed: 0, unexpectedReplies: 0 };

  #options;
  #codec = new Codec();
  #clock = new BridgeClock();
  #socket;
  #requests;
  #subscriptions;
  #heardAt = 0;
  #pinging = false;
  #greeting = false;
  #helloAt = Infinity;
  #helloFailures = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #timerAt = Infinity;
  #saidMalformed = false;
  #malformedHere = 0;
  /** @type {() => void} */
  #onClosed = () => {};
  /** @type {Promise<void>} */
  #closed = new Promise((resolve) => {
    this.#onClosed = resolve;
  });

  /** @param {ClientOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = {
      name: cut(options.name ?? "node-red", limits.client_name),
      version: cut(options.version ?? "0", limits.client_version),
      leaseMs: options.leaseMs ?? limits.default_lease_ms,
      graceMs: options.graceMs ?? DEFAULT_GRACE_MS,
      logger: options.logger ?? {},
    };
    this.session = options.resume ?? null;
    this.#socket = new DealerSocket({
      endpoint: options.endpoint || (() => defaultEndpoint()), mechanism: mechanismFor(options.keys),
      passOverBytes: PASS_OVER_BYTES, ...options.transport,
    });
    this.#requests = new Requests(this.#codec, this.#clock, (bytes) => this.#socket.send(bytes));
    this.#subscriptions = new Subscriptions({
      ask: (method, params, resolve, reject, node) => this.#ask(method, params, limits.default_timeout_ms, this.#options.graceMs, resolve, reject, node),
      wakeAt: (atMs) => this.#wakeAt(atMs),
      warn: (text) => this.#warn(text),
    });
    this.#socket.on("connect", () => this.#connected());
    this.#socket.on("message", (bytes) => this.#receive(bytes));
    this.#socket.on("passed_over", (head, size) => this.#unreadable(head, `${size} bytes are more than are taken`));
    this.#socket.on("disconnect", (reason) => this.#lost(reason));
    this.#socket.on("unreachable", (reason) => this.#lost(reason));
    this.#socket.open();
  }

  /**
   * Asks the bridge.
   *
   * @param {string} method
   * @param {object} [params]
   * @param {RequestOptions} [options]
   * @returns {Promise<any>} the whole result; rejects with a BridgeError
   */
  request(method, params, options = {}) {
    const graceMs = /** @type {number} */ (options.graceMs) >= 0 ? /** @type {number} */ (options.graceMs) : this.#options.graceMs;
    return new Promise((resolve, reject) => {
      if (this.state !== "online") {
        reject(this.#notSent());
        return;
      }
      this.#renewLapsedLease();
      this.#wakeAt(this.#requests.start({
        method, params, timeoutMs: clampTimeout(options.timeoutMs), graceMs, signal: options.signal, node: options.node,
      }, resolve, reject));
    });
  }

  /**
   * Has a module carry an operation out.
   *
   * @param {string} module     such as "RAK5801"
   * @param {number | string} slot  1, 2 or "board"
   * @param {string} operation
   * @param {object} [params]   of the operation
   * @param {RequestOptions & {onLoss?: "safe" | "hold"}} [options]  onLoss: what an output does when this client is lost
   * @returns {Promise<{readings: Record<string, any>, timestamp: number, quality: string, note?: string, emulated: boolean}>}
   */
  invoke(module, slot, operation, params, options = {}) {
    return this.request("invoke", { module, slot, operation, params, on_loss: options.onLoss }, options);
  }

  /**
   * Listens to a module until unsubscribed, through every loss of the connection.
   *
   * @param {import("./client-subscriptions").SubscriptionSpec} spec
   * @param {(event: Record<string, any>) => void} onEvent  gets events as they are on the wire; errors as `event: "error"`
   * @param {{node?: string}} [options]  node: who asks, as for a request
   * @returns {{unsubscribe: () => void, readonly active: boolean}}
   */
  subscribe(spec, onEvent, { node } = {}) {
    return this.#subscriptions.add(spec, onEvent, node);
  }

  /**
   * Listens to what the bridge tells others, until unsubscribed and through every loss of the connection: events `observed`, the latest of
   * each reading, five times a second at most. Opens no module and touches no hardware.
   *
   * @param {import("./client-subscriptions").ObserveSpec} spec
   * @param {(event: Record<string, any>) => void} onEvent  also hears of errors, once, as an event named `error`
   * @returns {{unsubscribe: () => void, readonly active: boolean}}
   */
  observe(spec, onEvent) {
    return this.#subscriptions.observe(spec, onEvent);
  }

  /**
   * Presents this client under another name, or with another lease. The session, what it drives and its subscriptions go on.
   *
   * @param {{name: string, leaseMs: number}} introduction
   */
  introduce({ name, leaseMs }) {
    Object.assign(this.#options, { name, leaseMs });
    if (this.state === "online") {
      this.#hello();
    }
  }

  /**
   * Closes for good. Requests under way fail with `offline`.
   *
   * @param {{bye?: boolean}} [options]  bye: end the session in good order, so that outputs go to their safe state now;
   *   without it the session waits for its lease to run out, and the next client may resume it
   * @returns {Promise<void>} never rejects; further calls give the same promise
   */
  close({ bye = false } = {}) {
    if (this.state !== "closed") {
      this.#shutDown(bye && this.state === "online");
    }
    return this.#closed;
  }

  /** @param {boolean} bye */
  #shutDown(bye) {
    const reason = say("client_closed");
    this.#subscriptions.clear();
    this.#helloAt = Infinity;
    this.#enter("closed", new BridgeError({ code: "offline", ...reason }));
    this.#requests.failAll(reason);
    const hangUp = () => {
      this.#socket.close().then(() => {
        clearTimeout(this.#timer);
        this.#onClosed();
      });
    };
    if (bye) {
      this.session = null;
      this.#ask("bye", undefined, BYE_TIMEOUT_MS, 0, hangUp, hangUp);
    } else {
      hangUp();
    }
  }

  // --- the wire --------------------------------------------------------------------------------------------------------

  /**
   * Sends a request of our own, whatever the state.
   *
   * @param {string} method
   * @param {object | undefined} params
   * @param {number} timeoutMs
   * @param {number} graceMs
   * @param {import("./client-requests").Resolve} resolve
   * @param {import("./client-requests").Reject} reject
   * @param {string} [node]
   */
  #ask(method, params, timeoutMs, graceMs, resolve, reject, node) {
    this.#wakeAt(this.#requests.start({ method, params, timeoutMs, graceMs, internal: true, node }, resolve, reject));
  }

  /** @param {Buffer} bytes */
  #receive(bytes) {
    this.#heardAt = performance.now();
    let message;
    try {
      message = this.#codec.decode(bytes);
    } catch (error) {
      this.#unreadable(bytes, error instanceof Error ? error.message : String(error));
      return;
    }
    if (message.event === undefined) {
      const outcome = this.#requests.reply(message);
      if (outcome === "unexpected") {
        this.counters.unexpectedReplies += 1;
      } else if (outcome === "malformed") {
        this.#malformed("a reply without a known id, or with neither a result nor an error");
      }
      if (message.error?.code === "forbidden" && this.state === "online" && !this.#pinging && !this.#greeting) {
        // For lack of a role, or because our key was removed? Everybody who is let in may ping.
        this.#ping();
      }
    } else if (typeof message.event === "string" && message.subscription !== undefined) {
      this.#subscriptions.deliver(message);
    } else {
      this.#malformed("an event without a name or a subscription");
    }
  }

  /** @param {Buffer} head @param {string} why  a message cannot be read: whatever it answers fails now, not when its time is over */
  #unreadable(head, why) {
    this.#heardAt = performance.now();
    this.#requests.unreadable(idOf(head), why);
    this.#malformed(why);
  }

  /** @param {import("./zmtp-errors").TransportError} reason  the connection is gone, or could not be made */
  #lost(reason) {
    this.#helloAt = Infinity;
    this.#greeting = false;
    this.#pinging = false;
    this.#clock.forget();
    if (this.state !== "closed") {
      this.#enter("offline", new BridgeError({ code: "offline", message: reason.message, hint: reason.hint, said: reason.said, data: { reason: reason.code } }));
    }
    this.#requests.failAll(reason);
  }

  // --- the session -----------------------------------------------------------------------------------------------------

  #connected() {
    this.#malformedHere = 0;
    this.#heardAt = performance.now();
    this.#helloFailures = 0;
    this.#enter("connecting", null);
    this.#hello();
  }

  #hello() {
    this.#helloAt = Infinity;
    this.#greeting = true;
    const { name, version, leaseMs } = this.#options;
    this.#ask("hello", { client: name, version, lease_ms: leaseMs, resume: this.session ?? undefined }, HELLO_TIMEOUT_MS, 0,
      (result) => this.#onHello(result), (error) => this.#onHelloRejected(error));
  }

  /** @param {Record<string, any>} hello  the result */
  #onHello(hello) {
    this.#greeting = false;
    if (this.state === "closed") {
      return;
    }
    if (Array.isArray(hello.protocol) && !hello.protocol.includes(PROTOCOL_VERSION)) {
      this.#onHelloRejected(new BridgeError({
        code: "unsupported_version", ...say("protocol_version", { theirs: hello.protocol.join(", "), ours: PROTOCOL_VERSION }),
      }));
      return;
    }
    this.bridge = {
      server: word(hello.server), version: word(hello.version), board: word(hello.board),
      emulated: hello.emulated === true, catalogue: word(hello.catalogue),
      leaseMs: hello.lease_ms > 0 ? Math.max(SHORTEST_LEASE_MS, hello.lease_ms) : this.#options.leaseMs, resumed: hello.resumed === true,
    };
    this.#clock.note(hello);
    this.session = typeof hello.session === "string" ? hello.session : null;
    this.#helloFailures = 0;
    // On a connection that stood all the time, a session that goes on has kept its subscriptions.
    const keepsSubscriptions = this.state === "online" && this.bridge.resumed;
    // Those who drive something have to hear of another session, too, although the connection stood.
    this.#enter("online", null, this.state === "online" && !this.bridge.resumed);
    if (!keepsSubscriptions) {
      this.#subscriptions.online();
    }
    this.#wakeAt(this.#pingDueAt());
  }

  /** @param {BridgeError} error */
  #onHelloRejected(error) {
    this.#greeting = false;
    if (this.state === "closed" || !this.#socket.connected) {
      return;
    }
    if (error.code === "timeout_reply") {
      this.#socket.reset(new BridgeError({ code: "timeout_reply", ...say("not_greeted") }));
      return;
    }
    const delay = Math.min(HELLO_RETRY_CAP_MS, FIRST_HELLO_RETRY_MS * 2 ** Math.min(this.#helloFailures, 16));
    this.#helloFailures += 1;
    this.#helloAt = performance.now() + delay;
    this.#wakeAt(this.#helloAt);
    const { code, hint, where, data } = error;
    this.#enter("offline", new BridgeError({ code, ...say("not_let_in", { reason: reasonOf(error) }), hint, where, data }));
  }

  #leaseMs() {
    return this.bridge?.leaseMs ?? this.#options.leaseMs;
  }

  /** After a long spell of silence of ours the bridge has ended the session: greet it before anything else is asked. */
  #renewLapsedLease() {
    if (!this.#greeting && performance.now() - this.#requests.sentAt >= this.#leaseMs()) {
      this.#hello();
    }
  }

  #pingDueAt() {
    return Math.min(this.#requests.sentAt, this.#heardAt) + this.#leaseMs() / 3;
  }

  #ping() {
    const timeoutMs = Math.max(MIN_PING_TIMEOUT_MS, Math.round(this.#leaseMs() / 3));
    this.#pinging = true;
    this.#ask("ping", undefined, timeoutMs, 0, (result) => {
      this.#pinging = false;
      this.#clock.note(result);
      this.#wakeAt(this.#pingDueAt());
    }, (error) => {
      this.#pinging = false;
      if (error.code === "timeout_reply") {
        this.#socket.reset(new BridgeError({ code: "timeout_reply", ...say("silent", { timeout: timeoutMs }) }));
      } else if (error.code === "forbidden") {
        this.#socket.reset(new BridgeError({ code: "key_refused", message: error.message, hint: error.hint }));
      } else {
        // It answered, if only to say that it has its hands full.
        this.#wakeAt(this.#pingDueAt());
      }
    });
  }

  /** @param {State} state @param {BridgeError | null} reason @param {boolean} [again]  report it although it is the state already */
  #enter(state, reason, again = false) {
    if (this.state === state && this.lastError?.message === reason?.message && !again) {
      return;
    }
    this.state = state;
    this.lastError = reason;
    this.#options.logger.debug?.(reason === null ? `bridge: ${state}` : `bridge: ${state}. ${describeError(reason)}`);
    if (state === "offline" && reason !== null) {
      const { message, hint, where, data, said } = reason;
      this.#subscriptions.offline(new BridgeError({ code: "offline", message, hint, where, data, said }));
    }
    try {
      this.emit("state", state, reason);
    } catch (error) {
      this.#warn(`A listener for the state of the bridge failed: ${error instanceof Error ? error.stack : error}`);
    }
  }

  // --- time ------------------------------------------------------------------------------------------------------------

  /** One timer serves all deadlines: it is moved only when something is due earlier than what it waits for.  @param {number} atMs */
  #wakeAt(atMs) {
    if (atMs < this.#timerAt) {
      clearTimeout(this.#timer);
      this.#timerAt = atMs;
      // Timers run before sockets are read: after a busy spell, let replies that have arrived be heard before judging.
      const delay = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(atMs - performance.now())));
      this.#timer = setTimeout(() => setImmediate(() => this.#wake()), delay);
      this.#timer.unref();
    }
  }

  #wake() {
    this.#timerAt = Infinity;
    const now = performance.now();
    this.#wakeAt(this.#requests.expire(now));
    if (this.#helloAt <= now) {
      this.#hello();
    }
    this.#wakeAt(this.#helloAt);
    if (this.state === "online") {
      this.#renewLapsedLease();
      if (!this.#pinging && !this.#greeting && this.#pingDueAt() <= now) {
        this.#ping();
      }
      if (!this.#pinging && !this.#greeting) {
        this.#wakeAt(this.#pingDueAt());
      }
    }
    this.#subscriptions.wake();
  }

  // --- words -----------------------------------------------------------------------------------------------------------

  #notSent() {
    const reason = this.lastError ?? say("still_connecting");
    return new BridgeError({ code: "offline", ...say("not_sent", { reason: reasonOf(reason) }), hint: reason.hint, data: this.lastError?.data });
  }

  /** @param {string} what */
  #malformed(what) {
    this.counters.malformed += 1;
    this.#malformedHere += 1;
    if (this.#malformedHere > MAX_MALFORMED) {
      this.#socket.reset(new BridgeError({
        code: "protocol", ...say("nonsense", { messages: this.#malformedHere, what }),
      }));
    }
    if (!this.#saidMalformed) {
      this.#saidMalformed = true;
      this.#warn(`The bridge sent something that makes no sense (${what}). This is said once; it goes on being counted.`);
    }
  }

  /** @param {string} text */
  #warn(text) {
    this.#options.logger.warn?.(text);
  }
}

/** @param {unknown} given */
function word(given) {
  return String(given ?? "").slice(0, LONGEST_WORD);
}

/** @param {number | undefined} timeoutMs */
function clampTimeout(timeoutMs) {
  return Number.isFinite(timeoutMs) ? Math.min(limits.timeout_ms, Math.max(1, Math.round(/** @type {number} */ (timeoutMs)))) : limits.default_timeout_ms;
}

module.exports = { BridgeClient, BridgeError, describeError };
