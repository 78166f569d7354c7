"use strict";
/* What stands on a node that nobody has named: what people would say of it. */

const assert = require("node:assert/strict");
const { load, speak } = require("./fakes/editor-scripts");
const catalogue = require("../../node-red-nodes/catalogue.json");

const label = (slug, more, code = "en-US") => {
  const { definition } = load(slug, speak(code));
  const defaults = Object.fromEntries(Object.entries(definition.defaults).map(([name, { value }]) => [name, value]));
  return definition.label.call({ ...defaults, slot: "1", ...more });
};

describe("the label of a node", () => {
  it("names the module and its slot, and no operation that is the usual one", () => {
    assert.equal(label("rak5801", {}), "RAK5801 slot 1");
    assert.equal(label("rak16001", { slot: "2", operation: "read", trigger: "every" }), "RAK16001 slot 2");
    assert.equal(label("adc", { slot: "board" }), "ADC");
  });

  it("says what a node does that acts", () => {
    assert.equal(label("rak13007", { slot: "2", operation: "toggle" }), "RAK13007 slot 2: toggle");
    assert.equal(label("rak13007", { slot: "2", operation: "set", set_on: "true", set_onType: "bool" }), "RAK13007 slot 2: on");
    assert.equal(label("rak13007", { slot: "2", operation: "set", set_on: "false", set_onType: "bool" }), "RAK13007 slot 2: off");
    assert.equal(label("rak13007", { slot: "2", operation: "set", set_on: "payload", set_onType: "msg" }), "RAK13007 slot 2: set");
    assert.equal(label("rak13004", { operation: "pulse_width" }), "RAK13004 slot 1: pulse width");
  });

  it("says what it waits for", () => {
    assert.equal(label("rak12006", { trigger: "event", event: "motion" }), "RAK12006 slot 1: when motion");
  });

  it("is in the language of the editor", () => {
    assert.equal(label("rak13007", { slot: "2", operation: "toggle" }, "de"), "RAK13007 Steckplatz 2: Umschalten");
    assert.equal(label("rak13007", { slot: "2", operation: "set", set_on: "true", set_onType: "bool" }, "de"), "RAK13007 Steckplatz 2: ein");
    assert.equal(label("rak12006", { trigger: "event", event: "motion" }, "de"), "RAK12006 Steckplatz 1: bei Bewegung");
    assert.equal(label("rak13007", { slot: "2", operation: "toggle" }, "zh-CN"), "RAK13007 插槽 2: 翻转");
  });

  it("names a module in the palette by what it is, in the language of the editor", () => {
    assert.deepEqual(["en-US", "de", "zh-CN"].map((code) => load("rak13007", speak(code)).definition.paletteLabel()), [
      "RAK13007 relay", "RAK13007 Relais", "RAK13007 继电器",
    ]);
  });

  it("is never empty, and has no underscore, whatever is chosen", () => {
    for (const { slug, operations, events } of catalogue.modules) {
      for (const { name } of operations) {
        assert.match(label(slug, { operation: name }), /^[A-Z0-9]+( slot 1)?(: [^_]+)?$/);
      }
      for (const { name } of events) {
        assert.match(label(slug, { trigger: "event", event: name }), /: when [^_]+$/);
      }
    }
  });

  it("has a unit for each parameter whose name has one, and says it once: beside the field, not in the label", () => {
    const symbols = { ms: "ms", s: "s", us: "µs", hz: "Hz", ma: "mA", mv: "mV", ohm: "Ω", ppm: "ppm" };
    const wrong = catalogue.modules.flatMap((module) => [...module.operations, ...module.events].flatMap((operation) => operation.params.filter((param) => {
      const suffix = symbols[/_([a-z]+)$/.exec(param.name)?.[1]];
      return /\(/.test(param.label) || (suffix !== undefined && catalogue.units[param.unit].symbol !== suffix);
    }).map((param) => `${module.name} ${operation.name} ${param.name}: ${param.label}, ${param.unit}`)));
    assert.deepEqual(wrong, []);
  });
});
