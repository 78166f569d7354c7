"use strict";
/* The nodes and the flows against a real bridge on an emulated board. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const helper = require("node-red-node-test-helper");
const bridgeSet = require("../../node-red-nodes/bridge/bridge");
const requestSet = require("../../node-red-nodes/request/request");
const { BridgeProcess } = require("./bridge-process");
const { until } = require("./conditions");
const catalogue = require("../../node-red-nodes/catalogue.json");

helper.init(require.resolve("node-red"));

const core = (name) => require(path.join(path.dirname(require.resolve("@node-red/nodes/package.json")), "core", name));
const CORE = ["common/20-inject.js", "common/90-comment.js", "function/10-function.js", "function/15-change.js", "function/89-delay.js",
  "sequence/17-split.js"].map(core);
const OURS = [bridgeSet, requestSet, ...catalogue.modules.map(({ slug }) => require(`../../node-red-nodes/${slug}/${slug}`))];

const FLOWS = path.join(__dirname, "..", "..", "flows");
// the dashboards' nodes need a whole Node-RED: tests/editor/flows.test.js deploys them
const flowFiles = fs.readdirSync(FLOWS, { recursive: true }).filter((each) => each.endsWith(".json") && !each.startsWith("dashboard")).sort();

describe("with a real bridge", () => {
  const bridge = new BridgeProcess();
  /** @type {BridgeProcess[]} */
  const others = [];

  before(async function () {
    this.timeout(60000);
    await bridge.start();
    await new Promise((resolve) => helper.startServer(resolve));
  });

  after(async () => {
    await new Promise((resolve) => helper.stopServer(resolve));
    await Promise.all([bridge, ...others].map((each) => each.dispose()));
  });

  afterEach(async () => {
    await helper.unload();
    const { slots } = await bridge.ask("status");
    for (const { module, slot } of slots) {
      await bridge.ask("release", { module, slot });
    }
  });

  const TAB = { id: "tab", type: "tab" };
  const config = () => ({ id: "bridge", type: "wisblock-bridge", endpoint: bridge.endpoint, leaseMs: "1000", name: "" });
  const node = (more) => ({ id: "node", z: "tab", x: 1, y: 1, bridge: "bridge", slot: "1", trigger: "message", operation: "read", wires: [["sink"]], ...more });
  const SINK = { id: "sink", type: "helper", z: "tab", x: 1, y: 1 };

  function collect(id) {
    const messages = [];
    helper.getNode(id).on("input", (msg) => messages.push(msg));
    return messages;
  }

  it("keeps its session and its subscriptions when it is deployed under another name and lease", async () => {
    const flow = (more) => [TAB, { ...config(), ...more }, node({ type: "wisblock-rak5801", trigger: "every", every_ms: "20" }), SINK];
    await helper.load(OURS, flow());
    await until(() => helper.getNode("bridge").connection.state === "online", "it is online");
    const ours = async () => (await bridge.ask("status", {})).sessions.filter((each) => each.client.startsWith("node-red"));
    await until(async () => (await ours())[0]?.subscriptions === 1, "it subscribes");
    await helper.setFlows(flow({ name: "attic", leaseMs: "7000" }), "full");
    await until(async () => (await ours())[0]?.client === "node-red (attic)", "it has another name");
    const [session, ...more] = await ours();
    assert.deepEqual(more, []);
    assert.equal(session.lease_ms, 7000);
    const messages = collect("sink");
    await until(() => messages.length > 1, "values go on");
  });

  it("reads the current that flows in the loop", async () => {
    await helper.load(OURS, [TAB, config(), node({ type: "wisblock-rak5801" }), SINK]);
    const sent = collect("sink");
    const unit = helper.getNode("node");
    unit.receive({ payload: "", topic: "kept" });
    await until(() => sent.length === 1, "a reading");
    await bridge.ask("emulator.set", { slot: 1, quantity: "current", value: 3.81 });
    unit.receive({ payload: { samples: 4, scale_low: 0, scale_high: 100 }, topic: "kept" });
    await until(() => sent.length === 2, "another reading");
    const [, msg] = sent;
    assert.ok(Math.abs(msg.payload - 3.81) < 0.001, String(msg.payload));
    assert.equal(msg.topic, "kept");
    assert.equal(msg.wisblock.emulated, true);
    assert.deepEqual(msg.wisblock.readings.current, { value: msg.payload, unit: "milliampere", symbol: "mA" });
    assert.ok(Math.abs(msg.wisblock.readings.value.value - (3.81 - 4) / 16 * 100) < 0.01);
    assert.match(unit.status.lastCall.args[0].text, /^3\.81 mA .*emulated/);
    assert.ok(Math.abs(msg.wisblock.timestamp - Date.now()) < 60000);
  });

  it("knows the same modules as the bridge", async () => {
    await helper.load(OURS, [TAB, config(), node({ type: "wisblock-rak5801" }), SINK]);
    const { connection } = helper.getNode("bridge");
    await until(() => connection.state === "online", "online");
    assert.deepEqual(connection.info, { emulated: true, versionMismatch: "", keyProblem: "" });
    const reply = await helper.request().get("/wisblock-bridge/bridge/status").expect(200);
    assert.equal(reply.body.board, "RAK7391");
    assert.equal(reply.body.emulated, true);
    assert.ok(Array.isArray(reply.body.slots));
  });

  it("refuses what the catalogue does not allow, with the parameter's name", async () => {
    await helper.load(OURS, [TAB, config(), node({ type: "wisblock-rak5801" }), SINK, { id: "catcher", type: "catch", z: "tab", x: 1, y: 1, scope: null, wires: [["caught"]] }, { id: "caught", type: "helper", z: "tab", x: 1, y: 1 }]);
    const caught = collect("caught");
    helper.getNode("node").receive({ payload: { samples: 0 } });
    await until(() => caught.length, "an error");
    assert.equal(caught[0].error.code, "bad_params");
    assert.match(caught[0].error.message, /samples/);
  });

  it("repeats a reading, and goes on after the bridge was killed and came back", async function () {
    this.timeout(60000);
    await helper.load(OURS, [TAB, config(), node({ type: "wisblock-rak5801", trigger: "every", every_ms: "50", read_samples: "1", read_samplesType: "num" }), SINK]);
    const sent = collect("sink");
    const unit = helper.getNode("node");
    await until(() => sent.length > 2, "readings");
    assert.equal(sent[0].wisblock.initial, true);
    await bridge.stop("SIGKILL");
    await until(() => unit.status.lastCall.args[0].text.includes("disconnected"), "the status leaves green");
    await bridge.start();
    const before = sent.length;
    await until(() => sent.length > before && unit.status.lastCall.args[0].fill === "green", "readings again");
  });

  it("drives an output, and gives it free when its node is deleted", async () => {
    const write = node({
      type: "wisblock-tpt29555", slot: "board", operation: "write", onLoss: "hold",
      write_expander: "board", write_expanderType: "choice", write_line: "7", write_lineType: "num", write_level: "payload", write_levelType: "msg",
    });
    const reader = node({ id: "other", type: "wisblock-rak5801", wires: [] });
    await helper.load(OURS, [TAB, config(), write, reader, SINK]);
    const sent = collect("sink");
    helper.getNode("node").receive({ payload: "off" });
    await until(() => sent.length, "the level");
    assert.equal(sent[0].payload, 0);
    const outputs = async () => (await bridge.ask("status")).sessions.flatMap((each) => each.outputs);
    assert.deepEqual(await outputs(), [{ module: "TPT29555", slot: "board", output: "board/7", on_loss: "hold" }]);
    // another deploy is no loss
    await helper.setFlows([TAB, config(), { ...write, name: "renamed" }, reader, SINK], "full");
    await until(() => helper.getNode("bridge").connection.state === "online", "online");
    assert.equal((await outputs()).length, 1);
    helper.getNode("node").receive({ payload: "off" });
    await until(async () => (await outputs()).length === 1, "the output");
    await helper.setFlows([TAB, config(), reader, SINK], "nodes");
    await until(async () => (await outputs()).length === 0, "the output is free");
  });

  for (const file of flowFiles) {
    it(`every debug node of "${file}" gets what it waits for`, async () => {
      const nodes = JSON.parse(fs.readFileSync(path.join(FLOWS, file), "utf8"));
      // the clock of a RAK7391 has the address of a RAK12004 as delivered
      const elsewhere = nodes.some((each) => each.type === "wisblock-rak12004");
      // who plugs modules in decides what is in a slot for all that come later
      const plugs = nodes.some((each) => /"emulator\.plug"/.test(each.payload));
      const served = elsewhere || plugs ? await new BridgeProcess({ board: elsewhere ? "RAK6421" : undefined }).start() : bridge;
      if (served !== bridge) {
        others.push(served);
      }
      const flow = nodes.map((each) => {
        if (each.type === "wisblock-bridge") {
          return { ...each, endpoint: served.endpoint };
        }
        return each.type === "debug" ? { ...each, type: "helper" } : each;
      });
      await helper.load([...CORE, ...OURS], flow);
      const errors = new Set(flow.filter((each) => each.type === "catch").flatMap((each) => each.wires.flat()));
      const debugs = flow.filter((each) => each.type === "helper");
      const got = new Map(debugs.map(({ id }) => [id, collect(id)]));
      flow.filter((each) => each.type === "inject").forEach(({ id }) => helper.getNode(id).receive({}));
      const waiting = () => debugs.filter(({ id }) => !errors.has(id) && got.get(id).length === 0).map((each) => each.name);
      await until(() => waiting().length === 0, "messages").catch((error) => {
        throw new Error(`${error.message}: ${waiting()}; errors: ${[...errors].flatMap((id) => got.get(id).map((each) => each.error.message))}`);
      });
      assert.deepEqual([...errors].flatMap((id) => got.get(id).map((each) => each.error.message)), []);
      if (file.includes("RAK5801")) {
        const [first] = got.get(debugs.find((each) => each.name === "current in slot 1").id);
        assert.match(first.payload.current.wisblock_slot1, /^\d+\.\d\d mA$/);
      }
      if (file.includes("ADC")) {
        const [tree] = got.get(debugs.find((each) => each.name === "all channels").id);
        assert.deepEqual(Object.keys(tree.payload.singleEnded), ["channel_0", "channel_1", "channel_2", "channel_3"]);
        assert.equal(typeof tree.payload.singleEnded.channel_3.Volts, "number");
      }
      if (file.includes("TPT29555")) {
        const levels = got.get(debugs.find((each) => each.name === "level").id);
        assert.ok([0, 1].includes(levels[0].payload));
      }
    });
  }
});
