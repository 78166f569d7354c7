"use strict";
/*
 * What the flows listen to, through every reconnect.
 *
 * 1. A subscription lives until it is unsubscribed; the bridge is asked for it again after each hello.
 * 2. A handler hears of an error once, as an event named `error`, and of values again as soon as there are any. What this client itself says
 *    is a BridgeError, which can be said in other languages; of what comes from the wire that is not believed.
 * 3. A handler that throws harms nobody else.
 */

/** Refusals that asking again on the same connection will not change. */
const LASTING_REFUSALS = ["bad_request", "bad_params", "unknown_method", "unknown_module", "unknown_operation", "unsupported_version",
  "forbidden"];

const MAX_OUTSTANDING = 64;
const MAX_EARLY_EVENTS = 64;
const FIRST_RETRY_MS = 500;
const RETRY_CAP_MS = 30000;

/**
 * @typedef {object} SubscriptionSpec
 * @property {string} module
 * @property {number | string} slot
 * @property {string} [event]       an event of the module, or
 * @property {string} [operation]   an operation that only reads
 * @property {object} [params]
 * @property {number} [every_ms]    with operation: how often
 * @property {number} [deadband]    with operation: smallest change that is reported
 *
 * @typedef {object} ObserveSpec
 * @property {string[]} [modules]            only what concerns these modules
 * @property {(number | string)[]} [slots]   only what is in these slots
 *
 * @typedef {object} Subscription
 * @property {"subscribe" | "observe"} method
 * @property {SubscriptionSpec | ObserveSpec} params
 * @property {string} about     what it concerns, for the log
 * @property {string | undefined} node
 * @property {(event: Record<string, any>) => void} onEvent
 * @property {unknown} id       as the bridge gave it; null while it has not
 * @property {boolean} asking
 * @property {boolean} cancelled
 * @property {number} failures
 * @property {number} retryAt
 * @property {string} reported  code of the error that was reported last, "" when values came since
 *
 * @typedef {import("./client-errors").BridgeError} BridgeError
 *
 * @typedef {object} Host  what the client lends
 * @property {(method: string, params: object, resolve: (result: any) => void, reject: (error: any) => void, node?: string) => void} ask
 * @property {(atMs: number) => void} wakeAt  have wake() called at this time of performance.now()
 * @property {(text: string) => void} warn
 */

