#!/usr/bin/env node
/*
 * Brings translations/*.po to the English texts of today; begins a language that is named.
 *
 *   node scripts/language.mjs       all that are there
 *   node scripts/language.mjs fr    this one, which may be new
 *
 * What was translated stays. Where its English has changed it is marked fuzzy: look at it, and remove the mark.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { englishTexts } from "./generate/outputs.mjs";
import { problems } from "./translations/check.mjs";
import { compile, merge, parse } from "./translations/po.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const DIRECTORY = join(ROOT, "translations");

/** As Node-RED names its folders: "fr", "pt-BR". */
const CODE = /^[a-z]{2,3}(-[A-Z]{2})?$/;

/** @param {string} path  relative to the project */
function read(path) {
  const whole = join(ROOT, path);
  return existsSync(whole) ? readFileSync(whole, "utf8") : null;
}

/** @param {string[]} named @returns {number} exit code */
function main(named) {
  const wrong = named.find((each) => !CODE.test(each));
  if (wrong !== undefined) {
    console.error(`"${wrong}" is no code of a language. Write it like fr or pt-BR.`);
    return 2;
  }
  const template = englishTexts(JSON.parse(read("node-red-nodes/catalogue.json") ?? "null"), read);
  const codes = named.length > 0 ? named : readdirSync(DIRECTORY).filter((each) => each.endsWith(".po")).map((each) => each.slice(0, -".po".length));
  for (const code of codes) {
    const file = join(DIRECTORY, `${code}.po`);
    const entries = merge(template, existsSync(file) ? parse(readFileSync(file, "utf8")) : []);
    writeFileSync(file, compile(entries, code));
    console.log(`translations/${code}.po: ${problems(template, entries).length} of ${entries.length} texts to translate or to look at`);
  }
  return 0;
}

process.exitCode = main(process.argv.slice(2));
