"use strict";
/*
 * The line under a node: one state in, one status out, and green only while there is reason for it.
 *
 * 1. Everything that the status depends on is set here; nobody else calls node.status().
 * 2. Wordy texts are message ids, translated by the editor; numbers are texts.
 * 3. Timers end with dispose().
 */

const { Deadline, realTimers } = require("./deadline");

/** Catalogue of the words, shared by all nodes of the package. */
const CATALOGUE = "@wisblock-bridge/node-red-wisblock/bridge:";
const WORDS = `${CATALOGUE}status`;

/** A request may take this long before the node says that it is busy. */
const BUSY_AFTER_MS = 300;

/** No status is longer: beside a node there is no more room (Node-RED's own guide says: under 20). */
const MAX_TEXT = 30;

/** A value keeps this many characters, whatever there is to say about it. */
const SHORTEST_VALUE = 10;

/** Codes with a short text of their own in the catalogue of words. */
const KNOWN_CODES = new Set([
  "bad_request", "bad_params", "unknown_method", "unknown_module", "unknown_operation", "unsupported_version", "expired", "busy",
  "slot_conflict", "in_use", "forbidden", "no_device", "bus_error", "timeout", "checksum", "wrong_chip", "not_ready",
  "out_of_range", "remote_exception", "no_bus", "no_permission", "internal", "closing", "offline", "timeout_reply",
]);

/**
 * @typedef {object} Words  of the readings of a module
 * @property {(reading: string) => string} reading  the name of one
 * @property {(key: "on" | "off" | "yes" | "no") => string} text
 * @property {(written: string) => string} number  as the language writes it
 */

/** @type {Words} */
const ENGLISH = { reading: plain, text: (key) => key, number: (written) => written };

/** @param {string} name  of the wire @returns {string} as people write it */
function plain(name) {
  return name.includes("_") ? name.replaceAll("_", " ") : name;
}

/**
 * Shortens a text between two of its readings, and within a word only where that must be.
 *
 * @param {string} text
 * @param {number} length
 * @returns {string}
 */
function shorten(text, length) {
  if (text.length <= length) {
    return text;
  }
  const parts = text.replace(/ …$/, "").split(", ");
  while (parts.length > 1) {
    parts.pop();
    const rest = `${parts.join(", ")} …`;
    if (rest.length <= length) {
      return rest;
    }
  }
  return `${text.slice(0, Math.max(0, length - 1))}…`;
}

/**
 * Puts a value and the notes about it into one line. The value goes before a note that says nothing new with each value.
 *
 * @param {string} text
 * @param {string[]} notes
 * @returns {string}
 */
function statusText(text, notes) {
  const behind = notes.join(", ");
  const room = MAX_TEXT - behind.length - (behind === "" ? 0 : 1);
  if (text === "") {
    return shorten(behind, MAX_TEXT);
  }
  if (notes.length > 1 && room < SHORTEST_VALUE && text.length > room) {
    return statusText(text, notes.slice(1));
  }
  return [shorten(text, Math.max(room, SHORTEST_VALUE)), behind].filter((each) => each !== "").join(" ");
}

/**
 * Writes readings the way people read them.
 *
 * @param {import("./catalogue").Catalogue} catalogue
 * @param {import("./catalogue").Operation} operation  an operation or an event
 * @param {Record<string, unknown>} values  reading name to value
 * @param {Words} [words]
 * @returns {string} for example "12.00 mA", "level 1", "on"
 */
function readingsText(catalogue, operation, values, words = ENGLISH) {
  const names = operation.main !== "" && operation.main in values ? [operation.main] : Object.keys(values);
  const parts = names.map((key) => {
    const reading = operation.readings.find((each) => each.name === key);
    const { symbol, decimals } = catalogue.unit(reading?.unit ?? "none");
    const value = values[key];
    const name = words.reading(key);
    if (typeof value === "boolean") {
      return key === "on" ? words.text(value ? "on" : "off") : `${name} ${words.text(value ? "yes" : "no")}`;
    }
    if (typeof value === "number") {
      const number = words.number(reading?.kind === "int" || (reading?.unit ?? "none") === "none" ? String(value) : value.toFixed(decimals));
      return symbol === "" ? `${name} ${number}` : `${number} ${symbol}`;
    }
    if (value instanceof Uint8Array) {
      return `${name} ${value.length} B`;
    }
    return Array.isArray(value) ? `${name} [${value.length}]` : `${name} ${String(value)}`;
  });
  return shorten(parts.join(", "), MAX_TEXT);
}

