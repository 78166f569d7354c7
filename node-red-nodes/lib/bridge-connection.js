"use strict";
/*
 * The bridge as one config node and its users see it.
 *
 * 1. Knows users as Node-RED nodes with a bridgeChanged() method; knows nothing of modules.
 * 2. The connection itself may be shared with other config nodes, and outlives a deploy: shared-session.js.
 * 3. Connects when the first user comes.
 */

const { reasonOf } = require("./client-errors");
const { forEditor, nodeError } = require("./node-errors");

/** Of the reasons for which the bridge is out of reach, those that a user can mend in the settings: their codes in the transport. */
const KEY_PROBLEMS = new Set(["keys_wanted", "bad_keys", "no_curve", "wrong_server_key", "key_refused"]);

/**
 * @typedef {import("./client").BridgeClient} BridgeClient
 * @typedef {"connecting" | "online" | "offline"} State
 * @typedef {{emulated: boolean, versionMismatch: string, keyProblem: string}} Info  `keyProblem`: "", or what is wrong with the keys
 * @typedef {{id: string, z?: string, bridgeChanged(state: State, info: Info): void, bridgeReplaced(): void}} User
 * @typedef {() => void} Watcher
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
 * Waits for a promise, for a limited time.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {number} withinMs
 * @returns {Promise<T | undefined>} undefined when it took too long
 */
function withTimeout(promise, withinMs) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(undefined), withinMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * Returns what is left of a time-out: what waited for the connection has that much less time in the bridge.
 *
 * @param {number} timeoutMs
 * @param {number} since  when it began, in terms of performance.now()
 * @returns {number} whole, and 1 at least
 */
function leftOf(timeoutMs, since) {
  return Math.max(1, Math.ceil(timeoutMs - (performance.now() - since)));
}

/** The way of one config node to the bridge. */
class BridgeConnection {
  /** @type {BridgeClient | null} */
  #client = null;
  /** @type {State} */
  #state = "connecting";
  #everOnline = false;
  #reportedDown = false;
  #closed = false;
  /** @type {Set<() => void>} */
  #waiting = new Set();
  /** @type {Set<Watcher>} */
  #watchers = new Set();
  /** @type {import("./shared-session").SharedSession} */
  #session;

  /**
   * @param {object} options
   * @param {any} options.node             the config node, for its log and its `users`
   * @param {import("./shared-session").SessionPool} options.pool
   * @param {import("./shared-session").Target} options.target
   * @param {string} options.catalogueHash fingerprint of the catalogue the nodes were generated from
   * @param {Error | null} [options.fault] why its settings cannot be used: everything that is asked fails with it
   * @param {(error: Error) => Error} [options.inLanguage] puts an error into the language of those who read it
   */
  constructor({ node, pool, target, catalogueHash, fault = null, inLanguage = (error) => error }) {
    this.node = node;
    this.target = target;
    this.version = pool.version;
    this.catalogueHash = catalogueHash;
    this.fault = fault;
    this.inLanguage = inLanguage;
    /** @type {Record<string, User>} */
    this.users = {};
    this.#session = pool.join(this);
    if (fault !== null) {
      this.#state = "offline";
    }
  }

  /** @returns {import("./output-owners").OutputOwners} who drives what, of all nodes that share the connection */
  get owners() {
    return this.#session.owners;
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
    const mismatched = known && Boolean(bridge.catalogue) && Boolean(this.catalogueHash) && bridge.catalogue !== this.catalogueHash;
    return {
      emulated: known && bridge.emulated === true,
      versionMismatch: mismatched ? compareVersions(this.version, bridge.version) : "",
      keyProblem: KEY_PROBLEMS.has(why) ? why : "",
    };
  }

  /** @returns {ReturnType<typeof forEditor>} why the bridge cannot be used, as long as it cannot */
  get problem() {
    return forEditor(this.fault ?? this.#offlineError());
  }

  /** @param {string} text  for the log */
  debug(text) {
    this.node.debug(text);
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
    this.#session.leaveWhenIdle();
  }

  /** @returns {boolean} whether anybody needs the connection: a node, or an editor that shows the bridge */
  get isUsed() {
    return Object.keys(this.users).length > 0 || this.#watchers.size > 0;
  }

  /**
   * Calls when the state changes, and keeps the connection, for one that is no node: errors go to the flows of nodes only.
   *
   * @param {Watcher} watcher
   */
  watch(watcher) {
    this.#watchers.add(watcher);
    this.#connect();
  }

  /** @param {Watcher} watcher */
  unwatch(watcher) {
    if (this.#watchers.delete(watcher) && !this.#closed) {
      this.#session.leaveWhenIdle();
    }
  }

  /** @returns {BridgeClient | null} while it is online: saves each message the wait of ready() */
  get readyNow() {
    return this.#state === "online" ? this.#client : null;
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
      await withTimeout(settled, withinMs);
      this.#waiting.delete(finished);
    }
    if (this.#client === null || this.#state !== "online") {
      throw this.fault ?? this.#offlineError();
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
      throw this.fault ?? this.#offlineError();
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
    const since = performance.now();
    try {
      const client = await this.ready(withinMs);
      const leftMs = leftOf(withinMs, since);
      const answer = await withTimeout(client.request(method, params, { timeoutMs: leftMs }), leftMs);
      if (answer === undefined) {
        throw nodeError("timeout_reply", "too_slow");
      }
      return answer;
    } finally {
      this.#session.leaveWhenIdle();
    }
  }

  /** Ends: the config node is closing. What becomes of the connection is decided when the deploy is over. */
  close() {
    this.#closed = true;
    this.#client = null;
    this.#finishWaiting();
    this.#session.leave(this);
  }

  #connect() {
    if (this.#closed || this.fault !== null) {
      return;
    }
    const client = this.#session.connect();
    if (client !== this.#client) {
      this.changed(client);
    }
  }

