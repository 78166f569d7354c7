"use strict";
/* The Node-RED scorecard, without the network: what it asks is answered by fakes/registries.js. */

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const ROOT = path.join(__dirname, "..", "..");

describe("the scorecard", () => {
  it("is green in every test", function () {
    this.timeout(180000);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "scorecard-"));
    const output = path.join(directory, "scorecard.json");
    try {
      const result = spawnSync(
        process.execPath,
        ["--require", path.join(__dirname, "fakes", "registries.js"), path.join(ROOT, "node_modules", "node-red-dev", "bin", "run"), "validate", "--path", ROOT, "--output", output],
        { encoding: "utf8", timeout: 150000 },
      );
      assert.ok(fs.existsSync(output), `${result.stdout}\n${result.stderr}`);
      const card = JSON.parse(fs.readFileSync(output, "utf8"));
      const tests = Object.entries(card).filter(([name]) => /^[PND]\d\d$/.test(name) && name !== "D03");
      assert.deepEqual(tests.filter(([, each]) => each.test !== true), [], result.stdout);
      assert.deepEqual(
        ["P01", "P03", "P04", "P05", "P06", "P07", "P08", "N01", "N02", "D01", "D02"].filter((each) => !(each in card)),
        [],
        "tests that did not run",
      );
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
