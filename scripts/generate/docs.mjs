/*
 * Generates the tables of the documentation pages, between markers; what people wrote around them is kept.
 *
 * 1. A page that does not exist yet gets a skeleton with the headings that are to be written by hand.
 * 2. Nothing outside the markers is ever changed.
 */

import { rangeText, spell } from "./help.mjs";

/**
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Module} Module
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Operation} Operation
 * @typedef {Record<string, {symbol: string}>} Units
 */

const BEGIN = "<!-- generated: begin (from the catalogue; do not edit, run make generate) -->";
const END = "<!-- generated: end -->";

const cell = (/** @type {unknown} */ text) => String(text).replaceAll("|", "\\|").replaceAll("\n", " ");

/** How many items a list may have, "" for anything else.  @param {import("../../node-red-nodes/lib/catalogue.js").Param} param */
function itemsText({ kind, fewest, most }) {
  return kind === "list" ? `${fewest} to ${most} items` : "";
}

/** @param {string[]} heads @param {unknown[][]} rows */
function table(heads, rows) {
  return [
    `| ${heads.join(" | ")} |`,
    `| ${heads.map(() => "---").join(" | ")} |`,
    ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
  ].join("\n");
}

/** @param {Module["needs"][number]} need */
function needText(need) {
  switch (need.kind) {
    case "line":
      return `digital line ${need.pin}`;
    case "analog":
      return `analog input ${need.pin}`;
    case "chip": {
      const hex = (/** @type {number} */ address) => `0x${address.toString(16).padStart(2, "0")}`;
      const others = (need.alternatives ?? []).map(hex);
      return `${need.chip} at ${hex(need.address ?? 0)}${others.length > 0 ? ` (or ${others.join(", ")})` : ""}`;
    }
    default:
      return String(need.part ?? need.kind).replaceAll("_", " ");
  }
}

/** @param {Operation} operation @param {Units} units @param {boolean} isEvent */
function operationSection(operation, units, isEvent) {
  const marks = [];
  if (isEvent) {
    marks.push(operation.polled ? "found by polling" : "reported by the hardware");
  } else {
    marks.push(operation.reads_only ? "only reads, can be repeated by the bridge" : "acts");
    if (operation.drives !== "") {
      marks.push("drives an output");
    }
  }
  const parts = [`#### \`${operation.name}\`\n\n${operation.summary} (${marks.join("; ")})`];
  if (operation.details !== "") {
    parts.push(operation.details);
  }
  if (operation.params.length > 0) {
    parts.push(
      table(
        ["parameter", "type", "allowed", "default", "meaning"],
        operation.params.map((each) => [
          `\`${each.name}\``,
          each.item_kind === null ? each.kind : `${each.kind} of ${each.item_kind}`,
          [itemsText(each), rangeText(each, units)].filter((text) => text !== "").join(", each ") || "-",
          each.required ? "required" : each.default === null ? "-" : `\`${JSON.stringify(each.default)}\``,
          each.summary,
        ]),
      ),
    );
  }
  if (operation.readings.length > 0) {
    parts.push(
      table(
        ["reading", "type", "unit", "range", "meaning"],
        operation.readings.map((each) => [
          `\`${each.name}\`${each.name === operation.main ? " (main)" : ""}${each.optional ? " (not always there)" : ""}`,
          each.kind,
          units[each.unit]?.symbol || "-",
          rangeText({ ...each, unit: "none" }, units) || "-",
          each.summary,
        ]),
      ),
    );
  }
  return parts.join("\n\n");
}

/** @param {Module} module @param {Units} units */
function generated(module, units) {
  const parts = [
    module.details.join("\n\n"),
    table(
      ["fact", ""],
      [
        ["place", module.slots.length > 1 ? `slot ${module.slots.join(" or ")}` : "on the board"],
        ["uses", module.needs.map(needText).join("; ") || "-"],
        ["node", `\`wisblock-${module.slug}\``],
        ["vendor's page", `<${module.reference}>`],
      ],
    ),
    "### Operations",
    ...module.operations.map((each) => operationSection(each, units, false)),
  ];
  if (module.events.length > 0) {
    parts.push("### Events", ...module.events.map((each) => operationSection(each, units, true)));
  }
  if (module.unconfirmed.length > 0) {
    parts.push("### Not confirmed on real hardware", module.unconfirmed.map((each) => `* ${each}`).join("\n"));
  }
  return parts.filter((each) => each !== "").join("\n\n");
}

/** @param {string | null} existing @param {string} skeleton @param {string} content */
function fillMarkers(existing, skeleton, content) {
  const page = existing ?? skeleton;
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error("The markers of the generated part are missing; put them back or delete the page.");
  }
  return `${page.slice(0, begin)}${BEGIN}\n\n${content}\n\n${page.slice(end)}`;
}

/**
 * Generates the page of a module.
 *
 * @param {Module} module
 * @param {Units} units
 * @param {string | null} existing  the page as it is
 * @returns {string}
 */
export function generatePage(module, units, existing) {
  const skeleton = `# ${module.name}: ${module.title}

${module.summary}

## In short

${BEGIN}
${END}

## Wiring

## Troubleshooting
`;
  return fillMarkers(existing, skeleton, generated(module, units));
}

/**
 * Generates the list of all modules.
 *
 * @param {Module[]} modules
 * @param {string | null} existing
 * @returns {string}
 */
export function generateIndex(modules, existing) {
  const rows = modules.map((each) => [
    `[${each.name}](${each.slug}.md)`,
    each.title,
    spell(each.family),
    each.slots.length > 1 ? each.slots.join(", ") : "board",
    each.operations.map((operation) => `\`${operation.name}\``).join(" "),
    each.events.map((event) => `\`${event.name}\``).join(" ") || "-",
  ]);
  const content = table(["module", "what it is", "group", "slot", "operations", "events"], rows);
  return fillMarkers(existing, `# Modules\n\n${BEGIN}\n${END}\n`, content);
}
