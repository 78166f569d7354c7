/*
 * The form of the request node: what the catalogue offers for each field, and whether what is written there exists.
 *
 * 1. A field that is empty comes from the message; a name may also be typed, for modules that are newer than these nodes.
 * 2. Names are checked against the catalogue of these nodes; values are the bridge's business.
 * 3. As long as the catalogue has not come, everything is right.
 */
(function (/** @type {import("../types/editor").Scripts} */ root) {
    "use strict";

    const PATH = "wisblock-request/choices";
    const ENVIRONMENT = /^\$\{[^}]+\}$/;
    const NEWER = /^RAK\d{4,6}$/;

    /**
     * @typedef {import("../types/editor").EditorNode} EditorNode
     * @typedef {import("../types/editor").RequestFields} RequestFields
     * @typedef {import("../types/editor").RequestScript} RequestScript
     */

    /** @type {RequestScript} filled below */
    const request = root.wisblockRequest = root.wisblockRequest || /** @type {any} */ ({});

    /** The modules of the catalogue; empty until it has come. */
    request.modules = [];

    const isOpen = (/** @type {string | null | undefined} */ value) => value === undefined || value === null || value === "" || ENVIRONMENT.test(value);
    /** @type {<Named extends {name: string}>(list: Named[], name: unknown) => Named | undefined} */
    const byName = (list, name) => list.find((each) => each.name === name);
    /** @type {(list: {name: string}[]) => string} */
    const names = (list) => list.map((each) => each.name).join(", ");

    /**
     * Finds what does not exist.
     *
     * Returns the first one, and the words for it; null when all is right.
     *
     * @type {RequestScript["problem"]}
     */
    request.problem = function (modules, fields) {
        if (!["invoke", "release"].includes(fields.method) || modules.length === 0 || isOpen(fields.module)) {
            return null;
        }
        const module = byName(modules, fields.module);
        if (!module) {
            return NEWER.test(fields.module) ? null : { field: "module", key: "module", values: { module: fields.module, names: names(modules) } };
        }
        if (!isOpen(fields.slot) && !module.slots.includes(String(fields.slot).trim())) {
            return { field: "slot", key: "slot", values: { module: module.name, slot: fields.slot, slots: module.slots.join(", ") } };
        }
        if (fields.method !== "invoke" || isOpen(fields.operation)) {
            return null;
        }
        const operation = byName(module.operations, fields.operation);
        if (!operation) {
            return { field: "operation", key: "operation", values: { module: module.name, operation: fields.operation, names: names(module.operations) } };
        }
        let params;
        try {
            params = JSON.parse(fields.params || "{}");
        } catch {
            return null; // the field itself says that it is no JSON
        }
        const unknown = params && typeof params === "object" ? Object.keys(params).find((each) => !byName(operation.params, each)) : undefined;
        if (unknown === undefined) {
            return null;
        }
        const values = { what: module.name + " " + operation.name, name: unknown, names: names(operation.params) };
        return { field: "params", key: operation.params.length > 0 ? "param" : "no_param", values: values };
    };

    /** What a parameter may be, in a few words: "0 to 100 %, default 5".  @type {RequestScript["allowed"]} */
    request.allowed = function (param, words) {
        const unit = param.symbol ? " " + param.symbol : "";
        const parts = [];
        if (param.choices.length > 0) {
            parts.push(param.choices.map((each) => JSON.stringify(each)).join(", "));
        }
        const number = (/** @type {number} */ value) => (Math.abs(value) >= 1e6 ? value.toExponential().replace("e+", "e") : String(value));
        const low = param.low === null ? null : number(param.low) + unit;
        const high = param.high === null ? null : number(param.high) + unit;
        if (["int", "float", "list"].includes(param.kind) && low !== null && high !== null) {
            parts.push(words("range", { low: number(Number(param.low)), high: high }));
        } else if (param.kind === "int" || param.kind === "float") {
            parts.push(low !== null ? words("low", { limit: low }) : high !== null ? words("high", { limit: high }) : words("kind." + param.kind) + unit);
        }
        if (parts.length === 0) {
            parts.push(words("kind." + param.kind));
        }
        if (param.required) {
            parts.push(words("required"));
        } else if (param.default !== null) {
            parts.push(words("default", { value: JSON.stringify(param.default) }));
        }
        return parts.join(", ");
    };

    /** Asks for the catalogue; nodes that are there already are checked again when it has come. */
    request.load = function () {
        $.getJSON(PATH).done(function (modules) {
            request.modules = modules;
            RED.nodes.eachNode(function (node) {
                if (node.type === "wisblock-request") {
                    RED.editor.validateNode(node);
                    node.dirty = true;
                }
            });
            RED.view.redraw();
        });
    };

    /** The form of a node that is being edited goes before what the node has saved.  @param {EditorNode} node @param {string} name */
    function current(node, name) {
        const stack = RED.editor.getEditStack();
        const edited = stack[stack.length - 1];
        const input = $("#node-input-" + name);
        return /** @type {string} */ (edited && edited.id === node.id && input.length > 0 ? input.val() : node[name]);
    }

    /** @type {(keyof RequestFields)[]} */
    const FIELDS = ["method", "module", "slot", "operation", "params"];

    /** @param {EditorNode} node @returns {RequestFields} */
    function fieldsOf(node) {
        return /** @type {any} */ (Object.fromEntries(FIELDS.map((name) => [name, current(node, name)])));
    }

    /** Makes the editor's check of one field: true, or the reason where it takes one.  @type {RequestScript["validator"]} */
    request.validator = function (field) {
        return function (value, opt) {
            const found = request.problem(request.modules, Object.assign(fieldsOf(this), { [field]: value }));
            if (!found || found.field !== field) {
                return true;
            }
            return opt && this._ ? this._("request.problem." + found.key, found.values) : false;
        };
    };

    /** Checks the field of the parameters: JSON, with names that the operation has.  @type {RequestScript["checkParams"]} */
    request.checkParams = function (value, opt) {
        const json = RED.utils.validateTypedProperty(value || "{}", "json", opt);
        return json === true ? request.validator("params").call(this, value, opt) : opt ? json : false;
    };

    /** Makes the form of a node.  @type {RequestScript["prepare"]} */
    request.prepare = function (node) {
        /** @type {import("../types/editor").Text} */
        const words = (key, values) => node._("request.allowed." + key, values);
        const input = (/** @type {string} */ name) => $("#node-input-" + name);

        /** @type {(name: string, options: {value: string, label: string}[]) => void} */
        function offer(name, options) {
            const empty = { value: "", label: node._("request.from_message", { name: name }) };
            const value = input(name).typedInput("value");
            const known = value === "" || options.some((each) => each.value === value);
            input(name).typedInput("types", [
                { value: "choice", label: node._("request.choice"), icon: "fa fa-list-ul", options: [empty].concat(options) },
                { value: "typed", label: node._("request.typed"), icon: "fa fa-pencil" },
            ]);
            input(name).typedInput("type", known ? "choice" : "typed");
            input(name).typedInput("value", value);
        }

        function showHelp() {
            const module = byName(request.modules, input("module").val());
            const operation = module && byName(module.operations, input("operation").val());
            const box = $("#wisblock-request-help").empty().toggle(input("method").val() === "invoke" && Boolean(operation));
            if (operation) {
                $("<div>").text(operation.summary).appendTo(box);
                const list = $("<dl>").css({ margin: "4px 0 0" }).appendTo(operation.params.length > 0 ? box : []);
                operation.params.forEach(function (param) {
                    $("<dt>").append($("<code>").text(param.name), document.createTextNode(" " + request.allowed(param, words))).appendTo(list);
                    $("<dd>").text(param.summary).appendTo(list);
                });
                if (operation.params.length === 0) {
                    $("<div>").text(node._("request.no_params")).appendTo(box);
                }
            }
        }

        function offerPlaces() {
            const module = byName(request.modules, input("module").val());
            offer("slot", (module ? module.slots : ["1", "2", "board"]).map((each) => ({ value: each, label: each })));
            offer("operation", (module ? module.operations : []).map((each) => ({ value: each.name, label: each.name })));
        }

        input("timeout_ms").attr("placeholder", root.wisblockLimits.default_timeout_ms + " ms");
        ["module", "slot", "operation"].forEach((name) => input(name).typedInput({ types: ["str"] }));
        input("params").typedInput({ types: ["json"] });
        offer("module", request.modules.map((each) => ({ value: each.name, label: each.name + " " + each.title })));
        offerPlaces();

        let shown = String(input("module").val());
        input("module").on("change", function () {
            if (input("module").val() !== shown) {
                shown = String(input("module").val());
                offerPlaces();
            }
        });
        let checking = false;
        FIELDS.forEach((name) => input(name).on("change", function () {
            const method = String(input("method").val());
            $(".wisblock-request-place").toggle(["invoke", "release"].includes(method));
            $(".wisblock-request-operation").toggle(method === "invoke");
            showHelp();
            if (!checking) { // whether one field is right depends on the others
                checking = true;
                FIELDS.filter((each) => each !== name && each !== "method").forEach((each) => input(each).trigger("change"));
                checking = false;
            }
        }));
        input("method").trigger("change");
    };
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
