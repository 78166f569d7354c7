"use strict";

const assert = require("node:assert/strict");
const vm = require("node:vm");
const helper = require("node-red-node-test-helper");
const makeBridgeNode = require("../../node-red-nodes/lib/bridge-node");
const { compareVersions } = require("../../node-red-nodes/lib/bridge-connection");
const requestSet = require("../../node-red-nodes/lib/request-node");
const { catalogue: exported } = require("../../node-red-nodes/lib/catalogue");
const { version } = require("../../package.json");
const { FakeClient } = require("./fakes/client");
const { until } = require("./conditions");

helper.init(require.resolve("node-red"));

const makeClient = (options) => new FakeClient(options);
const bridgeSet = makeBridgeNode({ makeClient, idleMs: 60000 });
const hastyBridgeSet = makeBridgeNode({ makeClient, idleMs: 1 });

const TAB = { id: "tab", type: "tab" };
const bridge = (more = {}) => ({ id: "bridge", type: "wisblock-bridge", name: "", endpoint: "", leaseMs: "", ...more });
const request = (more = {}) => ({ id: "node", type: "wisblock-request", z: "tab", x: 1, y: 1, bridge: "bridge", method: "invoke", wires: [["sink"]], ...more });
const SINK = { id: "sink", type: "helper", z: "tab", x: 1, y: 1 };
const CATCH = { id: "catcher", type: "catch", z: "tab", x: 1, y: 1, scope: null, wires: [["caught"]] };
const CAUGHT = { id: "caught", type: "helper", z: "tab", x: 1, y: 1 };

function collect(id) {
  const messages = [];
  helper.getNode(id).on("input", (msg) => messages.push(msg));
  return messages;
}

async function start({ set = bridgeSet, bridgeConfig = {}, requestConfig = {} } = {}) {
  await helper.load([set, requestSet], [TAB, bridge(bridgeConfig), request(requestConfig), SINK, CATCH, CAUGHT]);
  return { client: FakeClient.last, config: helper.getNode("bridge"), caught: collect("caught"), sent: collect("sink"), unit: helper.getNode("node") };
}

