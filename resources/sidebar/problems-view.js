/*
 * The list of what is wrong, with words for people.
 */
(function (/** @type {import("../../types/sidebar").Root} */ root) {
    "use strict";

    /**
     * @typedef {import("../../types/sidebar").Wb} Wb
     * @typedef {import("../../types/sidebar").Problem} Problem
     */

    const MOST_SHOWN = 30;
    const wb = () => /** @type {Wb} */ (root.wisblockSidebar);

    class ProblemsView {
        constructor() {
            const { h } = wb().dom;
            this.heading = h("h3", { id: "wisblock-problems" });
            this.list = h("ul", { class: "wb-problem-list", role: "list" });
            this.element = h("section", { class: "wb-problems", "aria-labelledby": this.heading.id, "aria-live": "polite" }, this.heading, this.list);
            this.shown = "";
            /** @type {HTMLElement[]} */
            this.messages = [];
        }

        /** @param {(Problem & {bridge: string})[]} all @param {(id: string) => string} nameOf  a bridge's; empty where there is only one */
        build(all, nameOf) {
            const { dom: { say }, words: { text } } = wb();
            say(this.heading, all.length === 0 ? text("problems.none") : text("problems.title", { count: all.length }));
            this.element.classList.toggle("wb-none", all.length === 0);
            this.element.setAttribute("data-tone", all.some((each) => each.tone === "failing") ? "failing" : "uncertain");
            const seen = all.slice(0, MOST_SHOWN);
            // a message may say how long it will take: it changes in place, and is not announced again
            const shown = JSON.stringify(seen.map(({ message, ...rest }) => [message !== "", nameOf(rest.bridge), rest]));
            if (shown !== this.shown) {
                this.shown = shown;
                this.list.hidden = all.length === 0;
                this.messages = [];
                wb().dom.replace(this.list, ...seen.map((each) => this.item(each, nameOf(each.bridge))));
            }
            seen.forEach((each, index) => say(this.messages[index], this.said(each)));
        }

        /** @param {Problem} problem */
        what(problem) {
            const { words } = wb();
            return problem.key === "error" ? words.error(problem.code) : words.text("problems." + problem.key);
        }

        /** What the catalogue of words knows of an error, null for anything else.  @param {Problem} problem */
        explained(problem) {
            return problem.code ? wb().words.explain({ code: problem.code, said: problem.said }) : null;
        }

        /**
         * What happened, without what stands above it already; of an error of the bridge in its own words, too: they have the values.
         *
         * @param {Problem} problem
         */
        said(problem) {
            const { message, hint } = problem;
            const known = this.explained(problem);
            if (known) {
                return known.isBridges ? wb().words.ofBridge(known.happened, (message + " " + hint).trim()) : known.happened;
            }
            const what = this.what(problem);
            if (message.replace(/\W+$/, "").toLowerCase() === what.toLowerCase()) {
                return "";
            }
            return message.startsWith(what + ": ") ? message.slice(what.length + 2) : message;
        }

        /** @param {Problem} problem @param {string} bridge */
        item(problem, bridge) {
            const { dom: { h, s }, healthMark, words } = wb();
            const { text } = words;
            const where = [bridge, problem.module, problem.slot === null ? "" : words.slot(problem.slot)].filter(Boolean).join(" · ");
            const message = h("div", { class: "wb-problem-message", "aria-live": "off" }, this.said(problem));
            this.messages.push(message);
            const known = this.explained(problem);
            const advice = known ? known.todo : problem.hint || words.known("advice." + problem.code, "");
            return h("li", { class: "wb-problem", "data-code": problem.code },
                s("svg", { width: 14, height: 14, class: "wb-problem-mark", "aria-hidden": "true" }, healthMark(problem.tone, 0, 0)),
                h("div", null,
                    h("div", { class: "wb-problem-what" }, h("b", null, this.what(problem)), where ? h("span", { class: "wb-quiet" }, " " + where) : null),
                    message,
                    advice ? h("div", { class: "wb-problem-advice" }, advice) : null,
                    h("div", { class: "wb-quiet" }, text("problems.since", { time: words.clock(problem.since) }),
                        problem.page ? " · " : null,
                        problem.page ? h("a", { href: problem.page, target: "_blank", rel: "noopener noreferrer" }, text("problems.page")) : null)));
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { ProblemsView });
}(window));
