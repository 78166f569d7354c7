/*
 * The pins of a slot: name, what it is on this board, who holds it, its level where that is known.
 *
 * 1. Beside the slot that the pointer or the focus is on, and in the slot's details for those who want to stay.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /** @typedef {import("../../types/sidebar").Wb} Wb */

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

    /** @type {import("../../types/sidebar").PinsTable} */
    function pinsTable(pins, caption) {
        const { dom: { h }, words: { text } } = wb();
        const hasLevels = pins.some((each) => each.level === 0 || each.level === 1);
        const heads = ["pin", "meaning", "holder"].concat(hasLevels ? ["level"] : []);
        return h("table", { class: "wb-pins" }, h("caption", null, caption),
            h("thead", null, h("tr", null, ...heads.map((each) => h("th", { scope: "col" }, text("pins." + each))))),
            h("tbody", null, ...pins.map((pin) => h("tr", { class: pin.holder ? "wb-held" : "" },
                h("th", { scope: "row" }, String(pin.pin)), h("td", null, meaning(pin)), h("td", null, String(pin.holder || "–")),
                hasLevels ? h("td", { class: "wb-level" }, pin.level === 0 || pin.level === 1 ? String(pin.level) : "") : null))));
    }

    /** The pins beside a slot. */
    class PinsPopover {
        /** @param {HTMLElement} inside  where it may be */
        constructor(inside) {
            this.inside = inside;
            this.element = wb().dom.h("div", { class: "wb-popover", id: "wisblock-pins", role: "tooltip", hidden: true });
            inside.append(this.element);
            /** @type {Element | null} */
            this.anchor = null;
        }

        /** @param {Element} anchor @param {Record<string, any>[]} pins @param {string} caption */
        show(anchor, pins, caption) {
            this.hide();
            if (pins.length === 0) {
                return;
            }
            this.anchor = anchor;
            anchor.setAttribute("aria-describedby", this.element.id);
            this.element.replaceChildren(pinsTable(pins, caption));
            this.element.hidden = false;
            const [at, around] = [anchor.getBoundingClientRect(), this.inside.getBoundingClientRect()];
            const { offsetHeight } = this.element;
            const below = at.bottom - around.top + this.inside.scrollTop + 6;
            const isRoomBelow = at.bottom + 6 + offsetHeight <= around.bottom;
            const above = at.top - around.top + this.inside.scrollTop - offsetHeight - 6;
            this.element.style.top = (isRoomBelow || above < this.inside.scrollTop ? below : above) + "px";
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
