"use strict";
/*
 * The sidebars of all editors that are open, and the bridges they look at.
 *
 * 1. The first sidebar that opens starts the observation of every bridge, the last one that closes ends it: nothing runs in between.
 * 2. What is told is sent at once, then at most every 50 ms; a sidebar that does not read is let go.
 * 3. One sidebar is one answer that does not end; that it has ended is how we know that nobody looks any more.
 */

const { connectionOf } = require("../bridge-connection");
const { BridgeFeed } = require("./bridge-feed");

const MOST_VIEWERS = 32;
const FLUSH_MS = 50;
const MOST_UNREAD_BYTES = 1024 * 1024;

/**
 * @typedef {import("./bridge-feed").Told} Told
 * @typedef {import("express").Response} Response
 */

/** @param {object} message @returns {string} one line of the stream */
const line = (message) => `${JSON.stringify(message)}\n`;

class SidebarHub {
  /** @type {Set<Response>} */
  #viewers = new Set();
  /** @type {Map<string, BridgeFeed>} */
  #feeds = new Map();
  /** @type {Map<string, string>} name by id of all bridges, deployed or not */
  #names = new Map();
  /** @type {string[]} */
  #pending = [];
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /** @param {import("../../../types/nodes").Red} RED */
  constructor(RED) {
    this.RED = RED;
    this.sync = () => this.#sync();
  }

  /** @returns {{viewers: number, feeds: number, timer: boolean}} what is alive, for those who doubt that nothing is */
  get alive() {
    return { viewers: this.#viewers.size, feeds: this.#feeds.size, timer: this.#timer !== undefined };
  }

  /**
   * Takes one more sidebar.
   *
   * @param {Response} response  of the request that it made; stays open
   * @returns {boolean} false when there are too many
   */
  open(response) {
    if (this.#viewers.size >= MOST_VIEWERS) {
      return false;
    }
    if (this.#viewers.size === 0) {
      this.RED.events.on("flows:started", this.sync);
      this.#sync();
    }
    response.status(200).set({
      "Content-Type": "application/x-ndjson; charset=utf-8", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no",
    });
    response.socket?.setKeepAlive(true, 30000);
    response.socket?.setNoDelay(true);
    response.on("close", () => this.#left(response));
    this.#flush();
    response.write([this.#bridges(), ...[...this.#feeds.values()].flatMap((each) => each.known)].map(line).join(""));
    this.#viewers.add(response);
    return true;
  }

  /** @param {string} id  of a bridge that has just been changed: not all that changes is told by itself */
  refresh(id) {
    this.#feeds.get(id)?.refresh();
  }

  /**
   * @param {string} id  of a bridge
   * @param {boolean} isOn  whether its emulated world is to move by itself, as long as somebody looks
   * @returns {Promise<boolean>} false when nobody does
   */
  async move(id, isOn) {
    const feed = this.#feeds.get(id);
    await feed?.move(isOn);
    return feed !== undefined;
  }

  /** @param {Response} response */
  #left(response) {
    if (this.#viewers.delete(response) && this.#viewers.size === 0) {
      this.RED.events.removeListener("flows:started", this.sync);
      for (const feed of this.#feeds.values()) {
        feed.end();
      }
      this.#feeds.clear();
      this.#names.clear();
      this.#pending = [];
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  #bridges() {
    return { type: "bridges", bridges: Array.from(this.#names, ([id, name]) => ({ id, name })) };
  }

  /** A deploy is over: bridges may have come, gone, or be others under their old name. */
  #sync() {
    /** @type {Map<string, string>} */
    const names = new Map();
    this.RED.nodes.eachNode((/** @type {any} */ node) => {
      if (node.type === "wisblock-bridge" && connectionOf(this.RED, node.id) !== undefined) {
        names.set(node.id, String(node.name || ""));
      }
    });
    const before = JSON.stringify([...this.#names]);
    this.#names = names;
    if (JSON.stringify([...names]) !== before) {
      this.#tell(this.#bridges());
    }
    for (const [id, feed] of this.#feeds) {
      if (!names.has(id) || connectionOf(this.RED, id) !== feed.connection) {
        feed.end();
        this.#feeds.delete(id);
      }
    }
    for (const id of names.keys()) {
      const connection = connectionOf(this.RED, id);
      if (!this.#feeds.has(id) && connection !== undefined) {
        this.#feeds.set(id, new BridgeFeed(id, connection, (message) => this.#tell(message)));
      }
    }
  }

  /** @param {object} message */
  #tell(message) {
    if (this.#viewers.size === 0) {
      return; // the first one is told everything when it is there
    }
    this.#pending.push(line(message));
    if (this.#timer === undefined) {
      this.#flush();
    }
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.length === 0) {
      return;
    }
    const text = this.#pending.join("");
    this.#pending = [];
    for (const viewer of this.#viewers) {
      if (viewer.writableLength > MOST_UNREAD_BYTES) {
        viewer.destroy();
      } else {
        viewer.write(text);
      }
    }
    this.#timer = setTimeout(() => this.#flush(), FLUSH_MS);
  }
}

module.exports = { SidebarHub };
