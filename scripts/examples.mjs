#!/usr/bin/env node
/*
 * Makes examples/ from flows/: Node-RED's import menu reads a folder of that name at the root of a package, and only real files.
 *
 * 1. examples/ belongs to this script: what is not in flows/ disappears.
 * 2. Works in the published package too, where flows/ is not: then there is nothing to do.
 * 3. May run twice at the same time: nothing that is right is touched.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const FLOWS = join(ROOT, "flows");
const EXAMPLES = join(ROOT, "examples");

const isFlow = (/** @type {string} */ path) => path.endsWith(".json");
const list = (/** @type {string} */ directory) => (existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: "utf8" }) : []);

if (existsSync(FLOWS)) {
  const flows = new Set(list(FLOWS).filter(isFlow));
  for (const path of flows) {
    const content = readFileSync(join(FLOWS, path), "utf8");
    const example = join(EXAMPLES, path);
    if (!existsSync(example) || readFileSync(example, "utf8") !== content) {
      mkdirSync(dirname(example), { recursive: true });
      writeFileSync(example, content);
    }
  }
  const folders = new Set([...flows].flatMap((path) => path.split(/[\\/]/).slice(0, -1).map((_, index, parts) => join(...parts.slice(0, index + 1)))));
  for (const path of list(EXAMPLES).filter((each) => !flows.has(each) && !folders.has(each))) {
    rmSync(join(EXAMPLES, path), { recursive: true, force: true });
  }
}
