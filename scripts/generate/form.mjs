/*
 * Prints the form of a module's node: the html with its literal registerType() call.
 *
 * 1. Types, defaults and limits stand in the html as literals: Node-RED and its scorecard read them without running anything.
 * 2. Behaviour is not printed: it is in bridge.html (window.wisblockForm).
 */

import { createRequire } from "node:module";
import { COLOURS, kindOf, unbroken } from "./kinds.mjs";

const require = createRequire(import.meta.url);
const { defaultOperation, fieldName, initialField, literalTypes } = require("../../node-red-nodes/lib/fields.js");

export const PACKAGE = "@wisblock-bridge/node-red-wisblock";
const SHARED = `${PACKAGE}/bridge:form`;

export const CATEGORY = "wisblock";

/** Pins that lead to the same lines in both slots, on every board. */
const SHARED_PINS = ["SPI_CLK", "SPI_MOSI", "SPI_MISO"];

const js = (value) => JSON.stringify(value);

/** All parameters of a module with the property that holds each. */
export function fieldsOf(module) {
  const each = (operations, isEvent) =>
    operations.flatMap((operation) =>
      operation.params.map((param) => ({
        operation,
        isEvent,
        param,
        field: fieldName(operation, param),
        types: literalTypes(param),
        initial: initialField(operation, param),
        key: `${module.slug}.${operation.name}.${param.name}`,
      })),
    );
  return [...each(module.operations, false), ...each(module.events, true)];
}

/** What a check needs to know about one parameter, as a literal. */
function factsLiteral({ operation, isEvent, param, field, key }, module) {
  const facts = {
    field,
    [isEvent ? "event" : "operation"]: operation.name,
    label: `${PACKAGE}/${module.slug}:${key}.label`,
    kind: param.kind,
    required: param.required,
  };
  if (param.item_kind !== null) {
    facts.itemKind = param.item_kind;
  }
  for (const limit of ["low", "high"]) {
    if (param[limit] !== null) {
      facts[limit] = param[limit];
    }
  }
  if (param.choices.length > 0) {
    facts.choices = param.choices;
  }
  return objectLiteral(facts);
}

/** An object on one line, keys without quotes. */
function objectLiteral(object) {
  return `{ ${Object.entries(object).map(([key, value]) => `${key}: ${js(value)}`).join(", ")} }`;
}

const check = (call) => `function (value, opt) {
                    const checked = ${call};
                    return checked === true || (opt ? checked : false);
                }`;

function defaultsLiteral(module) {
  const start = defaultOperation(module);
  const repeatable = module.operations.filter((each) => each.reads_only).map((each) => each.name);
  const lines = [
    "name: { value: \"\" },",
    "bridge: { value: \"\", type: \"wisblock-bridge\", required: true },",
    `slot: { value: ${js(String(module.slots[0]))}, required: true },`,
    "trigger: { value: \"message\", required: true },",
    `operation: {
                value: ${js(start.name)},
                validate: ${check(`window.wisblockForm.checkOperation(this, value, ${js(repeatable)})`)},
            },`,
    `event: { value: ${js(module.events[0]?.name ?? "")} },`,
    `every_ms: {
                value: "1000",
                validate: ${check("window.wisblockForm.checkField(this, value, { kind: \"int\", low: 10, high: 86400000, required: true, trigger: \"every\" })")},
            },`,
    `deadband: {
                value: "",
                validate: ${check("window.wisblockForm.checkField(this, value, { kind: \"float\", low: 0, trigger: \"every\" })")},
            },`,
    "onLoss: { value: \"safe\" },",
    `timeout_ms: {
                value: "",
                validate: ${check("window.wisblockForm.checkField(this, value, { kind: \"int\", low: 1, high: 60000, trigger: \"message\" })")},
            },`,
  ];
  for (const each of fieldsOf(module)) {
    lines.push(
      `${each.field}: {
                value: ${js(each.initial.value)},
                validate: ${check(`window.wisblockForm.checkParam(this, value, opt, ${factsLiteral(each, module)})`)},
            },`,
      `${each.field}Type: { value: ${js(each.initial.type)} },`,
    );
  }
  return lines.map((line) => `            ${line}`).join("\n");
}

