"use strict";
/*
 * The life of a module's node: from a message to a request and back, from a subscription to messages.
 *
 * 1. Knows a slug, an operation and parameters: no product number, unit or limit is written here.
 * 2. Each message ends in exactly one done(); after close() nothing is sent, shown or finished any more.
 * 3. A promise is never left to fail alone: Node-RED would end with it.
 */

const { catalogue: exportedCatalogue } = require("./catalogue");
const { defaultOperation } = require("./fields");
const { fillMessage } = require("./message");
const { asNodeError, badParams, nodeError } = require("./node-errors");
const { collectParams } = require("./params");
const { NodeStatus, readingsText } = require("./status");
const { within } = require("./bridge-connection");

const USUAL_TIMEOUT_MS = 2000;

/** Node-RED waits for a closing node; leaving the bridge in good order may take this long of that. */
const LEAVE_WITHIN_MS = 1500;

/** Data that comes every N ms counts as stopped after this many N, but not sooner than after STALE_FLOOR_MS. */
const STALE_INTERVALS = 3;
const STALE_FLOOR_MS = 2000;

/** One node of a module. */
class ModuleLife {
  #closed = false;
  #drove = false;
  #asked = false;
  /** @type {{unsubscribe(): Promise<void> | void} | null} */
  #subscription = null;

  /**
   * @param {any} RED
   * @param {any} node                          the Node-RED node
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
    this.bridgeNode = RED.nodes.getNode(config.bridge);
    this.status = new NodeStatus({ show: (line) => node.status(line), translate: (id) => RED._(id) });
  }

  /** Starts: joins the bridge, subscribes, listens. */
  start() {
    const { node } = this;
    node.bridgeChanged = (/** @type {any} */ state, /** @type {any} */ info) => {
      if (!this.#closed) {
        this.status.bridge(state, info);
      }
    };
    node.on("input", (/** @type {any} */ msg, /** @type {any} */ send, /** @type {any} */ done) => this.input(msg, send, done));
    node.on("close", (/** @type {boolean} */ removed, /** @type {() => void} */ done) => this.close(removed).then(done, done));
    if (!this.connection) {
      this.status.bridge("missing");
      return;
    }
    this.connection.register(node);
    if (this.trigger !== "message") {
      this.subscribe().catch((error) => this.spontaneousError(error));
    }
  }

  /** @returns {import("./bridge-connection").BridgeConnection | undefined} */
  get connection() {
    return this.bridgeNode?.connection;
  }

  /** @returns {number} how long a request may wait before it starts, ms */
  get timeoutMs() {
    const written = Number(this.config.timeout_ms);
    return Number.isFinite(written) && written > 0 ? written : USUAL_TIMEOUT_MS;
  }

  /** @returns {import("./catalogue").Operation} */
  get operation() {
    const name = this.config.operation;
    const found = name ? this.module.operations.find((each) => each.name === name) : defaultOperation(this.module);
    if (found === undefined) {
      throw nodeError("unknown_operation", `${this.module.name} has no operation "${name}".`, {
        hint: "Open the node and choose one.",
      });
    }
    return found;
  }

  /** @returns {import("./catalogue").Operation} */
  get event() {
    const name = this.config.event;
    const found = name ? this.module.events.find((each) => each.name === name) : this.module.events[0];
    if (found === undefined) {
      throw nodeError("unknown_operation", `${this.module.name} has no event "${name ?? ""}".`, {
        hint: "Open the node and choose one.",
      });
    }
    return found;
  }

  /**
   * Serves one message.
   *
   * @param {Record<string, unknown>} msg
   * @param {(msg: object) => void} send
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
          const error = asNodeError(thrown);
          this.status.failed(error.code);
          done(error);
        }
      },
    ).catch((error) => this.node.error(error)); // what the receiving nodes threw
  }

  /** @param {Record<string, unknown>} msg  filled in place */
  async serve(msg) {
    if (!this.connection) {
      throw nodeError("offline", "No bridge is chosen.", { hint: "Open the node and choose or add a bridge." });
    }
    if (this.trigger === "event") {
      throw nodeError("bad_request", "This node waits for events and takes no messages.", {
        hint: 'Set "Run" to "on message", or use a second node.',
      });
    }
    const { operation } = this;
    const params = await collectParams(this.RED, this.node, this.config, operation, msg);
    const client = await this.connection.ready(this.timeoutMs);
    if (this.#closed) {
      return;
    }
    this.status.asked(operation.name);
    try {
      const driving = operation.drives !== "";
      this.#drove ||= driving;
      this.#asked ||= this.slot !== "board";
      const result = await client.invoke(this.module.name, this.slot, operation.name, params, {
        timeoutMs: this.timeoutMs,
        ...(driving ? { onLoss: this.config.onLoss === "hold" ? "hold" : "safe" } : {}),
      });
      if (!this.#closed) {
        this.fill(msg, operation, result, false);
      }
    } finally {
      this.status.answered();
    }
  }

