"use strict";

const assert = require("node:assert/strict");
const helper = require("node-red-node-test-helper");
const makeBridgeNode = require("../../node-red-nodes/lib/bridge-node");
const makeModuleNode = require("../../node-red-nodes/lib/module-node");
const { BridgeError } = require("../../node-red-nodes/lib/client-errors");
const { FakeClient } = require("./fakes/client");
const { catalogue } = require("./fakes/catalogue");
const { until } = require("./conditions");

helper.init(require.resolve("node-red"));

const bridgeSet = makeBridgeNode({ makeClient: (options) => new FakeClient(options), idleMs: 60000 });
const moduleSet = makeModuleNode("rak1", { catalogue });
const boardSet = makeModuleNode("board1", { catalogue });

const TAB = { id: "tab", type: "tab" };
const BRIDGE = { id: "bridge", type: "wisblock-bridge", name: "", endpoint: "ipc:///tmp/x.sock", leaseMs: "" };
const SINK = { id: "sink", type: "helper", z: "tab", x: 1, y: 1 };
const CATCH = { id: "catcher", type: "catch", z: "tab", x: 1, y: 1, scope: null, wires: [["caught"]] };
const CAUGHT = { id: "caught", type: "helper", z: "tab", x: 1, y: 1 };
const COMPLETE = { id: "completer", type: "complete", z: "tab", x: 1, y: 1, scope: ["node"], wires: [["completed"]] };
const COMPLETED = { id: "completed", type: "helper", z: "tab", x: 1, y: 1 };

const READING = { readings: { current: 12.004, percent: 50.03, loop: "ok" }, timestamp: 1763793000123.4, quality: "good", emulated: true };

function node(more = {}) {
  return { id: "node", type: "wisblock-rak1", z: "tab", x: 1, y: 1, bridge: "bridge", slot: "1", trigger: "message", operation: "read", wires: [["sink"]], ...more };
}

function collect(id) {
  const messages = [];
  helper.getNode(id).on("input", (msg) => messages.push(msg));
  return messages;
}

async function start(config = {}, others = []) {
  await helper.load(
    [bridgeSet, moduleSet, boardSet],
    [TAB, BRIDGE, node(config), SINK, CATCH, CAUGHT, COMPLETE, COMPLETED, ...others],
  );
  return {
    unit: helper.getNode("node"),
    client: FakeClient.last,
    sent: collect("sink"),
    caught: collect("caught"),
    completed: collect("completed"),
  };
}

const lastStatus = (unit) => unit.status.lastCall?.args[0];