describe("the bridge's node", () => {
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

  it("makes no connection while nobody uses it", async () => {
    await helper.load([bridgeSet], [TAB, bridge()]);
    assert.equal(FakeClient.made.length, 0);
  });

  it("makes one connection for all who use it, with its settings", async () => {
    await helper.load([bridgeSet, requestSet], [TAB, bridge({ endpoint: " tcp://10.0.0.7:5555 ", leaseMs: "800", name: "attic" }), request(), request({ id: "two" })]);
    assert.equal(FakeClient.made.length, 1);
    const { endpoint, leaseMs, name, version: told } = FakeClient.last.options;
    assert.deepEqual([endpoint, leaseMs, name, told], ["tcp://10.0.0.7:5555", 800, "node-red (attic)", version]);
    assert.deepEqual(Object.keys(helper.getNode("bridge").users).sort(), ["node", "two"]);
  });

  for (const [written, asked] of [["", 5000], ["5", 500], ["999999", 60000]]) {
    it(`asks for a lease of ${asked} ms when "${written}" is written`, async () => {
      const { client } = await start({ bridgeConfig: { leaseMs: written } });
      assert.equal(client.options.leaseMs, asked);
      assert.equal(client.options.endpoint, undefined);
    });
  }

  for (const written of ["soon", "5s", " "]) {
    it(`takes a lease of "${written}" for an error, and does not connect with another`, async () => {
      const { config, unit, caught } = await start({ bridgeConfig: { leaseMs: written } });
      assert.equal(FakeClient.made.length, 0);
      assert.equal(config.error.firstCall.args[0].code, "bad_params");
      assert.equal(unit.status.lastCall.args[0].fill, "red");
      unit.receive({ payload: { method: "status" } });
      await until(() => caught.length, "an error");
      assert.equal(caught[0].error.code, "bad_params");
      assert.match(caught[0].error.message, /leaseMs is .* not a number/);
      const reply = await helper.request().get("/wisblock-bridge/bridge/status").expect(503);
      assert.equal(reply.body.code, "bad_params");
    });
  }

  it("cuts a name that the bridge would refuse", async () => {
    await start({ bridgeConfig: { name: "ü".repeat(300) } });
    assert.equal([...FakeClient.last.options.name].length, 200);
  });

  it("gives its keys to the client, environment variables included, and has none without", async () => {
    process.env.WISBLOCK_TEST_KEY = "the secret key";
    try {
      const credentials = { bridge: { serverKey: "the server key", clientPublicKey: "the public key", clientSecretKey: "${WISBLOCK_TEST_KEY}" } };
      await helper.load([bridgeSet, requestSet], [TAB, bridge({ endpoint: "tcp://10.0.0.7:5555" }), request()], credentials);
      assert.deepEqual(FakeClient.last.options.keys, { serverKey: "the server key", publicKey: "the public key", secretKey: "the secret key" });
      await helper.unload();
      const { client } = await start();
      assert.deepEqual(client.options.keys, { serverKey: "", publicKey: "", secretKey: "" });
    } finally {
      delete process.env.WISBLOCK_TEST_KEY;
    }
  });

  it("says under its nodes what is wrong with the keys, until it is right", async () => {
    const { client, unit, config } = await start();
    const text = () => unit.status.lastCall.args[0].text;
    for (const problem of ["keys_wanted", "bad_keys", "no_curve", "wrong_server_key", "key_refused"]) {
      client.goOffline(`It is ${problem}.`, problem);
      assert.equal(text(), `@wisblock-bridge/node-red-wisblock/bridge:status.keys.${problem}`);
      const words = require("../../node-red-nodes/bridge/locales/en-US/bridge.json").status.keys[problem];
      assert.ok(words.length > 0 && words.length < 20, words);
    }
    client.goOffline("The socket is gone.", "no_socket");
    assert.match(text(), /disconnected/);
    client.goOnline();
    assert.equal(config.connection.info.keyProblem, "");
    assert.match(text(), /connected/);
  });

  it("tells Catch nodes once when the bridge goes, and the log when it is back", async () => {
    const { client, config, caught } = await start();
    client.goOffline("The socket is gone.");
    client.goOffline("There is no socket.");
    client.goOffline("There is no socket.");
    await until(() => caught.length, "an error");
    assert.equal(caught.length, 1);
    assert.equal(caught[0].error.code, "offline");
    assert.match(caught[0].error.message, /does not answer: The socket is gone/);
    client.goOnline();
    assert.match(config.log.lastCall.args[0], /answers again/);
    client.goOffline();
    await until(() => caught.length === 2, "another error");
  });

  it("tells each flow once, however many of its nodes use the bridge", async () => {
    const elsewhere = [
      { id: "tab2", type: "tab" },
      request({ id: "three", z: "tab2" }),
      { ...CATCH, id: "catcher2", z: "tab2", wires: [["caught2"]] },
      { ...CAUGHT, id: "caught2", z: "tab2" },
    ];
    await start();
    await helper.setFlows([TAB, bridge(), request(), request({ id: "two" }), SINK, CATCH, CAUGHT, ...elsewhere], "full");
    const [here, there] = [collect("caught"), collect("caught2")];
    FakeClient.last.goOffline();
    await until(() => here.length > 0 && there.length > 0, "two errors");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([here.length, there.length], [1, 1]);
    assert.deepEqual(Object.keys(helper.getNode("bridge").users).sort(), ["node", "three", "two"]);
  });

  it("lets its session go on with its successor, under the new name and lease", async () => {
    const { client } = await start();
    await helper.setFlows([TAB, bridge({ name: "renamed", leaseMs: "9000" }), request(), SINK, CATCH, CAUGHT], "nodes");
    assert.equal(client.closed, null);
    assert.equal(FakeClient.made.length, 1);
    assert.deepEqual(client.introductions, [{ name: "node-red (renamed)", leaseMs: 9000 }]);
    assert.equal(helper.getNode("bridge").connection.state, "online");
  });

  it("says bye to the bridge that it leaves for another", async () => {
    const { client } = await start({ bridgeConfig: { endpoint: "ipc:///tmp/a.sock" } });
    await helper.setFlows([TAB, bridge({ endpoint: "ipc:///tmp/b.sock" }), request(), SINK, CATCH, CAUGHT], "nodes");
    assert.deepEqual(client.closed, { bye: true });
    assert.deepEqual(FakeClient.made.map((each) => each.options.endpoint), ["ipc:///tmp/a.sock", "ipc:///tmp/b.sock"]);
    assert.equal(FakeClient.last.options.resume, undefined);
  });

  it("is one connection with another that leads to the same bridge with the same keys, and no other", async () => {
    const keys = (secret) => ({ serverKey: "s", clientPublicKey: "p", clientSecretKey: secret });
    const ids = ["one", "two", "three", "four"];
    const place = { endpoint: "tcp://10.0.0.7:5555" };
    await helper.load(
      [bridgeSet, requestSet],
      [TAB, ...ids.map((id) => bridge({ id, ...place })), ...ids.map((id) => request({ id: `node-${id}`, bridge: id }))],
      { one: keys("a"), two: keys("a"), three: keys("b") },
    );
    assert.deepEqual(FakeClient.made.map((each) => each.options.keys.secretKey), ["a", "b", ""]);
    const [client] = FakeClient.made;
    await helper.setFlows([TAB, bridge({ id: "two", ...place, name: "copy" }), request({ id: "node-two", bridge: "two" })], "nodes", { two: keys("a") });
    assert.equal(client.closed, null);
  });

  it("says bye when it is deleted, and forgets the session", async () => {
    const { client } = await start();
    await helper.setFlows([TAB, SINK], "full");
    assert.deepEqual(client.closed, { bye: true });
    await helper.setFlows([TAB, bridge(), request(), SINK], "full");
    assert.equal(FakeClient.last.options.resume, undefined);
  });

  it("says bye when its last user has been gone for a while", async () => {
    const { client } = await start({ set: hastyBridgeSet });
    await helper.setFlows([TAB, bridge(), SINK, CATCH, CAUGHT], "nodes");
    await until(() => client.closed, "a bye");
    assert.deepEqual(client.closed, { bye: true });
  });

  it("warns once when bridge and nodes know different modules, and says which is newer", async () => {
    FakeClient.whenMade = (client) => client.goOnline({ version: "99.0.0", catalogue: "another" });
    const { config, client } = await start();
    assert.equal(config.warn.callCount, 1);
    assert.equal(config.connection.info.versionMismatch, "newer");
    client.goOffline();
    client.goOnline({ version: "99.0.0", catalogue: "another" });
    assert.equal(config.warn.callCount, 1);
    client.goOnline({ version: "99.0.0", catalogue: exported.sha256 });
    assert.equal(config.connection.info.versionMismatch, "");
  });

  it("compares versions by number", () => {
    assert.equal(compareVersions("0.9.0", "0.10.0"), "newer");
    assert.equal(compareVersions("1.2.0", "1.1.9"), "older");
    assert.equal(compareVersions("1.2.0", "1.2.0-rc1"), "other");
  });

  describe("for the editor", () => {
    it("tells how the bridge is", async () => {
      FakeClient.whenMade = (client) => client.goOnline({ emulated: true, version: "0.2.0" });
      const { client } = await start();
      client.answer = ({ method }) => (method === "status" ? { uptime_s: 3, board: { title: "x" }, slots: [{ slot: 1, module: "RAK5801" }] } : {});
      const reply = await helper.request().get("/wisblock-bridge/bridge/status").expect(200);
      assert.equal(reply.body.version, "0.2.0");
      assert.equal(reply.body.board, "RAK7391");
      assert.equal(reply.body.emulated, true);
      assert.deepEqual(reply.body.slots, [{ slot: 1, module: "RAK5801" }]);
    });

    it("answers 404 for what is not deployed and for what is no bridge", async () => {
      await start();
      for (const id of ["nothing", "node"]) {
        const reply = await helper.request().get(`/wisblock-bridge/${id}/status`).expect(404);
        assert.equal(reply.body.code, "not_deployed");
      }
    });

    it("answers 503 with a code when the bridge is away", async () => {
      const { client } = await start();
      client.goOffline("The socket is gone.");
      const reply = await helper.request().get("/wisblock-bridge/bridge/status").expect(503);
      assert.equal(reply.body.code, "offline");
      assert.match(reply.body.message, /The socket is gone/);
    });

    it("does not wait for a bridge that does not answer", async () => {
      const { client } = await start();
      client.answer = () => new Promise(() => undefined);
      const reply = await helper.request().get("/wisblock-bridge/bridge/status").expect(503);
      assert.equal(reply.body.code, "timeout_reply");
    });

    it("does not wait twice: what the connection took is not there for the answer", async () => {
      FakeClient.whenMade = null;
      const { client } = await start();
      const asking = helper.request().get("/wisblock-bridge/bridge/status").expect(200);
      const reply = asking.then((answer) => answer);
      await until(() => client.listenerCount("state") > 0, "it is connecting");
      await new Promise((resolve) => setTimeout(resolve, 100));
      client.goOnline();
      await reply;
      assert.ok(client.requests[0].options.timeoutMs < 1500);
    });

    it("connects for the question alone, and leaves again", async () => {
      await helper.load([hastyBridgeSet], [TAB, bridge()]);
      await helper.request().get("/wisblock-bridge/bridge/status").expect(200);
      await until(() => FakeClient.last.closed, "a bye");
    });
  });
});

