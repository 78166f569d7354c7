"use strict";
/*
 * A Node-RED as its editor sees it, without the editor: deploys by HTTP, debug messages and statuses by the websocket.
 *
 * 1. What arrives is kept by the id of the node that it is about, in the order of arrival.
 * 2. Nothing here knows what a flow is for.
 * 3. Waiting is for conditions; the limits are for machines that have other things to do.
 */

const fs = require("node:fs");
const http = require("node:http");
const { createRequire } = require("node:module");
const path = require("node:path");
const { nodeRedDirectory } = require("./editor");

const LONGEST_MS = 60000;
const MARKER = { tab: "e0d0000000000001", inject: "e0d0000000000002", debug: "e0d0000000000003" };

/** What Node-RED remarks about the settings of these tests, and what serve-node-red.js tells. */
const START_UP = /^(\{"port".*\}|.* - \[warn\] (Projects disabled : .*|Using unencrypted credentials))\n/gm;

/**
 * A tab whose debug node answers its inject node: what was sent before it has arrived when the answer is here.
 *
 * @param {number} number  what it answers; another one for each deploy, so that each deploy makes it anew
 */
const markerFlow = (number) => [
  { id: MARKER.tab, type: "tab", label: "marker" },
  { id: MARKER.inject, type: "inject", z: MARKER.tab, x: 100, y: 40, name: "", props: [{ p: "payload" }], payload: String(number), payloadType: "num", repeat: "", crontab: "", once: false, onceDelay: 0.1, wires: [[MARKER.debug]] },
  { id: MARKER.debug, type: "debug", z: MARKER.tab, x: 300, y: 40, name: "marker", active: true, tosidebar: true, console: false, tostatus: false, complete: "payload", targetType: "msg", wires: [] },
];

/**
 * Waits until a condition holds.
 *
 * @template T
 * @param {() => T | Promise<T>} condition  asked again and again until it gives something truthy
 * @param {string | (() => string)} what    for the message when it never does
 * @param {number} [longestMs]
 * @returns {Promise<T>} what it gave
 */
