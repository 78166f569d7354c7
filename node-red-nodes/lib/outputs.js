"use strict";
/*
 * Names of outputs, as `drives` of an operation gives them: which one a call drives, and which are the same.
 *
 * 1. The bridge makes the same names of the same parameters (docs/protocol.md): nothing is invented here.
 * 2. An output is taken apart into units that no two nodes can share in part: "pins/5" into "pin/0" and "pin/2".
 */

const { OUTSIDE_TYPES, fieldName } = require("./fields");
const { isBlank, toWire } = require("./values");

const ALL = "all";
const ALL_OUTPUTS = "*";
const PLACEHOLDER = /\{(\w+)\}/g;
/** More outputs than this no module has; a range beyond it is not walked through. */
const MOST_VALUES = 256;

/** @type {WeakMap<import("./catalogue").Operation, import("./catalogue").Param[]>} looked for once: it is asked for every message */
const naming = new WeakMap();

/**
 * Lists the parameters that name the output of an operation.
 *
 * @param {import("./catalogue").Operation} operation
 * @returns {import("./catalogue").Param[]}
 */
function namingParams(operation) {
  let params = naming.get(operation);
  if (params === undefined) {
    const names = [...operation.drives.matchAll(PLACEHOLDER)].map((match) => match[1]);
    params = operation.params.filter((each) => names.includes(each.name));
    naming.set(operation, params);
  }
  return params;
}

/**
 * Returns the output that a call drives.
 *
 * @param {import("./catalogue").Operation} operation
 * @param {Record<string, unknown>} params  as they go over the wire
 * @returns {string} "" when it drives none, or when a parameter that names it is missing
 */
function outputOf(operation, params) {
  if (operation.drives === "") {
    return "";
  }
  const values = new Map(namingParams(operation).map((param) => [param.name, params[param.name] ?? param.default]));
  if ([...values.values()].some(isBlank)) {
    return "";
  }
  return [...values.values()].includes(ALL)
    ? ALL_OUTPUTS
    : operation.drives.replace(PLACEHOLDER, (_whole, name) => String(values.get(name)));
}

/** @param {import("./catalogue").Param | undefined} param @returns {string[]} the values it may have */
function valuesOf(param) {
  if (param === undefined) {
    return [];
  }
  const { low, high } = param;
  const range = low !== null && high !== null && high - low < MOST_VALUES ? Array.from({ length: high - low + 1 }, (_each, index) => low + index) : [];
  return [...range, ...param.choices.filter((each) => each !== ALL)].map(String);
}

/** @param {import("./catalogue").Operation} operation @returns {string[]} every output that it can drive */
function outputsOfOperation(operation) {
  return namingParams(operation).reduce(
    (names, param) => names.flatMap((name) => valuesOf(param).map((value) => name.replace(`{${param.name}}`, value))),
    [operation.drives],
  );
}

/** @param {import("./catalogue").Module} module @param {string} output @returns {number | null} the mask in "pins/5", when pins have names of their own */
function maskIn(module, output) {
  const match = /^(\w+)s\/(\d+)$/.exec(output);
  return match !== null && module.operations.some((each) => each.drives.startsWith(`${match[1]}/{`)) ? Number(match[2]) : null;
}

/**
 * Takes an output apart.
 *
 * @param {import("./catalogue").Module | undefined} module  undefined when this catalogue does not know it
 * @param {string} output
 * @returns {string[]} the outputs it consists of; itself when it cannot be taken apart
 */
function unitsOf(module, output) {
  if (module === undefined) {
    return [output];
  }
  if (output === ALL_OUTPUTS) {
    const patterns = new Map(module.operations.filter((each) => each.drives !== "" && each.drives !== ALL_OUTPUTS).map((each) => [each.drives, each]));
    const single = [...patterns.values()].filter((each) => !/s\/\{mask\}$/.test(each.drives));
    const units = [...new Set(single.flatMap(outputsOfOperation))];
    return units.length > 0 ? units : [output];
  }
  const mask = maskIn(module, output);
  if (mask === null) {
    return [output];
  }
  const single = output.slice(0, output.indexOf("s/"));
  const bits = [...mask.toString(2)].reverse();
  return bits.flatMap((bit, index) => (bit === "1" ? [`${single}/${index}`] : []));
}

/**
 * Returns what is written in a field, where that does not depend on messages or on the moment.
 *
 * @param {import("../../types/nodes").Red} RED
 * @param {import("../../types/nodes").UserNode} node
 * @param {Record<string, unknown>} config
 * @param {import("./catalogue").Operation} operation
 * @param {import("./catalogue").Param} param
 * @returns {{source: unknown[], value: unknown}} `source` is the same for two nodes that take it from the same place; `value` is
 *   undefined when it depends on a message
 */
function written(RED, node, config, operation, param) {
  const field = fieldName(operation, param);
  const type = String(config[`${field}Type`] || "literal");
  let value = config[field];
  if (isBlank(value)) {
    return operation.payload_param === param.name ? { source: ["msg", "payload"], value: undefined } : { source: [], value: param.default };
  }
  if (type === "env") {
    value = RED.util.evaluateNodeProperty(String(value), type, node, {});
  } else if (OUTSIDE_TYPES.includes(type)) {
    return { source: [type, value], value: undefined };
  }
  try {
    return { source: ["fixed", value], value: isBlank(value) ? param.default : toWire(value, param) };
  } catch {
    return { source: ["fixed", value], value: undefined };
  }
}

/**
 * Returns the output that a node drives by its settings alone.
 *
 * @param {import("../../types/nodes").Red} RED
 * @param {import("../../types/nodes").UserNode} node
 * @param {Record<string, unknown>} config
 * @param {import("./catalogue").Operation} operation
 * @returns {{output: string, sources: unknown[]}} `output`: "" where messages decide, or where it drives none; `sources`: what two
 *   nodes have in common that drive the same for the same messages
 */
function plannedOutput(RED, node, config, operation) {
  const found = namingParams(operation).map((param) => ({ name: param.name, ...written(RED, node, config, operation, param) }));
  const sources = found.map(({ name, source }) => [name, ...source]);
  const output = found.some(({ value }) => isBlank(value)) ? "" : outputOf(operation, Object.fromEntries(found.map(({ name, value }) => [name, value])));
  return { output, sources };
}

module.exports = { ALL_OUTPUTS, outputOf, plannedOutput, unitsOf };
