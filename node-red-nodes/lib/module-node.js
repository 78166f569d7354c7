"use strict";
/*
 * A module's node: from a message to a request and back, from a subscription to messages.
 *
 * 1. Knows a slug, an operation and parameters: no product number, unit or limit is written here.
 * 2. Each message ends in exactly one done(); after close() nothing is sent, shown or finished any more.
 * 3. A promise is never left to fail alone: Node-RED would end with it.
 */

const { connectionOf, leftOf } = require("./bridge-connection");
const { catalogue: exportedCatalogue } = require("./catalogue");
const { defaultOperation } = require("./fields");
const { limits } = require("./limits");
const { fillMessage } = require("./message");
const { asNodeError, badParams, inLanguage, nodeError } = require("./node-errors");
const { collectParams } = require("./params");
const { NodeStatus, moduleWords, readingsText, translator } = require("./status");
const { Pace } = require("./pace");
const { outputOf, plannedOutput } = require("./outputs");
const { numberIn } = require("./values");

/** Data that comes every N ms counts as stopped after this many N, but not sooner than after STALE_FLOOR_MS. */
const STALE_INTERVALS = 3;
const STALE_FLOOR_MS = 2000;

/** One node of a module. */
class ModuleNode {
  #closed = false;
  /** @type {ReturnType<import("./output-owners").OutputOwners["enter"]> | undefined} */
  #owner;
  /** @type {{unsubscribe(): Promise<void> | void} | null} */
  #subscription = null;
  /** @type {Pace | null} */
  #pace = null;
  /** How long the value of a subscription counts as fresh; 0: always. */
  #staleAfterMs = 0;
  /** @type {number | undefined} */
  #timeoutMs;

  /**
   * @param {import("../../types/nodes").Red} RED
   * @param {import("../../types/nodes").UserNode} node                          the Node-RED node
   * @param {Record<string, any>} config        its properties
   * @param {import("./catalogue").Module} module
   * @param {import("./catalogue").Catalogue} catalogue
   */
  constructor(RED, node, config, module, catalogue) {
    this.RED = RED;
    this.node = node;
    this.config = config;
    this.module = module;
    this.catalogue = catalogue;
    this.trigger = config.trigger || "message";
    this.slot = this.#slotOf(config);
    /** @type {import("./output-owners").Place} */
    this.place = { module: module.name, slot: this.slot, description: module };
    /** @type {import("./bridge-connection").BridgeConnection | undefined} */
    this.connection = undefined;
    this.words = moduleWords(translator(RED), module.slug);
    this.status = new NodeStatus({ show: (line) => node.status(line), translate: translator(RED) });
  }

  /** Starts: joins the bridge, subscribes, listens. */
  start() {
    const { node } = this;
    node.bridgeChanged = (state, info) => {
      if (!this.#closed) {
        this.status.bridge(state, info);
      }
    };
    node.bridgeReplaced = () => {
      this.#leave();
      this.#join();
    };
    node.on("input", (msg, send, done) => this.input(/** @type {import("../../types/nodes").Message} */ (msg), send, done));
    node.on("close", () => this.close());
    this.#join();
  }

