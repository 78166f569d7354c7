"use strict";
/* What the editor makes of flows and of what bridges tell: clashes and lines, without an editor. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");
const { load, plain } = require("./fakes/editor-scripts");

const ROOT = path.join(__dirname, "..", "..");
const WORDS = JSON.parse(fs.readFileSync(path.join(ROOT, "node-red-nodes/bridge/locales/en-US/bridge.json"), "utf8")).slot;
const window = {};
for (const each of ["slot-clashes.js", "slot-lines.js"]) {
  vm.runInNewContext(fs.readFileSync(path.join(ROOT, "resources", each), "utf8"), { window });
}
const { find, lines, choice } = window.wisblockSlots;

/** What the node of a module says that it needs. */
const needs = (slug) => load(slug).definition.wisblock;


let count = 0;
const claim = (slug, slot, bridge = "b") => {
  count += 1;
  return { id: `${slug}-${count}`, bridge, slot, needs: needs(slug) };
};
const kinds = (claims, board) => plain(find(claims, new Map([["b", board]]))).map((each) => [each.kind, each.what]);
const RAK7391 = { state: "online", slots: [], addresses: [{ address: 0x51, holder: "the clock PCF85063A" }, { address: 0x48, holder: "RAK16001 in slot 2" }] };

describe("clashes between modules", () => {
  const cases = [
    ["two modules in one slot", [claim("rak5801", "1"), claim("rak13004", "1")], undefined, [["slot", "1"]]],
    ["one module in one slot, in many nodes", [claim("rak5801", "1"), claim("rak5801", "1")], undefined, []],
    ["two modules in two slots", [claim("rak5801", "1"), claim("rak13004", "2")], undefined, []],
    ["two bridges", [claim("rak5801", "1"), claim("rak13004", "1", "another")], undefined, []],
    ["the same chip twice", [claim("rak16001", "1"), claim("rak16001", "2")], undefined, [["address", "0x48"]]],
    ["the same chip twice, one strapped", [claim("rak16001", "1"), claim("rak16001", "2")], { straps: [{ slot: 2, chip: "ADS7830", address: 0x49 }] }, []],
    ["different chips at one address", [claim("rak13600", "1"), claim("rak14003", "2")], undefined, [["address", "0x24"]]],
    ["a chip where the board has one", [claim("rak12004", "1")], RAK7391, [["board", "0x51"]]],
    ["a chip where the board has one, strapped elsewhere", [claim("rak12004", "1")], { ...RAK7391, straps: [{ slot: 1, chip: "ADC121C021", address: 0x54 }] }, []],
    ["a chip where another module holds the address by now", [claim("rak16001", "1")], RAK7391, []],
    ["a board that has told nothing", [claim("rak12004", "1")], undefined, []],
    ["plain lines that both slots share", [claim("rak17000", "1"), claim("rak17000", "2")], undefined, [["pins", "SPI_CLK, SPI_MOSI"]]],
    ["plain lines that the SPI bus needs", [claim("rak17000", "1"), claim("rak13300", "2")], undefined, [["pins", "SPI_CLK, SPI_MOSI"]]],
    ["two modules on the SPI bus", [claim("rak13300", "1"), claim("rak13300", "2")], undefined, []],
    ["one serial port for both slots", [claim("rak5802", "1"), claim("rak13005", "2")], { serial_ports: [{ slot: 1, device: "/dev/ttyS0" }, { slot: 2, device: "/dev/ttyS0" }] }, [["port", "/dev/ttyS0"]]],
    ["a serial port for each slot", [claim("rak5802", "1"), claim("rak13005", "2")], { serial_ports: [{ slot: 1, device: "/dev/ttyUSB0" }, { slot: 2, device: "/dev/ttyUSB1" }] }, []],
    ["parts of the board", [claim("adc", "board"), claim("tpt29555", "board"), claim("rak5801", "1")], RAK7391, []],
  ];
  for (const [what, claims, board, wanted] of cases) {
    it(`${wanted.length > 0 ? "finds" : "finds nothing wrong with"} ${what}`, () => {
      assert.deepEqual(kinds(claims, board), wanted);
      assert.deepEqual(kinds([...claims].reverse(), board), wanted);
    });
  }

  it("names every node of both modules, and has words for each kind", () => {
    const claims = [claim("rak5801", "1"), claim("rak5801", "1"), claim("rak13004", "1")];
    const [clash] = find(claims, new Map());
    assert.deepEqual(plain(clash.places).map((place) => place.claims.map((each) => each.id)), [[claims[0].id, claims[1].id], [claims[2].id]]);
    for (const kind of ["slot", "address", "pins", "port", "board"]) {
      assert.match(WORDS.clash[kind], /__first__/);
      assert.match(WORDS.clash[kind], kind === "board" ? /__holder__/ : /__second__/);
    }
  });
});

