/*
 * The pins of a slot: name, what it is on this board, who holds it, its level where that is known.
 *
 * 1. Beside the slot that the pointer or the focus is on, and in the slot's details for those who want to stay.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /** @typedef {import("../../types/sidebar").Wb} Wb */

    const GAP = 8;
    const wb = () => /** @type {Wb} */ (root.wisblockSidebar);

    /** What a pin is on this board.  @param {Record<string, any>} pin */
    function meaning(pin) {
        const { text } = wb().words;
        const address = typeof pin.address === "number" ? "0x" + pin.address.toString(16) : "";
        const values = { chip: String(pin.chip), address: address, line: String(pin.line), channel: String(pin.channel), device: String(pin.device || "") };
        if (pin.kind === "line") {
            return text(pin.chip === "soc" ? "pin.soc" : "pin.expander", values) + (pin.device ? ", " + values.device : "");
        }
        return pin.kind === "analog" ? text("pin.analog", values) : values.device;
    }

    /** Who holds a pin; the slot is said where it is another one.  @param {Record<string, any>} pin @param {string} slot */
    function holder(pin, slot) {
        const by = pin.held_by;
        if (by && typeof by === "object" && by.module !== undefined) {
            return String(by.slot) === slot ? String(by.module) : String(by.module) + ", " + wb().words.slot(by.slot);
        }
        return String(pin.holder || "–");
    }

    /** @type {import("../../types/sidebar").PinsTable} */
    function pinsTable(pins, slot) {
        const { dom: { h }, words: { slot: nameOf, text } } = wb();
        const caption = text("pins.caption", { slot: nameOf(slot) });
        const hasLevels = pins.some((each) => each.level === 0 || each.level === 1);
        const heads = ["pin", "meaning", "holder"].concat(hasLevels ? ["level"] : []);
        return h("table", { class: "wb-pins" }, h("caption", null, caption),
            h("thead", null, h("tr", null, ...heads.map((each) => h("th", { scope: "col" }, text("pins." + each))))),
            h("tbody", null, ...pins.map((pin) => h("tr", { class: pin.holder ? "wb-held" : "" },
                h("th", { scope: "row" }, String(pin.pin)), h("td", null, meaning(pin)), h("td", null, holder(pin, slot)),
                hasLevels ? h("td", { class: "wb-level" }, pin.level === 0 || pin.level === 1 ? String(pin.level) : "") : null))));
    }

    /** The pins beside a slot: next to the sidebar, where nothing of it is covered, as long as there is room. */
    class PinsPopover {
        /** @param {HTMLElement} inside  the sidebar */
        constructor(inside) {
            this.inside = inside;
            this.element = wb().dom.h("div", { class: "wb-theme wb-popover", id: "wisblock-pins-" + String(Math.random()).slice(2), role: "tooltip", hidden: true });
            document.body.append(this.element);
            /** @type {Element | null} */
            this.anchor = null;
        }

        /** @param {Element} anchor @param {Record<string, any>[]} pins @param {string} slot */
        show(anchor, pins, slot) {
            this.hide();
            if (pins.length === 0) {
                return;
            }
            this.anchor = anchor;
            anchor.setAttribute("aria-describedby", this.element.id);
            this.element.replaceChildren(pinsTable(pins, slot));
            this.element.hidden = false;
            const [at, around] = [anchor.getBoundingClientRect(), this.inside.getBoundingClientRect()];
            const { offsetHeight: height, offsetWidth: width } = this.element;
            const left = around.left - width - GAP >= 0 ? around.left - width - GAP : around.right + GAP + width <= window.innerWidth ? around.right + GAP : Math.max(0, Math.min(around.left, window.innerWidth - width));
            const isBeside = left + width <= around.left || left >= around.right;
            const top = isBeside ? at.top : at.bottom + GAP;
            this.element.style.left = left + "px";
            this.element.style.top = Math.max(GAP, Math.min(top, window.innerHeight - height - GAP)) + "px";
        }

        hide() {
            if (this.anchor) {
                this.anchor.removeAttribute("aria-describedby");
                this.anchor = null;
            }
            this.element.hidden = true;
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { PinsPopover, pinsTable });
}(window));
