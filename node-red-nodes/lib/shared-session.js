"use strict";
/*
 * One session of a bridge, shared by all config nodes that lead to the same bridge with the same keys.
 *
 * 1. It outlives deploys: config nodes come and go, the connection stands, and nothing that is driven notices it.
 * 2. It ends in good order when a deploy is over and no config node leads to it any more, or when nobody has used it for a while.
 * 3. output-owners.js knows which node drives what; here is only when that may be reported to the bridge.
 */

const { Deploys } = require("./deploys");
const { defaultEndpoint } = require("./endpoint");
const { OutputOwners } = require("./output-owners");

/**
 * After the last user has gone the connection waits so long for another one. A deploy stops all nodes before it starts any, and
 * Node-RED gives each of them 15 s to stop; saying bye meanwhile would switch outputs off in the middle of a deploy.
 */
const IDLE_MS = 20000;

/** A release may wait so long in the bridge before it starts. */
const RELEASE_WITHIN_MS = 2000;

/**
 * @typedef {import("./client").BridgeClient} BridgeClient
 *
 * @typedef {object} Target
 * @property {string} endpoint  as written; "" for the default
 * @property {import("./zmtp-keys").KeyTexts} keys
 * @property {string} name      who we are, for the bridge's status
 * @property {number} leaseMs
 *
 * @typedef {object} Member  a config node
 * @property {Target} target
 * @property {boolean} isUsed
 * @property {(client: BridgeClient | null, isSafeNow?: boolean) => void} changed  called when the state of the client has changed, or there is
 *   another one; `isSafeNow`: what nodes drove in the session before is safe by now
 * @property {() => void} handOver  called when a deploy is over, of one that has left: what still uses it has to go over to its successor
 * @property {(text: string) => void} debug
 */

/** @param {Target} target @returns {string} equal for two that lead to the same bridge as the same client */
function keyOf({ endpoint, keys }) {
  let resolved = endpoint;
  if (resolved === "") {
    try {
      resolved = defaultEndpoint();
    } catch {
      resolved = ""; // said when the connection is made
    }
  }
  return JSON.stringify([resolved, resolved.startsWith("tcp:") ? [keys.serverKey, keys.publicKey, keys.secretKey] : []]);
}

/** One connection, and who uses it. */
class SharedSession {
  /** @type {Set<Member>} */
  members = new Set();
  /** @type {BridgeClient | null} */
  client = null;

  #pool;
  #settings = "";
  /** @type {NodeJS.Timeout | undefined} */
  #idleTimer;

  /** @param {SessionPool} pool */
  constructor(pool) {
    this.#pool = pool;
    this.owners = new OutputOwners({
      ready: () => this.client?.state === "online" && !pool.deploys.under,
      release: (params) => /** @type {BridgeClient} */ (this.client).request("release", params, { timeoutMs: RELEASE_WITHIN_MS }),
      warn: (text) => this.#debug(text),
    });
  }

  /** @returns {BridgeClient} the present connection, or a new one */
  connect() {
    clearTimeout(this.#idleTimer);
    if (this.client === null) {
      const [first] = this.members;
      const { endpoint, keys } = first.target;
      const { name, leaseMs } = this.#introduction();
      const client = this.#pool.makeClient({
        endpoint: endpoint || undefined, keys, name, leaseMs, version: this.#pool.version,
        logger: Object.fromEntries(["debug", "info", "warn", "error"].map((level) => [level, (/** @type {string} */ text) => this.#debug(text)])),
      });
      this.client = client;
      client.on("state", () => this.#changed(client));
      return client;
    }
    return this.client;
  }

  /** @param {Member} member */
  leave(member) {
    this.members.delete(member);
    this.#pool.left.add(member);
    this.leaveWhenIdle();
  }

  /** A deploy is over. */
  settle() {
    this.owners.settle();
    if (this.members.size === 0) {
      this.end();
      return;
    }
    const settings = this.#settings;
    const introduction = this.#introduction();
    if (this.client !== null && settings !== this.#settings) {
      this.client.introduce(introduction);
    }
  }

  /** Ends the session after a while, when nobody uses it by then. */
  leaveWhenIdle() {
    clearTimeout(this.#idleTimer);
    if ([...this.members].some((each) => each.isUsed) || this.client === null) {
      return;
    }
    this.#idleTimer = setTimeout(() => this.end(), this.#pool.idleMs);
    this.#idleTimer.unref();
  }

  /** Says bye: outputs become safe, but those that are to be held. */
  end() {
    clearTimeout(this.#idleTimer);
    const { client } = this;
    this.client = null;
    this.owners.end();
    if (client !== null) {
      client.removeAllListeners("state");
      Promise.resolve(client.close({ bye: true })).catch((error) => this.#debug(`closing: ${error}`));
      for (const member of this.members) {
        member.changed(null);
      }
    }
    if (this.members.size === 0) {
      this.#pool.remove(this);
    }
  }

  /** @returns {{name: string, leaseMs: number}} how we present ourselves: as cautious as the most cautious of the config nodes */
  #introduction() {
    const targets = [...this.members].map((each) => each.target);
    const introduction = { name: targets[0].name, leaseMs: Math.min(...targets.map((each) => each.leaseMs)) };
    this.#settings = JSON.stringify(introduction);
    return introduction;
  }

  /** @param {BridgeClient} client */
  #changed(client) {
    if (client !== this.client) {
      return;
    }
    const isOnline = client.state === "online";
    const isSafeNow = isOnline && client.bridge?.resumed === false && this.owners.forgetOutputs();
    for (const member of this.members) {
      member.changed(client, isSafeNow);
    }
    if (isOnline) {
      this.owners.flush();
    }
  }

  /** @param {string} text */
  #debug(text) {
    const [first] = this.members;
    first?.debug(text);
  }
}

/** The sessions of one Node-RED. */
class SessionPool {
  /** @type {Map<string, SharedSession>} */
  #sessions = new Map();

  /** @type {Set<Member>} that have left since the last deploy was over */
  left = new Set();

  deploys = new Deploys(() => {
    const left = [...this.left];
    this.left.clear();
    left.forEach((each) => each.handOver());
    for (const session of [...this.#sessions.values()]) {
      session.settle();
    }
  });

  /**
   * @param {object} options
   * @param {(options: object) => any} options.makeClient
   * @param {string} options.version  of this package
   * @param {number} [options.idleMs]
   */
  constructor({ makeClient, version, idleMs = IDLE_MS }) {
    this.makeClient = makeClient;
    this.version = version;
    this.idleMs = idleMs;
  }

  /** @param {Member} member @returns {SharedSession} the one that leads where it wants */
  join(member) {
    const key = keyOf(member.target);
    const session = this.#sessions.get(key) ?? new SharedSession(this);
    this.#sessions.set(key, session);
    session.members.add(member);
    return session;
  }

  /** @param {SharedSession} session */
  remove(session) {
    for (const [key, each] of this.#sessions) {
      if (each === session) {
        this.#sessions.delete(key);
      }
    }
  }
}

module.exports = { SessionPool, SharedSession };
