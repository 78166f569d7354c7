"use strict";
/*
 * What a generated node gives, for every module and every reading operation, against what the bridge says over ZeroMQ.
 *
 * 1. Operations, parameters and quantities come from the catalogue and from the emulated board; a module is named only where
 *    its emulated partner listens to another address than the lowest.
 * 2. That the bridge's own values are those of the physical world is proved in tests/project/test_round_trip.py, step by step;
 *    here the same world, at its low, middle and high end, has to arrive in msg.wisblock unchanged.
 */

const assert = require("node:assert/strict");
const helper = require("node-red-node-test-helper");
const catalogue = require("../../node-red-nodes/catalogue.json");
const bridgeSet = require("../../node-red-nodes/bridge/bridge");
const { BridgeProcess } = require("./bridge-process");
const { until } = require("./conditions");

helper.init(require.resolve("node-red"));

/** Who answers on the emulated line of a module. */
const PARTNERS = { RAK5802: { unit: 42 } };

/** For so long pulses are counted here, ms; one of them more or less is then so many Hz. */
const WINDOW_MS = 200;
const PULSE_HZ = 1000 / WINDOW_MS;

/** The least that an operation can be asked with, or null when something has to be chosen by a person. */
function least(operation, partner = {}) {
  const params = {};
  for (const param of operation.params) {
    if (param.name in partner) {
      params[param.name] = partner[param.name];
    } else if (param.name === "samples") {
      params.samples = 1;
    } else if (param.name === "window_ms") {
      params.window_ms = WINDOW_MS;
    } else if (param.required) {
      if (param.choices.length === 0 && (param.low === null || param.kind === "bytes")) {
        return null;
      }
      params[param.name] = param.choices.length > 0 ? param.choices[0] : param.low;
    }
  }
  return params;
}

for (const module of catalogue.modules) {
  const readers = module.operations
    .filter((each) => each.reads_only && least(each) !== null)
    .filter((each) => each.readings.some(({ kind }) => kind === "float" || kind === "int" || kind === "bool"));

  describe(`what the node of the ${module.name} gives`, () => {
    // the clock of a RAK7391 has the address of a RAK12004 as delivered
    const bridge = new BridgeProcess(module.name === "RAK12004" ? { board: "RAK6421" } : {});
    const slot = module.slots[0];

    before(async function () {
      this.timeout(60000);
      await bridge.start();
      await new Promise((resolve) => helper.startServer(resolve));
    });
    after(async () => {
      await new Promise((resolve) => helper.stopServer(resolve));
      await bridge.dispose();
    });
    afterEach(() => helper.unload());

    for (const operation of readers) {
      it(`is what the bridge reads: ${operation.name}`, async () => {
        const params = least(operation, PARTNERS[module.name]);
        const fixed = Object.fromEntries(Object.entries(params).flatMap(([name, value]) => [
          [`${operation.name}_${name}`, String(value)],
          [`${operation.name}_${name}Type`, typeof value === "number" ? "num" : "choice"],
        ]));
        await helper.load([bridgeSet, require(`../../node-red-nodes/${module.slug}/${module.slug}`)], [
          { id: "tab", type: "tab" },
          { id: "bridge", type: "wisblock-bridge", endpoint: bridge.endpoint, leaseMs: "", name: "" },
          { id: "node", z: "tab", type: `wisblock-${module.slug}`, bridge: "bridge", slot: String(slot), trigger: "message", operation: operation.name, ...fixed, wires: [["sink"]] },
          { id: "sink", z: "tab", type: "helper" },
        ]);
        const got = [];
        const failed = [];
        helper.getNode("sink").on("input", (msg) => got.push(msg));
        helper.getNode("node").on("call:error", (call) => failed.push(call.firstArg));
        const ask = () => bridge.ask("invoke", { module: module.name, slot, operation: operation.name, params });
        await ask(); // the emulated slot takes the module
        const names = new Set(operation.readings.map((each) => each.name));
        const world = (await bridge.ask("emulator.list", { slot })).filter((each) => each.writable && names.has(each.quantity) && each.high > each.low);
        for (const share of [0, 0.5, 1]) {
          for (const { quantity, low, high } of world) {
            const whole = operation.readings.find((each) => each.name === quantity).kind !== "float";
            const value = low + share * (high - low);
            await bridge.ask("emulator.set", { slot, quantity, value: whole ? Math.round(value) : value }).catch(() => undefined);
          }
          got.length = 0;
          const before = (await ask()).readings;
          helper.getNode("node").receive({ payload: "" });
          await until(() => got.length > 0 || failed.length > 0, `an answer at ${share}`);
          assert.deepEqual(failed, []);
          const { readings } = got[0].wisblock;
          assert.deepEqual(Object.keys(readings).sort(), Object.keys(before).sort());
          for (const described of operation.readings.filter((each) => each.name in before)) {
            const { value } = readings[described.name];
            const isBits = described.kind === "int" && described.high !== null && Number.isInteger(Math.log2(described.high + 1));
            if (described.kind === "int" && !isBits) { // a count of something that goes on
              assert.ok(Math.abs(value - before[described.name]) <= 2 + 0.2 * before[described.name], `${described.name}: ${value} and ${before[described.name]}`);
            } else if (described.kind === "float") {
              const counted = described.unit === "hertz"; // what goes on meanwhile is not the same twice
              const steps = 2 * (described.step ?? 0) + Math.abs(before[described.name]) * (counted ? 0.2 : 0.02) + (counted ? 2 * PULSE_HZ : 0);
              assert.ok(Math.abs(value - before[described.name]) <= steps, `${described.name}: ${value} and ${before[described.name]}`);
            } else {
              assert.deepEqual(value, before[described.name]);
            }
          }
        }
      });
    }
  });
}
