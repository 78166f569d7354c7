/*
 * The form of the request node: what the catalogue offers for each field, and whether what is written there exists.
 *
 * 1. A field that is empty comes from the message; a name may also be typed, for modules that are newer than these nodes.
 * 2. Names are checked against the catalogue of the bridge that is chosen, of these nodes as long as that has not answered; values are the
 *    bridge's business.
 * 3. As long as no catalogue has come, everything is right.
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

    /** What bridges have, by the id of their node.  @type {Map<string, RequestScript["modules"]>} */
    const live = new Map();

    /** The modules of a bridge, as far as they are known.  @param {unknown} bridge */
    function modulesOf(bridge) {
        return live.get(String(bridge || "")) || request.modules;
    }

    /** How many letters must be changed, added or taken away to make one word of another (Levenshtein).  @param {string} one @param {string} other */
    function distance(one, other) {
        let row = Array.from({ length: other.length + 1 }, (_each, index) => index);
        Array.from(one).forEach(function (letter, index) {
            const next = [index + 1];
            Array.from(other).forEach(function (each, at) {
                next.push(Math.min(next[at] + 1, row[at + 1] + 1, row[at] + (letter === each ? 0 : 1)));
            });
            row = next;
        });
        return row[other.length];
    }

    /** The name that was meant, where one is near.  @type {RequestScript["nearest"]} */
    request.nearest = function (name, list) {
        const written = String(name).slice(0, 40).toLowerCase();
        const judged = list.map((each) => ({ name: each.name, far: distance(written, each.name.slice(0, 40).toLowerCase()) })).sort((a, b) => a.far - b.far);
        return judged.length > 0 && judged[0].far <= Math.max(1, Math.floor(written.length / 3)) ? judged[0].name : "";
    };

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
            return NEWER.test(fields.module) ? null : { field: "module", key: "module", values: { module: fields.module, names: names(modules), nearest: request.nearest(fields.module, modules) } };
        }
        if (!isOpen(fields.slot) && !module.slots.includes(String(fields.slot).trim())) {
            return { field: "slot", key: "slot", values: { module: module.name, slot: fields.slot, slots: module.slots.join(", ") } };
        }
        if (fields.method !== "invoke" || isOpen(fields.operation)) {
            return null;
        }
        const operation = byName(module.operations, fields.operation);
        if (!operation) {
            return { field: "operation", key: "operation", values: { module: module.name, operation: fields.operation, names: names(module.operations), nearest: request.nearest(fields.operation, module.operations) } };
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
        const values = { what: module.name + " " + operation.name, name: unknown, names: names(operation.params), nearest: request.nearest(unknown, operation.params) };
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

    /** The words for a problem; the name that was meant comes first.  @type {RequestScript["words"]} */
    request.words = function (found, text) {
        const nearest = found.values.nearest ? text("request.problem.nearest", { name: found.values.nearest }) + " " : "";
        return nearest + text("request.problem." + found.key, found.values);
    };

    /** @param {(node: EditorNode) => boolean} which */
    function checkAgain(which) {
        RED.nodes.eachNode(function (node) {
            if (node.type === "wisblock-request" && which(node)) {
                RED.editor.validateNode(node);
                node.dirty = true;
            }
        });
        RED.view.redraw();
    }

    /** Asks what a bridge has; calls when that is known and is something else than before.  @param {string} bridge @param {() => void} [then] */
    function learn(bridge, then) {
        if (!bridge || !RED.nodes.node(bridge)) {
            return;
        }
        $.getJSON(PATH + "/" + encodeURIComponent(bridge)).done(function (answer) {
            const isNew = answer && Array.isArray(answer.modules) && JSON.stringify(answer.modules) !== JSON.stringify(live.get(bridge));
            if (isNew) {
                live.set(bridge, answer.modules);
                checkAgain((node) => node.bridge === bridge);
                if (then) {
                    then();
                }
            }
        });
    }

    /** Asks for the catalogue; nodes that are there already are checked again when it has come. */
    request.load = function () {
        $.getJSON(PATH).done(function (modules) {
            request.modules = modules;
            checkAgain(() => true);
            // a module that these nodes do not have may be one of another project
            const strangers = new Set();
            RED.nodes.eachNode(function (node) {
                if (node.type === "wisblock-request" && node.module && !byName(request.modules, node.module)) {
                    strangers.add(node.bridge);
                }
            });
            strangers.forEach((bridge) => learn(bridge));
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
            const found = request.problem(modulesOf(current(this, "bridge")), Object.assign(fieldsOf(this), { [field]: value }));
            if (!found || found.field !== field) {
                return true;
            }
            return opt && this._ ? request.words(found, this._) : false;
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

        const modules = () => modulesOf(input("bridge").val());
        const slugOf = (/** @type {{name: string} | undefined} */ module) => (module ? module.name.toLowerCase() : "");
        /** What is said of a module; of one that these nodes do not have in its own words.  @type {(module: {name: string} | undefined, key: string, otherwise: string) => string} */
        const ofModule = (module, key, otherwise) => root.wisblockForm.moduleText(slugOf(module), key, otherwise);

        function showHelp() {
            const module = byName(modules(), input("module").val());
            const operation = module && byName(module.operations, input("operation").val());
            const box = $("#wisblock-request-help").empty().toggle(input("method").val() === "invoke" && Boolean(operation));
            if (operation) {
                $("<div>").text(ofModule(module, "module.operations." + operation.name, operation.summary)).appendTo(box);
                if (module && module.package) {
                    $("<div>").text(node._("request.package", { package: module.package })).appendTo(box);
                }
                const list = $("<dl>").css({ margin: "4px 0 0" }).appendTo(operation.params.length > 0 ? box : []);
                operation.params.forEach(function (param) {
                    $("<dt>").append($("<code>").text(param.name), document.createTextNode(" " + request.allowed(param, words))).appendTo(list);
                    $("<dd>").text(ofModule(module, slugOf(module) + "." + operation.name + "." + param.name + ".summary", param.summary)).appendTo(list);
                });
                if (operation.params.length === 0) {
                    $("<div>").text(node._("request.no_params")).appendTo(box);
                }
            }
        }

        function offerModules() {
            offer("module", modules().map((each) => ({ value: each.name, label: each.name + " " + ofModule(each, "module.title", each.title) })));
        }

        function offerPlaces() {
            const module = byName(modules(), input("module").val());
            offer("slot", (module ? module.slots : ["1", "2", "board"]).map((each) => ({ value: each, label: each })));
            offer("operation", (module ? module.operations : []).map((each) => ({ value: each.name, label: each.name })));
        }

        input("timeout_ms").attr("placeholder", root.wisblockLimits.default_timeout_ms + " ms");
        ["module", "slot", "operation"].forEach((name) => input(name).typedInput({ types: ["str"] }));
        input("params").typedInput({ types: ["json"] });
        offerModules();
        offerPlaces();

        let shown = String(input("module").val());
        input("module").on("change", function () {
            if (input("module").val() !== shown) {
                shown = String(input("module").val());
                offerPlaces();
            }
        });
        const again = function () {
            if (document.body.contains(input("module")[0])) {
                offerModules();
                offerPlaces();
                showHelp();
                FIELDS.forEach((name) => input(name).trigger("change"));
            }
        };
        input("bridge").on("change", function () {
            again();
            learn(String(input("bridge").val() || ""), again);
        });
        learn(String(node.bridge || ""), again);
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
