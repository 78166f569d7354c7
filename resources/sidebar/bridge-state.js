/*
 * What is known of one bridge: messages in, a picture out.
 *
 * 1. Pure: no element, no request, no word for people.
 * 2. Whatever is not there, or is not what it should be, is left out; nothing that a bridge says makes this throw.
 * 3. Bounded: a minute of the main reading of each place, the last value of each reading.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    const HISTORY_MS = 60000;
    const MOST_POINTS = 400;
    const MOST_VALUES = 64;
    const STICKS_MS = 10000;

    /**
     * @typedef {import("../../types/sidebar").Value} Value
     * @typedef {import("../../types/sidebar").Place} Place
     * @typedef {import("../../types/sidebar").Main} Main
     */

    /** @param {unknown} given @returns {any[]} the maps of a list */
    function maps(given) {
        return Array.isArray(given) ? given.filter((each) => each && typeof each === "object" && !Array.isArray(each)) : [];
    }

    /** @param {unknown} given @returns {Record<string, any>} */
    function map(given) {
        return given && typeof given === "object" && !Array.isArray(given) ? given : {};
    }

    /** @param {any} given @returns {import("../../types/sidebar").Failure} */
    function failure(given) {
        const { id, values, hint } = map(given.said);
        return { code: String(given.code), message: String(given.message), said: typeof id === "string" ? { id: id, values: map(values), hint: String(hint || "") } : null };
    }

    /** @param {unknown} slot */
    function isSlot(slot) {
        return typeof slot === "number" || typeof slot === "string";
    }

    /** @param {unknown} module @param {unknown} slot */
    function placeKey(module, slot) {
        return JSON.stringify([String(module), String(slot)]);
    }

    /** @returns {Place} */
    function newPlace(/** @type {string} */ module, /** @type {number | string} */ slot) {
        return { module: module, slot: slot, open: false, failing: false, idle: true, lastError: null, failingSince: 0, claims: [], held: [], values: new Map(), main: null, history: [] };
    }


    class BridgeState {
        /** @param {string} id @param {() => number} [now] */
        constructor(id, now) {
            this.id = id;
            this.name = "";
            this.now = now || (() => performance.now());
            this.state = "connecting";
            /** @type {Record<string, any>} */
            this.info = {};
            this.version = "";
            this.boardName = "";
            /** @type {import("../../types/sidebar").Failure | null} */
            this.why = null;
            this.since = Date.now();
            /** @type {Record<string, any>} */
            this.status = {};
            /** @type {Map<string, Place>} */
            this.places = new Map();
            /** @type {Map<string, Record<string, any>>} module by name */
            this.modules = new Map();
            /** @type {Record<string, import("../../types/sidebar").Unit>} */
            this.units = {};
            /** @type {Map<string, Record<string, any>>} by slot, on an emulated board */
            this.plugged = new Map();
            /** @type {import("../../types/sidebar").Failure | null} */
            this.unobserved = null;
            /** @type {import("../../types/sidebar").Failure | null} why the picture is an old one */
            this.trouble = null;
            this.hasStatus = false;
            this.isDemo = false;
        }

        /** @param {any} message @returns {boolean} whether the picture is built otherwise now, not only its values */
        apply(message) {
            switch (message.type) {
            case "bridge": return this.connection(message);
            case "status": return this.take(map(message.status));
            case "catalogue": return this.catalogue(message);
            case "observation":
                this.unobserved = failure(message);
                return true;
            case "demo":
                this.isDemo = message.on === true;
                return true;
            case "trouble":
                this.trouble = failure(message);
                return true;
            case "observed": return this.observed(map(message.value));
            default: return false;
            }
        }

        /** @param {any} message */
        connection(message) {
            if (message.state !== this.state) {
                this.since = Date.now();
            }
            this.state = String(message.state);
            this.info = map(message.info);
            this.version = typeof message.version === "string" ? message.version : this.version;
            this.boardName = typeof message.board === "string" ? message.board : this.boardName;
            this.why = message.why ? failure(message.why) : null;
            if (this.state === "online") {
                this.unobserved = null;
            } else {
                this.places.clear();
                this.plugged.clear();
            }
            return true;
        }

        /** @param {any} message */
        catalogue(message) {
            this.units = map(message.units);
            this.modules = new Map(maps(message.modules).map((each) => [String(each.name), each]));
            this.places.forEach((place) => this.chooseMain(place, null));
            return true;
        }

        /** The picture as a whole.  @param {Record<string, any>} status */
        take(status) {
            this.status = status;
            this.hasStatus = true;
            this.trouble = null;
            const present = new Set();
            maps(status.slots).filter((each) => isSlot(each.slot)).forEach((each) => {
                const place = this.place(each.module, each.slot);
                present.add(placeKey(each.module, each.slot));
                this.health(place, each);
                this.holders(place, each);
                if (place.values.size === 0) {
                    maps(each.values).forEach((value) => this.value(place, { ...value, kind: value.kind === "event" ? "event" : "result", initial: true }));
                }
            });
            Array.from(this.places.keys()).filter((key) => !present.has(key)).forEach((key) => this.places.delete(key));
            this.plugged = new Map(maps(status.plugged).filter((each) => isSlot(each.slot)).map((each) => [String(each.slot), each]));
            return true;
        }

        /** @param {unknown} module @param {number | string} slot */
        place(module, slot) {
            const key = placeKey(module, slot);
            const place = this.places.get(key) || newPlace(String(module), slot);
            this.places.set(key, place);
            return place;
        }

        /** @param {Place} place @param {Record<string, any>} said */
        health(place, said) {
            const wasFailing = place.failing;
            place.open = said.open === true;
            place.failing = said.failing === true;
            place.idle = said.idle !== false;
            place.lastError = said.last_error ? map(said.last_error) : null;
            if (place.failing && !wasFailing) {
                place.failingSince = typeof said.last_error_at === "number" ? said.last_error_at : Date.now();
            }
        }

        /** @param {Place} place @param {Record<string, any>} said */
        holders(place, said) {
            place.claims = maps(said.claims).map((each) => ({
                client: String(each.client || ""), address: String(each.address || ""), nodes: Array.isArray(each.nodes) ? each.nodes.map(String) : [],
            }));
            place.held = maps(said.held).map((each) => ({ output: String(each.output || ""), client: String(each.client || "") }));
        }

        /** @param {Record<string, any>} said */
        observed(said) {
            if (!isSlot(said.slot)) {
                return false;
            }
            if (said.kind === "plugged") {
                this.plugged.set(String(said.slot), { ...this.plugged.get(String(said.slot)), slot: said.slot, module: said.module });
                return true;
            }
            const key = placeKey(said.module, said.slot);
            if (said.kind === "health" && said.open !== true && !this.places.has(key)) {
                return false;
            }
            const place = this.place(said.module, said.slot);
            if (said.kind === "health") {
                const before = JSON.stringify([place.open, place.failing]);
                this.health(place, { ...said, idle: place.idle });
                return before !== JSON.stringify([place.open, place.failing]);
            }
            if (said.kind === "holder") {
                this.holders(place, said);
                return true;
            }
            return said.kind === "result" || said.kind === "event" || said.kind === "error" ? this.value(place, said) : false;
        }

        /** @param {Place} place @param {Record<string, any>} said @returns {boolean} whether the place looks otherwise now */
        value(place, said) {
            const key = JSON.stringify([said.kind === "event" ? "event" : "result", said.name, said.params]);
            const before = place.values.get(key);
            const timestamp = typeof said.timestamp === "number" ? said.timestamp : Date.now();
            const quality = String(said.quality || "good");
            /** @type {Value} */
            const value = {
                key: key, kind: said.kind === "event" ? "event" : "result", name: String(said.name || ""), params: map(said.params),
                readings: said.kind === "error" ? (before ? before.readings : {}) : map(said.readings),
                error: said.kind === "error" ? map(said.error) : null,
                quality: quality, note: String(said.note || ""), timestamp: timestamp, at: this.now(),
                uncertainSince: quality === "good" ? 0 : before && before.quality !== "good" ? before.uncertainSince : timestamp,
                failingSince: said.kind === "error" ? (before && before.error ? before.failingSince : Number(said.timestamp) || Date.now()) : 0,
            };
            place.values.delete(key);
            if (place.values.size >= MOST_VALUES) {
                place.values.delete(/** @type {string} */ (place.values.keys().next().value));
            }
            place.values.set(key, value);
            const looked = JSON.stringify([place.main && place.main.key, place.main && place.main.reading, this.tone(place)]);
            this.chooseMain(place, value);
            const { main } = place;
            if (main && main.key === key && value.error === null) {
                const number = typeof main.value === "boolean" ? Number(main.value) : main.value;
                if (typeof number === "number" && !said.initial) {
                    place.history.push({ at: this.now(), value: number });
                }
                this.trim(place);
            }
            return looked !== JSON.stringify([main && main.key, main && main.reading, this.tone(place)])
                || Boolean(before && before.error) !== Boolean(value.error);
        }

        /** @param {Place} place */
        trim(place) {
            const oldest = this.now() - HISTORY_MS;
            while (place.history.length > MOST_POINTS || (place.history.length > 1 && place.history[1].at < oldest)) {
                place.history.shift();
            }
        }

        /** Which of its readings stands for a module: that of the operation that came last, unless another one has just been shown.  @param {Place} place @param {Value | null} fresh */
        chooseMain(place, fresh) {
            const shown = place.main && place.values.get(place.main.key);
            const isStill = shown && Object.keys(shown.readings).length > 0 && this.now() - shown.at < STICKS_MS;
            const candidate = isStill ? shown : fresh && Object.keys(fresh.readings).length > 0 ? fresh : shown || Array.from(place.values.values()).reverse().find((each) => Object.keys(each.readings).length > 0);
            if (!candidate) {
                place.main = null;
                return;
            }
            const main = this.mainOf(place, candidate);
            if (place.main && main && (place.main.key !== main.key || place.main.reading !== main.reading)) {
                place.history = [];
            }
            place.main = main;
        }

        /** @param {Place} place @param {Value} value @returns {Main | null} */
        mainOf(place, value) {
            const described = this.described(place.module, value);
            const names = Object.keys(value.readings);
            const of = (/** @type {string} */ type) => names.find((each) => typeof value.readings[each] === type);
            const name = described.main && names.includes(described.main) ? described.main : of("number") || of("boolean") || names[0];
            if (name === undefined) {
                return null;
            }
            const { unit, kind } = this.reading(place.module, value, name);
            return { key: value.key, reading: name, value: value.readings[name], unit: unit, kind: kind };
        }

        /** @param {string} module @param {Value} value @returns {{main: string, readings: any[]}} what the catalogue says of an operation or an event */
        described(module, value) {
            const facts = map(this.modules.get(module));
            const found = map(map(value.kind === "event" ? facts.events : facts.operations)[value.name]);
            return { main: typeof found.main === "string" ? found.main : "", readings: maps(found.readings) };
        }

        /** @param {string} module @param {Value} value @param {string} name */
        reading(module, value, name) {
            const found = this.described(module, value).readings.find((each) => each.name === name);
            const unit = found && Object.prototype.hasOwnProperty.call(this.units, found.unit) ? map(this.units[found.unit]) : null;
            return {
                unit: unit ? { symbol: String(unit.symbol || ""), decimals: Number.isInteger(unit.decimals) ? Math.min(Math.max(unit.decimals, 0), 9) : 3 } : undefined,
                kind: found ? String(found.kind) : "", low: found ? found.low : null, high: found ? found.high : null,
            };
        }

        /** How a place is.  @param {Place} place @returns {import("../../types/sidebar").Tone} */
        tone(place) {
            const values = Array.from(place.values.values());
            if (place.failing) {
                return "failing";
            }
            const main = place.main && place.values.get(place.main.key);
            if (values.some((each) => each.error) || (main && main.quality !== "good")) {
                return "uncertain";
            }
            return place.open && values.length > 0 ? "working" : "idle";
        }

        /** The slots of the board with what is in them, in the order of the board's data.  @returns {import("../../types/sidebar").SlotPicture[]} */
        slots() {
            const layout = maps(this.status.layout).filter((each) => isSlot(each.slot));
            const places = Array.from(this.places.values());
            const drawn = layout.length > 0 ? layout : places.filter((each) => each.slot !== "board").map((each) => ({ slot: each.slot, kind: "io", pins: [] }));
            return drawn.map((each) => {
                const slot = String(each.slot);
                const here = places.filter((place) => String(place.slot) === slot);
                const plugged = this.plugged.get(slot);
                return {
                    slot: each.slot, kind: each.kind === "sensor" ? "sensor" : "io", pins: maps(each.pins),
                    place: here.find((place) => place.open) || here[0] || null,
                    plugged: plugged ? (plugged.module ? String(plugged.module) : "") : null,
                    fits: this.fitsIn(slot), fault: plugged && plugged.fault ? String(plugged.fault) : "",
                    faults: plugged && Array.isArray(plugged.faults) ? plugged.faults.map(String) : [],
                    pluggable: plugged && Array.isArray(plugged.fits) ? plugged.fits.map(String) : [],
                };
            });
        }

        /** What is in use of the board itself.  @returns {Place[]} */
        onBoard() {
            return Array.from(this.places.values()).filter((each) => String(each.slot) === "board");
        }

        /** @param {string} slot @returns {Record<string, any>[]} the modules that go there */
        fitsIn(slot) {
            return Array.from(this.modules.values()).filter((each) => Array.isArray(each.slots) && each.slots.map(String).includes(slot));
        }

        get isEmulated() {
            return this.info.emulated === true;
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { BridgeState, HISTORY_MS });
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
