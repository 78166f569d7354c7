"use strict";
/*
 * Which running node drives which output of the bridge, in one session: an output belongs to the node that drove it.
 *
 * 1. The running nodes are asked, never the flow file: only they know what ${VARIABLE} stands for.
 * 2. Nothing is concluded before a deploy is over, nor sent while the bridge is away.
 * 3. What no running node drives any more becomes safe, unless its node said hold; what none uses any more is released.
 */

const { ALL_OUTPUTS, unitsOf } = require("./outputs");

/** A release that the bridge could not take is sent again after so long; a module used in passing is let go after so long. */
const AGAIN_MS = 1000;

/** Codes of a request that was certainly not carried out. */
const NOT_CARRIED_OUT = new Set([
  "bad_request", "bad_params", "unknown_method", "unknown_module", "unknown_operation", "unsupported_version", "expired", "busy",
  "slot_conflict", "in_use", "forbidden", "no_bus", "no_permission", "closing",
]);

/** Codes after which asking again may help. */
const PASSING = new Set(["offline", "timeout_reply", "busy", "expired", "closing", "aborted"]);

/**
 * @typedef {"safe" | "hold"} OnLoss
 * @typedef {{module: string, slot: number | string, description?: import("./catalogue").Module}} Place  `description`: as far as known
 * @typedef {object} Claim
 * @property {OnLoss} onLoss  what its node says now
 * @property {OnLoss} sentAs  what was sent to the bridge
 * @property {Claim} [before]  what holds when this request is refused; as long as it may be
 * @property {boolean} [isRefused]
 *
 * @typedef {Claim & {leftBy: string}} Left  `leftBy`: the id of the node
 *
 * @typedef {object} Wanted  what a running node is set to
 * @property {string} id         of the node: its successor has the same
 * @property {string} signature  equal for a successor that drives the same for the same messages
 * @property {Place} [place]     what it is there for, when its settings say so
 * @property {string} [output]   what it drives whatever the messages say; "" for none
 * @property {OnLoss} [onLoss]   what becomes of all it drives; undefined: as each request said
 *
 * @typedef {object} Host
 * @property {() => boolean} ready  whether the bridge is there and no deploy is under way
 * @property {(params: object) => Promise<unknown>} release
 * @property {(text: string) => void} warn
 */

/** @type {WeakMap<Place, string>} a node asks for the same place with every message */
const keys = new WeakMap();

/** @param {Place} place */
function keyOf(place) {
  let key = keys.get(place);
  if (key === undefined) {
    key = JSON.stringify([place.module, place.slot]);
    keys.set(place, key);
  }
  return key;
}

/** What belongs to one running node. */
class Owner {
  /** @type {Map<string, {place: Place, outputs: Map<string, Claim>}>} */
  driven = new Map();
  /** @type {Map<string, number>} places in use, with how many requests are under way; Infinity for as long as it runs */
  used = new Map();

  #owners;
  /** @type {Set<Claim>} whose requests are under way */
  #pending = new Set();

  /** @param {OutputOwners} owners @param {Wanted} wanted */
  constructor(owners, wanted) {
    this.#owners = owners;
    this.wanted = wanted;
  }

  /**
   * Notes that something is asked of a module.
   *
   * @param {Place} place
   * @param {{passing?: boolean}} [options]  passing: the module is used for this request only
   * @returns {() => void} to be called when a passing use is over
   */
  use(place, { passing = false } = {}) {
    const key = keyOf(place);
    this.#owners.claimed.set(key, place);
    this.used.set(key, (this.used.get(key) ?? 0) + (passing ? 1 : Infinity));
    return () => {
      const left = (this.used.get(key) ?? 0) - 1;
      if (left > 0) {
        this.used.set(key, left);
      } else {
        this.used.delete(key);
        this.#owners.later();
      }
    };
  }

  /**
   * Notes that a request is sent that drives an output.
   *
   * @param {Place} place
   * @param {string} output
   * @param {OnLoss} onLoss
   * @returns {(code: string) => void} to be called when the request is over, with the code of its error, "" when there is none
   */
  drive(place, output, onLoss) {
    const key = keyOf(place);
    this.#owners.claimed.set(key, place);
    /** @type {Claim} */
    const claim = { onLoss, sentAs: onLoss, before: this.driven.get(key)?.outputs.get(output) };
    this.add(place, output, claim);
    this.#pending.add(claim);
    return (code) => {
      this.#pending.delete(claim);
      claim.isRefused = NOT_CARRIED_OUT.has(code);
      if (!claim.isRefused) {
        claim.before = undefined;
        return;
      }
      const outputs = this.driven.get(key)?.outputs;
      if (outputs?.get(output) !== claim) {
        return; // another request was sent since: if that is refused as well, it skips this one
      }
      let last = claim.before;
      while (last?.isRefused) {
        last = last.before;
      }
      if (last === undefined) {
        outputs.delete(output);
      } else {
        outputs.set(output, last);
      }
    };
  }

