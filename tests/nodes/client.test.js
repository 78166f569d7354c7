"use strict";
/*
 * The client of the bridge against a bridge that misbehaves on request (peers/fake_bridge.py).
 *
 * 1. Expected words of the wire are typed from docs/protocol.md.
 * 2. Waits are for conditions, never for a while, except where time itself is what is tested.
 */

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const path = require("node:path");
const vm = require("node:vm");

const { BridgeClient, BridgeError, describeError } = require("../../node-red-nodes/lib/client");
const { ROOT, freshEndpoint, removeEndpoints, sleep, startPeer, stopPeers, until } = require("./peers/start-peer");

/** @type {BridgeClient[]} */
let clients = [];
const unhandled = [];
const onUnhandled = (reason) => unhandled.push(reason);

function open(endpoint, options = {}) {
  const warnings = [];
  const client = new BridgeClient({ endpoint, name: "test", version: "1.2.3", logger: { warn: (text) => warnings.push(text) }, ...options });
  const states = [];
  client.on("state", (state, reason) => states.push([state, reason?.code ?? null]));
  clients.push(client);
  return Object.assign(client, { states, warnings });
}

async function online(endpoint, options) {
  const client = open(endpoint, options);
  await until(() => client.state === "online", "the client to be online");
  return client;
}

/** A fake bridge and a client that is online. */
async function pair(options = {}, ...flags) {
  const bridge = await startPeer("fake_bridge", freshEndpoint(), ...flags);
  return { bridge, client: await online(bridge.endpoint, options) };
}

const act = (client, operation, params, options) => client.invoke("RAK13007", 1, operation, params, options);
const logOf = async (client) => (await act(client, "log")).readings;

/** What a promise is rejected with. */
async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof BridgeError, String(error));
    return error;
  }
  return assert.fail("it should have been rejected");
}

function collect(client, spec) {
  const events = [];
  const handle = client.subscribe({ module: "RAK12006", slot: 1, ...spec }, (event) => events.push(event));
  return Object.assign(events, { handle });
}

