"use strict";
/* What the sidebar makes of what a bridge says: the picture, the problems, the line of the last minute, the words. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

const SCRIPTS = path.join(__dirname, "..", "..", "resources", "sidebar");
const load = (name) => require(path.join(SCRIPTS, name)).wisblockSidebar;
const { BridgeState } = load("bridge-state.js");
const { problems } = load("problems.js");
const { boardLayout } = load("board-layout.js");
const catalogue = require("../../node-red-nodes/sidebar/locales/en-US/sidebar.json");

const STATUS = {
  board: { product: "RAK6421", title: "RAK6421, newer wiring (2025)" },
  layout: [{ slot: 1, kind: "io", pins: [{ pin: "IO1" }] }, { slot: 2, kind: "io", pins: [] }, { slot: "A", kind: "sensor", pins: [] }],
  slots: [
    { slot: 1, module: "RAK5801", open: true, failing: false, claims: [{ client: "node-red", nodes: ["loop"] }], held: [], values: [{ kind: "result", name: "read", params: {}, readings: { percent: 50, current: 12 }, quality: "good", timestamp: 5 }] },
    { slot: "board", module: "ADC", open: true, failing: false, claims: [], held: [] },
  ],
  plugged: [{ slot: 1, module: "RAK5801", fits: ["RAK5801"], faults: ["nack"], fault: null }, { slot: 2, module: null, fits: ["RAK5801"] }],
};
const CATALOGUE = {
  type: "catalogue", units: { milliampere: { symbol: "mA", decimals: 2 } },
  modules: [{ name: "RAK5801", slots: [1, 2], operations: { read: { main: "current", readings: [{ name: "current", unit: "milliampere", kind: "float" }] } }, events: {} }],
};

function online() {
  let clock = 0;
  const bridge = new BridgeState("b", () => clock);
  bridge.apply({ type: "bridge", state: "online", info: { emulated: true }, version: "1.2.3", board: "RAK6421" });
  bridge.apply(CATALOGUE);
  bridge.apply({ type: "status", status: STATUS });
  return { bridge, wait: (ms) => {
    clock += ms;
  } };
}

const result = (more = {}) => ({ type: "observed", value: { kind: "result", module: "RAK5801", slot: 1, name: "read", params: {}, readings: { current: 13 }, quality: "good", timestamp: 10, ...more } });
const place = (bridge) => bridge.slots()[0].place;

describe("what the sidebar makes of what a bridge says", () => {
  it("draws the slots of the board's data in their order, with what is in them", () => {
    const { bridge } = online();
    const slots = bridge.slots();
    assert.deepEqual(slots.map((each) => [each.slot, each.kind]), [[1, "io"], [2, "io"], ["A", "sensor"]]);
    assert.equal(slots[0].place.module, "RAK5801");
    assert.equal(slots[1].plugged, "");
    assert.equal(slots[2].plugged, null);
    assert.deepEqual(slots[1].fits.map((each) => each.name), ["RAK5801"]);
    assert.deepEqual(slots[2].fits, []);
    assert.deepEqual(bridge.onBoard().map((each) => each.module), ["ADC"]);
  });

  it("shows the main reading of the operation, with its unit, and its last minute", () => {
    const { bridge, wait } = online();
    assert.deepEqual(place(bridge).main, { key: '["result","read",{}]', reading: "current", value: 12, unit: { symbol: "mA", decimals: 2 }, kind: "float" });
    for (let second = 0; second < 100; second += 1) {
      wait(1000);
      bridge.apply(result({ readings: { current: second } }));
    }
    assert.equal(place(bridge).main.value, 99);
    const { history } = place(bridge);
    assert.ok(history.length >= 60 && history.length <= 62, `${history.length} points`);
    for (let number = 0; number < 2000; number += 1) {
      bridge.apply(result({ readings: { current: number } }));
    }
    assert.ok(place(bridge).history.length <= 400);
  });

  it("keeps no more than 64 readings of a module", () => {
    const { bridge } = online();
    for (let channel = 0; channel < 500; channel += 1) {
      bridge.apply(result({ params: { channel } }));
    }
    assert.equal(place(bridge).values.size, 64);
  });

  it("stays with the reading that is shown while it keeps coming", () => {
    const { bridge, wait } = online();
    bridge.apply(result());
    wait(500);
    bridge.apply(result({ name: "calibration", readings: { offset: 1 } }));
    assert.equal(place(bridge).main.reading, "current");
    wait(20000);
    bridge.apply(result({ name: "calibration", readings: { offset: 2 } }));
    assert.equal(place(bridge).main.reading, "offset");
  });

  it("has one word for how a module is", () => {
    const { bridge } = online();
    assert.equal(bridge.tone(place(bridge)), "working");
    bridge.apply(result({ quality: "uncertain", note: "warming up" }));
    assert.equal(bridge.tone(place(bridge)), "uncertain");
    bridge.apply({ type: "observed", value: { kind: "health", module: "RAK5801", slot: 1, open: true, failing: true, last_error: { code: "no_device", message: "No answer.", hint: "Plug it in." }, last_error_at: 77 } });
    assert.equal(bridge.tone(place(bridge)), "failing");
    assert.deepEqual(problems([bridge]).map(({ code, hint, module, slot, since, page }) => ({ code, hint, module, slot, since, page })), [
      { code: "no_device", hint: "Plug it in.", module: "RAK5801", slot: 1, since: 77, page: "https://github.com/wisblock-bridge/wisblock-bridge/blob/main/docs/errors.md#no_device" },
      { code: "", hint: "", module: "RAK5801", slot: 1, since: 10, page: "" },
    ]);
    bridge.apply({ type: "observed", value: { kind: "health", module: "RAK5801", slot: 1, open: true, failing: false, last_error: null } });
    bridge.apply(result());
    assert.deepEqual(problems([bridge]), []);
    assert.equal(bridge.tone(place(bridge)), "working");
  });

  it("counts one reading that fails as a problem until it works again, since when it failed", () => {
    const { bridge } = online();
    bridge.apply(result({ kind: "error", readings: undefined, error: { code: "checksum", message: "Damaged." }, timestamp: 100 }));
    bridge.apply(result({ kind: "error", readings: undefined, error: { code: "checksum", message: "Damaged." }, timestamp: 200 }));
    assert.deepEqual(problems([bridge]).map((each) => [each.code, each.since, each.tone]), [["checksum", 100, "uncertain"]]);
    bridge.apply(result());
    assert.deepEqual(problems([bridge]), []);
  });

  it("shows nothing of a bridge that is away but that it is", () => {
    const { bridge } = online();
    bridge.apply({ type: "bridge", state: "offline", info: {}, why: { code: "offline", message: "The bridge does not answer." } });
    assert.equal(bridge.places.size, 0);
    assert.deepEqual(problems([bridge]).map((each) => [each.key, each.code]), [["offline", "offline"]]);
  });

  it("follows what is plugged in and pulled out", () => {
    const { bridge } = online();
    assert.equal(bridge.apply({ type: "observed", value: { kind: "plugged", module: "RAK12006", slot: 2 } }), true);
    assert.equal(bridge.slots()[1].plugged, "RAK12006");
    assert.deepEqual(bridge.slots()[1].pluggable, ["RAK5801"]);
    bridge.apply({ type: "observed", value: { kind: "plugged", module: null, slot: 2 } });
    assert.equal(bridge.slots()[1].plugged, "");
  });

  it("survives every kind of nonsense", () => {
    const things = [undefined, null, 7, NaN, "x", [], {}, [null], [[]], [{}], { slot: {} }, { slot: 1 }, true, [{ slot: 1, module: {}, values: [7, { readings: [] }], claims: [{ nodes: {} }] }]];
    for (const one of things) {
      for (const other of things) {
        const { bridge } = online();
        for (const kind of ["result", "event", "error", "holder", "health", "plugged", one]) {
          bridge.apply({ type: "observed", value: { kind, module: one, slot: 1, name: other, params: one, readings: other, error: one, claims: other, held: one } });
        }
        bridge.apply({ type: "observed", value: one });
        bridge.apply({ type: "catalogue", modules: one, units: other });
        bridge.apply({ type: "status", status: { slots: one, layout: other, plugged: one, board: other, addresses: one } });
        bridge.apply({ type: "bridge", state: one, info: other, why: null });
        bridge.slots().forEach((each) => each.place && bridge.tone(each.place));
        problems([bridge]);
      }
    }
  });

  it("lays two slots side by side where there is room, one below the other where there is none", () => {
    const counts = { io: 2, sensor: 4, modules: 1, chips: 7 };
    const wide = boardLayout(300, counts);
    assert.equal(wide.io[0].y, wide.io[1].y);
    const narrow = boardLayout(170, counts);
    assert.ok(narrow.io[1].y > narrow.io[0].y + narrow.io[0].height);
    for (const width of [150, 170, 220, 300, 420, 800]) {
      const layout = boardLayout(width, counts);
      const boxes = [...layout.io, ...layout.sensor, ...layout.modules, ...layout.chips];
      boxes.forEach((box, index) => {
        assert.ok(box.x >= 0 && box.x + box.width <= width && box.y + box.height <= layout.height, `${width}: box ${index} is on the board`);
        boxes.slice(index + 1).forEach((other) => {
          const apart = box.x + box.width <= other.x || other.x + other.width <= box.x || box.y + box.height <= other.y || other.y + other.height <= box.y;
          assert.ok(apart, `${width}: two boxes overlap`);
        });
      });
    }
  });
});

describe("the words of the sidebar", () => {
  const sources = fs.readdirSync(SCRIPTS).filter((each) => each.endsWith(".js")).map((each) => [each, fs.readFileSync(path.join(SCRIPTS, each), "utf8")]);
  const keys = (node, prefix) => Object.entries(node).flatMap(([key, value]) => (typeof value === "string" ? [prefix + key] : keys(value, `${prefix}${key}.`)));
  const all = keys(catalogue.sidebar, "");

  it("are all in the catalogue", () => {
    const named = sources.flatMap(([file, source]) => [...source.matchAll(/\b(?:text|say)\("([a-z_.]+)"[,)]/g)].map((match) => [file, match[1]]));
    assert.ok(named.length > 30);
    assert.deepEqual(named.filter(([, key]) => !all.includes(key)), []);
  });

  it("are all used", () => {
    const whole = sources.map(([, source]) => source).join("\n");
    const literals = new Set([...whole.matchAll(/"([a-z_.]+)"/g)].map((match) => match[1]));
    const starts = [...literals].filter((each) => each.endsWith("."));
    const direct = (key) => literals.has(key) || starts.some((each) => key.startsWith(each)) || literals.has(key.split(".").pop());
    assert.deepEqual(all.filter((each) => !direct(each)), []);
  });
});

describe("a value that is uncertain", () => {
  it("is a problem since it became one, however often it is measured, and until it is certain", () => {
    const { bridge } = online();
    const found = () => problems([bridge]).map(({ key, message, since }) => [key, message, since]);
    bridge.apply(result({ quality: "uncertain", note: "settling, for 19 s", timestamp: 100 }));
    bridge.apply(result({ quality: "uncertain", note: "settling, for 18 s", timestamp: 200 }));
    assert.deepEqual(found(), [["quality", "settling, for 18 s", 100]]);
    bridge.apply(result({ timestamp: 300 }));
    assert.deepEqual(found(), []);
    bridge.apply(result({ quality: "uncertain", note: "again", timestamp: 400 }));
    assert.deepEqual(found(), [["quality", "again", 400]]);
  });
});

describe("what the button in the status bar makes of the nodes' statuses", () => {
  const { NodeTones } = load("node-tones.js");

  it("is the worst of them, with how many there are", () => {
    const tones = new NodeTones();
    assert.deepEqual(tones.worst(), { tone: "idle", count: 0 });
    const statuses = [["green", "dot", "working"], ["grey", "dot", "working"], ["blue", "dot", "working"], ["yellow", "ring", "uncertain"], ["yellow", "dot", "uncertain"], ["red", "dot", "failing"], ["red", "ring", "offline"]];
    const seen = statuses.map(([fill, shape], index) => [tones.set(`n${index}`, { fill, shape, text: "any" }), tones.worst()]);
    assert.deepEqual(seen, [
      [true, { tone: "working", count: 1 }], [true, { tone: "working", count: 2 }], [true, { tone: "working", count: 3 }],
      [true, { tone: "uncertain", count: 1 }], [true, { tone: "uncertain", count: 2 }], [true, { tone: "failing", count: 1 }], [true, { tone: "offline", count: 1 }],
    ]);
    assert.equal(tones.set("n0", { fill: "green", shape: "dot", text: "another value" }), false);
    assert.equal(tones.remove("n6"), true);
    assert.equal(tones.remove("n6"), false);
    assert.deepEqual(tones.worst(), { tone: "failing", count: 1 });
    assert.equal(tones.set("n5", {}), true);
    assert.deepEqual(tones.worst(), { tone: "uncertain", count: 2 });
  });

  it("takes whatever comes", () => {
    const tones = new NodeTones();
    for (const status of [undefined, null, 5, "red", {}, { fill: {}, shape: [] }, { fill: "pink" }]) assert.equal(tones.set("n", status), false);
    assert.deepEqual(tones.worst(), { tone: "idle", count: 0 });
  });
});
