/*
 * What is wrong, in one list: what, where, since when, what to do.
 *
 * 1. Pure: what is known of the bridges goes in, keys of words with their values come out.
 * 2. A problem is in the list as long as it is one, and not longer.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    const PAGE = "https://github.com/wisblock-bridge/wisblock-bridge/blob/main/docs/errors.md";

    /**
     * @typedef {import("../../types/sidebar").Problem} Problem
     * @typedef {import("../../types/sidebar").Bridge} Bridge
     */

    /** The page of an error code; those that are none lead to the page's top.  @param {string} code */
    function page(code) {
        return /^[a-z_]{1,40}$/.test(code) ? PAGE + "#" + code : PAGE;
    }

    /** @param {Bridge} bridge @returns {Problem[]} */
    function ofBridge(bridge) {
        if (bridge.state === "offline") {
            const { code, message, said } = bridge.why || { code: "offline", message: "", said: null };
            return [{ key: "offline", tone: "failing", code: code, message: message, hint: "", said: said, module: "", slot: null, since: bridge.since, page: page(code) }];
        }
        /** @type {Problem[]} */
        const found = [];
        const mismatch = bridge.info.versionMismatch;
        if (bridge.state === "online" && typeof mismatch === "string" && mismatch !== "") {
            found.push({ key: "version." + mismatch, tone: "uncertain", code: "", message: "", hint: "", module: "", slot: null, since: bridge.since, page: "" });
        }
        if (bridge.state === "online" && bridge.unobserved) {
            const { code, message, said } = bridge.unobserved;
            const isOld = code === "unknown_method";
            found.push({ key: isOld ? "no_observation" : "error", tone: "uncertain", code: isOld ? "" : code, message: isOld ? "" : message, hint: "", said: said, module: "", slot: null, since: bridge.since, page: isOld ? "" : page(code) });
        }
        if (bridge.state === "online" && bridge.trouble) {
            const { code, message, said } = bridge.trouble;
            found.push({ key: "error", tone: "uncertain", code: code, message: message, hint: "", said: said, module: "", slot: null, since: bridge.since, page: page(code) });
        }
        return found;
    }

    /** @param {import("../../types/sidebar").Place} place @returns {Problem[]} */
    function ofPlace(place) {
        const base = { module: place.module, slot: place.slot };
        /** @param {Record<string, any>} error @param {number} since @param {import("../../types/sidebar").Tone} tone @returns {Problem} */
        const problem = (error, since, tone) => ({
            ...base, key: "error", tone: tone, code: String(error.code || "internal"), message: String(error.message || ""), hint: String(error.hint || ""),
            since: since, page: page(String(error.code || "")),
        });
        /** @type {Problem[]} */
        const found = [];
        if (place.failing && place.lastError) {
            found.push(problem(place.lastError, place.failingSince, "failing"));
        }
        place.values.forEach(function (value) {
            if (value.error && !found.some((each) => each.code === String(/** @type {any} */ (value.error).code))) {
                found.push(problem(value.error, value.failingSince, "uncertain"));
            }
        });
        const main = place.main && place.values.get(place.main.key);
        if (main && !main.error && main.quality !== "good") {
            found.push({ ...base, key: "quality", tone: "uncertain", code: "", message: main.note, hint: "", since: main.uncertainSince, page: "" });
        }
        return found;
    }

    /** @type {import("../../types/sidebar").Problems} */
    function problems(bridges) {
        return bridges.flatMap((bridge) => [...ofBridge(bridge), ...Array.from(bridge.places.values()).flatMap(ofPlace)].map((each) => ({ ...each, bridge: bridge.id })));
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { problems });
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
