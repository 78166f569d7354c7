/*
 * One slot, looked at closely: what it measures, who uses it, the world around it, what fits, its pins.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /**
     * @typedef {import("../../types/sidebar").Wb} Wb
     * @typedef {import("../../types/sidebar").SlotPicture} SlotPicture
     * @typedef {import("../../types/sidebar").Place} Place
     */

    const wb = () => /** @type {Wb} */ (root.wisblockSidebar);
    const MOST_READINGS = 32;


    class SlotView {
        /** @param {import("../../types/sidebar").Bridge} bridge */
        constructor(bridge) {
            const { dom: { h }, WorldView } = wb();
            this.bridge = bridge;
            this.heading = h("h4", { class: "wb-slot-title", id: "wisblock-slot-" + bridge.id });
            this.state = h("p", { class: "wb-slot-state" });
            this.readings = h("dl", { class: "wb-readings" });
            this.holders = h("div", { class: "wb-holders" });
            this.fits = h("div", { class: "wb-fits" });
            this.pins = h("details", { class: "wb-pins-box" });
            this.world = new WorldView(bridge);
            this.element = h("section", { class: "wb-slot-view", "aria-labelledby": this.heading.id }, this.heading, this.state, this.world.element, this.readings, this.holders, this.fits, this.pins);
            /** @type {SlotPicture | null} */
            this.slot = null;
            this.shownReadings = "";
        }

        /** @param {SlotPicture | null} slot @param {boolean} mayWrite */
        build(slot, mayWrite) {
            const { dom: { say }, words } = wb();
            this.slot = slot;
            this.element.hidden = slot === null;
            if (!slot) {
                return;
            }
            const module = slot.place ? slot.place.module : slot.plugged || "";
            const title = module ? words.title(this.bridge.modules.get(module)) : "";
            // a number and its unit stay together
            say(this.heading, [words.slot(slot.slot), module, title].filter(Boolean).join(" · ").replace(/(\d) (?=(mA|V|A|W)\b)/g, "$1\u00a0"));
            say(this.state, this.stateWords(slot, module));
            this.world.element.hidden = slot.plugged === null;
            if (slot.plugged !== null) {
                this.world.build(slot, mayWrite);
            }
            this.buildHolders(slot.place);
            this.buildFits(slot, module);
            this.buildPins(slot);
            this.update();
        }

        /** @param {SlotPicture} slot @param {string} module */
        stateWords(slot, module) {
            const { text } = wb().words;
            if (!slot.place) {
                return module ? text("slot_state.plugged") : text(slot.kind === "sensor" ? "slot_state.sensor_long" : slot.plugged === "" ? "slot_state.empty" : "slot_state.unused");
            }
            const code = slot.place.lastError && slot.place.failing ? String(slot.place.lastError.code) : "";
            return text("health." + this.bridge.tone(slot.place)) + (code ? ": " + wb().words.error(code) : "");
        }

        /** Values as they are now. */
        update() {
            const place = this.slot && this.slot.place;
            const { dom: { h, say }, words } = wb();
            /** @type {[string, string, string][]} */
            const lines = [];
            if (place) {
                place.values.forEach((value) => {
                    const about = Object.entries(value.params).map(([name, each]) => words.param(this.bridge.modules.get(place.module), value.name, name) + " " + words.value(each, undefined, "int")).join(", ");
                    Object.entries(value.readings).forEach(([name, reading]) => {
                        const { unit, kind } = this.bridge.reading(place.module, value, name);
                        lines.push([value.key + name, words.reading(this.bridge.modules.get(place.module), name) + (about ? " (" + about + ")" : ""), words.value(reading, unit, kind)]);
                    });
                });
                this.world.follow(place);
            }
            const shown = lines.slice(0, MOST_READINGS);
            const keys = JSON.stringify(shown.map((each) => each[0]));
            if (keys !== this.shownReadings) {
                this.shownReadings = keys;
                this.readings.replaceChildren(...shown.flatMap(([, name, value]) => [h("dt", null, name), h("dd", null, value)]));
                this.readings.hidden = shown.length === 0;
                return;
            }
            const cells = this.readings.querySelectorAll("dd");
            shown.forEach(([, , value], index) => say(cells[index], value));
        }

        /** @param {Place | null} place */
        buildHolders(place) {
            const { canvas, dom: { button, h, replace }, words: { text } } = wb();
            const holders = place ? canvas.holders(this.bridge.id, place) : [];
            this.holders.hidden = holders.length === 0;
            replace(this.holders, h("h5", null, text("holder.title")), h("ul", null, ...holders.slice(0, 16).map((each) => h("li", null, each.id
                ? button({ key: "node-" + each.id, class: "wb-node", icon: "crosshairs", text: each.label, label: text("holder.show", { node: each.label }), click: () => canvas.reveal(each.id) })
                : h("span", { class: "wb-client" }, [each.client || text("holder.somebody"), each.label].filter(Boolean).join(": "))))),
            ...(place && place.held.length > 0 ? [h("p", { class: "wb-quiet" }, text("holder.held", { outputs: place.held.slice(0, 8).map((each) => each.output).join(", ") }))] : []));
        }

        /** @param {SlotPicture} slot @param {string} module */
        buildFits(slot, module) {
            const { canvas, dom: { h, replace }, words: { text, title } } = wb();
            const fits = module ? slot.fits.filter((each) => each.name === module && !slot.place) : slot.fits;
            this.fits.hidden = fits.length === 0;
            const key = fits.map((each) => each.name).join();
            if (this.fits.dataset.key === JSON.stringify([slot.slot, key])) {
                return;
            }
            this.fits.dataset.key = JSON.stringify([slot.slot, key]);
            const items = fits.map((each) => {
                const { icon, color } = canvas.look(each);
                const what = { module: each, bridge: this.bridge.id, slot: slot.slot };
                const item = h("button", {
                    type: "button", class: "wb-fit", "data-key": "fit-" + each.name, "data-module": each.name, title: title(each),
                    "aria-label": text("fits.add", { module: each.name, title: title(each) }), click: () => canvas.add(what),
                }, h("span", { class: "wb-fit-icon", "aria-hidden": "true" }, h("img", { src: icon, alt: "" })),
                h("span", { class: "wb-fit-words" }, h("b", null, String(each.name)), h("span", { class: "wb-quiet" }, title(each))));
                /** @type {HTMLElement} */ (item.firstElementChild).style.backgroundColor = color;
                canvas.drag(item, what);
                return item;
            });
            replace(this.fits, h("h5", null, text(module ? "fits.this" : "fits.title")), h("p", { class: "wb-quiet" }, text("fits.how")), h("div", { class: "wb-fit-list" }, ...items));
        }

        /** @param {SlotPicture} slot */
        buildPins(slot) {
            const { dom: { h, replace }, pinsTable, words } = wb();
            this.pins.hidden = slot.pins.length === 0;
            replace(this.pins, h("summary", { "data-key": "pins" }, words.text("pins.title")), pinsTable(slot.pins, String(slot.slot)));
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { SlotView });
}(window));
