#!/usr/bin/env node
/*
 * Makes examples/ from flows/: Node-RED's import menu reads a folder of that name at the root of a package, and only real files.
 *
 * 1. examples/ belongs to this script: what is not in flows/ disappears.
 * 2. Works in the published package too, where flows/ is not: then there is nothing to do.
 */

import { cpSync, existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

if (existsSync(join(ROOT, "flows"))) {
  rmSync(join(ROOT, "examples"), { recursive: true, force: true });
  cpSync(join(ROOT, "flows"), join(ROOT, "examples"), { recursive: true, filter: (path) => !/(^|\/)\.[^/]+$/.test(path) });
}
