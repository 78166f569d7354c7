/*
 * One bridge: how it is in words, its buttons, its board, and the slot that is looked at.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /** @typedef {import("../../types/sidebar").Wb} Wb */

    const wb = () => /** @type {Wb} */ (root.wisblockSidebar);
    const SHOW_AFTER_MS = 150;
    const WORLD_EVERY_MS = 1000;


    class BridgeView {
        /** @param {import("../../types/sidebar").Bridge} bridge @param {HTMLElement} scroller */
        constructor(bridge, scroller) {
            const { BoardView, PinsPopover, SlotView, dom: { h } } = wb();
            this.bridge = bridge;
            this.selected = "";
            this.width = 0;
            this.heading = h("h3", { class: "wb-bridge-name", id: "wisblock-bridge-" + bridge.id });
            this.state = h("div", { class: "wb-bridge-state", role: "status" });
            this.facts = h("div", { class: "wb-bridge-facts" });
            this.buttons = h("div", { class: "wb-bridge-buttons" });
            this.found = h("div", { class: "wb-found", role: "status" });
            this.demo = h("div", { class: "wb-demo" });
            this.popover = new PinsPopover(scroller);
            this.board = new BoardView(bridge, { select: (slot) => this.select(slot), hover: (slot, anchor) => this.hover(slot, anchor) });
            this.slot = new SlotView(bridge);
            this.body = h("div", { class: "wb-bridge-body" }, this.board.element, this.demo, this.slot.element);
            this.element = h("section", { class: "wb-bridge", "aria-labelledby": this.heading.id, "data-bridge": bridge.id },
                h("header", { class: "wb-bridge-header" }, this.heading, this.state, this.facts, this.buttons, this.found), this.body);
            /** @type {ReturnType<typeof setTimeout> | undefined} */
            this.hovering = undefined;
            this.worldAt = 0;
        }

        get mayWrite() {
            return RED.user.hasPermission("wisblock.write");
        }

        /** @param {number} width */
        build(width) {
            const { dom: { say } } = wb();
            const { bridge } = this;
            this.width = width;
            say(this.heading, this.name());
            this.buildState();
            this.buildButtons();
            const isShown = bridge.state === "online" && bridge.hasStatus;
            this.body.hidden = !isShown;
            if (!isShown) {
                return;
            }
            const slots = bridge.slots();
            if (!slots.some((each) => String(each.slot) === this.selected)) {
                const first = slots.find((each) => each.place || each.plugged) || slots[0];
                this.selected = first ? String(first.slot) : "";
            }
            this.board.build(width, this.selected);
            this.keepPopover();
            this.buildDemo();
            this.slot.build(slots.find((each) => String(each.slot) === this.selected) || null, this.mayWrite);
        }

        /** Values as they are now. */
        update() {
            this.board.update();
            this.slot.update();
        }

        /** Once a second, while somebody can see it. */
        tick() {
            this.board.update();
            if (this.bridge.isDemo && this.bridge.isEmulated && performance.now() - this.worldAt >= WORLD_EVERY_MS - 50) {
                this.worldAt = performance.now();
                this.slot.world.refresh();
            }
        }

        name() {
            const node = RED.nodes.node(this.bridge.id);
            return node ? RED.utils.getNodeLabel(node, this.bridge.name || this.bridge.id) : this.bridge.name || wb().words.text("bridge.unnamed");
        }

        buildState() {
            const { dom: { h, icon, replace }, words: { text } } = wb();
            const { bridge } = this;
            const board = bridge.status.board || {};
            const key = bridge.state === "online" || bridge.state === "offline" ? bridge.state : "connecting";
            const icons = { online: "check-circle", offline: "exclamation-triangle", connecting: "clock-o" };
            replace(this.state, h("span", { class: "wb-connection wb-" + key }, icon(icons[key]), " ", text("bridge." + key)),
                bridge.state === "online" && bridge.isEmulated ? h("span", { class: "wb-tag" }, text("bridge.emulated")) : null);
            const title = String(board.title || board.product || bridge.boardName || "");
            const facts = bridge.state !== "online" ? [] : [
                title, bridge.version ? text("bridge.version", { version: bridge.version }) : "",
                board.confidence && !bridge.isEmulated ? wb().words.known("bridge.confidence." + board.confidence, String(board.confidence)) : "",
            ];
            wb().dom.say(this.facts, facts.filter(Boolean).join(" · "));
            const evidence = Array.isArray(board.evidence) ? board.evidence.map(String).join("; ") : "";
            this.facts.title = evidence;
        }

        buildButtons() {
            const { dom: { button, replace }, words: { text } } = wb();
            const why = this.mayWrite ? undefined : text("no_permission");
            const isOffline = this.bridge.state !== "online";
            replace(this.buttons,
                button({ key: "rescan-" + this.bridge.id, class: "wb-rescan", icon: "refresh", text: text("bridge.rescan"), title: why, disabled: !this.mayWrite || isOffline, click: () => this.rescan() }),
                button({ key: "report-" + this.bridge.id, class: "wb-report", icon: "file-text-o", text: text("bridge.report"), title: why || text("bridge.report_title"), disabled: !this.mayWrite, click: () => this.report() }));
        }

        buildDemo() {
            const { dom: { h, replace }, makeSwitch, words: { text } } = wb();
            this.demo.hidden = !this.bridge.isEmulated;
            if (!this.bridge.isEmulated) {
                return;
            }
            replace(this.demo, h("div", { class: "wb-control" }, h("span", { class: "wb-control-label" }, text("world.demo")),
                makeSwitch({ key: "demo-" + this.bridge.id, label: text("world.demo"), isOn: this.bridge.isDemo, disabled: !this.mayWrite, change: (isOn) => this.slot.world.act("demo", { on: isOn }) })));
        }

        /** @param {string} slot */
        select(slot) {
            this.selected = slot;
            // not now: others still look at the event, and at where its element is
            setTimeout(() => this.build(this.width), 0);
        }

        /** @param {string | null} slot @param {Element | null} anchor */
        hover(slot, anchor) {
            clearTimeout(this.hovering);
            if (slot === null || anchor === null) {
                this.popover.hide();
                return;
            }
            const pins = () => (this.bridge.slots().find((each) => String(each.slot) === slot) || { pins: [] }).pins;
            this.hovering = setTimeout(() => {
                this.popover.show(anchor, pins(), slot);
                this.freshPins(slot).then((fresh) => {
                    if (fresh && this.popover.anchor === anchor) {
                        this.popover.show(anchor, fresh, slot);
                    }
                });
            }, SHOW_AFTER_MS);
        }

        /** A board that was drawn anew has other elements: nobody leaves those that are gone. */
        keepPopover() {
            const { anchor } = this.popover;
            if (!anchor || anchor.isConnected) {
                return;
            }
            const slot = anchor.getAttribute("data-slot");
            const again = Array.from(this.board.element.querySelectorAll("[data-slot]")).find((each) => each.getAttribute("data-slot") === slot);
            if (slot !== null && again && (again.matches(":hover") || again.matches(":focus-visible"))) {
                this.popover.show(again, (this.bridge.slots().find((each) => String(each.slot) === slot) || { pins: [] }).pins, slot);
            } else {
                this.popover.hide();
            }
        }

        /** The pins with their levels of this moment.  @param {string} slot @returns {Promise<Record<string, any>[] | null>} */
        async freshPins(slot) {
            const answer = await wb().ask("GET", encodeURIComponent(this.bridge.id) + "/layout");
            const found = Array.isArray(answer.layout) ? answer.layout.find((each) => each && String(each.slot) === slot) : null;
            return found && Array.isArray(found.pins) ? found.pins : null;
        }

        async rescan() {
            const { ask, dom: { h, replace }, words: { failure, text } } = wb();
            replace(this.found, text("found.looking"));
            const answer = await ask("POST", encodeURIComponent(this.bridge.id) + "/scan", {});
            if (!Array.isArray(answer.found)) {
                replace(this.found, text("refused", { message: failure(answer) }));
                return;
            }
            const lines = answer.found.filter((each) => each && typeof each.address === "number").slice(0, 32).map((each) => h("li", null,
                text("found.chip", { address: "0x" + each.address.toString(16), chip: String(each.chip || text("found.unknown")), modules: (Array.isArray(each.modules) ? each.modules : []).map(String).join(", ") || "–" })));
            replace(this.found, lines.length > 0 ? h("ul", null, ...lines) : text("found.nothing"));
        }

        async report() {
            const { ask, dom: { h, replace }, words: { failure, text } } = wb();
            const answer = await ask("GET", encodeURIComponent(this.bridge.id) + "/report");
            if (typeof answer.text !== "string") {
                replace(this.found, text("refused", { message: failure(answer) }));
                return;
            }
            const link = h("a", { download: "wisblock-report.md", href: URL.createObjectURL(new Blob([answer.text], { type: "text/markdown" })) });
            link.click();
            setTimeout(() => URL.revokeObjectURL(link.href), 1000);
            replace(this.found, text("bridge.report_done"));
        }

        remove() {
            clearTimeout(this.hovering);
            this.popover.element.remove();
            this.element.remove();
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { BridgeView });
}(window));
