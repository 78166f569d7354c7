"use strict";
/* What a user wrote, turned into what the wire wants: the cases in which a comma or a bracket could mean two things. */

const assert = require("node:assert/strict");
const vm = require("node:vm");
const { catalogue } = require("../../node-red-nodes/lib/catalogue");
const { collectParams } = require("../../node-red-nodes/lib/params");
const { numberIn, toWire } = require("../../node-red-nodes/lib/values");

const operation = (module, name) => catalogue.named(module).operations.find((each) => each.name === name);
const param = (module, name, wanted) => operation(module, name).params.find((each) => each.name === wanted);

describe("values for the wire", () => {
  const textLists = catalogue.data.modules.flatMap((module) => [...module.operations, ...module.events].flatMap((each) => each.params
    .filter((one) => one.kind === "list" && one.item_kind === "str").map((one) => [`${module.name} ${each.name} ${one.name}`, one])));

  it("finds the lists of text that there are", () => {
    assert.ok(textLists.length >= 2, JSON.stringify(textLists));
  });

  for (const [title, list] of textLists) {
    for (const [given, expected] of [
      ["Hello, world", ["Hello, world"]],
      ["https://example.com/?a=1,2", ["https://example.com/?a=1,2"]],
      [" two  spaces, ", [" two  spaces, "]],
      [",", [","]],
      ["[draft] Hello, world", ["[draft] Hello, world"]],
      ["[", ["["]],
      ['["Hello, world","again"]', ["Hello, world", "again"]],
      [["a,b", "c"], ["a,b", "c"]],
    ]) {
      it(`${title}: ${JSON.stringify(given)} is ${JSON.stringify(expected)}`, () => {
        assert.deepEqual(toWire(given, list), expected);
      });
    }

    it(`${title}: what is no text is an error`, () => {
      assert.throws(() => toWire("[1, 2]", list), /is 1, which is not text/);
      assert.throws(() => toWire({}, list), { code: "bad_params" });
    });
  }

  it("takes bytes that a Function node made, in its own realm, for bytes and for a list of numbers", () => {
    const bytes = vm.runInNewContext("new Uint8Array([1, 2, 255])");
    assert.deepEqual([...toWire(bytes, param("RAK13300", "send", "payload"))], [1, 2, 255]);
    assert.deepEqual(toWire(bytes, param("RAK5802", "write_registers", "registers")), [1, 2, 255]);
  });

  const circle = Object.create(null);
  circle.self = circle;
  for (const [title, value] of [["a circle without a prototype", circle], ["what cannot become text", { toString: null, valueOf: null, big: 1n }]]) {
    it(`refuses ${title} as it refuses other values`, () => {
      for (const wanted of [param("RAK13007", "set", "on"), param("RAK5801", "read", "samples"), param("RAK13300", "send", "payload"), param("RAK5802", "write_registers", "registers"), textLists[0][1]]) {
        assert.throws(() => toWire(value, wanted), { code: "bad_params" });
      }
    });
  }

  it("splits lists of numbers and of switches at commas, as ever", () => {
    assert.deepEqual(toWire("1, 2,0x10", param("RAK5802", "write_registers", "registers")), [1, 2, 16]);
    assert.deepEqual(toWire("on, 0,true", param("RAK5802", "write_coils", "bits")), [true, false, true]);
    assert.throws(() => toWire("[1", param("RAK5802", "write_registers", "registers")), /not a list/);
  });

  it("takes a JSON field for JSON: text in quotes is text", async () => {
    const config = { write_ndef_records: '"Hello, world"', write_ndef_recordsType: "json" };
    assert.deepEqual(await collectParams({}, {}, config, operation("RAK13600", "write_ndef"), { payload: "" }), { records: ["Hello, world"] });
  });

  it("takes from each message what is the message's, and goes on refusing what is fixed and wrong", async () => {
    const write = operation("RAK5802", "write_registers");
    const config = { write_registers_unit: "17", write_registers_address: "start", write_registers_addressType: "msg", write_registers_registers: "1, 2" };
    const RED = { util: { evaluateNodeProperty: (name, _type, _node, msg, callback) => callback(null, msg[name]) } };
    for (const start of [5, 6]) {
      const { address, registers, unit } = await collectParams(RED, {}, config, write, { start });
      assert.deepEqual({ address, registers, unit }, { address: start, registers: [1, 2], unit: 17 });
    }
    assert.equal((await collectParams(RED, {}, config, write, { start: 7, payload: { unit: 18 } })).unit, 18);
    assert.equal((await collectParams(RED, {}, config, write, { start: 7 })).unit, 17);
    const wrong = { ...config, write_registers_unit: "many" };
    for (let number = 0; number < 2; number += 1) {
      await assert.rejects(collectParams(RED, {}, wrong, write, { start: 5 }), { code: "bad_params" });
    }
  });

  for (const [written, expected] of [["", undefined], [undefined, undefined], [null, undefined], ["12", 12], [" 12 ", 12], [7, 7], ["1e3", 1000], ["0x10", 16]]) {
    it(`reads ${JSON.stringify(written)} in a field of the node as ${expected}`, () => {
      assert.equal(numberIn(written, "field"), expected);
    });
  }

  for (const written of ["2s", " ", "1,5", "NaN", "Infinity", true, [], [5], {}, NaN]) {
    it(`refuses ${String(JSON.stringify(written))} in a field of the node`, () => {
      assert.throws(() => numberIn(written, "field"), { code: "bad_params", message: /^field is .*not a number\. Open the node and correct it\.$/ });
    });
  }
});
