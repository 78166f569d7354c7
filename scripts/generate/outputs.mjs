/*
 * All that the press prints, as a map from path to content.
 *
 * 1. Nothing is written here; press.mjs writes or compares.
 * 2. The same catalogue gives the same bytes.
 */

import { createRequire } from "node:module";
import { printForm, fieldsOf } from "./form.mjs";
import { printHelp, printLocale } from "./words.mjs";
import { printIndex, printPage } from "./docs.mjs";
import { fingerprint } from "./fingerprint.mjs";

const require = createRequire(import.meta.url);
const { FIXED_FIELDS } = require("../../node-red-nodes/lib/fields.js");

const NODES = "node-red-nodes";
const WRITTEN = ["bridge", "request"];
const LANGUAGE = "en-US";

/** Begins every printed .js, so that what is printed can be told from what is written. */
export const PRINTED_MARK = "/* Printed by scripts/press.mjs.";

function printRuntime(module) {
  return `"use strict";
${PRINTED_MARK} Do not edit. */
module.exports = require("../lib/module-node.js")(${JSON.stringify(module.slug)});
`;
}

/** Stops before a name clash would reach saved flows. */
function checkNames(module) {
  const names = new Set(FIXED_FIELDS);
  const seen = new Set();
  for (const operation of [...module.operations, ...module.events]) {
    if (seen.has(operation.name)) {
      throw new Error(`${module.name}: "${operation.name}" is an operation and an event; their fields would share names.`);
    }
    seen.add(operation.name);
  }
  for (const { field } of fieldsOf(module)) {
    for (const name of [field, `${field}Type`]) {
      if (names.has(name)) {
        throw new Error(`${module.name}: two fields of the node would be called "${name}".`);
      }
      names.add(name);
    }
  }
}

/**
 * Prints everything.
 *
 * @param {(path: string) => string | null} read  gives a file of the project as it is, null when it does not exist
 * @returns {Map<string, string>} path, relative to the project, to content
 */
export function printAll(read) {
  const exported = read(`${NODES}/catalogue.json`);
  if (exported === null) {
    throw new Error(`${NODES}/catalogue.json is missing; export it with "wisblock-bridge catalogue".`);
  }
  const catalogue = JSON.parse(exported);
  const outputs = new Map();
  outputs.set(`${NODES}/fingerprint.json`, `${JSON.stringify({ catalogue: fingerprint(exported) }, null, 2)}\n`);
  for (const module of catalogue.modules) {
    checkNames(module);
    const directory = `${NODES}/${module.slug}`;
    const locales = `${directory}/locales/${LANGUAGE}`;
    const page = `docs/modules/${module.slug}.md`;
    outputs.set(`${directory}/${module.slug}.js`, printRuntime(module));
    outputs.set(`${directory}/${module.slug}.html`, printForm(module));
    outputs.set(`${locales}/${module.slug}.json`, printLocale(module, catalogue.units));
    outputs.set(`${locales}/${module.slug}.html`, printHelp(module, catalogue.units));
    outputs.set(page, printPage(module, catalogue.units, read(page)));
  }
  outputs.set("docs/modules/README.md", printIndex(catalogue.modules, read("docs/modules/README.md")));
  const description = JSON.parse(read("package.json") ?? "{}");
  description["node-red"].nodes = Object.fromEntries(
    [...WRITTEN, ...catalogue.modules.map((each) => each.slug)].map((each) => [each, `${NODES}/${each}/${each}.js`]),
  );
  outputs.set("package.json", `${JSON.stringify(description, null, 2)}\n`);
  return outputs;
}
