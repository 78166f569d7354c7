/*
 * What is told below the slot field of a module: one line for each thing that is known.
 *
 * 1. Pure: what is known goes in, keys of words with their values come out.
 * 2. What cannot be known is said: a scan does not see slots, and not all modules have a chip that it could see.
 * 3. Nothing here changes a choice.
 */
(function (root) {
    "use strict";


    /**
     * @typedef {{tone: "good" | "plain" | "warning", key: string, values?: Record<string, unknown>, detail?: string}} Line
     */

    function line(tone, key, values, detail) {
        return { tone: tone, key: key, values: values || {}, detail: detail || "" };
    }

    function occupant(slot, report) {
        return (report.slots || []).find((each) => String(each.slot) === slot);
    }

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

    function pluggedIn(needs, slot, report) {
        const here = (report.plugged || []).find((each) => String(each.slot) === slot);
        if (!here) {
            return [];
        }
        return [here.module
            ? line(here.module === needs.name ? "good" : "plain", "plugged", { slot: slot, module: here.module })
            : line("plain", "plugged_nothing", { slot: slot })];
    }

    // One chip of the module, in the light of a scan.
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
            return [line("plain", scan.refused === "forbidden" ? "no_scan" : "scan_failed", { message: scan.message })];
        }
        if (!scan.found) {
            return [];
        }
        const told = needs.chips.map((chip) => chipLine(chip, needs, slot, report, scan.found));
        const here = needs.chips.map((chip) => root.wisblockSlots.addressOf(chip, slot, report));
        scan.found.filter((each) => here.includes(each.address)).forEach(function (each) {
            (each.warnings || []).forEach((warning) => told.push(line("warning", "as_told", { text: warning })));
        });
        if (told.some((each) => each.key === "answers")) {
            told.push(line("plain", "which_slot"));
        }
        return told;
    }

    /**
     * Tells what is known about a module in a slot.
     *
     * @param {{name: string, slots: (number | string)[], chips: object[]}} needs
     * @param {string} slot
     * @param {{state?: string, slots?: object[], plugged?: object[]} | undefined} report  what the bridge told; undefined while it is asked
     * @param {object | undefined} scan  what a scan found, what came instead, or {state: "asking"}
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

    /** What stands behind a slot's number in the list: who is there, as far as that is known. */
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
