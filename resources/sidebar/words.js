/*
 * The words of the sidebar: texts of the catalogue, numbers with their units, times.
 *
 * 1. No text stands in the code: every one has its place in locales/.
 * 2. What a bridge says (names, messages) goes through as it is.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    const OURS = "@wisblock-bridge/node-red-wisblock/sidebar:sidebar.";
    const SHARED = "@wisblock-bridge/node-red-wisblock/bridge:";
    const LONGEST_VALUE = 40;

    /** @type {import("../../types/editor").Text} */
    function text(key, values) {
        return RED._(OURS + key, values);
    }

    /** A text that may be missing, because its key comes from a bridge.  @type {import("../../types/sidebar").Words["known"]} */
    function known(key, otherwise) {
        if (!/^[\w.]+$/.test(key)) {
            return otherwise;
        }
        const full = OURS + key;
        const found = RED._(full);
        return typeof found !== "string" || found === full || found === "sidebar." + key ? otherwise : found;
    }

    /** What an error code means, in a few words.  @param {string} code */
    function error(code) {
        const full = SHARED + "status.error." + code;
        const found = /^\w+$/.test(code) ? RED._(full) : code;
        return typeof found !== "string" || found === full || found === "status.error." + code ? code : found;
    }

    /** A text of the nodes' own catalogue, which the sentences of errors are in.  @type {import("../../types/editor").Text} */
    function shared(key, values) {
        return RED._(SHARED + key, values);
    }

    /** What went wrong, for a line that has no other about it.  @type {import("../../types/sidebar").Words["failure"]} */
    function failure(answer) {
        const english = String(answer.message || error(String(answer.code)));
        return root.wisblockErrors.whole({ ...answer, code: String(answer.code) }, shared, { english: english });
    }

    /** What went wrong and what to do, where the language is not the bridge's.  @type {import("../../types/sidebar").Words["explain"]} */
    function explain(given) {
        return root.wisblockErrors.parts(given, shared);
    }

    /** @type {import("../../types/sidebar").Words["ofBridge"]} */
    function ofBridge(happened, message) {
        return shared("errors.form.bridge", { text: happened, message: message });
    }

    /** What a module is.  @type {import("../../types/sidebar").Words["title"]} */
    function title(module) {
        const { slug = "", title: otherwise = "" } = module || {};
        return root.wisblockForm.moduleText(String(slug), "module.title", String(otherwise));
    }

    /** The name of a reading.  @type {import("../../types/sidebar").Words["reading"]} */
    function reading(module, name) {
        return root.wisblockForm.moduleText(String((module || {}).slug || ""), "readings." + name, plain(name));
    }

    /** The name of a parameter within a text: in English it has no capital.  @type {import("../../types/sidebar").Words["param"]} */
    function param(module, operation, name) {
        const slug = String((module || {}).slug || "");
        const found = root.wisblockForm.moduleText(slug, slug + "." + operation + "." + name + ".label", plain(name));
        return RED._(SHARED + "language") === "en-US" ? plain(name) : found;
    }

    /** The name of a quantity of the emulated world; several of one kind have a number or a name behind.  @param {unknown} name */
    function quantity(name) {
        const [, kind, which] = /^(\w+?)_([^_]+)$/.exec(String(name)) || [];
        const whole = known("world.quantity." + name, "");
        return whole || (kind && known("world.quantity." + kind, "") ? known("world.quantity." + kind, "") + " " + which : plain(name));
    }

    /** A name of the wire as people write it.  @param {unknown} name */
    function plain(name) {
        return String(name === undefined || name === null ? "" : name).replaceAll("_", " ");
    }

    function language() {
        try {
            return Intl.NumberFormat.supportedLocalesOf([RED.i18n.lang()])[0];
        } catch {
            return undefined;
        }
    }

    /** @param {number} given @param {number} decimals */
    function number(given, decimals) {
        return given.toLocaleString(language(), { minimumFractionDigits: decimals, maximumFractionDigits: decimals, useGrouping: false });
    }

    /** A value with its unit.  @type {import("../../types/sidebar").Words["value"]} */
    function value(given, unit, kind) {
        const { symbol, decimals } = unit || { symbol: "", decimals: 3 };
        if (typeof given === "boolean") {
            return text(given ? "yes" : "no");
        }
        if (typeof given === "number") {
            const isWhole = kind === "int" || (Number.isInteger(given) && symbol === "");
            return number(given, isWhole ? 0 : Math.min(decimals, 9)) + (symbol ? "\u00a0" + symbol : "");
        }
        if (Array.isArray(given)) {
            if (given.length === 0) {
                return text("no_bytes");
            }
            if (given.some((each) => each && typeof each === "object")) {
                return "[" + given.length + "]"; // as the line under a node has it
            }
            const items = given.slice(0, 8).map((each) => (typeof each === "number" ? number(each, Number.isInteger(each) ? 0 : 2) : String(each)));
            return cut(items.join(", ") + (given.length > 8 ? " …" : ""));
        }
        if (given && typeof given === "object") {
            const bytes = /** @type {{hex?: string, length?: number}} */ (given);
            return typeof bytes.hex === "string" ? cut(bytes.hex || text("no_bytes")) : cut(JSON.stringify(given));
        }
        return given === null || given === undefined ? "–" : cut(plain(given));
    }

    /** @param {string} long */
    function cut(long) {
        return long.length > LONGEST_VALUE ? long.slice(0, LONGEST_VALUE - 1) + "…" : long;
    }

    /** A time of day; with the date when that was another day.  @param {number} at  milliseconds since 1970 */
    function clock(at) {
        const when = new Date(at);
        if (!Number.isFinite(at) || Number.isNaN(when.getTime())) {
            return "";
        }
        const isToday = when.toDateString() === new Date().toDateString();
        return isToday ? when.toLocaleTimeString(language()) : when.toLocaleString(language());
    }

    /** How long ago something was.  @param {number} ms */
    function ago(ms) {
        const seconds = Math.max(0, Math.round(ms / 1000));
        if (seconds < 60) {
            return text("ago.seconds", { count: seconds });
        }
        return seconds < 3600 ? text("ago.minutes", { count: Math.round(seconds / 60) }) : text("ago.hours", { count: Math.round(seconds / 3600) });
    }

    /** The name of a slot.  @param {number | string} name */
    function slot(name) {
        return String(name) === "board" ? text("on_board") : text("slot", { slot: String(name) });
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { words: { ago, clock, error, explain, failure, known, ofBridge, param, plain, quantity, reading, slot, text, title, value } });
}(window));