  /** @param {Place} place @param {string} output @param {Claim} claim */
  add(place, output, claim) {
    const key = keyOf(place);
    const entry = this.driven.get(key) ?? { place, outputs: new Map() };
    entry.outputs.set(output, claim);
    this.driven.set(key, entry);
  }

  /**
   * Forgets what was driven in a session that has ended. What is under way comes after the greeting that began the next one.
   *
   * @returns {boolean} whether something is safe by now
   */
  forget() {
    let isSafeNow = false;
    for (const { outputs } of this.driven.values()) {
      for (const [output, claim] of outputs) {
        claim.before = undefined;
        if (!this.#pending.has(claim)) {
          isSafeNow ||= claim.sentAs === "safe";
          outputs.delete(output);
        }
      }
    }
    return isSafeNow;
  }

  /** @param {string} key  of a place @returns {boolean} */
  needs(key) {
    const { place } = this.wanted;
    return (place !== undefined && keyOf(place) === key) || this.used.has(key) || (this.driven.get(key)?.outputs.size ?? 0) > 0;
  }

  /** @param {Place} place @returns {Set<string>} the units of what it drove there */
  unitsDriven(place) {
    return new Set([...(this.driven.get(keyOf(place))?.outputs.keys() ?? [])].flatMap((output) => unitsOf(place.description, output)));
  }

  /** @param {Place} place @returns {Set<string>} the units of what its settings say that it drives there */
  unitsPlanned(place) {
    const { wanted } = this;
    const isThere = wanted.place !== undefined && keyOf(wanted.place) === keyOf(place);
    return new Set(isThere && wanted.output ? unitsOf(place.description, wanted.output) : []);
  }

  /** The node has stopped: its successor, or nobody, takes over when the deploy is over. */
  leave() {
    this.#owners.left(this);
  }
}

/** All nodes that share one session of the bridge. */
class OutputOwners {
  /** @type {Map<string, Place>} what this session has asked for and not released */
  claimed = new Map();

