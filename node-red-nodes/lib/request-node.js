"use strict";
/*
 * The escape node: any method of the bridge, any module, any operation, from the fields or from the message.
 *
 * 1. A request is not held against the catalogue: it also reaches modules these nodes do not know. Only the form offers what is there.
 * 2. The answer is msg.payload, as it came.
 */

const { asNodeError, badParams, nodeError } = require("./node-errors");
const { catalogue } = require("./catalogue");
const { requestChoices } = require("./request-choices");
const { NodeStatus, plain } = require("./status");

const USUAL_TIMEOUT_MS = 2000;
const KEYS = ["method", "module", "slot", "operation", "params", "on_loss"];

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isMap(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
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
      throw badParams("The parameters are not JSON.", `${/** @type {Error} */ (error).message}`);
    }
  }
  if (!isMap(params)) {
    throw badParams("The parameters are not an object.", 'Write them like {"samples": 16}.');
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
    throw badParams(`msg.payload.${unknown} is not part of a request.`, `It may have ${KEYS.join(", ")}.`);
  }
  const choose = (/** @type {string} */ key) => (said[key] === undefined ? config[key] : said[key]);
  const method = String(choose("method") || "invoke");
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

/** @param {any} RED */
module.exports = function registerRequest(RED) {
  /** @this {any} @param {Record<string, any>} config */
  function WisBlockRequest(config) {
    RED.nodes.createNode(this, config);
    const connection = RED.nodes.getNode(config.bridge)?.connection;
    const status = new NodeStatus({ show: (line) => this.status(line), translate: (id) => RED._(id) });
    const timeoutMs = Number(config.timeout_ms) > 0 ? Number(config.timeout_ms) : USUAL_TIMEOUT_MS;
    let closed = false;

    this.bridgeChanged = (/** @type {any} */ state, /** @type {any} */ info) => status.bridge(state, info);

    const serve = async (/** @type {Record<string, unknown>} */ msg) => {
      if (!connection) {
        throw nodeError("offline", "No bridge is chosen.", { hint: "Open the node and choose or add a bridge." });
      }
      const { method, params } = buildRequest(config, msg.payload);
      const client = await connection.ready(timeoutMs);
      status.asked(String(params.operation ?? method));
      try {
        msg.payload = await client.request(method, params, { timeoutMs });
      } finally {
        status.answered();
      }
      const { module, slot, operation } = params;
      msg.wisblock = { method, ...(method === "invoke" ? { module, slot, operation } : {}) };
      status.value(plain(String(params.operation ?? method)), { emulated: connection.info.emulated });
    };

    this.on("input", (/** @type {any} */ msg, /** @type {any} */ send, /** @type {any} */ done) => {
      serve(msg).then(
        () => {
          if (!closed) {
            send(msg);
            done();
          }
        },
        (thrown) => {
          if (!closed) {
            const error = asNodeError(thrown);
            status.failed(error.code);
            done(error);
          }
        },
      ).catch((error) => this.error(error)); // what the receiving nodes threw
    });

    this.on("close", () => {
      closed = true;
      status.dispose();
      connection?.deregister(this);
    });

    if (connection) {
      connection.register(this);
    } else {
      status.bridge("missing");
    }
  }

  RED.nodes.registerType("wisblock-request", WisBlockRequest);
  RED.httpAdmin.get("/wisblock-request/choices", RED.auth.needsPermission("wisblock-bridge.read"), (/** @type {any} */ _request, /** @type {any} */ response) => {
    response.json(requestChoices(catalogue));
  });
};

module.exports.buildRequest = buildRequest;
