"use strict";
/*
 * What can go wrong on the wire, as sentences.
 *
 * 1. Every reason that leaves the transport is a TransportError: a stable code, what happened, what to do.
 * 2. An errno is translated here and nowhere else.
 */

const { say } = require("./client-errors");

/** Why a connection could not be made or was lost. */
class TransportError extends Error {
  /**
   * @param {string} code     `protocol`, `refused`, `no_socket`, `no_permission`, `no_host`, `handshake_timeout`, `heartbeat`,
   *                          `closed_by_peer`, `closed`, `listener`, `socket`, `bad_endpoint`, and of keys: `keys_wanted`,
   *                          `bad_keys`, `no_curve`, `wrong_server_key`, `key_refused` or `forged`
   * @param {string} message  what happened, one sentence with its full stop
   * @param {string} [hint]   what to do about it, one sentence
   * @param {import("./client-errors").Said} [said]  the same for other languages
   */
  constructor(code, message, hint, said) {
    super(message);
    this.name = "TransportError";
    this.code = code;
    this.hint = hint;
    this.said = said;
  }
}

/**
 * Makes an error of which there are translations.
 *
 * @param {string} code
 * @param {string} id  of its sentences
 * @param {Record<string, unknown>} [values]
 * @returns {TransportError}
 */
function transportError(code, id, values) {
  const { message, hint, said } = say(id, values);
  return new TransportError(code, message, hint, said);
}

/**
 * Says in words why the operating system ended a connection, or would not make one.
 *
 * @param {NodeJS.ErrnoException & {errors?: NodeJS.ErrnoException[]}} error
 * @param {import("./endpoint").Endpoint} endpoint
 * @returns {TransportError}
 */
function fromSystemError(error, endpoint) {
  const at = { endpoint: endpoint.text };
  // A host name with several addresses fails with one error for each of them; the first says why.
  const code = error.code ?? error.errors?.[0]?.code;
  switch (code) {
    case "ENOENT":
      return transportError("no_socket", "no_socket", at);
    case "ECONNREFUSED":
      return transportError("refused", "nobody", at);
    case "EACCES":
    case "EPERM":
      return transportError("no_permission", "socket_group", at);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return transportError("no_host", "no_name", at);
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return transportError("no_host", "no_host", at);
    case "ECONNRESET":
    case "EPIPE":
      return transportError("closed_by_peer", "closed_by_peer", at);
    case "ENOTSOCK":
    case "EPROTOTYPE":
      return transportError("no_socket", "no_zeromq", at);
    case "ENOTDIR":
      return transportError("no_socket", "no_directory", at);
    default:
      return transportError("socket", "failed", { ...at, why: String(code ?? error.message) });
  }
}

module.exports = { TransportError, fromSystemError, transportError };
