"use strict";
/*
 * Errors as Catch nodes and the debug sidebar meet them.
 *
 * 1. An error's `code` is the wire's and never changes; its message alone says what happened, where, and what to do.
 * 2. Everything that goes to done() or node.error() passes asNodeError().
 */

const { BridgeError, describeError } = require("./client-errors");

/** An error for a flow. Node-RED copies `code` and `cause` into `msg.error`, and makes `msg.error.message` with toString(). */
class NodeError extends Error {
  /** @param {BridgeError} error  as the client or the node made it; stays reachable as `cause`, with its hint, where and data */
  constructor(error) {
    super(describeError(error), { cause: error });
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
 * @param {string} code     one of the protocol's
 * @param {string} message  what happened, one sentence
 * @param {{hint?: string, where?: string, cause?: unknown}} [details]  `hint`: what the user can do
 * @returns {NodeError}
 */
function nodeError(code, message, { hint = "", where = "", cause } = {}) {
  return new NodeError(new BridgeError({ code, message, hint, where }, cause === undefined ? undefined : { cause }));
}

/**
 * Makes the error for a value that cannot be sent.
 *
 * @param {string} message  which value, and what came
 * @param {string} hint     what is allowed
 * @returns {NodeError}
 */
function badParams(message, hint) {
  return nodeError("bad_params", message, { hint });
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
    return nodeError("internal", thrown.message || thrown.name, { cause: thrown });
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

module.exports = { NodeError, asNodeError, badParams, nodeError };
