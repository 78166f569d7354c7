/*
 * The last minute of a reading as a line.
 *
 * 1. Pure: points in, the path of an SVG out.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /** @type {import("../../types/sidebar").Sparkline} */
    function sparkline(points, now, size, step) {
        const { HISTORY_MS } = /** @type {{HISTORY_MS: number}} */ (root.wisblockSidebar);
        const shown = points.filter((each) => Number.isFinite(each.value));
        if (shown.length === 0) {
            return "";
        }
        const values = shown.map((each) => each.value);
        const low = Math.min(...values);
        const high = Math.max(...values);
        // noise shall look like noise: a range that is next to nothing is drawn in the middle
        const range = Math.max(high - low, Math.abs(high) * 0.002, 1e-9);
        const middle = (high + low) / 2;
        const x = (/** @type {number} */ at) => Math.max(0, size.width * (1 - (now - at) / HISTORY_MS)).toFixed(1);
        const y = (/** @type {number} */ value) => (size.height / 2 - ((value - middle) / range) * (size.height - 3)).toFixed(1);
        let path = "";
        shown.forEach(function (point, index) {
            path += (index === 0 ? "M" : step ? "H" + x(point.at) + "V" : "L") + (index === 0 ? x(point.at) + "," + y(point.value) : step ? y(point.value) : x(point.at) + "," + y(point.value));
        });
        return path + "H" + size.width;
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { sparkline });
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