async function eventually(condition, what, longestMs = LONGEST_MS) {
  for (const deadline = Date.now() + longestMs; ;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > deadline) {
      throw new Error(`never happened within ${longestMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** @param {string} text  as Node-RED sends a debug message */
function decoded(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** One Node-RED under test. */
class Admin {
  /** @type {Map<string, any[]>} what debug nodes said: id to values */
  said = new Map();
  /** @type {Map<string, {fill?: string, shape?: string, text?: string}>} the present status of each node */
  statuses = new Map();
  /** @type {object[]} warnings and errors of nodes, as the debug sidebar shows them */
  complaints = [];
  #logRead = 0;
  #deploys = 0;
  #questions = 0;

  /** @param {import("./editor").NodeRed} nodeRed  started */
  constructor(nodeRed) {
    this.nodeRed = nodeRed;
  }

  /** Opens the websocket, and waits until it is heard. */
  async open() {
    const fromEditorApi = createRequire(createRequire(path.join(nodeRedDirectory(), "package.json")).resolve("@node-red/editor-api"));
    const WebSocket = fromEditorApi("ws");
    this.socket = new WebSocket(`${this.nodeRed.url.replace(/^http/, "ws")}comms`);
    this.socket.on("message", (data) => {
      for (const { topic, data: told } of [JSON.parse(data)].flat()) {
        this.#hear(topic, told);
      }
    });
    this.socket.on("error", () => undefined); // the other end may be killed
    await new Promise((resolve, reject) => {
      this.socket.once("open", resolve);
      this.socket.once("error", reject);
    });
    for (const topic of ["debug", "status/#"]) {
      this.socket.send(JSON.stringify({ subscribe: topic }));
    }
    return this;
  }

  close() {
    this.socket?.terminate();
  }

  #hear(topic, told) {
    if (topic === "debug") {
      if (told.level !== undefined) {
        this.complaints.push(told);
        return;
      }
      this.said.set(told.id, [...this.heard(told.id), decoded(told.msg)]);
    } else if (topic?.startsWith("status/")) {
      this.statuses.set(topic.slice("status/".length), told);
    }
  }

  /** @param {string} id  of a debug node @returns {any[]} what it has said so far */
  heard(id) {
    return this.said.get(id) ?? [];
  }

  /** @param {string} id  of a debug node @param {(value: any) => boolean} [wanted] @returns {Promise<any>} the first such value said from now on */
  async next(id, wanted = () => true) {
    const before = this.heard(id).length;
    const said = () => this.heard(id).slice(before).filter(wanted);
    await eventually(() => said().length > 0, () => `${id} says something; so far ${JSON.stringify(this.heard(id).slice(-3))}\n${this.nodeRed.output}`);
    return said()[0];
  }

  /** @param {string} id @param {RegExp} wanted  what its status shall be, written as "red disconnected" */
  async status(id, wanted, longestMs) {
    const line = () => `${this.statuses.get(id)?.fill} ${this.statuses.get(id)?.text}`;
    await eventually(() => wanted.test(line()), () => `the status of ${id} is ${wanted}; it is ${line()}\n${this.nodeRed.output}`, longestMs);
  }

  /** @returns {string} what Node-RED has written to its log since the last time, without its notes when it starts */
  freshLog() {
    const log = this.nodeRed.output.slice(this.#logRead);
    this.#logRead = this.nodeRed.output.length;
    return log.replace(START_UP, "");
  }

  /**
   * Asks the admin API, on a connection of its own.
   *
   * @param {string} method
   * @param {string} address  such as "flows"
   * @param {{body?: unknown, headers?: Record<string, string>}} [more]
   * @returns {Promise<any>} what came back, decoded
   */
  ask(method, address, { body, headers = {} } = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request(new URL(address, this.nodeRed.url), {
        method, agent: false, headers: { Accept: "application/json", "Content-Type": "application/json", ...headers },
      }, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("end", () => {
          const text = Buffer.concat(parts).toString();
          if (response.statusCode >= 300) {
            reject(new Error(`${method} ${address}: ${response.statusCode} ${text}`));
            return;
          }
          resolve(decoded(text));
        });
      });
      request.on("error", reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /**
   * Deploys, and waits until the new flows run: Node-RED answers as soon as it has stored them.
   *
   * @param {object[]} nodes  all there shall be
   * @param {"full" | "flows" | "nodes"} [type]  what is started anew
   */
  async deploy(nodes, type = "full") {
    this.#deploys += 1;
    // the last tab is started last
    await this.ask("POST", "flows", { body: [...nodes, ...markerFlow(this.#deploys)], headers: { "Node-RED-Deployment-Type": type } });
    await eventually(async () => {
      // until it is made anew it is the old one, or none, that is asked
      await this.inject(MARKER.inject).catch(() => undefined);
      return this.heard(MARKER.debug).includes(this.#deploys);
    }, () => `the flows run; log: ${this.nodeRed.output}`);
  }

  /** @param {string} id  of an inject node, as its button does @param {string} [payload]  instead of its own */
  async inject(id, payload) {
    const props = payload === undefined ? {} : { __user_inject_props__: [{ p: "payload", v: payload, vt: "str" }] };
    await this.ask("POST", `inject/${id}`, { body: props });
  }

  /** Waits until all that was said before has been heard. */
  async catchUp() {
    this.#questions += 1;
    const question = `all heard? (${this.#questions})`;
    const answered = this.next(MARKER.debug, (answer) => answer === question);
    await this.inject(MARKER.inject, question);
    await answered;
  }

  /** @param {"socket:" | ""} [kind] @returns {number} how many files Node-RED has open */
  openFiles(kind = "") {
    const folder = `/proc/${this.nodeRed.child.pid}/fd`;
    return fs.readdirSync(folder).filter((each) => {
      try {
        return fs.readlinkSync(path.join(folder, each)).startsWith(kind);
      } catch {
        return false; // closed meanwhile
      }
    }).length;
  }
}

module.exports = { Admin, eventually };