describe("the node of a module", () => {
  before((done) => {
    helper.startServer(done);
  });

  after((done) => {
    helper.stopServer(done);
  });

  beforeEach(() => FakeClient.reset());

  afterEach(async () => {
    await helper.unload();
  });

  describe("with a message", () => {
    it("gives the main reading, all readings with units, and lets every other property pass", async () => {
      const { unit, client, sent, completed } = await start();
      client.answer = () => READING;
      unit.receive({ payload: "go", topic: "t", other: { deep: 1 } });
      await until(() => sent.length, "a message");
      const [msg] = sent;
      assert.equal(msg.payload, 12.004);
      assert.equal(msg.topic, "t");
      assert.deepEqual(msg.other, { deep: 1 });
      assert.deepEqual(msg.wisblock, {
        module: "RAK1",
        slot: 1,
        operation: "read",
        readings: {
          current: { value: 12.004, unit: "milliampere", symbol: "mA" },
          percent: { value: 50.03, unit: "volt", symbol: "V" },
          loop: { value: "ok", unit: "none", symbol: "" },
        },
        timestamp: 1763793000123.4,
        quality: "good",
        note: "",
        emulated: true,
      });
      await until(() => completed.length, "done");
      assert.deepEqual(client.requests, [
        {
          method: "invoke",
          params: { module: "RAK1", slot: 1, operation: "read", params: {}, on_loss: undefined },
          options: { timeoutMs: 2000, node: "node" },
        },
      ]);
    });

    it("gives an object where the operation has no main reading", async () => {
      const { unit, client, sent } = await start({ operation: "read_all", slot: "2" });
      client.answer = () => ({ readings: { low: 1.5, count: 3 }, timestamp: 5, quality: "good", emulated: false });
      unit.receive({ payload: "go" });
      await until(() => sent.length, "a message");
      assert.deepEqual(sent[0].payload, { low: 1.5, count: 3 });
      assert.equal(client.requests[0].params.slot, 2);
      assert.deepEqual(lastStatus(unit), { fill: "green", shape: "dot", text: "1.500 V, count 3" });
    });

    it("takes an object by name before its fields, and its fields before nothing", async () => {
      const { unit, client, sent } = await start({ read_samples: "8", read_samplesType: "num", read_scale: "2.5", read_scaleType: "num" });
      client.answer = () => READING;
      unit.receive({ payload: { samples: 16 } });
      await until(() => sent.length === 1, "the first message");
      unit.receive({ payload: 1763793000123 });
      await until(() => sent.length === 2, "the second message");
      assert.deepEqual(client.requests.map((each) => each.params.params), [{ samples: 16, scale: 2.5 }, { samples: 8, scale: 2.5 }]);
    });

    it("takes a field's value from the message, the flow and an expression", async () => {
      const { unit, client, sent } = await start({
        read_samples: "many", read_samplesType: "msg", read_scale: "factor", read_scaleType: "flow", read_gain: "1+1", read_gainType: "jsonata",
      });
      unit.context().flow.set("factor", 3);
      unit.receive({ payload: "", many: "64" });
      await until(() => sent.length, "a message");
      assert.deepEqual(client.requests[0].params.params, { samples: 64, scale: 3, gain: 2 });
    });

    for (const [word, expected] of [[true, true], [false, false], [1, true], [0, false], ["1", true], ["0", false], ["on", true], ["OFF", false], ["true", true], ["false", false]]) {
      it(`takes ${JSON.stringify(word)} for ${expected}`, async () => {
        const { unit, client, sent } = await start({ operation: "set" });
        unit.receive({ payload: word });
        await until(() => sent.length, "a message");
        assert.deepEqual(client.requests[0].params.params, { on: expected });
      });
    }

    for (const word of ["yes", 2, "2", -1, [], Buffer.from([1]), new Date(0)]) {
      it(`takes ${JSON.stringify(word)} for an error, not for a guess`, async () => {
        const { unit, client, caught, sent, completed } = await start({ operation: "set" });
        unit.receive({ payload: word, topic: "kept" });
        await until(() => caught.length, "an error");
        assert.equal(caught[0].error.code, "bad_params");
        assert.match(caught[0].error.message, /neither on nor off/);
        assert.equal(caught[0].topic, "kept");
        assert.equal(client.requests.length, 0);
        assert.equal(sent.length + completed.length, 0);
        assert.equal(lastStatus(unit).fill, "red");
        assert.match(lastStatus(unit).text, /error\.bad_params$/);
      });
    }

    it("leaves a value that was fixed in its form alone when the message is only a trigger", async () => {
      const { unit, client, sent } = await start({ operation: "set", set_on: "true", set_onType: "bool" });
      unit.receive({ payload: 1763793000123 });
      await until(() => sent.length, "a message");
      assert.deepEqual(client.requests[0].params.params, { on: true });
      unit.receive({ payload: { on: false } });
      await until(() => sent.length === 2, "the second message");
      assert.deepEqual(client.requests[1].params.params, { on: false });
    });

    it("turns levels, lists and bytes into what the wire wants", async () => {
      const { unit, client, sent } = await start({ operation: "write", write_line: "7", write_lineType: "num" });
      unit.receive({ payload: "off" });
      unit.receive({ payload: true });
      await until(() => sent.length === 2, "two messages");
      assert.deepEqual(client.requests.map((each) => each.params.params), [{ line: 7, level: 0 }, { line: 7, level: 1 }]);
    });

    it("turns text and lists with commas into bytes and numbers", async () => {
      const { unit, client, sent } = await start({ operation: "send", send_lines: "6, 7", send_linesType: "list" });
      unit.receive({ payload: "AB" });
      await until(() => sent.length, "a message");
      assert.deepEqual([...client.requests[0].params.params.data], [0x41, 0x42]);
      assert.deepEqual(client.requests[0].params.params.lines, [6, 7]);
    });

    it("refuses a name that the operation does not have, and says which it has", async () => {
      const { unit, client, caught } = await start();
      unit.receive({ payload: { sample: 16 } });
      await until(() => caught.length, "an error");
      assert.equal(caught[0].error.code, "bad_params");
      assert.match(caught[0].error.message, /msg\.payload\.sample is no parameter.*samples, scale, gain/);
      assert.equal(client.requests.length, 0);
    });

    it("hands an error of the bridge to Catch with its code, and finishes the message once", async () => {
      const { unit, client, caught, completed, sent } = await start();
      client.answer = () => new BridgeError({ code: "no_device", message: "Nothing answers.", hint: "Is it plugged in?", where: "RAK1 slot 1" });
      unit.receive({ payload: "", topic: "kept" });
      await until(() => caught.length, "an error");
      assert.equal(caught.length, 1);
      assert.equal(caught[0].error.code, "no_device");
      assert.equal(caught[0].error.message, "Nothing answers (RAK1 slot 1). Is it plugged in?");
      assert.equal(caught[0].topic, "kept");
      assert.match(lastStatus(unit).text, /status\.error\.no_device$/);
      assert.equal(sent.length + completed.length, 0);
    });

    for (const [written, reason] of [["2s", /not a number/], ["0", /allowed: 1 to 60000/], ["-5", /allowed/], ["60001", /allowed/], [" ", /not a number/]]) {
      it(`takes a time-out of "${written}" for an error, not for the default`, async () => {
        const { unit, client, caught } = await start({ timeout_ms: written });
        unit.receive({ payload: "" });
        await until(() => caught.length, "an error");
        assert.equal(caught[0].error.code, "bad_params");
        assert.match(caught[0].error.message, /^timeout_ms is /);
        assert.match(caught[0].error.message, reason);
        assert.equal(client.requests.length, 0);
      });
    }

    for (const name of ["every_ms", "deadband"]) {
      it(`takes ${name} "1s" and " " for errors`, async () => {
        for (const written of ["1s", " "]) {
          const { unit, client } = await start({ trigger: "every", every_ms: "1000", [name]: written });
          await until(() => unit.error.called, "an error");
          assert.equal(unit.error.firstCall.args[0].code, "bad_params");
          assert.equal(client.subscriptions.length, 0);
          await helper.unload();
        }
      });
    }

    it("says to the bridge who asks: its name, or its id without one, in requests and subscriptions", async () => {
      const { unit, client } = await start({ name: "pump" }, [node({ id: "clock", trigger: "every", every_ms: "1000" })]);
      unit.receive({ payload: "" });
      await until(() => client.requests.length && client.subscriptions.length, "both");
      assert.equal(client.requests[0].options.node, "pump");
      assert.deepEqual(client.subscriptions[0].options, { node: "clock" });
    });

    it("tells the bridge what an output does on loss, and only for outputs", async () => {
      const { unit, client, sent } = await start({ operation: "set", onLoss: "hold", timeout_ms: "500" });
      unit.receive({ payload: true });
      await until(() => sent.length, "a message");
      assert.equal(client.requests[0].params.on_loss, "hold");
      assert.equal(client.requests[0].options.timeoutMs, 500);
    });

    it("waits while the first connection is made, and fails at once when the bridge is away", async () => {
      FakeClient.whenMade = null;
      const { unit, client, sent, caught } = await start();
      assert.match(lastStatus(unit).text, /connecting/);
      unit.receive({ payload: "" });
      client.goOnline();
      await until(() => sent.length, "a message");
      client.goOffline();
      assert.deepEqual(lastStatus(unit), { fill: "red", shape: "ring", text: "node-red:common.status.disconnected" });
      await until(() => caught.length === 1, "the bridge's own error");
      unit.receive({ payload: "" });
      await until(() => caught.length === 2, "an error");
      assert.deepEqual(caught.map((each) => each.error.code), ["offline", "offline"]);
      assert.equal(client.requests.length, 1);
    });

    it("counts the wait for the first connection as a part of its time-out: no command is carried out later than that", async () => {
      FakeClient.whenMade = null;
      const { unit, client, sent } = await start({ operation: "set", timeout_ms: "1000" });
      unit.receive({ payload: true });
      await new Promise((resolve) => setTimeout(resolve, 200));
      client.goOnline();
      await until(() => sent.length, "a message");
      const { timeoutMs } = client.requests[0].options;
      assert.ok(timeoutMs >= 1 && timeoutMs <= 801, `${timeoutMs} ms are left of 1000`);
    });

    it("ignores an answer that comes after it was closed", async () => {
      const { unit, client, sent, completed, caught } = await start();
      let answer;
      client.answer = () => new Promise((resolve) => {
        answer = resolve;
      });
      unit.receive({ payload: "" });
      await until(() => answer, "the request");
      const statuses = unit.status.callCount;
      await helper.clearFlows();
      answer(READING);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(sent.length + completed.length + caught.length, 0);
      assert.equal(unit.status.callCount, statuses);
    });

    it("says so when no bridge is chosen, and still loads", async () => {
      const { unit, caught } = await start({ bridge: "" });
      assert.deepEqual([lastStatus(unit).fill, lastStatus(unit).shape], ["red", "ring"]);
      assert.match(lastStatus(unit).text, /no_bridge$/);
      unit.receive({ payload: "" });
      await until(() => caught.length, "an error");
      assert.match(caught[0].error.message, /No bridge is chosen/);
    });
  });

  describe("by itself", () => {
    it("repeats a reading in the bridge and sends what comes", async () => {
      const { unit, client, sent } = await start({ trigger: "every", every_ms: "250", deadband: "", read_samples: "4", read_samplesType: "num" });
      await until(() => client.subscriptions.length, "a subscription");
      assert.deepEqual(client.subscriptions[0].spec, { module: "RAK1", slot: 1, operation: "read", params: { samples: 4 }, every_ms: 250 });
      client.subscriptions[0].handler({ event: "read", sequence: 1, lost: 0, initial: true, ...READING });
      await until(() => sent.length, "a message");
      assert.equal(sent[0].payload, 12.004);
      assert.equal(sent[0].wisblock.operation, "read");
      assert.deepEqual([sent[0].wisblock.sequence, sent[0].wisblock.lost, sent[0].wisblock.initial], [1, 0, true]);
      assert.equal(lastStatus(unit).fill, "green");
      assert.match(lastStatus(unit).text, /^12\.00 mA .*emulated$/);
    });

    it("asks for changes only when a dead band is given", async () => {
      const { client } = await start({ trigger: "every", every_ms: "1000", deadband: "0.05" });
      await until(() => client.subscriptions.length, "a subscription");
      assert.equal(client.subscriptions[0].spec.deadband, 0.05);
    });

    it("shows in yellow which pace is reached when beats are missed, and tells them in the message", async () => {
      const { client, unit, sent } = await start({ trigger: "every", every_ms: "100" });
      const { handler } = await until(() => client.subscriptions[0], "a subscription");
      handler({ event: "read", sequence: 1, lost: 0, ...READING });
      handler({ event: "read", sequence: 2, lost: 0, late: 3, ...READING });
      await until(() => sent.length === 2, "two messages");
      assert.deepEqual(sent.map((each) => each.wisblock.late), [0, 3]);
      const { fill, text } = lastStatus(unit);
      assert.equal(fill, "yellow");
      assert.match(text, /status\.late\.s$/);
    });

    it("listens to an event and tells its sequence and losses", async () => {
      const { client, sent } = await start({ trigger: "event", event: "change", change_lines: "6,7", change_linesType: "list" });
      await until(() => client.subscriptions.length, "a subscription");
      assert.deepEqual(client.subscriptions[0].spec, { module: "RAK1", slot: 1, params: { lines: [6, 7] }, event: "change" });
      client.subscriptions[0].handler({
        event: "change", sequence: 41, lost: 2, readings: { line: 6, level: 1 }, timestamp: 7, quality: "good", emulated: false,
      });
      await until(() => sent.length, "a message");
      assert.equal(sent[0].payload, 1);
      assert.equal(sent[0].wisblock.event, "change");
      assert.equal("operation" in sent[0].wisblock, false);
      assert.deepEqual([sent[0].wisblock.sequence, sent[0].wisblock.lost, sent[0].wisblock.initial], [41, 2, false]);
    });

    it("notices that values stop although a message had one read in between", async () => {
      const { unit, client, sent } = await start({ trigger: "every", every_ms: "100" });
      client.answer = () => READING;
      client.subscriptions[0].handler({ v: 1, event: "read", subscription: 1, sequence: 1, lost: 0, ...READING });
      unit.receive({ payload: "" });
      await until(() => sent.length === 2, "the value that was asked for");
      await until(() => lastStatus(unit).fill === "yellow", "the status to say that nothing comes");
    });

    it("tells Catch once when the hardware fails, and is red until a value comes again", async () => {
      const { unit, client, caught } = await start({ trigger: "every", every_ms: "1000" });
      const { handler } = await until(() => client.subscriptions[0], "a subscription");
      handler({ event: "error", sequence: 1, lost: 0, error: { code: "bus_error", message: "It broke.", where: "RAK1 slot 1" } });
      await until(() => caught.length, "an error");
      assert.equal(caught[0].error.code, "bus_error");
      assert.match(lastStatus(unit).text, /bus_error$/);
      handler({ event: "read", sequence: 2, lost: 0, ...READING, emulated: false });
      assert.deepEqual(lastStatus(unit), { fill: "green", shape: "dot", text: "12.00 mA" });
    });

    it("leaves it to the bridge's node to tell Catch that the bridge is away", async () => {
      const { unit, client, caught } = await start({ trigger: "every", every_ms: "1000" });
      await until(() => client.subscriptions.length, "a subscription");
      client.goOffline();
      await until(() => caught.length, "an error");
      assert.equal(caught.length, 1);
      assert.equal(caught[0].error.source.type, "wisblock-bridge");
      assert.equal(lastStatus(unit).shape, "ring");
      client.goOnline();
      assert.match(lastStatus(unit).text, /connected/);
    });

    it("takes no messages while it waits for events", async () => {
      const { unit, caught } = await start({ trigger: "event", event: "change" });
      unit.receive({ payload: 1 });
      await until(() => caught.length, "an error");
      assert.equal(caught[0].error.code, "bad_request");
    });

    it("says what is wrong with its own fields", async () => {
      const { unit, client } = await start({ trigger: "every", every_ms: "soon" });
      await until(() => unit.error.called, "an error");
      assert.equal(unit.error.firstCall.args[0].code, "bad_params");
      assert.equal(client.subscriptions.length, 0);
    });
  });

  describe("when it goes", () => {
    const deploy = (flow) => helper.setFlows([TAB, BRIDGE, SINK, ...flow], "nodes");

    it("ends its subscription", async () => {
      const { client } = await start({ trigger: "every", every_ms: "1000" });
      const subscription = await until(() => client.subscriptions[0], "a subscription");
      await helper.clearFlows();
      assert.equal(subscription.unsubscribed, true);
    });

    it("gives the module free when it drove an output and nobody else is left", async () => {
      const { unit, client, sent } = await start({ operation: "set" }, [node({ id: "far", slot: "2" })]);
      unit.receive({ payload: true });
      await until(() => sent.length, "a message");
      await deploy([node({ id: "far", slot: "2" })]);
      const release = await until(() => client.requests.find((each) => each.method === "release"), "a release");
      assert.deepEqual(release.params, { module: "RAK1", slot: 1 });
    });

    it("leaves the module alone while another node drives it", async () => {
      const near = node({ id: "near", operation: "set" });
      const { unit, client, sent } = await start({ operation: "set" }, [near]);
      unit.receive({ payload: true });
      await until(() => sent.length, "a message");
      await deploy([near]);
      assert.deepEqual(client.requests.map((each) => each.method), ["invoke"]);
    });

    it("makes safe what it drove, and no more, while another node only reads the module", async () => {
      const { unit, client, sent } = await start({ operation: "set" }, [node({ id: "near" })]);
      unit.receive({ payload: true });
      await until(() => sent.length, "a message");
      await deploy([node({ id: "near" })]);
      assert.deepEqual(client.requests.slice(1).map((each) => [each.method, each.params]), [["release", { module: "RAK1", slot: 1, outputs: ["relay"] }]]);
    });

    it("does not count a node that sleeps on a disabled tab", async () => {
      const asleep = [{ id: "night", type: "tab", disabled: true }, node({ id: "near", z: "night" })];
      const { unit, client, sent } = await start({ operation: "set" }, [...asleep, node({ id: "far", slot: "2" })]);
      unit.receive({ payload: true });
      await until(() => sent.length, "a message");
      await deploy([...asleep, node({ id: "far", slot: "2" })]);
      await until(() => client.requests.find((each) => each.method === "release"), "a release");
    });

    it("leaves the module alone when it is only deployed again", async () => {
      const { unit, client, sent } = await start({ operation: "set" });
      unit.receive({ payload: true });
      await until(() => sent.length, "a message");
      await deploy([node({ operation: "set", name: "renamed" })]);
      assert.equal(helper.getNode("node").name, "renamed");
      assert.deepEqual(client.requests.map((each) => each.method), ["invoke"]);
      assert.equal(FakeClient.made.length, 1);
    });

    it("lets the module go when it only read, so that another can take its slot", async () => {
      const { unit, client, sent } = await start({}, [node({ id: "far", slot: "2" })]);
      unit.receive({ payload: "" });
      await until(() => sent.length, "a message");
      await deploy([node({ id: "far", slot: "2" })]);
      await until(() => client.requests.find((each) => each.method === "release"), "a release");
    });

    it("leaves the module alone when it was never used", async () => {
      const { client } = await start({}, [node({ id: "far", slot: "2" })]);
      await deploy([node({ id: "far", slot: "2" })]);
      assert.deepEqual(client.requests, []);
    });

    it("leaves nothing behind after a hundred deploys", async () => {
      const { client } = await start({ trigger: "every", every_ms: "1000" });
      for (let count = 0; count < 100; count += 1) {
        await deploy([node({ trigger: "every", every_ms: "1000", name: `deploy ${count}` })]);
      }
      await until(() => client.subscriptions.filter((each) => !each.unsubscribed).length === 1, "one living subscription");
      assert.equal(FakeClient.made.length, 1);
      assert.equal(client.listenerCount("state"), 1);
      assert.deepEqual(Object.keys(helper.getNode("bridge").users), ["node"]);
    });
  });

  it("leaves it to the bridge to refuse a slot that there is not", async () => {
    const { unit, client } = await start({ slot: "3" });
    unit.receive({ payload: "" });
    await until(() => client.requests.length, "a request");
    assert.equal(client.requests[0].params.slot, "3");
  });

  it("uses the board where the module is soldered on", async () => {
    await helper.load([bridgeSet, boardSet], [TAB, BRIDGE, { id: "node", type: "wisblock-board1", z: "tab", x: 1, y: 1, bridge: "bridge", wires: [] }]);
    helper.getNode("node").receive({ payload: "" });
    await until(() => FakeClient.last.requests.length, "a request");
    assert.equal(FakeClient.last.requests[0].params.slot, "board");
    assert.equal(FakeClient.last.requests[0].params.operation, "read");
  });
});
