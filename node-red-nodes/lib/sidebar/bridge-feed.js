"use strict";
/*
 * One bridge as the sidebars of all editors see it: one observation, whatever the number of those who look.
 *
 * 1. It lives while somebody looks. Nothing of it is left afterwards: no timer, no subscription.
 * 2. It keeps the last message of each kind, for a sidebar that is opened later.
 * 3. What changes the picture as a whole (who holds what, what is plugged in) has the status asked for again, not more often than
 *    a few times a second; values go through as they come.
 */

const { liveCatalogue } = require("../live-catalogue");
const { forEditor } = require("../node-errors");
const { Demo } = require("./demo");
const { plainJson } = require("./plain-json");

const STATUS_WITHIN_MS = 2000;
const REFRESH_EVERY_MS = 200;

/** Of the status, what a sidebar shows. */
const SHOWN = ["version", "uptime_s", "board", "slots", "layout", "plugged", "addresses", "buses"];

/** Observations after which the status is another one. */
const CHANGES_PICTURE = new Set(["holder", "health", "plugged"]);

/** This many messages are kept for sidebars that are opened later; of what was observed the latest. */
const MOST_KEPT = 500;

/** @param {import("../catalogue").CatalogueData} catalogue  what a sidebar shows of it */
function shownCatalogue({ units, modules }) {
  const readings = (/** @type {import("../catalogue").Operation[]} */ all) => Object.fromEntries(all.map((each) => [each.name, {
    main: each.main, readings: each.readings.map(({ name, unit, kind, low, high }) => ({ name, unit, kind, low, high })),
  }]));
  return {
    units,
    modules: modules.map(({ name, slug, title, family, icon, slots, operations, events }) => ({
      name, slug, title, family, icon, slots, events: readings(events), operations: readings(operations),
      reads: operations.some((each) => each.default && each.reads_only),
    })),
  };
}

/** @typedef {{type: string, bridge: string, [key: string]: unknown}} Told  a message for sidebars */

/** @param {unknown[]} about @returns {string} the key of what was observed of one thing; those of other messages are their types */
function observedKey(about) {
  return JSON.stringify(["observed", ...about]);
}

/** @param {string} key */
function isObserved(key) {
  return key.startsWith("[");
}

class BridgeFeed {
  /** @type {Map<string, Told>} */
  #kept = new Map();
  /** @type {{unsubscribe: () => void} | null} */
  #observation = null;
  /** @type {object | null} */
  #client = null;
  #state = "";
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #refreshing = false;
  #again = false;
  #ended = false;

  /**
   * @param {string} id  of the bridge's node
   * @param {import("../bridge-connection").BridgeConnection} connection
   * @param {(message: Told) => void} tell
   */
  constructor(id, connection, tell) {
    this.id = id;
    this.connection = connection;
    this.tell = tell;
    /** @type {Map<string, Set<string>>} names of its readings by the name of a module */
    this.measured = new Map();
    this.demo = new Demo(connection, (module) => this.measured.get(module) ?? new Set());
    this.watcher = () => this.#look();
    connection.watch(this.watcher);
    this.#look();
  }

