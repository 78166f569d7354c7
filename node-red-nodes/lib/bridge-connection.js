"use strict";
/*
 * One connection to the bridge, shared by all nodes that chose the same config node.
 *
 * 1. Knows users as Node-RED nodes with a bridgeChanged() method; knows nothing of modules.
 * 2. Connects when the first user comes; when the last one is gone for a while it says bye, and outputs go safe.
 * 3. A redeploy hands the session to the successor, so that nothing that is driven notices it.
 */

const { nodeError } = require("./node-errors");

/**
 * After the last user has gone the connection waits so long for another one. A deploy stops all nodes before it starts any, and
 * Node-RED gives each of them 15 s to stop; saying bye meanwhile would switch outputs off in the middle of a deploy.
 */
const IDLE_MS = 20000;

/** Node-RED waits for a closing node; no bridge may make it wait longer than this. */
const CLOSE_WITHIN_MS = 1500;

/** Of the reasons for which the bridge is out of reach, those that a user can mend in the settings: their codes in the transport. */
const KEY_TROUBLE = new Set(["keys_wanted", "bad_keys", "no_curve", "wrong_server_key", "key_refused"]);

/** Session tokens of closed connections, by id of the config node. */
const leftSessions = new Map();

/**
 * @typedef {import("./client").BridgeClient} BridgeClient
 * @typedef {"connecting" | "online" | "offline"} State
 * @typedef {{emulated: boolean, drift: string, trouble: string}} Info  `trouble`: "", or what is wrong with the keys
 * @typedef {{id: string, z?: string, bridgeChanged(state: State, info: Info): void}} User
 */

/**
 * Compares two versions of the form "1.2.3".
 *
 * @param {string} ours
 * @param {string} theirs
 * @returns {"newer" | "older" | "other"} what the other side is, seen from ours
 */
function compareVersions(ours, theirs) {
  const [a, b] = [ours, theirs].map((each) => String(each).split(/[-+]/)[0].split(".").map(Number));
  for (let index = 0; index < 3; index += 1) {
    const [mine, their] = [a[index] || 0, b[index] || 0];
    if (mine !== their) {
      return their > mine ? "newer" : "older";
    }
  }
  return "other";
}

/**
 * Waits for a promise, but not for ever.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {number} withinMs
 * @returns {Promise<T | undefined>} undefined when it took too long
 */
function within(promise, withinMs) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(undefined), withinMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The connection of one config node. */
class BridgeConnection {
  /** @type {BridgeClient | null} */
  #client = null;
  /** @type {State} */
  #state = "connecting";
  #everOnline = false;
  #reportedDown = false;
  #closed = false;
  /** @type {NodeJS.Timeout | undefined} */
  #idleTimer;
  /** @type {Set<() => void>} */
  #waiting = new Set();

