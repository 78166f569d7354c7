"use strict";
/*
 * The emulated world moves by itself: what modules measure goes up and down, cards come and go, packets arrive.
 *
 * 1. It lives as long as a sidebar is open and wants it. Then everything is put back to what it was.
 * 2. Never a fault: only what a module measures moves, and not to where every value is one.
 * 3. Nothing is known of modules but what `emulator.list` and the catalogue say.
 */

const PERIOD_MS = 20000;
const STEP_MS = 200;
const LOOK_EVERY_STEPS = 10;
const ANSWER_WITHIN_MS = 2000;
const MOST_MOVING = 32;
const [LOWEST, HIGHEST] = [0.2, 0.9];

/**
 * @typedef {{quantity: string, control: string, writable: boolean, low: number, high: number, tolerance: number, choices?: unknown[], value?: unknown}} Entry
 * @typedef {{slot: number | string, module: string, entry: Entry, before: unknown, phase: number, last: unknown}} Mover
 */

/** @param {Entry[]} entries @param {Set<string>} measured  names of the module's readings @returns {Entry[]} those that move */
function moving(entries, measured) {
  const hasCards = entries.some((each) => each.control === "cards");
  return entries.filter(({ control, writable, tolerance, high, quantity }) => writable === true && (
    (control === "slider" && tolerance > 0)
    || (control === "switch" && !hasCards && measured.has(quantity))
    || control === "cards"
    || (control === "packets" && high > 0)
  ));
}

/**
 * @param {Mover} mover
 * @param {number} share  how many periods have passed
 * @returns {unknown} the value at that time
 */
function valueAt({ entry, phase }, share) {
  const turn = (share + phase) % 1;
  switch (entry.control) {
    case "switch":
      return turn < 0.5;
    case "cards": {
      const cards = (entry.choices ?? []).filter((each) => each !== "");
      const place = turn * cards.length;
      return place % 1 < 0.5 ? cards[Math.floor(place)] ?? "" : "";
    }
    case "packets":
      return Buffer.from(`hello ${Math.floor(share * 4) + 1}`);
    default: {
      const wave = (1 - Math.cos(2 * Math.PI * turn)) / 2;
      return entry.low + (entry.high - entry.low) * (LOWEST + (HIGHEST - LOWEST) * wave);
    }
  }
}

class Demo {
  /** @type {Map<string, Mover>} */
  #movers = new Map();
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #steps = 0;
  #isBusy = false;

  /**
   * @param {import("../bridge-connection").BridgeConnection} connection
   * @param {(module: string) => Set<string>} measuredBy  names of the readings of a module
   */
  constructor(connection, measuredBy) {
    this.connection = connection;
    this.measuredBy = measuredBy;
  }

  /** @returns {boolean} */
  get isOn() {
    return this.#timer !== undefined;
  }

  start() {
    this.#timer ??= setInterval(() => this.#step(), STEP_MS);
    this.#timer.unref();
  }

  /** Ends, and puts everything back. */
  async stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#steps = 0;
    const movers = [...this.#movers.values()];
    this.#movers.clear();
    for (const { slot, entry, before, last } of movers) {
      if (entry.control !== "packets" && last !== undefined && before !== undefined) {
        await this.#set(slot, entry.quantity, before);
      }
    }
  }

  /** @param {number | string} slot @param {string} quantity @param {unknown} value @returns {Promise<boolean>} */
  async #set(slot, quantity, value) {
    return this.connection.ask("emulator.set", { slot, quantity, value }, ANSWER_WITHIN_MS).then(() => true, () => false);
  }

  async #step() {
    if (this.#isBusy || this.connection.state !== "online") {
      return;
    }
    this.#isBusy = true;
    try {
      if (this.#steps % LOOK_EVERY_STEPS === 0) {
        await this.#look();
      }
      this.#steps += 1;
      for (const [key, mover] of this.#movers) {
        const value = valueAt(mover, (this.#steps * STEP_MS) / PERIOD_MS);
        if (!this.isOn) {
          return;
        }
        if (String(value) !== String(mover.last)) {
          mover.last = value;
          if (!await this.#set(mover.slot, mover.entry.quantity, value)) {
            this.#movers.delete(key); // something else is plugged in
          }
        }
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** What is plugged in now. */
  async #look() {
    const status = await this.connection.ask("status", {}, ANSWER_WITHIN_MS).catch(() => ({}));
    const plugged = Array.isArray(status?.plugged) ? status.plugged.filter((/** @type {any} */ each) => typeof each?.module === "string") : [];
    /** @type {Map<string, Mover>} */
    const found = new Map();
    for (const { slot, module } of plugged) {
      const entries = await this.connection.ask("emulator.list", { slot }, ANSWER_WITHIN_MS).catch(() => []);
      for (const entry of moving(Array.isArray(entries) ? entries : [], this.measuredBy(module))) {
        const key = JSON.stringify([slot, module, entry.quantity]);
        if (found.size < MOST_MOVING) {
          found.set(key, this.#movers.get(key) ?? { slot, module, entry, before: entry.value, phase: found.size * 0.17, last: undefined });
        }
      }
    }
    if (this.isOn) {
      this.#movers = found;
    }
  }
}

module.exports = { Demo, moving, valueAt };
