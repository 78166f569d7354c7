"use strict";

const assert = require("node:assert/strict");
const helper = require("node-red-node-test-helper");
const makeBridgeNode = require("../../node-red-nodes/lib/bridge-node");
const registerSlotRoutes = require("../../node-red-nodes/lib/slot-routes");
const requestSet = require("../../node-red-nodes/lib/request-node");
const { BridgeError } = require("../../node-red-nodes/lib/client-errors");
const { FakeClient } = require("./fakes/client");
const { until } = require("./conditions");

helper.init(require.resolve("node-red"));

const bridgeSet = makeBridgeNode({ makeClient: (options) => new FakeClient(options), idleMs: 60000 });
const FLOW = [
  { id: "tab", type: "tab" },
  { id: "bridge", type: "wisblock-bridge", name: "", endpoint: "", leaseMs: "" },
  { id: "node", type: "wisblock-request", z: "tab", x: 1, y: 1, bridge: "bridge", method: "invoke", wires: [[]] },
];
const CHIP = { bus: "i2c-1", address: 72, chip: "ADS7830", modules: ["RAK16001"], confidence: "medium", note: "", in_use: [], clashes: [], warnings: [] };
const STATUS = {
  uptime_s: 3,
  board: { title: "RAK7391" },
  slots: [{ slot: 2, module: "RAK16001", open: true, queued: 0, subscriptions: 0, errors: 0, last_good: 1, last_error: null }],
  sessions: [{ client: "somebody else", outputs: [] }],
  addresses: [{ address: 81, holder: "the clock PCF85063A" }],
  straps: [],
  serial_ports: [{ slot: 1, device: "/dev/ttyUSB0" }],
  plugged: [{ slot: 2, module: "RAK16001" }],
};

/** The routes without Node-RED around them: what is asked for goes in, what is answered comes out. */
function routesOf(options) {
  const routes = {};
  const rights = {};
  const open = (method) => (path, right, serve) => {
    const key = `${method} ${path.split("/").pop()}`;
    rights[key] = right;
    routes[key] = serve;
  };
  registerSlotRoutes({
    httpAdmin: { get: open("GET"), post: open("POST") },
    auth: { needsPermission: (right) => right },
    nodes: { getNode: (id) => helper.getNode(id) },
  }, options);
  const call = (key, query = {}) => new Promise((resolve, reject) => {
    const response = { set: () => response, json: resolve };
    routes[key]({ params: { id: "bridge" }, query }, response).catch(reject);
  });
  return { call, rights };
}

describe("what the editor asks about slots", () => {
  let client;

  before((done) => {
    helper.startServer(done);
  });

  after((done) => {
    helper.stopServer(done);
  });

  beforeEach(async () => {
    FakeClient.reset();
    await helper.load([bridgeSet, requestSet], FLOW);
    client = FakeClient.last;
    client.answer = ({ method }) => (method === "scan" ? [CHIP] : STATUS);
  });

  afterEach(async () => {
    await helper.unload();
  });

  const get = async (id = "bridge") => (await helper.request().get(`/wisblock-bridge/${id}/slots`).expect(200)).body;
  const scan = async (id = "bridge") => (await helper.request().post(`/wisblock-bridge/${id}/scan`).expect(200)).body;
  const scans = () => client.requests.filter((each) => each.method === "scan").length;

  it("lets readers ask how things are, and a scan be for those who may change something", () => {
    assert.deepEqual(routesOf().rights, { "GET slots": "wisblock-bridge.read", "POST scan": "wisblock-bridge.write" });
  });

  it("tells who is where, and nothing about other clients", async () => {
    const told = await get();
    assert.deepEqual(told, {
      state: "online",
      slots: [{ slot: 2, module: "RAK16001", open: true }],
      emulated: false,
      addresses: STATUS.addresses,
      straps: [],
      serial_ports: STATUS.serial_ports,
      plugged: STATUS.plugged,
    });
    assert.equal(scans(), 0);
  });

  it("does without what an older bridge does not tell", async () => {
    client.answer = () => ({ slots: [] });
    assert.deepEqual(await get(), { state: "online", slots: [], emulated: false });
  });

  it("tells what a scan found", async () => {
    const told = await scan();
    assert.deepEqual([told.state, told.found], ["online", [CHIP]]);
  });

  it("answers quietly while nothing is deployed, and for what is no bridge", async () => {
    for (const id of ["nothing", "node"]) {
      assert.deepEqual(await get(id), { state: "not_deployed" });
      assert.deepEqual(await scan(id), { state: "not_deployed" });
    }
  });

  it("answers quietly while the bridge is away, and does not repeat what was found before", async () => {
    await scan();
    client.goOffline("The socket is gone.");
    for (const told of [await get(), await scan()]) {
      assert.deepEqual([told.state, told.code], ["offline", "offline"]);
      assert.match(told.message, /The socket is gone/);
    }
  });

  it("says when the key may not scan", async () => {
    client.answer = () => new BridgeError({ code: "forbidden", message: "The key kitchen has the role drive; scan needs admin." });
    const told = await scan();
    assert.deepEqual([told.state, told.refused], ["online", "forbidden"]);
    assert.match(told.message, /kitchen/);
    client.answer = () => [CHIP];
    assert.deepEqual((await scan()).found, [CHIP], "a refusal is not kept");
  });

  it("scans once for all who ask at the same time", async () => {
    let finish;
    client.answer = () => new Promise((resolve) => {
      finish = resolve;
    });
    const { call } = routesOf();
    const all = [call("POST scan"), call("POST scan"), call("POST scan", { again: "true" })];
    await until(() => finish, "a scan");
    finish([CHIP]);
    for (const told of await Promise.all(all)) {
      assert.deepEqual(told.found, [CHIP]);
    }
    assert.equal(scans(), 1);
  });

  it("keeps what was found for 15 seconds, and for 2 when somebody presses the button", async () => {
    let nowMs = 1000;
    const { call } = routesOf({ now: () => nowMs });
    const counts = [];
    for (const [laterMs, again] of [[0, "false"], [14900, "false"], [0, "true"], [1900, "true"], [200, "true"], [15100, "false"]]) {
      nowMs += laterMs;
      await call("POST scan", { again });
      counts.push(scans());
    }
    assert.deepEqual(counts, [1, 1, 2, 2, 3, 4]);
  });

  it("does not wait for a scan that takes long, and shows it to the next one who asks", async () => {
    let finish;
    client.answer = () => new Promise((resolve) => {
      finish = resolve;
    });
    const { call } = routesOf({ withinMs: 30 });
    const told = await call("POST scan");
    assert.deepEqual([told.state, told.refused], ["online", "timeout_reply"]);
    finish([CHIP]);
    client.answer = () => [CHIP];
    assert.deepEqual((await call("POST scan")).found, [CHIP]);
  });
});
