"use strict";
/*
 * Session, requests and replies of the client, against a bridge that misbehaves on request (peers/fake_bridge.py).
 *
 * 1. Expected words of the wire are typed from docs/protocol.md.
 * 2. Waits are for conditions, never for a while, except where time itself is what is tested.
 */

const assert = require("node:assert/strict");
const { getEventListeners } = require("node:events");
const vm = require("node:vm");

const { describeError } = require("../../node-red-nodes/lib/client");
const { act, closeClients, collect, logOf, online, open, pair, rejection, unwatchRejections, watchRejections } = require("./peers/clients");
const { freshEndpoint, removeEndpoints, sleep, startPeer, until } = require("./peers/start-peer");

describe("client", function () {
  this.timeout(60000);

  before(watchRejections);
  afterEach(closeClients);
  after(unwatchRejections);
  after(removeEndpoints);

  describe("the session", () => {
    it("begins with a hello and tells what the bridge is", async () => {
      const { client } = await pair();
      assert.deepEqual(client.states, [["connecting", null], ["online", null]].slice(-client.states.length));
      assert.deepEqual(client.bridge, { server: "fake", version: "9.8.7", board: "RAK7391", emulated: true, catalogue: "c0ffee", leaseMs: 5000, resumed: false });
      assert.match(client.session, /^token-1-/);
      const { hellos } = await logOf(client);
      assert.deepEqual(hellos, [{ client: "test", version: "1.2.3", lease_ms: 5000 }]);
    });

    it("begins although the name is longer than a bridge takes: it is cut, between letters", async () => {
      const { bridge } = await pair();
      const client = await online(bridge.endpoint, { name: "😀".repeat(5000), version: "9".repeat(500) });
      const { hellos } = await logOf(client);
      assert.equal(hellos.at(-1).client, "😀".repeat(200));
      assert.equal(hellos.at(-1).version, "9".repeat(100));
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

    it("is kept through a lease that is shorter than the patience with a ping", async () => {
      const { client } = await pair({}, "--lease-ms", "900");
      await sleep(1300);
      const { pings } = await logOf(client);
      assert.ok(pings >= 2, `${pings} pings in 1300 ms`);
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
      assert.equal(client.states.filter(([state]) => state === "online").length, 2, "who drives something has to hear that the session is another one");
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
      for (const value of [circle, 10n, new Date(), new Map([[1, 2]]), vm.runInNewContext("new Date()"), new Error("x"), () => 1, Symbol("x"),
        "half \ud83d", `${"x".repeat(100)}\udc00`, [["\ud83d"]], { "\ud83d": 1 }, new Uint16Array([1000]), new ArrayBuffer(2)]) {
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
      const unused = new AbortController();
      await act(client, "echo", {}, { signal: unused.signal });
      assert.equal(getEventListeners(unused.signal, "abort").length, 0);
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
});
