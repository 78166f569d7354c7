"use strict";
/*
 * Every flow that we offer, deployed in a real Node-RED against a bridge with an emulated board of its own.
 *
 * 1. Flows are found, not listed.
 * 2. A flow is deployed as people import it; only the bridge's endpoint is filled in.
 * 3. Every debug node has to speak, but those behind Catch and Status nodes: they have to be silent about errors.
 */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { Admin, eventually } = require("./admin");
const { NodeRed, ROOT } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");

const FLOWS = path.join(ROOT, "flows");
/** Flows for modules that a RAK7391 as delivered cannot take: its own clock has the address of this one's converter. */
const OTHER_BOARDS = { "wisblock-rak12004": "RAK6421" };

const files = fs.readdirSync(FLOWS, { recursive: true }).filter((each) => each.endsWith(".json")).sort();

/** The nodes that a message from one of these reaches. */
function behind(nodes, sources) {
  const byId = new Map(nodes.map((each) => [each.id, each]));
  const linked = (node) => (node?.type === "link out" ? node.links ?? [] : []);
  const reached = new Set();
  const ahead = [...sources];
  while (ahead.length > 0) {
    const node = ahead.pop();
    for (const id of [...(node.wires ?? []).flat(), ...linked(node)]) {
      if (!reached.has(id) && byId.has(id)) {
        reached.add(id);
        ahead.push(byId.get(id));
      }
    }
  }
  return reached;
}

/** Starts a bridge on an emulated board that can take the modules of a flow. */
async function startFor(bridge, nodes) {
  const board = nodes.map((each) => OTHER_BOARDS[each.type]).find((each) => each !== undefined);
  const usual = process.env.WISBLOCK_BRIDGE_BOARD;
  process.env.WISBLOCK_BRIDGE_BOARD = board ?? "RAK7391";
  try {
    const started = bridge.start(); // the process has its environment as soon as this returns
    delete process.env.WISBLOCK_BRIDGE_BOARD;
    await started;
  } finally {
    if (usual !== undefined) {
      process.env.WISBLOCK_BRIDGE_BOARD = usual;
    }
  }
}

describe("every flow, deployed alone", function () {
  this.timeout(150000);

  const nodeRed = new NodeRed();
  const admin = new Admin(nodeRed);
  let known;

  before(async () => {
    assert.ok(files.length > 0);
    await nodeRed.start();
    await admin.open();
    known = new Set((await admin.ask("GET", "nodes")).flatMap((each) => each.types));
    await admin.deploy([]);
    assert.equal(admin.freshLog(), "", "Node-RED complains before any flow is there");
  });

  after(async () => {
    admin.close();
    await nodeRed.stop();
  });

  for (const file of files) {
    describe(file, () => {
      const nodes = JSON.parse(fs.readFileSync(path.join(FLOWS, file), "utf8"));
      let bridge;
      const ofType = (...types) => nodes.filter((each) => types.includes(each.type));
      const ours = nodes.filter((each) => each.type.startsWith("wisblock-") && each.type !== "wisblock-bridge");
      const line = (id) => `${admin.statuses.get(id)?.fill} ${admin.statuses.get(id)?.text}`;

      before(() => {
        bridge = new BridgeProcess();
      });

      after(() => bridge.dispose());

      it("speaks where it should, and nothing goes wrong", async () => {
        assert.deepEqual(nodes.map((each) => each.type).filter((type) => !["tab", "group", "subflow"].includes(type) && !known.has(type)), [], "types that no node is printed for");
        await startFor(bridge, nodes);
        admin.complaints.length = 0;
        await admin.deploy(nodes.map((each) => (each.type === "wisblock-bridge" ? { ...each, endpoint: bridge.endpoint } : each)));
        await eventually(() => ours.every(({ id }) => admin.statuses.has(id) && !/connecting|disconnected/.test(line(id))), () => `all are connected: ${ours.map(({ id }) => line(id))}`);
        for (const { id } of ofType("inject").filter((each) => !each.once && !/"emulator\.(un)?plug"/.test(each.payload))) {
          await admin.inject(id);
        }

        const onlyErrors = behind(nodes, ofType("catch", "status"));
        const normal = behind(nodes, nodes.filter((each) => each.type !== "catch" && each.type !== "status" && !onlyErrors.has(each.id)));
        const toSpeak = ofType("debug").filter(({ id }) => normal.has(id));
        assert.ok(toSpeak.length > 0);
        const caught = () => [...new Set([...behind(nodes, ofType("catch"))].flatMap((id) => admin.heard(id)).map((each) => each.message ?? each))];
        const silent = () => toSpeak.filter(({ id }) => admin.heard(id).length === 0).map(({ id, name }) => `${name} (${id})`);
        await eventually(() => caught().length > 0 || silent().length === 0, () => `these speak: ${silent()}; log: ${admin.freshLog()}`);
        assert.deepEqual(caught(), [], "errors that reached a Catch node");

        await eventually(async () => {
          const { sessions } = await bridge.ask("status", {});
          return sessions.every((each) => each.client !== "node-red" || each.in_flight === 0);
        }, "all requests are answered");
        await admin.catchUp();
        assert.deepEqual(caught(), [], "errors that reached a Catch node afterwards");
        assert.deepEqual((await bridge.ask("status", {})).counters.errors, {}, "errors that the bridge counted");
        assert.deepEqual(admin.complaints, [], "warnings and errors in the debug sidebar");
        assert.equal(admin.freshLog(), "", "warnings and errors in the log");
        assert.deepEqual(nodes.filter(({ id, type }) => !type.startsWith("ui-") && admin.statuses.get(id)?.fill === "red").map(({ id, type }) => `${type} ${id}: ${line(id)}`), [], "nodes whose status is red");
      });
    });
  }
});
