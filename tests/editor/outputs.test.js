"use strict";
/*
 * An output belongs to the node that drove it: real Node-RED, a real bridge, and the wires behind the chips as judges.
 *
 * 1. What is looked at is the emulated world outside the chips, not what anybody says about it.
 * 2. A second client, on the bridge for the whole time, reads each module: that others use a module, too, must not matter.
 */

const assert = require("node:assert/strict");
const { Admin, eventually } = require("./admin");
const { NodeRed } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");

const tab = (more) => ({ id: "tab", type: "tab", label: "tab", disabled: false, ...more });
const on = { z: "tab", x: 100, y: 100 };

/** Fields with fixed values. */
const fixed = (operation, values) => Object.fromEntries(Object.entries(values).flatMap(([name, value]) => [
  [`${operation}_${name}`, String(value)], [`${operation}_${name}Type`, typeof value === "number" ? "num" : "choice"],
]));
const wisblock = (slug, operation, fields, more) => ({
  id: "driver", type: `wisblock-${slug}`, ...on, name: "", bridge: "bridge", slot: "1", trigger: "message", operation, onLoss: "safe",
  every_ms: "", timeout_ms: "", wires: [["said"]], ...fields, ...more,
});

/** `place`: where the emulator shows it; `driven`: what it shows while the node drives it. */
const KINDS = {
  "the relay of a RAK13007": {
    make: (more) => wisblock("rak13007", "set", {}, more), payload: "true", request: { module: "RAK13007", operation: "set", params: { on: true } },
    place: { slot: 1, quantity: "on" }, driven: (value) => value === true || value === 1,
    other: { slot: "2" }, reader: { operation: "state" },
  },
  "the relay of a RAK13001": {
    make: (more) => wisblock("rak13001", "set", {}, more), payload: "true", request: { module: "RAK13001", operation: "set", params: { on: true } },
    place: { slot: 1, quantity: "on" }, driven: (value) => value === true || value === 1,
    other: { operation: "input" }, reader: { operation: "state" },
  },
  "a channel of a RAK13004": {
    make: (more) => wisblock("rak13004", "duty", fixed("duty", { channel: 3 }), more), payload: "50", request: { module: "RAK13004", operation: "duty", params: { channel: 3, percent: 50 } },
    place: { slot: 1, quantity: "percent_3" }, driven: (value) => value > 40,
    other: fixed("duty", { channel: 4 }), reader: fixed("duty", { channel: 15 }),
  },
  "a pin of a RAK13003": {
    make: (more) => wisblock("rak13003", "write", fixed("write", { pin: 5 }), more), payload: "1", request: { module: "RAK13003", operation: "write", params: { pin: 5, level: 1 } },
    place: { slot: 1, quantity: "directions" }, driven: (value) => (value >> 5 & 1) === 1,
    other: fixed("write", { pin: 6 }), reader: { operation: "read_all" },
  },
  "a line of the board's expander": {
    make: (more) => wisblock("tpt29555", "write", fixed("write", { expander: "board", line: 7 }), { slot: "board", ...more }), payload: "0",
    request: { module: "TPT29555", slot: "board", operation: "write", params: { expander: "board", line: 7, level: 0 } },
    place: { slot: "board", quantity: "board_7" }, driven: (value) => value === 0,
    other: fixed("write", { line: 6 }), reader: { operation: "read", ...fixed("read", { expander: "board", line: 1 }) },
  },
  "a motor of a RAK17000": {
    make: (more) => wisblock("rak17000", "drive", { ...fixed("drive", { bridge: "A" }), drive_watchdog_ms: "60000", drive_watchdog_msType: "num" }, more),
    payload: "80", request: { module: "RAK17000", operation: "drive", params: { bridge: "A", speed: 80, watchdog_ms: 60000 } },
    place: { slot: 1, quantity: "speed_A" }, driven: (value) => value > 50,
    other: fixed("drive", { bridge: "B" }), reader: fixed("drive", { bridge: "B" }),
  },
};

