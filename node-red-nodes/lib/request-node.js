"use strict";
/*
 * The escape node: any method of the bridge, any module, any operation, from the fields or from the message.
 *
 * 1. A request is not checked against the catalogue: it also reaches modules that these nodes do not know. The catalogue gives the form what
 *    there is, and which output a request drives.
 * 2. The answer is msg.payload, as it came.
 * 3. What it drove belongs to it, as to any other node; a module that a message named and that it only read, it uses in passing.
 */

const { types } = require("node:util");

const { connectionOf, leftOf } = require("./bridge-connection");
const { Catalogue, catalogue } = require("./catalogue");
const { limits } = require("./limits");
const { liveCatalogue } = require("./live-catalogue");
const { asNodeError, badParams, inLanguage, nodeError } = require("./node-errors");
const { outputOf } = require("./outputs");
const { requestChoices } = require("./request-choices");
const { NodeStatus, plain, translator } = require("./status");
const { numberIn } = require("./values");

const KEYS = ["method", "module", "slot", "operation", "params", "on_loss"];

/** These belong to the connection, which all nodes share: a session that one node ends is gone for all, and events would reach nobody. */
const OF_THE_CONNECTION = new Set(["hello", "bye", "subscribe", "unsubscribe", "observe"]);

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isMap(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !types.isUint8Array(value);
}

/** @param {unknown} slot @returns {unknown} a number where the text is one */
function asSlot(slot) {
  return typeof slot === "string" && /^\d+$/.test(slot.trim()) ? Number(slot) : slot;
}

/** @param {unknown} written @returns {Record<string, unknown>} */
function asParams(written) {
  if (written === undefined || written === null || written === "") {
    return {};
  }
  let params = written;
  if (typeof written === "string") {
    try {
      params = JSON.parse(written);
    } catch (error) {
      throw badParams("params_json", {}, /** @type {Error} */ (error).message);
    }
  }
  if (!isMap(params)) {
    throw badParams("params_object");
  }
  return params;
}

/**
 * Puts a request together; the message goes before the fields.
 *
 * @param {Record<string, any>} config
 * @param {unknown} payload
 * @returns {{method: string, params: Record<string, unknown>}}
 */
function buildRequest(config, payload) {
  const said = isMap(payload) ? payload : {};
  const unknown = Object.keys(said).find((each) => !KEYS.includes(each));
  if (unknown !== undefined) {
    throw badParams("not_in_request", { name: unknown, names: KEYS.join(", ") });
  }
  const choose = (/** @type {string} */ key) => (said[key] === undefined ? config[key] : said[key]);
  const method = String(choose("method") || "invoke");
  if (OF_THE_CONNECTION.has(method)) {
    throw nodeError("bad_request", "of_the_connection", { method });
  }
  const params = asParams(choose("params"));
  /** @type {Record<string, unknown>} */
  const place = {};
  for (const key of ["module", "slot", "operation", "on_loss"]) {
    const value = key === "slot" ? asSlot(choose(key)) : choose(key);
    if (value !== undefined && value !== "") {
      place[key] = value;
    }
  }
  if (method === "invoke") {
    return { method, params: { ...place, params } };
  }
  return { method, params: method === "release" ? { ...place, ...params } : params };
}

/** @param {Record<string, unknown>} params @returns {import("./output-owners").Place} */
function placeOf({ module, slot }) {
  return { module: String(module), slot: /** @type {number | string} */ (slot), description: catalogue.named(String(module)) };
}

/**
 * Returns what a node is there for by its fields alone.
 *
 * @param {Record<string, any>} config
 * @returns {{place?: import("./output-owners").Place, output: string}}
 */
function planned(config) {
  if ((config.method || "invoke") !== "invoke" || !config.module || asSlot(config.slot ?? "") === "") {
    return { output: "" };
  }
  const place = placeOf({ module: config.module, slot: asSlot(config.slot) });
  const operation = place.description?.operations.find((each) => each.name === config.operation);
  try {
    return { place, output: operation === undefined ? "" : outputOf(operation, asParams(config.params)) };
  } catch {
    return { place, output: "" };
  }
}

/**
 * Notes what a request uses and drives, before it is sent.
 *
 * @param {ReturnType<import("./output-owners").OutputOwners["enter"]> | undefined} owner  none without a bridge
 * @param {string} method
 * @param {Record<string, any>} params
 * @returns {{settled: (code: string) => void, ended: () => void}} `settled`: to be called with the code of its error, "" when there is none
 */
