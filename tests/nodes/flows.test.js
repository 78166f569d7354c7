"use strict";
/* The flows that are offered in the import menu. */

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.join(__dirname, "..", "..");
const FLOWS = path.join(ROOT, "flows");
const catalogue = require("../../node-red-nodes/catalogue.json");
const { fieldName, literalTypes, OUTSIDE_TYPES } = require("../../node-red-nodes/lib/fields");

const CORE_TYPES = new Set(["tab", "group", "comment", "inject", "debug", "function", "change", "switch", "join", "split", "catch", "status", "delay", "template"]);
/** Of FlowFuse Dashboard 2, which only the flows in this folder need. */
const DASHBOARD = "dashboard/";
const DASHBOARD_TYPES = new Set(["base", "theme", "page", "group", "button", "chart", "gauge", "notification", "slider", "switch", "table", "text", "text-input"].map((each) => `ui-${each}`));
/** What all flows share, so that there is one of each however many are imported. */
const SHARED_TYPES = new Set(["wisblock-bridge", "ui-base", "ui-theme"]);
const OURS = new Set(["wisblock-bridge", "wisblock-request", ...catalogue.modules.map((each) => `wisblock-${each.slug}`)]);

function files(directory) {
  return fs.readdirSync(directory, { withFileTypes: true }).flatMap((each) => {
    const whole = path.join(directory, each.name);
    return each.isDirectory() ? files(whole) : [whole];
  });
}

const flows = files(FLOWS).map((file) => ({ name: path.relative(FLOWS, file), nodes: JSON.parse(fs.readFileSync(file, "utf8")) }));

describe("the flows", () => {
  it("are named .json and lie in the vendor's groups, or with the dashboards", () => {
    for (const { name } of flows) {
      assert.match(name, /^(onboard|interface|sensors|wireless|display|other|dashboard)\/[^/]+\.json$/);
    }
  });

  it("show every type of node that we have", () => {
    const shown = new Set(flows.flatMap(({ nodes }) => nodes.map((each) => each.type)));
    assert.deepEqual([...OURS].filter((each) => !shown.has(each)), []);
  });

  it("share no id but those of the bridge and of the dashboard", () => {
    const owners = new Map();
    for (const { name, nodes } of flows) {
      for (const { id, type } of nodes) {
        if (!SHARED_TYPES.has(type)) {
          assert.ok(!owners.has(id), `${id} is in ${owners.get(id)} and ${name}`);
          owners.set(id, name);
        }
      }
    }
    const bridges = flows.map(({ nodes }) => nodes.filter((each) => each.type === "wisblock-bridge"));
    for (const type of SHARED_TYPES) {
      const shared = flows.flatMap(({ nodes }) => nodes.filter((each) => each.type === type));
      assert.deepEqual(shared, shared.map(() => shared[0]), type);
    }
    assert.deepEqual(bridges, bridges.map(() => [{ id: "b71d9e0000000001", type: "wisblock-bridge", name: "", endpoint: "", leaseMs: "" }]));
  });

  it("are in the package that people install, and nothing that they do not need", function () {
    this.timeout(60000);
    const result = spawnSync("npm", ["pack", "--dry-run", "--json"], { cwd: ROOT, encoding: "utf8" });
    assert.equal(result.status, 0, result.stderr);
    const packed = JSON.parse(result.stdout)[0].files.map((each) => each.path);
    for (const { name } of flows) {
      assert.ok(packed.includes(`examples/${name}`), name);
    }
    for (const file of ["node-red-nodes/catalogue.json", "node-red-nodes/fingerprint.json", "node-red-nodes/bridge/bridge.html", "LICENSE"]) {
      assert.ok(packed.includes(file), file);
    }
    assert.deepEqual(packed.filter((each) => /^(tests|scripts|python-bridge|flows|docs|benchmarks)\//.test(each)), []);
  });

  it("become the examples that Node-RED's import menu reads", () => {
    const result = spawnSync(process.execPath, [path.join(ROOT, "scripts", "examples.mjs")], { encoding: "utf8" });
    assert.equal(result.status, 0, result.stderr);
    const examples = path.join(ROOT, "examples");
    assert.deepEqual(files(examples).map((each) => path.relative(examples, each)).sort(), flows.map((each) => each.name).sort());
    assert.ok(files(examples).every((each) => !fs.lstatSync(each).isSymbolicLink()));
  });
});

for (const { name, nodes } of flows) {
  describe(`the flow ${name}`, () => {
    const byId = new Map(nodes.map((each) => [each.id, each]));
    const modules = nodes.filter((each) => OURS.has(each.type) && each.type !== "wisblock-bridge");

    it("is one tab of core nodes and ours", () => {
      assert.ok(Array.isArray(nodes));
      assert.equal(nodes.filter((each) => each.type === "tab").length, 1);
      assert.deepEqual(nodes.filter((each) => !CORE_TYPES.has(each.type) && !OURS.has(each.type) && !(name.startsWith(DASHBOARD) && DASHBOARD_TYPES.has(each.type))), []);
    });

    if (name.startsWith(DASHBOARD)) {
      it("says what has to be installed, and has one page of its own with a place for each widget", () => {
        assert.match(nodes.find((each) => each.type === "tab").info, /@flowfuse\/node-red-dashboard/);
        const groups = new Set(nodes.filter((each) => each.type === "ui-group").map((each) => each.id));
        const [page, ...more] = nodes.filter((each) => each.type === "ui-page");
        assert.deepEqual(more, []);
        assert.ok(nodes.filter((each) => each.type === "ui-group").every((each) => each.page === page.id));
        assert.deepEqual(nodes.filter((each) => "group" in each && !groups.has(each.group)), []);
      });
    }

    it("has wires that lead somewhere, and a place for its errors", () => {
      for (const { wires = [] } of nodes) {
        assert.ok(wires.flat().every((id) => byId.has(id)));
      }
      assert.ok(nodes.some((each) => each.type === "catch"));
      assert.ok(nodes.some((each) => each.type === "debug"));
      assert.ok(nodes.filter((each) => each.type === "comment").every((each) => each.info.length > 60));
    });

    it("sets nodes as their forms would", () => {
      for (const node of modules.filter((each) => each.type !== "wisblock-request")) {
        const module = catalogue.modules.find((each) => `wisblock-${each.slug}` === node.type);
        assert.ok(module.slots.map(String).includes(node.slot), `slot ${node.slot}`);
        assert.ok(module.operations.some((each) => each.name === node.operation), node.operation);
        const chosen = node.trigger === "event" ? module.events.find((each) => each.name === node.event) : module.operations.find((each) => each.name === node.operation);
        assert.ok(chosen, node.event);
        for (const operation of [...module.operations, ...module.events]) {
          for (const param of operation.params) {
            const field = fieldName(operation, param);
            assert.ok(field in node, `${field} is missing`);
            assert.ok([...literalTypes(param), ...OUTSIDE_TYPES].includes(node[`${field}Type`]), `${field}Type: ${node[`${field}Type`]}`);
          }
        }
      }
    });

    it("names no value of credentials and no path of a machine", () => {
      const text = JSON.stringify(nodes);
      assert.doesNotMatch(text, /"credentials"|\/home\//);
    });
  });
}
