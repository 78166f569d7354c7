"use strict";
/*
 * What flows go through in their life: deploys, tabs switched off, neighbours, a bridge or a Node-RED that is killed.
 *
 * 1. The bridge is asked from outside what it sees; the line of an output is looked at behind the back of the chip.
 * 2. Time is waited for only where time is what is tested: leases.
 */

const assert = require("node:assert/strict");
const { Admin, eventually } = require("./admin");
const { NodeRed } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const { BridgeClient } = require("../../node-red-nodes/lib/client");

/** Short, where it has to run out; longer than a busy computer may take for a deploy, where it must not. */
const SHORT_LEASE_MS = 1000;
const LEASE_MS = 3000;
/** Lit means low; a line that nobody drives is pulled up. */
const DRIVEN = 0;
const SAFE = 1;

const tab = (id, more) => ({ id, type: "tab", label: id, disabled: false, ...more });
const on = (z) => ({ z, x: 100, y: 100 });
const debug = (z, id, complete = "payload") => ({ id, type: "debug", ...on(z), name: id, active: true, tosidebar: true, console: false, tostatus: false, complete, targetType: "msg", wires: [] });
const inject = (z, id, to, payload = "") => ({ id, type: "inject", ...on(z), name: id, props: [{ p: "payload" }], payload: String(payload), payloadType: payload === "" ? "str" : "num", repeat: "", crontab: "", once: false, onceDelay: 0.1, wires: [[to]] });
const catcher = (z, id, to) => ({ id, type: "catch", ...on(z), name: id, scope: null, uncaught: false, wires: [[to]] });
const current = (z, id, to, more) => ({ id, type: "wisblock-rak5801", ...on(z), name: id, bridge: "bridge", slot: "1", trigger: "message", operation: "read", read_samples: "1", read_samplesType: "num", onLoss: "safe", every_ms: "", timeout_ms: "", wires: [[to]], ...more });
const ticking = (z, id, to, more) => current(z, id, to, { trigger: "every", every_ms: "50", ...more });
const led = (z, id, to, line, onLoss) => ({
  id, type: "wisblock-tpt29555", ...on(z), name: id, bridge: "bridge", slot: "board", trigger: "message", operation: "write", onLoss, every_ms: "", timeout_ms: "",
  write_expander: "board", write_expanderType: "choice", write_line: String(line), write_lineType: "num", write_level: "payload", write_levelType: "msg", wires: [[to]],
});

/** A tab that reads twenty times a second and says so in "<id>-said". */
const readingTab = (id, more) => [tab(id, more), ticking(id, `${id}-read`, `${id}-said`), debug(id, `${id}-said`), catcher(id, `${id}-catch`, `${id}-error`), debug(id, `${id}-error`, "error")];

/** A tab that drives LED 7 (safe when lost) and LED 6 (held) with the payload of its inject nodes. */
const drivingTab = (id) => [
  tab(id),
  inject(id, `${id}-light`, `${id}-safe`, DRIVEN), led(id, `${id}-safe`, `${id}-said`, 7, "safe"), debug(id, `${id}-said`),
  inject(id, `${id}-light-held`, `${id}-held`, DRIVEN), led(id, `${id}-held`, `${id}-held-said`, 6, "hold"), debug(id, `${id}-held-said`),
  catcher(id, `${id}-catch`, `${id}-error`), debug(id, `${id}-error`, "error"),
];

