"use strict";
/*
 * What a bridge says, made fit for JSON: bounded, without bytes and numbers that JSON has not.
 *
 * 1. The text itself is left as it is: it is escaped where it is shown, by never being html there.
 */

const MOST_ITEMS = 256;
const LONGEST_TEXT = 2000;
const MOST_BYTES = 64;
const DEEPEST = 10;

/**
 * @param {unknown} value
 * @param {number} [depth]
 * @returns {unknown} the same for JSON; bytes become `{hex, length}`
 */
function plainJson(value, depth = 0) {
  if (typeof value === "string") {
    return value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
  }
  if (typeof value === "number") {
    return Number.isFinite(value) ? value : null;
  }
  if (typeof value === "bigint") {
    return value.toString();
  }
  if (value instanceof Uint8Array) {
    return { hex: Buffer.from(value.subarray(0, MOST_BYTES)).toString("hex"), length: value.length };
  }
  if (typeof value !== "object" || value === null) {
    return value ?? null;
  }
  if (depth >= DEEPEST) {
    return null;
  }
  if (Array.isArray(value)) {
    return value.slice(0, MOST_ITEMS).map((each) => plainJson(each, depth + 1));
  }
  return Object.fromEntries(Object.entries(value).slice(0, MOST_ITEMS).map(([key, each]) => [key, plainJson(each, depth + 1)]));
}

module.exports = { plainJson };
