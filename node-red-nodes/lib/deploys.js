"use strict";
/*
 * When a deploy is over: the moment from which the nodes that run are those that shall run.
 *
 * 1. Between the stop and the start of a deploy nothing is concluded from a node that is missing.
 * 2. Flows that stop for good (stopped by hand, missing types or modules, safe mode) are settled as well: nobody runs then.
 */

/** Follows the deploys of one Node-RED. */
class Deploys {
  #under = false;
  /** @type {unknown} what Node-RED compares with; a new object for each deploy */
  #starting = undefined;
  #isStarting = false;
  #onSettled;
  #watched = new WeakSet();

  /** @param {() => void} onSettled  called whenever a deploy, a start or a stop has ended */
  constructor(onSettled) {
    this.#onSettled = onSettled;
  }

  /** @returns {boolean} whether nodes are being stopped or started now */
  get under() {
    return this.#under;
  }

  /** @param {import("node:events").EventEmitter} events  RED.events; a second time changes nothing */
  watch(events) {
    if (this.#watched.has(events)) {
      return;
    }
    this.#watched.add(events);
    events.on("flows:stopping", () => {
      this.#under = true;
      this.#isStarting = false;
    });
    events.on("flows:starting", (event) => {
      this.#under = true;
      this.#isStarting = true;
      this.#starting = event?.diff;
    });
    events.on("flows:started", (event) => {
      // A slow start may end after the next deploy has begun to stop what it started, or even to start again.
      if (this.#isStarting && event?.diff === this.#starting) {
        this.#settled();
      }
    });
    events.on("runtime-event", (event) => {
      const payload = event?.id === "runtime-state" ? event.payload : undefined;
      // Every deploy reports that it has stopped the flows, with this flag; what has no flag, or a reason, stays stopped.
      if ((payload?.state === "stop" || payload?.state === "safe") && (payload.error || !payload.deploy)) {
        this.#settled();
      }
    });
  }

  #settled() {
    this.#under = false;
    this.#isStarting = false;
    this.#onSettled();
  }
}

module.exports = { Deploys };