describe("in the life of a flow", function () {
  this.timeout(180000);

  let bridge;
  const nodeRed = new NodeRed();
  const admin = new Admin(nodeRed);
  const config = (more) => ({ id: "bridge", type: "wisblock-bridge", name: "", endpoint: bridge.endpoint, leaseMs: String(LEASE_MS), ...more });

  /** What the bridge tells about Node-RED's sessions. */
  const sessions = async () => (await bridge.ask("status", {})).sessions.filter((each) => each.client.startsWith("node-red"));
  const subscriptions = async () => (await sessions()).map((each) => each.subscriptions);
  const level = async (line) => (await bridge.ask("emulator.get", { slot: "board", quantity: `board_${line}` })).value;
  const operations = async () => (await bridge.ask("status", {})).counters.operations;

  /** Asserts that nothing was complained of. */
  async function quiet() {
    await admin.catchUp();
    assert.deepEqual(admin.complaints, []);
    assert.equal(admin.freshLog(), "");
  }

  before(async () => {
    bridge = new BridgeProcess();
    await bridge.start();
    await nodeRed.start();
    await admin.open();
    admin.freshLog();
  });

  after(async () => {
    admin.close();
    await nodeRed.stop();
    await bridge.dispose();
  });

  beforeEach(async () => {
    await admin.deploy([config()]);
    await eventually(async () => (await subscriptions()).every((each) => each === 0), "the flows of the test before are gone");
    admin.said.clear();
    admin.complaints.length = 0;
    admin.freshLog();
  });

  for (const type of ["full", "flows", "nodes"]) {
    it(`goes on after a deploy of kind "${type}"`, async () => {
      const flow = [config(), ...readingTab("one"), inject("one", "ask", "once"), current("one", "once", "answer"), debug("one", "answer")];
      await admin.deploy(flow);
      await admin.next("one-said");
      const renamed = flow.map((each) => (each.type === "wisblock-rak5801" ? { ...each, name: `${each.name} again` } : each));
      await admin.deploy(renamed, type);
      await admin.next("one-said");
      const answered = admin.next("answer");
      await admin.inject("ask");
      assert.equal(typeof await answered, "number");
      assert.deepEqual(await subscriptions(), [1]);
      await admin.status("one-read", /^green .*mA/);
      await admin.status("once", /^green .*mA/);
      assert.deepEqual(admin.heard("one-error"), []);
      await quiet();
    });
  }

  it("is left alone by a deploy of another tab", async () => {
    const initial = (id) => [debug(id, `${id}-initial`, "wisblock.initial"), debug(id, `${id}-lost`, "wisblock.lost")];
    const flow = (name) => [config(), ...["one", "two"].flatMap((id) => [
      tab(id), ticking(id, `${id}-read`, `${id}-initial`, { wires: [[`${id}-initial`, `${id}-lost`]], ...(id === "two" ? { slot: "2", name } : {}) }), ...initial(id),
    ])];
    const anew = (id) => admin.heard(`${id}-initial`).filter((each) => each === true || each === "true").length;
    await admin.deploy(flow("before"));
    await eventually(() => anew("one") === 1 && anew("two") === 1, "both tabs read");
    for (const [index, type] of ["flows", "nodes"].entries()) {
      await admin.deploy(flow(`after ${type}`), type);
      await eventually(() => anew("two") === index + 2, `the tab that was deployed by "${type}" begins anew`);
      await admin.next("one-initial");
    }
    assert.equal(anew("one"), 1);
    assert.deepEqual(admin.heard("one-lost").filter((each) => Number(each) !== 0), []);
    assert.deepEqual(await subscriptions(), [2]);
    await quiet();
  });

  it("rests while its tab is switched off, lets its slot go, and comes back", async () => {
    const slots = async () => (await bridge.ask("status", {})).slots.filter((each) => each.open).map((each) => each.module);
    await admin.deploy([config(), ...readingTab("one")]);
    await admin.next("one-said");
    await admin.deploy([config(), ...readingTab("one", { disabled: true })]);
    await eventually(async () => (await slots()).every((each) => each !== "RAK5801"), "the slot is free");
    assert.ok((await subscriptions()).every((each) => each === 0));
    await admin.catchUp();
    const heard = admin.heard("one-said").length;
    await admin.catchUp();
    assert.equal(admin.heard("one-said").length, heard);
    await admin.deploy([config(), ...readingTab("one")]);
    await admin.next("one-said");
    assert.deepEqual(await slots(), ["RAK5801"]);
    await quiet();
  });

  it("shares a module with another flow, and is not disturbed when that one goes", async () => {
    await admin.deploy([config(), ...readingTab("one"), ...readingTab("two")]);
    await admin.next("one-said");
    await admin.next("two-said");
    assert.deepEqual(await subscriptions(), [2]);
    await admin.deploy([config(), ...readingTab("one")], "flows");
    await eventually(async () => (await subscriptions())[0] === 1, "the other flow's subscription is gone");
    await admin.next("one-said");
    await admin.status("one-read", /^green .*mA/);
    assert.deepEqual(admin.heard("one-error"), []);
    await quiet();
  });

  it("does not let an output blink when it is deployed again, whatever the kind of deploy", async () => {
    const flow = (name) => [config(), ...drivingTab("one").map((each) => (each.type === "wisblock-tpt29555" ? { ...each, name } : each)), ...readingTab("two")];
    const watcher = new BridgeClient({ endpoint: bridge.endpoint, name: "watcher" });
    const seen = [];
    try {
      await eventually(() => watcher.state === "online", "the watcher is connected");
      watcher.subscribe({ module: "TPT29555", slot: "board", event: "change", params: { expander: "board", lines: [7], poll_ms: 10 } }, (event) => seen.push(event.readings?.level ?? event.error));
      await admin.deploy(flow("first"));
      const lit = admin.next("one-said");
      await admin.inject("one-light");
      await lit;
      await eventually(() => seen.at(-1) === DRIVEN, () => `the watcher sees the line driven; it saw ${JSON.stringify(seen)}`);
      const written = await operations();
      for (const [index, type] of ["full", "flows", "nodes", "full"].entries()) {
        await admin.deploy(flow(`deploy ${index}`), type);
        await admin.next("two-said");
      }
      // a line that somebody let go would stay so: nobody drives it again
      const late = Date.now() + 1.5 * LEASE_MS;
      await eventually(async () => {
        assert.equal(await level(7), DRIVEN);
        return Date.now() > late;
      }, "a lease has passed");
      assert.equal(await operations(), written);
      assert.deepEqual(seen.slice(seen.indexOf(DRIVEN)), [DRIVEN]);
      await admin.deploy([config()]);
      await eventually(async () => await level(7) === SAFE, "the line is let go with its node");
    } finally {
      await watcher.close({ bye: true });
    }
    await quiet();
  });

  it("shares a bridge with another Node-RED; when that one is killed, its outputs become safe but those it asked to hold", async () => {
    const other = new NodeRed();
    const otherAdmin = new Admin(other);
    try {
      await admin.deploy([config(), ...readingTab("one")]);
      await other.start();
      await otherAdmin.open();
      await otherAdmin.deploy([config({ leaseMs: String(SHORT_LEASE_MS) }), ...readingTab("one"), ...drivingTab("two")]);
      await admin.next("one-said");
      await otherAdmin.next("one-said");
      assert.deepEqual(await subscriptions(), [1, 1]);
      for (const [button, said] of [["two-light", "two-said"], ["two-light-held", "two-held-said"]]) {
        const driven = otherAdmin.next(said);
        await otherAdmin.inject(button);
        assert.equal(await driven, DRIVEN, "the level read back");
      }
      other.child.kill("SIGKILL");
      await eventually(async () => await level(7) === SAFE, "the line is safe after the lease");
      await eventually(async () => (await sessions()).length === 1, "the session of the killed one has ended");
      assert.equal(await level(6), DRIVEN);
      await admin.next("one-said");
      assert.deepEqual(admin.heard("one-error"), []);
    } finally {
      otherAdmin.close();
      await other.stop();
      await bridge.ask("release", { module: "TPT29555", slot: "board" });
    }
    await quiet();
  });

  it("leaves the bridge to another Node-RED without a trace when it is stopped", async () => {
    const other = new NodeRed();
    const otherAdmin = new Admin(other);
    try {
      await admin.deploy([config(), ...readingTab("one")]);
      await other.start();
      await otherAdmin.open();
      await otherAdmin.deploy([config(), ...readingTab("one")]);
      await otherAdmin.next("one-said");
      otherAdmin.close();
      await other.stop();
      await eventually(async () => (await subscriptions()).join() === "1", "one session is left");
      await admin.next("one-said");
      assert.deepEqual(admin.heard("one-error"), []);
    } finally {
      otherAdmin.close();
      await other.stop();
    }
    await quiet();
  });

  it("tells at once that the bridge was killed, drops what is sent meanwhile, and goes on when it is back", async () => {
    // with such a lease nothing but the broken connection can tell so soon
    await admin.deploy([config({ leaseMs: "60000" }), ...readingTab("one"), ...drivingTab("two"), inject("one", "ask", "once"), current("one", "once", "answer"), debug("one", "answer")]);
    await admin.next("one-said");
    const lit = admin.next("two-said");
    await admin.inject("two-light");
    await lit;
    const codes = (id) => admin.heard(id).map((each) => each.code);

    await bridge.stop("SIGKILL");
    await Promise.all(["one-read", "once", "two-safe", "two-held"].map((id) => admin.status(id, /^red .*disconnected/, 5000)));
    await eventually(() => codes("one-error").length === 1 && codes("two-error").length === 1, "each flow is told once");
    const [ones, answers] = [admin.heard("one-said").length, admin.heard("answer").length];
    for (let times = 1; times <= 3; times += 1) {
      for (const [button, error] of [["ask", "one-error"], ["two-light", "two-error"], ["two-light-held", "two-error"]]) {
        const failed = admin.next(error);
        await admin.inject(button);
        const { code, message } = await failed;
        assert.equal(code, "offline");
        assert.match(message, /bridge/);
      }
    }
    assert.deepEqual(codes("one-error"), Array(4).fill("offline"));
    assert.deepEqual(codes("two-error"), Array(7).fill("offline"));
    assert.equal(admin.heard("one-said").length, ones);

    await bridge.start();
    await admin.next("one-said");
    await admin.status("one-read", /^green .*mA/);
    await Promise.all(["once", "two-safe", "two-held"].map((id) => admin.status(id, /^(green|grey) /)));
    assert.equal(await operations(), 0, "operations carried out that were asked for while the bridge was away");
    assert.deepEqual([await level(7), await level(6)], [SAFE, SAFE]);
    assert.equal(admin.heard("answer").length, answers);
    assert.deepEqual(await subscriptions(), [1]);

    const answered = admin.next("answer");
    await admin.inject("ask");
    await answered;
    assert.equal(await operations(), 1);
    assert.equal(codes("one-error").length, 4);
  });

  it("leaks nothing in twenty deploys", async () => {
    const flow = (name) => [config(), ...readingTab("one"), ...readingTab("two"), ...drivingTab("three")].map((each) => (each.type.startsWith("wisblock-") && each.type !== "wisblock-bridge" ? { ...each, name } : each));
    const deploy = async (name, type) => {
      await admin.deploy(flow(name), type);
      await Promise.all([admin.next("one-said"), admin.next("two-said")]);
    };
    await deploy("warm-up 1");
    await deploy("warm-up 2");
    const { slots: openSlots } = await bridge.ask("status", {});
    const [sockets, files] = [admin.openFiles("socket:"), admin.openFiles()];
    for (let times = 1; times <= 20; times += 1) {
      await deploy(`deploy ${times}`, ["full", "flows", "nodes"][times % 3]);
    }
    assert.deepEqual(await subscriptions(), [2]);
    const { slots } = await bridge.ask("status", {});
    assert.deepEqual(slots.map((each) => [each.module, each.slot, each.subscriptions]), openSlots.map((each) => [each.module, each.slot, each.subscriptions]));
    await eventually(() => admin.openFiles("socket:") <= sockets && admin.openFiles() <= files, () => `open sockets: ${sockets} and then ${admin.openFiles("socket:")}; open files: ${files} and then ${admin.openFiles()}`);
    await quiet();
  });
});