/**
 * @typedef {(id: string, values?: Record<string, string>) => string} Translate
 * @type {WeakMap<object, Translate>}
 */
const translators = new WeakMap();

/**
 * Translates words of a status, each once: a translation takes longer than the rest of what a message costs in a node. Where values are
 * put into the text, it is translated anew.
 *
 * @param {{_: Translate}} RED
 * @returns {Translate}
 */
function translator(RED) {
  let found = translators.get(RED);
  if (found === undefined) {
    const known = new Map();
    found = (id, values) => {
      if (values !== undefined) {
        return RED._(id, values);
      }
      let text = known.get(id);
      if (text === undefined) {
        text = RED._(id);
        if (text !== id) { // else the words are not there yet
          known.set(id, text);
        }
      }
      return text;
    };
    translators.set(RED, found);
  }
  return found;
}

/** @type {Map<string, string>} what stands before the decimals, by language */
const separators = new Map();

/**
 * Writes a number as the language does.
 *
 * @param {Translate} translate
 * @param {string} written  with a point
 * @returns {string}
 */
function localNumber(translate, written) {
  const language = translate(`${CATALOGUE}language`);
  let separator = separators.get(language);
  if (separator === undefined) {
    try {
      separator = new Intl.NumberFormat(language).format(1.5).charAt(1);
    } catch {
      separator = "."; // the words are not there yet
    }
    separators.set(language, separator);
  }
  return written.replace(".", separator);
}

/**
 * Returns the words of a module, in Node-RED's language.
 *
 * @param {Translate} translate
 * @param {string} slug
 * @returns {Words & {operation: (name: string) => string}}
 */
function moduleWords(translate, slug) {
  const known = (/** @type {string} */ id, /** @type {string} */ otherwise) => {
    const found = translate(id);
    return typeof found !== "string" || found === "" || id.endsWith(found) ? otherwise : found;
  };
  const own = `@wisblock-bridge/node-red-wisblock/${slug}:`;
  return {
    reading: (name) => known(`${own}readings.${name}`, plain(name)),
    text: (key) => known(`${WORDS}.${key}`, key),
    number: (written) => localNumber(translate, written),
    operation: (name) => {
      const found = known(`${own}${slug}.${name}.name`, plain(name));
      return found.toLowerCase() === plain(name).toLowerCase() ? plain(name) : found; // in English it has no capital there
    },
  };
}

/**
 * @typedef {{fill: import("node-red").NodeStatusFill, shape: import("node-red").NodeStatusShape, text: string}} StatusLine
 * @typedef {"missing" | "connecting" | "online" | "offline"} BridgeState
 */

/** The status of one node. */
class NodeStatus {
  /** @type {BridgeState} */
  #bridge = "connecting";
  #emulated = false;
  /** @type {string} */
  #versionMismatch = "";
  #keyProblem = "";
  /** @type {{text: string, quality: string, emulated: boolean} | null} */
  #value = null;
  #errorCode = "";
  #stale = false;
  /** @type {{reached: string, asked: string, unit: string} | null} */
  #late = null;
  #inFlight = 0;
  #busyText = "";
  /** What takes long, by name. */
  #asked = "";
  #busy;
  #staleness;
  #shown = "";
  #disposed = false;

