/*
 * How the WisBlock nodes of the editor are, taken together: what Node-RED tells every editor anyway, one status at a time.
 *
 * 1. Pure: no element, no request, no word for people.
 * 2. A status that says nothing new costs one look into a map: values come several times a second.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /** @typedef {import("../../types/sidebar").NodeTone} NodeTone */

    /** The worst first. @type {NodeTone[]} */
    const TONES = ["offline", "failing", "uncertain", "working"];

    /** What a line under a node means; the lines are those of node-red-nodes/lib/status.js.  @param {any} status @returns {NodeTone | ""} */
    function toneOf(status) {
        const { fill, shape } = status && typeof status === "object" ? status : { fill: "", shape: "" };
        switch (fill) {
        case "red": return shape === "ring" ? "offline" : "failing";
        case "yellow": return "uncertain";
        case "green":
        case "grey":
        case "blue": return "working";
        default: return "";
        }
    }


    class NodeTones {
        constructor() {
            /** @type {Map<string, NodeTone>} */
            this.nodes = new Map();
            /** @type {Record<NodeTone, number>} */
            this.counts = { offline: 0, failing: 0, uncertain: 0, working: 0 };
        }

        /** @param {string} id  of a node @param {unknown} status  as Node-RED reports it @returns {boolean} whether anything is different now */
        set(id, status) {
            const tone = toneOf(status);
            const before = this.nodes.get(id) || "";
            if (tone === before) {
                return false;
            }
            this.remove(id);
            if (tone !== "") {
                this.nodes.set(id, tone);
                this.counts[tone] += 1;
            }
            return true;
        }

        /** @param {string} id @returns {boolean} whether anything is different now */
        remove(id) {
            const tone = this.nodes.get(id);
            if (tone === undefined) {
                return false;
            }
            this.nodes.delete(id);
            this.counts[tone] -= 1;
            return true;
        }

        /** The worst that any node is, and how many are like that; "idle" where none has said anything.  @returns {{tone: NodeTone | "idle", count: number}} */
        worst() {
            const tone = TONES.find((each) => this.counts[each] > 0);
            return tone === undefined ? { tone: "idle", count: 0 } : { tone: tone, count: this.counts[tone] };
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { NodeTones });
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
