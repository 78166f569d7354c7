"use strict";
/*
 * Loaded before the scorecard: answers what it would ask the network, so that it runs anywhere.
 *
 * 1. The catalogue of nodes is one package by somebody else; npm's answers are those of November 2026, shortened.
 * 2. Whether dependencies are the latest (D03) cannot be known here and is not judged.
 */

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const ROOT = path.join(__dirname, "..", "..", "..");

const ANSWERS = {
  "https://catalogue.nodered.org/catalogue.json": {
    modules: [{ id: "@rakwireless/shtc3", types: ["shtc3_i2c"] }],
  },
  "https://registry.npmjs.org/node-red": {
    "dist-tags": { latest: "5.0.7", "v4-maintenance": "4.1.15" },
    versions: { "5.0.7": { engines: { node: ">=22.9.0" } }, "4.1.15": { engines: { node: ">=18.5" } } },
  },
};

/** The dependencies of an installed package, its own included, as "name@version". */
function installedTree(name, found = new Set()) {
  const { version, dependencies = {} } = JSON.parse(fs.readFileSync(path.join(ROOT, "node_modules", name, "package.json"), "utf8"));
  found.add(`${name}@${version}`);
  Object.keys(dependencies).forEach((each) => installedTree(each, found));
  return [...found];
}

const STAND_INS = {
  axios: {
    get: async (url) => {
      if (!(url in ANSWERS)) {
        throw new Error(`the scorecard asks for something new: ${url}`);
      }
      return { data: ANSWERS[url] };
    },
  },
  "npm-remote-ls": { config: () => undefined, ls: (name, _version, _flat, callback) => callback(installedTree(name)) },
  "npm-check": async () => ({ get: () => [] }),
};

const load = Module._load;
Module._load = function (request, parent, ...rest) {
  const asked = request in STAND_INS && parent?.filename?.includes(`${path.sep}node-red-dev${path.sep}`);
  return asked ? STAND_INS[request] : load.call(this, request, parent, ...rest);
};
