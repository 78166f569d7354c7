"use strict";
/*
 * The addresses of the sidebar.
 *
 * 1. Who may see it has `wisblock.read`, who may change anything with it `wisblock.write`.
 * 2. That a bridge is away or refuses something is an answer: `{state, code, message}`.
 * 3. Of the bridge's methods, only those of the emulated world can be reached; its demo runs here.
 */

const { connectionOf } = require("../bridge-connection");
const { say } = require("../client-errors");
const { forEditor } = require("../node-errors");
const { Scans } = require("../slot-routes");
const { SidebarHub } = require("./hub");
const { plainJson } = require("./plain-json");
const { reportOf } = require("./report");

const ANSWER_WITHIN_MS = 3000;
const ACTIONS = ["set", "plug", "unplug", "fault"];
const MOST_HEX = 2048;

/** @param {unknown} slot @returns {unknown} a number where the text is one */
const slotOf = (slot) => (typeof slot === "string" && /^\d+$/.test(slot) ? Number(slot) : slot);

/** @param {unknown} value @returns {unknown} as the wire has it: `{hex}` is bytes */
function wireValue(value) {
  const hex = /** @type {{hex?: unknown} | null} */ (value)?.hex;
  if (typeof hex === "string" && hex.length <= MOST_HEX && /^([0-9a-fA-F]{2})*$/.test(hex)) {
    return Buffer.from(hex, "hex");
  }
  return value;
}

/** @param {any} body @returns {{method: string, params: Record<string, unknown>} | null} null: it is none of ours */
function actionOf(body) {
  const { action, params } = body ?? {};
  if (!ACTIONS.includes(action) || typeof params !== "object" || params === null || Array.isArray(params)) {
    return null;
  }
  return {
    method: `emulator.${action}`,
    params: Object.fromEntries(Object.entries(params).map(([key, value]) => [key, key === "slot" ? slotOf(value) : wireValue(value)])),
  };
}

/**
 * Opens the addresses.
 *
 * @param {import("../../../types/nodes").Red} RED
 * @returns {SidebarHub}
 */
function registerSidebarRoutes(RED) {
  const hub = new SidebarHub(RED);
  const scans = new Scans();
  const read = RED.auth.needsPermission("wisblock.read");
  const write = RED.auth.needsPermission("wisblock.write");

  /**
   * @param {(connection: import("../bridge-connection").BridgeConnection, request: import("express").Request) => Promise<object>} answer
   * @returns {import("express").RequestHandler}
   */
  const about = (answer) => async (request, response) => {
    const connection = connectionOf(RED, request.params.id);
    response.set("Cache-Control", "no-store");
    if (connection === undefined) {
      response.json({ state: "not_deployed" });
      return;
    }
    try {
      response.json({ state: "done", ...await answer(connection, request) });
    } catch (thrown) {
      response.json({ state: "refused", .../** @type {object} */ (plainJson(forEditor(thrown))) });
    }
  };

  RED.httpAdmin.get("/wisblock/observe", read, (_request, response) => {
    if (!hub.open(response)) {
      response.status(503).end();
    }
  });
  RED.httpAdmin.get("/wisblock/:id/layout", read, about(async (connection) => {
    const status = /** @type {any} */ (await connection.ask("status", {}, ANSWER_WITHIN_MS));
    return { layout: plainJson(status?.layout) };
  }));
  RED.httpAdmin.get("/wisblock/:id/world/:slot", read, about(async (connection, request) => ({
    quantities: plainJson(await connection.ask("emulator.list", { slot: slotOf(request.params.slot) }, ANSWER_WITHIN_MS)),
  })));
  RED.httpAdmin.post("/wisblock/:id/emulator", write, about(async (connection, request) => {
    const id = String(request.params.id);
    if (request.body?.action === "demo") {
      return await hub.move(id, request.body.params?.on === true) ? {} : { state: "refused", code: "not_ready", ...say("moves_while_open") };
    }
    const action = actionOf(request.body);
    if (action === null) {
      return { state: "refused", code: "bad_request", ...say("no_action", { actions: ACTIONS.join(", ") }) };
    }
    const result = plainJson(await connection.ask(action.method, action.params, ANSWER_WITHIN_MS));
    hub.refresh(id);
    return { result };
  }));
  RED.httpAdmin.post("/wisblock/:id/scan", write, about(async (connection) => {
    const found = /** @type {any} */ (await scans.scan(connection, true));
    return found.found === undefined ? { ...found, state: "refused" } : { found: plainJson(found.found) };
  }));
  RED.httpAdmin.get("/wisblock/:id/report", write, async (request, response) => {
    const connection = connectionOf(RED, request.params.id);
    response.set("Cache-Control", "no-store");
    if (connection === undefined) {
      response.status(404).end();
      return;
    }
    response.type("text/plain").send(await reportOf(connection, String(RED.version())));
  });
  return hub;
}

module.exports = { actionOf, registerSidebarRoutes };
