"use strict";
/* Who drives an output in Node-RED: real nodes in a real runtime, the real catalogue, and a bridge that only notes what it is asked. */

const assert = require("node:assert/strict");
const helper = require("node-red-node-test-helper");
const makeBridgeNode = require("../../node-red-nodes/lib/bridge-node");
const makeModuleNode = require("../../node-red-nodes/lib/module-node");
const requestSet = require("../../node-red-nodes/lib/request-node");
const { BridgeError } = require("../../node-red-nodes/lib/client-errors");
const { catalogue } = require("../../node-red-nodes/lib/catalogue");
const { outputOf, unitsOf } = require("../../node-red-nodes/lib/outputs");
const { FakeClient } = require("./fakes/client");
const { until } = require("./conditions");

helper.init(require.resolve("node-red"));

const SLUGS = ["rak13001", "rak13007", "rak13003", "rak13004", "rak17000", "rak14003", "tpt29555"];
const SETS = [makeBridgeNode({ makeClient: (options) => new FakeClient(options), idleMs: 60000 }), requestSet, ...SLUGS.map((slug) => makeModuleNode(slug))];

const tab = (more) => ({ id: "tab", type: "tab", ...more });
const bridge = (more) => ({ id: "bridge", type: "wisblock-bridge", name: "", endpoint: "ipc:///tmp/x.sock", leaseMs: "", ...more });
const at = { z: "tab", x: 1, y: 1, wires: [] };
const node = (slug, operation, fields, more) => ({
  id: "node", type: `wisblock-${slug}`, ...at, bridge: "bridge", slot: slug === "tpt29555" ? "board" : "1", trigger: "message", operation, onLoss: "safe", ...fields, ...more,
});
const fixed = (operation, values) => Object.fromEntries(Object.entries(values).flatMap(([name, value]) => [
  [`${operation}_${name}`, String(value)], [`${operation}_${name}Type`, "literal"],
]));
const fromMessage = (operation, name, property = name) => ({ [`${operation}_${name}`]: property, [`${operation}_${name}Type`]: "msg" });

/** One kind of output for each way of naming them. */
const KINDS = [
  {
    title: "a relay", module: "RAK13007", slot: 1, output: "relay", payload: true,
    make: (more) => node("rak13007", "set", {}, more),
    other: { slot: "2" },
  },
  {
    title: "a PWM channel", module: "RAK13004", slot: 1, output: "channel/3", payload: 50,
    make: (more) => node("rak13004", "duty", fixed("duty", { channel: 3 }), more),
    other: fixed("duty", { channel: 4 }),
  },
  {
    title: "a pin", module: "RAK13003", slot: 1, output: "pin/5", payload: 1,
    make: (more) => node("rak13003", "write", fixed("write", { pin: 5 }), more),
    other: fixed("write", { pin: 6 }),
  },
  {
    title: "a line of the board", module: "TPT29555", slot: "board", output: "board/7", payload: 0,
    make: (more) => node("tpt29555", "write", fixed("write", { expander: "board", line: 7 }), more),
    other: fixed("write", { line: 6 }),
  },
  {
    title: "a motor", module: "RAK17000", slot: 1, output: "A", payload: 40,
    make: (more) => node("rak17000", "drive", fixed("drive", { bridge: "A" }), more),
    other: fixed("drive", { bridge: "B" }),
  },
];

/** The releases that a client was asked for, as `outputs` of each: null for a whole module. */
const releases = (client) => client.requests.filter((each) => each.method === "release").map(({ params: { module, slot, outputs = null } }) => ({ module, slot, outputs }));

async function start(flow, { env = {} } = {}) {
  Object.assign(process.env, env);
  await helper.load(SETS, [tab(), bridge(), ...flow]);
  return FakeClient.last;
}

async function drive(id, msg) {
  const client = FakeClient.last;
  const before = client.requests.length;
  helper.getNode(id).receive(msg);
  await until(() => client.requests.length > before, `${id} asks`);
  await new Promise((resolve) => setImmediate(resolve));
}

