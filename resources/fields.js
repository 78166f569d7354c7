/*
 * How the parameters of a module become properties of its node: the one rule that the generator, the editor and the running node share.
 *
 * 1. A property name never changes once it was released: saved flows carry it.
 * 2. Names and kinds only; no html, no Node-RED.
 */
(function (/** @type {import("../types/editor").Scripts} */ root) {
    "use strict";

    /** Types of a typedInput that take their value from outside the form. */
    const OUTSIDE_TYPES = ["msg", "flow", "global", "env", "jsonata"];

    /** Properties that every module node has beside its parameters. */
    const FIXED_FIELDS = [
        "name", "bridge", "slot", "trigger", "operation", "event", "every_ms", "deadband", "onLoss", "timeout_ms",
    ];

    /**
     * Returns the name of the property that holds a parameter; its typedInput type is in the property of the same name with "Type" behind.
     *
     * @param {{name: string}} operation  an operation or an event
     * @param {{name: string}} param
     * @returns {string}
     */
    function fieldName(operation, param) {
        return `${operation.name}_${param.name}`;
    }

    /**
     * Lists the typedInput types in which a fixed value of a parameter can be written, most natural first.
     *
     * @type {import("../types/editor").Fields["literalTypes"]}
     */
    function literalTypes(param) {
        switch (param.kind) {
            case "int":
            case "float":
                return param.choices.length > 0 ? (param.choices.every((each) => typeof each === "number") ? ["choice"] : ["num", "choice"]) : ["num"];
            case "bool":
                return ["bool"];
            case "bytes":
                return ["str", "bin"];
            case "list":
                return ["list", "json"];
            default:
                return param.choices.length > 0 ? ["choice"] : ["str"];
        }
    }

    /**
     * Returns what a new node starts with.
     *
     * An optional parameter starts empty, so that the bridge's default applies; the one that `msg.payload` sets starts there.
     *
     * @type {import("../types/editor").Fields["initialField"]}
     */
    function initialField(operation, param) {
        if (operation.payload_param === param.name) {
            return { value: "payload", type: "msg" };
        }
        const type = literalTypes(param)[0];
        if (!param.required) {
            return { value: "", type };
        }
        if (type === "choice") {
            return { value: String(param.choices[0]), type };
        }
        if (type === "bool") {
            return { value: "false", type };
        }
        return { value: param.low === null || type !== "num" ? "" : String(param.low), type };
    }

    /**
     * Returns the operation that a node starts with.
     *
     * @type {import("../types/editor").Fields["defaultOperation"]}
     */
    function defaultOperation(module) {
        return module.operations.find((each) => each.default) || module.operations[0];
    }

    root.wisblockFields = { FIXED_FIELDS, OUTSIDE_TYPES, defaultOperation, fieldName, initialField, literalTypes };
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
