"use strict";

/**
 * The clock of the bridge, as a client knows it from the replies to `hello` and `ping`.
 *
 * A request says until when it may start in the bridge's own clock. However long it lies in a queue on the way, because
 * either side was stopped, it is then not started late.
 */

/** A reply that was under way for long makes the bridge's clock seem late; the best of so many counts. */
const LOOKS = 8;

class BridgeClock {
  /** @type {number[]} */
  #offsetsMs = [];
  /** The best of them; every request asks for it. */
  #bestMs = -Infinity;

  /** @param {any} result  a result that came just now; one without `clock_ms` says nothing */
  note(result) {
    const readMs = result?.clock_ms;
    if (Number.isFinite(readMs)) {
      this.#offsetsMs.push(readMs - performance.now());
      if (this.#offsetsMs.length > LOOKS) {
        this.#offsetsMs.shift();
      }
      this.#bestMs = Math.max(...this.#offsetsMs);
    }
  }

  /** The next bridge has another clock. */
  forget() {
    this.#offsetsMs = [];
    this.#bestMs = -Infinity;
  }

  /**
   * @param {number} waitMs  from now on
   * @returns {number | undefined} a deadline in the bridge's clock, never later than meant; undefined while it is not known
   */
  deadlineMs(waitMs) {
    return this.#bestMs === -Infinity ? undefined : this.#bestMs + performance.now() + waitMs;
  }
}

module.exports = { BridgeClock };
