"use strict";
/*
 * What the editor asks about slots: what is in use, what is plugged in, what a scan finds.
 *
 * 1. That a bridge is away, or not deployed yet, is an answer here: opening a dialog is no reason for an error in the browser's log.
 * 2. Asking how things are is for readers; a scan touches the bus and is for those who may change something.
 * 3. However many dialogs are open, one scan runs at a time, and what it found is good for some seconds.
 */

const { connectionOf, withTimeout } = require("./bridge-connection");
const { say } = require("./client-errors");
const { forEditor } = require("./node-errors");

/** The editor waits no longer than this for the bridge. */
const ANSWER_WITHIN_MS = 1500;
const SCAN_WITHIN_MS = 4000;

/** A scan that is asked for by opening a dialog is as old as this at most; one that is asked for by its button, as old as that. */
const KEEP_MS = 15000;
const KEEP_AT_LEAST_MS = 2000;

/** What of the bridge's status the editor needs: nothing about other clients. */
const REPORTED = ["emulated", "addresses", "straps", "serial_ports", "plugged"];

/**
 * @typedef {{state: "online", found: object[], age_ms: number}} Found
 * @typedef {{state: "online", refused: string, message: string}} Refused
 * @typedef {{state: "offline", code: string, message: string} | {state: "not_deployed"}} Away
 */

/** @param {unknown} thrown @returns {Away} */
function away(thrown) {
  return { state: "offline", ...forEditor(thrown) };
}

/** The scans of all bridges, one for each connection. */
class Scans {
  /** @type {WeakMap<import("./bridge-connection").BridgeConnection, {at: number, found: object[]}>} */
  #done = new WeakMap();
  /** @type {WeakMap<import("./bridge-connection").BridgeConnection, Promise<Found | Refused | Away>>} */
  #running = new WeakMap();

  /** @param {{now?: () => number, withinMs?: number}} [options]  replaced by tests */
  constructor({ now = () => performance.now(), withinMs = SCAN_WITHIN_MS } = {}) {
    this.now = now;
    this.withinMs = withinMs;
  }

  /**
   * Returns what answers on the bus.
   *
   * @param {import("./bridge-connection").BridgeConnection} connection
   * @param {boolean} again  somebody pressed the button: what was found some seconds ago is not good enough
   * @returns {Promise<Found | Refused | Away>}
   */
  async scan(connection, again) {
    const last = this.#done.get(connection);
    const age = last === undefined ? Infinity : this.now() - last.at;
    if (last !== undefined && connection.state === "online" && age < (again ? KEEP_AT_LEAST_MS : KEEP_MS)) {
      return { state: "online", found: last.found, age_ms: Math.round(age) };
    }
    let running = this.#running.get(connection);
    if (running === undefined) {
      running = this.#look(connection).finally(() => this.#running.delete(connection));
      this.#running.set(connection, running);
    }
    return (await withTimeout(running, this.withinMs)) ?? { state: "online", refused: "timeout_reply", ...say("scan_takes_long") };
  }

  /** @param {import("./bridge-connection").BridgeConnection} connection @returns {Promise<Found | Refused | Away>} */
  async #look(connection) {
    try {
      const found = /** @type {any} */ (await connection.ask("scan", {}, this.withinMs));
      this.#done.set(connection, { at: this.now(), found });
      return { state: "online", found, age_ms: 0 };
    } catch (thrown) {
      const { code, ...words } = forEditor(thrown);
      return connection.state === "online" ? { state: "online", refused: code, ...words } : away(thrown);
    }
  }
}

/**
 * Opens the two admin addresses.
 *
 * @param {import("../../types/nodes").Red} RED
 * @param {{now?: () => number, withinMs?: number}} [options]  replaced by tests
 */
module.exports = function registerSlotRoutes(RED, options) {
  const scans = new Scans(options);

  /**
   * @param {(connection: import("./bridge-connection").BridgeConnection, request: import("express").Request) => Promise<object>} answer
   * @returns {import("express").RequestHandler}
   */
  const about = (answer) => async (request, response) => {
    const connection = connectionOf(RED, request.params.id);
    const answered = connection === undefined ? { state: "not_deployed" } : await answer(connection, request);
    response.set("Cache-Control", "no-store").json(answered);
  };

  RED.httpAdmin.get(
    "/wisblock-bridge/:id/slots",
    RED.auth.needsPermission("wisblock-bridge.read"),
    about(async (connection) => {
      try {
        const status = /** @type {Record<string, any>} */ (await connection.report(ANSWER_WITHIN_MS));
        const slots = status.slots.map((/** @type {Record<string, unknown>} */ { slot, module, open }) => ({ slot, module, open }));
        const known = Object.fromEntries(REPORTED.filter((key) => status[key] !== undefined).map((key) => [key, status[key]]));
        return { state: "online", slots, ...known };
      } catch (thrown) {
        return away(thrown);
      }
    }),
  );

  RED.httpAdmin.post(
    "/wisblock-bridge/:id/scan",
    RED.auth.needsPermission("wisblock-bridge.write"),
    about((connection, request) => scans.scan(connection, request.query.again === "true")),
  );
};

module.exports.Scans = Scans;