function prepareLiteral(module) {
  const operations = module.operations.map((each) => objectLiteral({ name: each.name, drives: each.drives !== "" }));
  const fields = fieldsOf(module).map(({ operation, isEvent, param, field, types, initial }) =>
    objectLiteral({
      field,
      [isEvent ? "event" : "operation"]: operation.name,
      param: param.name,
      types,
      initial,
      kind: param.kind,
      itemKind: param.item_kind,
      required: param.required,
      default: param.default,
      choices: param.choices,
      low: param.low,
      high: param.high,
    }),
  );
  const list = (items) => (items.length > 0 ? `[\n${items.map((each) => `                    ${each},\n`).join("")}                ]` : "[]");
  return `{
                operations: ${list(operations)},
                events: ${js(module.events.map((each) => each.name))},
                fields: ${list(fields)},
            }`;
}

/** What a module takes of its board, for the editor to see clashes before they happen. */
function needsLiteral(module) {
  const { needs } = module;
  const shared = needs.filter((each) => each.kind === "line" && SHARED_PINS.includes(each.pin)).map((each) => each.pin);
  return objectLiteral({
    name: module.name,
    slots: module.slots,
    chips: needs.filter((each) => each.kind === "chip").map(({ chip, address, alternatives }) => ({ chip, address, alternatives })),
    sharedPins: shared,
    spi: needs.some((each) => each.kind === "spi"),
    port: needs.some((each) => each.kind === "port"),
  });
}

function row({ name, icon, labelKey, titleKey = "", classes = "", attributes = "", input }) {
  const title = titleKey ? ` data-i18n="[title]${titleKey}"` : "";
  return `    <div class="form-row${classes ? ` ${classes}` : ""}"${attributes}>
        <label for="node-input-${name}"${title}><i class="fa fa-${icon}"></i> <span data-i18n="${labelKey}"></span></label>
        ${input}
    </div>`;
}

function select(name, options) {
  const items = options.map(({ value, key }) => `            <option value="${value}" data-i18n="${key}"></option>`);
  return `<select id="node-input-${name}" style="width: 70%;">\n${items.join("\n")}\n        </select>`;
}

function hidden(name) {
  return `    <input type="hidden" id="node-input-${name}">`;
}

function escapeHtml(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;");
}

function paramRow({ operation, isEvent, param, field, types, key }) {
  const shown = param.required || param.default === null || !["num", "str"].includes(types[0])
    ? ""
    : ` placeholder="${escapeHtml(param.default)}"`;
  return row({
    name: field,
    icon: "sliders",
    labelKey: `${key}.label`,
    titleKey: `${key}.summary`,
    classes: "wisblock-param",
    attributes: ` data-${isEvent ? "event" : "operation"}="${operation.name}"`,
    input: `<input type="text" id="node-input-${field}" style="width: 70%;"${shown}>
        <input type="hidden" id="node-input-${field}Type">`,
  });
}