const deploy = (flow, type = "nodes") => helper.setFlows([tab(), bridge(), ...flow], type);

describe("who drives an output", () => {
  before((done) => {
    helper.startServer(done);
  });

  after((done) => {
    helper.stopServer(done);
  });

  beforeEach(() => FakeClient.reset());

  afterEach(async () => {
    await helper.unload();
    delete process.env.WISBLOCK_TEST_SLOT;
  });

  for (const { title, module, slot, output, payload, make, other } of KINDS) {
    const whole = [{ module, slot, outputs: null }];
    const alone = [{ module, slot, outputs: [output] }];
    /** Keeps the module in use, and drives nothing. */
    const reader = make({ id: "reader", trigger: "event" });

    describe(`that is ${title}`, () => {
      for (const type of ["full", "flows", "nodes"]) {
        it(`is left alone by a deploy of kind "${type}", of another name and place on the canvas too`, async () => {
          const client = await start([make()]);
          await drive("node", { payload });
          await deploy([make({ name: "renamed", x: 300 })], type);
          assert.deepEqual(releases(client), []);
          assert.equal(FakeClient.made.length, 1);
        });
      }

      it("becomes safe with its node, and the slot is free", async () => {
        const client = await start([make()]);
        await drive("node", { payload });
        await deploy([]);
        assert.deepEqual(releases(client), whole);
      });

      it("becomes safe alone while another node uses the module for something else", async () => {
        const client = await start([make(), reader]);
        await drive("node", { payload });
        await deploy([reader]);
        assert.deepEqual(releases(client), alone);
      });

      it("stays when its node said hold", async () => {
        const client = await start([make({ onLoss: "hold" }), reader]);
        await drive("node", { payload });
        await deploy([reader]);
        assert.deepEqual(releases(client), []);
      });

      it("stays while another node drove it, and while another is set to drive it; it goes with the last", async () => {
        const [second, third] = ["second", "third"].map((id) => make({ id }));
        const client = await start([make(), second, third, reader]);
        await drive("node", { payload });
        await drive("second", { payload });
        await deploy([second, third, reader]);
        await deploy([third, reader]);
        assert.deepEqual(releases(client), []);
        await deploy([reader]);
        assert.deepEqual(releases(client), alone);
      });

      it("is given up by a node that is set to another", async () => {
        const client = await start([make(), reader]);
        await drive("node", { payload });
        await deploy([make(other), reader]);
        assert.deepEqual(releases(client), alone);
      });

      for (const [how, change] of [
        ["another operation", { operation: module === "RAK17000" ? "brake" : "toggle" }],
        ["events instead of messages", { trigger: "event" }],
        ["a place where it is disabled", { d: true }],
      ]) {
        it(`is given up by a node that gets ${how}`, async () => {
          const client = await start([make(), reader]);
          await drive("node", { payload });
          await deploy([make(change), reader]);
          assert.deepEqual(releases(client), alone);
        });
      }

      it("is given up when another type has its id", async () => {
        const client = await start([make()]);
        await drive("node", { payload });
        await deploy([{ id: "node", type: "helper", ...at }]);
        assert.deepEqual(releases(client), whole);
      });

      it("becomes safe when its tab is switched off, and when the flows are stopped", async () => {
        const client = await start([make()]);
        await drive("node", { payload });
        await helper.setFlows([tab({ disabled: true }), bridge(), make()], "nodes");
        assert.deepEqual(releases(client), whole);
        await helper.setFlows([tab(), bridge(), make()], "nodes");
        await drive("node", { payload });
        await helper.clearFlows();
        assert.deepEqual(releases(client), [...whole, ...whole]);
        assert.deepEqual(client.closed, { bye: true });
      });

      it("is left to a node that is set to drive it through another config node of the same bridge", async () => {
        const copy = bridge({ id: "copy" });
        const second = make({ id: "second", bridge: "copy" });
        const client = await start([copy, make(), second, reader]);
        assert.equal(FakeClient.made.length, 1);
        await drive("node", { payload });
        await deploy([copy, make(), reader]);
        assert.deepEqual(releases(client), []);
        await deploy([copy, second, reader]);
        assert.deepEqual(releases(client), []);
      });

      it("is given up by a node that gets another bridge", async () => {
        const elsewhere = bridge({ id: "elsewhere", endpoint: "ipc:///tmp/y.sock" });
        const client = await start([elsewhere, make(), reader]);
        await drive("node", { payload });
        await deploy([elsewhere, make({ bridge: "elsewhere" }), reader]);
        assert.deepEqual(releases(client), alone);
      });

      it("becomes safe as soon as the bridge is back, when it was away during the deploy", async () => {
        const client = await start([make(), reader]);
        await drive("node", { payload });
        client.goOffline();
        await deploy([reader]);
        assert.deepEqual(releases(client), []);
        client.goOnline({ resumed: true });
        assert.deepEqual(releases(client), alone);
      });

      it("is not asked about again when the bridge has begun another session", async () => {
        const client = await start([make(), reader]);
        await drive("node", { payload });
        client.goOffline();
        await deploy([reader]);
        client.goOnline({ resumed: false });
        assert.deepEqual(releases(client), []);
      });

      it("belongs to the node in each instance of a subflow", async () => {
        const subflow = { id: "sub", type: "subflow", name: "sub", in: [{ x: 1, y: 1, wires: [{ id: "node" }] }], out: [], env: [] };
        const inside = make({ z: "sub" });
        const instance = (id) => ({ id, type: "subflow:sub", z: "tab", x: 1, y: 1, wires: [] });
        const client = await start([subflow, inside, instance("first"), instance("second"), reader]);
        await drive("first-node", { payload });
        await deploy([subflow, inside, instance("first"), instance("second"), reader], "full");
        await deploy([subflow, inside, instance("second"), reader]);
        assert.deepEqual(releases(client), []);
        await deploy([subflow, inside, reader]);
        assert.deepEqual(releases(client), alone);
      });

      it("belongs to a request node that drove it, as to any other", async () => {
        const request = (more) => ({ id: "request", type: "wisblock-request", ...at, bridge: "bridge", method: "invoke", ...more });
        const { operation } = make();
        const params = { RAK13007: { on: true }, RAK13004: { channel: 3, percent: 5 }, RAK13003: { pin: 5, level: 1 }, TPT29555: { expander: "board", line: 7, level: 0 }, RAK17000: { bridge: "A", speed: 9 } }[module];
        const client = await start([request(), reader]);
        await drive("request", { payload: { module, slot, operation, params } });
        await deploy([request({ name: "renamed" }), reader]);
        assert.deepEqual(releases(client), []);
        await deploy([reader]);
        assert.deepEqual(releases(client), alone);
        await helper.unload();
        const holding = await start([request(), reader]);
        await drive("request", { payload: { module, slot, operation, params, on_loss: "hold" } });
        await deploy([reader]);
        assert.deepEqual(releases(holding), []);
      });
    });
  }

  it("moves with ${VARIABLE}: another node with the same slot in plain digits drives the same (D12 a), another value gives it up", async () => {
    const variable = (more) => KINDS[0].make({ slot: "${WISBLOCK_TEST_SLOT}", ...more });
    const flow = [variable({ id: "first" }), variable({ id: "second" }), variable({ id: "third", slot: "2" })];
    const client = await start(flow, { env: { WISBLOCK_TEST_SLOT: "2" } });
    await drive("first", { payload: true });
    await deploy([flow[0], flow[2]]);
    await deploy([flow[2]]);
    assert.deepEqual(releases(client), []);
    await deploy(flow, "full");
    await drive("first", { payload: true });
    process.env.WISBLOCK_TEST_SLOT = "1";
    await deploy([variable({ id: "first" })], "full");
    assert.deepEqual(releases(client), [{ module: "RAK13007", slot: 2, outputs: null }]);
  });

  it("moves with a variable of its tab, in the field of a parameter", async () => {
    const make = (value) => [tab({ env: [{ name: "CHANNEL", type: "num", value }] }), bridge(),
      node("rak13004", "duty", { duty_channel: "CHANNEL", duty_channelType: "env" })];
    await helper.load(SETS, make("3"));
    const client = FakeClient.last;
    await drive("node", { payload: 50 });
    await helper.setFlows(make("3"), "full");
    assert.deepEqual(releases(client), []);
    await helper.setFlows(make("4"), "flows");
    assert.deepEqual(releases(client), [{ module: "RAK13004", slot: 1, outputs: ["channel/3"] }]);
  });

  it("gives up the relay of the slot that its node moved from (D13)", async () => {
    const client = await start([KINDS[0].make()]);
    await drive("node", { payload: true });
    await deploy([KINDS[0].make({ slot: "2" })]);
    assert.deepEqual(releases(client), [{ module: "RAK13007", slot: 1, outputs: null }]);
  });

  it("gives up all that a node drove whose messages name the channel, and keeps all of it through a redeploy", async () => {
    const make = (more) => node("rak13004", "duty", fromMessage("duty", "channel"), more);
    const other = make({ id: "other" });
    const client = await start([make(), other]);
    for (const [id, channel] of [["node", 1], ["node", 2], ["node", 5], ["other", 5]]) {
      await drive(id, { payload: 50, channel });
    }
    for (const type of ["full", "flows", "nodes"]) {
      await deploy([make({ name: type }), other], type);
    }
    assert.deepEqual(releases(client), []);
    await deploy([other]);
    assert.deepEqual(releases(client), [{ module: "RAK13004", slot: 1, outputs: ["channel/1", "channel/2"] }]);
  });

  it("gives pins up under the name of those written together, of which the bridge spares others', and spares channels of others of all", async () => {
    const all = [
      node("rak13003", "write_all", fixed("write_all", { mask: 7 }), { id: "pins" }), node("rak13003", "write", fixed("write", { pin: 1 })),
      node("rak13004", "off", fixed("off", { channel: "all" }), { id: "off", slot: "2" }), node("rak13004", "duty", fixed("duty", { channel: 0 }), { id: "duty", slot: "2" }),
    ];
    const client = await start(all);
    await drive("pins", { payload: 7 });
    await drive("off", { payload: "" });
    await deploy([all[1], all[3]]);
    const channels = Array.from({ length: 15 }, (_each, index) => `channel/${index + 1}`);
    assert.deepEqual(releases(client).map((each) => [each.module, [...each.outputs].sort()]), [
      ["RAK13003", ["pins/7"]],
      ["RAK13004", [...channels, "enable"].sort()],
    ]);
  });

  it("leaves a pin alone that another node writes together with others", async () => {
    const all = [node("rak13003", "write", fixed("write", { pin: 1 })), node("rak13003", "write_all", fixed("write_all", { mask: 2 }), { id: "pins" })];
    const client = await start(all);
    await drive("node", { payload: 1 });
    await deploy([all[1]]);
    assert.deepEqual(releases(client), []);
    await deploy([]);
    assert.deepEqual(releases(client), [{ module: "RAK13003", slot: 1, outputs: null }]);
  });

  it("counts a request that was refused as nothing driven", async () => {
    const [first, second] = ["node", "second"].map((id) => node("rak13004", "duty", fromMessage("duty", "channel"), { id }));
    const client = await start([first, second]);
    await drive("node", { payload: 50, channel: 3 });
    client.answer = () => new BridgeError({ code: "forbidden", message: "No." });
    await drive("second", { payload: 50, channel: 3 });
    client.answer = () => ({});
    await deploy([second]);
    assert.deepEqual(releases(client), [{ module: "RAK13004", slot: 1, outputs: ["channel/3"] }]);
  });

  for (const [title, order] of [["before", [0, 1]], ["after", [1, 0]]]) {
    it(`keeps an output that one of two requests drove, when the refusal of the other comes ${title} its answer`, async () => {
      const [first, reader] = ["node", "reader"].map((id) => node("rak13004", "duty", fromMessage("duty", "channel"), { id }));
      const client = await start([first, { ...reader, trigger: "event" }]);
      const answers = [];
      client.answer = () => new Promise((resolve) => answers.push(resolve));
      await drive("node", { payload: 50, channel: 3 });
      await drive("node", { payload: 60, channel: 3 });
      for (const index of order) {
        answers[index](index === 0 ? new BridgeError({ code: "expired", message: "Too late." }) : {});
        await new Promise((resolve) => setImmediate(resolve));
      }
      client.answer = () => ({});
      await deploy([{ ...reader, trigger: "event" }]);
      assert.deepEqual(releases(client), [{ module: "RAK13004", slot: 1, outputs: ["channel/3"] }]);
    });
  }

  it("counts two requests that were both refused as nothing driven, in either order, and keeps what was driven before them", async () => {
    for (const order of [[0, 1], [1, 0]]) {
      for (const before of [false, true]) {
        const [first, second] = ["node", "second"].map((id) => node("rak13004", "duty", fromMessage("duty", "channel"), { id }));
        const client = await start([first, second]);
        await drive("node", { payload: 50, channel: 3 });
        if (before) {
          await drive("second", { payload: 50, channel: 3 });
        }
        const answers = [];
        client.answer = () => new Promise((resolve) => answers.push(resolve));
        await drive("second", { payload: 50, channel: 3 });
        await drive("second", { payload: 60, channel: 3 });
        for (const index of order) {
          answers[index](new BridgeError({ code: "busy", message: "No." }));
          await new Promise((resolve) => setImmediate(resolve));
        }
        client.answer = () => ({});
        await deploy([second]);
        assert.deepEqual(releases(client), before ? [] : [{ module: "RAK13004", slot: 1, outputs: ["channel/3"] }], `${order} ${before}`);
        await helper.unload();
      }
    }
  });

  describe("through a bridge that a variable names", () => {
    const named = (more) => KINDS[0].make({ bridge: "${WISBLOCK_TEST_BRIDGE}", ...more });
    const flow = (more) => [tab({ env: [{ name: "WISBLOCK_TEST_BRIDGE", type: "str", value: "bridge" }] }), bridge(more), named(), node("rak13001", "read", {}, { id: "listener", slot: "2", bridge: "${WISBLOCK_TEST_BRIDGE}", trigger: "event", event: "input_changed" })];

    it("goes on with its successor, which Node-RED starts without starting the node again", async () => {
      await helper.load(SETS, flow());
      const client = FakeClient.last;
      await drive("node", { payload: true });
      await helper.setFlows(flow({ name: "renamed" }), "nodes");
      await drive("node", { payload: false });
      assert.equal(FakeClient.made.length, 1);
      assert.deepEqual(releases(client), []);
      client.goOffline();
      assert.equal(helper.getNode("node").status.lastCall.args[0].fill, "red");
    });

    it("goes over to the other bridge that it leads to now, with what it listens to", async () => {
      await helper.load(SETS, flow());
      const [before] = FakeClient.made;
      await drive("node", { payload: true });
      await helper.setFlows(flow({ endpoint: "ipc:///tmp/y.sock" }), "nodes");
      assert.deepEqual(before.closed, { bye: true });
      assert.equal(FakeClient.made.length, 2);
      await drive("node", { payload: false });
      assert.equal(FakeClient.last.requests.length, 1);
      assert.equal(FakeClient.last.subscriptions.length, 1);
      assert.equal(before.subscriptions[0].unsubscribed, true);
    });

    it("says so when there is none any more", async () => {
      await helper.load(SETS, flow());
      await helper.setFlows(flow().filter((each) => each.id !== "bridge"), "nodes");
      assert.match(helper.getNode("node").status.lastCall.args[0].text, /no_bridge$/);
    });
  });

  for (const outputs of [["*"], ["channel/3"], undefined]) {
    it(`counts what a user released (${JSON.stringify(outputs)}) as driven by nobody, whatever it is called`, async () => {
      const [first, second] = ["node", "second"].map((id) => node("rak13004", "duty", fromMessage("duty", "channel"), { id }));
      const request = { id: "request", type: "wisblock-request", ...at, bridge: "bridge", method: "release", module: "RAK13004", slot: "1" };
      const client = await start([first, second, request]);
      await drive("node", { payload: 50, channel: 3 });
      await drive("request", { payload: { params: outputs === undefined ? {} : { outputs } } });
      await drive("second", { payload: 50, channel: 3 });
      client.requests.length = 0;
      await deploy([first, request]);
      assert.deepEqual(releases(client), [{ module: "RAK13004", slot: 1, outputs: ["channel/3"] }]);
    });
  }

  it("counts a pin as released that was released together with others", async () => {
    const second = node("rak13003", "write", fixed("write", { pin: 1 }), { id: "second" });
    const free = node("rak13003", "write", fromMessage("write", "pin"), { id: "free" });
    const request = { id: "request", type: "wisblock-request", ...at, bridge: "bridge", method: "release", module: "RAK13003", slot: "1" };
    const client = await start([free, second, request]);
    await drive("free", { payload: 1, pin: 1 });
    await drive("request", { payload: { params: { outputs: ["pins/3"] } } });
    await drive("second", { payload: 1 });
    client.requests.length = 0;
    await deploy([free, request]);
    assert.deepEqual(releases(client), [{ module: "RAK13003", slot: 1, outputs: ["pin/1"] }]);
  });

  it("keeps what was asked for right behind the greeting that began another session on the same connection", async () => {
    const [first, second] = ["node", "second"].map((id) => node("rak13004", "duty", fromMessage("duty", "channel"), { id }));
    const client = await start([first, second]);
    await drive("node", { payload: 50, channel: 2 });
    await drive("second", { payload: 50, channel: 5 });
    let answer;
    client.answer = () => new Promise((resolve) => {
      answer = resolve;
    });
    await drive("node", { payload: 50, channel: 3 });
    client.goOnline({ resumed: false });
    answer({});
    client.answer = () => ({});
    await new Promise((resolve) => setImmediate(resolve));
    await deploy([second]);
    assert.deepEqual(releases(client), [{ module: "RAK13004", slot: 1, outputs: ["channel/3"] }]);
  });

  it("forgets what was driven in a session that was lost although the connection stood, and says nothing of it under the node", async () => {
    const client = await start([KINDS[0].make(), KINDS[0].make({ id: "other", trigger: "event" })]);
    client.answer = () => ({ readings: { on: true }, timestamp: 1, quality: "good", emulated: false });
    await drive("node", { payload: true });
    await until(() => helper.getNode("node").status.lastCall.args[0].text === "on", "the state under the node");
    client.goOnline({ resumed: false });
    const errors = () => helper.getNode("bridge").error.args.map(([error]) => error).filter((each) => each.code === "offline");
    const told = errors();
    assert.equal(told.length, 1);
    assert.match(told[0].message, /longer than the lease .* safe state \(ipc:\/\/\/tmp\/x\.sock\)\. .*send the commands again\./);
    client.goOnline({ resumed: false });
    assert.equal(errors().length, 1, "nothing was driven since");
    assert.match(helper.getNode("node").status.lastCall.args[0].text, /connected$/);
    await deploy([KINDS[0].make({ id: "other", trigger: "event" })]);
    assert.deepEqual(releases(client), []);
  });

  it("says safe for what a node drove with hold, when it is set to safe by the time it goes", async () => {
    const client = await start([KINDS[0].make({ onLoss: "hold" })]);
    await drive("node", { payload: true });
    await deploy([KINDS[0].make({ onLoss: "safe" })]);
    await deploy([]);
    assert.deepEqual(releases(client), [{ module: "RAK13007", slot: 1, outputs: ["relay"] }, { module: "RAK13007", slot: 1, outputs: null }]);
  });

  it("asks again when the bridge could not take a release, and not once it has refused it", async () => {
    const client = await start([KINDS[0].make()]);
    await drive("node", { payload: true });
    client.answer = ({ method }) => (method === "release" && releases(client).length === 1 ? new BridgeError({ code: "busy", message: "Busy." }) : {});
    await deploy([]);
    await until(() => releases(client).length === 2, "it is asked again");
    client.answer = () => new BridgeError({ code: "bad_params", message: "No." });
    await deploy([KINDS[0].make()]);
    await drive("node", { payload: true });
    await deploy([]);
    await new Promise((resolve) => setImmediate(resolve));
    client.goOnline({ resumed: true });
    assert.equal(releases(client).length, 3);
  });

  it("lets a module go that a request node only read, because a message named it", async () => {
    const client = await start([{ id: "node", type: "wisblock-request", ...at, bridge: "bridge", method: "invoke" }]);
    await drive("node", { payload: { module: "RAK5801", slot: 1, operation: "read" } });
    await until(() => releases(client).length > 0, "it is let go");
    assert.deepEqual(releases(client), [{ module: "RAK5801", slot: 1, outputs: null }]);
  });

  it("concludes nothing while a deploy is under way, however slow, nor from the end of an earlier start", async () => {
    const make = KINDS[0].make;
    const client = await start([make()]);
    await drive("node", { payload: true });
    const { Deploys } = require("../../node-red-nodes/lib/deploys");
    const events = new (require("node:events").EventEmitter)();
    let settled = 0;
    const deploys = new Deploys(() => {
      settled += 1;
    });
    deploys.watch(events);
    deploys.watch(events);
    const [first, second] = [{}, {}];
    events.emit("flows:starting", { diff: first });
    events.emit("flows:stopping", { diff: second });
    events.emit("flows:started", { diff: first });
    events.emit("runtime-event", { id: "runtime-state", payload: { state: "stop", deploy: true } });
    events.emit("flows:starting", { diff: second });
    events.emit("flows:started", { diff: first });
    assert.deepEqual([settled, deploys.under], [0, true]);
    events.emit("flows:started", { diff: second });
    assert.deepEqual([settled, deploys.under], [1, false]);
    for (const payload of [{ state: "stop", error: "missing-types" }, { state: "stop", deploy: undefined }, { state: "safe", error: "safe-mode" }]) {
      events.emit("flows:stopping", {});
      events.emit("runtime-event", { id: "runtime-state", payload });
      assert.equal(deploys.under, false);
    }
    assert.equal(settled, 4);
    assert.deepEqual(releases(client), []);
  });

  describe("by name", () => {
    const operation = (module, name) => catalogue.named(module).operations.find((each) => each.name === name);

    for (const [module, name, params, expected] of [
      ["RAK13004", "duty", { channel: 3, percent: 1 }, "channel/3"],
      ["RAK13004", "off", { channel: "all" }, "*"],
      ["RAK13004", "off", {}, "*"],
      ["RAK13004", "duty", {}, ""],
      ["TPT29555", "write", { expander: "board", line: 7 }, "board/7"],
      ["RAK13003", "write_all", { mask: 5, levels: 1 }, "pins/5"],
      ["RAK13003", "reset", {}, "*"],
      ["RAK13007", "set", { on: true }, "relay"],
      ["RAK17000", "drive", { bridge: "B", speed: 1 }, "B"],
      ["RAK13007", "state", {}, ""],
    ]) {
      it(`${module} ${name} ${JSON.stringify(params)} is "${expected}"`, () => {
        assert.equal(outputOf(operation(module, name), params), expected);
      });
    }

    it("is taken apart where others may have a share", () => {
      const units = (module, output) => unitsOf(catalogue.named(module), output).sort();
      assert.deepEqual(units("RAK13003", "pins/32773"), ["pin/0", "pin/15", "pin/2"]);
      assert.deepEqual(units("RAK13003", "*"), Array.from({ length: 16 }, (_each, pin) => `pin/${pin}`).sort());
      assert.deepEqual(units("RAK17000", "*"), ["A", "B", "steps"]);
      assert.deepEqual(units("RAK13007", "relay"), ["relay"]);
      assert.deepEqual(unitsOf(undefined, "*"), ["*"]);
    });
  });
});