describe("an output in real Node-RED", function () {
  this.timeout(180000);

  let bridge;
  const nodeRed = new NodeRed();
  const admin = new Admin(nodeRed);
  const config = (more) => ({ id: "bridge", type: "wisblock-bridge", name: "", endpoint: bridge.endpoint, leaseMs: "30000", ...more });
  const button = (to, id = "button") => ({ id, type: "inject", ...on, name: id, props: [{ p: "payload" }], payload: "", payloadType: "str", repeat: "", crontab: "", once: false, onceDelay: 0.1, wires: [[to]] });
  const said = { id: "said", type: "debug", ...on, name: "said", active: true, tosidebar: true, console: false, tostatus: false, complete: "payload", targetType: "msg", wires: [] };
  const flow = (...nodes) => [tab(), config(), button("driver"), said, ...nodes];

  before(async () => {
    bridge = new BridgeProcess();
    await bridge.start();
    await nodeRed.start();
    await admin.open();
  });

  after(async () => {
    admin.close();
    await nodeRed.stop();
    await bridge.dispose();
  });

  for (const [title, kind] of Object.entries(KINDS)) {
    const { make, payload, place, driven, other, reader, request } = kind;
    const level = async () => (await bridge.ask("emulator.get", place)).value;
    const isDriven = async () => driven(await level());
    /** Uses the module as well, through another node of this Node-RED. */
    const near = (more) => make({ id: "near", onLoss: "safe", ...reader, ...more });

    const press = async (id = "button") => {
      const answered = admin.next("said");
      await admin.inject(id, payload);
      await answered;
      await eventually(isDriven, async () => `it is driven; it is ${await level()}`);
    };
    const becomesSafe = () => eventually(async () => !(await isDriven()), "it becomes safe", 4000);
    /** A deploy is over, and what it was to cause has been asked of the bridge before this question. */
    const stays = async () => {
      await admin.catchUp();
      for (let times = 0; times < 10; times += 1) {
        assert.ok(await isDriven(), "it is still driven");
        await admin.catchUp();
      }
    };

    describe(title, () => {
      beforeEach(async () => {
        await admin.deploy([config()]);
        // what was held on purpose is let go, so that the next begins with a free slot
        await bridge.ask("release", { module: request.module, slot: request.slot ?? 1, force: true }).catch(() => undefined);
        await eventually(async () => (await bridge.ask("status", {})).slots.every((each) => !each.open || each.slot === "board"), "the slots are free");
      });

      for (const type of ["full", "flows", "nodes"]) {
        it(`does not blink in a deploy of kind "${type}"`, async () => {
          await admin.deploy(flow(make()));
          await press();
          await admin.deploy(flow(make({ name: "renamed", x: 400 })), type);
          await stays();
        });
      }

      it("becomes safe when its node is deleted, beside others that use the module or alone", async () => {
        await admin.deploy(flow(make(), near()));
        await press();
        await admin.deploy(flow(near()), "nodes");
        await becomesSafe();
        await admin.deploy(flow(make()));
        await press();
        await admin.deploy(flow(), "nodes");
        await becomesSafe();
      });

      it("stays when its node is deleted and said hold", async () => {
        await admin.deploy(flow(make({ onLoss: "hold" }), near()));
        await press();
        await admin.deploy(flow(near()), "nodes");
        await stays();
        await admin.deploy(flow(), "nodes");
        await stays();
      });

      it("becomes safe when its node is disabled, moved, or of another type", async () => {
        for (const successor of [make({ d: true }), make(other), { ...said, id: "driver" }]) {
          await admin.deploy(flow(make()));
          await press();
          await admin.deploy(flow(successor), "nodes");
          await becomesSafe();
        }
      });

      it("becomes safe when its tab is switched off", async () => {
        await admin.deploy(flow(make()));
        await press();
        await admin.deploy([tab({ disabled: true }), ...flow(make()).slice(1)]);
        await becomesSafe();
      });

      it("is left to another node that is set to drive it, also by way of a copy of the bridge (D12 b), and becomes safe with that one", async () => {
        const copy = config({ id: "copy" });
        const second = make({ id: "second", bridge: "copy" });
        await admin.deploy([...flow(make(), second), copy]);
        await press();
        await admin.deploy([...flow(second), copy], "nodes");
        await stays();
        await admin.deploy([...flow(), copy], "nodes");
        await becomesSafe();
      });

      it("stays while the node of one of two subflow instances is deleted", async () => {
        const subflow = { id: "sub", type: "subflow", name: "sub", info: "", category: "", in: [{ x: 50, y: 30, wires: [{ id: "inner" }] }], out: [{ x: 300, y: 30, wires: [{ id: "inner", port: 0 }] }], env: [] };
        const inner = make({ id: "inner", z: "sub", wires: [[]] });
        const instance = (id) => ({ id, type: "subflow:sub", ...on, name: "", wires: [["said"]] });
        await admin.deploy([...flow(instance("driver"), instance("second")), subflow, inner]);
        await press();
        await admin.deploy([...flow(instance("driver"), instance("second")), subflow, inner], "full");
        await stays();
        await admin.deploy([...flow(instance("second")), subflow, inner], "nodes");
        await stays();
        await admin.deploy([...flow(), subflow, inner], "nodes");
        await becomesSafe();
      });

      it("belongs to a request node that drove it", async () => {
        const asking = { id: "driver", type: "wisblock-request", ...on, name: "", bridge: "bridge", method: "invoke", module: request.module, slot: String(request.slot ?? 1), operation: request.operation, params: JSON.stringify(request.params), timeout_ms: "", wires: [["said"]] };
        await admin.deploy(flow(asking, near()));
        const answered = admin.next("said");
        await admin.inject("button", "go");
        await answered;
        await eventually(isDriven, "it is driven");
        await admin.deploy(flow({ ...asking, name: "renamed" }, near()));
        await stays();
        await admin.deploy(flow(near()), "nodes");
        await becomesSafe();
      });
    });
  }

  it("follows the variables of its tab: a relay stays while \"2\" and ${SLOT} mean the same (D12 a), and is left when they do not", async () => {
    const relay = (slot) => async () => (await bridge.ask("emulator.get", { slot, quantity: "on" })).value;
    const withSlot = (value, ...nodes) => [tab({ env: [{ name: "SLOT", value, type: "str" }] }), config(), button("driver"), said, ...nodes];
    const make = KINDS["the relay of a RAK13007"].make;
    const [first, second] = [make({ slot: "${SLOT}" }), make({ id: "second", slot: "${SLOT}" })];
    await admin.deploy(withSlot("2", first, second));
    const answered = admin.next("said");
    await admin.inject("button", "true");
    await answered;
    assert.ok(await relay(2)());
    await admin.deploy(withSlot("2", first), "nodes");
    await admin.catchUp();
    assert.ok(await relay(2)());
    await admin.deploy(withSlot("1", first));
    await eventually(async () => !(await relay(2)()), "the relay in slot 2 is off");
  });
});