  /** Begins to use the bridge that it is set to. */
  #join() {
    this.connection = connectionOf(this.RED, this.config.bridge);
    if (!this.connection) {
      this.status.bridge("missing");
      return;
    }
    this.#owner = this.connection.owners.enter(this.#wanted());
    this.connection.register(this.node);
    if (this.trigger !== "message") {
      this.subscribe().catch((error) => this.spontaneousError(error));
    }
  }

  /** What it drove is given up when the deploy is over, unless somebody drives it then: output-owners.js. */
  #leave() {
    this.#unsubscribe().catch((error) => this.node.debug(`closing: ${error}`));
    this.#owner?.leave();
    this.#owner = undefined;
    this.connection?.deregister(this.node);
  }

  /** @returns {number} how long a request may wait before it starts, ms */
  get timeoutMs() {
    this.#timeoutMs ??= numberIn(this.config.timeout_ms, "timeout_ms", { low: 1, high: limits.timeout_ms }) ?? limits.default_timeout_ms;
    return this.#timeoutMs;
  }

  /** @returns {string} who asks, as the bridge shows to others */
  get label() {
    return String(this.node.name || this.node.id);
  }

  /** @returns {"safe" | "hold"} what becomes of an output when nobody drives it any more */
  get onLoss() {
    return this.config.onLoss === "hold" ? "hold" : "safe";
  }

  /** @returns {import("./output-owners").Wanted} what it drives by its settings, and how its successor is known */
  #wanted() {
    const { node, place, trigger, onLoss } = this;
    const name = trigger === "event" ? `event ${this.config.event ?? ""}` : String(this.config.operation || defaultOperation(this.module).name);
    const operation = trigger === "message" ? this.module.operations.find((each) => each.name === name) : undefined;
    const { output, sources } = operation === undefined
      ? { output: "", sources: [] }
      : plannedOutput(this.RED, node, this.config, operation);
    const signature = JSON.stringify([place.module, place.slot, trigger, name, sources]);
    return { id: node.id, signature, place, output, onLoss };
  }

  /** @returns {import("./catalogue").Operation} */
  get operation() {
    const name = this.config.operation;
    const found = name ? this.module.operations.find((each) => each.name === name) : defaultOperation(this.module);
    if (found === undefined) {
      throw nodeError("unknown_operation", "no_operation", { module: this.module.name, name });
    }
    return found;
  }

  /** @returns {import("./catalogue").Operation} */
  get event() {
    const name = this.config.event;
    const found = name ? this.module.events.find((each) => each.name === name) : this.module.events[0];
    if (found === undefined) {
      throw nodeError("unknown_operation", "no_event", { module: this.module.name, name: name ?? "" });
    }
    return found;
  }

  /**
   * Serves one message.
   *
   * @param {import("../../types/nodes").Message} msg
   * @param {(msg: import("../../types/nodes").Message) => void} send
   * @param {(error?: Error) => void} done
   */
  input(msg, send, done) {
    this.serve(msg).then(
      () => {
        if (!this.#closed) {
          send(msg);
          done();
        }
      },
      (thrown) => {
        if (!this.#closed) {
          const error = inLanguage(this.RED, thrown, { module: this.module.name, slot: this.slot });
          this.status.failed(error.code);
          done(error);
        }
      },
    ).catch((error) => this.node.error(error)); // what the receiving nodes threw
  }

  /** @param {Record<string, unknown>} msg  filled in place */
  async serve(msg) {
    if (!this.connection) {
      throw nodeError("offline", "no_bridge");
    }
    if (this.trigger === "event") {
      throw nodeError("bad_request", "waits_for_events");
    }
    const { operation, timeoutMs } = this;
    const params = await collectParams(this.RED, this.node, this.config, operation, msg);
    const since = performance.now();
    const client = this.connection.readyNow ?? await this.connection.ready(timeoutMs);
    if (this.#closed) {
      return;
    }
    this.status.asked(this.words.operation(operation.name));
    const settled = this.#claim(operation, params);
    try {
      const result = await client.invoke(this.module.name, this.slot, operation.name, params, {
        timeoutMs: leftOf(timeoutMs, since),
        node: this.label,
        ...(operation.drives === "" ? {} : { onLoss: this.onLoss }),
      });
      settled("");
      if (!this.#closed) {
        this.fill(msg, operation, result, false);
      }
    } catch (error) {
      settled(asNodeError(error).code);
      throw error;
    } finally {
      this.status.answered();
    }
  }

  /**
   * Notes what a request uses and drives, before it is sent: the node may be gone before the answer comes.
   *
   * @param {import("./catalogue").Operation} operation
   * @param {Record<string, unknown>} params
   * @returns {(code: string) => void} to be called with the code of its error, "" when there is none
   */
  #claim(operation, params) {
    this.#owner?.use(this.place);
    const output = outputOf(operation, params);
    return (output !== "" && this.#owner?.drive(this.place, output, this.onLoss)) || (() => undefined);
  }

  /** Asks the bridge for values every N milliseconds, or for events. */
  async subscribe() {
    const onEvent = this.trigger === "event";
    const operation = onEvent ? this.event : this.operation;
    const owner = this.#owner;
    const params = await collectParams(this.RED, this.node, this.config, operation, null);
    const target = { module: this.module.name, slot: this.slot, params };
    let wanted;
    if (onEvent) {
      wanted = { ...target, event: operation.name };
    } else {
      const everyMs = this.number("every_ms");
      const deadband = this.number("deadband");
      if (everyMs === undefined) {
        throw badParams("no_interval");
      }
      this.#pace = new Pace(everyMs);
      if (deadband === undefined) {
        this.#staleAfterMs = Math.max(STALE_INTERVALS * everyMs, STALE_FLOOR_MS);
      }
      wanted = { ...target, operation: operation.name, every_ms: everyMs, ...(deadband === undefined ? {} : { deadband }) };
    }
    if (this.#closed || !this.connection || this.#owner !== owner) {
      return; // the bridge was replaced meanwhile, and asked then
    }
    owner?.use(this.place);
    this.#subscription = this.connection.client.subscribe(wanted, (event) => this.notify(operation, event, onEvent), { node: this.label });
  }

  /** @param {"every_ms" | "deadband"} name @returns {number | undefined} */
  number(name) {
    return numberIn(this.config[name], name);
  }

  /**
   * Passes on an event of a subscription.
   *
   * @param {import("./catalogue").Operation} operation
   * @param {any} event
   * @param {boolean} isEvent
   */
  notify(operation, event, isEvent) {
    if (this.#closed) {
      return;
    }
    if (event.error) {
      // that the bridge is away is reported once, by the bridge's own node
      if (event.error.code !== "offline") {
        this.spontaneousError(event.error);
      }
      return;
    }
    const msg = this.fill({}, operation, event, isEvent);
    this.node.send(msg);
  }

  /** @param {unknown} thrown  an error that no message caused */
  spontaneousError(thrown) {
    if (this.#closed) {
      return;
    }
    const error = inLanguage(this.RED, thrown, { module: this.module.name, slot: this.slot });
    this.status.failed(error.code);
    this.node.error(error, { wisblock: { module: this.module.name, slot: this.slot } });
  }

  /**
   * @param {Record<string, unknown>} msg
   * @param {import("./catalogue").Operation} operation
   * @param {any} result
   * @param {boolean} isEvent
   */
  fill(msg, operation, result, isEvent) {
    const { catalogue, module, slot } = this;
    const late = result.sequence === undefined ? null : this.#pace?.note(result.late);
    this.status.value(readingsText(catalogue, operation, result.readings ?? {}, this.words), result, this.#staleAfterMs, late);
    return fillMessage(msg, { catalogue, module, slot, operation }, result, isEvent);
  }

  /** Stops. */
  close() {
    this.#closed = true;
    this.status.dispose();
    this.#leave();
  }

  async #unsubscribe() {
    const subscription = this.#subscription;
    this.#subscription = null;
    await subscription?.unsubscribe();
  }

  /** @param {{slot?: any}} config @returns {number | string} the slot as the protocol has it; what is none is for the bridge to refuse */
  #slotOf(config) {
    const written = config.slot ?? "";
    return written === "" ? this.module.slots[0] : this.module.slots.find((each) => String(each) === String(written)) ?? written;
  }
}

/**
 * Makes the runtime side of a module's node.
 *
 * @param {string} slug  the module's name in node types
 * @param {{catalogue?: import("./catalogue").Catalogue}} [options]  replaced by tests
 * @returns {(RED: import("../../types/nodes").Red) => void}
 */
module.exports = function makeModuleNode(slug, { catalogue = exportedCatalogue } = {}) {
  const module = catalogue.module(slug);
  return function registerModule(RED) {
    /** @this {import("../../types/nodes").UserNode} @param {import("../../types/nodes").Config} config */
    function WisBlockModule(config) {
      RED.nodes.createNode(this, config);
      new ModuleNode(RED, this, config, module, catalogue).start();
    }

    RED.nodes.registerType(`wisblock-${slug}`, WisBlockModule);
  };
};
