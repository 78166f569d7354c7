/*
 * The editor side of a module's node: its form, its defaults, its checks and its label, built from the description in the node's html.
 *
 * 1. Nothing here knows a module, a limit or a unit: the description has the facts, each once.
 * 2. A check returns true, or the reason in the user's language.
 * 3. Every html of a module loads this file, so that the nodes can be added in any order; it runs once.
 */
(function (/** @type {import("../types/editor").Scripts} */ root) {
    "use strict";

    if (root.wisblockForm) {
        return;
    }

    const PACKAGE = "@wisblock-bridge/node-red-wisblock";
    const SHARED = `${PACKAGE}/bridge:`;
    const NAME_LABEL = "node-red:common.label.name";
    const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^0[xX][0-9a-fA-F]+$/;
    const ENVIRONMENT = /^\$\{[^}]+\}$/;

    /**
     * @typedef {import("../types/editor").EditorNode} EditorNode
     * @typedef {import("../types/editor").FieldFacts} FieldFacts
     * @typedef {import("../types/editor").FormField} FormField
     * @typedef {import("../types/editor").ModuleForm} ModuleForm
     * @typedef {import("../types/editor").ParamFacts} ParamFacts
     * @typedef {import("../types/editor").TypedInputType} TypedInputType
     */

    // -- words -------------------------------------------------------------------------------------------

    /** @type {(key: string, values?: Record<string, unknown>) => string} */
    function text(key, values) {
        return RED._(SHARED + key, values);
    }

    /**
     * A text of a module's own catalogue.
     *
     * @type {(slug: string, key: string, otherwise: string) => string} `otherwise`: for a module that these nodes do not have
     */
    function moduleText(slug, key, otherwise) {
        const full = `${PACKAGE}/${slug}:${key}`;
        const found = /^\w+$/.test(slug) && /^[\w.]+$/.test(key) ? RED._(full) : "";
        return typeof found !== "string" || found === "" || full.endsWith(found) ? otherwise : found;
    }

    /** The name of an operation or event within a text: in English it has no capital.  @param {ModuleForm} form @param {unknown} name */
    function nameInText(form, name) {
        const usual = plain(name);
        const found = moduleText(form.slug, `${form.slug}.${name}.name`, usual);
        return found.toLowerCase() === usual.toLowerCase() ? usual : found;
    }

    /** A name of the wire as people write it: "pulse_width" is "pulse width".  @param {unknown} name */
    function plain(name) {
        return String(name || "").replaceAll("_", " ");
    }

    /** @param {unknown} value @returns {boolean} */
    function isBlank(value) {
        return value === undefined || value === null || value === "";
    }

    /** @param {unknown} text_ */
    function escapeHtml(text_) {
        return String(text_).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;");
    }

    // -- checks ------------------------------------------------------------------------------------------

    /** The form of a node that is being edited goes before what the node has saved.  @param {EditorNode} node @param {string} name */
    function current(node, name) {
        const stack = RED.editor.getEditStack();
        const edited = stack[stack.length - 1];
        const input = $(selector(name));
        return String((edited && edited.id === node.id && input.length > 0 ? input.val() : node[name]) ?? "");
    }

    /** @type {(facts: FieldFacts, key: string, values?: Record<string, unknown>) => string} */
    function problem(facts, key, values) {
        const reason = text(`form.problem.${key}`, values);
        return facts.label ? `${RED._(facts.label)}: ${reason}` : reason;
    }

    /** @param {unknown} value @param {FieldFacts} facts @returns {true | string} */
    function checkNumber(value, facts) {
        if (!NUMBER.test(String(value).trim())) {
            return problem(facts, "number");
        }
        const number = Number(value);
        if (facts.kind === "int" && !Number.isInteger(number)) {
            return problem(facts, "whole");
        }
        if (typeof facts.low === "number" && number < facts.low) {
            return problem(facts, "low", { limit: facts.low });
        }
        if (typeof facts.high === "number" && number > facts.high) {
            return problem(facts, "high", { limit: facts.high });
        }
        return true;
    }

    /** @param {unknown} value @param {FieldFacts} facts @returns {true | string} */
    function checkList(value, facts) {
        const written = String(value).trim();
        if (facts.item_kind === "str") {
            // any text is one; several are written as JSON
            return true;
        }
        let items = written.split(",").map((each) => each.trim());
        if (written.startsWith("[")) {
            try {
                items = JSON.parse(written);
            } catch (error) {
                const reason = error instanceof Error ? error.message : String(error);
                return facts.label ? `${RED._(facts.label)}: ${reason}` : reason;
            }
        }
        if (facts.item_kind === "int" || facts.item_kind === "float") {
            const checks = items.map((each) => checkNumber(each, { ...facts, kind: facts.item_kind || undefined }));
            return checks.find((each) => each !== true) || true;
        }
        return true;
    }

    /** @param {unknown} value @param {string} type @param {FieldFacts} facts @returns {true | string} */
    function checkLiteral(value, type, facts) {
        const choices = facts.choices || [];
        if (isBlank(value) || ENVIRONMENT.test(String(value))) {
            return true;
        }
        switch (type) {
        case "num":
            return checkNumber(value, facts);
        case "choice":
            return choices.map(String).includes(String(value)) || problem(facts, "choice", { choices: choices.join(", ") });
        case "list":
        case "json":
            return checkList(value, facts);
        default:
            return true;
        }
    }

    /** @param {EditorNode} node @param {FormField} field */
    function inUse(node, field) {
        const trigger = current(node, "trigger") || "message";
        return field.isEvent
            ? trigger === "event" && current(node, "event") === field.operation
            : trigger !== "event" && current(node, "operation") === field.operation;
    }

    /**
     * Checks the field of a parameter. Fields of operations that are not chosen cannot make a node invalid.
     *
     * @param {EditorNode} node
     * @param {unknown} value
     * @param {unknown} opt  what the editor gives where it takes a reason
     * @param {FormField} field
     * @returns {boolean | string}
     */
    function checkParam(node, value, opt, field) {
        if (!inUse(node, field)) {
            return true;
        }
        const type = current(node, `${field.name}Type`);
        const onMessage = (current(node, "trigger") || "message") === "message";
        if (isBlank(value)) {
            return !field.param.required || onMessage || problem(field.facts, "required");
        }
        if (root.wisblockFields.OUTSIDE_TYPES.includes(type)) {
            if (type === "msg" && !onMessage) {
                return !field.param.required || problem(field.facts, "message");
            }
            return RED.utils.validateTypedProperty(value, type, opt);
        }
        return checkLiteral(value, type, field.facts);
    }

    /** Checks a plain number field beside the parameters.  @param {EditorNode} node @param {unknown} value @param {FieldFacts} facts @returns {true | string} */
    function checkField(node, value, facts) {
        const trigger = current(node, "trigger") || "message";
        if (facts.trigger && facts.trigger !== trigger) {
            return true;
        }
        if (isBlank(value)) {
            return !facts.required || problem(facts, "required");
        }
        return ENVIRONMENT.test(String(value)) || checkNumber(value, facts);
    }

    /** @param {EditorNode} node @param {unknown} value @param {string[]} repeatable @returns {true | string} */
    function checkOperation(node, value, repeatable) {
        if (current(node, "trigger") === "every" && !repeatable.includes(String(value))) {
            return text("form.problem.operation");
        }
        return true;
    }

    /**
     * Makes a validator of the editor out of a check: without options the editor takes no reason, only whether the value is right.
     *
     * @param {(node: EditorNode, value: unknown, opt: unknown) => boolean | string} check
     * @returns {(this: EditorNode, value: unknown, opt: unknown) => boolean | string}
     */
    function validator(check) {
        return function (value, opt) {
            const checked = check(this, value, opt);
            return checked === true || (opt ? checked : false);
        };
    }

    /** A validator of a number field whose limits are the protocol's.  @param {(limits: import("../node-red-nodes/lib/limits").Limits) => FieldFacts} factsOf */
    function numberField(factsOf) {
        return validator((node, value) => checkField(node, value, factsOf(root.wisblockLimits)));
    }

    // -- the description ---------------------------------------------------------------------------------

    /** Fills in what a description leaves out because it is the rule.  @param {import("../types/editor").ParamDescription} param @returns {ParamFacts} */
    function paramFacts(param) {
        return Object.assign({ required: false, default: null, choices: [], item_kind: null, low: null, high: null, unit: "" }, param);
    }

    /** Lists the fields of all parameters.  @param {ModuleForm} form @returns {FormField[]} */
    function fieldsOf(form) {
        const { fieldName, literalTypes, initialField } = root.wisblockFields;
        /** @type {(operations: import("../types/editor").OperationForm[], isEvent: boolean) => FormField[]} */
        const each = (operations, isEvent) => operations.flatMap((operation) => (operation.params || []).map(function (described) {
            const param = paramFacts(described);
            const key = `${form.slug}.${operation.name}.${param.name}`;
            return {
                name: fieldName(operation, param),
                operation: operation.name,
                isEvent: isEvent,
                param: param,
                key: key,
                types: literalTypes(param),
                initial: initialField(operation, param),
                facts: {
                    label: `${PACKAGE}/${form.slug}:${key}.label`,
                    kind: param.kind,
                    item_kind: param.item_kind,
                    required: param.required,
                    choices: param.choices,
                    low: param.low,
                    high: param.high,
                },
            };
        }));
        return each(form.operations, false).concat(each(form.events || [], true));
    }

    /** @param {ModuleForm} form */
    function triggersOf(form) {
        return ["message"]
            .concat(form.operations.some((each) => each.reads_only) ? ["every"] : [])
            .concat((form.events || []).length > 0 ? ["event"] : []);
    }

    /** The properties of a module's node.  @param {ModuleForm} form @returns {import("../types/editor").Defaults} */
    function defaultsOf(form) {
        const repeatable = form.operations.filter((each) => each.reads_only).map((each) => each.name);
        /** @type {import("../types/editor").Defaults} */
        const defaults = {
            name: { value: "" },
            bridge: { value: "", type: "wisblock-bridge", required: true },
            slot: { value: String(form.slots[0]), required: true },
            trigger: { value: "message", required: true },
            operation: {
                value: root.wisblockFields.defaultOperation(form).name,
                validate: validator((node, value) => checkOperation(node, value, repeatable)),
            },
            event: { value: form.events && form.events.length > 0 ? form.events[0].name : "" },
            every_ms: {
                value: "1000",
                validate: numberField((limits) => (
                    { kind: "int", low: limits.shortest_interval_ms, high: limits.longest_interval_ms, required: true, trigger: "every" })),
            },
            deadband: { value: "", validate: numberField(() => ({ kind: "float", low: 0, trigger: "every" })) },
            onLoss: { value: "safe" },
            timeout_ms: { value: "", validate: numberField((limits) => ({ kind: "int", low: 1, high: limits.timeout_ms, trigger: "message" })) },
        };
        fieldsOf(form).forEach(function (field) {
            defaults[field.name] = {
                value: field.initial.value,
                validate: validator((node, value, opt) => checkParam(node, value, opt, field)),
            };
            defaults[`${field.name}Type`] = { value: field.initial.type };
        });
        return defaults;
    }

    // -- the form ----------------------------------------------------------------------------------------

    /**
     * @param {{name: string, icon: string, labelKey: string, titleKey?: string, classes?: string, attributes?: string, input: string}} parts
     * @returns {string}
     */
    function row({ name, icon, labelKey, titleKey, classes, attributes, input }) {
        const title = titleKey ? ` data-i18n="[title]${titleKey}"` : "";
        return `<div class="form-row${classes ? ` ${classes}` : ""}"${attributes || ""}>`
            + `<label for="node-input-${name}"${title}><i class="fa fa-${icon}"></i> <span data-i18n="${labelKey}"></span></label> ${input}</div>`;
    }

    /** @type {(name: string, options: {value: string | number, key: string}[]) => string} */
    function select(name, options) {
        const items = options.map(({ value, key }) => `<option value="${value}" data-i18n="${key}"></option>`);
        return `<select id="node-input-${name}" style="width: 70%;">${items.join("")}</select>`;
    }

    /** @param {string} name */
    function hidden(name) {
        return `<input type="hidden" id="node-input-${name}">`;
    }

    /** @param {FormField} field */
    function paramRow({ name, operation, isEvent, param, types, key }) {
        const shown = param.required || param.default === null || !["num", "str"].includes(types[0])
            ? ""
            : ` placeholder="${escapeHtml(param.default)}"`;
        return row({
            name: name,
            icon: "sliders",
            labelKey: `${key}.label`,
            titleKey: `${key}.summary`,
            classes: "wisblock-param",
            attributes: ` data-${isEvent ? "event" : "operation"}="${operation}"`,
            input: `<input type="text" id="node-input-${name}" style="width: 70%;"${shown}> <input type="hidden" id="node-input-${name}Type">`,
        });
    }

    /** @type {(name: string, icon: string, classes: string, options?: {title?: boolean, attributes?: string}) => string} */
    function plainRow(name, icon, classes, { title = true, attributes = "" } = {}) {
        return row({
            name: name,
            icon: icon,
            classes: classes,
            labelKey: `${SHARED}form.${name}`,
            titleKey: title ? `${SHARED}form.${name}_tip` : "",
            input: `<input type="text" id="node-input-${name}"${attributes}>`,
        });
    }

    /** A row with a drop-down, or a hidden field where there is nothing to choose. @type {(name: string, icon: string, values: (string | number)[]) => string} */
    function choiceRow(name, icon, values) {
        return values.length < 2 ? hidden(name) : row({
            name: name,
            icon: icon,
            labelKey: `${SHARED}form.${name}`,
            input: select(name, values.map((each) => ({ value: each, key: `${SHARED}form.${name}_${each}` }))),
        });
    }

    /**
     * Builds the form of a module's node.
     *
     * @param {ModuleForm} form
     * @returns {string} html
     */
    function template(form) {
        const events = form.events || [];
        const triggers = triggersOf(form);
        /** @type {(all: {name: string}[]) => {value: string, key: string}[]} */
        const named = (all) => all.map((each) => ({ value: each.name, key: `${form.slug}.${each.name}.name` }));
        const rows = [
            row({ name: "name", icon: "tag", labelKey: NAME_LABEL, input: `<input type="text" id="node-input-name" data-i18n="[placeholder]${NAME_LABEL}">` }),
            row({ name: "bridge", icon: "plug", labelKey: `${SHARED}form.bridge`, input: "<input type=\"text\" id=\"node-input-bridge\">" }),
            choiceRow("slot", "microchip", form.slots),
            choiceRow("trigger", "play", triggers),
        ];
        if (triggers.includes("every")) {
            rows.push(
                plainRow("every_ms", "clock-o", "wisblock-row-every", { title: false }),
                plainRow("deadband", "arrows-v", "wisblock-row-every", { attributes: ` data-i18n="[placeholder]${SHARED}form.deadband_placeholder"` }),
            );
        }
        rows.push(row({
            name: "operation",
            icon: "cogs",
            labelKey: `${SHARED}form.operation`,
            classes: "wisblock-row-operation",
            input: select("operation", named(form.operations)),
        }));
        if (events.length > 0) {
            rows.push(row({ name: "event", icon: "bolt", labelKey: `${SHARED}form.event`, classes: "wisblock-row-event", input: select("event", named(events)) }));
        }
        rows.push(...fieldsOf(form).map(paramRow));
        if (form.operations.some((each) => each.drives)) {
            rows.push(row({
                name: "onLoss",
                icon: "shield",
                classes: "wisblock-row-on-loss",
                labelKey: `${SHARED}form.on_loss`,
                titleKey: `${SHARED}form.on_loss_tip`,
                input: select("onLoss", ["safe", "hold"].map((each) => ({ value: each, key: `${SHARED}form.on_loss_${each}` }))),
            }));
        }
        rows.push(plainRow("timeout_ms", "hourglass-half", "wisblock-row-timeout", { attributes: ` placeholder="${root.wisblockLimits.default_timeout_ms} ms"` }));
        return rows.join("\n");
    }

    // -- the dialog --------------------------------------------------------------------------------------

    /** @param {string} name */
    function selector(name) {
        return `#node-input-${name}`;
    }

    /** @param {FormField} field @returns {TypedInputType[]} */
    function typesOf({ param, types, facts }) {
        /** @param {unknown} value */
        const named = (value) => (isBlank(value) ? text("form.not_given") : text("form.as_default", { value: String(value) }));
        const empty = param.required ? [] : [{ value: "", label: named(param.default) }];
        /** @type {TypedInputType[]} */
        const literal = types.map(function (type) {
            /** @param {unknown} value */
            const validate = (value) => checkLiteral(value, type, facts);
            switch (type) {
            case "num":
                return { value: "num", label: RED._("typedInput.type.num"), icon: "red/images/typedInput/09.svg", validate: validate };
            case "bool":
                return param.required ? "bool" : {
                    value: "bool",
                    label: RED._("typedInput.type.bool"),
                    icon: "red/images/typedInput/bool.svg",
                    options: empty.concat([{ value: "true", label: text("form.on") }, { value: "false", label: text("form.off") }]),
                };
            case "choice":
                return {
                    value: "choice",
                    label: text("form.choice"),
                    icon: "fa fa-list-ul",
                    options: empty.concat(param.choices.map((each) => ({ value: String(each), label: String(each) }))),
                };
            case "list":
                return { value: "list", label: text("form.list"), icon: "fa fa-list-ol", validate: validate };
            default:
                return type;
            }
        });
        return literal.concat(root.wisblockFields.OUTSIDE_TYPES);
    }

    /** Going from "write" to "toggle" keeps the line that was chosen.  @param {FormField[]} fields @param {unknown} from @param {unknown} to */
    function carryOver(fields, from, to) {
        fields.filter((each) => !each.isEvent && each.operation === to).forEach(function (target) {
            const source = fields.find((each) => !each.isEvent && each.operation === from && each.param.name === target.param.name);
            const input = $(selector(target.name));
            const untouched = input.typedInput("value") === target.initial.value && input.typedInput("type") === target.initial.type;
            if (source && untouched) {
                const type = $(selector(source.name)).typedInput("type");
                if (root.wisblockFields.OUTSIDE_TYPES.includes(type) || target.types.includes(type)) {
                    input.typedInput("type", type);
                    input.typedInput("value", $(selector(source.name)).typedInput("value"));
                }
            }
        });
    }

    /** @param {ModuleForm} form */
    function showRows(form) {
        const trigger = $(selector("trigger")).val() || "message";
        const operation = $(selector("operation")).val();
        const event = $(selector("event")).val();
        const chosen = form.operations.find((each) => each.name === operation);
        const isEvent = trigger === "event";
        $(".wisblock-row-operation").toggle(!isEvent && form.operations.length > 1);
        $(".wisblock-row-event").toggle(isEvent && (form.events || []).length > 1);
        $(".wisblock-row-every").toggle(trigger === "every");
        $(".wisblock-row-on-loss").toggle(!isEvent && Boolean(chosen && chosen.drives));
        $(".wisblock-row-timeout").toggle(trigger === "message");
        $(".wisblock-param").each(function () {
            const each = $(this);
            each.toggle(isEvent ? each.attr("data-event") === event : each.attr("data-operation") === operation);
        });
    }

    /** A flow that was written by hand, or by an older release, may lack properties: show what applies then.  @param {EditorNode} node */
    function fillMissing(node) {
        Object.entries(node._def.defaults).forEach(function ([name, { value }]) {
            if (node[name] === undefined && value !== undefined) {
                $(selector(name)).val(value);
            }
        });
    }

    /** The unit stands at the end of the field, whatever the value comes from.  @param {FormField} field */
    function showUnit(field) {
        if (!field.param.unit) {
            return;
        }
        const input = $(selector(field.name));
        const id = `wisblock-unit-${field.name}`;
        $("<span>", { "class": "wisblock-unit", id: id }).text(field.param.unit).insertAfter(input.next(".red-ui-typedInput-container"));
        input.next(".red-ui-typedInput-container").addClass("wisblock-with-unit").find(".red-ui-typedInput-input").attr("aria-describedby", id);
    }

    /** Called when the dialog of a module's node opens.  @param {EditorNode} node @param {ModuleForm} form */
    function prepare(node, form) {
        const fields = fieldsOf(form);
        fillMissing(node);
        fields.forEach(function (field) {
            $(selector(field.name)).typedInput({ types: typesOf(field), typeField: selector(`${field.name}Type`) });
            showUnit(field);
        });
        let operation = $(selector("operation")).val();
        $(selector("operation")).on("change", function () {
            const chosen = $(this).val();
            if (chosen && chosen !== operation) {
                carryOver(fields, operation, chosen);
                operation = chosen;
            }
        });
        [selector("trigger"), selector("operation"), selector("event")].forEach(function (each) {
            $(each).on("change", function () {
                showRows(form);
                // whether these fields are right depends on what was chosen just now
                fields.forEach((field) => $(selector(field.name)).trigger("change"));
                if (each !== selector("operation")) {
                    $(selector("every_ms")).trigger("change");
                    $(selector("operation")).trigger("wisblock-check");
                }
            });
        });
        showRows(form);
        root.wisblockSlots.prepare(node);
    }

    // -- the node ----------------------------------------------------------------------------------------

    /**
     * Called when a node is dragged from the palette. There is mostly one bridge: the node uses it. Where there is none yet,
     * one is made that leads to this computer's, as Dashboard does with its configuration; undo takes it away again.
     *
     * @param {EditorNode} node
     */
    function takeBridge(node) {
        if (node.bridge) {
            // pasted or imported: it brings its own
            return;
        }
        /** @type {string[]} */
        const bridges = [];
        RED.nodes.eachConfig(function (each) {
            const isInReach = !each.z || each.z === RED.workspaces.active();
            if (each.type === "wisblock-bridge" && isInReach && !each.d) {
                bridges.push(each.id);
            }
        });
        if (bridges.length === 0) {
            bridges.push(addBridge());
        }
        // with several it is for the user to choose
        node.bridge = bridges.length === 1 ? bridges[0] : "";
        if (node.bridge && RED.nodes.node(node.id)) {
            // imported: it is in the flow already, was checked without a bridge, and the bridge does not know of it
            RED.nodes.updateConfigNodeUsers(node, { action: "add" });
            RED.editor.validateNode(node);
            node.dirty = true;
        }
    }

    function addBridge() {
        /** @type {EditorNode} */
        const bridge = { id: RED.nodes.id(), type: "wisblock-bridge", _def: RED.nodes.getType("wisblock-bridge"), users: [], changed: true };
        Object.entries(bridge._def.defaults).forEach(([name, { value }]) => {
            bridge[name] = value;
        });
        RED.nodes.add(bridge);
        RED.editor.validateNode(bridge);
        RED.history.push({ t: "add", nodes: [bridge.id], dirty: RED.nodes.dirty() });
        return bridge.id;
    }

    /** What an operation does with the values in its fields: "on" says more than "set".  @param {EditorNode} node @param {import("../types/editor").OperationForm} operation @param {ModuleForm} form */
    function doing(node, operation, form) {
        const param = (operation.params || []).find((each) => each.name === operation.payload_param && each.kind === "bool");
        const field = param && root.wisblockFields.fieldName(operation, param);
        const given = field && node[`${field}Type`] === "bool" ? String(node[field]) : "";
        return given === "true" || given === "false" ? text(given === "true" ? "form.label_on" : "form.label_off") : nameInText(form, operation.name);
    }

    /** What stands on a node that has no name of its own, as people say it: the module, where it is, and what else than the usual it does.  @param {EditorNode} node @param {ModuleForm} form */
    function label(node, form) {
        const place = form.slots.length > 1 ? `${form.name} ${text("form.slot_in_label", { slot: node.slot })}` : form.name;
        if (node.trigger === "event") {
            return text("form.label_when", { place: place, event: nameInText(form, node.event) });
        }
        const operation = form.operations.find((each) => each.name === node.operation);
        if (!operation || (operation.default && operation.reads_only)) {
            return place;
        }
        return form.operations.length > 1 ? text("form.label_does", { place: place, operation: doing(node, operation, form) }) : place;
    }

    /** The style of a label: a name that the user gave is italic.  @this {EditorNode} */
    function labelStyle() {
        return this.name ? "node_label_italic" : "";
    }

    /**
     * Builds the definition of a module's node, and puts its form where the editor looks for it.
     *
     * @param {ModuleForm} form  the description in the node's html
     * @returns {import("../types/editor").NodeDefinition}
     */
    function define(form) {
        $(`script[data-template-name="wisblock-${form.slug}"]`).text(template(form));
        return {
            category: "wisblock",
            color: form.color,
            defaults: defaultsOf(form),
            inputs: 1,
            outputs: 1,
            icon: form.icon,
            wisblock: Object.assign({ name: form.name, slots: form.slots }, form.needs),
            paletteLabel: function () {
                return `${form.name} ${moduleText(form.slug, "palette.title", form.title)}`;
            },
            label: function () {
                return String(this.name || "") || label(this, form);
            },
            labelStyle: labelStyle,
            onadd: function () {
                takeBridge(this);
            },
            oneditprepare: function () {
                prepare(this, form);
            },
        };
    }

    root.wisblockForm = { checkField, define, labelStyle, moduleText, numberField, plain, takeBridge, template, text };
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
