"use strict";
/*
 * Errors as Catch nodes and the debug sidebar meet them.
 *
 * 1. An error's `code` is the wire's and never changes; its message alone says what happened, where, and what to do.
 * 2. Everything that goes to done() or node.error() passes asNodeError(), and inLanguage() at the end of its way: Node-RED's language is the
 *    reader's.
 */

const { wisblockErrors } = /** @type {{wisblockErrors: import("../../types/editor").ErrorWords}} */ (/** @type {unknown} */ (require("../../resources/error-words")));

const { BridgeError, describeError, say } = require("./client-errors");

/** The catalogue of words of all nodes of this package. */
const WORDS = "@wisblock-bridge/node-red-wisblock/bridge:";

/** An error for a flow. Node-RED copies `code` and `cause` into `msg.error`, and makes `msg.error.message` with toString(). */
class NodeError extends Error {
  /**
   * @param {BridgeError} error  as the client or the node made it; stays reachable as `cause`, with its hint, where and data
   * @param {string} [text]      the same in another language
   */
  constructor(error, text = describeError(error)) {
    super(text, { cause: error });
    this.name = "WisBlockError";
    this.code = error.code;
  }

  toString() {
    return this.message;
  }
}

/**
 * Makes an error of the node itself.
 *
 * @param {string} code  one of the protocol's
 * @param {string} id    of its sentences: what happened, and what the user can do
 * @param {Record<string, unknown>} [values]
 * @param {{hint?: string, where?: string}} [details]  `hint`: what to do, where the sentences do not say it
 * @returns {NodeError}
 */
function nodeError(code, id, values, { hint, where } = {}) {
  const words = say(id, values);
  return new NodeError(new BridgeError({ code, ...words, hint: hint ?? words.hint, where }));
}

/**
 * Makes the error for a value that cannot be sent.
 *
 * @param {string} id  of its sentences: which value, and what came; what is allowed
 * @param {Record<string, unknown>} [values]
 * @param {string} [hint]  what to do, where the sentences do not say it
 * @returns {NodeError}
 */
function badParams(id, values, hint) {
  return nodeError("bad_params", id, values, { hint });
}

/**
 * Turns whatever was thrown, or came as an error event, into an error for a flow.
 *
 * @param {unknown} thrown
 * @returns {NodeError}
 */
function asNodeError(thrown) {
  if (thrown instanceof NodeError) {
    return thrown;
  }
  if (thrown instanceof BridgeError) {
    return new NodeError(thrown);
  }
  if (thrown instanceof Error) {
    return new NodeError(new BridgeError({ code: "internal", message: thrown.message || thrown.name }, { cause: thrown }));
  }
  const given = /** @type {{code?: unknown, message?: unknown, hint?: string, where?: string, data?: unknown}} */ (thrown ?? {});
  return new NodeError(new BridgeError({
    code: typeof given.code === "string" ? given.code : "internal",
    message: typeof given.message === "string" ? given.message : String(thrown),
    hint: given.hint,
    where: given.where,
    data: given.data,
  }));
}

/**
 * Puts an error into Node-RED's language. In English it stays as it is.
 *
 * @param {import("../../types/nodes").Red} RED
 * @param {unknown} thrown
 * @param {{module?: string, slot?: unknown}} [place]  where, for those who read it elsewhere than at the node
 * @returns {NodeError}
 */
function inLanguage(RED, thrown, place = {}) {
  const error = asNodeError(thrown);
  const cause = /** @type {BridgeError} */ (error.cause);
  const text = wisblockErrors.whole(cause, (key, values) => RED._(WORDS + key, /** @type {Record<string, string | number>} */ (values)), { ...place, english: error.message });
  return text === error.message ? error : new NodeError(cause, text);
}

/**
 * Makes of an error what the editor gets: English, and by what it says it in its own language.
 *
 * @param {unknown} thrown
 * @returns {{code: string, message: string, hint?: string, said?: import("./client-errors").Said}}
 */
function forEditor(thrown) {
  const { code, message, cause } = asNodeError(thrown);
  const { hint, said } = /** @type {BridgeError} */ (cause);
  return said === undefined ? { code, message } : { code, message, hint, said };
}

module.exports = { NodeError, asNodeError, badParams, forEditor, inLanguage, nodeError };
