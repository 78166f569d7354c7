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
        }

        /** @param {(Problem & {bridge: string})[]} all @param {(id: string) => string} nameOf  a bridge's; empty where there is only one */
        build(all, nameOf) {
            const { dom: { say }, words: { text } } = wb();
            say(this.heading, all.length === 0 ? text("problems.none") : text("problems.title", { count: all.length }));
            this.element.classList.toggle("wb-none", all.length === 0);
            const shown = JSON.stringify(all);
            if (shown !== this.shown) {
                this.shown = shown;
                this.list.hidden = all.length === 0;
                wb().dom.replace(this.list, ...all.slice(0, MOST_SHOWN).map((each) => this.item(each, nameOf(each.bridge))));
            }
        }

        /** What happened; of an error of the bridge in its own words, too: they have the values.  @param {Problem} problem @param {ReturnType<Wb["words"]["explain"]>} known */
        message(problem, known) {
            if (!known) {
                return problem.message;
            }
            return known.isBridges ? wb().words.ofBridge(known.happened, (problem.message + " " + problem.hint).trim()) : known.happened;
        }

        /** @param {Problem} problem @param {string} bridge */
        item(problem, bridge) {
            const { dom: { h, s }, healthMark, words } = wb();
            const { text } = words;
            const where = [bridge, problem.module, problem.slot === null ? "" : words.slot(problem.slot)].filter(Boolean).join(" · ");
            const what = problem.key === "error" ? words.error(problem.code) : text("problems." + problem.key);
            const isSaid = problem.message.replace(/\W+$/, "").toLowerCase() === what.toLowerCase();
            const known = problem.code ? words.explain({ code: problem.code, said: problem.said }) : null;
            const advice = known ? known.todo : problem.hint || words.known("advice." + problem.code, "");
            return h("li", { class: "wb-problem", "data-code": problem.code },
                s("svg", { width: 14, height: 14, class: "wb-problem-mark", "aria-hidden": "true" }, healthMark(problem.tone, 0, 0)),
                h("div", null,
                    h("div", { class: "wb-problem-what" }, h("b", null, what), where ? h("span", { class: "wb-quiet" }, " " + where) : null),
                    problem.message && !isSaid ? h("div", { class: "wb-problem-message" }, this.message(problem, known)) : null,
                    advice ? h("div", { class: "wb-problem-advice" }, advice) : null,
                    h("div", { class: "wb-quiet" }, text("problems.since", { time: words.clock(problem.since) }),
                        problem.page ? " · " : null,
                        problem.page ? h("a", { href: problem.page, target: "_blank", rel: "noopener noreferrer" }, text("problems.page")) : null)));
        }
    }

    root.wisblockSidebar = Object.assign(root.wisblockSidebar || {}, { ProblemsView });
}(window));
