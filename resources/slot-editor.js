/*
 * Slots in the editor: what bridges report, the lines in a module's dialog, and the marks of nodes that clash.
 *
 * 1. Nothing is changed without the user: a choice that is saved stays selectable, whatever a bridge says or does not say.
 * 2. A bridge is asked once for all who want to know, and not again within some seconds.
 * 3. A clash is reported and marked; it never keeps anybody from deploying.
 */
(function (/** @type {import("../types/editor").Scripts} */ root) {
    "use strict";

    const KEEP_MS = 4000;
    const KEEP_BOARD_MS = 60000;
    const TIMEOUT_MS = 8000;
    const MOST_SHOWN = 3;
    const MARK = "wisblock-clash";
    const ICONS = { good: "fa-check", plain: "fa-info-circle", warning: "fa-exclamation-triangle" };

    /**
     * @typedef {import("../types/editor").Claim} Claim
     * @typedef {import("../types/editor").Clash} Clash
     * @typedef {import("../types/editor").EditorNode} EditorNode
     * @typedef {import("../types/editor").Line} Line
     * @typedef {import("../types/editor").Needs} Needs
     * @typedef {import("../types/editor").Report} Report
     * @typedef {import("../types/editor").Scan} Scan
     * @typedef {{id: string, bridge: string, slot: string}} Edited  what an open dialog says of its node
     */

    /** @type {import("../types/editor").SlotScripts} its other parts come from slot-clashes.js and slot-lines.js */
    const slots = root.wisblockSlots = root.wisblockSlots || /** @type {any} */ ({});

    /** @type {import("../types/editor").Text} */
    function text(key, values) {
        return root.wisblockForm.text("slot." + key, values);
    }

    /** The values of a line; an error among them in the user's language.  @param {Record<string, any>} values */
    function worded(values) {
        return values.error ? { message: root.wisblockErrors.whole(values.error, root.wisblockForm.text, { english: String(values.message) }) } : values;
    }

    // -- what bridges report ---------------------------------------------------------------------------

    /** @typedef {{at: number, answer: Report | null, asking: Promise<Report> | null}} Asked */

    /** @type {Map<string, Asked>} */
    const asked = new Map();

    /** @param {"read" | "write"} permission */
    function mayAsk(permission) {
        return RED.user.hasPermission("wisblock-bridge." + permission);
    }

    /** @param {string} id */
    function isBridge(id) {
        const node = id ? RED.nodes.node(id) : undefined;
        return Boolean(node) && /** @type {EditorNode} */ (node).type === "wisblock-bridge";
    }

    /**
     * @template Answer
     * @param {"GET" | "POST"} method
     * @param {string} id  of the bridge's node
     * @param {string} what
     * @param {string} [query]
     * @returns {Promise<Answer>}
     */
    function ask(method, id, what, query) {
        return new Promise(function (resolve) {
            $.ajax({ method: method, url: "wisblock-bridge/" + encodeURIComponent(id) + "/" + what + (query || ""), dataType: "json", timeout: TIMEOUT_MS })
                .done(resolve)
                .fail((reply) => resolve(/** @type {any} */ ({ state: "offline", message: reply.statusText })));
        });
    }

    /** Returns what is known of a bridge, not older than keepMs.  @param {string} id @param {number} keepMs @returns {Promise<Report>} */
    function report(id, keepMs) {
        /** @type {Asked} */
        const known = asked.get(id) || { at: -Infinity, answer: null, asking: null };
        if (known.asking) {
            return known.asking;
        }
        if (known.answer && performance.now() - known.at < keepMs) {
            return Promise.resolve(known.answer);
        }
        const asking = ask("GET", id, "slots").then(function (/** @type {Report} */ answer) {
            asked.set(id, { at: performance.now(), answer: answer, asking: null });
            return answer;
        });
        asked.set(id, { at: known.at, answer: known.answer, asking: asking });
        return asking;
    }

    // -- clashes ---------------------------------------------------------------------------------------

    /** @type {Map<string, string[]>} sentences by the id of a node */
    let marked = new Map();
    /** @type {Set<string>} */
    let shownBefore = new Set();
    /** @type {import("../types/editor").Notification | null} */
    let notification = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let pending;

    /** @param {EditorNode} node */
    function needsOf(node) {
        return node._def && node._def.wisblock;
    }

    /** Nodes that would run if this were deployed now; `edited` goes before what the node has saved.  @param {Edited} [edited] */
    function claims(edited) {
        /** @type {Claim[]} */
        const found = [];
        RED.nodes.eachNode(function (node) {
            const tab = RED.nodes.workspace(node.z);
            const needs = needsOf(node);
            if (!needs || node.d || !tab || tab.disabled) {
                return;
            }
            const chosen = edited && edited.id === node.id ? edited : node;
            const id = String(chosen.bridge || "");
            const bridge = RED.nodes.node(id);
            if (bridge && isBridge(id) && !bridge.d) {
                found.push({ id: node.id, bridge: id, slot: String(chosen.slot), needs: needs });
            }
        });
        return found;
    }

    /** @returns {Map<string, Report | undefined>} */
    function boards() {
        return new Map(Array.from(asked, ([id, { answer }]) => [id, answer && answer.state === "online" ? answer : undefined]));
    }

    /** @param {import("../types/editor").Place} place @param {string} key */
    function placeWords(place, key) {
        const node = /** @type {EditorNode} */ (RED.nodes.node(place.claims[0].id));
        const tab = RED.nodes.workspace(node.z);
        return text(key, { module: place.needs.name, slot: place.slot, node: RED.utils.getNodeLabel(node, node.id), flow: (tab && tab.label) || node.z });
    }

    /** @param {Clash} clash */
    function sentence(clash) {
        const key = clash.kind === "slot" ? "place" : "place_in_slot";
        /** @type {Record<string, unknown>} */
        const values = { what: clash.what, holder: clash.holder, first: placeWords(clash.places[0], key) };
        if (clash.places[1]) {
            values.second = placeWords(clash.places[1], key);
        }
        return text("clash." + clash.kind, values);
    }

    /** Asks about the boards of modules whose chips may be in the way of what is soldered on, each once a minute at most.  @param {Claim[]} all */
    function learnBoards(all) {
        const wanted = all.filter((claim) => claim.needs.chips.length > 0 || claim.needs.port).map((claim) => claim.bridge);
        if (!mayAsk("read")) {
            return;
        }
        Array.from(new Set(wanted)).forEach(function (id) {
            const known = asked.get(id);
            if (known && (known.asking || performance.now() - known.at < KEEP_BOARD_MS)) {
                return;
            }
            report(id, KEEP_BOARD_MS).then(check);
        });
    }

    function dismiss() {
        if (notification) {
            notification.close();
            notification = null;
        }
    }

    /** @param {Clash[]} fresh */
    function notify(fresh) {
        const box = $("<div>").append($("<p>").append($("<b>").text(text("clash.title"))));
        fresh.slice(0, MOST_SHOWN).forEach((clash) => box.append($("<p>").text(sentence(clash))));
        if (fresh.length > MOST_SHOWN) {
            box.append($("<p>").text(text("clash.more", { count: fresh.length - MOST_SHOWN })));
        }
        dismiss();
        notification = RED.notify(box, { type: "warning", timeout: 12000 });
        notification.wisblockKeys = fresh.map((each) => each.key);
    }

    /** @param {Map<string, string[]>} before */
    function redraw(before) {
        new Set([...before.keys(), ...marked.keys()]).forEach(function (id) {
            const node = RED.nodes.node(id);
            if (node && (before.get(id) || []).join() !== (marked.get(id) || []).join()) {
                node.dirty = true;
            }
        });
        RED.view.redraw();
    }

    function check() {
        const all = claims();
        const clashes = slots.find(all, boards());
        const before = marked;
        marked = new Map();
        clashes.forEach((clash) => clash.places.forEach((place) => place.claims.forEach(function (claim) {
            marked.set(claim.id, (marked.get(claim.id) || []).concat(sentence(clash)));
        })));
        if (before.size + marked.size > 0) {
            redraw(before);
        }
        const keys = new Set(clashes.map((each) => each.key));
        const inDialog = RED.editor.getEditStack().length > 0;
        const fresh = clashes.filter((each) => !shownBefore.has(each.key));
        shownBefore = new Set(Array.from(keys).filter((key) => !inDialog || shownBefore.has(key)));
        if (notification && !notification.wisblockKeys.some((key) => keys.has(key))) {
            dismiss();
        }
        // a dialog shows its own node's, and its buttons are not to be covered;
        // what was so when the editor was opened is marked, and not shown again each time
        const edited = (/** @type {Clash} */ clash) => clash.places.some((place) => place.claims.some((claim) => RED.nodes.node(claim.id)?.changed));
        if (!inDialog && fresh.length > 0 && (RED.nodes.dirty() || fresh.some(edited))) {
            notify(fresh);
        }
        learnBoards(all);
    }

    // Many things happen at once when something is imported: they are looked at together.
    function soon() {
        clearTimeout(pending);
        pending = setTimeout(check, 50);
    }

    // Called once, when the editor has loaded the nodes' files.
    function watch() {
        ["nodes:add", "nodes:change", "nodes:remove", "flows:add", "flows:change", "flows:remove", "workspace:dirty", "editor:close"].forEach((each) => RED.events.on(each, soon));
        RED.events.on("editor:open", dismiss);
        RED.events.on("deploy", function () {
            asked.clear(); // bridges may be others now
            soon();
        });
        RED.view.annotations.register(MARK, {
            type: "badge",
            class: MARK,
            filter: (node) => Boolean(needsOf(node)),
            element: function () {
                const mark = document.createElementNS("http://www.w3.org/2000/svg", "path");
                mark.setAttribute("d", "M 0,11 l 13,0 -6.5,-12 z M 5.8,3 l 1.4,0 0,4 -1.4,0 z M 5.8,8 l 1.4,0 0,1.4 -1.4,0 z");
                mark.setAttribute("fill-rule", "evenodd");
                mark.setAttribute("class", "wisblock-clash-mark");
                return mark;
            },
            tooltip: (node) => (marked.get(node.id) || []).join("\n"),
            show: (node) => marked.has(node.id),
        });
    }

    // -- the dialog ------------------------------------------------------------------------------------

    /** A dialog's slot field and the lines below it. */
    class SlotField {
        /** @param {EditorNode} node @param {Needs} needs */
        constructor(node, needs) {
            this.node = node;
            this.needs = needs;
            this.select = $("#node-input-slot");
            this.bridge = $("#node-input-bridge");
            this.box = $("<div>", { "class": "form-row wisblock-slot-row" }).insertAfter(this.select.closest(".form-row"));
            this.lines = $("<div>", { id: "wisblock-slot-told", role: "status", "class": "wisblock-slot-told" }).appendTo(this.box);
            this.again = $("<button>", { type: "button", id: "wisblock-slot-again", "class": "red-ui-button red-ui-button-small" })
                .append($("<i>", { "class": "fa fa-refresh", "aria-hidden": "true" }), " ", $("<span>").text(text("again")))
                .appendTo(this.box).hide();
            /** @type {Report | undefined} */
            this.report = undefined;
            /** @type {Scan | undefined} */
            this.scan = undefined;
            this.asksAbout = "";
            this.keepChoice();
            this.select.on("change", () => this.show());
            this.bridge.on("change", () => this.ask(false));
            this.again.on("click", () => this.ask(true));
            this.ask(false);
        }

        get bridgeId() {
            return String(this.bridge.val() || "");
        }

        get slot() {
            return String(this.select.val());
        }

        /** A slot that a flow names and this form does not know stays what it is until the user chooses another one. */
        keepChoice() {
            const saved = this.node.slot;
            if (saved === undefined || saved === null || saved === "") {
                return;
            }
            const known = this.select.find("option").toArray().some((option) => /** @type {HTMLOptionElement} */ (option).value === String(saved));
            if (!known) {
                $("<option>", { value: String(saved) }).text(text("kept", { slot: String(saved) })).appendTo(this.select);
                this.select.val(String(saved));
            }
        }

        isOpen() {
            return document.body.contains(this.box[0]);
        }

        /** @param {boolean} again  whether what is known already does not count */
        ask(again) {
            const id = this.bridgeId;
            if (id === this.asksAbout && !again) {
                return;
            }
            this.asksAbout = id;
            this.report = undefined;
            this.scan = undefined;
            this.show();
            if (!isBridge(id) || !mayAsk("read")) {
                return;
            }
            this.report = { state: "asking" };
            this.show();
            const mine = () => this.isOpen() && this.asksAbout === id;
            report(id, again ? 0 : KEEP_MS).then((answer) => {
                if (!mine()) {
                    return;
                }
                this.report = answer;
                if (answer.state === "online" && this.needs.chips.length > 0 && mayAsk("write")) {
                    this.scan = { state: "asking" };
                    ask("POST", id, "scan", again ? "?again=true" : "").then((/** @type {Scan} */ found) => {
                        if (mine()) {
                            this.scan = found;
                            this.show();
                        }
                    });
                }
                this.show();
            });
        }

        clashes() {
            const edited = { id: this.node.id, bridge: this.bridgeId, slot: this.slot };
            return slots.find(claims(edited), boards()).filter((clash) => clash.places.some((place) => place.claims.some((claim) => claim.id === edited.id)));
        }

        /** Puts who is there behind the numbers in the list; which number is chosen is not touched. */
        showChoices() {
            this.needs.slots.map(String).forEach((slot) => {
                const choice = slots.choice(slot, this.report);
                const option = this.select.find("option").filter((_index, each) => /** @type {HTMLOptionElement} */ (each).value === slot);
                const words = choice ? slot + " – " + text(choice.key, choice.values) : slot;
                if (option.text() !== words) {
                    option.text(words);
                }
            });
        }

        /** @param {Line["tone"]} tone @param {string} words @param {string} [detail] */
        add(tone, words, detail) {
            $("<div>", { "class": "wisblock-slot-line wisblock-slot-" + tone, title: detail || null })
                .append($("<i>", { "class": "fa " + ICONS[tone], "aria-hidden": "true" }), " ", $("<span>").text(words))
                .appendTo(this.lines);
        }

        show() {
            this.showChoices();
            this.lines.empty();
            this.clashes().forEach((clash) => this.add("warning", sentence(clash)));
            const asking = isBridge(this.bridgeId) && mayAsk("read");
            if (asking) {
                slots.lines(this.needs, this.slot, this.report, this.scan)
                    .forEach((line) => this.add(line.tone, line.key === "as_reported" ? String(line.values.text) : text(line.key, worded(line.values)), line.detail));
            }
            this.again.toggle(Boolean(asking && this.report && this.report.state !== "asking" && !(this.scan && this.scan.state === "asking")));
        }
    }

    /** Called when the dialog of a module's node opens. What is part of the board has no slot to choose.  @param {EditorNode} node */
    function prepare(node) {
        const needs = needsOf(node);
        if (needs && needs.slots.length > 1) {
            new SlotField(node, needs);
        }
    }

    Object.assign(slots, { prepare: prepare, watch: watch, check: check });
}(window));
