"use strict";
/* What the form of the request node offers, and which names it finds wrong. */

const assert = require("node:assert/strict");
const { catalogue } = require("../../node-red-nodes/lib/catalogue");
const { requestChoices } = require("../../node-red-nodes/lib/request-choices");
const { wisblockRequest: form } = require("../../resources/request-editor");
const words = require("../../node-red-nodes/request/locales/en-US/request.json").request;

const modules = requestChoices(catalogue);
const fields = (more) => ({ method: "invoke", module: "RAK13007", slot: "1", operation: "set", params: "{}", ...more });
const problem = (more) => {
  const found = form.problem(modules, fields(more));
  return found && `${found.field}: ${words.problem[found.key].replace(/__(\w+)__/g, (_, name) => found.values[name])}`;
};

describe("the form of the request node", () => {
  it("offers every module, place and operation of the catalogue", () => {
    assert.deepEqual(modules.map((each) => each.name), catalogue.data.modules.map((each) => each.name));
    const adc = modules.find((each) => each.name === "ADC");
    assert.deepEqual(adc.slots, ["board"]);
    assert.deepEqual(adc.operations.map((each) => each.name), ["read", "read_differential"]);
    assert.deepEqual(adc.operations[0].params.map((each) => each.name), ["channel", "gain", "samples"]);
  });

  it("finds names that do not exist, and says which do", () => {
    assert.equal(problem({ params: '{"onn": true}' }), 'params: RAK13007 set has no parameter "onn"; it has: on');
    assert.equal(problem({ operation: "toggle", params: '{"on": true}' }), 'params: RAK13007 toggle has no parameter "on"; it has none');
    assert.equal(problem({ operation: "sett" }), 'operation: RAK13007 has no operation "sett"; it has: set, toggle, pulse, state');
    assert.equal(problem({ slot: "board" }), 'slot: RAK13007 cannot be in slot "board"; it can be in: 1, 2');
    assert.match(problem({ module: "relay" }), /^module: There is no module "relay"; there are: ADC, RAK12004, /);
  });

  it("says which name was meant, where one is near", () => {
    const text = (key, values) => key.split(".").slice(1).reduce((at, part) => at[part], words).replace(/__(\w+)__/g, (_, name) => values[name]);
    const said = (more) => form.words(form.problem(modules, fields(more)), text);
    assert.match(said({ module: "RK13007" }), /^Did you mean "RAK13007"\? There is no module "RK13007"; there are: ADC, /);
    assert.match(said({ operation: "togle" }), /^Did you mean "toggle"\? RAK13007 has no operation "togle"; it has: set, /);
    assert.match(said({ params: '{"onn": true}' }), /^Did you mean "on"\? /);
    assert.match(said({ operation: "explode" }), /^RAK13007 has no operation "explode"/);
    assert.equal(form.nearest("x".repeat(100000), modules), "");
  });

  it("leaves alone what comes from elsewhere, what is newer, and what other methods take", () => {
    for (const more of [
      {}, { params: '{"on": true}' }, { module: "" }, { operation: "" }, { slot: "" }, { slot: "${SLOT}" }, { module: "${MODULE}" }, { module: "RAK99999" },
      { params: "no json" }, { params: "" }, { params: "null" }, { method: "scan", module: "relay" }, { method: "release", operation: "sett" },
      { method: "emulator.set", params: '{"slot": 1}' },
    ]) {
      assert.equal(problem(more), null, JSON.stringify(more));
    }
    assert.equal(form.problem([], fields({ module: "relay" })), null, "the catalogue has not come");
  });

  it("says of every parameter what it may be", () => {
    const say = (key, values = {}) => {
      const found = key.split(".").reduce((at, part) => at[part], words.allowed);
      return found.replace(/__(\w+)__/g, (_, name) => values[name]);
    };
    const told = (module, operation) => modules.find((each) => each.name === module).operations.find((each) => each.name === operation)
      .params.map((param) => `${param.name}: ${form.allowed(param, say)}`);
    assert.deepEqual(told("RAK13007", "set"), ["on: true or false, required"]);
    assert.deepEqual(told("ADC", "read").slice(0, 1), ["channel: 0 to 3, default 0"]);
    assert.deepEqual(told("RAK5801", "read").slice(1, 2), ["scale_low: -1e9 to 1e9"]);
    for (const { operations } of modules) {
      for (const { params } of operations) {
        for (const param of params) {
          assert.doesNotMatch(form.allowed(param, say), /undefined|null/, param.name);
        }
      }
    }
  });
});
