/*
 * The sidebar as a whole: its tab, its bridges, the list of problems, and when there is something to do.
 *
 * 1. Nothing is asked and no timer runs while nobody can see it.
 * 2. What comes in is drawn with the next picture of the screen, however much it was.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /** @typedef {import("../../types/sidebar").Wb} Wb */

    const TICK_MS = 1000;
    const NARROWEST = 150;
    const wb = () => /** @type {Wb} */ (root.wisblockSidebar);

    class Panel {
        constructor() {
            const { Feed, ProblemsView, dom: { h } } = wb();
            this.notice = h("div", { class: "wb-notice", role: "status", hidden: true });
            this.bridgesBox = h("div", { class: "wb-bridges" });
            this.problems = new ProblemsView();
            this.content = h("div", { class: "wb-sidebar" }, this.notice, this.problems.element, this.bridgesBox);
            /** @type {Map<string, {state: import("../../types/sidebar").Bridge, view: import("../../types/sidebar").BridgeView}>} */
            this.bridges = new Map();
            /** @type {Set<string>} */
            this.toBuild = new Set();
            this.isOnScreen = false;
            this.frame = 0;
            this.width = 0;
            this.hasNews = false;
            this.isKnown = false;
            /** @type {ReturnType<typeof setInterval> | undefined} */
            this.timer = undefined;
            this.feed = new Feed({ onMessage: (message) => this.take(message), onState: (state) => this.connection(state) });
        }

        start() {
            new IntersectionObserver((entries) => {
                this.isOnScreen = entries[entries.length - 1].isIntersecting;
                this.look();
            }).observe(this.content);
            new ResizeObserver(() => this.resize()).observe(this.content);
            document.addEventListener("visibilitychange", () => this.look());
            this.content.addEventListener("keydown", (event) => event.key === "Escape" && this.bridges.forEach(({ view }) => view.popover.hide()));
            ["nodes:add", "nodes:remove", "nodes:change", "flows:loaded"].forEach((each) => RED.events.on(each, () => this.rebuildAll()));
        }

        get isSeen() {
            return this.isOnScreen && document.visibilityState !== "hidden";
        }

        /** Somebody can see it now, or cannot any more. */
        look() {
            const { isSeen } = this;
            this.feed.want(isSeen && RED.user.hasPermission("wisblock.read"));
            if (!RED.user.hasPermission("wisblock.read")) {
                this.say("no_read_permission");
            }
            if (isSeen && this.timer === undefined) {
                this.timer = setInterval(() => this.tick(), TICK_MS);
                this.rebuildAll();
            } else if (!isSeen) {
                clearInterval(this.timer);
                this.timer = undefined;
            }
        }

        /** @param {"open" | "lost" | "forbidden"} state */
        connection(state) {
            this.content.classList.toggle("wb-stale", state !== "open");
            this.say(state === "open" ? "" : state === "lost" ? "lost" : "no_read_permission");
        }

        /** @param {string} key */
        say(key) {
            this.notice.hidden = key === "";
            wb().dom.say(this.notice, key === "" ? "" : wb().words.text(key));
        }

        /** @param {any} message */
        take(message) {
            if (message.type === "bridges") {
                this.isKnown = true;
                this.setBridges(Array.isArray(message.bridges) ? message.bridges : []);
                return;
            }
            const found = this.bridges.get(message.bridge);
            if (!found) {
                return;
            }
            if (found.state.apply(message)) {
                this.toBuild.add(message.bridge);
            }
            this.hasNews = true;
            this.draw();
        }

        /** @param {{id: string, name: string}[]} all */
        setBridges(all) {
            const { BridgeState, BridgeView } = wb();
            const ids = new Set(all.map((each) => each.id));
            this.bridges.forEach(({ view }, id) => {
                if (!ids.has(id)) {
                    view.remove();
                    this.bridges.delete(id);
                }
            });
            all.forEach(({ id, name }) => {
                if (!this.bridges.has(id)) {
                    const state = new BridgeState(id);
                    const view = new BridgeView(state, this.content);
                    this.bridges.set(id, { state: state, view: view });
                    this.bridgesBox.append(view.element);
                }
                /** @type {{state: import("../../types/sidebar").Bridge}} */ (this.bridges.get(id)).state.name = name;
            });
            this.say(all.length === 0 ? "no_bridges" : "");
            this.rebuildAll();
        }

        rebuildAll() {
            this.bridges.forEach((_each, id) => this.toBuild.add(id));
            this.hasNews = true;
            this.draw();
        }

        resize() {
            const width = this.inner();
            if (width !== this.width && width > 0) {
                this.rebuildAll();
            }
        }

        inner() {
            return Math.max(NARROWEST, Math.floor(this.bridgesBox.clientWidth - 2));
        }

        draw() {
            if (this.frame !== 0 || !this.isSeen) {
                return;
            }
            this.frame = requestAnimationFrame(() => {
                this.frame = 0;
                this.paint();
            });
        }

        paint() {
            if (!this.hasNews || this.content.clientWidth === 0) {
                return;
            }
            this.hasNews = false;
            const width = this.inner();
            const isOther = width !== this.width;
            this.width = width;
            this.bridges.forEach(({ view }, id) => {
                if (isOther || this.toBuild.has(id)) {
                    view.build(this.width);
                } else {
                    view.update();
                }
            });
            this.toBuild.clear();
            const single = this.bridges.size < 2;
            this.problems.element.hidden = !this.isKnown || this.bridges.size === 0;
            this.problems.build(wb().problems(Array.from(this.bridges.values(), (each) => each.state)), (id) => {
                const found = this.bridges.get(id);
                return single || !found ? "" : found.view.name();
            });
        }

        tick() {
            this.bridges.forEach(({ view }) => view.tick());
        }
    }

    /** Called by the plugin when the editor starts. */
    function start() {
        const { StatusButton, words: { text } } = wb();
        const panel = new Panel();
        RED.sidebar.addTab({
            id: "wisblock", label: text("tab"), name: text("name"), iconClass: "fa fa-microchip wb-tab-icon", content: panel.content, enableOnEdit: true, action: "wisblock:show-sidebar",
        });
        RED.actions.add("wisblock:show-sidebar", () => RED.sidebar.show("wisblock"), { label: text("action") });
        RED.keyboard.add("*", "ctrl-g w", "wisblock:show-sidebar");
        panel.start();
        if (RED.user.hasPermission("wisblock.read")) {
            new StatusButton().start();
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { start });
}(window));
