/*
 * The board as an SVG.
 *
 * 1. What is drawn comes from the board's data and from what the bridge reports; no board and no module is known here.
 * 2. Built anew when the picture is another one; a value that changes changes its text and its line only.
 * 3. Each slot is a button, each holder a link: what the pointer can do, the keyboard can.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    const FONT = "Helvetica Neue, Arial, Helvetica, sans-serif";
    const MOST_CHIPS = 12;
    const SPARK_HEIGHT = 24;
    const PAD = 10;
    const ROOMY = 124;

    /**
     * @typedef {import("../../types/sidebar").Bridge} Bridge
     * @typedef {import("../../types/sidebar").Box} Box
     * @typedef {import("../../types/sidebar").Place} Place
     * @typedef {import("../../types/sidebar").SlotPicture} SlotPicture
     * @typedef {import("../../types/sidebar").Wb} Wb
     */

    /** @type {CanvasRenderingContext2D | null} */
    let ruler = null;

    /** Shortens a text to a width.  @param {string} text @param {number} width @param {number} size @param {boolean} [bold] */
    function fit(text, width, size, bold) {
        ruler = ruler || document.createElement("canvas").getContext("2d");
        if (!ruler) {
            return text;
        }
        ruler.font = (bold ? "bold " : "") + size + "px " + FONT;
        let shown = text.slice(0, 200);
        if (ruler.measureText(shown).width <= width) {
            return shown;
        }
        while (shown.length > 1 && ruler.measureText(shown + "…").width > width) {
            shown = shown.slice(0, -1);
        }
        return shown + "…";
    }

    /** @param {{name: string, address: string}} chip */
    function labelOf(chip) {
        return chip.name + " " + chip.address;
    }


    class BoardView {
        /** @param {Bridge} bridge @param {{select: (slot: string) => void, hover: (slot: string | null, anchor: Element | null) => void}} actions */
        constructor(bridge, actions) {
            this.wb = /** @type {Wb} */ (root.wisblockSidebar);
            this.bridge = bridge;
            this.actions = actions;
            this.element = this.wb.dom.h("div", { class: "wb-board" });
            /** @type {{place: Place, value: Element, line: Element | null, size: {width: number, height: number}, room: number, font: number}[]} */
            this.live = [];
        }

        /** @param {number} width @param {string} selected  slot */
        build(width, selected) {
            const { dom: { s, replace }, words: { text } } = this.wb;
            this.live = [];
            const slots = this.bridge.slots();
            const kinds = { io: slots.filter((each) => each.kind === "io"), sensor: slots.filter((each) => each.kind === "sensor") };
            const modules = this.bridge.onBoard();
            const chips = this.chips();
            const layout = this.wb.boardLayout(width, { io: kinds.io.length, sensor: kinds.sensor.length, modules: modules.length, chips: chips.length });
            const board = this.bridge.status.board || {};
            const product = String(board.product || this.bridge.boardName || "");
            const hasRoom = chips.every((each, index) => labelOf(each) === fit(labelOf(each), layout.chips[index].width - 8, 9));
            replace(this.element, s("svg", {
                class: "wb-svg", width: width, height: layout.height, viewBox: "0 0 " + width + " " + layout.height, role: "group", "aria-label": text("board.label", { board: product }),
            },
            s("rect", { class: "wb-pcb", x: 0.5, y: 0.5, width: width - 1, height: layout.height - 1, rx: 10 }),
            ...this.holes(width, layout.height),
            s("text", { class: "wb-silk wb-product", x: 24, y: 21 }, fit(product, width - 48, 13, true)),
            ...kinds.io.map((each, index) => this.slot(each, layout.io[index], selected)),
            ...kinds.sensor.map((each, index) => this.sensor(each, layout.sensor[index], selected)),
            ...modules.map((each, index) => this.module(each, layout.modules[index])),
            ...chips.map((each, index) => this.chip(each, layout.chips[index], hasRoom))));
            this.update();
        }

        /** Values and lines as they are now. */
        update() {
            const { dom: { say }, sparkline } = this.wb;
            this.live.forEach(({ place, value, line, size, room, font }) => {
                const { main } = place;
                say(value, main ? fit(this.shown(main), room, font, true) : "");
                if (line) {
                    this.bridge.trim(place);
                    line.setAttribute("d", sparkline(place.history, performance.now(), size, Boolean(main && typeof main.value === "boolean")));
                }
            });
        }

        /** A number or a word speaks for itself; how long a list is needs the name of the list.  @param {import("../../types/sidebar").Main} main */
        shown(main) {
            const { words } = this.wb;
            const value = words.value(main.value, main.unit, main.kind);
            return Array.isArray(main.value) && value.startsWith("[") ? words.plain(main.reading) + " " + value : value;
        }

        /** @param {number} width @param {number} height */
        holes(width, height) {
            return [[11, 11], [width - 11, 11], [11, height - 11], [width - 11, height - 11]]
                .map(([x, y]) => this.wb.dom.s("circle", { class: "wb-hole", cx: x, cy: y, r: 4 }));
        }

        /** The parts that are soldered to the board. */
        chips() {
            const addresses = Array.isArray(this.bridge.status.addresses) ? this.bridge.status.addresses : [];
            return addresses.filter((each) => each && typeof each.address === "number" && !/ in slot /.test(String(each.holder))).slice(0, MOST_CHIPS)
                .map((each) => ({ name: String(each.holder).split(" ").pop() || "", holder: String(each.holder), address: "0x" + each.address.toString(16) }));
        }

        /** @param {Element} group @param {string} slot */
        interactive(group, slot) {
            group.addEventListener("click", () => this.actions.select(slot));
            group.addEventListener("keydown", (event) => {
                const { key } = /** @type {KeyboardEvent} */ (event);
                if (key === "Enter" || key === " ") {
                    event.preventDefault();
                    this.actions.select(slot);
                } else if (key === "Escape") {
                    this.actions.hover(null, null);
                }
            });
            group.addEventListener("pointerenter", () => this.actions.hover(slot, group));
            group.addEventListener("pointerleave", () => this.actions.hover(null, null));
            group.addEventListener("focus", () => group.matches(":focus-visible") && this.actions.hover(slot, group));
            group.addEventListener("blur", () => this.actions.hover(null, null));
            return group;
        }

        /** @param {string} module @param {number} x @param {number} y @param {number} size */
        icon(module, x, y, size) {
            const { dom: { s }, canvas } = this.wb;
            const { icon, color } = canvas.look(this.bridge.modules.get(module) || null);
            return s("g", { "aria-hidden": "true" },
                s("rect", { class: "wb-icon-box", x: x, y: y, width: size, height: size, rx: 5, fill: color }),
                s("rect", { class: "wb-icon-shade", x: x, y: y, width: size, height: size, rx: 5 }),
                s("image", { href: icon, x: x + size * 0.12, y: y, width: size * 0.76, height: size }));
        }

        /** What a screen reader says of a slot.  @param {SlotPicture} slot @param {string} module */
        spoken(slot, module) {
            const { words } = this.wb;
            const { place } = slot;
            const parts = [words.slot(slot.slot), module ? module + " " + words.title(this.bridge.modules.get(module)) : words.text(slot.kind === "sensor" ? "slot_state.sensor" : "slot_state.empty")];
            if (place) {
                parts.push(words.text("health." + this.bridge.tone(place)));
                if (place.main) {
                    parts.push(words.reading(this.bridge.modules.get(place.module), place.main.reading) + " " + words.value(place.main.value, place.main.unit, place.main.kind));
                }
            }
            if (slot.fault) {
                parts.push(words.text("fault.on", { fault: words.known("fault.kind." + slot.fault, words.plain(slot.fault)) }));
            }
            return parts.join(", ");
        }

        /** @param {SlotPicture} slot @param {Box} box @param {string} selected */
        slot(slot, box, selected) {
            const { dom: { s }, words } = this.wb;
            const id = String(slot.slot);
            const module = slot.place ? slot.place.module : slot.plugged || "";
            const isUsed = slot.place !== null;
            const body = this.interactive(s("g", {
                class: "wb-slot" + (module ? "" : " wb-empty") + (isUsed ? "" : " wb-unused") + (selected === id ? " wb-selected" : ""),
                role: "button", tabindex: 0, "data-key": "slot-" + id, "data-slot": id, "aria-pressed": String(selected === id), "aria-label": this.spoken(slot, module),
            }, s("rect", { class: "wb-slot-body", x: box.x, y: box.y, width: box.width, height: box.height, rx: 8 })), id);
            if (module) {
                this.fill(body, slot, module, box);
            } else {
                const isKnownEmpty = slot.plugged === "";
                body.append(
                    s("path", { class: "wb-plus", d: "M" + (box.x + box.width / 2 - 9) + "," + (box.y + 48) + "h18m-9,-9v18" }),
                    s("text", { class: "wb-small wb-middle", x: box.x + box.width / 2, y: box.y + 80 }, fit(words.text(isKnownEmpty ? "slot_state.empty" : "slot_state.unused"), box.width - 2 * PAD, 11)));
            }
            body.append(...this.pads(slot, box));
            return s("g", null, s("text", { class: "wb-silk", x: box.x + 2, y: box.y - 5 }, words.slot(slot.slot)), body, this.holder(slot, box));
        }

        /** @param {Element} body @param {SlotPicture} slot @param {string} module @param {Box} box */
        fill(body, slot, module, box) {
            const { dom: { s }, words, healthMark } = this.wb;
            const { place } = slot;
            const title = words.title(this.bridge.modules.get(module));
            const icon = box.width < ROOMY ? 22 : 28;
            const [left, room] = [PAD + icon + 7, box.width - PAD - icon - 11];
            body.append(this.icon(module, box.x + PAD, box.y + PAD, icon),
                s("text", { class: "wb-name", x: box.x + left, y: box.y + 21 }, fit(module, room, 13, true)),
                s("text", { class: "wb-small", x: box.x + left, y: box.y + 36 }, fit(title, room, 11)));
            if (!place) {
                body.append(s("text", { class: "wb-small", x: box.x + PAD, y: box.y + 66 }, fit(words.text("slot_state.plugged"), box.width - 2 * PAD, 11)));
                return;
            }
            body.append(healthMark(this.bridge.tone(place), box.x + box.width - 15, box.y - 16));
            if (slot.fault) {
                body.append(s("path", { class: "wb-bolt", "data-fault": slot.fault, d: "M" + (box.x + box.width - 24) + "," + (box.y - 17) + "l-6,9h5l-2,7l7,-10h-5z" }));
            }
            const font = box.width < ROOMY ? 17 : 20;
            const value = s("text", { class: "wb-value", x: box.x + PAD, y: box.y + 66, "font-size": font, "data-value": String(slot.slot) });
            const size = { width: box.width - 2 * PAD, height: SPARK_HEIGHT };
            const line = s("path", { class: "wb-line" });
            body.append(value, s("g", { transform: "translate(" + (box.x + PAD) + "," + (box.y + 73) + ")", "aria-hidden": "true" }, line));
            this.live.push({ place: place, value: value, line: line, size: size, room: box.width - 2 * PAD, font: font });
        }

        /** A pad for each pin, full where somebody holds it.  @param {SlotPicture} slot @param {Box} box */
        pads(slot, box) {
            const pins = slot.pins.slice(0, 24);
            const width = Math.min(7, (box.width - 2 * PAD) / Math.max(1, pins.length));
            const left = box.x + (box.width - width * pins.length) / 2;
            return pins.map((pin, index) => this.wb.dom.s("rect", {
                class: "wb-pad" + (pin.holder ? " wb-pad-held" : ""), x: left + index * width + 1, y: box.y + box.height - 5, width: width - 2, height: 5, rx: 1, "aria-hidden": "true",
            }));
        }

        /** Who uses it: a link to the node, where it is one of this editor's.  @param {SlotPicture} slot @param {Box} box */
        holder(slot, box) {
            const { dom: { s }, words: { text }, canvas } = this.wb;
            if (!slot.place) {
                return null;
            }
            const [x, y, room] = [box.x + PAD, box.y + 114, box.width - 2 * PAD];
            const all = canvas.holders(this.bridge.id, slot.place);
            if (all.length === 0) {
                return s("text", { class: "wb-small", x: x, y: y }, fit(text("holder.nobody"), room, 11));
            }
            const [first] = all;
            const label = first.id ? first.label : first.client || text("holder.somebody");
            const more = all.length > 1 ? " +" + (all.length - 1) : "";
            const shown = s("text", { class: first.id ? "wb-small wb-link" : "wb-small", x: x, y: y }, fit(label + more, room, 11));
            if (!first.id) {
                return shown;
            }
            const show = () => canvas.reveal(first.id);
            return s("g", {
                role: "link", tabindex: 0, "data-key": "holder-" + slot.slot, class: "wb-holder", "aria-label": text("holder.show", { node: first.label }), click: show,
                keydown: (/** @type {KeyboardEvent} */ event) => {
                    if (event.key === "Enter" || event.key === " ") {
                        event.preventDefault();
                        show();
                    }
                },
            }, s("rect", { class: "wb-hit", x: x - 4, y: y - 12, width: room + 8, height: 16, rx: 3 }), shown);
        }

        /** @param {SlotPicture} slot @param {Box} box @param {string} selected */
        sensor(slot, box, selected) {
            const { dom: { s }, words } = this.wb;
            const id = String(slot.slot);
            return s("g", null,
                s("text", { class: "wb-silk", x: box.x + 2, y: box.y - 5 }, words.slot(slot.slot)),
                this.interactive(s("g", {
                    class: "wb-slot wb-sensor wb-empty" + (selected === id ? " wb-selected" : ""), role: "button", tabindex: 0, "data-key": "slot-" + id, "data-slot": id,
                    "aria-pressed": String(selected === id), "aria-label": this.spoken(slot, ""),
                },
                s("rect", { class: "wb-slot-body", x: box.x, y: box.y, width: box.width, height: box.height, rx: 6 }),
                s("text", { class: "wb-small wb-middle", x: box.x + box.width / 2, y: box.y + 24 }, fit(words.text("slot_state.sensor"), box.width - 8, 11)), ...this.pads(slot, box)), id));
        }

        /** A module that is part of the board.  @param {Place} place @param {Box} box */
        module(place, box) {
            const { dom: { s }, healthMark } = this.wb;
            const room = Math.floor(box.width / 2) - 20;
            const value = s("text", { class: "wb-value wb-end", x: box.x + box.width - 32, y: box.y + 26, "font-size": 18, "data-value": place.module });
            this.live.push({ place: place, value: value, line: null, size: { width: 0, height: 0 }, room: room, font: 18 });
            return s("g", { class: "wb-slot" }, s("rect", { class: "wb-slot-body", x: box.x, y: box.y, width: box.width, height: box.height, rx: 6 }),
                this.icon(place.module, box.x + 8, box.y + 8, 24), s("text", { class: "wb-name", x: box.x + 40, y: box.y + 25 }, fit(place.module, room - 30, 13, true)),
                value, healthMark(this.bridge.tone(place), box.x + box.width - 24, box.y + 13));
        }

        /** @param {{name: string, holder: string, address: string}} chip @param {Box} box @param {boolean} hasRoom  for the address of all of them */
        chip(chip, box, hasRoom) {
            const { dom: { s } } = this.wb;
            return s("g", { class: "wb-chip" }, s("title", null, chip.holder + ", " + chip.address),
                s("rect", { x: box.x, y: box.y, width: box.width, height: box.height, rx: 2 }),
                s("text", { class: "wb-silk wb-middle", x: box.x + box.width / 2, y: box.y + 12.5 }, hasRoom ? labelOf(chip) : fit(chip.name, box.width - 8, 9)));
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { BoardView });
}(window));