  /**
   * @param {object} options
   * @param {(line: StatusLine) => void} options.show       node.status
   * @param {Translate} options.translate  RED._
   * @param {import("./deadline").Timers} [options.timers]  replaced by tests
   */
  constructor({ show, translate, timers = realTimers }) {
    this.show = show;
    this.translate = translate;
    this.#busy = new Deadline(() => {
      this.#busyText = shorten(plain(this.#asked), MAX_TEXT);
      this.#update();
    }, timers);
    this.#staleness = new Deadline(() => {
      this.#stale = true;
      this.#update();
    }, timers);
  }

  /**
   * Shows the state of the connection to the bridge.
   *
   * @param {BridgeState} state
   * @param {{emulated?: boolean, versionMismatch?: string, keyProblem?: string}} [info]  `versionMismatch`: "", "newer", "older" or "other", the bridge
   *   against these nodes; `keyProblem`: "", or what is wrong with the keys
   */
  bridge(state, { emulated = false, versionMismatch = "", keyProblem = "" } = {}) {
    if (state !== "online") {
      this.#value = null;
      this.#errorCode = "";
      this.#clearStale();
    }
    this.#bridge = state;
    this.#emulated = emulated;
    this.#versionMismatch = versionMismatch;
    this.#keyProblem = keyProblem;
    this.#update();
  }

  /** @param {string} operation  what was asked for, as people say it */
  asked(operation) {
    this.#inFlight += 1;
    if (this.#inFlight === 1) {
      this.#asked = operation;
      this.#busy.set(BUSY_AFTER_MS);
    }
  }

  /** Notes that a request has ended, well or not; value() or failed() says how. */
  answered() {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) {
      this.#busy.cancel();
      if (this.#busyText !== "") {
        this.#busyText = "";
        this.#update();
      }
    }
  }

  /**
   * Shows a value.
   *
   * @param {string} text
   * @param {{quality?: string, emulated?: boolean}} [result]
   * @param {number} [staleAfterMs]  without another value for so long it is no longer green; 0 for never
   * @param {{reached: string, asked: string, unit: string} | null} [late]  the rates of a reading that does not keep its pace
   */
  value(text, { quality = "good", emulated = false } = {}, staleAfterMs = 0, late = null) {
    const before = this.#value;
    const isSame = before !== null && before.text === text && before.quality === quality && before.emulated === emulated
      && this.#late === null && late === null && this.#errorCode === "" && !this.#stale;
    this.#value = { text, quality, emulated };
    this.#late = late;
    this.#errorCode = "";
    this.#clearStale();
    if (staleAfterMs > 0) {
      this.#staleness.set(staleAfterMs);
    }
    if (!isSame) {
      this.#update();
    }
  }

  /**
   * Shows that something went wrong.
   *
   * @param {string} code  an error code of the protocol
   */
  failed(code) {
    this.#errorCode = code;
    this.#clearStale();
    this.#update();
  }

  /** Ends all timers; nothing is shown any more. */
  dispose() {
    this.#disposed = true;
    this.#busy.dispose();
    this.#staleness.dispose();
  }

  #clearStale() {
    this.#staleness.cancel();
    this.#stale = false;
  }

  /** @returns {StatusLine} */
  #line() {
    if (this.#bridge === "missing") {
      return { fill: "red", shape: "ring", text: `${WORDS}.no_bridge` };
    }
    if (this.#bridge === "connecting") {
      return { fill: "yellow", shape: "ring", text: "node-red:common.status.connecting" };
    }
    if (this.#bridge === "offline") {
      return { fill: "red", shape: "ring", text: this.#keyProblem === "" ? "node-red:common.status.disconnected" : `${WORDS}.keys.${this.#keyProblem}` };
    }
    if (this.#busyText !== "") {
      return { fill: "blue", shape: "dot", text: this.#busyText };
    }
    if (this.#errorCode !== "") {
      const text = KNOWN_CODES.has(this.#errorCode) ? `${WORDS}.error.${this.#errorCode}` : this.#errorCode.slice(0, MAX_TEXT);
      return { fill: "red", shape: "dot", text };
    }
    const versionMismatch = this.#versionMismatch === "" ? "" : this.translate(`${WORDS}.version_mismatch.${this.#versionMismatch}`);
    if (this.#value !== null) {
      if (this.#late !== null && !this.#stale) {
        const { unit, ...written } = this.#late;
        const rates = Object.fromEntries(Object.entries(written).map(([name, each]) => [name, localNumber(this.translate, each)]));
        return { fill: "yellow", shape: "dot", text: this.translate(`${WORDS}.late.${unit}`, rates) };
      }
      const { text, quality, emulated } = this.#value;
      const notes = [
        emulated ? this.translate(`${WORDS}.emulated`) : "",
        this.#stale ? this.translate(`${WORDS}.stale`) : "",
        quality === "good" ? "" : this.translate(`${WORDS}.uncertain`),
        versionMismatch,
      ].filter((each) => each !== "");
      const whole = statusText(text, notes);
      if (this.#stale) {
        return { fill: "yellow", shape: "ring", text: whole };
      }
      return { fill: quality === "good" && versionMismatch === "" ? "green" : "yellow", shape: "dot", text: whole };
    }
    if (versionMismatch !== "") {
      return { fill: "yellow", shape: "dot", text: versionMismatch };
    }
    if (this.#emulated) {
      return { fill: "grey", shape: "dot", text: `${WORDS}.emulated` };
    }
    return { fill: "green", shape: "dot", text: "node-red:common.status.connected" };
  }

  #update() {
    if (this.#disposed) {
      return;
    }
    const line = this.#line();
    const shown = `${line.fill} ${line.shape} ${line.text}`;
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.show(line);
    }
  }
}

module.exports = { BUSY_AFTER_MS, KNOWN_CODES, MAX_TEXT, NodeStatus, WORDS, moduleWords, plain, readingsText, statusText, translator };
