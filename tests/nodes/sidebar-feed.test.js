"use strict";
/* What runs in Node-RED for the sidebar: one observation for all who look, and nothing when nobody does. */

const assert = require("node:assert/strict");
const { EventEmitter } = require("node:events");
const helper = require("node-red-node-test-helper");
const makeBridgeNode = require("../../node-red-nodes/lib/bridge-node");
const { BridgeError } = require("../../node-red-nodes/lib/client-errors");
const { checked } = require("../../node-red-nodes/lib/live-catalogue");
const { plainJson } = require("../../node-red-nodes/lib/sidebar/plain-json");
const { moving, valueAt } = require("../../node-red-nodes/lib/sidebar/demo");
const { actionOf, registerSidebarRoutes } = require("../../node-red-nodes/lib/sidebar/routes");
const { FakeClient } = require("./fakes/client");
const { until } = require("./conditions");

helper.init(require.resolve("node-red"));

const bridgeSet = makeBridgeNode({ makeClient: (options) => new FakeClient(options), idleMs: 50 });
const BRIDGE = { id: "bridge", type: "wisblock-bridge", name: "Cellar", endpoint: "", leaseMs: "" };
const STATUS = {
  version: "0.1.0", board: { product: "RAK7391", emulated: true }, slots: [{ slot: 1, module: "RAK5801", open: true, claims: [] }],
  layout: [{ slot: 1, kind: "io", pins: [] }], plugged: [{ slot: 1, module: "RAK5801" }], sessions: [{ client: "somebody else" }],
};
const CATALOGUE = { units: { volt: { symbol: "V", decimals: 2 } }, modules: [{ name: "RAK5801", slug: "rak5801", slots: [1, 2], operations: [], events: [] }] };

/** The answer to a sidebar, as far as the hub needs it. */
class Viewer extends EventEmitter {
  written = "";
  writableLength = 0;
  destroyed = false;

  status(code) {
    this.code = code;
    return this;
  }

  set(headers) {
    this.headers = headers;
    return this;
  }

  json(answer) {
    this.answer = answer;
    return this;
  }

  end() {
    return this;
  }

  write(text) {
    this.written += text;
  }

  destroy() {
    this.destroyed = true;
    this.emit("close");
  }

  get messages() {
    return this.written.split("\n").filter((each) => each !== "").map((each) => JSON.parse(each));
  }

  of(type) {
    return this.messages.filter((each) => each.type === type);
  }
}

