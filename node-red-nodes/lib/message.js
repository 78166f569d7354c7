"use strict";
/*
 * What a node puts into a message.
 *
 * 1. Only `payload` and `wisblock` are set; every other property of the message passes through.
 * 2. Values are placed as they came: nothing is rounded or converted.
 */

/**
 * @typedef {object} Result  what the bridge answers or reports
 * @property {Record<string, unknown>} [readings]
 * @property {number} [timestamp]  milliseconds since 1970
 * @property {string} [quality]
 * @property {string} [note]
 * @property {boolean} [emulated]
 * @property {number} [sequence]
 * @property {number} [lost]
 * @property {number} [late]  beats missed before it
 * @property {boolean} [initial]
 */

/**
 * Fills a message with what the bridge gave.
 *
 * @param {Record<string, unknown>} msg  filled in place
 * @param {object} source
 * @param {import("./catalogue").Catalogue} source.catalogue
 * @param {import("./catalogue").Module} source.module
 * @param {number | string} source.slot
 * @param {import("./catalogue").Operation} source.operation  an operation or an event
 * @param {Result} result
 * @param {boolean} [isEvent]  whether `operation` is an event
 * @returns {Record<string, unknown>} the same message
 */
function fillMessage(msg, { catalogue, module, slot, operation }, result, isEvent = false) {
  const values = result.readings ?? {};
  /** @type {Record<string, {value: unknown, unit: string, symbol: string}>} */
  const readings = {};
  for (const [name, value] of Object.entries(values)) {
    const reading = operation.readings.find((each) => each.name === name);
    const unit = reading?.unit ?? "none";
    readings[name] = { value, unit, symbol: catalogue.unit(unit).symbol };
  }
  msg.payload = operation.main !== "" && operation.main in values ? values[operation.main] : { ...values };
  const wisblock = {
    module: module.name,
    slot,
    [isEvent ? "event" : "operation"]: operation.name,
    readings,
    timestamp: result.timestamp,
    quality: result.quality,
    note: result.note ?? "",
    emulated: result.emulated ?? false,
  };
  if (result.sequence !== undefined) {
    Object.assign(wisblock, { sequence: result.sequence, lost: result.lost ?? 0, late: result.late ?? 0, initial: result.initial ?? false });
  }
  msg.wisblock = wisblock;
  return msg;
}

module.exports = { fillMessage };
