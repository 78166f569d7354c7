"use strict";
/*
 * Where the parameters of one request come from: the message, or the fields of the node.
 *
 * 1. An object in msg.payload names parameters and goes before the fields.
 * 2. A plain msg.payload is the one obvious parameter of an operation, unless that field holds something else.
 * 3. What is empty everywhere is not sent, and the bridge's default applies.
 */

const { OUTSIDE_TYPES, fieldName } = require("./fields");
const { badParams } = require("./node-errors");
const { isBlank, show, toWire } = require("./values");

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isPlainObject(value) {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * @param {import("../../types/nodes").Red} RED
 * @param {import("../../types/nodes").UserNode} node
 * @param {unknown} value
 * @param {string} type
 * @param {Record<string, unknown>} msg
 * @returns {unknown} a promise for what takes time
 */
function evaluate(RED, node, value, type, msg) {
  if (type === "json" && typeof value === "string") {
    try {
      return JSON.parse(value);
    } catch {
      return value; // a list may also be written as elsewhere, with commas
    }
  }
  if (!OUTSIDE_TYPES.includes(type) && type !== "bin") {
    return value;
  }
  return new Promise((resolve, reject) => {
    RED.util.evaluateNodeProperty(/** @type {string} */ (value), type, node, msg, (/** @type {Error | null} */ error, /** @type {unknown} */ result) => {
      if (error) {
        reject(error);
      } else {
        resolve(result);
      }
    });
  });
}

/** @param {string} name @param {string} type @param {unknown} value @returns {import("./client-errors").Name} how an error names the place the value came from */
function placeOf(name, type, value) {
  if (type === "jsonata") {
    return { id: "expression", values: { name } };
  }
  return OUTSIDE_TYPES.includes(type) ? `${name} (${type}.${value})` : name;
}

/**
 * @typedef {object} Source  what the form of a node says about a parameter
 * @property {unknown} written
 * @property {string} type
 * @property {unknown} [wire]  its value for the wire, where that depends on no message and no moment
 */

/** @type {WeakMap<object, WeakMap<import("./catalogue").Param, Source>>} by the properties of a node, which stay as long as it runs */
const sources = new WeakMap();

/**
 * Looks up where a parameter comes from, once for each node: names of properties are put together of two, which takes long.
 *
 * @param {Record<string, unknown>} config
 * @param {import("./catalogue").Operation} operation
 * @param {import("./catalogue").Param} param
 * @returns {Source}
 */
function sourceOf(config, operation, param) {
  let ofNode = sources.get(config);
  if (ofNode === undefined) {
    ofNode = new WeakMap();
    sources.set(config, ofNode);
  }
  let source = ofNode.get(param);
  if (source === undefined) {
    const field = fieldName(operation, param);
    const written = config[field];
    source = isBlank(written) && operation.payload_param === param.name
      ? { written: "payload", type: "msg" }
      : { written, type: String(config[`${field}Type`] || "literal") };
    ofNode.set(param, source);
  }
  return source;
}

/**
 * Collects the parameters of one request.
 *
 * @param {import("../../types/nodes").Red} RED
 * @param {import("../../types/nodes").UserNode} node      the node, for flow and global context
 * @param {Record<string, unknown>} config  its properties
 * @param {import("./catalogue").Operation} operation
 * @param {Record<string, unknown> | null} msg  the message; null for a subscription, which has none
 * @returns {Promise<Record<string, unknown>>} parameter name to value, ready for the wire
 * @throws {import("./node-errors").NodeError} with code bad_params
 */
async function collectParams(RED, node, config, operation, msg) {
  const payload = msg?.payload;
  /** @type {Record<string, unknown>} */
  const named = msg !== null && isPlainObject(payload) && operation.params.length > 0 ? payload : {};
  for (const name of Object.keys(named)) {
    if (!operation.params.some((each) => each.name === name)) {
      throw badParams("no_parameter", { name, operation: operation.name, names: operation.params.map((each) => each.name).join(", ") });
    }
  }
  /** @type {Record<string, unknown>} */
  const params = {};
  for (const param of operation.params) {
    if (!isBlank(named[param.name])) {
      params[param.name] = toWire(named[param.name], param, `msg.payload.${param.name}`);
      continue;
    }
    const source = sourceOf(config, operation, param);
    if (source.wire !== undefined) {
      params[param.name] = source.wire;
      continue;
    }
    const { written, type } = source;
    if (isBlank(written) || (msg === null && type === "msg")) {
      continue;
    }
    let value;
    try {
      value = evaluate(RED, node, written, type, msg ?? {});
      if (value instanceof Promise) {
        value = await value;
      }
    } catch (error) {
      throw badParams("no_value", { name: param.name, value: show(written) }, /** @type {Error} */ (error).message);
    }
    if (!isBlank(value) && !(value === payload && isPlainObject(value))) {
      params[param.name] = toWire(value, param, placeOf(param.name, type, written));
    }
    if (!OUTSIDE_TYPES.includes(type)) {
      source.wire = params[param.name];
    }
  }
  return params;
}

module.exports = { collectParams };
