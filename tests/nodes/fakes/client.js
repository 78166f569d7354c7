"use strict";
/*
 * Stands in for lib/client.js: the test decides when the bridge is there and what it answers.
 *
 * 1. The same face as BridgeClient, and no more.
 * 2. Nothing happens of itself: no timers.
 */

const { EventEmitter } = require("node:events");
const { BridgeError } = require("../../../node-red-nodes/lib/client-errors");

class FakeClient extends EventEmitter {
  /** Every client that was made, in order. */
  static made = [];

  /** What a client does as soon as it is made; tests that want to see it connecting set it to null. */
  static whenMade = (client) => client.goOnline();

  static reset() {
    FakeClient.made = [];
    FakeClient.whenMade = (client) => client.goOnline();
  }

  static get last() {
    return FakeClient.made.at(-1);
  }

  constructor(options) {
    super();
    this.options = options;
    this.state = "connecting";
    this.lastError = null;
    this.bridge = null;
    this.session = options.resume ?? null;
    this.requests = [];
    this.subscriptions = [];
    this.introductions = [];
    this.closed = null;
    /** Answers a request: a value, or an error to reject with. */
    this.answer = () => ({ readings: {}, timestamp: 1, quality: "good", emulated: false });
    FakeClient.made.push(this);
    FakeClient.whenMade?.(this);
  }

  goOnline(info = {}) {
    this.bridge = { server: "fake", version: "0.1.0", board: "RAK7391", emulated: false, catalogue: "", leaseMs: 5000, resumed: false, ...info };
    this.session = `session-${FakeClient.made.indexOf(this)}`;
    this.#enter("online", null);
  }

  goOffline(message = "The socket is gone.", reason = "no_socket") {
    this.#enter("offline", new BridgeError({ code: "offline", message, data: { reason } }));
    for (const { handler } of this.subscriptions.filter((each) => !each.unsubscribed)) {
      handler({ v: 1, event: "error", error: { code: "offline", message } });
    }
  }

  #enter(state, reason) {
    this.state = state;
    this.lastError = reason;
    this.emit("state", state, reason);
  }

  async request(method, params, options) {
    const request = { method, params, options };
    this.requests.push(request);
    if (this.state !== "online") {
      throw new BridgeError({ code: "offline", message: "Not sent." });
    }
    const answer = await this.answer(request);
    if (answer instanceof Error) {
      throw answer;
    }
    return answer;
  }

  invoke(module, slot, operation, params, options = {}) {
    return this.request("invoke", { module, slot, operation, params, on_loss: options.onLoss }, options);
  }

  introduce(introduction) {
    this.introductions.push(introduction);
  }

  subscribe(spec, handler, options = {}) {
    const subscription = { spec, handler, options, unsubscribed: false };
    this.subscriptions.push(subscription);
    return {
      active: true,
      unsubscribe: () => {
        subscription.unsubscribed = true;
      },
    };
  }

  observe(spec, handler) {
    return this.subscribe({ ...spec, observe: true }, handler);
  }

  async close(options) {
    this.closed = options;
    this.state = "closed";
  }
}

module.exports = { FakeClient };
