"use strict";
/*
 * The config node: settings in, one connection out, and a word about it for the editor.
 *
 * 1. Glue only: the connection's life is in bridge-connection.js.
 * 2. The admin address never keeps the editor waiting: what takes too long is answered 503.
 */

const { BridgeConnection, connectionOf } = require("./bridge-connection");
const { catalogue } = require("./catalogue");
const { say } = require("./client-errors");
const { limits } = require("./limits");
const { forEditor, inLanguage } = require("./node-errors");
const { SessionPool } = require("./shared-session");
const registerSlotRoutes = require("./slot-routes");
const { numberIn } = require("./values");
const { version } = require("../../package.json");

/** The editor waits no longer than this for the bridge. */
const REPORT_WITHIN_MS = 1500;

/** @param {unknown} written @returns {number} the lease to ask for, ms */
function leaseMs(written) {
  const asked = numberIn(written, "leaseMs") ?? limits.default_lease_ms;
  return Math.min(Math.max(Math.round(asked), limits.shortest_lease_ms), limits.lease_ms);
}

/**
 * What Node-RED keeps apart from the flows, and never exports. The public keys may be seen in the editor, the secret key may not.
 *
 * @type {Record<string, {type: "text" | "password"}>}
 */
const CREDENTIALS = { serverKey: { type: "text" }, clientPublicKey: { type: "text" }, clientSecretKey: { type: "password" } };

/** @param {Record<string, string> | undefined} credentials @returns {import("./zmtp-keys").KeyTexts} */
function clientKeys({ serverKey = "", clientPublicKey = "", clientSecretKey = "" } = {}) {
  return { serverKey, publicKey: clientPublicKey, secretKey: clientSecretKey };
}

/**
 * Makes the config node's runtime side.
 *
 * @param {object} [options]  replaced by tests
 * @param {(options: object) => any} [options.makeClient]
 * @param {number} [options.idleMs]
 * @returns {(RED: import("../../types/nodes").Red) => void}
 */
module.exports = function makeBridgeNode({ makeClient, idleMs } = {}) {
  const pool = new SessionPool({
    makeClient: makeClient ?? ((options) => new (require("./client").BridgeClient)(options)),
    version,
    idleMs,
  });

  return function registerBridge(RED) {
    pool.deploys.watch(RED.events);

    /** @this {import("../../types/nodes").BridgeNode} @param {import("../../types/nodes").Config} config */
    function WisBlockBridge(config) {
      RED.nodes.createNode(this, config);
      this.endpoint = String(config.endpoint ?? "").trim();
      let fault = null;
      try {
        this.leaseMs = leaseMs(config.leaseMs);
      } catch (error) {
        fault = /** @type {Error} */ (error);
        this.leaseMs = limits.default_lease_ms;
        this.error(inLanguage(RED, fault));
      }
      const name = config.name ? `node-red (${config.name})` : "node-red";
      const connection = new BridgeConnection({
        node: this,
        pool,
        catalogueHash: catalogue.sha256,
        fault,
        inLanguage: (error) => inLanguage(RED, error),
        target: {
          endpoint: this.endpoint,
          keys: clientKeys(this.credentials),
          name: [...name].slice(0, limits.client_name).join(""),
          leaseMs: this.leaseMs,
        },
      });
      this.connection = connection;
      // Node-RED looks at a map of exactly this name to bring our errors to the flows of those who use us
      this.users = connection.users;
      this.on("close", () => connection.close());
    }

    RED.nodes.registerType("wisblock-bridge", WisBlockBridge, { credentials: CREDENTIALS });

    RED.httpAdmin.get("/wisblock-bridge/:id/status", RED.auth.needsPermission("wisblock-bridge.read"), async (request, response) => {
      const connection = connectionOf(RED, request.params.id);
      if (connection === undefined) {
        response.status(404).json({ code: "not_deployed", ...say("not_deployed") });
        return;
      }
      try {
        response.json(await connection.report(REPORT_WITHIN_MS));
      } catch (thrown) {
        response.status(503).json(forEditor(thrown));
      }
    });

    registerSlotRoutes(RED);
  };
};
