/*
 * Errors in the user's language: what happened, where, and what to do.
 *
 * 1. An error of ours brings the id of its sentence and the values for it (`said`). Of an error of the bridge the code is translated, and the
 *    bridge's own words follow, because they have the values.
 * 2. English stays as it was said.
 * 3. Used by the running nodes and by the editor, each with its own catalogue of words.
 */
(function (/** @type {import("../types/editor").Scripts} */ root) {
    "use strict";

    const ENGLISH = "en-US";
    const LANGUAGE = /^[a-z]{2,3}(-[A-Z]{2})?$/;

    /**
     * @typedef {import("../types/editor").Text} Text
     * @typedef {import("../types/editor").ErrorFacts} ErrorFacts
     * @typedef {import("../types/editor").Said} Said
     */

    /** @param {string} key @param {string} found @returns {boolean} whether a catalogue has the text: it gives the key back where it has none */
    function isThere(key, found) {
        return typeof found === "string" && found !== "" && !found.endsWith(key);
    }

    /** A part of what was said; "" where there is none.  @param {Said} said @param {"message" | "hint"} part @param {Text} text @returns {string} */
    function sentence({ id, values = {} }, part, text) {
        const key = `errors.own.${id}.${part}`;
        const given = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, named(value, text)]));
        const found = text(key, given);
        return isThere(key, found) ? found : "";
    }

    /** A value in a sentence; some are sentences themselves.  @param {unknown} value @param {Text} text */
    function named(value, text) {
        const said = /** @type {Said | null} */ (value);
        return typeof said === "object" && said !== null && typeof said.id === "string" ? sentence(said, "message", text) : String(value);
    }

    /** What to do; where another error is the reason, it knows better.  @param {Said} said @param {Text} text @returns {string} */
    function advice(said, text) {
        const reason = /** @type {Said | undefined} */ ((said.values || {}).reason);
        return (reason && reason.id ? advice(reason, text) : "") || sentence(said, "hint", text);
    }

    /** A sentence that ends like one.  @param {string} written */
    function ended(written) {
        const trimmed = written.trim();
        return trimmed === "" || /[.!?。！？）]$/.test(trimmed) ? trimmed : `${trimmed}.`;
    }

    /** @param {string[]} sentences */
    function joined(sentences) {
        return sentences.filter((each) => each !== "").join(" ").replace(/([。！？）]) /g, "$1");
    }

    /**
     * Says what happened and what to do, each in the user's language.
     *
     * @param {ErrorFacts} error
     * @param {Text} text  of the catalogue of the bridge's node
     * @returns {{happened: string, todo: string, isBridges: boolean} | null} null where English is what there is; `isBridges`: only its code was
     *   translated
     */
    function parts(error, text) {
        const language = text("language");
        if (language === ENGLISH || !LANGUAGE.test(language)) {
            return null;
        }
        const { code, said } = error;
        const hint = error.hint || "";
        const happened = said ? sentence(said, "message", text) : "";
        if (said && happened !== "") {
            return { happened, todo: hint === said.hint || hint === "" ? advice(said, text) : hint, isBridges: false };
        }
        const key = `errors.code.${code}.message`;
        const known = /^\w+$/.test(code) ? text(key) : "";
        return isThere(key, known) ? { happened: known, todo: text(`errors.code.${code}.hint`), isBridges: true } : null;
    }

    /**
     * Puts an error into one text.
     *
     * @param {ErrorFacts} error
     * @param {Text} text
     * @param {{module?: string, slot?: unknown, english: string}} options  `module` and `slot`: where, for those who do not see it;
     *   `english`: the whole error as it was said
     * @returns {string}
     */
    function whole(error, text, { module = "", slot = "", english }) {
        const found = parts(error, text);
        if (found === null) {
            return english;
        }
        const { where = "" } = error;
        const happened = module === "" && where !== "" && !found.isBridges && !found.happened.includes(where)
            ? found.happened.replace(/[.。]?$/, (stop) => ` (${where})${stop}`) : found.happened;
        let said = joined([ended(happened), ended(found.todo)]);
        if (found.isBridges && english !== "") {
            said = text("errors.form.bridge", { text: said, message: english });
        }
        if (module === "") {
            return said;
        }
        return slot === "" || slot === "board" || slot === undefined
            ? text("errors.form.module", { module, text: said }) : text("errors.form.slot", { module, slot: String(slot), text: said });
    }

    root.wisblockErrors = { parts, sentence, whole };
}(typeof window === "undefined" ? /** @type {any} */ (module.exports) : window));
