"use strict";
/* "WisBlock request" reaches a module that a package of another project brings; the nodes do not take that for another version. */

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const helper = require("node-red-node-test-helper");
const bridgeSet = require("../../node-red-nodes/bridge/bridge");
const requestSet = require("../../node-red-nodes/request/request");
const catalogue = require("../../node-red-nodes/catalogue.json");
const { BridgeProcess, ROOT, python } = require("./bridge-process");
const { until } = require("./conditions");

helper.init(require.resolve("node-red"));

const EXAMPLE = path.join(ROOT, "python-bridge", "examples", "third_party_module");

describe("a module of another project", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "wisblock-package-"));
  const installed = path.join(folder, "installed");
  const bridge = new BridgeProcess({ environment: { PYTHONPATH: installed } });

  before(async function () {
    this.timeout(120000);
    fs.cpSync(EXAMPLE, path.join(folder, "package"), { recursive: true });
    execFileSync(python(), [
      "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation",
      "--target", installed, path.join(folder, "package"),
    ]);
    await bridge.start();
    await new Promise((resolve) => helper.startServer(resolve));
  });

  after(async () => {
    await helper.unload();
    await new Promise((resolve) => helper.stopServer(resolve));
    await bridge.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("is reached by \"WisBlock request\", and is no other version of the bridge", async () => {
    assert.equal(catalogue.modules.find((each) => each.name === "RAK12040"), undefined, "it has become a module of this project");
    await helper.load([bridgeSet, requestSet], [
      { id: "tab", type: "tab" },
      { id: "bridge", type: "wisblock-bridge", endpoint: bridge.endpoint, leaseMs: "1000", name: "" },
      {
        id: "node", type: "wisblock-request", z: "tab", x: 1, y: 1, bridge: "bridge", method: "invoke", module: "RAK12040", slot: "1",
        operation: "read", params: "", wires: [["sink"]],
      },
      { id: "sink", type: "helper", z: "tab", x: 1, y: 1 },
    ]);
    const { connection } = helper.getNode("bridge");
    await until(() => connection.state === "online", "it is online");
    const messages = [];
    helper.getNode("sink").on("input", (msg) => messages.push(msg));
    helper.getNode("node").receive({ payload: {} });
    await until(() => messages.length === 1, "an answer");
    const { readings } = messages[0].payload;
    assert.deepEqual(readings, { hottest: 36.5, coldest: 21, average: 21.48, sensor: 25 });
    const choices = (await helper.request().get("/wisblock-request/choices/bridge").expect(200)).body.modules;
    const offered = choices.find((each) => each.name === "RAK12040");
    assert.equal(offered.package, "wisblock-rak12040 0.1.0");
    assert.ok(offered.operations.find((each) => each.name === "read").summary);
    assert.equal(choices.length, catalogue.modules.length + 1);
    assert.equal((await helper.request().get("/wisblock-request/choices/nobody").expect(200)).body.modules, null);
    const described = (await bridge.ask("catalogue", {})).modules.find((each) => each.name === "RAK12040");
    assert.deepEqual([described.package, described.operations.length], ["wisblock-rak12040 0.1.0", 2]);
    assert.deepEqual(connection.info, { emulated: true, versionMismatch: "", keyProblem: "" });
  });
});
