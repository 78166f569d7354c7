/*
 * Where things are on the drawn board.
 *
 * 1. Pure: a width and what there is to draw go in, rectangles come out.
 * 2. One unit is one pixel: text stays readable, the board gets longer when the sidebar gets narrow.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    const EDGE = 12;
    const GAP = 10;
    const HEADER = 30;
    const SILK = 14;
    const HEIGHTS = { io: 128, sensor: 40, module: 40, chip: 18 };
    const SMALLEST_SLOT = 108;
    const SMALLEST_SENSOR = 60;

    /** @typedef {import("../../types/sidebar").Box} Box */

    /** Puts things of one height into rows.  @param {number} count @param {{left: number, top: number, width: number, height: number, smallest: number, most: number, silk: number}} row @returns {{boxes: Box[], bottom: number}} */
    function rows(count, row) {
        const columns = Math.max(1, Math.min(row.most, count, Math.floor((row.width + GAP) / (row.smallest + GAP))));
        const width = Math.floor((row.width - GAP * (columns - 1)) / columns);
        const boxes = Array.from({ length: count }, function (_each, index) {
            const line = Math.floor(index / columns);
            return { x: row.left + (index % columns) * (width + GAP), y: row.top + row.silk + line * (row.height + row.silk + GAP), width: width, height: row.height };
        });
        const lines = Math.ceil(count / columns);
        return { boxes: boxes, bottom: row.top + lines * (row.height + row.silk + GAP) };
    }

    /** @type {import("../../types/sidebar").BoardLayout} */
    function boardLayout(width, counts) {
        const inner = { left: EDGE, width: width - 2 * EDGE };
        const io = rows(counts.io, { ...inner, top: HEADER, height: HEIGHTS.io, smallest: SMALLEST_SLOT, most: 2, silk: SILK });
        const sensors = rows(counts.sensor, { ...inner, top: io.bottom, height: HEIGHTS.sensor, smallest: SMALLEST_SENSOR, most: 4, silk: SILK });
        const modules = rows(counts.modules, { ...inner, top: sensors.bottom, height: HEIGHTS.module, smallest: inner.width, most: 1, silk: 0 });
        const chips = rows(counts.chips, { ...inner, top: modules.bottom, height: HEIGHTS.chip, smallest: 68, most: 4, silk: 0 });
        return { width: width, height: chips.bottom + EDGE - GAP + 2, io: io.boxes, sensor: sensors.boxes, modules: modules.boxes, chips: chips.boxes };
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { boardLayout });
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
