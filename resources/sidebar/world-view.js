/*
 * The emulated world around one slot: its quantities, what is plugged in, its faults.
 *
 * 1. Built anew when something else is in the slot; values come in from readings of the same name, and are asked for while the world moves
 *    by itself.
 * 2. What the bridge refuses is said where the hand is.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /**
     * @typedef {import("../../types/sidebar").Wb} Wb
     * @typedef {import("../../types/sidebar").SlotPicture} SlotPicture
     */

    const MOST_QUANTITIES = 64;
    const wb = () => /** @type {Wb} */ (root.wisblockSidebar);


    class WorldView {
        /** @param {import("../../types/sidebar").Bridge} bridge */
        constructor(bridge) {
            const { h } = wb().dom;
            this.bridge = bridge;
            this.element = h("div", { class: "wb-world" });
            this.controls_ = h("div", { class: "wb-controls" });
            this.extras = h("div", { class: "wb-extras" });
            this.said = h("div", { class: "wb-said", role: "status" });
            this.element.append(this.controls_, this.extras, this.said);
            /** @type {Map<string, import("../../types/sidebar").Control>} */
            this.controls = new Map();
            this.slot = "";
            this.wanted = "";
            this.about = "";
            this.isAsking = false;
        }

        /** @param {string} action @param {Record<string, unknown>} params */
        async act(action, params) {
            const { ask, dom, words } = wb();
            const answer = await ask("POST", encodeURIComponent(this.bridge.id) + "/emulator", { action: action, params: params });
            dom.say(this.said, answer.state === "done" ? "" : words.text("refused", { message: words.failure(answer) }));
            return answer;
        }

        /** @param {SlotPicture} slot @param {boolean} mayWrite */
        build(slot, mayWrite) {
            const hasUnits = Object.keys(this.bridge.units).length > 0;
            const about = JSON.stringify([slot.slot, slot.plugged, hasUnits, slot.fault, slot.faults, slot.pluggable, mayWrite]);
            if (about === this.about) {
                return;
            }
            const isOther = JSON.stringify(JSON.parse(about).slice(0, 3)) !== JSON.stringify(JSON.parse(this.about || "[]").slice(0, 3));
            this.about = about;
            this.slot = String(slot.slot);
            if (isOther) {
                wb().dom.say(this.said, "");
                this.controls.clear();
                this.controls_.replaceChildren();
                this.mayWrite = mayWrite;
                if (slot.plugged) {
                    this.refresh();
                }
            }
            wb().dom.replace(this.extras, this.plugRow(slot, mayWrite), this.faultRow(slot, mayWrite));
        }

        /** Asks for the quantities as they are now. */
        async refresh() {
            const { ask } = wb();
            const { slot, about } = this;
            if (this.isAsking) {
                return;
            }
            this.isAsking = true;
            const answer = await ask("GET", encodeURIComponent(this.bridge.id) + "/world/" + encodeURIComponent(slot));
            this.isAsking = false;
            if (JSON.parse(this.about)[1] !== JSON.parse(about)[1] || this.slot !== slot) {
                this.refresh();
                return;
            }
            if (Array.isArray(answer.quantities)) {
                this.take(answer.quantities.filter((each) => each && typeof each.quantity === "string").slice(0, MOST_QUANTITIES));
            }
        }

        /** @param {any[]} quantities */
        take(quantities) {
            const { makeControl } = wb();
            const isSame = quantities.length === this.controls.size && quantities.every((each) => this.controls.has(each.quantity));
            if (!isSame) {
                this.controls = new Map(quantities.map((each) => [each.quantity, makeControl(each, this.unit(each.unit), (value) => this.set(each.quantity, value), Boolean(this.mayWrite) && each.writable === true)]));
                this.controls_.replaceChildren(...Array.from(this.controls.values(), (each) => each.element));
                return;
            }
            quantities.forEach((each) => /** @type {import("../../types/sidebar").Control} */ (this.controls.get(each.quantity)).set(each.value));
        }

        /** @param {string} quantity @param {any} value */
        async set(quantity, value) {
            const answer = await this.act("set", { slot: this.slot, quantity: quantity, value: value });
            if (answer.state !== "done") {
                this.refresh();
            }
        }

        /** @param {unknown} name @returns {import("../../types/sidebar").Unit | undefined} */
        unit(name) {
            const { units } = this.bridge;
            const found = typeof name === "string" && Object.prototype.hasOwnProperty.call(units, name) ? units[name] : undefined;
            return found && found.symbol ? found : undefined;
        }

        /** Readings of the same name move the controls.  @param {import("../../types/sidebar").Place | null} place */
        follow(place) {
            if (place && place.main && this.controls.has(place.main.reading)) {
                /** @type {import("../../types/sidebar").Control} */ (this.controls.get(place.main.reading)).set(place.main.value);
            }
        }

        /** @param {SlotPicture} slot @param {boolean} mayWrite */
        plugRow(slot, mayWrite) {
            const { dom: { button, h }, words: { text } } = wb();
            if (slot.plugged === null) {
                return null;
            }
            if (slot.plugged) {
                return h("div", { class: "wb-control" }, h("span", { class: "wb-control-label" }, text("world.plugged", { module: slot.plugged })),
                    button({ key: "unplug", class: "wb-unplug", icon: "eject", text: text("world.unplug"), disabled: !mayWrite, click: () => this.act("unplug", { slot: this.slot }) }));
            }
            /** @type {HTMLSelectElement} */
            const select = h("select", { "aria-label": text("world.what"), "data-key": "plug-what", class: "wb-plug-what", disabled: !mayWrite, change: () => {
                this.wanted = select.value;
            } }, ...slot.pluggable.map((each) => h("option", { value: each, selected: each === this.wanted }, each)));
            return h("div", { class: "wb-control" }, h("span", { class: "wb-control-label" }, text("world.plug_in")), h("span", { class: "wb-control-parts" }, select,
                button({ key: "plug", class: "wb-plug", icon: "plug", text: text("world.plug"), disabled: !mayWrite, click: () => this.act("plug", { slot: this.slot, module: select.value }) })));
        }

        /** @param {SlotPicture} slot @param {boolean} mayWrite */
        faultRow(slot, mayWrite) {
            const { dom: { button, h }, makeSwitch, words: { known, plain, text } } = wb();
            if (slot.faults.length === 0) {
                return null;
            }
            return h("fieldset", { class: "wb-faults" }, h("legend", null, text("fault.title")), ...slot.faults.map((kind) => {
                const label = known("fault.kind." + kind, plain(kind));
                const isMoment = kind === "power_cycle";
                const control = isMoment
                    ? button({ key: "fault-" + kind, text: text("fault.now"), label: label, disabled: !mayWrite, click: () => this.act("fault", { slot: this.slot, kind: kind }) })
                    : makeSwitch({ key: "fault-" + kind, label: label, isOn: slot.fault === kind, disabled: !mayWrite, change: (isOn) => this.act("fault", { slot: this.slot, kind: kind, ...(isOn ? {} : { count: 0 }) }) });
                control.setAttribute("data-fault", kind);
                return h("div", { class: "wb-control" }, h("span", { class: "wb-control-label" }, label), control);
            }));
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { WorldView });
}(window));
