/*
 * One control for one quantity of the emulated world.
 *
 * 1. Made from what `emulator.list` says: its control, range, unit, choices; no quantity is known here.
 * 2. What the hand does goes out at once, one request at a time, the latest counts; while a hand is on it, nothing else moves it.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /**
     * @typedef {import("../../types/sidebar").Wb} Wb
     * @typedef {import("../../types/sidebar").Quantity} Quantity
     * @typedef {import("../../types/sidebar").Control} Control
     */

    const wb = () => /** @type {Wb} */ (root.wisblockSidebar);
    const QUIET_MS = 1500;
    const STEPS = 500;

    /** A step that people count in: 1, 2 or 5 times a power of ten.  @param {number} range */
    function step(range) {
        const rough = range / STEPS;
        const power = 10 ** Math.floor(Math.log10(rough));
        return Number((power * ([1, 2, 5, 10].find((each) => each * power >= rough) || 10)).toPrecision(1));
    }

    /** Sends values, one at a time; of those that come meanwhile the last.  @param {(value: any) => Promise<any>} send */
    function sender(send) {
        let isBusy = false;
        /** @type {{value: any} | null} */
        let next = null;
        return function put(/** @type {any} */ value) {
            if (isBusy) {
                next = { value: value };
                return;
            }
            isBusy = true;
            send(value).finally(function () {
                isBusy = false;
                if (next) {
                    const { value: latest } = next;
                    next = null;
                    put(latest);
                }
            });
        };
    }

    /** @param {string} written  text, or bytes as 0x… @returns {{hex: string}} */
    function bytesOf(written) {
        const hex = /^0x((?:[0-9a-f]{2})*)$/i.exec(written.replaceAll(" ", ""));
        return { hex: hex ? hex[1] : Array.from(new TextEncoder().encode(written), (each) => each.toString(16).padStart(2, "0")).join("") };
    }

    /** @param {Quantity} quantity @param {import("../../types/sidebar").Unit | undefined} unit @param {(value: any) => Promise<any>} send @param {boolean} mayWrite @returns {Control} */
    function slider(quantity, unit, send, mayWrite) {
        const { dom: { h }, words } = wb();
        const by = step(quantity.high - quantity.low);
        const put = sender(send);
        let touchedAt = -Infinity;
        const label = words.quantity(quantity.quantity);
        const range = h("input", { type: "range", min: quantity.low, max: quantity.high, step: by, "aria-label": label, "data-key": "range-" + quantity.quantity, "data-quantity": quantity.quantity, disabled: !mayWrite });
        const exact = h("input", { type: "number", min: quantity.low, max: quantity.high, step: "any", "aria-label": words.text("world.exact", { quantity: label }), "data-key": "exact-" + quantity.quantity, disabled: !mayWrite });
        const spoken = function (/** @type {number} */ value) {
            range.setAttribute("aria-valuetext", words.value(value, unit, "float"));
            range.style.setProperty("--wb-fill", ((100 * (value - quantity.low)) / (quantity.high - quantity.low)).toFixed(1) + "%");
        };
        const change = (/** @type {HTMLInputElement} */ from, /** @type {HTMLInputElement} */ other) => function () {
            const value = Number(from.value);
            if (from.value === "" || !Number.isFinite(value) || value < quantity.low || value > quantity.high) {
                return;
            }
            touchedAt = performance.now();
            other.value = from.value;
            spoken(value);
            put(value);
        };
        range.addEventListener("input", change(range, exact));
        exact.addEventListener("change", change(exact, range));
        /** @param {any} value */
        const set = function (value) {
            if (typeof value === "number" && performance.now() - touchedAt > QUIET_MS && document.activeElement !== exact) {
                range.value = String(value);
                exact.value = String(Number(value.toPrecision(6)));
                spoken(value);
            }
        };
        set(quantity.value);
        const ends = [quantity.low, quantity.high].map((each) => h("span", null, words.value(each, { symbol: "", decimals: Number.isInteger(each) ? 0 : 2 }, "")));
        return {
            set: set,
            element: h("div", { class: "wb-control wb-slider" }, h("span", { class: "wb-control-label" }, label),
                h("span", { class: "wb-exact" }, exact, h("span", { class: "wb-unit" }, unit ? unit.symbol : "")), range, h("div", { class: "wb-ends", "aria-hidden": "true" }, ...ends)),
        };
    }

    /** @param {string} label @param {HTMLElement[]} parts */
    function row(label, ...parts) {
        const { h } = wb().dom;
        return h("div", { class: "wb-control" }, h("span", { class: "wb-control-label" }, label), h("span", { class: "wb-control-parts" }, ...parts));
    }

    /** A switch that shows what it was told, and asks for the other thing.  @type {import("../../types/sidebar").MakeSwitch} */
    function makeSwitch(options) {
        const { h } = wb().dom;
        const element = h("button", {
            type: "button", role: "switch", class: "wb-switch", "aria-checked": String(options.isOn), "aria-label": options.label, "data-key": options.key, disabled: options.disabled,
            click: () => options.change(element.getAttribute("aria-checked") !== "true"),
        }, h("span", { class: "wb-switch-knob", "aria-hidden": "true" }));
        return element;
    }

    /** @param {Quantity} quantity @param {(value: any) => Promise<any>} send @param {boolean} mayWrite @returns {Control} */
    function toggle(quantity, send, mayWrite) {
        const { words } = wb();
        const label = words.quantity(quantity.quantity);
        const element = makeSwitch({
            label: label, key: "switch-" + quantity.quantity, isOn: quantity.value === true || quantity.value === 1, disabled: !mayWrite,
            change: (isOn) => {
                element.setAttribute("aria-checked", String(isOn));
                send(isOn);
            },
        });
        element.setAttribute("data-quantity", quantity.quantity);
        return { element: row(label, element), set: (value) => element.setAttribute("aria-checked", String(value === true || value === 1)) };
    }

    /** One of several, each a button.  @param {Quantity} quantity @param {{value: any, label: string}[]} choices @param {(value: any) => Promise<any>} send @param {boolean} mayWrite @returns {Control} */
    function choice(quantity, choices, send, mayWrite) {
        const { dom: { h }, words } = wb();
        const label = words.quantity(quantity.quantity);
        const buttons = choices.map(({ value, label: caption }) => h("button", {
            type: "button", role: "radio", class: "wb-choice", "data-key": "choice-" + quantity.quantity + "-" + caption, "data-value": String(value), disabled: !mayWrite,
            click: () => {
                set(value);
                send(value);
            },
            keydown: (/** @type {KeyboardEvent} */ event) => {
                const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
                if (by) {
                    event.preventDefault();
                    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (event.currentTarget));
                    const other = buttons[(at + by + buttons.length) % buttons.length];
                    other.focus();
                    other.click();
                }
            },
        }, caption));
        /** @param {any} value */
        function set(value) {
            const at = choices.findIndex((each) => each.value === value);
            buttons.forEach(function (each, index) {
                each.setAttribute("aria-checked", String(index === at));
                each.setAttribute("tabindex", index === Math.max(0, at) ? "0" : "-1");
            });
        }
        set(quantity.value);
        const group = h("span", { role: "radiogroup", "aria-label": label, class: "wb-choices", "data-quantity": quantity.quantity }, ...buttons);
        return { set: set, element: row(label, group) };
    }

    /** @param {Quantity} quantity @param {(value: any) => Promise<any>} send @param {boolean} mayWrite @returns {Control} */
    function typed(quantity, send, mayWrite) {
        const { dom: { button, h }, words } = wb();
        const isNumber = quantity.control === "number";
        const isPacket = quantity.control === "packets";
        const isText = quantity.control === "text";
        const label = words.quantity(quantity.quantity);
        const field = h("input", {
            type: isNumber ? "number" : "text", step: "any", "aria-label": label, "data-key": "field-" + quantity.quantity, "data-quantity": quantity.quantity,
            placeholder: isNumber || isText ? "" : words.text("world.bytes"), disabled: !mayWrite, autocomplete: "off", spellcheck: "false",
        });
        const put = function () {
            if (!isNumber || (field.value !== "" && Number.isFinite(Number(field.value)))) {
                send(isNumber ? Number(field.value) : isText ? field.value : bytesOf(field.value));
            }
        };
        field.addEventListener("keydown", (event) => event.key === "Enter" && put());
        /** @param {any} value */
        const set = function (value) {
            if (document.activeElement === field || isPacket) {
                return;
            }
            field.value = isNumber || isText ? String(value === null || value === undefined ? "" : value) : value && value.hex ? "0x" + value.hex : "";
        };
        set(quantity.value);
        return { set: set, element: row(label, field, button({ key: "put-" + quantity.quantity, text: words.text(isPacket ? "world.inject" : "world.set"), disabled: !mayWrite, click: put })) };
    }

    /** @param {Quantity} quantity @param {import("../../types/sidebar").Unit | undefined} unit @returns {Control} */
    function display(quantity, unit) {
        const { dom: { h, say }, words } = wb();
        const shown = h("output", { "data-quantity": quantity.quantity });
        /** @param {any} value */
        const set = (value) => say(shown, words.value(value, unit, ""));
        set(quantity.value);
        return { set: set, element: row(words.quantity(quantity.quantity), shown) };
    }

    /** Only the start of long bytes comes here: what is not whole cannot be changed.  @param {any} value */
    function isWhole(value) {
        return Boolean(value) && typeof value.hex === "string" && value.hex.length === 2 * value.length;
    }

    /** @type {import("../../types/sidebar").MakeControl} */
    function makeControl(quantity, unit, send, mayWrite) {
        const { words } = wb();
        const choices = (Array.isArray(quantity.choices) ? quantity.choices : []).map((each) => ({ value: each, label: words.plain(each) || words.text("world.nothing") }));
        switch (quantity.control) {
        case "slider": return Number.isFinite(quantity.low) && quantity.high > quantity.low ? slider(quantity, unit, send, mayWrite) : display(quantity, unit);
        case "switch": return toggle(quantity, send, mayWrite);
        case "line": return choice(quantity, [1, 0, -1].map((each) => ({ value: each, label: words.text("world.line." + (each < 0 ? "released" : each)) })), send, mayWrite);
        case "choice": return choice(quantity, choices, send, mayWrite);
        case "cards": return choice(quantity, choices.filter((each) => each.value !== "").concat({ value: "", label: words.text("world.no_card") }), send, mayWrite);
        case "bytes": return isWhole(quantity.value) ? typed(quantity, send, mayWrite) : display(quantity, unit);
        case "number":
        case "packets":
        case "text": return typed(quantity, send, mayWrite);
        default: return display(quantity, unit);
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { makeControl, makeSwitch });
}(window));
