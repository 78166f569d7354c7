"use strict";
/*
 * Sockets under test that write down what happens to them, and the raw peers they meet.
 *
 * 1. Everything opened here is closed by closeAll(), whatever became of the test.
 */

const assert = require("node:assert/strict");

const { DealerSocket } = require("../../../node-red-nodes/lib/zmtp");
const { RawPeer, greeting, ready } = require("./raw-peer");
const { stopPeers, until } = require("./start-peer");

/** @type {DealerSocket[]} */
let sockets = [];
/** @type {RawPeer[]} */
let peers = [];

/** A socket that writes down what happens to it. */
function open(endpoint, options = {}) {
  const socket = new DealerSocket({ endpoint, heartbeatIntervalMs: 0, ...options });
  const seen = { connects: 0, messages: [], parts: [], disconnects: [], unreachable: [] };
  socket.on("connect", () => {
    seen.connects += 1;
  });
  socket.on("message", (body, parts) => {
    seen.messages.push(body);
    seen.parts.push(parts);
  });
  socket.on("disconnect", (reason) => seen.disconnects.push(reason));
  socket.on("unreachable", (reason) => seen.unreachable.push(reason));
  socket.open();
  sockets.push(socket);
  return Object.assign(socket, { seen });
}

async function connected(endpoint, options) {
  const socket = open(endpoint, options);
  await until(() => socket.connected, "the handshake");
  return socket;
}

async function rawPeer(onConnection) {
  const peer = await new RawPeer(onConnection).listen();
  peers.push(peer);
  return peer;
}

/** What an attempt ends with that the peer spoils. */
async function refusal(onConnection, options) {
  const peer = await rawPeer(onConnection);
  const socket = open(peer.endpoint, options);
  await until(() => socket.seen.unreachable.length > 0, "the refusal");
  assert.equal(socket.seen.connects, 0);
  return socket.seen.unreachable[0];
}

/** What a connection ends with, after the handshake, when the peer says this. */
async function ending(bytes, options) {
  const peer = await rawPeer((socket) => socket.write(Buffer.concat([greeting(), ready(), bytes])));
  const socket = open(peer.endpoint, options);
  await until(() => socket.seen.disconnects.length > 0, "the end of the connection");
  return { reason: socket.seen.disconnects[0], messages: socket.seen.messages };
}

/** Closes the sockets and the peers, Python's included; for afterEach. */
async function closeAll() {
  await Promise.all(sockets.map((socket) => socket.close()));
  await Promise.all(peers.map((peer) => peer.close()));
  await stopPeers();
  sockets = [];
  peers = [];
}

module.exports = { closeAll, connected, ending, open, rawPeer, refusal };