function template(module) {
  const slug = module.slug;
  const nameKey = "node-red:common.label.name";
  const rows = [
    row({
      name: "name",
      icon: "tag",
      labelKey: nameKey,
      input: `<input type="text" id="node-input-name" data-i18n="[placeholder]${nameKey}">`,
    }),
    row({ name: "bridge", icon: "plug", labelKey: `${SHARED}.bridge`, input: "<input type=\"text\" id=\"node-input-bridge\">" }),
  ];
  rows.push(
    module.slots.length > 1
      ? row({
        name: "slot",
        icon: "microchip",
        labelKey: `${SHARED}.slot`,
        input: select("slot", module.slots.map((each) => ({ value: each, key: `${SHARED}.slot_${each}` }))),
      })
      : hidden("slot"),
  );
  const triggers = ["message"];
  if (module.operations.some((each) => each.reads_only)) {
    triggers.push("every");
  }
  if (module.events.length > 0) {
    triggers.push("event");
  }
  rows.push(
    triggers.length > 1
      ? row({
        name: "trigger",
        icon: "play",
        labelKey: `${SHARED}.trigger`,
        input: select("trigger", triggers.map((each) => ({ value: each, key: `${SHARED}.trigger_${each}` }))),
      })
      : hidden("trigger"),
  );
  const plain = (name, icon, classes, { title = true, placeholder = "" } = {}) =>
    row({
      name,
      icon,
      classes,
      labelKey: `${SHARED}.${name}`,
      titleKey: title ? `${SHARED}.${name}_tip` : "",
      input: `<input type="text" id="node-input-${name}"${placeholder ? ` data-i18n="[placeholder]${SHARED}.${placeholder}"` : ""}>`,
    });
  if (triggers.includes("every")) {
    rows.push(
      plain("every_ms", "clock-o", "wisblock-row-every", { title: false }),
      plain("deadband", "arrows-v", "wisblock-row-every", { placeholder: "deadband_placeholder" }),
    );
  }
  rows.push(
    row({
      name: "operation",
      icon: "cogs",
      labelKey: `${SHARED}.operation`,
      classes: "wisblock-row-operation",
      input: select("operation", module.operations.map((each) => ({ value: each.name, key: `${slug}.${each.name}.name` }))),
    }),
  );
  if (module.events.length > 0) {
    rows.push(
      row({
        name: "event",
        icon: "bolt",
        labelKey: `${SHARED}.event`,
        classes: "wisblock-row-event",
        input: select("event", module.events.map((each) => ({ value: each.name, key: `${slug}.${each.name}.name` }))),
      }),
    );
  }
  rows.push(...fieldsOf(module).map(paramRow));
  if (module.operations.some((each) => each.drives !== "")) {
    rows.push(
      row({
        name: "onLoss",
        icon: "shield",
        classes: "wisblock-row-on-loss",
        labelKey: `${SHARED}.on_loss`,
        titleKey: `${SHARED}.on_loss_tip`,
        input: select("onLoss", ["safe", "hold"].map((each) => ({ value: each, key: `${SHARED}.on_loss_${each}` }))),
      }),
    );
  }
  rows.push(plain("timeout_ms", "hourglass-half", "wisblock-row-timeout", { placeholder: "timeout_ms_placeholder" }));
  return rows.join("\n");
}

/**
 * Prints the html of a module's node.
 *
 * @param {import("../../node-red-nodes/lib/catalogue.js").Module} module
 * @returns {string}
 */
export function printForm(module) {
  const type = `wisblock-${module.slug}`;
  return `<!-- Printed by scripts/press.mjs from catalogue.json. Do not edit: change the description in Python and run "make press". -->
<script type="text/html" data-template-name="${type}">
${template(module)}
</script>

<script type="text/javascript">
    RED.nodes.registerType(${js(type)}, {
        category: ${js(CATEGORY)},
        color: ${js(COLOURS[kindOf(module)])},
        defaults: {
${defaultsLiteral(module)}
        },
        inputs: 1,
        outputs: 1,
        icon: ${js(module.icon)},
        wisblock: ${needsLiteral(module)},
        paletteLabel: ${js(`${module.name} ${unbroken(module.title)}`)},
        label: function () {
            return this.name || window.wisblockForm.label(this, ${js(module.name)}, ${js(module.slots)}, ${module.operations.length});
        },
        labelStyle: function () {
            return this.name ? "node_label_italic" : "";
        },
        onadd: function () {
            window.wisblockForm.takeBridge(this);
        },
        oneditprepare: function () {
            window.wisblockForm.prepare(this, ${prepareLiteral(module)});
        },
    });
</script>
`;
}
