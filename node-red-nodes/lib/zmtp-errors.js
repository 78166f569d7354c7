"use strict";
/*
 * What can go wrong on the wire, as sentences.
 *
 * 1. Every reason that leaves the transport is a TransportError: a stable code, what happened, what to do.
 * 2. An errno is translated here and nowhere else.
 */

/** Why a connection could not be made or was lost. */
class TransportError extends Error {
  /**
   * @param {string} code     `protocol`, `refused`, `no_socket`, `no_permission`, `no_host`, `handshake_timeout`, `heartbeat`,
   *                          `closed_by_peer`, `closed`, `listener`, `socket`, `bad_endpoint`, and of keys: `keys_wanted`,
   *                          `bad_keys`, `no_curve`, `wrong_server_key`, `key_refused` or `forged`
   * @param {string} message  what happened, one sentence with its full stop
   * @param {string} [hint]   what to do about it, one sentence
   */
  constructor(code, message, hint) {
    super(message);
    this.name = "TransportError";
    this.code = code;
    this.hint = hint;
  }
}

const START_IT = "Start it with \"wisblock-bridge serve\", or correct the endpoint.";

/**
 * Says in words why the operating system ended a connection, or would not make one.
 *
 * @param {NodeJS.ErrnoException & {errors?: NodeJS.ErrnoException[]}} error
 * @param {import("./endpoint").Endpoint} endpoint
 * @returns {TransportError}
 */
function fromSystemError(error, endpoint) {
  const at = endpoint.text;
  // A host name with several addresses fails with one error for each of them; the first says why.
  const code = error.code ?? error.errors?.[0]?.code;
  switch (code) {
    case "ENOENT":
      return new TransportError("no_socket", `No bridge is running at ${at}: there is no such socket.`, START_IT);
    case "ECONNREFUSED":
      return new TransportError("refused", `No bridge is running at ${at}: nobody answers there.`, START_IT);
    case "EACCES":
    case "EPERM":
      return new TransportError("no_permission", `This user may not connect to ${at}.`,
        "Add the user that Node-RED runs as to the group of the socket (wisblock), then log in again or restart the service.");
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new TransportError("no_host", `The host name in ${at} cannot be resolved.`, "Check its spelling and the network.");
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return new TransportError("no_host", `The host in ${at} cannot be reached.`, "Check the address, the network and the firewall.");
    case "ECONNRESET":
    case "EPIPE":
      return new TransportError("closed_by_peer", `The bridge at ${at} closed the connection.`);
    case "ENOTSOCK":
    case "EPROTOTYPE":
      return new TransportError("no_socket", `What is at ${at} is not a ZeroMQ socket.`, "Correct the endpoint.");
    case "ENOTDIR":
      return new TransportError("no_socket", `The path in ${at} leads through something that is not a directory.`, "Correct the endpoint.");
    default:
      return new TransportError("socket", `The connection to ${at} failed (${code ?? error.message}).`);
  }
}

module.exports = { TransportError, fromSystemError };
