"use strict";
/*
 * A moment at which something is due, unless it is put off before.
 *
 * 1. Putting it off or calling it off moves no timer: that costs more than the rest of what a message costs there. The timer that runs
 *    already looks again when it goes off.
 * 2. Timers end with dispose().
 */

/** @typedef {{setTimeout: typeof setTimeout, clearTimeout: typeof clearTimeout, now: () => number}} Timers  `now`: ms */

/** @type {Timers} */
const realTimers = { setTimeout, clearTimeout, now: () => performance.now() };

class Deadline {
  #onDue;
  #timers;
  #dueAt = Infinity;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #timerAt = Infinity;
  #disposed = false;

  /**
   * @param {() => void} onDue
   * @param {Timers} [timers]  replaced by tests
   */
  constructor(onDue, timers = realTimers) {
    this.#onDue = onDue;
    this.#timers = timers;
  }

  /** @param {number} afterMs  from now on; replaces what was set before */
  set(afterMs) {
    if (!this.#disposed) {
      this.#dueAt = this.#timers.now() + afterMs;
      this.#arm(afterMs);
    }
  }

  /** It is not due any more. */
  cancel() {
    this.#dueAt = Infinity;
  }

  /** Ends the timer, too; nothing is due ever after. */
  dispose() {
    this.#disposed = true;
    this.#dueAt = Infinity;
    this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** @param {number} afterMs */
  #arm(afterMs) {
    if (this.#timer !== undefined) {
      if (this.#timerAt <= this.#dueAt) {
        return;
      }
      this.#timers.clearTimeout(this.#timer);
    }
    this.#timerAt = this.#dueAt;
    this.#timer = this.#timers.setTimeout(() => this.#look(), Math.ceil(afterMs));
  }

  #look() {
    this.#timer = undefined;
    if (this.#dueAt === Infinity) {
      return;
    }
    const leftMs = this.#dueAt - this.#timers.now();
    if (leftMs > 0) {
      this.#arm(leftMs);
    } else {
      this.#dueAt = Infinity;
      this.#onDue();
    }
  }
}

module.exports = { Deadline, realTimers };
