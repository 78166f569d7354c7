/*
 * How something is, as a mark: a colour and a shape, so that it is seen without the one or the other.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /** Paths in a square of 14. */
    const SHAPES = {
        working: ["M7 0.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0 -13z", "M3.8 7.2l2.3 2.3l4.2 -4.6"],
        uncertain: ["M7 0.2l6.8 6.8l-6.8 6.8l-6.8 -6.8z", "M7 3.6v4M7 9.8v0.6"],
        failing: ["M7 0.4l6.9 13h-13.8z", "M7 5v4.2M7 11.2v0.4"],
        idle: ["M7 1.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0 -11z", ""],
    };

    /** @type {import("../../types/sidebar").HealthMark} */
    function healthMark(tone, x, y) {
        const { s } = /** @type {{dom: import("../../types/sidebar").Dom}} */ (root.wisblockSidebar).dom;
        const [body, sign] = SHAPES[tone];
        return s("g", { class: "wb-mark wb-" + tone, "data-tone": tone, transform: "translate(" + x + "," + y + ")", "aria-hidden": "true" },
            s("path", { class: "wb-mark-body", d: body }), sign ? s("path", { class: "wb-mark-sign", d: sign }) : null);
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { healthMark });
}(window));
