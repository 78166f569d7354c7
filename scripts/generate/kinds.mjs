/*
 * What kind of product a module is, and how that looks in the editor.
 *
 * 1. The kind follows from the catalogue: its group, what it drives, whether it needs a serial port.
 * 2. Colours are light enough for the dark text of a node and stand out from a dark canvas (tests/nodes/colours.test.js).
 */

/** Colour of a node by kind. The bridge and the request node, which are for all kinds, have the last one. */
export const COLOURS = {
  input: "#9CCFC4",
  output: "#F3B567",
  bus: "#B9B5E3",
  radio: "#E3AFC6",
  bridge: "#D3D7DC",
};

/** Characters at which the palette breaks a label, and what stands in for them where a break would tear a word apart. */
const NO_BREAK_SPACE = "\u00a0";
const NO_BREAK_HYPHEN = "\u2011";

/**
 * Returns the kind of a module.
 *
 * @param {import("../../node-red-nodes/lib/catalogue.js").Module} module
 * @returns {"input" | "output" | "bus" | "radio"}
 */
export function kindOf(module) {
  if (module.family === "wireless") {
    return "radio";
  }
  if (module.needs.some((each) => each.kind === "port")) {
    return "bus";
  }
  const drives = module.operations.some((each) => each.drives !== "");
  return drives && module.family !== "sensors" ? "output" : "input";
}

/**
 * Writes a label so that the palette breaks it between words only.
 *
 * @param {string} text
 * @returns {string}
 */
export function unbroken(text) {
  return text.replaceAll("-", NO_BREAK_HYPHEN).replace(/(\d) (?=(mA|V|A|W)\b)/g, `$1${NO_BREAK_SPACE}`);
}