describe("the lines below the slot field", () => {
  const chip = (more = {}) => ({ address: 0x48, chip: "ADS7830", modules: ["RAK16001"], confidence: "medium", note: "why", warnings: [], ...more });
  const online = (more = {}) => ({ state: "online", slots: [], addresses: [], straps: [], ...more });
  const found = (...chips) => ({ state: "online", found: chips, age_ms: 0 });
  const told = (slug, slot, report, scan) => plain(lines(needs(slug), slot, report, scan)).map((each) => `${each.tone} ${each.key}`);

  const cases = [
    ["a bridge that is asked", ["rak16001", "1", { state: "asking" }], ["plain asking"]],
    ["a bridge that is away", ["rak16001", "1", { state: "offline", message: "gone" }], ["plain offline"]],
    ["a bridge that is not deployed", ["rak16001", "1", { state: "not_deployed" }], ["plain not_deployed"]],
    ["a slot from the environment", ["rak16001", "${SLOT}", online()], ["plain not_a_number"]],
    ["a free slot, before the scan", ["rak16001", "1", online()], ["plain free"]],
    ["a scan under way", ["rak16001", "1", online(), { state: "asking" }], ["plain free", "plain looking"]],
    ["this module in use", ["rak16001", "2", online({ slots: [{ slot: 2, module: "RAK16001", open: true }] }), found(chip())], ["good in_use_by_this", "good answers", "plain which_slot"]],
    ["another module in use", ["rak5801", "2", online({ slots: [{ slot: 2, module: "RAK16001", open: true }] })], ["warning in_use", "plain unseen"]],
    ["another module configured", ["rak5801", "2", online({ slots: [{ slot: 2, module: "RAK16001", open: false }] })], ["warning expected", "plain unseen"]],
    ["a guess", ["rak16001", "1", online(), found(chip({ confidence: "low" }))], ["plain free", "plain answers", "plain which_slot"]],
    ["silence", ["rak16001", "1", online(), found()], ["plain free", "plain silent"]],
    ["another chip at the address", ["rak16001", "1", online(), found(chip({ chip: "ADS1115" }))], ["plain free", "warning other_answers"]],
    ["something unknown at the address", ["rak16001", "1", online(), found(chip({ chip: "" }))], ["plain free", "plain unknown_answers"]],
    ["the chip at another of its addresses", ["rak16001", "1", online(), found(chip({ address: 0x49 }))], ["plain free", "plain answers_elsewhere"]],
    ["the chip where it was strapped to", ["rak16001", "1", online({ straps: [{ slot: 1, chip: "ADS7830", address: 0x49 }] }), found(chip({ address: 0x49 }))], ["plain free", "good answers", "plain which_slot"]],
    ["a warning of the scan", ["rak16001", "1", online(), found(chip({ chip: "ADS1115", warnings: ["Beware."] }))], ["plain free", "warning other_answers", "warning as_reported"]],
    ["a key that may not scan", ["rak16001", "1", online(), { state: "online", refused: "forbidden", message: "no" }], ["plain free", "plain no_scan"]],
    ["a bus that is stuck", ["rak16001", "1", online(), { state: "online", refused: "timeout", message: "stuck" }], ["plain free", "plain scan_failed"]],
    ["an emulated board", ["rak5801", "1", online({ plugged: [{ slot: 1, module: "RAK5801" }, { slot: 2, module: null }] })], ["plain free", "good plugged", "plain unseen"]],
    ["an empty emulated slot", ["rak5801", "2", online({ plugged: [{ slot: 1, module: "RAK5801" }, { slot: 2, module: null }] })], ["plain free", "plain plugged_nothing", "plain unseen"]],
  ];
  for (const [what, [slug, slot, report, scan], wanted] of cases) {
    it(`tell of ${what}`, () => {
      assert.deepEqual(told(slug, slot, report, scan), wanted);
      for (const key of wanted.map((each) => each.split(" ")[1]).filter((each) => each !== "as_reported")) {
        assert.equal(typeof WORDS[key], "string", `words for ${key}`);
      }
    });
  }

  it("put who is there behind the numbers of the list", () => {
    const report = online({ slots: [{ slot: 1, module: "RAK5801", open: true }], plugged: [{ slot: 1, module: "RAK16001" }, { slot: 2, module: "RAK13004" }] });
    assert.deepEqual(plain(choice("1", report)), { key: "choice_in_use", values: { module: "RAK5801" } });
    assert.deepEqual(plain(choice("2", report)), { key: "choice_plugged", values: { module: "RAK13004" } });
    assert.equal(choice("2", { state: "offline" }), null);
    assert.equal(choice("2", undefined), null);
  });
});