describe("the request node", () => {
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

  it("sends what its fields say and gives the answer as it came", async () => {
    const { unit, client, sent } = await start({ requestConfig: { module: "RAK5801", slot: "2", operation: "read", params: '{"samples":4}' } });
    client.answer = () => ({ readings: { current: 4 }, timestamp: 1 });
    unit.receive({ payload: 1, topic: "t" });
    await until(() => sent.length, "a message");
    assert.deepEqual(sent[0].payload, { readings: { current: 4 }, timestamp: 1 });
    assert.equal(sent[0].topic, "t");
    assert.deepEqual(sent[0].wisblock, { method: "invoke", module: "RAK5801", slot: 2, operation: "read" });
    assert.deepEqual(client.requests[0].params, { module: "RAK5801", slot: 2, operation: "read", params: { samples: 4 } });
  });

  it("lets the message go before its fields", async () => {
    const { unit, client, sent } = await start({ requestConfig: { module: "RAK5801", slot: "2", operation: "read" } });
    unit.receive({ payload: { slot: "board", module: "ADC", params: { channel: 1 } } });
    unit.receive({ payload: { method: "scan" } });
    await until(() => sent.length === 2, "two messages");
    assert.deepEqual(client.requests[0].params, { module: "ADC", slot: "board", operation: "read", params: { channel: 1 } });
    assert.deepEqual([client.requests[1].method, client.requests[1].params], ["scan", {}]);
  });

  it("takes a time-out that is no number for an error", async () => {
    const { unit, client, caught } = await start({ requestConfig: { method: "status", timeout_ms: "2s" } });
    unit.receive({ payload: "" });
    await until(() => caught.length, "an error");
    assert.match(caught[0].error.message, /timeout_ms is "2s", which is not a number/);
    assert.equal(client.requests.length, 0);
  });

  it("counts the wait for the first connection as a part of its time-out", async () => {
    FakeClient.whenMade = null;
    const { unit, client, sent } = await start({ requestConfig: { method: "status", timeout_ms: "1000" } });
    unit.receive({ payload: "" });
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.goOnline();
    await until(() => sent.length, "a message");
    const { timeoutMs } = client.requests[0].options;
    assert.ok(timeoutMs >= 1 && timeoutMs <= 801, `${timeoutMs} ms are left of 1000`);
  });

  for (const method of ["hello", "bye", "subscribe", "unsubscribe", "observe"]) {
    it(`refuses "${method}", which would change the session of all nodes or bring what nobody gets`, async () => {
      const { unit, client, sent, caught } = await start();
      unit.receive({ payload: { method, params: {} } });
      await until(() => caught.length + sent.length, "an answer");
      assert.equal(caught[0]?.error.code, "bad_request");
      assert.match(caught[0].error.message, new RegExp(`"${method}"`));
      assert.equal(client.requests.length, 0);
    });
  }

  it("takes bytes of a Function node for bytes", async () => {
    const { unit, client, sent } = await start({ requestConfig: { method: "status" } });
    unit.receive({ payload: vm.runInNewContext("new Uint8Array([1, 2])") });
    await until(() => sent.length, "a message");
    assert.equal(client.requests[0].method, "status");
  });

  it("refuses what is no part of a request", async () => {
    const { unit, client, caught } = await start();
    unit.receive({ payload: { modul: "RAK5801" } });
    unit.receive({ payload: { module: "RAK5801", params: "not json" } });
    unit.receive({ payload: { module: "RAK5801", params: [1] } });
    await until(() => caught.length === 3, "three errors");
    assert.deepEqual(caught.map((each) => each.error.code), ["bad_params", "bad_params", "bad_params"]);
    assert.equal(client.requests.length, 0);
  });
});
