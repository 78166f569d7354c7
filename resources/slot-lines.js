/*
 * What is shown below the slot field of a module: one line for each thing that is known.
 *
 * 1. Pure: what is known goes in, keys of words with their values come out.
 * 2. What cannot be known is said: a scan does not see slots, and not all modules have a chip that it could see.
 * 3. Nothing here changes a choice.
 */
(function (/** @type {import("../types/editor").Scripts} */ root) {
    "use strict";

    /**
     * @typedef {import("../types/editor").Chip} Chip
     * @typedef {import("../types/editor").Line} Line
     * @typedef {import("../types/editor").Needs} Needs
     * @typedef {import("../types/editor").Report} Report
     * @typedef {import("../types/editor").Scan} Scan
     */

    /** @type {(tone: Line["tone"], key: string, values?: Record<string, unknown>, detail?: string) => Line} */
    function line(tone, key, values, detail) {
        return { tone: tone, key: key, values: values || {}, detail: detail || "" };
    }

    /** @param {string} slot @param {Report} report */
    function occupant(slot, report) {
        return (report.slots || []).find((each) => String(each.slot) === slot);
    }

    /** @param {Needs} needs @param {string} slot @param {Report} report @returns {Line} */
    function inUse(needs, slot, report) {
        const present = occupant(slot, report);
        if (!present) {
            return line("plain", "free", { slot: slot });
        }
        const mine = present.module === needs.name;
        if (present.open) {
            return line(mine ? "good" : "warning", mine ? "in_use_by_this" : "in_use", { slot: slot, module: present.module });
        }
        return line(mine ? "plain" : "warning", "expected", { slot: slot, module: present.module });
    }

    /** @param {Needs} needs @param {string} slot @param {Report} report @returns {Line[]} */
    function pluggedIn(needs, slot, report) {
        const here = (report.plugged || []).find((each) => String(each.slot) === slot);
        if (!here) {
            return [];
        }
        return [here.module
            ? line(here.module === needs.name ? "good" : "plain", "plugged", { slot: slot, module: here.module })
            : line("plain", "plugged_nothing", { slot: slot })];
    }

    /**
     * One chip of the module, in the light of a scan.
     *
     * @param {Chip} chip
     * @param {Needs} needs
     * @param {string} slot
     * @param {Report} report
     * @param {NonNullable<Scan["found"]>} found
     * @returns {Line}
     */
    function chipLine(chip, needs, slot, report, found) {
        const at = root.wisblockSlots.addressOf(chip, slot, report);
        const values = { chip: chip.chip, address: root.wisblockSlots.hex(at) };
        const here = found.find((each) => each.address === at);
        if (here && here.chip === chip.chip) {
            return line(here.confidence === "low" ? "plain" : "good", "answers", Object.assign(values, { confidence: here.confidence }), here.note);
        }
        if (here && here.chip) {
            return line("warning", "other_answers", Object.assign(values, { other: here.chip, confidence: here.confidence }), here.note);
        }
        if (here) {
            return line("plain", "unknown_answers", values, here.note);
        }
        const elsewhere = found.find((each) => each.chip === chip.chip && chip.alternatives.includes(each.address) && each.modules.includes(needs.name));
        return elsewhere
            ? line("plain", "answers_elsewhere", Object.assign(values, { other: root.wisblockSlots.hex(elsewhere.address), slot: slot }))
            : line("plain", "silent", values);
    }

    /** @param {Needs} needs @param {string} slot @param {Report} report @param {Scan | undefined} scan @returns {Line[]} */
    function scanLines(needs, slot, report, scan) {
        if (needs.chips.length === 0) {
            return [line("plain", "unseen", { module: needs.name })];
        }
        if (!scan) {
            return [];
        }
        if (scan.state === "asking") {
            return [line("plain", "looking")];
        }
        if (scan.refused) {
            return [line("plain", scan.refused === "forbidden" ? "no_scan" : "scan_failed", { message: scan.message, error: { ...scan, code: scan.refused } })];
        }
        const { found } = scan;
        if (!found) {
            return [];
        }
        const shown = needs.chips.map((chip) => chipLine(chip, needs, slot, report, found));
        const here = needs.chips.map((chip) => root.wisblockSlots.addressOf(chip, slot, report));
        found.filter((each) => here.includes(each.address)).forEach(function (each) {
            (each.warnings || []).forEach((warning) => shown.push(line("warning", "as_reported", { text: warning })));
        });
        if (shown.some((each) => each.key === "answers")) {
            shown.push(line("plain", "which_slot"));
        }
        return shown;
    }

    /**
     * Returns what is known about a module in a slot.
     *
     * @param {Needs} needs
     * @param {string} slot
     * @param {Report | undefined} report  what the bridge reported; undefined while it is asked
     * @param {Scan | undefined} scan  what a scan found, what came instead, or {state: "asking"}
     * @returns {Line[]}
     */
    function lines(needs, slot, report, scan) {
        if (!needs.slots.map(String).includes(slot)) {
            return [line("plain", "not_a_number", { slot: slot })];
        }
        if (!report || report.state === "asking") {
            return [line("plain", "asking")];
        }
        if (report.state !== "online") {
            return [line("plain", report.state === "offline" ? "offline" : "not_deployed", { message: report.message })];
        }
        return [inUse(needs, slot, report)].concat(pluggedIn(needs, slot, report), scanLines(needs, slot, report, scan));
    }

    /** What stands behind a slot's number in the list: who is there, as far as that is known.  @type {import("../types/editor").SlotScripts["choice"]} */
    function choice(slot, report) {
        const online = report && report.state === "online";
        const present = online && occupant(slot, report);
        if (present) {
            return { key: present.open ? "choice_in_use" : "choice_expected", values: { module: present.module } };
        }
        const plugged = online && (report.plugged || []).find((each) => String(each.slot) === slot && each.module);
        return plugged ? { key: "choice_plugged", values: { module: plugged.module } } : null;
    }

    root.wisblockSlots = Object.assign(root.wisblockSlots || {}, { choice: choice, lines: lines });
}(window));
