"use strict";
/* The page for those who come from the vendor's flows: what it names exists, and what it calls foreign is not ours. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.join(__dirname, "..", "..");
const catalogue = require("../../node-red-nodes/catalogue.json");
const page = fs.readFileSync(path.join(ROOT, "docs", "from-the-vendors-flows.md"), "utf8");

/** Rows of all tables: cells of the table whose last heading is given. */
function rows(heading) {
  const table = page.split("\n\n").find((each) => each.startsWith("| vendor's flow") && each.split("\n")[0].endsWith(`${heading} |`));
  return table.split("\n").slice(2).map((line) => line.split("|").slice(1, -1).map((each) => each.trim()));
}

const types = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map((each) => each[1]);
const mirrored = rows("flow here");
const foreign = rows("module");

describe("the page for those who come from the vendor's flows", () => {
  it("names flows of ours that exist, and says for which modules the vendor has none", () => {
    const named = new Set(mirrored.flatMap(([, , ours]) => [...ours.matchAll(/\[([^\]]+)\]\(<\.\.\/flows\/([^>]+)>\)/g)].map(([, text, file]) => {
      assert.ok(fs.existsSync(path.join(ROOT, "flows", file)), file);
      assert.equal(path.basename(file, ".json"), text);
      return text.split(" ")[0];
    })));
    assert.ok(mirrored.every(([, , ours]) => ours.includes("](<")));
    const [, without] = /For the relays ([\s\S]*?) the vendor has no flow/.exec(page);
    const told = new Set([...named, ...(without.match(/RAK\d+/g) ?? [])]);
    assert.deepEqual(catalogue.modules.map((each) => each.name).filter((each) => !told.has(each)), []);
  });

  it("names types that neither Node-RED nor this package brings", () => {
    const core = new Set(["tab", "comment", "inject", "debug", "function", "change", "switch", "join", "split", "catch", "status", "delay", "template"]);
    for (const [flow, needs] of [...mirrored, ...foreign]) {
      assert.ok(types(needs).length > 0, flow);
      for (const type of types(needs)) {
        assert.ok(!core.has(type) && !type.startsWith("wisblock-"), `${flow}: ${type}`);
      }
    }
  });

  it("calls no module unsupported that is supported", () => {
    const supported = new Set(catalogue.modules.map((each) => each.name));
    assert.deepEqual(foreign.map(([, , module]) => module.split(" ")[0]).filter((each) => supported.has(each)), []);
  });

  it("is found from the README and from the list of modules", () => {
    assert.match(fs.readFileSync(path.join(ROOT, "README.md"), "utf8"), /\(docs\/from-the-vendors-flows\.md\)/);
    assert.match(fs.readFileSync(path.join(ROOT, "docs", "modules", "README.md"), "utf8"), /\(\.\.\/from-the-vendors-flows\.md\)/);
  });
});
