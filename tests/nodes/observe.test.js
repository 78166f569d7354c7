"use strict";
/* Observing a real bridge: what others are told, through a restart. */

const assert = require("node:assert/strict");
const { BridgeClient } = require("../../node-red-nodes/lib/client");
const { BridgeProcess } = require("./bridge-process");
const { until } = require("./conditions");

describe("observing", function () {
  this.timeout(60000);
  const bridge = new BridgeProcess();
  /** @type {BridgeClient[]} */
  const clients = [];

  const connect = async (name) => {
    const client = new BridgeClient({ endpoint: bridge.endpoint, name });
    clients.push(client);
    await until(() => client.state === "online", `${name} is online`);
    return client;
  };

  before(() => bridge.start());
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close({ bye: true })));
  });
  after(() => bridge.dispose());

  it("hears of values, holders and health that concern others, and opens nothing itself", async () => {
    const [observer, flows] = [await connect("observer"), await connect("flows")];
    const told = [];
    const observing = observer.observe({}, (event) => told.push(event));
    await until(() => observing.active, "it is granted");
    assert.deepEqual((await observer.request("status")).slots, []);
    const result = await flows.invoke("RAK5801", 1, "read", { samples: 2 });
    const of = (kind) => told.filter((each) => each.kind === kind);
    await until(() => of("result").length === 1 && of("holder").length > 0 && of("health").length > 0, "all of it is told");
    const { module, slot, name, readings, timestamp } = of("result")[0];
    assert.deepEqual({ module, slot, name, readings, timestamp },
      { module: "RAK5801", slot: 1, name: "read", readings: result.readings, timestamp: result.timestamp });
    assert.equal(of("holder")[0].claims[0].client, "flows");
    assert.equal(of("health").at(-1).open, true);
    observing.unsubscribe();
    assert.equal(observing.active, false);
    const count = told.length;
    await flows.invoke("RAK5801", 1, "read", { samples: 2 });
    await observer.request("ping");
    assert.equal(told.length, count);
  });

  it("passes filters on, and says once what is wrong with them", async () => {
    const [observer, flows] = [await connect("observer"), await connect("flows")];
    const [told, refused] = [[], []];
    observer.observe({ modules: ["ADC"], slots: ["board"] }, (event) => told.push(event));
    const wrong = observer.observe({ modules: ["RAK9999"] }, (event) => refused.push(event));
    await until(() => refused.length === 1, "it is refused");
    assert.equal(refused[0].event, "error");
    assert.equal(refused[0].error.code, "unknown_module");
    assert.equal(wrong.active, false);
    await flows.invoke("RAK5811", 2, "read", { samples: 1 });
    await flows.invoke("ADC", "board", "read", { channel: 3 });
    await until(() => told.some((each) => each.kind === "result"), "the converter's value is told");
    assert.deepEqual(new Set(told.map((each) => each.module)), new Set(["ADC"]));
  });

  it("observes again after the bridge was restarted", async () => {
    const observer = await connect("observer");
    const told = [];
    observer.observe({}, (event) => told.push(event));
    await until(() => told.some((each) => each.kind === "plugged"), "it begins");
    await bridge.stop("SIGKILL");
    await until(() => told.at(-1).event === "error", "it hears that the bridge is away");
    assert.equal(told.at(-1).error.code, "offline");
    await bridge.start();
    await until(() => told.at(-1).event === "observed", "it begins again");
    assert.equal(told.at(-1).initial, true);
  });
});
