"use strict";
/*
 * Whether a reading that repeats keeps the pace that was asked for, and which one it reaches.
 *
 * 1. The bridge counts the beats that it missed (`late`); here they become a rate that people can compare.
 * 2. What happened longer ago than the window does not count any more.
 */

/** How far back it looks: so long, but so many beats at least. */
const WINDOW_MS = 5000;
const WINDOW_BEATS = 10;

/** In which unit people read a rate: the first whose period is not shorter than the interval. */
const UNITS = [{ unit: "s", ms: 1000 }, { unit: "min", ms: 60_000 }, { unit: "h", ms: 3_600_000 }];

/** @param {number} rate @returns {string} */
function written(rate) {
  return String(Number(rate.toPrecision(rate < 0.01 ? 1 : 3)));
}

/** The pace of one subscription. */
class Pace {
  /** @type {{at: number, late: number}[]} */
  #missed = [];

  /**
   * @param {number} everyMs            the interval that was asked for
   * @param {() => number} [now]        replaced by tests, ms
   */
  constructor(everyMs, now = () => performance.now()) {
    this.everyMs = everyMs;
    this.now = now;
    this.windowMs = Math.max(WINDOW_MS, WINDOW_BEATS * everyMs);
    this.began = now();
  }

  /**
   * Takes note of an event.
   *
   * @param {number | undefined} late  beats that were missed before it
   * @returns {{reached: string, asked: string, unit: string} | null} the rates; null when nothing was missed of late
   */
  note(late) {
    const now = this.now();
    if (late !== undefined && late > 0) {
      this.#missed.push({ at: now, late });
    }
    if (this.#missed.length === 0) {
      return null;
    }
    this.#missed = this.#missed.filter((each) => now - each.at < this.windowMs);
    if (this.#missed.length === 0) {
      return null;
    }
    const missed = this.#missed.reduce((sum, each) => sum + each.late, 0);
    const passedMs = Math.max(Math.min(now - this.began, this.windowMs), (missed + 1) * this.everyMs);
    const share = Math.max(0, 1 - (missed * this.everyMs) / passedMs);
    const { unit, ms } = UNITS.find((each) => this.everyMs <= each.ms) ?? UNITS[UNITS.length - 1];
    const asked = ms / this.everyMs;
    return { reached: written(asked * share), asked: written(asked), unit };
  }
}

module.exports = { Pace };