function claim(owner, method, params) {
  const nothing = { settled: () => undefined, ended: () => undefined };
  if (owner === undefined || params.module === undefined || params.slot === undefined || method !== "invoke") {
    return nothing;
  }
  const place = placeOf(params);
  const operation = place.description?.operations.find((each) => each.name === params.operation);
  if (operation === undefined) {
    owner.use(place);
    return nothing;
  }
  const output = isMap(params.params) ? outputOf(operation, params.params) : "";
  return {
    settled: output === "" ? () => undefined : owner.drive(place, output, params.on_loss === "hold" ? "hold" : "safe"),
    ended: owner.use(place, { passing: true }),
  };
}

/** @param {import("../../types/nodes").Red} RED */
module.exports = function registerRequest(RED) {
  /** @this {import("../../types/nodes").UserNode} @param {import("../../types/nodes").Config} config */
  function WisBlockRequest(config) {
    RED.nodes.createNode(this, config);
    const status = new NodeStatus({ show: (line) => this.status(line), translate: translator(RED) });
    const { method: usualMethod, module, slot, operation: usualOperation, params: usualParams } = config;
    const wanted = {
      id: this.id, signature: JSON.stringify(["request", usualMethod, module, slot, usualOperation, usualParams]), ...planned(config),
    };
    /** @type {import("./bridge-connection").BridgeConnection | undefined} */
    let connection;
    /** @type {ReturnType<import("./output-owners").OutputOwners["enter"]> | undefined} */
    let owner;
    let closed = false;

    const join = () => {
      connection = connectionOf(RED, config.bridge);
      owner = connection?.owners.enter(wanted);
      if (connection) {
        connection.register(this);
      } else {
        status.bridge("missing");
      }
    };
    const leave = () => {
      owner?.leave();
      connection?.deregister(this);
    };

    this.bridgeChanged = (state, info) => status.bridge(state, info);
    this.bridgeReplaced = () => {
      leave();
      join();
    };

    const serve = async (/** @type {Record<string, unknown>} */ msg) => {
      if (!connection) {
        throw nodeError("offline", "no_bridge");
      }
      const timeoutMs = numberIn(config.timeout_ms, "timeout_ms", { low: 1, high: limits.timeout_ms }) ?? limits.default_timeout_ms;
      const { method, params } = buildRequest(config, msg.payload);
      const since = performance.now();
      const used = connection;
      const client = used.readyNow ?? await used.ready(timeoutMs);
      if (closed) {
        return;
      }
      status.asked(String(params.operation ?? method));
      const claimed = claim(owner, method, params);
      try {
        msg.payload = await client.request(method, params, { timeoutMs: leftOf(timeoutMs, since), node: String(this.name || this.id) });
        claimed.settled("");
        if (method === "release") {
          used.owners.released(placeOf(params), params.outputs);
        }
      } catch (error) {
        claimed.settled(asNodeError(error).code);
        throw error;
      } finally {
        claimed.ended();
        status.answered();
      }
      const { operation } = params;
      msg.wisblock = { method, ...(method === "invoke" ? { module: params.module, slot: params.slot, operation } : {}) };
      status.value(plain(String(params.operation ?? method)), { emulated: used.info.emulated });
    };

    this.on("input", (msg, send, done) => {
      serve(/** @type {Record<string, unknown>} */ (msg)).then(
        () => {
          if (!closed) {
            send(msg);
            done();
          }
        },
        (thrown) => {
          if (!closed) {
            const error = inLanguage(RED, thrown);
            status.failed(error.code);
            done(error);
          }
        },
      ).catch((error) => this.error(error)); // what the receiving nodes threw
    });

    this.on("close", () => {
      closed = true;
      status.dispose();
      leave();
    });

    join();
  }

  RED.nodes.registerType("wisblock-request", WisBlockRequest);
  RED.httpAdmin.get("/wisblock-request/choices", RED.auth.needsPermission("wisblock-bridge.read"), (_request, response) => {
    response.json(requestChoices(catalogue));
  });

  // What the bridge at the other end has, modules of other projects included; that it is away is an answer, too.
  RED.httpAdmin.get("/wisblock-request/choices/:id", RED.auth.needsPermission("wisblock-bridge.read"), async (request, response) => {
    const connection = connectionOf(RED, request.params.id);
    response.set("Cache-Control", "no-store");
    try {
      response.json({ modules: connection === undefined ? null : requestChoices(new Catalogue(await liveCatalogue(connection), "")) });
    } catch (thrown) {
      response.json({ modules: null, code: asNodeError(thrown).code });
    }
  });
};

module.exports.buildRequest = buildRequest;