describe("the sidebar's side in Node-RED", () => {
  let client;
  let routes;
  let rights;
  let hub;
  let events;

  before((done) => {
    helper.startServer(done);
  });

  after((done) => {
    helper.stopServer(done);
  });

  beforeEach(async () => {
    FakeClient.reset();
    FakeClient.whenMade = (made) => {
      made.answer = ({ method }) => ({ status: STATUS, catalogue: CATALOGUE, "emulator.list": [{ quantity: "current", value: 12 }], scan: [{ address: 72 }] }[method] ?? {});
      made.goOnline();
    };
    await helper.load([bridgeSet], [BRIDGE]);
    routes = {};
    rights = {};
    events = new EventEmitter();
    const open = (method) => (path, right, serve) => {
      const key = `${method} ${path}`;
      rights[key] = right;
      routes[key] = serve;
    };
    hub = registerSidebarRoutes({
      httpAdmin: { get: open("GET"), post: open("POST") },
      auth: { needsPermission: (right) => right },
      nodes: { getNode: (id) => helper.getNode(id), eachNode: (each) => [BRIDGE].forEach(each) },
      events,
      version: () => "4.1.0",
    });
  });

  afterEach(async () => {
    await helper.unload();
  });

  const look = () => {
    const viewer = new Viewer();
    routes["GET /wisblock/observe"]({}, viewer);
    client = FakeClient.last;
    return viewer;
  };
  const observations = () => client.subscriptions.filter((each) => each.spec.observe === true && !each.unsubscribed);
  const call = async (key, params = {}, body = undefined) => {
    const viewer = new Viewer();
    await routes[key]({ params: { id: "bridge", ...params }, body, query: {} }, viewer);
    return viewer.answer;
  };

  it("asks for the permission to look, and for that to change something", () => {
    assert.deepEqual(rights, {
      "GET /wisblock/observe": "wisblock.read", "GET /wisblock/:id/layout": "wisblock.read", "GET /wisblock/:id/world/:slot": "wisblock.read",
      "POST /wisblock/:id/emulator": "wisblock.write", "POST /wisblock/:id/scan": "wisblock.write", "GET /wisblock/:id/report": "wisblock.write",
    });
  });

  it("does nothing until somebody looks, and nothing any more when nobody does", async () => {
    assert.equal(FakeClient.made.length, 0);
    const viewer = look();
    await until(() => viewer.of("catalogue").length === 1 && viewer.of("status").length === 1, "everything is told");
    assert.equal(hub.alive.feeds, 1);
    assert.equal(events.listenerCount("flows:started"), 1);
    viewer.destroy();
    assert.deepEqual(hub.alive, { viewers: 0, feeds: 0, timer: false });
    assert.equal(observations().length, 0);
    assert.equal(events.listenerCount("flows:started"), 0);
    await until(() => client.closed !== null, "the connection that only the sidebar used has ended");
  });

  it("observes once for all who look, and tells a second one what is known", async () => {
    const first = look();
    await until(() => first.of("status").length === 1, "the status is told");
    const asked = client.requests.length;
    const second = look();
    assert.equal(observations().length, 1);
    await until(() => second.of("status").length === 1, "the second one knows, too");
    assert.deepEqual(second.of("bridges"), [{ type: "bridges", bridges: [{ id: "bridge", name: "Cellar" }] }]);
    assert.equal(second.of("bridge")[0].state, "online");
    assert.equal(client.requests.length, asked);
    first.destroy();
    assert.equal(observations().length, 1);
    second.destroy();
    assert.equal(observations().length, 0);
  });

  it("passes values on within 0.1 s, without what only the protocol needs", async () => {
    const viewer = look();
    const [{ handler }] = observations();
    const before = performance.now();
    handler({ v: 1, event: "observed", subscription: 1, sequence: 7, lost: 0, kind: "result", module: "RAK5801", slot: 1, name: "read", params: {}, readings: { current: 12.5 }, quality: "good" });
    await until(() => viewer.of("observed").length === 1, "the value is there");
    assert.ok(performance.now() - before < 100);
    assert.deepEqual(viewer.of("observed")[0], {
      type: "observed", bridge: "bridge", value: { lost: 0, kind: "result", module: "RAK5801", slot: 1, name: "read", params: {}, readings: { current: 12.5 }, quality: "good" },
    });
    viewer.destroy();
  });

  it("asks for the picture again when somebody else has a slot, but not with every change", async () => {
    const viewer = look();
    await until(() => viewer.of("status").length === 1, "the first picture");
    const [{ handler }] = observations();
    for (let number = 0; number < 50; number += 1) {
      handler({ event: "observed", kind: "holder", module: "RAK5801", slot: 1, claims: [], held: [] });
    }
    await until(() => viewer.of("status").length >= 2, "the next picture");
    await new Promise((resolve) => setTimeout(resolve, 450));
    const asked = client.requests.filter((each) => each.method === "status").length;
    assert.ok(asked <= 3, `${asked} times for 50 changes`);
    assert.equal("sessions" in viewer.of("status")[0].status, false);
    viewer.destroy();
  });

  it("says that the bridge is away, and looks again when it is back", async () => {
    const viewer = look();
    await until(() => viewer.of("status").length === 1, "the first picture");
    client.goOffline("The socket is gone.");
    await until(() => viewer.of("bridge").at(-1).state === "offline", "it is away");
    assert.match(viewer.of("bridge").at(-1).why.message, /The socket is gone/);
    assert.equal(observations().length, 0);
    client.goOnline();
    await until(() => viewer.of("bridge").at(-1).state === "online" && observations().length === 1, "it is back, and observed");
    viewer.destroy();
  });

  const observed = (n, more) => ({ v: 1, event: "observed", subscription: 1, sequence: n, lost: 0, kind: "result", module: "RAK13007", slot: 1, name: "set", params: { n }, readings: { on: true }, ...more });

  for (const [title, restart] of [["the bridge was away", () => client.goOffline()], ["another session, on the same connection", () => undefined]]) {
    it(`tells one who comes later no value from before ${title}: an output that was on is safe since`, async () => {
      const first = look();
      await until(() => first.of("status").length === 1, "the picture");
      observations()[0].handler(observed(1));
      observations()[0].handler({ v: 1, event: "error", error: { code: "forbidden", message: "No." } });
      await until(() => first.of("observed").length === 1 && first.of("observation").length === 1, "what was observed");
      restart();
      client.goOnline();
      await until(() => first.of("status").length === 2, "the picture of the next session");
      const second = look();
      assert.equal(second.of("bridge").length, 1);
      assert.deepEqual(second.of("observed"), []);
      assert.deepEqual(second.of("observation"), []);
      first.destroy();
      second.destroy();
    });
  }

  it("tells one who comes later the latest of many, and not the first", async () => {
    const first = look();
    await until(() => first.of("status").length === 1, "the picture");
    for (let n = 1; n <= 600; n += 1) {
      observations()[0].handler(observed(n));
    }
    const second = look();
    const told = second.of("observed").map((each) => each.value.params.n);
    assert.equal(told.at(-1), 600);
    assert.ok(told.length > 400 && told.length <= 500, `${told.length}`);
    assert.deepEqual([second.of("bridge").length, second.of("status").length], [1, 1]);
    first.destroy();
    second.destroy();
  });

  it("says that an older bridge cannot be observed", async () => {
    const viewer = look();
    observations()[0].handler({ v: 1, event: "error", error: { code: "unknown_method", message: "There is no method observe." } });
    await until(() => viewer.of("observation").length === 1, "it is told");
    assert.equal(viewer.of("observation")[0].code, "unknown_method");
    viewer.destroy();
  });

  it("lets a sidebar go that does not read, and takes no more than 32", () => {
    const stuck = look();
    stuck.writableLength = 2 * 1024 * 1024;
    const others = Array.from({ length: 31 }, look);
    assert.equal(look().code, 503);
    observations()[0].handler({ event: "observed", kind: "result", module: "RAK5801", slot: 1, name: "read", params: {}, readings: {} });
    return until(() => stuck.destroyed, "the one that does not read is gone").then(() => {
      assert.equal(hub.alive.viewers, 31);
      others.forEach((each) => each.destroy());
    });
  });

  it("answers what is asked, and what was refused, without an error of the address", async () => {
    assert.deepEqual(await call("GET /wisblock/:id/world/:slot", { slot: "1" }), { state: "done", quantities: [{ quantity: "current", value: 12 }] });
    assert.deepEqual(FakeClient.last.requests.at(-1).params, { slot: 1 });
    assert.deepEqual((await call("POST /wisblock/:id/scan")).found, [{ address: 72 }]);
    FakeClient.last.answer = () => new BridgeError({ code: "forbidden", message: "This board is real." });
    const { state, code } = await call("POST /wisblock/:id/emulator", {}, { action: "set", params: { slot: 1, quantity: "current", value: 1 } });
    assert.deepEqual({ state, code }, { state: "refused", code: "forbidden" });
    const viewer = new Viewer();
    await routes["GET /wisblock/:id/layout"]({ params: { id: "nobody" } }, viewer);
    assert.deepEqual(viewer.answer, { state: "not_deployed" });
  });

  it("lets the world move while somebody looks, and puts it back", async () => {
    assert.equal((await call("POST /wisblock/:id/emulator", {}, { action: "demo", params: { on: true } })).state, "refused");
    const viewer = look();
    client.answer = ({ method }) => ({
      status: STATUS, catalogue: { ...CATALOGUE },
      "emulator.list": [
        { quantity: "current", control: "slider", writable: true, low: 0, high: 22, tolerance: 0.1, value: 12 },
        { quantity: "line_fault", control: "choice", writable: true, low: 0, high: 0, tolerance: 0, choices: ["none", "silence"], value: "none" },
      ],
    }[method] ?? {});
    const sets = () => client.requests.filter((each) => each.method === "emulator.set").map((each) => each.params);
    assert.equal((await call("POST /wisblock/:id/emulator", {}, { action: "demo", params: { on: true } })).state, "done");
    await until(() => sets().length >= 2, "it moves");
    await until(() => viewer.of("demo").at(-1).on === true, "the sidebars know");
    assert.ok(sets().every((each) => each.quantity === "current" && each.value >= 4.4 && each.value <= 19.8));
    viewer.destroy();
    await until(() => sets().at(-1).value === 12, "it is as it was");
    const before = sets().length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(sets().length, before);
  });

  it("moves what modules measure, never a fault", () => {
    const entry = (quantity, control, more = {}) => ({ quantity, control, writable: true, low: 0, high: 1, tolerance: 0, ...more });
    const names = (entries, measured = []) => moving(entries, new Set(measured)).map((each) => each.quantity);
    assert.deepEqual(names([entry("current", "slider", { tolerance: 0.1 }), entry("path_loss", "slider"), entry("on", "display", { writable: false })]), ["current"]);
    assert.deepEqual(names([entry("motion", "switch"), entry("busy_stuck", "switch")], ["motion"]), ["motion"]);
    assert.deepEqual(names([entry("tag", "cards"), entry("present", "switch")], ["present"]), ["tag"]);
    const cards = { entry: entry("tag", "cards", { choices: ["", "a", "b"] }), phase: 0 };
    assert.deepEqual([0, 0.3, 0.5, 0.8].map((share) => valueAt(cards, share)), ["a", "", "b", ""]);
  });

  it("reaches the emulated world only", () => {
    assert.deepEqual(actionOf({ action: "set", params: { slot: "2", quantity: "incoming", value: { hex: "01ff" } } }), {
      method: "emulator.set", params: { slot: 2, quantity: "incoming", value: Buffer.from([1, 255]) },
    });
    assert.deepEqual(actionOf({ action: "unplug", params: { slot: "A" } }).params, { slot: "A" });
    for (const bad of [{ action: "invoke", params: {} }, { action: "demo", params: {} }, { action: "list/../../invoke", params: {} }, { action: "set", params: [] }, { action: "set" }, {}, undefined]) {
      assert.equal(actionOf(bad), null);
    }
  });

  it("bounds whatever a bridge says", () => {
    const long = "x".repeat(5000);
    assert.equal(plainJson(long).length, 2001);
    assert.deepEqual(plainJson({ a: Uint8Array.from([1, 2]), b: NaN, c: 10n, d: undefined }), { a: { hex: "0102", length: 2 }, b: null, c: "10", d: null });
    assert.equal(plainJson(Array(1000).fill(1)).length, 256);
    let deep = 1;
    for (let level = 0; level < 100; level += 1) {
      deep = [deep];
    }
    assert.ok(JSON.stringify(plainJson(deep)).length < 40);
  });

  it("takes of a catalogue only what has the shape of one", () => {
    const found = checked({
      units: { volt: { symbol: 7, decimals: 400 } },
      modules: [7, null, { name: 5 }, { name: "RAK1", slots: [1, {}, "A"], operations: [{ name: "read", readings: "x", params: [{ name: "n", default: {}, choices: [1, []] }] }], events: {} }],
    });
    assert.deepEqual(found.units, { volt: { symbol: "", decimals: 9 } });
    assert.equal(found.modules.length, 1);
    assert.deepEqual(found.modules[0].slots, [1, "A"]);
    assert.deepEqual(found.modules[0].operations[0].params[0].choices, [1]);
    assert.equal(found.modules[0].operations[0].params[0].default, null);
    for (const nonsense of [undefined, null, 7, [], { modules: {} }]) {
      assert.deepEqual(checked(nonsense).modules, []);
    }
  });
});
