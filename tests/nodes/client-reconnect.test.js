"use strict";
/*
 * What becomes of requests and subscriptions when the bridge goes away, comes back, or the client is closed.
 *
 * 1. Expected words of the wire are typed from docs/protocol.md.
 * 2. Waits are for conditions, never for a while, except where time itself is what is tested.
 */

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const path = require("node:path");

const { BridgeError, describeError } = require("../../node-red-nodes/lib/client");
const { Subscriptions } = require("../../node-red-nodes/lib/client-subscriptions");
const { act, closeClients, collect, logOf, open, pair, rejection, unwatchRejections, watchRejections } = require("./peers/clients");
const { ROOT, freshEndpoint, removeEndpoints, sleep, startPeer, until } = require("./peers/start-peer");

describe("client through reconnects", function () {
  this.timeout(60000);

  before(watchRejections);
  afterEach(closeClients);
  after(unwatchRejections);
  after(removeEndpoints);

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
    it("that the next session refuses as the one before did says so again, although the connection stood", async () => {
      const events = [];
      const refused = new BridgeError({ code: "bad_params", message: "No." });
      const subscriptions = new Subscriptions({ ask: (_method, _params, _resolve, reject) => reject(refused), wakeAt: () => undefined, warn: () => undefined });
      subscriptions.add({ module: "RAK5801", slot: 1, event: "change" }, (event) => events.push(event.error.code));
      subscriptions.online();
      subscriptions.wake();
      subscriptions.online();
      subscriptions.offline(new BridgeError({ code: "offline", message: "Gone." }));
      subscriptions.offline(new BridgeError({ code: "offline", message: "Still gone." }));
      assert.deepEqual(events, ["bad_params", "bad_params", "offline"]);
      subscriptions.clear();
    });

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
      const cancelled = collect(client, { event: "held" });
      let log;
      do {
        log = await logOf(client);
      } while (log.subscribed.length < 2);
      cancelled.handle.unsubscribe();
      await act(client, "grant");
      granted.handle.unsubscribe();
      granted.handle.unsubscribe();
      const never = collect(client, { event: "gaps" });
      never.handle.unsubscribe();
      do {
        log = await logOf(client);
      } while (log.unsubscribed.length < 2);
      assert.deepEqual([...log.unsubscribed].sort(), [1, 2]);
      assert.deepEqual(log.subscribed.map(({ event }) => event), ["motion", "held"]);
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