  /**
   * @param {object} options
   * @param {any} options.node             the config node, for its log and its `users`
   * @param {() => BridgeClient} options.makeClient
   * @param {string} options.version       version of this package
   * @param {string} options.catalogueHash fingerprint of the catalogue the nodes were printed from
   * @param {number} [options.idleMs]
   */
  constructor({ node, makeClient, version, catalogueHash, idleMs = IDLE_MS }) {
    this.node = node;
    this.makeClient = makeClient;
    this.version = version;
    this.catalogueHash = catalogueHash;
    this.idleMs = idleMs;
    /** @type {Record<string, User>} */
    this.users = {};
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** @returns {Info} */
  get info() {
    const bridge = this.#client?.bridge;
    const known = bridge !== null && bridge !== undefined && this.#state === "online";
    const { code = "", data } = this.#client?.lastError ?? {};
    // Once the connection stands it is the bridge itself that says no, in its own words.
    const why = code === "forbidden" ? "key_refused" : /** @type {{reason?: string} | undefined} */ (data)?.reason ?? "";
    const drifted = known && Boolean(bridge.catalogue) && Boolean(this.catalogueHash) && bridge.catalogue !== this.catalogueHash;
    return {
      emulated: known && bridge.emulated === true,
      drift: drifted ? compareVersions(this.version, bridge.version) : "",
      trouble: KEY_TROUBLE.has(why) ? why : "",
    };
  }

  /** @returns {string} the token of the present session, "" when there is none */
  get session() {
    return this.#client?.session ?? "";
  }

  /** @param {User} user  a node that wants to use the bridge */
  register(user) {
    this.users[user.id] = user;
    this.#connect();
    user.bridgeChanged(this.#state, this.info);
  }

  /** @param {User} user  a node that is closing */
  deregister(user) {
    if (this.users[user.id] === user) {
      delete this.users[user.id];
    }
    this.#leaveWhenIdle();
  }

  /**
   * Waits while the first connection is being made, so that a message sent right after a deploy does not fail.
   *
   * @param {number} withinMs
   * @returns {Promise<BridgeClient>}
   * @throws {import("./node-errors").NodeError} with code offline when the bridge does not answer
   */
  async ready(withinMs) {
    this.#connect();
    if (this.#state === "connecting" && !this.#everOnline && withinMs > 0) {
      /** @type {() => void} */
      let finished = () => undefined;
      const settled = new Promise((resolve) => {
        finished = () => resolve(undefined);
        this.#waiting.add(finished);
      });
      await within(settled, withinMs);
      this.#waiting.delete(finished);
    }
    if (this.#client === null || this.#state !== "online") {
      throw this.#offlineError();
    }
    return this.#client;
  }

  /**
   * The client as it is, for subscriptions, which wait for the bridge of themselves.
   *
   * @returns {BridgeClient}
   */
  get client() {
    this.#connect();
    if (this.#client === null) {
      throw this.#offlineError();
    }
    return this.#client;
  }

  /**
   * Asks the bridge how it is, for the editor.
   *
   * @param {number} withinMs
   * @returns {Promise<Record<string, unknown>>}
   * @throws {import("./node-errors").NodeError} when the bridge does not answer in time
   */
  async report(withinMs) {
    const status = await this.ask("status", {}, withinMs);
    const { version, board, catalogue } = this.#client?.bridge ?? {};
    return { ...status, version, board, catalogue, ...this.info };
  }

  /**
   * Asks the bridge something on behalf of the editor.
   *
   * @param {string} method
   * @param {Record<string, unknown>} params
   * @param {number} withinMs
   * @returns {Promise<any>}
   * @throws {import("./node-errors").NodeError} when the bridge refuses, or does not answer in time
   */
  async ask(method, params, withinMs) {
    try {
      const client = await this.ready(withinMs);
      const answer = await within(client.request(method, params, { timeoutMs: withinMs }), withinMs);
      if (answer === undefined) {
        throw nodeError("timeout_reply", "The bridge took too long to answer.");
      }
      return answer;
    } finally {
      this.#leaveWhenIdle();
    }
  }

  /**
   * Ends the connection.
   *
   * @param {boolean} removed  the config node was deleted: say bye, outputs go safe. Else its successor takes the session over
   * @returns {Promise<void>}
   */
  async close(removed) {
    this.#closed = true;
    clearTimeout(this.#idleTimer);
    if (removed) {
      leftSessions.delete(this.node.id);
    } else if (this.session) {
      leftSessions.set(this.node.id, this.session);
    }
    await this.#disconnect(removed);
  }

  /** @returns {string | undefined} the session that the predecessor of this config node left */
  takeSession() {
    const token = leftSessions.get(this.node.id);
    leftSessions.delete(this.node.id);
    return token;
  }

  #connect() {
    clearTimeout(this.#idleTimer);
    if (this.#client !== null || this.#closed) {
      return;
    }
    const client = this.makeClient();
    this.#client = client;
    this.#state = "connecting";
    this.#everOnline = false;
    client.on("state", () => {
      if (client === this.#client) {
        this.#changed(client);
      }
    });
    this.#changed(client);
  }

  /** @param {BridgeClient} client */
  #changed(client) {
    const state = client.state;
    if (state !== "connecting" && state !== "online" && state !== "offline") {
      return;
    }
    // once it was away it counts as offline until it answers: "connecting" again and again would look like progress
    this.#state = state === "connecting" && this.#reportedDown ? "offline" : state;
    if (state === "online") {
      this.#nowOnline(client);
    } else if (state === "offline" && !this.#reportedDown) {
      this.#reportedDown = true;
      this.#tellFlows(this.#offlineError());
    }
    if (this.#state !== "connecting") {
      for (const finished of this.#waiting) {
        finished();
      }
    }
    const info = this.info;
    for (const user of Object.values(this.users)) {
      user.bridgeChanged(this.#state, info);
    }
  }

  /** @param {BridgeClient} client */
  #nowOnline(client) {
    const { version = "?", board = "?" } = client.bridge ?? {};
    const { emulated, drift } = this.info;
    const description = `version ${version}, board ${board}${emulated ? ", emulated" : ""}`;
    if (this.#reportedDown) {
      this.node.log(`The bridge answers again (${description}).`);
    } else if (!this.#everOnline) {
      this.node.log(`Connected to the bridge (${description}).`);
    }
    if (drift !== "" && !this.#everOnline) {
      this.node.warn(
        `The bridge (${version}) and these nodes (${this.version}) do not know the same modules. ` +
          "What both know keeps working; update the older of the two.",
      );
    }
    this.#everOnline = true;
    this.#reportedDown = false;
  }

  /**
   * Brings an error to the Catch nodes of the flows that use the bridge: to each flow once, not once for every node in it.
   *
   * @param {Error} error
   */
  #tellFlows(error) {
    const perFlow = Object.values(this.users).map((user) => [user.z ?? "", user]);
    // Node-RED looks at the map `users` while node.error() runs, and calls the flow of each
    this.node.users = Object.fromEntries([...new Map(/** @type {[string, User][]} */ (perFlow)).values()].map((user) => [user.id, user]));
    try {
      this.node.error(error, {});
    } finally {
      this.node.users = this.users;
    }
  }

  #offlineError() {
    const reason = this.#client?.lastError;
    return nodeError("offline", `The bridge does not answer${reason ? `: ${reason.message}` : "."}`, {
      hint: reason?.hint || "Is it running? Try: systemctl status wisblock-bridge.",
      where: this.node.endpoint,
    });
  }

  #leaveWhenIdle() {
    clearTimeout(this.#idleTimer);
    if (Object.keys(this.users).length > 0 || this.#closed || this.#client === null) {
      return;
    }
    this.#idleTimer = setTimeout(() => {
      this.#disconnect(true).catch((error) => this.node.debug(`closing: ${error}`));
    }, this.idleMs);
    this.#idleTimer.unref();
  }

  /** @param {boolean} bye */
  async #disconnect(bye) {
    const client = this.#client;
    this.#client = null;
    this.#state = "connecting";
    this.#reportedDown = false;
    if (client !== null) {
      await within(Promise.resolve(client.close({ bye })), CLOSE_WITHIN_MS);
      client.removeAllListeners("state");
    }
  }
}

module.exports = { BridgeConnection, compareVersions, within };
