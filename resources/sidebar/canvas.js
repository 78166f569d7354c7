/*
 * The sidebar and the canvas: nodes that use a slot are shown, and new ones are made.
 *
 * 1. A new node comes about as from the palette: with the editor's own drag and drop, and its undo.
 * 2. The bridge knows nodes by their names; which nodes of the flow these are is found out here.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    const PALETTE = "red-ui-palette-node";
    const ICONS = "icons/@wisblock-bridge/node-red-wisblock/";
    const ICON = /^wisblock-[a-z0-9-]{1,40}\.svg$/;
    const NEUTRAL = "#D3D7DC";

    /** What is being dragged now, to be filled in where it is dropped.  @type {import("../../types/sidebar").Fitting | null} */
    let dragged = null;
    let isListening = false;

    /** @typedef {import("../../types/editor").EditorNode} EditorNode */

    /** The node type for a module; the request node for one of another project.  @param {Record<string, any>} module */
    function typeOf(module) {
        const own = "wisblock-" + String(module.slug || "");
        const definition = RED.nodes.getType(own);
        return definition && definition.wisblock && definition.wisblock.name === module.name ? own : "wisblock-request";
    }

    /** @type {import("../../types/sidebar").Canvas["look"]} */
    function look(module) {
        const name = String((module && module.icon) || "");
        const definition = module ? RED.nodes.getType(typeOf(module)) : undefined;
        return { icon: ICONS + (ICON.test(name) ? name : "wisblock-bridge.svg"), color: (definition && definition.color) || NEUTRAL };
    }

    /** @param {string} bridge @param {import("../../types/sidebar").Place} place @returns {EditorNode[]} the nodes that are there for a place */
    function nodesOf(bridge, place) {
        /** @type {EditorNode[]} */
        const found = [];
        RED.nodes.eachNode(function (node) {
            const wisblock = node._def && node._def.wisblock;
            const module = wisblock ? wisblock.name : node.type === "wisblock-request" ? node.module : undefined;
            const slot = wisblock && wisblock.slots.length === 1 ? wisblock.slots[0] : node.slot;
            if (module === place.module && String(slot) === String(place.slot) && node.bridge === bridge && !node.d) {
                found.push(node);
            }
        });
        return found;
    }

    /** Who uses a place: nodes of this editor, and the clients that are none.  @type {import("../../types/sidebar").Canvas["holders"]} */
    function holders(bridge, place) {
        const nodes = nodesOf(bridge, place);
        /** @type {import("../../types/sidebar").Holder[]} */
        const found = [];
        const taken = new Set();
        place.claims.forEach(function (claim) {
            const names = claim.nodes.length > 0 ? claim.nodes : [""];
            names.forEach(function (name) {
                const node = nodes.find((each) => !taken.has(each.id) && (each.id === name || (name !== "" && each.name === name)));
                if (node) {
                    taken.add(node.id);
                    found.push({ id: node.id, label: RED.utils.getNodeLabel(node, node.id), client: claim.client });
                } else {
                    found.push({ id: "", label: name, client: claim.client });
                }
            });
        });
        return found;
    }

    /** @param {string} id */
    function reveal(id) {
        if (RED.nodes.node(id)) {
            RED.view.reveal(id, true);
        }
    }

    /** @param {EditorNode} node @param {import("../../types/sidebar").Fitting} what */
    function fillIn(node, what) {
        if (node.bridge && node.bridge !== what.bridge) {
            RED.nodes.updateConfigNodeUsers(node, { action: "remove" });
        }
        node.bridge = what.bridge;
        node.slot = String(what.slot);
        if (node.type === "wisblock-request") {
            node.module = what.module.name;
        } else if (what.module.reads && node.trigger === "message") {
            // who takes a module from a slot wants to see what it measures
            node.trigger = "every";
        }
        RED.nodes.updateConfigNodeUsers(node, { action: "add" });
        node.dirty = true;
        node.resize = true;
    }

    function listen() {
        if (isListening) {
            return;
        }
        isListening = true;
        RED.events.on("nodes:add", function (/** @type {EditorNode} */ node) {
            if (dragged && node.type === typeOf(dragged.module)) {
                const what = dragged;
                dragged = null;
                fillIn(node, what);
                // its label is known when the drop is over
                setTimeout(function () {
                    RED.editor.validateNode(node);
                    node.dirty = true;
                    RED.view.redraw();
                }, 0);
            }
        });
    }

    /** Lets an element be dragged onto the canvas.  @type {import("../../types/sidebar").Canvas["drag"]} */
    function drag(element, what) {
        listen();
        const type = typeOf(what.module);
        $(element).attr("data-palette-type", type).draggable({
            appendTo: "#red-ui-editor", cancel: "", revert: "invalid", revertDuration: 200, distance: 4, zIndex: 1000, cursorAt: { left: 40, top: 15 },
            helper: function () {
                const { icon, color } = look(what.module);
                return $("<div>", { "class": "wb-dragged" }).css("background-color", color)
                    .append($("<img>", { src: icon, alt: "" }), $("<span>").text(String(what.module.name)));
            },
            start: function () {
                dragged = what;
                element.classList.add(PALETTE);
                RED.view.focus();
            },
            stop: function () {
                dragged = null;
                element.classList.remove(PALETTE);
            },
        });
    }

    /** Puts a node into the middle of what is seen of the flow, for those who do not drag.  @type {import("../../types/sidebar").Canvas["add"]} */
    function add(what) {
        const chart = $("#red-ui-workspace-chart");
        const scale = RED.view.scale();
        const middle = (/** @type {number} */ scrolled, /** @type {number} */ size) => Math.round((scrolled + size / 2) / scale / 20) * 20;
        const made = RED.view.createNode(typeOf(what.module), middle(chart.scrollLeft() || 0, chart.width() || 0), middle(chart.scrollTop() || 0, (chart.height() || 0) / 2));
        if (!made) {
            return;
        }
        const node = RED.nodes.add(made.node, { source: "palette" }) || made.node;
        fillIn(node, what);
        RED.history.push(made.historyEvent);
        RED.editor.validateNode(node);
        RED.nodes.dirty(true);
        RED.view.select({ nodes: [node] });
        RED.view.redraw(true);
        RED.view.reveal(node.id, true);
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { canvas: { add, drag, holders, look, reveal } });
}(window));
