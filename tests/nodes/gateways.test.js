"use strict";
/*
 * One Node-RED that uses the bridges of several computers: each with its config node, its keys and its status.
 *
 * 1. The bridges are peers/fake_bridge.py behind libzmq's own CURVE, and at the end the real one; the nodes are the real ones.
 * 2. Waits are for conditions.
 */

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const helper = require("node-red-node-test-helper");

const bridgeSet = require("../../node-red-nodes/bridge/bridge");
const requestSet = require("../../node-red-nodes/request/request");
const { BridgeClient } = require("../../node-red-nodes/lib/client");
const { BridgeProcess, ROOT, python } = require("./bridge-process");
const { until } = require("./conditions");
const { FrameProxy } = require("./peers/frame-proxy");
const { KEYS, SERVER, startGuarded, stranger } = require("./peers/keys");
const { freshEndpoint, removeEndpoints, startPeer, stopPeers } = require("./peers/start-peer");

helper.init(require.resolve("node-red"));

const WORDS = "@wisblock-bridge/node-red-wisblock/bridge:status.keys";
const credentials = ({ serverKey, publicKey, secretKey }) => ({ serverKey, clientPublicKey: publicKey, clientSecretKey: secretKey });

describe("bridges on several computers", function () {
  this.timeout(60000);

  before((done) => {
    helper.startServer(done);
  });

  after((done) => {
    removeEndpoints();
    helper.stopServer(done);
  });

  afterEach(async () => {
    await helper.unload();
    await stopPeers();
  });

  function collect(id) {
    const messages = [];
    helper.getNode(id).on("input", (msg) => messages.push(msg));
    return messages;
  }

  /** All that a place's node has shown. The helper has one spy for the nodes of all places. */
  const shown = (place) => {
    const node = helper.getNode(`ask ${place}`);
    return node.status.getCalls().filter((each) => each.thisValue === node).map((each) => each.args[0]);
  };
  const line = (place) => {
    const { fill, text } = shown(place).at(-1) ?? {};
    return `${fill} ${text}`;
  };
  const online = (place) => until(() => helper.getNode(place).connection.state === "online" && !line(place).startsWith("red"), `${place} to be connected`);

  /** For each place a bridge, a request node and what it sends; one Catch node for all of them. */
  async function load(endpoints, keys) {
    const nodes = Object.entries(endpoints).flatMap(([place, endpoint]) => [
      { id: place, type: "wisblock-bridge", name: `the ${place}`, endpoint, leaseMs: "1000" },
      { id: `ask ${place}`, type: "wisblock-request", z: "tab", x: 1, y: 1, bridge: place, method: "invoke", module: "RAK13007", slot: "1", operation: "echo", wires: [[`sent ${place}`]] },
      { id: `sent ${place}`, type: "helper", z: "tab", x: 1, y: 1 },
    ]);
    const flow = [{ id: "tab", type: "tab" }, ...nodes, { id: "catcher", type: "catch", z: "tab", x: 1, y: 1, scope: null, wires: [["caught"]] },
      { id: "caught", type: "helper", z: "tab", x: 1, y: 1 }];
    await helper.load([bridgeSet, requestSet], flow, Object.fromEntries(Object.entries(keys).map(([place, each]) => [place, credentials(each)])));
  }

  async function answer(place) {
    const sent = collect(`sent ${place}`);
    helper.getNode(`ask ${place}`).receive({ payload: { params: { place } } });
    await until(() => sent.length > 0, `an answer from the ${place}`);
    return sent[0].payload.readings;
  }

  it("are used side by side; each says how it is, and the loss of one is no matter to the others", async () => {
    const here = await startPeer("fake_bridge", freshEndpoint());
    const attic = await startGuarded("fake_bridge");
    const cellar = await startGuarded("fake_bridge");
    const unknown = { ...KEYS, ...stranger() };
    const mixedUp = { ...KEYS, serverKey: stranger().publicKey };
    const garbled = { ...KEYS, secretKey: KEYS.secretKey.slice(0, 30) };
    await load(
      { here: here.endpoint, attic: attic.endpoint, cellar: cellar.endpoint, garden: cellar.endpoint, shed: cellar.endpoint, barn: "tcp://192.0.2.1:5555", loft: cellar.endpoint },
      { attic: KEYS, cellar: KEYS, garden: unknown, shed: mixedUp, loft: garbled },
    );
    const caught = collect("caught");
    for (const place of ["here", "attic", "cellar"]) {
      await online(place);
      assert.deepEqual(await answer(place), { place });
    }
    await until(() => line("garden") === `red ${WORDS}.key_refused`, "the garden to be refused");
    await until(() => line("shed") === `red ${WORDS}.wrong_server_key`, "the shed to hang up");
    await until(() => line("barn") === `red ${WORDS}.keys_wanted`, "the barn to want keys");
    await until(() => line("loft") === `red ${WORDS}.bad_keys`, "the loft's keys to be refused");

    helper.getNode("ask garden").receive({ payload: {} });
    await until(() => caught.some((each) => /does not know this client's key/.test(each.error.message)), "the error");
    assert.ok(caught.every((each) => each.error.code === "offline"));

    await attic.kill();
    await until(() => line("attic").startsWith("red"), "the attic to be lost");
    assert.deepEqual([await answer("here"), await answer("cellar")], [{ place: "here" }, { place: "cellar" }]);
    await startGuarded("fake_bridge", attic.endpoint);
    await online("attic");
    assert.deepEqual(await answer("attic"), { place: "attic" });

    // nowhere is there a key: not in the log, not in a status, not in an error
    const told = JSON.stringify([
      helper.log().args,
      ["garden", "shed", "barn", "loft", "attic"].map(shown),
      caught,
    ], (_key, value) => (value instanceof Error ? { ...value, message: value.message, stack: value.stack, cause: value.cause } : value));
    for (const key of [...Object.values(KEYS), SERVER.secretKey, unknown.publicKey, unknown.secretKey, mixedUp.serverKey, garbled.secretKey]) {
      assert.equal(told.includes(JSON.stringify(key.slice(0, 12)).slice(1, -1)), false, "a key was told");
    }
  });

  it("tell the editor in words why they are not reached", async () => {
    const cellar = await startGuarded("fake_bridge");
    await load({ barn: "tcp://192.0.2.1:5555", garden: cellar.endpoint }, { garden: { ...KEYS, ...stranger() } });
    await until(() => line("barn").startsWith("red") && line("garden").startsWith("red"), "the refusals");
    const asked = async (place) => (await helper.request().get(`/wisblock-bridge/${place}/status`).expect(503)).body.message;
    assert.match(await asked("barn"), /is on another computer, and that takes keys.*keys add NAME/);
    assert.match(await asked("garden"), /does not know this client's key.*keys list/);
  });

  it("keep their session and subscriptions over a lost connection, with new keys for each", async () => {
    const bridge = await startGuarded("fake_bridge");
    const proxy = await new FrameProxy(bridge.endpoint).listen();
    const client = new BridgeClient({ endpoint: proxy.endpoint, keys: KEYS, leaseMs: 5000 });
    try {
      await until(() => client.state === "online", "the connection");
      const { session } = client;
      proxy.hangUp();
      await until(() => client.state === "offline", "the loss");
      await until(() => client.state === "online", "the connection");
      assert.equal(client.session, session);
      assert.equal(client.bridge.resumed, true);
      assert.equal(new Set(proxy.talks.map((talk) => talk.client[1].toString("hex"))).size, proxy.talks.length);
      assert.ok(proxy.talks.length >= 2);
    } finally {
      await client.close();
      await proxy.close();
    }
  });

  it("let in whom \"wisblock-bridge keys\" has let in, for as long as it does, with the role that it gave", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "wisblock-keys-"));
    const configuration = path.join(directory, "bridge.toml");
    fs.writeFileSync(configuration, `[security]\nkeys = "${path.join(directory, "keys")}"\n`);
    const keys = (...words) => execFileSync(python(), ["-m", "wisblock_bridge", "keys", ...words, "--config", configuration],
      { cwd: path.join(ROOT, "python-bridge"), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    keys("server");
    const printed = keys("add", "office", "--role", "drive", "--out", path.join(directory, "office.keys"));
    const of = (name) => new RegExp(`^${name} = "(.*)"$`, "m").exec(printed)[1];
    const office = { serverKey: of("server-key"), publicKey: of("public-key"), secretKey: of("secret-key") };
    const endpoint = `tcp://127.0.0.1:${await freePort()}`;
    const bridge = new BridgeProcess({ more: ["--config", configuration, "--remote-endpoint", endpoint] });
    try {
      await bridge.start();
      await load({ gateway: endpoint, elsewhere: endpoint }, { gateway: office, elsewhere: { ...office, ...stranger() } });
      await online("gateway");
      await until(() => line("elsewhere") === `red ${WORDS}.key_refused`, "the stranger to be refused");
      const { client } = helper.getNode("gateway").connection;
      assert.equal((await client.invoke("RAK5801", 1, "read", {})).emulated, true);
      await assert.rejects(client.request("scan", {}), (error) => error.code === "forbidden" && /office.*drive/.test(error.message));
      // with a request under way all the time there is never a silence in which the client would ask of itself
      const busy = setInterval(() => client.invoke("RAK5801", 1, "read", {}).catch(() => undefined), 20);
      keys("remove", "office");
      await until(() => line("gateway") === `red ${WORDS}.key_refused`, "the key to be refused").finally(() => clearInterval(busy));
      const listed = keys("add", "office", "--role", "read", "--public-key", office.publicKey);
      assert.match(listed, /^server-key = /);
      await online("gateway");
      await assert.rejects(client.invoke("RAK13007", 1, "toggle", {}), (error) => error.code === "forbidden");
      assert.equal(client.state, "online");
      keys("remove", "office");
      await until(() => line("gateway") === `red ${WORDS}.key_refused`, "the key to be refused without a request as well");
    } finally {
      await bridge.dispose();
      fs.rmSync(directory, { recursive: true });
    }
  });
});

/** A port that nobody listens on. */
async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(undefined));
  });
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