  /** @returns {Told[]} what a sidebar that is opened now has to know */
  get known() {
    return [...this.#kept.values()];
  }

  /** Nobody looks any more, or the node is another one now. */
  end() {
    this.#ended = true;
    this.#forget();
    this.demo.stop();
    this.connection.unwatch(this.watcher);
  }

  /** @param {boolean} isOn  whether the emulated world is to move by itself */
  async move(isOn) {
    if (isOn) {
      this.demo.start();
    } else {
      await this.demo.stop();
    }
    this.#say({ type: "demo", on: this.demo.isOn });
  }

  /** Asks for the picture as a whole. */
  refresh() {
    if (this.#refreshing || this.#timer !== undefined) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#refreshing = true;
    this.#askStatus().finally(() => {
      this.#refreshing = false;
      if (!this.#ended && this.#client !== null) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          if (this.#again) {
            this.refresh();
          }
        }, REFRESH_EVERY_MS);
      }
    });
  }

  /** @param {Omit<Told, "bridge">} message @param {string} [key] */
  #say(message, key = String(message.type)) {
    const told = /** @type {Told} */ ({ ...message, bridge: this.id });
    this.#kept.delete(key);
    if (this.#kept.size >= MOST_KEPT) {
      const oldest = [...this.#kept.keys()].find(isObserved);
      this.#kept.delete(oldest ?? "");
    }
    this.#kept.set(key, told);
    this.tell(told);
  }

  /** Values from before the bridge was away need not be true any more: outputs are safe since, contacts have changed. */
  #forgetValues() {
    [...this.#kept.keys()].filter((key) => isObserved(key) || key === "observation" || key === "trouble").forEach((key) => this.#kept.delete(key));
  }

  #forget() {
    this.#forgetValues();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#again = false;
    this.#observation?.unsubscribe();
    this.#observation = null;
    this.#client = null;
  }

  /** The connection may be another one now, or in another state. */
  #look() {
    if (this.#ended) {
      return;
    }
    const { state, info } = this.connection;
    const client = state === "online" ? this.connection.client : null;
    const { version, board } = client?.bridge ?? {};
    const why = state === "offline" ? this.connection.problem : null;
    const line = JSON.stringify({ state, info, version, board, why });
    if (line !== this.#state) {
      this.#state = line;
      this.#say({ type: "bridge", ...JSON.parse(line) });
    }
    if (client !== null && client !== this.#client) {
      this.#forget();
      this.#client = client;
      this.#observation = client.observe({}, (event) => this.#observed(event));
      this.refresh();
      this.#askCatalogue();
    } else if (client !== null) {
      this.refresh();
    } else if (state === "offline") {
      this.#forget();
    } else {
      this.#forgetValues();
    }
  }

  async #askCatalogue() {
    try {
      const catalogue = await liveCatalogue(this.connection);
      if (!this.#ended) {
        this.measured = new Map(catalogue.modules.map((each) => [each.name, new Set([...each.operations, ...each.events].flatMap((one) => one.readings.map((reading) => reading.name)))]));
        this.#say({ type: "catalogue", ...shownCatalogue(catalogue) });
      }
    } catch (thrown) {
      this.connection.debug(`the sidebar's catalogue: ${/** @type {Error} */ (thrown).message}`);
    }
  }

  async #askStatus() {
    try {
      const status = /** @type {Record<string, unknown>} */ (await this.connection.ask("status", {}, STATUS_WITHIN_MS));
      if (!this.#ended) {
        const shown = Object.fromEntries(SHOWN.map((key) => [key, status?.[key]]));
        this.#kept.delete("trouble");
        this.#say({ type: "status", at: Date.now(), status: plainJson(shown) });
      }
    } catch (thrown) {
      if (!this.#ended) {
        const error = forEditor(thrown);
        this.connection.debug(`the sidebar's status: ${error.code}: ${error.message}`);
        this.#say({ type: "trouble", .../** @type {object} */ (plainJson(error)) });
      }
    }
  }

  /** @param {Record<string, any>} event */
  #observed(event) {
    if (event.event === "error") {
      const { code, message } = event.error ?? {};
      this.#say({ type: "observation", code: plainJson(code), message: plainJson(message) });
      return;
    }
    const { kind, module, slot, name, params } = event;
    const value = plainJson(Object.fromEntries(Object.entries(event).filter(([key]) => !["v", "event", "subscription", "sequence"].includes(key))));
    // a result and its error are about the same thing: the later one counts
    const about = kind === "error" ? "result" : kind;
    this.#say({ type: "observed", value }, observedKey([about, plainJson(module), plainJson(slot), plainJson(name), plainJson(params)]));
    if (CHANGES_PICTURE.has(kind)) {
      this.refresh();
    }
  }
}

module.exports = { BridgeFeed, shownCatalogue };
