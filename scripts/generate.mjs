#!/usr/bin/env node
/*
 * The press: prints the Node-RED files and the documentation tables from node-red-nodes/catalogue.json.
 *
 *   node scripts/press.mjs           prints
 *   node scripts/press.mjs --check   prints nothing, names what is stale, and exits 1 if anything is
 *
 * 1. Facts come from the catalogue, which the bridge exports; none is written here.
 * 2. Only files that differ are written; nodes of modules that are no longer in the catalogue are removed.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PRINTED_MARK, printAll } from "./press/outputs.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const NODES = "node-red-nodes";

function read(path) {
  const whole = join(ROOT, path);
  return existsSync(whole) ? readFileSync(whole, "utf8") : null;
}

/** Folders of printed nodes whose module is gone. */
function orphans(catalogue) {
  const known = new Set(catalogue.modules.map((each) => each.slug));
  return readdirSync(join(ROOT, NODES), { withFileTypes: true })
    .filter((each) => each.isDirectory() && !known.has(each.name))
    .filter((each) => read(`${NODES}/${each.name}/${each.name}.js`)?.includes(PRINTED_MARK))
    .map((each) => `${NODES}/${each.name}`);
}

function main(checking) {
  const catalogue = JSON.parse(read(`${NODES}/catalogue.json`));
  const stale = [...printAll(read)].filter(([path, content]) => read(path) !== content);
  const gone = orphans(catalogue);
  if (checking) {
    for (const [path] of stale) {
      console.error(`stale: ${path}`);
    }
    for (const path of gone) {
      console.error(`orphan: ${path} (its module is not in the catalogue)`);
    }
    if (stale.length + gone.length > 0) {
      console.error("Run \"make press\".");
      return 1;
    }
    return 0;
  }
  for (const [path, content] of stale) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), content);
    console.log(`printed ${path}`);
  }
  for (const path of gone) {
    rmSync(join(ROOT, path), { recursive: true });
    console.log(`removed ${path}`);
  }
  return 0;
}

process.exitCode = main(process.argv.includes("--check"));
