"use strict";
/*
 * A server that speaks ZMTP by hand, byte for byte from the specification, so that it can also speak it wrongly.
 *
 * 1. Shares no line with the code under test.
 * 2. Says and hears bytes; what they should be is the test's business.
 */

const net = require("node:net");

const { freshEndpoint, until } = require("./start-peer");

/**
 * @param {{major?: number, minor?: number, mechanism?: string}} [fields]
 * @returns {Buffer} a greeting of 64 bytes
 */
function greeting({ major = 3, minor = 1, mechanism = "NULL" } = {}) {
  const signature = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f]);
  const name = Buffer.concat([Buffer.from(mechanism), Buffer.alloc(20)]).subarray(0, 20);
  return Buffer.concat([signature, Buffer.from([major, minor]), name, Buffer.alloc(32)]);
}

/** @param {string} name @param {Buffer} [data] @returns {Buffer} a short command frame */
function command(name, data = Buffer.alloc(0)) {
  const body = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), data]);
  return Buffer.concat([Buffer.from([0x04, body.length]), body]);
}

/** @param {string} name @param {string} value */
function property(name, value) {
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([0, 0, 0, value.length]), Buffer.from(value)]);
}

/** @param {string} [socketType] */
function ready(socketType = "ROUTER") {
  return command("READY", Buffer.concat([property("Identity", ""), property("Socket-Type", socketType)]));
}

/** @param {Buffer} body @param {boolean} [more] @returns {Buffer} a message frame, long where it has to be */
function frame(body, more = false) {
  if (body.length < 256) {
    return Buffer.concat([Buffer.from([more ? 1 : 0, body.length]), body]);
  }
  return Buffer.concat([longHeader(body.length, more ? 3 : 2), body]);
}

/** @param {number} size @param {number} [flags] @returns {Buffer} the nine bytes before a long frame */
function longHeader(size, flags = 2) {
  const header = Buffer.alloc(9);
  header[0] = flags;
  header.writeBigUInt64BE(BigInt(size), 1);
  return header;
}

/** What a client sends before its first message: its greeting and READY, with Socket-Type DEALER and an empty identity. */
const CLIENT_HANDSHAKE_BYTES = 64 + 2 + 6 + (1 + 11 + 4 + 6) + (1 + 8 + 4);

/** One server on an ipc endpoint of its own; each connection is handed to `onConnection`. */
class RawPeer {
  endpoint = freshEndpoint();
  /** @type {net.Socket[]} all connections so far */
  sockets = [];
  /** @type {Buffer[]} what each of them has said */
  heard = [];

  #server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  #onConnection;

  /** @param {(socket: net.Socket) => void} onConnection  by default greets well and is then silent */
  constructor(onConnection = (socket) => socket.write(Buffer.concat([greeting(), ready()]))) {
    this.#onConnection = onConnection;
  }

  /** @returns {Promise<this>} */
  async listen() {
    await new Promise((resolve) => {
      this.#server.listen(this.endpoint.slice("ipc://".length), () => resolve(undefined));
    });
    return this;
  }

  /** @param {net.Socket} socket */
  #accept(socket) {
    const index = this.sockets.push(socket) - 1;
    this.heard.push(Buffer.alloc(0));
    socket.on("data", (bytes) => {
      this.heard[index] = Buffer.concat([this.heard[index], bytes]);
    });
    socket.on("error", () => {});
    this.#onConnection(socket);
  }

  /** What the n-th connection has sent after its handshake. @param {number} [index] */
  said(index = 0) {
    return (this.heard[index] ?? Buffer.alloc(0)).subarray(CLIENT_HANDSHAKE_BYTES);
  }

  /** Waits until the n-th connection has sent this many bytes after its handshake. @param {number} bytes @param {number} [index] */
  async hear(bytes, index = 0) {
    await until(() => this.said(index).length >= bytes, `${bytes} bytes from the client`);
    return this.said(index);
  }

  async close() {
    this.sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

module.exports = { CLIENT_HANDSHAKE_BYTES, RawPeer, command, frame, greeting, longHeader, property, ready };
