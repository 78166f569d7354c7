"use strict";
/*
 * Clients under test that write down what happens to them, and the fake bridge they meet.
 *
 * 1. Everything opened here is closed by closeClients(), which also fails a test that left a promise unhandled.
 */

const assert = require("node:assert/strict");

const { BridgeClient, BridgeError } = require("../../../node-red-nodes/lib/client");
const { freshEndpoint, startPeer, stopPeers, until } = require("./start-peer");

/** @type {BridgeClient[]} */
let clients = [];
const unhandled = [];
const onUnhandled = (reason) => unhandled.push(reason);

function open(endpoint, options = {}) {
  const warnings = [];
  const client = new BridgeClient({ endpoint, name: "test", version: "1.2.3", logger: { warn: (text) => warnings.push(text) }, ...options });
  const states = [];
  client.on("state", (state, reason) => states.push([state, reason?.code ?? null]));
  clients.push(client);
  return Object.assign(client, { states, warnings });
}

async function online(endpoint, options) {
  const client = open(endpoint, options);
  await until(() => client.state === "online", "the client to be online");
  return client;
}

/** A fake bridge and a client that is online. */
async function pair(options = {}, ...flags) {
  const bridge = await startPeer("fake_bridge", freshEndpoint(), ...flags);
  return { bridge, client: await online(bridge.endpoint, options) };
}

const act = (client, operation, params, options) => client.invoke("RAK13007", 1, operation, params, options);
const logOf = async (client) => (await act(client, "log")).readings;

/** What a promise is rejected with. */
async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof BridgeError, String(error));
    return error;
  }
  return assert.fail("it should have been rejected");
}

function collect(client, spec) {
  const events = [];
  const handle = client.subscribe({ module: "RAK12006", slot: 1, ...spec }, (event) => events.push(event));
  return Object.assign(events, { handle });
}

/** Has unhandled rejections collected instead of ending the run; for before. */
function watchRejections() {
  process.on("unhandledRejection", onUnhandled);
}

/** The reverse; for after. */
function unwatchRejections() {
  process.off("unhandledRejection", onUnhandled);
}

/** Closes clients and bridges; for afterEach. */
async function closeClients() {
  await Promise.all(clients.map((client) => client.close()));
  await stopPeers();
  clients = [];
  assert.deepEqual(unhandled.splice(0), []);
}

module.exports = { act, closeClients, collect, logOf, online, open, pair, rejection, unwatchRejections, watchRejections };
