/*
 * The editor side of the bridge's node: its checks, and its dialog with the keys and the bridge's state.
 *
 * 1. Keys are credentials: kept apart from the flow, never exported.
 * 2. Keys are asked for where the bridge may be on another computer, and nowhere else.
 * 3. What was pasted leaves the screen as soon as it stands in its fields.
 */
(function (/** @type {import("../types/editor").Scripts} */ root) {
    "use strict";

    /**
     * @typedef {import("../types/editor").EditorNode} EditorNode
     * @typedef {import("../types/editor").EditedNode} EditedNode
     * @typedef {(key: string, values?: Record<string, unknown>) => unknown} Say
     */

    /** @type {Record<string, string>} */
    const FIELDS = { "server-key": "serverKey", "public-key": "clientPublicKey", "secret-key": "clientSecretKey" };
    const KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;
    const ENVIRONMENT = /^\$\{[^}]+\}$/;
    const ENDPOINT = /^\s*$|^\s*(ipc|tcp):\/\/\S+\s*$|^\$\{[^}]+\}$/;
    const SAVED = "__PWRD__";
    const ASK_AGAIN_MS = 1000;
    const STATUS_TIMEOUT_MS = 3000;

    /** @param {string} field */
    function input(field) {
        return $(`#node-config-input-${field}`);
    }

    /** @param {string} field */
    function written(field) {
        return String(input(field).val() || "").trim();
    }

    // -- checks ------------------------------------------------------------------------------------------

    function mayNeedKeys() {
        return /^tcp:/.test(written("endpoint")) || ENVIRONMENT.test(written("endpoint"));
    }

    function isElsewhere() {
        return /^tcp:/.test(written("endpoint")) && !/^tcp:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\]):/i.test(written("endpoint"));
    }

    /** @param {string} field */
    function given(field) {
        return written(field) !== "";
    }

    /** A key field is right when it is a key, or when no field has one.  @param {unknown} value @param {unknown} opt */
    function checkKey(value, opt) {
        const key = String(value || "").trim();
        const inUse = mayNeedKeys() && Object.values(FIELDS).some(given);
        const good = key === "" ? !inUse : key === SAVED || ENVIRONMENT.test(key) || KEY.test(key);
        return good || (opt ? root.wisblockForm.text(key === "" ? "form.problem.key_missing" : "form.problem.key") : false);
    }

    /** @param {unknown} value @param {unknown} opt */
    function checkEndpoint(value, opt) {
        return ENDPOINT.test(String(value || "")) || (opt ? root.wisblockForm.text("form.problem.endpoint") : false);
    }

    /** @this {EditorNode} @param {unknown} value @param {unknown} opt */
    function checkLease(value, opt) {
        return root.wisblockForm.numberField((limits) => ({ kind: "int", low: limits.shortest_lease_ms, high: limits.lease_ms })).call(this, value, opt);
    }

    function checkAllKeys() {
        Object.values(FIELDS).forEach((field) => input(field).trigger("change"));
    }

    // -- the dialog --------------------------------------------------------------------------------------

    /** @param {EditedNode} node */
    function showKeys(node) {
        const required = isElsewhere() && !Object.values(FIELDS).every(given);
        $(".wisblock-bridge-keys").toggle(mayNeedKeys());
        $("#wisblock-bridge-keys-tip").text(node._(required ? "bridge.keys.required" : "bridge.keys.tip"));
    }

    /** @param {EditedNode} node */
    function paste(node) {
        const box = $("#wisblock-bridge-paste");
        const pasted = String(box.val() || "");
        /** @type {Record<string, string>} */
        const found = {};
        for (const [, name, key] of pasted.matchAll(/^\s*(server-key|public-key|secret-key)\s*=\s*"([^"]*)"\s*$/gm)) {
            found[name] = key;
        }
        const missing = Object.keys(FIELDS).filter((name) => !KEY.test(found[name] || ""));
        const result = $("#wisblock-bridge-paste-result");
        /** @type {Say} */
        const say = (key, values) => result.text(node._(`bridge.paste.${key}`, values)).toggleClass("wisblock-done", key === "done");
        if (pasted.trim() === "") {
            // emptied by us: the good news stays; by the user: there is nothing more to say
            result.not(".wisblock-done").text("");
        } else if (missing.length > 0) {
            say("missing", { names: missing.join(", ") });
        } else {
            Object.entries(FIELDS).forEach(([name, field]) => input(field).val(found[name]));
            box.val("");
            checkAllKeys();
            say("done");
        }
        showKeys(node);
    }

    /** @param {EditedNode} node @param {import("../types/editor").BridgeStatus} answer */
    function stateText(node, answer) {
        const parts = [node._("bridge.state.online", { version: answer.version, board: answer.board })];
        if (answer.emulated) {
            parts.push(node._("bridge.state.emulated"));
        }
        if (answer.versionMismatch) {
            parts.push(node._(`bridge.state.version_mismatch.${answer.versionMismatch}`));
        }
        const slots = Array.isArray(answer.slots) ? answer.slots : Object.values(answer.slots || {});
        const used = slots.filter((each) => each && each.module).map((each) => `${each.slot} ${each.module}`);
        const inSlots = used.length > 0 ? node._("bridge.state.slots", { slots: used.join(", ") }) : node._("bridge.state.no_slots");
        return `${parts.join(", ")}. ${inSlots}`;
    }

    /** Says how the bridge is; what may pass is asked again while the dialog is open.  @param {EditedNode} node */
    function showState(node) {
        const state = $("#wisblock-bridge-state");
        /** @type {Say} */
        const say = (key, values) => state.text(node._(`bridge.state.${key}`, values));

        /** @param {{status: number, statusText: string, responseJSON?: any}} reply */
        function failed(reply) {
            if (reply.status === 404) {
                say("not_deployed");
            } else {
                const answer = reply.responseJSON || {};
                const english = answer.message || reply.statusText;
                say("unreachable", { message: root.wisblockErrors.whole({ code: "", ...answer }, root.wisblockForm.text, { english: english }) });
            }
            // what was just deployed may not run yet; what was not will not before the dialog is closed
            const placed = RED.nodes.node(node.id);
            if (reply.status !== 404 || (placed && !placed.changed)) {
                setTimeout(ask, ASK_AGAIN_MS);
            }
        }

        function ask() {
            if (state.closest("body").length > 0) {
                $.ajax({ url: `wisblock-bridge/${encodeURIComponent(node.id)}/status`, dataType: "json", timeout: STATUS_TIMEOUT_MS })
                    .done((answer) => state.text(stateText(node, answer)))
                    .fail(failed);
            }
        }

        say("asking");
        ask();
    }

    /** Called when the dialog opens.  @param {EditedNode} node */
    function prepare(node) {
        input("leaseMs").attr("placeholder", root.wisblockLimits.default_lease_ms);
        input("endpoint").on("input change", function () {
            showKeys(node);
            checkAllKeys();
        });
        Object.values(FIELDS).forEach((field) => input(field).on("input", () => showKeys(node)));
        $("#wisblock-bridge-paste").on("input", () => paste(node));
        showKeys(node);
        showState(node);
    }

    // -- once, when the editor has loaded the bridge's html ------------------------------------------------

    /** Labels of the palette have hyphens and spaces at which they do not break; people who search type plain ones. */
    function start() {
        root.wisblockSlots.watch();
        RED.events.on("registry:node-type-added", function (/** @type {string} */ type) {
            $(".red-ui-palette-node").filter((_index, each) => type.startsWith("wisblock-") && each.getAttribute("data-palette-type") === type)
                .attr("data-palette-label", (_index, label) => label.replaceAll("\u2011", "-").replaceAll("\u00a0", " "));
        });
    }

    root.wisblockBridge = { checkEndpoint, checkKey, checkLease, prepare, start };
}(window));
