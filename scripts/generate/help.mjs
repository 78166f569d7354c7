/*
 * Generates the texts of a module's node: its locale file and its help.
 *
 * 1. Sentences come from the catalogue; what is the same for all modules is written here once.
 * 2. The help has the structure that Node-RED asks for: Inputs, Outputs, Details, References.
 */

/**
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Kind} Kind
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Module} Module
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Operation} Operation
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Param} Param
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Reading} Reading
 * @typedef {Record<string, {symbol: string}>} Units
 */

const ON_OFF = "<code>true</code>, <code>1</code> or <code>\"on\"</code>; <code>false</code>, <code>0</code> or <code>\"off\"</code>";

const KINDS = { int: "number", float: "number", bool: "boolean", str: "string", bytes: "buffer", list: "array" };

/** @param {unknown} text */
export function escapeHtml(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** "read_all" as people write it.  @param {string} name */
export function spell(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A label without the unit, which stands in the field.  @param {string} text @param {string} unit @param {Units} units */
function withoutUnit(text, unit, units) {
  const symbol = units[unit]?.symbol ?? "";
  return symbol !== "" && text.endsWith(` ${symbol}`) ? text.slice(0, -symbol.length - 1) : text;
}

/** A number for a sentence: whole numbers stay whole.  @param {number} value */
function number(value) {
  return Math.abs(value) >= 1e6 ? value.toExponential().replace("e+", "e") : String(value);
}

/**
 * The limits of a parameter or a reading in words, "" when it has none.
 *
 * @param {Pick<Param | Reading, "low" | "high" | "choices" | "unit" | "kind">} facts
 * @param {Units} units
 */
export function rangeText({ low, high, choices, unit, kind }, units) {
  const symbol = units[unit]?.symbol ?? "";
  const tail = symbol === "" ? "" : ` ${symbol}`;
  const parts = [];
  if (["int", "float", "list"].includes(kind) && low !== null && high !== null) {
    parts.push(`${number(low)} to ${number(high)}${tail}`);
  } else if (["str", "bytes"].includes(kind) && high !== null) {
    parts.push(`${number(low ?? 0)} to ${number(high)} ${kind === "str" ? "characters" : "bytes"}`);
  } else if (low !== null) {
    parts.push(`at least ${number(low)}${tail}`);
  } else if (high !== null) {
    parts.push(`at most ${number(high)}${tail}`);
  }
  if (choices.length > 0) {
    parts.push(choices.map((each) => (typeof each === "string" ? `"${each}"` : String(each))).join(", "));
  }
  return parts.join(" or ");
}

/** How many items a list may have, "" for anything else.  @param {Param} param */
export function itemsText({ kind, fewest, most }) {
  return kind === "list" ? `${fewest} to ${most} items` : "";
}

/**
 * Generates the locale file.
 *
 * @param {Module} module
 * @param {Units} units
 * @returns {string}
 */
export function generateLocale(module, units) {
  /** @type {Record<string, Record<string, string | {label: string, summary: string}>>} */
  const words = {};
  for (const operation of [...module.operations, ...module.events]) {
    words[operation.name] = { name: spell(operation.name) };
    for (const param of operation.params) {
      words[operation.name][param.name] = { label: withoutUnit(param.label, param.unit, units), summary: param.summary };
    }
  }
  return `${JSON.stringify({ palette: { label: { wisblock: "WisBlock" } }, [module.slug]: words }, null, 4)}\n`;
}

/** @param {string} name @param {string} kind @param {string} text @param {boolean} [optional] */
function definition(name, kind, text, optional = false) {
  return `        <dt${optional ? " class=\"optional\"" : ""}>${name} <span class="property-type">${kind}</span></dt>
        <dd>${text}</dd>`;
}

/** @param {Param} param @param {Units} units @param {string} payloadParam */
function paramText(param, units, payloadParam) {
  const parts = [escapeHtml(param.summary)];
  const range = rangeText(param, units);
  if (itemsText(param) !== "") {
    parts.push(`${itemsText(param)}.`);
  }
  if (range !== "") {
    parts.push(`${param.kind === "list" && param.low !== null ? "Each" : "Allowed"}: ${escapeHtml(range)}.`);
  }
  if (param.kind === "bool") {
    parts.push(`${ON_OFF}.`);
  }
  if (!param.required) {
    parts.push(param.default === null ? "Nothing when empty." : `Default: <code>${escapeHtml(JSON.stringify(param.default))}</code>.`);
  }
  if (payloadParam === param.name) {
    parts.push("Taken from <code>msg.payload</code> unless the node says otherwise.");
  }
  return parts.join(" ");
}

/** @param {Reading} reading @param {Units} units @param {string} main */
function readingText(reading, units, main) {
  const parts = [escapeHtml(reading.summary)];
  const range = rangeText(reading, units);
  const symbol = units[reading.unit]?.symbol ?? "";
  if (range !== "") {
    parts.push(`Range: ${escapeHtml(range)}.`);
  } else if (symbol !== "") {
    parts.push(`In ${escapeHtml(symbol)}.`);
  }
  if (reading.name === main) {
    parts.push("This is <code>msg.payload</code>.");
  }
  return parts.join(" ");
}

/** @param {Operation} operation @param {Units} units @param {boolean} isEvent */
function operationHelp(operation, units, isEvent) {
  const lines = [`    <h4>${spell(operation.name)}${isEvent ? " (event)" : ""}</h4>`, `    <p>${escapeHtml(operation.summary)}</p>`];
  if (operation.details !== "") {
    lines.push(`    <p>${escapeHtml(operation.details)}</p>`);
  }
  if (operation.drives !== "") {
    lines.push(
      "    <p>Drives an output. When Node-RED goes away (it stops, crashes or loses the bridge) the output goes to its safe state, "
        + "unless the node says that it holds its last one. A deploy does not count as going away.</p>",
    );
  }
  if (isEvent) {
    lines.push(
      operation.polled
        ? "    <p>The bridge polls the inputs; a change that is shorter than the time between two polls is missed.</p>"
        : "    <p>The hardware reports this automatically; the time in the message is the time of the change.</p>",
    );
  }
  if (operation.params.length > 0) {
    lines.push(
      "    <p>Parameters:</p>",
      "    <dl class=\"message-properties\">",
      ...operation.params.map((each) =>
        definition(each.name, KINDS[each.kind], paramText(each, units, operation.payload_param), !each.required)),
      "    </dl>",
    );
  }
  if (operation.readings.length > 0) {
    lines.push(
      "    <p>Readings:</p>",
      "    <dl class=\"message-properties\">",
      ...operation.readings.map((each) => definition(each.name, KINDS[each.kind], readingText(each, units, operation.main), each.optional)),
      "    </dl>",
    );
  }
  return lines.join("\n");
}

/** What the lines below the slot field say, and what they cannot.  @param {Module} module */
function slotHelp(module) {
  if (module.slots.length === 1) {
    return "";
  }
  const chips = [...new Set(module.needs.filter((each) => each.kind === "chip").map((each) => each.chip))];
  const seen = chips.length > 0
    ? `Below it stands who uses the slot, and whether the ${chips.join(" and the ")} of this module answers on the I2C bus and how sure that is; `
      + "in which slot cannot be seen, because both share the bus."
    : "Below it stands who uses the slot. Whether the module is plugged in cannot be seen: it has no chip of its own on the I2C bus.";
  return `    <p>The slot is the place on the board. ${seen} What is chosen stays chosen, whatever the bridge
    says. Two modules that cannot work side by side are marked with a yellow triangle before they are deployed.</p>
`;
}

/** @param {Module} module */
function payloadInText(module) {
  const anyParams = module.operations.some((each) => each.params.length > 0);
  const obvious = module.operations.filter((each) => each.payload_param !== "");
  const parts = [];
  if (obvious.length > 0) {
    const pairs = obvious.map((each) => `<code>${each.payload_param}</code> of ${spell(each.name)}`);
    parts.push(`A plain value is ${pairs.join(", ")}.`);
  }
  if (anyParams) {
    parts.push("An object gives parameters of the operation by name and goes before the fields of the node.");
  }
  parts.push(
    obvious.length > 0
      ? "Anything that does not fit is an error with the code <code>bad_params</code>."
      : `${anyParams ? "Anything else" : "Whatever it is, it"} only starts the operation.`,
  );
  return parts.join(" ");
}

/**
 * Generates the help.
 *
 * @param {Module} module
 * @param {Units} units
 * @returns {string}
 */
export function generateHelp(module, units) {
  const mains = [...module.operations, ...module.events].filter((each) => each.main !== "");
  const place = module.slots.length > 1 ? "" : " It is part of the board.";
  const unconfirmed = module.unconfirmed.length === 0
    ? ""
    : `    <h4>Not confirmed yet</h4>
    <p>Nobody has checked these on real hardware so far:</p>
    <ul>
${module.unconfirmed.map((each) => `        <li>${escapeHtml(each)}</li>`).join("\n")}
    </ul>
`;
  return `<!-- Generated by scripts/generate.mjs. Do not edit. -->
<script type="text/html" data-help-name="wisblock-${module.slug}">
    <p>${escapeHtml(module.name)} ${escapeHtml(module.title)}. ${escapeHtml(module.summary)}${place}</p>
    <h3>Inputs</h3>
    <dl class="message-properties">
${definition("payload", "any", payloadInText(module), true)}
    </dl>
    <h3>Outputs</h3>
    <dl class="message-properties">
${definition(
    "payload",
    "any",
    mains.length > 0
      ? `The main value (${[...new Set(mains.map((each) => `<code>${each.main}</code>`))].join(", ")}); an object of all readings where there is none.`
      : "An object of all readings.",
  )}
${definition(
    "wisblock",
    "object",
    "<code>module</code>, <code>slot</code>, <code>operation</code> or <code>event</code>; all <code>readings</code>, each with "
      + "<code>value</code>, <code>unit</code> and <code>symbol</code>; <code>timestamp</code> (milliseconds since 1970, taken where "
      + "it was measured), <code>quality</code> (<code>good</code> or <code>uncertain</code>), <code>note</code> and "
      + "<code>emulated</code>. Repeated values and events also have <code>sequence</code>, <code>lost</code> and <code>initial</code>.",
  )}
    </dl>
    <h3>Details</h3>
${slotHelp(module)}${module.details.map((each) => `    <p>${escapeHtml(each)}</p>`).join("\n")}
${module.operations.map((each) => operationHelp(each, units, false)).join("\n")}
${module.events.map((each) => operationHelp(each, units, true)).join("\n")}
    <h4>Errors</h4>
    <p>An error goes to the Catch nodes of the flow, with a code in <code>msg.error.code</code>. The status is green only while
    values come.</p>
${unconfirmed}    <h3>References</h3>
    <ul>
        <li><a href="${escapeHtml(module.reference)}" target="_blank">${escapeHtml(module.name)}</a> - the vendor's documentation</li>
    </ul>
</script>
`.replace(/\n\n+/g, "\n");
}