describe("client", function () {
  this.timeout(60000);

  before(() => process.on("unhandledRejection", onUnhandled));
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await stopPeers();
    clients = [];
    assert.deepEqual(unhandled, []);
  });
  after(() => {
    process.off("unhandledRejection", onUnhandled);
    removeEndpoints();
  });

  describe("the session", () => {
    it("begins with a hello and tells what the bridge is", async () => {
      const { client } = await pair();
      assert.deepEqual(client.states, [["connecting", null], ["online", null]].slice(-client.states.length));
      assert.deepEqual(client.bridge, { server: "fake", version: "9.8.7", board: "RAK7391", emulated: true, catalogue: "c0ffee", leaseMs: 5000, resumed: false });
      assert.match(client.session, /^token-1-/);
      const { hellos } = await logOf(client);
      assert.deepEqual(hellos, [{ client: "test", version: "1.2.3", lease_ms: 5000 }]);
    });

    it("is handed to the next client, or ended with bye", async () => {
      const { bridge, client } = await pair();
      const token = client.session;
      await client.close();
      assert.equal(client.state, "closed");
      const next = await online(bridge.endpoint, { resume: token });
      assert.equal(next.bridge.resumed, true);
      assert.equal(next.session, token);
      assert.equal((await logOf(next)).byes, 0);
      const bye = next.close({ bye: true });
      assert.equal(next.close(), bye);
      await bye;
      assert.equal(next.session, null);
      const last = await online(bridge.endpoint);
      assert.equal((await logOf(last)).byes, 1);
    });

    it("is kept by a ping at a third of the lease as granted, when nothing else is said", async () => {
      const { client } = await pair({}, "--lease-ms", "1500");
      await sleep(1800);
      const { pings, hellos } = await logOf(client);
      assert.ok(pings >= 2 && pings <= 5, `${pings} pings in 1800 ms`);
      assert.equal(hellos.length, 1);
    });

    it("needs no ping while requests go to and fro", async () => {
      const { client } = await pair({}, "--lease-ms", "6000");
      const end = performance.now() + 3000;
      while (performance.now() < end) {
        await act(client, "echo");
        await sleep(50);
      }
      assert.equal((await logOf(client)).pings, 0);
    });

    it("is asked for again when this process was too busy to keep it, before anything else is asked", async () => {
      const { client } = await pair({}, "--lease-ms", "500");
      const events = collect(client, { event: "motion" });
      await until(() => events.length === 1, "the first event");
      const token = client.session;
      await act(client, "forget");
      const end = performance.now() + 700;
      while (performance.now() < end) {
        // Busy, the way a flow with a heavy Function node is.
      }
      await act(client, "echo");
      await until(() => client.session !== token, "a new session");
      await until(() => events.length === 2, "the subscription, asked for anew");
      assert.equal((await logOf(client)).hellos[1].resume, token);
      assert.equal(client.states.at(-1)[0], "online");
    });

    it("stays offline with the reason while the bridge refuses it, and tries again", async () => {
      const bridge = await startPeer("fake_bridge", freshEndpoint(), "--refuse-hello", "2");
      const client = open(bridge.endpoint);
      await until(() => client.state === "offline" && client.lastError.code === "unsupported_version", "the refusal");
      assert.equal(describeError(client.lastError), "The bridge does not let this client in: Too old. Update the nodes.");
      const error = await rejection(client.request("status"));
      assert.equal(error.code, "offline");
      assert.match(error.message, /Not sent\..*Too old/);
      await until(() => client.state === "online", "the third hello");
      assert.equal(client.lastError, null);
    });

    it("does not begin with a bridge of another protocol version", async () => {
      const bridge = await startPeer("fake_bridge", freshEndpoint(), "--protocol", "2", "--protocol", "3");
      const client = open(bridge.endpoint);
      await until(() => client.state === "offline" && client.lastError.code === "unsupported_version", "the refusal");
      assert.match(client.lastError.message, /It speaks protocol 2, 3, this client speaks 1/);
    });

    it("is given up when a ping stays unanswered, and begun anew", async () => {
      const { client } = await pair({}, "--lease-ms", "600");
      await act(client, "mute", { methods: ["ping"] });
      await until(() => client.state === "offline", "the silence to be noticed");
      assert.match(client.lastError.message, /has not answered for 500 ms/);
      await until(() => client.state === "online", "the next connection");
      assert.equal(client.bridge.resumed, true);
    });
  });

  describe("a request", () => {
    it("carries the whole envelope and gives the whole result", async () => {
      const { client } = await pair();
      const result = await client.invoke("RAK5801", 2, "echo", { samples: 16, nothing: undefined, deep: { nothing: undefined } }, { onLoss: "hold", timeoutMs: 1234 });
      assert.deepEqual(result.envelope, {
        v: 1, id: result.envelope.id, method: "invoke", timeout_ms: 1234,
        params: { module: "RAK5801", slot: 2, operation: "echo", params: { samples: 16, deep: {} }, on_loss: "hold" },
      });
      assert.deepEqual(result.readings, { samples: 16, deep: {} });
      assert.deepEqual([result.timestamp, result.quality, result.emulated], [1763793000123.4, "good", true]);
      const { envelope } = await act(client, "echo");
      assert.equal(envelope.timeout_ms, 2000);
      assert.equal("on_loss" in envelope.params, false);
    });

    it("brings every type home: bytes as a Buffer, 64-bit integers as numbers", async () => {
      const { client } = await pair();
      const { readings } = await act(client, "types");
      assert.ok(Buffer.isBuffer(readings.bytes));
      assert.deepEqual(readings, { bytes: Buffer.from([0, 0xff, 0x10]), int64: 2 ** 40, huge: 2 ** 63 + 2 ** 62, low: -(2 ** 40), float: 0.1, text: "°C", none: null });
      const sent = { foreign: vm.runInNewContext("({ list: [1], map: { a: 1 } })"), bytes: Buffer.from([1, 2]), big: 2 ** 40, float: 1.5, flag: false, text: "ä", list: [1, [2]], none: null };
      assert.deepEqual((await act(client, "echo", sent)).readings, { ...sent, foreign: { list: [1], map: { a: 1 } } });
    });

    it("fails with the bridge's own words, as own properties", async () => {
      const { client } = await pair();
      const wire = { code: "no_device", message: "No acknowledge.", hint: "Check that the module sits in its slot.", where: "RAK5801 slot 1, ADC 0x4b on i2c-1", data: { address: 0x4b } };
      const error = await rejection(act(client, "fail", { error: wire }));
      for (const [name, value] of Object.entries(wire)) {
        assert.deepEqual(Object.getOwnPropertyDescriptor(error, name)?.value, value);
      }
      assert.equal(describeError(error), "No acknowledge (RAK5801 slot 1, ADC 0x4b on i2c-1). Check that the module sits in its slot.");
      const bare = await rejection(act(client, "fail", { error: { code: "busy", message: "Queue full" } }));
      assert.equal(describeError(bare), "Queue full.");
      assert.equal((await rejection(client.request("nonsense"))).code, "unknown_method");
    });

    it("that cannot be put into MessagePack is refused here, and spoils nothing", async () => {
      const { client } = await pair();
      const circle = {};
      circle.self = circle;
      for (const value of [circle, 10n, new Date(), new Map([[1, 2]]), vm.runInNewContext("new Date()"), new Error("x"), () => 1, Symbol("x")]) {
        const error = await rejection(act(client, "echo", { value }));
        assert.equal(error.code, "bad_params");
        assert.match(describeError(error), /"echo" cannot be sent: .* \(RAK13007 slot 1\)\. Send numbers/);
      }
      assert.equal((await rejection(act(client, "echo", { text: "x".repeat(1024 * 1024) }))).code, "bad_request");
      assert.deepEqual((await act(client, "echo", { fine: 1 })).readings, { fine: 1 });
    });

    it("without an answer in time fails with timeout_reply; what comes later is ignored", async () => {
      const { client } = await pair();
      const start = performance.now();
      const late = act(client, "late", { ms: 400 }, { timeoutMs: 50, graceMs: 50 });
      const silent = act(client, "silent", {}, { timeoutMs: 100, graceMs: 0 });
      const patient = act(client, "late", { ms: 500, patient: true }, { timeoutMs: 50, graceMs: 20000 });
      const error = await rejection(late);
      assert.ok(performance.now() - start >= 99);
      assert.equal(error.code, "timeout_reply");
      assert.match(error.message, /did not answer "late" within 100 ms; it may still be carried out/);
      assert.equal(error.where, "RAK13007 slot 1");
      assert.equal((await rejection(silent)).code, "timeout_reply");
      assert.equal((await patient).readings.patient, true);
      await until(() => client.counters.unexpectedReplies === 1, "the late reply");
      assert.equal(client.state, "online");
    });

    it("keeps to its deadline while others keep to theirs, on one timer", async () => {
      const { client } = await pair();
      const order = [];
      await Promise.all([300, 100, 200, 50, 250].map(async (timeoutMs) => {
        await rejection(act(client, "silent", {}, { timeoutMs, graceMs: 0 }));
        order.push(timeoutMs);
      }));
      assert.deepEqual(order, [50, 100, 200, 250, 300]);
    });

    it("is not timed out while its reply waits to be read", async () => {
      const { client } = await pair();
      const reply = act(client, "echo", { here: 1 }, { timeoutMs: 100, graceMs: 0 });
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      const end = performance.now() + 1000;
      while (performance.now() < end) {
        // Busy past the deadline; the bridge has answered long since.
      }
      assert.deepEqual((await reply).readings, { here: 1 });
    });

    it("answered twice is answered once", async () => {
      const { client } = await pair();
      assert.deepEqual((await act(client, "twice", { once: 1 })).readings, { once: 1 });
      await until(() => client.counters.unexpectedReplies === 1, "the second reply");
    });

    it("can be given up with a signal, before and after it was sent", async () => {
      const { client } = await pair();
      const controller = new AbortController();
      const waiting = act(client, "late", { ms: 100 }, { signal: controller.signal });
      controller.abort(new Error("the node was closed"));
      const error = await rejection(waiting);
      assert.equal(error.code, "aborted");
      assert.equal(error.cause.message, "the node was closed");
      assert.equal((await rejection(act(client, "note", { text: "never" }, { signal: controller.signal }))).code, "aborted");
      await until(() => client.counters.unexpectedReplies === 1, "the reply that nobody wants");
      assert.deepEqual((await logOf(client)).notes, []);
    });

    it("number 257 under way is refused here with busy; the others are answered", async () => {
      const { client } = await pair();
      const many = Array.from({ length: 256 }, (_, index) => act(client, "late", { ms: 200, index }));
      const error = await rejection(act(client, "note", { text: "one too many" }));
      assert.equal(error.code, "busy");
      assert.match(error.message, /256 requests are already under way; "note" was not sent/);
      const answers = await Promise.all(many);
      answers.forEach((answer, index) => assert.equal(answer.readings.index, index));
      assert.deepEqual((await logOf(client)).notes, []);
    });

    it("pairs thousands of replies with their requests", async () => {
      const { client } = await pair();
      let next = 0;
      await Promise.all(Array.from({ length: 64 }, async () => {
        while (next < 4000) {
          const index = next;
          next += 1;
          assert.equal((await act(client, "echo", { index })).readings.index, index);
        }
      }));
      assert.deepEqual(client.counters, { malformed: 0, unexpectedReplies: 0 });
    });
  });

  describe("nonsense from the bridge", () => {
    for (const kind of ["garbage", "cut off", "list", "empty", "no id", "extension", "prototype", "event"]) {
      it(`is counted and said once (${kind})`, async () => {
        const { client } = await pair();
        for (let count = 1; count <= 3; count += 1) {
          rejection(act(client, "malformed", { kind }));
          await until(() => client.counters.malformed === count, "the count");
        }
        assert.equal(client.warnings.length, 1);
        assert.match(client.warnings[0], /makes no sense/);
        assert.deepEqual((await act(client, "echo", { still: "here" })).readings, { still: "here" });
        assert.equal({}.polluted, undefined);
      });
    }

    for (const kind of ["no result", "bad error", "neither"]) {
      it(`fails the request that it answers at once (${kind})`, async () => {
        const { client } = await pair();
        const error = await rejection(act(client, "malformed", { kind }));
        assert.equal(error.code, "internal");
        assert.match(error.message, /reply to "malformed" makes no sense/);
        assert.equal(client.counters.malformed, 1);
      });
    }
  });

  describe("a lost bridge", () => {
    it("fails at once what is under way and what comes after; nothing of it is ever carried out", async () => {
      const { bridge, client } = await pair();
      const waiting = [act(client, "silent"), client.request("nothing")].map(rejection);
      await act(client, "mute", { methods: ["nothing"] }).catch(() => {});
      waiting.push(rejection(act(client, "silent")));
      await bridge.kill("SIGKILL");
      await until(() => client.state === "offline", "the loss");
      const errors = await Promise.all(waiting);
      assert.equal(errors[0].code, "offline");
      assert.match(errors[0].message, /connection was lost while "silent" was under way; it may have been carried out/);
      const start = performance.now();
      const notes = await Promise.all([1, 2, 3].map((number) => rejection(act(client, "note", { text: `lost ${number}` }))));
      assert.ok(performance.now() - start < 500);
      notes.forEach((error) => {
        assert.equal(error.code, "offline");
        assert.match(error.message, /^Not sent\. /);
      });
      await startPeer("fake_bridge", bridge.endpoint);
      await until(() => client.state === "online", "the return");
      assert.deepEqual((await logOf(client)).notes, []);
    });

    it("says in words why there is none", async () => {
      const endpoint = freshEndpoint();
      const client = open(endpoint);
      const early = await rejection(client.request("status"));
      assert.equal(describeError(early), "Not sent. The connection to the bridge is still being made.");
      await until(() => client.state === "offline", "the first failure");
      assert.equal(describeError(await rejection(client.request("status"))),
        `Not sent. No bridge is running at ${endpoint}: there is no such socket. Start it with "wisblock-bridge serve", or correct the endpoint.`);
      assert.deepEqual(client.states, [["offline", "offline"]]);
      const wrong = open("tcp://nowhere");
      await until(() => wrong.state === "offline", "the first failure");
      assert.match(wrong.lastError.message, /"tcp:\/\/nowhere" is not a host and a port/);
    });

    it("finds it again at once however often it goes", async () => {
      const { bridge, client } = await pair();
      let current = bridge;
      for (let round = 0; round < 4; round += 1) {
        await current.kill("SIGKILL");
        await until(() => client.state === "offline", "the loss");
        await sleep(round * 200);
        current = await startPeer("fake_bridge", bridge.endpoint);
        await until(() => client.state === "online", "the return");
        assert.deepEqual((await act(client, "echo", { round })).readings, { round });
      }
    });
  });

  describe("a subscription", () => {
    it("passes events on as they are, their losses included", async () => {
      const { client } = await pair();
      const events = collect(client, { event: "gaps", params: { window_ms: 100 } });
      await until(() => events.length === 3, "three events");
      assert.deepEqual(events.map(({ sequence, lost, initial }) => [sequence, lost, initial]), [[0, 0, true], [1, 0, undefined], [5, 3, undefined]]);
      assert.deepEqual(events[0].readings.params, { module: "RAK12006", slot: 1, event: "gaps", params: { window_ms: 100 } });
      assert.equal(events.handle.active, true);
      const polled = collect(client, { operation: "read", params: { samples: 4 }, every_ms: 500, deadband: 0.1 });
      await until(() => polled.length === 1, "the reading");
      assert.deepEqual(polled[0].readings.params, { module: "RAK12006", slot: 1, operation: "read", params: { samples: 4 }, every_ms: 500, deadband: 0.1 });
    });

    it("gets the events that overtook its grant", async () => {
      const { client } = await pair();
      const events = collect(client, { event: "eager" });
      await until(() => events.length === 1, "the early event");
      assert.equal(events[0].initial, true);
    });

    it("hears once that the bridge is away, and is asked for anew when it is back", async () => {
      const bridge = await startPeer("fake_bridge", freshEndpoint());
      await bridge.kill();
      const client = open(bridge.endpoint);
      const early = collect(client, { event: "motion" });
      await until(() => early.length === 1, "the word that it is away");
      assert.deepEqual([early[0].event, early[0].error.code], ["error", "offline"]);
      const later = collect(client, { event: "vibration" });
      assert.equal(later.length, 0);
      await until(() => later.length === 1, "the same word for a late comer");
      for (let round = 1; round <= 2; round += 1) {
        const current = await startPeer("fake_bridge", bridge.endpoint);
        await until(() => early.length === 2 * round && later.length === 2 * round, "the first values");
        assert.equal(early.at(-1).initial, true);
        await current.kill();
        await until(() => early.length === 2 * round + 1 && later.length === 2 * round + 1, "the loss");
        assert.equal(early.at(-1).error.code, "offline");
      }
      assert.equal(early.handle.active, false);
    });

    it("hears of a lasting refusal once; a passing one is asked again", async () => {
      const { client } = await pair();
      const refused = collect(client, { event: "refused" });
      const fragile = collect(client, { event: "fragile" });
      await until(() => fragile.length === 2, "the grant");
      assert.deepEqual(fragile.map(({ event, error }) => [event, error?.code]), [["error", "slot_conflict"], ["fragile", undefined]]);
      assert.deepEqual(refused.map(({ error }) => [error.code, error.where]), [["bad_params", "RAK12006 slot 1"]]);
      assert.equal((await logOf(client)).subscribed.filter(({ event }) => event === "refused").length, 1);
    });

    it("ends with unsubscribe, whatever state it is in", async () => {
      const { client } = await pair();
      const granted = collect(client, { event: "motion" });
      await until(() => granted.length === 1, "the first event");
      const cancelled = collect(client, { event: "vibration" });
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      cancelled.handle.unsubscribe();
      granted.handle.unsubscribe();
      granted.handle.unsubscribe();
      const never = collect(client, { event: "gaps" });
      never.handle.unsubscribe();
      let log;
      do {
        log = await logOf(client);
      } while (log.unsubscribed.length < 2);
      assert.deepEqual([...log.unsubscribed].sort(), [1, 2]);
      assert.deepEqual(log.subscribed.map(({ event }) => event), ["motion", "vibration"]);
      assert.deepEqual([granted.length, cancelled.length, never.length, granted.handle.active], [1, 0, 0, false]);
    });

    it("goes on when a handler throws, and so do the others", async () => {
      const { client } = await pair();
      client.subscribe({ module: "RAK12015", slot: 1, event: "gaps" }, () => {
        throw new Error("handler broke");
      });
      const events = collect(client, { event: "gaps" });
      await until(() => events.length === 3, "the other's events");
      assert.equal(client.warnings.length, 3);
      assert.match(client.warnings[0], /handler of events of RAK12015 failed: Error: handler broke/);
    });

    it("is one of three hundred, all asked for anew after a restart", async () => {
      const { bridge, client } = await pair();
      const all = Array.from({ length: 300 }, (_, index) => collect(client, { event: "motion", params: { index } }));
      await until(() => all.every((events) => events.length === 1), "all first events");
      await bridge.kill();
      await startPeer("fake_bridge", bridge.endpoint);
      await until(() => all.every((events) => events.length === 3), "all of them again");
      assert.ok(all.every((events, index) => events[2].readings.params.params.index === index));
    });
  });

  describe("the end", () => {
    it("fails what is under way, refuses what comes after, and is reached again from a listener", async () => {
      const { client } = await pair();
      let again;
      client.on("state", () => {
        again = client.close({ bye: true });
      });
      const waiting = rejection(act(client, "silent"));
      const events = collect(client, { event: "motion" });
      const closed = client.close();
      assert.equal(again, closed);
      assert.equal((await waiting).code, "offline");
      assert.match((await rejection(client.request("status"))).message, /^Not sent\. This client was closed\.$/);
      await closed;
      assert.equal(events.length, 0);
      assert.equal(client.states.at(-1)[0], "closed");
    });

    it("comes in time even when the bridge does not answer the bye", async () => {
      const { client } = await pair();
      await act(client, "mute", { methods: ["bye"] });
      const start = performance.now();
      await client.close({ bye: true });
      assert.ok(performance.now() - start < 2000);
    });

    it("leaves nothing behind: a process that opens and closes clients exits by itself", async () => {
      const bridge = await startPeer("fake_bridge", freshEndpoint());
      const script = `
        const { BridgeClient } = require(${JSON.stringify(path.join(ROOT, "node-red-nodes", "lib", "client.js"))});
        const away = new BridgeClient({ endpoint: ${JSON.stringify(freshEndpoint())} });
        away.on("state", () => away.close());
        const client = new BridgeClient({ endpoint: ${JSON.stringify(bridge.endpoint)} });
        client.subscribe({ module: "RAK12006", slot: 1, event: "motion" }, () => client.close({ bye: true }));
        client.on("state", (state) => state === "online" && client.invoke("X", 1, "silent").catch((error) => console.log(error.code)));
        process.on("exit", () => console.log("exits by itself"));`;
      assert.equal(execFileSync(process.execPath, ["-e", script], { timeout: 20000, encoding: "utf8" }), "offline\nexits by itself\n");
    });
  });
});
