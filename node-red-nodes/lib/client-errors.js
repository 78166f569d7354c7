"use strict";
/*
 * Errors as the client rejects with them.
 *
 * 1. `message` says what happened; describeError() adds where and what to do, for code that shows a single line.
 * 2. `code`, `hint`, `where` and `data` are own properties: Node-RED copies only those.
 * 3. The sentences of this package stand in a catalogue of words; here they are English. With the error goes which one it is (`said`), for those
 *    who show it in another language.
 */

const { wisblockErrors } = /** @type {{wisblockErrors: import("../../types/editor").ErrorWords}} */ (/** @type {unknown} */ (require("../../resources/error-words")));
const english = require("../bridge/locales/en-US/bridge.json");

const PLACEHOLDER = /__([a-z]+(?:_[a-z]+)*)__/g;

/**
 * @typedef {object} WireError
 * @property {string} code      stable, see docs/protocol.md
 * @property {string} message   what happened
 * @property {string} [hint]    what to do
 * @property {string} [where]   the full place
 * @property {unknown} [data]   for programs
 * @property {Said} [said]      which sentence `message` is; only of errors that are made here
 *
 * @typedef {import("../../types/editor").Said} Said
 * @typedef {string | Said} Name  a value in a sentence; some are sentences themselves
 * @typedef {{message: string, hint?: string, said?: Said}} Words
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
    if (error.said !== undefined) {
      this.said = error.said;
    }
  }
}

/** @type {import("../../types/editor").Text} */
function inEnglish(key, values = {}) {
  const found = key.split(".").reduce((/** @type {any} */ at, part) => at?.[part], english);
  return typeof found === "string" ? found.replace(PLACEHOLDER, (whole, name) => String(values[name] ?? whole)) : key;
}

/**
 * Says something that went wrong.
 *
 * @param {string} id  in the catalogue of words, `errors.own`
 * @param {Record<string, unknown>} [values]  of its placeholders; `reason`: another error's sentence, whose hint is the better one
 * @returns {{message: string, hint: string | undefined, said: Said}}
 */
function say(id, values = {}) {
  const message = wisblockErrors.sentence({ id, values }, "message", inEnglish);
  const { hint: better } = /** @type {{hint?: string}} */ (values.reason ?? {});
  const hint = better || wisblockErrors.sentence({ id, values }, "hint", inEnglish) || undefined;
  return { message, hint, said: { id, values, hint: hint ?? "" } };
}

/** What was said, to be put into another sentence.  @param {Words} words @returns {Name} */
function reasonOf({ message, said }) {
  return said ?? message;
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

module.exports = { BridgeError, describeError, reasonOf, say };
