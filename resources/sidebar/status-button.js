/*
 * The button in the editor's status bar: how the WisBlock nodes are, in a colour and a shape, and one click to the sidebar.
 *
 * 1. It listens to what the editor is told anyway: no request, no timer, and Node-RED does not know of it.
 * 2. Drawn when it says something else than before.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /** @typedef {import("../../types/editor").EditorNode} EditorNode */

    const OURS = "wisblock-";
    const ACTION = "wisblock:show-sidebar";
    /** Two tones of nodes look alike: neither works. */
    const MARKS = /** @type {const} */ ({ offline: "failing", failing: "failing", uncertain: "uncertain", working: "working", idle: "idle" });

    class StatusButton {
        constructor() {
            const { NodeTones, dom: { h, icon, s } } = /** @type {import("../../types/sidebar").Wb} */ (root.wisblockSidebar);
            this.tones = new NodeTones();
            this.mark = s("svg", { class: "wb-status-mark", width: 10, height: 10, viewBox: "0 0 14 14", "aria-hidden": "true" });
            this.element = h("button", {
                type: "button", class: "red-ui-footer-button wb-theme wb-status-button", click: () => RED.actions.invoke(ACTION),
                // the status bar belongs to the workspace, whose keys would open the selected node instead
                keydown: (/** @type {KeyboardEvent} */ event) => (event.key === "Enter" || event.key === " ") && event.stopPropagation(),
            }, icon("microchip"), this.mark);
            this.said = "";
            /** @type {{setContent(text: string): void} | null} */
            this.tooltip = null;
        }

        start() {
            RED.statusBar.add({ id: "wisblock-status", align: "left", element: $(this.element) });
            this.tooltip = RED.popover.tooltip($(this.element), "", ACTION);
            RED.comms.subscribe("status/#", (topic, status) => this.take(RED.nodes.node(topic.split("/")[1]), status));
            RED.events.on("nodes:add", (/** @type {EditorNode} */ node) => this.take(node, node.status));
            RED.events.on("nodes:remove", (/** @type {EditorNode} */ node) => this.take(node, null));
            this.draw();
        }

        /** @param {EditorNode | null | undefined} node @param {unknown} status */
        take(node, status) {
            if (node && node.type.startsWith(OURS) && this.tones.set(node.id, status)) {
                this.draw();
            }
        }

        draw() {
            const { healthMark, words: { text } } = /** @type {import("../../types/sidebar").Wb} */ (root.wisblockSidebar);
            const { tone, count } = this.tones.worst();
            const said = text("status_bar." + tone, { count: count });
            if (said === this.said) {
                return;
            }
            this.said = said;
            if (this.tooltip) {
                this.tooltip.setContent(said);
            }
            this.mark.replaceChildren(healthMark(MARKS[tone], 0, 0));
            this.element.setAttribute("aria-label", said);
            this.element.setAttribute("data-tone", tone);
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { StatusButton });
}(window));