  #host;
  /** @type {Set<Owner>} */
  #running = new Set();
  /** @type {Owner[]} */
  #gone = [];
  /** @type {Map<string, {place: Place, outputs: Map<string, Left>}>} what no running node may own any more */
  #abandoned = new Map();
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
  }

  /** @param {Wanted} wanted @returns {Owner} of a node that runs from now on */
  enter(wanted) {
    const owner = new Owner(this, wanted);
    this.#running.add(owner);
    return owner;
  }

  /** @param {Owner} owner */
  left(owner) {
    if (this.#running.delete(owner)) {
      this.#gone.push(owner);
    }
  }

  /** A deploy is over. What nodes left behind goes to their successors, to others that drive the same, or is given up. */
  settle() {
    for (const gone of this.#gone.splice(0)) {
      const { id, signature } = gone.wanted;
      const successor = [...this.#running].find((each) => each.wanted.id === id && each.wanted.signature === signature);
      for (const [key, { place, outputs }] of gone.driven) {
        for (const [output, claim] of outputs) {
          if (successor !== undefined) {
            successor.add(place, output, { ...claim, onLoss: successor.wanted.onLoss ?? claim.onLoss });
          } else {
            this.#abandon(key, place, output, { ...claim, leftBy: id });
          }
        }
      }
      if (successor !== undefined) {
        for (const [key, count] of gone.used) {
          if (count === Infinity) {
            successor.used.set(key, count);
          }
        }
      }
    }
    this.flush();
  }

  /** Sends what is due, when it can be sent; else it is sent when the bridge is back. */
  flush() {
    if (this.#host.ready()) {
      for (const { params, again } of this.#due()) {
        this.#send(params, again);
      }
    }
  }

  /** Looks again in a while. */
  later() {
    if (this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.flush();
      }, AGAIN_MS);
      this.#timer.unref();
    }
  }

  /**
   * The bridge has begun another session: what was driven in the one before is safe by now, or held on purpose.
   *
   * @returns {boolean} whether a node that runs drove something that is safe by now
   */
  forgetOutputs() {
    this.#abandoned.clear();
    let isSafeNow = false;
    for (const owner of [...this.#running, ...this.#gone]) {
      isSafeNow = owner.forget() || isSafeNow;
    }
    return isSafeNow;
  }

  /**
   * A user released something by a request of his own.
   *
   * @param {Place} place
   * @param {unknown} outputs  names; anything but a list means all
   */
  released(place, outputs) {
    const key = keyOf(place);
    if (!Array.isArray(outputs)) {
      this.claimed.delete(key);
    }
    const isAll = !Array.isArray(outputs) || outputs.includes(ALL_OUTPUTS);
    const units = new Set(isAll ? [] : outputs.flatMap((each) => unitsOf(place.description, String(each))));
    for (const { driven } of this.#running) {
      const entry = driven.get(key);
      for (const output of [...(entry?.outputs.keys() ?? [])]) {
        if (isAll || unitsOf(place.description, output).every((each) => units.has(each))) {
          entry?.outputs.delete(output);
        }
      }
    }
  }

  /** The session has ended. */
  end() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#abandoned.clear();
    for (const owner of this.#running) {
      owner.driven.clear();
    }
    this.#gone = [];
    this.claimed.clear();
  }

  /** @param {string} key @param {Place} place @param {string} output @param {Left} claim */
  #abandon(key, place, output, claim) {
    const entry = this.#abandoned.get(key) ?? { place, outputs: new Map() };
    entry.outputs.set(output, claim);
    this.#abandoned.set(key, entry);
  }

  /** @returns {{params: object, again: () => void}[]} the releases that are due now, in order; none of them is due any more after this */
  #due() {
    const due = [];
    for (const [key, { place, outputs }] of this.#abandoned) {
      const isUsed = this.#isUsed(key);
      const names = new Map();
      for (const [output, claim] of outputs) {
        const free = this.#withoutOwner(place, output, claim);
        // What is released as a whole becomes safe with it, unless the bridge is to hold it.
        if (claim.onLoss !== "hold" && (isUsed || claim.sentAs === "hold")) {
          free.forEach((each) => names.set(each, claim));
        }
      }
      if (names.size > 0) {
        const again = () => names.forEach((claim, output) => this.#abandon(key, place, output, claim));
        due.push({ params: { module: place.module, slot: place.slot, outputs: [...names.keys()] }, again });
      }
    }
    this.#abandoned.clear();
    for (const [key, place] of this.claimed) {
      if (!this.#isUsed(key)) {
        this.claimed.delete(key);
        due.push({ params: { module: place.module, slot: place.slot }, again: () => this.claimed.set(key, place) });
      }
    }
    return due;
  }

  /** @param {string} key @returns {boolean} */
  #isUsed(key) {
    return [...this.#running].some((each) => each.needs(key));
  }

  /**
   * Finds what of an output nobody drives. What others drive by their settings is theirs from now on.
   *
   * @param {Place} place
   * @param {string} output
   * @param {Left} claim
   * @returns {string[]} by what names it is given up; none when all of it is driven
   */
  #withoutOwner(place, output, { leftBy, ...claim }) {
    const units = unitsOf(place.description, output);
    const free = units.filter((unit) => {
      const others = [...this.#running];
      if (others.some((each) => each.unitsDriven(place).has(unit))) {
        return false;
      }
      // A node that was changed does not vouch for what it drove before.
      const next = others.find((each) => each.wanted.id !== leftBy && each.unitsPlanned(place).has(unit));
      next?.add(place, unit, { ...claim, onLoss: next.wanted.onLoss ?? claim.onLoss });
      return next === undefined;
    });
    // Under the name by which it was written the bridge spares what was written since; "*" would spare nothing.
    return free.length === units.length || (free.length > 0 && output !== ALL_OUTPUTS) ? [output] : free;
  }

  /** @param {object} params @param {() => void} again  makes it due again */
  async #send(params, again) {
    try {
      await this.#host.release(params);
    } catch (error) {
      const { code, message } = /** @type {{code?: string, message?: string}} */ (error);
      if (PASSING.has(code ?? "")) {
        again();
        this.later();
      } else {
        this.#host.warn(`Not released: ${message} ${JSON.stringify(params)}`);
      }
    }
  }
}

module.exports = { OutputOwners };
