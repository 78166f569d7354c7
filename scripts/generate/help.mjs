/*
 * Generates the help of a module's node.
 *
 * 1. Sentences come from the catalogue; what is the same for all modules is written here once.
 * 2. The help has the structure that Node-RED asks for: Inputs, Outputs, Details, References.
 * 3. Every sentence has a place, by which a translation finds it, and is a whole one: other languages have another order of words.
 */

import { fill } from "../translations/language.mjs";

/**
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Kind} Kind
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Module} Module
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Operation} Operation
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Param} Param
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Reading} Reading
 * @typedef {import("../translations/language.mjs").Language} Language
 * @typedef {Record<string, {symbol: string}>} Units
 */

const KINDS = { int: "number", float: "number", bool: "boolean", str: "string", bytes: "buffer", list: "array" };

/** @param {unknown} text */
export function escapeHtml(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** A text of the catalogue as html; what stands between double backticks is code.  @param {string} text */
function prose(text) {
  return escapeHtml(text).replace(/``([^`]+)``/g, "<code>$1</code>");
}

/** "read_all" as people write it.  @param {string} name */
export function spell(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A number for a sentence: whole numbers stay whole.  @param {number} value */
function number(value) {
  return Math.abs(value) >= 1e6 ? value.toExponential().replace("e+", "e") : String(value);
}

/** English as it stands here, for tables that have one language.  @type {Pick<Language, "text">} */
const AS_WRITTEN = { text: (_place, english, values = {}) => fill(english, values) };

/**
 * The limits of a parameter or a reading in words, "" when it has none.
 *
 * @param {Pick<Param | Reading, "low" | "high" | "choices" | "unit" | "kind">} facts
 * @param {Units} units
 * @param {Pick<Language, "text">} [language]
 */
export function rangeText({ low, high, choices, unit, kind }, units, language = AS_WRITTEN) {
  const symbol = units[unit]?.symbol ?? "";
  const tail = symbol === "" ? "" : ` ${symbol}`;
  const parts = [];
  if (["int", "float", "list"].includes(kind) && low !== null && high !== null) {
    parts.push(language.text("help.range.between", "__low__ to __high__", { low: number(low), high: `${number(high)}${tail}` }));
  } else if (kind === "str" && high !== null) {
    parts.push(language.text("help.range.characters", "__low__ to __high__ characters", { low: number(low ?? 0), high: number(high) }));
  } else if (kind === "bytes" && high !== null) {
    parts.push(language.text("help.range.bytes", "__low__ to __high__ bytes", { low: number(low ?? 0), high: number(high) }));
  } else if (low !== null) {
    parts.push(language.text("help.range.at_least", "at least __limit__", { limit: `${number(low)}${tail}` }));
  } else if (high !== null) {
    parts.push(language.text("help.range.at_most", "at most __limit__", { limit: `${number(high)}${tail}` }));
  }
  if (choices.length > 0) {
    parts.push(choices.map((each) => (typeof each === "string" ? `"${each}"` : String(each))).join(", "));
  }
  return parts.length < 2 ? parts.join("") : language.text("help.range.or", "__one__ or __other__", { one: parts[0], other: parts[1] });
}

/** @param {string} name @param {string} kind @param {string} text @param {boolean} [optional] */
function definition(name, kind, text, optional = false) {
  return `        <dt${optional ? " class=\"optional\"" : ""}>${name} <span class="property-type">${kind}</span></dt>
        <dd>${text}</dd>`;
}

/** What the help of one module needs everywhere. */
class HelpWriter {
  /** @param {Module} module @param {Units} units @param {Language} language */
  constructor(module, units, language) {
    this.module = module;
    this.units = units;
    this.language = language;
  }

  /** A sentence of the help itself: html.  @param {string} place @param {string} english @param {Record<string, unknown>} [values] */
  say(place, english, values) {
    return this.language.text(`help.${place}`, english, values);
  }

  /** A sentence of the module's description, as html.  @param {string} place @param {string} english */
  quote(place, english) {
    return prose(this.language.text(`${this.module.name}.${place}`, english));
  }

  /** @param {Operation} operation */
  nameOf(operation) {
    return this.language.text(`${this.module.name}.${operation.name}.name`, spell(operation.name));
  }

  /** @param {Operation} operation @param {Param} param */
  paramText(operation, param) {
    const parts = [this.quote(`${operation.name}.${param.name}.summary`, param.summary)];
    const range = rangeText(param, this.units, this.language);
    if (param.kind === "list") {
      parts.push(this.say("param.items", "__fewest__ to __most__ items.", { fewest: param.fewest, most: param.most }));
    }
    if (range !== "") {
      parts.push(param.kind === "list" && param.low !== null
        ? this.say("param.each", "Each: __range__.", { range: escapeHtml(range) })
        : this.say("param.allowed", "Allowed: __range__.", { range: escapeHtml(range) }));
    }
    if (param.kind === "bool") {
      parts.push(this.say(
        "param.switch",
        "<code>true</code>, <code>1</code> or <code>\"on\"</code>; <code>false</code>, <code>0</code> or <code>\"off\"</code>.",
      ));
    }
    if (!param.required) {
      parts.push(param.default === null
        ? this.say("param.empty", "Nothing when empty.")
        : this.say("param.default", "Default: <code>__value__</code>.", { value: escapeHtml(JSON.stringify(param.default)) }));
    }
    if (operation.payload_param === param.name) {
      parts.push(this.say("param.payload", "Taken from <code>msg.payload</code> unless the node says otherwise."));
    }
    return this.language.join(parts);
  }

  /** @param {Operation} operation @param {Reading} reading */
  readingText(operation, reading) {
    const parts = [this.quote(`${operation.name}.reading.${reading.name}.summary`, reading.summary)];
    const range = rangeText(reading, this.units, this.language);
    const symbol = this.units[reading.unit]?.symbol ?? "";
    if (range !== "") {
      parts.push(this.say("reading.range", "Range: __range__.", { range: escapeHtml(range) }));
    } else if (symbol !== "") {
      parts.push(this.say("reading.unit", "In __unit__.", { unit: escapeHtml(symbol) }));
    }
    if (reading.name === operation.main) {
      parts.push(this.say("reading.main", "This is <code>msg.payload</code>."));
    }
    return this.language.join(parts);
  }

  /** @param {Operation} operation @param {boolean} isEvent */
  operation(operation, isEvent) {
    const name = this.nameOf(operation);
    const lines = [
      `    <h4>${isEvent ? this.say("operation.event", "__name__ (event)", { name }) : name}</h4>`,
      `    <p>${this.quote(`${operation.name}.summary`, operation.summary)}</p>`,
    ];
    if (operation.details !== "") {
      lines.push(`    <p>${this.quote(`${operation.name}.details`, operation.details)}</p>`);
    }
    if (operation.drives !== "") {
      lines.push(`    <p>${this.say(
        "operation.drives",
        "Drives an output. When Node-RED goes away (it stops, crashes or loses the bridge) the output goes to its safe state, "
          + "unless the node says that it holds its last one. A deploy does not count as going away.",
      )}</p>`);
    }
    if (isEvent) {
      lines.push(`    <p>${operation.polled
        ? this.say("operation.polled", "The bridge polls the inputs; a change that is shorter than the time between two polls is missed.")
        : this.say("operation.reported", "The hardware reports this automatically; the time in the message is the time of the change.")}</p>`);
    }
    if (operation.params.length > 0) {
      lines.push(
        `    <p>${this.say("operation.params", "Parameters:")}</p>`,
        "    <dl class=\"message-properties\">",
        ...operation.params.map((each) => definition(each.name, KINDS[each.kind], this.paramText(operation, each), !each.required)),
        "    </dl>",
      );
    }
    if (operation.readings.length > 0) {
      lines.push(
        `    <p>${this.say("operation.readings", "Readings:")}</p>`,
        "    <dl class=\"message-properties\">",
        ...operation.readings.map((each) => definition(each.name, KINDS[each.kind], this.readingText(operation, each), each.optional)),
        "    </dl>",
      );
    }
    return lines.join("\n");
  }

  /** What the lines below the slot field say, and what they cannot. */
  slot() {
    const { module } = this;
    if (module.slots.length === 1) {
      return "";
    }
    const chips = [...new Set(module.needs.filter((each) => each.kind === "chip").map((each) => each.chip))];
    const seen = chips.length > 0
      ? this.say(
        "slot.seen",
        "Below it stands who uses the slot, and whether the __chips__ of this module answers on the I2C bus and how sure that is; "
          + "in which slot cannot be seen, because both share the bus.",
        { chips: chips.reduce((one, other) => this.say("slot.and", "__one__ and the __other__", { one, other })) },
      )
      : this.say("slot.unseen", "Below it stands who uses the slot. Whether the module is plugged in cannot be seen: it has no chip of its own on the I2C bus.");
    return `    <p>${this.language.join([
      this.say("slot.place", "The slot is the place on the board."),
      seen,
      this.say(
        "slot.kept",
        "What is chosen stays chosen, whatever the bridge says. Two modules that cannot work side by side are marked with a yellow "
          + "triangle before they are deployed.",
      ),
    ])}</p>\n`;
  }

  payloadIn() {
    const { operations } = this.module;
    const anyParams = operations.some((each) => each.params.length > 0);
    const obvious = operations.filter((each) => each.payload_param !== "");
    const parts = [];
    if (obvious.length > 0) {
      const pairs = obvious.map((each) =>
        this.say("payload.pair", "<code>__param__</code> of __operation__", { param: each.payload_param, operation: this.nameOf(each) }));
      parts.push(this.say("payload.plain", "A plain value is __pairs__.", { pairs: pairs.join(", ") }));
    }
    if (anyParams) {
      parts.push(this.say("payload.object", "An object gives parameters of the operation by name and goes before the fields of the node."));
    }
    if (obvious.length > 0) {
      parts.push(this.say("payload.error", "Anything that does not fit is an error with the code <code>bad_params</code>."));
    } else if (anyParams) {
      parts.push(this.say("payload.else", "Anything else only starts the operation."));
    } else {
      parts.push(this.say("payload.whatever", "Whatever it is, it only starts the operation."));
    }
    return this.language.join(parts);
  }

  payloadOut() {
    const mains = [...this.module.operations, ...this.module.events].filter((each) => each.main !== "").map((each) => each.main);
    return mains.length > 0
      ? this.say("output.main", "The main value (__names__); an object of all readings where there is none.", {
        names: [...new Set(mains)].map((each) => `<code>${each}</code>`).join(", "),
      })
      : this.say("output.readings", "An object of all readings.");
  }

  unconfirmed() {
    const { unconfirmed } = this.module;
    return unconfirmed.length === 0 ? "" : `    <h4>${this.say("unconfirmed.title", "Not confirmed yet")}</h4>
    <p>${this.say("unconfirmed.text", "Nobody has checked these on real hardware so far:")}</p>
    <ul>
${unconfirmed.map((each, index) => `        <li>${this.quote(`unconfirmed.${index + 1}`, each)}</li>`).join("\n")}
    </ul>
`;
  }

  summary() {
    const { module } = this;
    const head = this.say("summary", "__name__ __title__. __summary__", {
      name: escapeHtml(module.name), title: this.quote("title", module.title), summary: this.quote("summary", module.summary),
    });
    return module.slots.length > 1 ? head : this.language.join([head, this.say("on_board", "It is part of the board.")]);
  }

  /** @returns {string} */
  whole() {
    const { module } = this;
    const link = `<a href="${escapeHtml(module.reference)}" target="_blank">${escapeHtml(module.name)}</a>`;
    return `<!-- Generated by scripts/generate.mjs. Do not edit. -->
<script type="text/html" data-help-name="wisblock-${module.slug}">
    <p>${this.summary()}</p>
    <h3>${this.say("inputs", "Inputs")}</h3>
    <dl class="message-properties">
${definition("payload", "any", this.payloadIn(), true)}
    </dl>
    <h3>${this.say("outputs", "Outputs")}</h3>
    <dl class="message-properties">
${definition("payload", "any", this.payloadOut())}
${definition("wisblock", "object", this.say(
    "output.wisblock",
    "<code>module</code>, <code>slot</code>, <code>operation</code> or <code>event</code>; all <code>readings</code>, each with "
      + "<code>value</code>, <code>unit</code> and <code>symbol</code>; <code>timestamp</code> (milliseconds since 1970, taken where "
      + "it was measured), <code>quality</code> (<code>good</code> or <code>uncertain</code>), <code>note</code> and "
      + "<code>emulated</code>. Repeated values and events also have <code>sequence</code>, <code>lost</code> and <code>initial</code>.",
  ))}
    </dl>
    <h3>${this.say("details", "Details")}</h3>
${this.slot()}${module.details.map((each, index) => `    <p>${this.quote(`details.${index + 1}`, each)}</p>`).join("\n")}
${module.operations.map((each) => this.operation(each, false)).join("\n")}
${module.events.map((each) => this.operation(each, true)).join("\n")}
    <h4>${this.say("errors.title", "Errors")}</h4>
    <p>${this.say(
    "errors.text",
    "An error goes to the Catch nodes of the flow, with a code in <code>msg.error.code</code>. The status is green only while values come.",
  )}</p>
${this.unconfirmed()}    <h3>${this.say("references", "References")}</h3>
    <ul>
        <li>${this.say("reference", "__link__ - the vendor's documentation", { link })}</li>
    </ul>
</script>
`.replace(/\n\n+/g, "\n");
  }
}

/**
 * Generates the help.
 *
 * @param {Module} module
 * @param {Units} units
 * @param {Language} language
 * @returns {string}
 */
export function generateHelp(module, units, language) {
  return new HelpWriter(module, units, language).whole();
}