  /** A deploy is over, and this one's config node is not among those that run: nodes that still use it go over to its successor. */
  handOver() {
    for (const user of Object.values(this.users)) {
      user.bridgeReplaced();
    }
  }

  /**
   * @param {BridgeClient | null} client  whose state has changed; null: it was closed, because nobody uses it
   * @param {boolean} [isSafeNow]  what nodes drove in the session before is safe by now
   */
  changed(client, isSafeNow = false) {
    if (this.#closed) {
      return;
    }
    if (client !== this.#client) {
      this.#client = client;
      this.#state = "connecting";
      this.#everOnline = false;
      this.#reportedDown = false;
    }
    const state = client?.state;
    // The connection stood, and the session is another one: what was shown of the one before need not be true any more.
    const isAnotherSession = client !== null && this.#state === "online" && state === "online" && client.bridge?.resumed === false;
    if (client === null || (state !== "connecting" && state !== "online" && state !== "offline")) {
      return;
    }
    if (isAnotherSession) {
      this.#state = "connecting";
      this.#announce();
    }
    // once it was away it counts as offline until it answers: "connecting" again and again would look like progress
    this.#state = state === "connecting" && this.#reportedDown ? "offline" : state;
    if (state === "online") {
      this.#nowOnline(client);
    } else if (state === "offline" && !this.#reportedDown) {
      this.#reportedDown = true;
      this.#tellFlows(this.#offlineError());
    }
    if (isAnotherSession && isSafeNow) {
      this.#tellFlows(nodeError("offline", "another_session", {}, { where: this.node.endpoint }));
    }
    if (this.#state !== "connecting") {
      this.#finishWaiting();
    }
    this.#announce();
  }

  /** Tells nodes and editors how the connection is. */
  #announce() {
    const info = this.info;
    for (const user of Object.values(this.users)) {
      user.bridgeChanged(this.#state, info);
    }
    for (const watcher of this.#watchers) {
      watcher();
    }
  }

  #finishWaiting() {
    for (const finished of this.#waiting) {
      finished();
    }
  }

  /** @param {BridgeClient} client */
  #nowOnline(client) {
    const { version = "?", board = "?" } = client.bridge ?? {};
    const { emulated, versionMismatch } = this.info;
    const description = `version ${version}, board ${board}${emulated ? ", emulated" : ""}`;
    if (this.#reportedDown) {
      this.node.log(`The bridge answers again (${description}).`);
    } else if (!this.#everOnline) {
      this.node.log(`Connected to the bridge (${description}).`);
    }
    if (versionMismatch !== "" && !this.#everOnline) {
      this.node.warn(this.inLanguage(nodeError("unsupported_version", "other_modules", { theirs: version, ours: this.version })).message);
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
      this.node.error(this.inLanguage(error), {});
    } finally {
      this.node.users = this.users;
    }
  }

  #offlineError() {
    const reason = this.#client?.lastError;
    const details = { hint: reason?.hint || undefined, where: this.node.endpoint };
    return reason
      ? nodeError("offline", "offline_because", { reason: reasonOf(reason) }, details)
      : nodeError("offline", "offline", {}, details);
  }
}

/**
 * Finds the connection of a bridge's node.
 *
 * @param {import("../../types/nodes").Red} RED
 * @param {unknown} id  of the node
 * @returns {BridgeConnection | undefined} undefined while it is not deployed
 */
function connectionOf(RED, id) {
  const node = /** @type {Partial<import("../../types/nodes").BridgeNode> | null} */ (RED.nodes.getNode(String(id)));
  return node?.connection instanceof BridgeConnection ? node.connection : undefined;
}

module.exports = { BridgeConnection, compareVersions, connectionOf, leftOf, withTimeout };