  /** Asks the bridge for values every N milliseconds, or for events. */
  async subscribe() {
    const onEvent = this.trigger === "event";
    const operation = onEvent ? this.event : this.operation;
    const params = await collectParams(this.RED, this.node, this.config, operation, null);
    const target = { module: this.module.name, slot: this.slot, params };
    let staleAfterMs = 0;
    let wanted;
    if (onEvent) {
      wanted = { ...target, event: operation.name };
    } else {
      const everyMs = this.number("every_ms");
      const deadband = this.number("deadband");
      if (everyMs === undefined) {
        throw badParams("The interval is missing.", "Open the node and say how often it runs.");
      }
      if (deadband === undefined) {
        staleAfterMs = Math.max(STALE_INTERVALS * everyMs, STALE_FLOOR_MS);
      }
      wanted = { ...target, operation: operation.name, every_ms: everyMs, ...(deadband === undefined ? {} : { deadband }) };
    }
    if (this.#closed || !this.connection) {
      return;
    }
    this.#asked ||= this.slot !== "board";
    this.#subscription = await this.connection.client.subscribe(wanted, (event) => this.told(operation, event, onEvent, staleAfterMs));
    if (this.#closed) {
      await this.#unsubscribe();
    }
  }

  /** @param {"every_ms" | "deadband"} name @returns {number | undefined} */
  number(name) {
    const written = this.config[name];
    if (written === undefined || written === null || written === "") {
      return undefined;
    }
    const value = Number(written);
    if (!Number.isFinite(value)) {
      throw badParams(`${name} is "${written}", which is not a number.`, "Open the node and correct it.");
    }
    return value;
  }

  /**
   * Passes on what a subscription told.
   *
   * @param {import("./catalogue").Operation} operation
   * @param {any} event
   * @param {boolean} isEvent
   * @param {number} staleAfterMs
   */
  told(operation, event, isEvent, staleAfterMs) {
    if (this.#closed) {
      return;
    }
    if (event.error) {
      // that the bridge is away is told once, by the bridge's own node
      if (event.error.code !== "offline") {
        this.spontaneousError(event.error);
      }
      return;
    }
    const msg = this.fill({}, operation, event, isEvent, staleAfterMs);
    this.node.send(msg);
  }

  /** @param {unknown} thrown  an error that no message caused */
  spontaneousError(thrown) {
    if (this.#closed) {
      return;
    }
    const error = asNodeError(thrown);
    this.status.failed(error.code);
    this.node.error(error, { wisblock: { module: this.module.name, slot: this.slot } });
  }

  /**
   * @param {Record<string, unknown>} msg
   * @param {import("./catalogue").Operation} operation
   * @param {any} result
   * @param {boolean} isEvent
   * @param {number} [staleAfterMs]
   */
  fill(msg, operation, result, isEvent, staleAfterMs = 0) {
    const { catalogue, module, slot } = this;
    this.status.value(readingsText(catalogue, operation, result.readings ?? {}), result, staleAfterMs);
    return fillMessage(msg, { catalogue, module, slot, operation }, result, isEvent);
  }

  /**
   * Stops.
   *
   * @param {boolean} removed  the node was deleted or its tab disabled, not just deployed again
   */
  async close(removed) {
    this.#closed = true;
    this.status.dispose();
    try {
      await within(this.#leave(removed), LEAVE_WITHIN_MS);
    } catch (error) {
      this.node.debug(`closing: ${error}`);
    } finally {
      this.connection?.deregister(this.node);
    }
  }

  /** @param {boolean} removed */
  async #leave(removed) {
    const { connection } = this;
    const unsubscribed = this.#unsubscribe();
    // An input module is let go as well: the next one in that slot would be refused otherwise.
    const holds = this.#drove || this.#asked;
    if (connection && removed && holds && connection.state === "online" && !this.#hasSuccessor()) {
      await connection.client.request("release", { module: this.module.name, slot: this.slot }, { timeoutMs: LEAVE_WITHIN_MS });
    }
    await unsubscribed;
  }

  async #unsubscribe() {
    const subscription = this.#subscription;
    this.#subscription = null;
    await subscription?.unsubscribe();
  }

  /** @returns {boolean} whether the flows, as they are now deployed, have another node of the same module in the same slot */
  #hasSuccessor() {
    /** @type {any[]} */
    const nodes = [];
    this.RED.nodes.eachNode((/** @type {any} */ each) => nodes.push(each));
    const used = new Set(nodes.map((each) => each.type));
    // where nodes can lie without running: tabs that are disabled, subflows that nobody uses
    const asleep = new Set(
      nodes
        .filter((each) => (each.type === "tab" && each.disabled) || (each.type === "subflow" && !used.has(`subflow:${each.id}`)))
        .map((each) => each.id),
    );
    return nodes.some(
      (each) =>
        each.type === this.node.type &&
        each.id !== this.node.id &&
        each.bridge === this.config.bridge &&
        !each.d &&
        !asleep.has(each.z) &&
        this.#slotOf(each) === this.slot,
    );
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
 * @returns {(RED: any) => void}
 */
module.exports = function makeModuleNode(slug, { catalogue = exportedCatalogue } = {}) {
  const module = catalogue.module(slug);
  return function registerModule(RED) {
    /** @this {any} @param {Record<string, any>} config */
    function WisBlockModule(config) {
      RED.nodes.createNode(this, config);
      new ModuleLife(RED, this, config, module, catalogue).start();
    }

    RED.nodes.registerType(`wisblock-${slug}`, WisBlockModule);
  };
};
