"use strict";
/*
 * The modules that a bridge has: ours, those of a newer or older bridge, and those of other projects.
 *
 * 1. Asked for once for each connection, when somebody wants to know; kept until the bridge was away.
 * 2. A bridge may say anything: only what has the right shape is passed on, and only so much of it.
 */

const MOST_MODULES = 500;
const MOST_PARTS = 200;
const LONGEST = 500;
const ANSWER_WITHIN_MS = 4000;

/** @typedef {import("./catalogue").CatalogueData} CatalogueData */

/** @param {unknown} value @returns {string} */
const text = (value) => (typeof value === "string" ? value.slice(0, LONGEST) : "");
/** @param {unknown} value @returns {any[]} those of a list that are maps */
const maps = (value) => (Array.isArray(value) ? value.slice(0, MOST_PARTS).filter((each) => typeof each === "object" && each !== null && !Array.isArray(each)) : []);
/** @param {unknown} value */
const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
/** @param {unknown} value @returns {(string | number)[]} */
const words = (value) => (Array.isArray(value) ? value.slice(0, MOST_PARTS).filter((each) => typeof each === "string" || typeof each === "number") : []);

/** @param {any} reading */
function readingOf(reading) {
  return {
    name: text(reading.name), summary: text(reading.summary), kind: text(reading.kind), unit: text(reading.unit),
    low: number(reading.low), high: number(reading.high), step: number(reading.step), choices: words(reading.choices), optional: reading.optional === true,
  };
}

/** @param {any} param */
function paramOf(param) {
  const { low, high, kind, item_kind: itemKind } = param;
  return {
    name: text(param.name), label: text(param.label), summary: text(param.summary), kind: text(kind), item_kind: itemKind ? text(itemKind) : null,
    required: param.required === true, default: ["string", "number", "boolean"].includes(typeof param.default) ? param.default : null,
    choices: words(param.choices), unit: text(param.unit), low: number(low), high: number(high),
  };
}

/** @param {any} operation */
function operationOf(operation) {
  return {
    name: text(operation.name), summary: text(operation.summary), details: text(operation.details), main: text(operation.main),
    default: operation.default === true, reads_only: operation.reads_only === true, urgent: operation.urgent === true,
    drives: text(operation.drives), payload_param: text(operation.payload_param),
    params: maps(operation.params).map(paramOf), readings: maps(operation.readings).map(readingOf),
  };
}

/**
 * Keeps what has the shape of a catalogue.
 *
 * @param {any} said  the result of the method `catalogue`
 * @returns {CatalogueData}
 */
function checked(said) {
  const units = maps([said?.units]).flatMap((each) => Object.entries(each).slice(0, MOST_PARTS));
  const modules = Array.isArray(said?.modules) ? said.modules.slice(0, MOST_MODULES) : [];
  return /** @type {any} */ ({
    limits: said?.limits,
    units: Object.fromEntries(units.map(([name, unit]) => [name, {
      symbol: text(unit?.symbol), decimals: Math.min(Math.max(Math.trunc(number(unit?.decimals) ?? 3), 0), 9),
    }])),
    modules: modules.filter((/** @type {any} */ each) => typeof each?.name === "string" && each.name !== "").map((/** @type {any} */ each) => ({
      name: text(each.name), slug: text(each.slug), title: text(each.title), family: text(each.family), icon: text(each.icon),
      summary: text(each.summary), reference: text(each.reference), package: text(each.package), slots: words(each.slots),
      details: [], unconfirmed: [], needs: maps(each.needs),
      operations: maps(each.operations).map(operationOf), events: maps(each.events).map(operationOf),
    })),
  });
}

/** @type {WeakMap<object, Promise<CatalogueData>>} by the facts of a hello, which are other ones after each */
const known = new WeakMap();

/**
 * Returns the catalogue of the bridge at the other end.
 *
 * @param {import("./bridge-connection").BridgeConnection} connection
 * @returns {Promise<CatalogueData>}
 * @throws {import("./node-errors").NodeError} when the bridge does not answer
 */
async function liveCatalogue(connection) {
  const client = await connection.ready(ANSWER_WITHIN_MS);
  const key = client.bridge ?? client;
  let asked = known.get(key);
  if (asked === undefined) {
    asked = connection.ask("catalogue", {}, ANSWER_WITHIN_MS).then(checked);
    known.set(key, asked);
    asked.catch(() => known.delete(key));
  }
  return asked;
}

module.exports = { checked, liveCatalogue };
