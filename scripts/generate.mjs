#!/usr/bin/env node
/*
 * The generator: writes the Node-RED files and the documentation tables from node-red-nodes/catalogue.json, in every language of translations/.
 *
 *   node scripts/generate.mjs           writes
 *   node scripts/generate.mjs --check   writes nothing, names what is stale, and exits 1 if anything is
 *
 * 1. Facts come from the catalogue, which the bridge exports; none is written here.
 * 2. Only files that differ are written; nodes of modules that are no longer in the catalogue are removed, and languages without a translation.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { GENERATED_MARK, generateAll } from "./generate/outputs.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const NODES = "node-red-nodes";
const ENGLISH = "en-US";

/**
 * @param {string} path  relative to the project
 * @returns {string | null} its content; null when it does not exist
 */
function read(path) {
  const whole = join(ROOT, path);
  return existsSync(whole) ? readFileSync(whole, "utf8") : null;
}

/** @returns {string[]} the codes of the languages that are translated */
function languages() {
  return readdirSync(join(ROOT, "translations")).filter((each) => each.endsWith(".po")).map((each) => each.slice(0, -".po".length)).sort();
}

/**
 * Lists folders of generated nodes whose module no longer exists.
 *
 * @param {import("../node-red-nodes/lib/catalogue.js").CatalogueData} catalogue
 * @returns {string[]}
 */
function orphans(catalogue) {
  const known = new Set(catalogue.modules.map((each) => each.slug));
  return readdirSync(join(ROOT, NODES), { withFileTypes: true })
    .filter((each) => each.isDirectory() && !known.has(each.name))
    .filter((each) => read(`${NODES}/${each.name}/${each.name}.js`)?.includes(GENERATED_MARK))
    .map((each) => `${NODES}/${each.name}`);
}

/** Lists folders of languages that are not translated any more.  @returns {string[]} */
function orphanedLanguages() {
  const known = new Set([ENGLISH, ...languages()]);
  return readdirSync(join(ROOT, NODES)).map((each) => `${NODES}/${each}/locales`).filter((each) => existsSync(join(ROOT, each)))
    .flatMap((folder) => readdirSync(join(ROOT, folder)).filter((each) => !known.has(each)).map((each) => `${folder}/${each}`));
}

/**
 * @param {boolean} checking
 * @returns {number} exit code
 */
function main(checking) {
  const catalogue = JSON.parse(read(`${NODES}/catalogue.json`) ?? "null");
  if (catalogue === null) {
    throw new Error(`${NODES}/catalogue.json is missing; export it with "wisblock-bridge catalogue".`);
  }
  const stale = [...generateAll(catalogue, read, languages())].filter(([path, content]) => read(path) !== content);
  const left = [...orphans(catalogue), ...orphanedLanguages()];
  if (checking) {
    for (const [path] of stale) {
      console.error(`stale: ${path}`);
    }
    for (const path of left) {
      console.error(`orphan: ${path} (its module is not in the catalogue, or its language not in translations/)`);
    }
    if (stale.length + left.length > 0) {
      console.error("Run \"make generate\".");
      return 1;
    }
    return 0;
  }
  for (const [path, content] of stale) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), content);
    console.log(`generated ${path}`);
  }
  for (const path of left) {
    rmSync(join(ROOT, path), { recursive: true });
    console.log(`removed ${path}`);
  }
  return 0;
}

process.exitCode = main(process.argv.includes("--check"));
