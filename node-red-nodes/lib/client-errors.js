"use strict";
/*
 * Errors as the client rejects with them.
 *
 * 1. `message` says what happened; describeError() adds where and what to do, for code that shows a single line.
 * 2. `code`, `hint`, `where` and `data` are own properties: Node-RED copies only those.
 */

/**
 * @typedef {object} WireError
 * @property {string} code      stable, see docs/protocol.md
 * @property {string} message   what happened
 * @property {string} [hint]    what to do
 * @property {string} [where]   the full place
 * @property {unknown} [data]   for programs
 */

/** A request that failed: refused by the bridge, by the hardware, or by this client. */
class BridgeError extends Error {
  /**
   * @param {WireError} error
   * @param {ErrorOptions} [options]
   */
  constructor(error, options) {
    super(error.message, options);
    this.name = "BridgeError";
    this.code = error.code;
    this.hint = error.hint;
    this.where = error.where;
    this.data = error.data;
  }
}

/** @param {string} text */
function asSentence(text) {
  const trimmed = text.trim();
  return trimmed === "" || /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/**
 * Puts an error into one line that reads well alone: what happened (where). What to do.
 *
 * @param {{message: string, hint?: string, where?: string}} error  from the wire or thrown by the client
 * @returns {string}
 */
function describeError({ message, hint, where }) {
  const happened = where && !message.includes(where) ? `${message.trim().replace(/\.$/, "")} (${where})` : message;
  return `${asSentence(happened)} ${asSentence(hint ?? "")}`.trim();
}

module.exports = { BridgeError, describeError };