class Subscriptions {
  #host;
  /** @type {Set<Subscription>} */
  #all = new Set();
  /** @type {Map<unknown, Subscription>} */
  #byId = new Map();
  #online = false;
  /** @type {BridgeError | null} */
  #offlineError = null;
  #outstanding = 0;
  /** @type {Record<string, any>[]} events that overtook the reply to their subscribe */
  #early = [];

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
  }

  /**
   * @param {SubscriptionSpec} spec
   * @param {(event: Record<string, any>) => void} onEvent
   * @param {string} [node]  who asks
   * @returns {{unsubscribe: () => void, readonly active: boolean}}  active: the bridge has granted it
   */
  add(spec, onEvent, node) {
    const { module, slot, event, operation, params, every_ms, deadband } = spec;
    return this.#begin("subscribe", { module, slot, event, operation, params, every_ms, deadband }, module, onEvent, node);
  }

  /**
   * Listens to what the bridge tells others; opens and touches nothing.
   *
   * @param {ObserveSpec} spec
   * @param {(event: Record<string, any>) => void} onEvent
   * @returns {{unsubscribe: () => void, readonly active: boolean}}
   */
  observe({ modules, slots }, onEvent) {
    return this.#begin("observe", { modules, slots }, "what is observed", onEvent, undefined);
  }

  /**
   * @param {"subscribe" | "observe"} method
   * @param {SubscriptionSpec | ObserveSpec} params
   * @param {string} about
   * @param {(event: Record<string, any>) => void} onEvent
   * @param {string | undefined} node
   * @returns {{unsubscribe: () => void, readonly active: boolean}}
   */
  #begin(method, params, about, onEvent, node) {
    /** @type {Subscription} */
    const subscription = {
      method, params, about,
      node, onEvent, id: null, asking: false, cancelled: false, failures: 0, retryAt: 0, reported: "",
    };
    this.#all.add(subscription);
    // Not before the caller has its handle.
    process.nextTick(() => {
      if (this.#online) {
        this.#askWhatIsDue();
      } else if (this.#offlineError !== null) {
        this.#report(subscription, this.#offlineError);
      }
    });
    return {
      unsubscribe: () => this.#remove(subscription),
      get active() {
        return subscription.id !== null;
      },
    };
  }

  /** The bridge has said hello: ask for everything. */
  online() {
    this.#online = true;
    this.#offlineError = null;
    this.#forgetIds();
    for (const subscription of this.#all) {
      if (subscription.reported !== "offline") {
        subscription.reported = ""; // what the session before refused, this one refuses anew
      }
    }
    this.#askWhatIsDue();
  }

  /**
   * The bridge is away: report it to all, once.
   *
   * @param {BridgeError} error  with the code `offline`
   */
  offline(error) {
    this.#online = false;
    this.#offlineError = error;
    this.#forgetIds();
    for (const subscription of this.#all) {
      this.#report(subscription, error);
    }
  }

  /** Forgets everything; no handler is called any more. */
  clear() {
    this.#online = false;
    for (const subscription of this.#all) {
      subscription.cancelled = true;
    }
    this.#all.clear();
    this.#forgetIds();
  }

  /** @param {Record<string, any>} event  as it came from the wire */
  deliver(event) {
    const subscription = this.#byId.get(event.subscription);
    if (subscription !== undefined) {
      subscription.reported = "";
      this.#call(subscription, event);
    } else if (this.#outstanding > 0 && this.#early.length < MAX_EARLY_EVENTS) {
      this.#early.push(event);
    }
  }

  /** Asks for what is due; called by the client's timer. */
  wake() {
    if (this.#online) {
      this.#askWhatIsDue();
    }
  }

  #forgetIds() {
    this.#byId.clear();
    this.#early = [];
    for (const subscription of this.#all) {
      subscription.id = null;
      subscription.failures = 0;
      subscription.retryAt = 0;
    }
  }

  #askWhatIsDue() {
    const now = performance.now();
    for (const subscription of this.#all) {
      if (this.#outstanding >= MAX_OUTSTANDING) {
        return;
      }
      if (subscription.id === null && !subscription.asking) {
        if (subscription.retryAt <= now) {
          this.#ask(subscription);
        } else if (subscription.retryAt < Infinity) {
          this.#host.wakeAt(subscription.retryAt);
        }
      }
    }
  }

  /** @param {Subscription} subscription */
  #ask(subscription) {
    subscription.asking = true;
    this.#outstanding += 1;
    const settled = () => {
      subscription.asking = false;
      this.#outstanding -= 1;
    };
    this.#host.ask(subscription.method, subscription.params, (result) => {
      settled();
      this.#granted(subscription, result);
      this.#askWhatIsDue();
    }, (error) => {
      settled();
      if (this.#online && !subscription.cancelled) {
        this.#onRejected(subscription, error);
        this.#askWhatIsDue();
      }
    }, subscription.node);
  }

  /** @param {Subscription} subscription @param {any} result */
  #granted(subscription, result) {
    const id = result?.subscription;
    if (subscription.cancelled) {
      this.#giveUp(id);
      return;
    }
    subscription.id = id;
    subscription.failures = 0;
    this.#byId.set(id, subscription);
    const early = this.#early.filter((event) => event.subscription === id);
    this.#early = this.#outstanding === 0 ? [] : this.#early.filter((event) => event.subscription !== id);
    early.forEach((event) => this.deliver(event));
  }

  /** @param {Subscription} subscription @param {BridgeError} error */
  #onRejected(subscription, error) {
    const lasting = LASTING_REFUSALS.includes(error.code);
    const delay = Math.min(RETRY_CAP_MS, FIRST_RETRY_MS * 2 ** Math.min(subscription.failures, 16));
    subscription.failures += 1;
    subscription.retryAt = lasting ? Infinity : performance.now() + delay;
    this.#report(subscription, error);
  }

  /** @param {Subscription} subscription */
  #remove(subscription) {
    if (subscription.cancelled) {
      return;
    }
    subscription.cancelled = true;
    this.#all.delete(subscription);
    if (subscription.id !== null) {
      this.#byId.delete(subscription.id);
      this.#giveUp(subscription.id);
      subscription.id = null;
    }
  }

  /** @param {unknown} id */
  #giveUp(id) {
    if (this.#online) {
      // Whatever comes of it: nobody listens any more.
      this.#host.ask("unsubscribe", { subscription: id }, () => {}, () => {});
    }
  }

  /** @param {Subscription} subscription @param {BridgeError} error */
  #report(subscription, error) {
    if (subscription.reported !== error.code && !subscription.cancelled) {
      subscription.reported = error.code;
      this.#call(subscription, { v: 1, event: "error", error });
    }
  }

  /** @param {Subscription} subscription @param {Record<string, any>} event */
  #call(subscription, event) {
    try {
      subscription.onEvent(event);
    } catch (error) {
      this.#host.warn(`A handler of events of ${subscription.about} failed: ${error instanceof Error ? error.stack : error}`);
    }
  }
}

module.exports = { Subscriptions };
