"use strict";
/*
 * What a user wrote or a message brought, turned into the type that the wire wants.
 *
 * 1. Only the form of a value is changed here ("on" to true, "12" to 12); ranges and choices are the bridge's business.
 * 2. A value that could mean two things is an error with code bad_params, never a guess.
 * 3. Empty text and a missing value mean "not given".
 */

const { types } = require("node:util");

const { badParams } = require("./node-errors");

const ON_WORDS = new Set(["true", "1", "on"]);
const OFF_WORDS = new Set(["false", "0", "off"]);
const DECIMAL_NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const HEXADECIMAL_NUMBER = /^0[xX][0-9a-fA-F]+$/;

/** @param {unknown} value @returns {string} */
function textOf(value) {
  for (const write of [(/** @type {unknown} */ each) => (typeof each === "number" ? String(each) : JSON.stringify(each)), String]) {
    try {
      const text = write(value);
      if (text !== undefined) {
        return text;
      }
    } catch {
      // a circle, a BigInt, or what cannot become text
    }
  }
  return typeof value;
}

/** @param {unknown} value @returns {import("./client-errors").Name} the value as a sentence can show it */
function show(value) {
  if (types.isUint8Array(value)) {
    return { id: "a_buffer", values: { bytes: value.length } };
  }
  const text = textOf(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** @param {unknown} value @param {import("./client-errors").Name} name @returns {boolean} */
function toBoolean(value, name) {
  if (typeof value === "boolean") {
    return value;
  }
  if (value === 1 || value === 0) {
    return value === 1;
  }
  const word = typeof value === "string" ? value.trim().toLowerCase() : "";
  if (ON_WORDS.has(word)) {
    return true;
  }
  if (OFF_WORDS.has(word)) {
    return false;
  }
  throw badParams("no_boolean", { name, value: show(value) });
}

/** @param {unknown} value @param {import("./client-errors").Name} name @param {boolean} whole @param {string} [id]  of the error @returns {number} */
function toNumber(value, name, whole, id = "no_number") {
  let number = value;
  if (typeof value === "string") {
    const text = value.trim();
    if (DECIMAL_NUMBER.test(text) || HEXADECIMAL_NUMBER.test(text)) {
      number = Number(text);
    }
  }
  if (typeof number !== "number" || !Number.isFinite(number)) {
    throw badParams(id, { name, value: show(value) });
  }
  if (whole && !Number.isInteger(number)) {
    throw badParams("no_whole_number", { name, value: number });
  }
  return number;
}

/** @param {unknown} value @param {import("./client-errors").Name} name @returns {Uint8Array} */
function toBytes(value, name) {
  if (types.isUint8Array(value)) { // Function nodes make theirs in a realm of their own: no instanceof
    return value;
  }
  if (typeof value === "string") {
    return Buffer.from(value, "utf8");
  }
  if (Array.isArray(value) && value.every((each) => Number.isInteger(each) && each >= 0 && each <= 255)) {
    return Buffer.from(value);
  }
  throw badParams("no_bytes", { name, value: show(value) });
}

/** @param {import("./client-errors").Name} name @param {number} index @returns {import("./client-errors").Name} */
function itemOf(name, index) {
  return typeof name === "string" ? `${name}[${index}]` : { id: "item", values: { name, index } };
}

/** @param {unknown} value @param {import("./catalogue").Param} param @param {import("./client-errors").Name} name @returns {unknown[]} */
function toList(value, param, name) {
  let items = value;
  if (typeof value === "string") {
    const text = value.trim();
    const isText = param.item_kind === "str";
    if (text.startsWith("[")) {
      try {
        items = JSON.parse(text);
      } catch (error) {
        if (!isText) {
          throw badParams("no_list", { name, value: show(value) }, `${/** @type {Error} */ (error).message}.`);
        }
        items = [value];
      }
    } else if (isText) {
      // A comma is part of a text: "Hello, world" is one.
      items = [value];
    } else {
      items = text.split(",").map((each) => each.trim()).filter((each) => each !== "");
    }
  } else if (types.isUint8Array(value)) {
    items = [...value];
  } else if (typeof value === "number") {
    items = [value];
  }
  if (!Array.isArray(items)) {
    throw badParams(param.item_kind === "str" ? "no_text_list" : "no_list", { name, value: show(value) });
  }
  if (param.item_kind === null) {
    return items;
  }
  const item = { ...param, kind: param.item_kind, item_kind: null };
  return items.map((each, index) => toWire(each, item, itemOf(name, index)));
}

/**
 * Returns whether nothing was given.
 *
 * @param {unknown} value
 * @returns {boolean}
 */
function isBlank(value) {
  return value === undefined || value === null || value === "";
}

/** @param {import("./catalogue").Param} param @returns {boolean} whether it is a level: 0 or 1 and nothing else */
function isBit(param) {
  return param.choices.length === 2 && param.choices.includes(0) && param.choices.includes(1);
}

/**
 * Turns a value into the type of its parameter.
 *
 * @param {unknown} value  not blank
 * @param {import("./catalogue").Param} param
 * @param {import("./client-errors").Name} [name]  how the sentence of an error names it; default the parameter's name
 * @returns {unknown} what goes over the wire
 * @throws {import("./node-errors").NodeError} with code bad_params
 */
function toWire(value, param, name = param.name) {
  const text = typeof value === "string" ? value.trim() : value;
  const choice = param.choices.find((each) => each === text || (typeof each === "number" && typeof text === "string" && String(each) === text));
  if (choice !== undefined) {
    return choice;
  }
  switch (param.kind) {
    case "bool":
      return toBoolean(value, name);
    case "int":
      if (isBit(param) && typeof value !== "number") {
        return toBoolean(value, name) ? 1 : 0;
      }
      return toNumber(value, name, true);
    case "float":
      return toNumber(value, name, false);
    case "bytes":
      return toBytes(value, name);
    case "list":
      return toList(value, param, name);
    default:
      if (typeof value !== "string") {
        throw badParams(param.choices.length > 0 ? "no_choice" : "no_text", {
          name, value: show(value), choices: param.choices.map((each) => `"${each}"`).join(", "),
        });
      }
      return value;
  }
}

/**
 * Reads a field of a node that holds a number or nothing.
 *
 * @param {unknown} written
 * @param {import("./client-errors").Name} name  of the field
 * @param {{low?: number, high?: number}} [limits]
 * @returns {number | undefined} undefined when nothing is written
 * @throws {import("./node-errors").NodeError} with code bad_params
 */
function numberIn(written, name, { low = -Infinity, high = Infinity } = {}) {
  if (isBlank(written)) {
    return undefined;
  }
  const value = toNumber(written, name, false, "no_number_in_node");
  if (value < low || value > high) {
    throw badParams("not_allowed", { name, value, low, high });
  }
  return value;
}

module.exports = { isBlank, numberIn, show, toWire };
