"use strict";

const assert = require("node:assert/strict");
const { NodeStatus, readingsText, statusText, translator } = require("../../node-red-nodes/lib/status");
const real = require("../../node-red-nodes/catalogue.json");
const { Catalogue } = require("../../node-red-nodes/lib/catalogue");
const words = require("../../node-red-nodes/bridge/locales/en-US/bridge.json");
const { catalogue } = require("./fakes/catalogue");

const WORDS = "@wisblock-bridge/node-red-wisblock/bridge:status";

/** Timers that go off when the test says so. */
function handTimers() {
  const waiting = new Map();
  let last = 0;
  let now = 0;
  return {
    now: () => now,
    setTimeout: (action, ms) => {
      last += 1;
      waiting.set(last, { action, at: now + ms });
      return last;
    },
    clearTimeout: (id) => waiting.delete(id),
    /** Goes on to the moment of so many milliseconds after the start. */
    pass: (ms) => {
      now = ms;
      for (const [id, each] of waiting) {
        if (each.at <= now) {
          waiting.delete(id);
          each.action();
        }
      }
    },
    get count() {
      return waiting.size;
    },
    get made() {
      return last;
    },
  };
}

function make() {
  const shown = [];
  const timers = handTimers();
  const status = new NodeStatus({ show: (line) => shown.push(line), translate: (id, values = {}) => [id.replace(`${WORDS}.`, ""), ...Object.values(values)].join(" "), timers });
  return { status, shown, timers, last: () => shown.at(-1) };
}

describe("the status of a node", () => {
  it("shows in yellow that a reading does not keep its pace, until it does", () => {
    const { status, last } = make();
    status.bridge("online");
    status.value("1 V", {}, 3000, { reached: "3.2", asked: "10", unit: "s" });
    assert.deepEqual(last(), { fill: "yellow", shape: "dot", text: "late.s 3.2 10" });
    status.value("1 V", {}, 3000);
    assert.deepEqual(last(), { fill: "green", shape: "dot", text: "1 V" });
  });

  it("follows the connection", () => {
    const { status, last } = make();
    status.bridge("connecting");
    assert.deepEqual(last(), { fill: "yellow", shape: "ring", text: "node-red:common.status.connecting" });
    status.bridge("online");
    assert.deepEqual(last(), { fill: "green", shape: "dot", text: "node-red:common.status.connected" });
    status.bridge("online", { emulated: true });
    assert.deepEqual(last(), { fill: "grey", shape: "dot", text: `${WORDS}.emulated` });
    status.bridge("offline");
    assert.deepEqual(last(), { fill: "red", shape: "ring", text: "node-red:common.status.disconnected" });
    status.bridge("offline", { keyProblem: "keys_wanted" });
    assert.deepEqual(last(), { fill: "red", shape: "ring", text: `${WORDS}.keys.keys_wanted` });
    status.bridge("missing");
    assert.deepEqual(last(), { fill: "red", shape: "ring", text: `${WORDS}.no_bridge` });
  });

  it("shows a value, and says that it is emulated or uncertain", () => {
    const { status, last } = make();
    status.bridge("online");
    status.value("3.81 mA");
    assert.deepEqual(last(), { fill: "green", shape: "dot", text: "3.81 mA" });
    status.value("3.81 mA", { emulated: true });
    assert.deepEqual(last(), { fill: "green", shape: "dot", text: "3.81 mA emulated" });
    status.value("3.50 mA", { quality: "uncertain", emulated: true });
    assert.deepEqual(last(), { fill: "yellow", shape: "dot", text: "3.50 mA emulated, uncertain" });
  });

  it("leaves green by itself when data stops, and comes back with the next value", () => {
    const { status, last, timers } = make();
    status.bridge("online");
    status.value("1 V", {}, 3000);
    timers.pass(2999);
    assert.equal(last().fill, "green");
    timers.pass(3000);
    assert.deepEqual(last(), { fill: "yellow", shape: "ring", text: "1 V stale" });
    status.value("2 V", {}, 3000);
    assert.deepEqual(last(), { fill: "green", shape: "dot", text: "2 V" });
  });

  it("forgets a value when the bridge goes", () => {
    const { status, last } = make();
    status.bridge("online");
    status.value("1 V", {}, 3000);
    status.bridge("offline");
    assert.equal(last().fill, "red");
    status.bridge("online");
    assert.match(last().text, /connected/);
  });

  it("shows that a request takes long, and only then", () => {
    const { status, last, timers } = make();
    status.bridge("online");
    status.asked("read");
    timers.pass(299);
    assert.equal(last().fill, "green");
    timers.pass(300);
    assert.deepEqual(last(), { fill: "blue", shape: "dot", text: "read" });
    status.value("1 V");
    assert.equal(last().fill, "blue");
    status.answered();
    assert.deepEqual(last(), { fill: "green", shape: "dot", text: "1 V" });
    timers.pass(1000);
    assert.equal(timers.count, 0);
  });

  it("makes no timer for each message", () => {
    const { status, timers } = make();
    status.bridge("online");
    for (let number = 0; number < 100; number += 1) {
      status.asked("read");
      status.value("1 V", {}, 3000);
      status.answered();
    }
    assert.equal(timers.made, 2);
  });

  it("counts how long a request takes from when it was asked, whatever was asked before", () => {
    const { status, last, timers } = make();
    status.bridge("online");
    status.asked("read");
    timers.pass(200);
    status.answered();
    timers.pass(250);
    status.asked("set");
    timers.pass(549);
    assert.equal(last().fill, "green");
    timers.pass(550);
    assert.deepEqual(last(), { fill: "blue", shape: "dot", text: "set" });
  });

  it("counts how old a value is from when it came", () => {
    const { status, last, timers } = make();
    status.bridge("online");
    status.value("1 V", {}, 3000);
    timers.pass(2000);
    status.value("2 V", {}, 3000);
    timers.pass(4999);
    assert.equal(last().fill, "green");
    timers.pass(5000);
    assert.deepEqual(last(), { fill: "yellow", shape: "ring", text: "2 V stale" });
  });

  it("shows an error by a short text, or its code when it has none", () => {
    const { status, last } = make();
    status.bridge("online");
    status.failed("no_device");
    assert.deepEqual(last(), { fill: "red", shape: "dot", text: `${WORDS}.error.no_device` });
    status.failed("from_the_future");
    assert.equal(last().text, "from_the_future");
  });

  it("is yellow while bridge and nodes know different modules", () => {
    const { status, last } = make();
    status.bridge("online", { versionMismatch: "newer" });
    assert.deepEqual(last(), { fill: "yellow", shape: "dot", text: "version_mismatch.newer" });
    status.value("1 V");
    assert.deepEqual(last(), { fill: "yellow", shape: "dot", text: "1 V version_mismatch.newer" });
  });

  it("shows the same line only once", () => {
    const { status, shown } = make();
    status.bridge("online");
    for (let count = 0; count < 50; count += 1) {
      status.value("1 V");
    }
    assert.equal(shown.length, 2);
  });

  it("asks for each word once, and again only while it is not there", () => {
    const asked = [];
    const words = new Map();
    const RED = { _: (id) => { asked.push(id); return words.get(id) ?? id; } };
    const shown = [];
    for (let node = 0; node < 2; node += 1) {
      const status = new NodeStatus({ show: (line) => shown.push(line.text), translate: translator(RED) });
      status.bridge("online", { emulated: true });
      status.value("12 mA", { emulated: true });
      words.set(`${WORDS}.emulated`, "émulé");
      for (const value of [13, 14, 15]) {
        status.asked("read");
        status.value(`${value} mA`, { emulated: true });
        status.answered();
      }
      status.dispose();
    }
    assert.deepEqual(asked, [`${WORDS}.emulated`, `${WORDS}.emulated`]);
    assert.equal(shown.filter((text) => text.endsWith(" mA émulé")).length, 7);
    assert.notEqual(translator({ _: (id) => `${id}!` }), translator(RED));
    assert.equal(translator({ _: () => "anders" })(`${WORDS}.emulated`), "anders");
  });

  it("puts values into a text anew", () => {
    const translate = translator({ _: (id, values) => `${id} ${values?.reached ?? ""}` });
    assert.deepEqual(["3", "4"].map((reached) => translate("late", { reached })), ["late 3", "late 4"]);
  });

  it("works out no line where nothing has changed", () => {
    let lines = 0;
    const status = new NodeStatus({ show: () => undefined, translate: () => { lines += 1; return "emulated"; }, timers: handTimers() });
    status.bridge("online", { emulated: true });
    for (let number = 0; number < 10; number += 1) {
      status.asked("read");
      status.value(`${number}`, { emulated: true });
      status.answered();
    }
    assert.equal(lines, 10);
    for (let number = 0; number < 10; number += 1) {
      status.value("9", { emulated: true });
    }
    assert.equal(lines, 10);
  });

  it("shows the same value again after an error, after it was stale, and when its quality or its pace changes", () => {
    const { status, last, timers } = make();
    status.bridge("online");
    const again = (...rest) => {
      status.value("1 V", ...rest);
      return `${last().fill} ${last().text}`;
    };
    assert.equal(again({}, 3000), "green 1 V");
    status.failed("no_device");
    assert.equal(again({}, 3000), "green 1 V");
    timers.pass(3000);
    assert.equal(last().text, "1 V stale");
    assert.equal(again(), "green 1 V");
    assert.equal(again({ quality: "uncertain" }), "yellow 1 V uncertain");
    assert.equal(again(), "green 1 V");
    assert.equal(again({}, 0, { reached: "3.2", asked: "10", unit: "s" }), "yellow late.s 3.2 10");
    assert.equal(again(), "green 1 V");
    assert.equal(again({ emulated: true }), "green 1 V emulated");
  });

  it("ends its timers and falls silent", () => {
    const { status, shown, timers } = make();
    status.bridge("online");
    status.asked("read");
    status.value("1 V", {}, 3000);
    status.dispose();
    assert.equal(timers.count, 0);
    const before = shown.length;
    status.value("2 V", {}, 3000);
    status.asked("read");
    status.bridge("offline");
    assert.equal(shown.length, before);
    assert.equal(timers.count, 0);
  });
});

describe("readings as text", () => {
  const [read, readAll, set] = catalogue.module("rak1").operations;
  const [change] = catalogue.module("rak1").events;

  it("have the decimals and the symbol of their unit", () => {
    assert.equal(readingsText(catalogue, read, { current: 3.8134, percent: 1, loop: "ok" }), "3.81 mA");
    assert.equal(readingsText(catalogue, readAll, { low: 1.5, count: 3 }), "1.500 V, count 3");
  });

  it("are words where they are switched", () => {
    assert.equal(readingsText(catalogue, set, { on: true }), "on");
    assert.equal(readingsText(catalogue, set, { on: false }), "off");
    assert.equal(readingsText(catalogue, change, { line: 7, level: 0 }), "level 0");
  });

  it("stay short", () => {
    assert.equal(readingsText(catalogue, readAll, { low: 1.5, count: 3, more: "a long text that nobody would want to read here" }), "1.500 V, count 3 …");
    assert.equal(readingsText(catalogue, readAll, { data: Buffer.alloc(12), list: [1, 2] }), "data 12 B, list [2]");
    assert.equal(readingsText(catalogue, readAll, {}), "");
  });
});

describe("the length of a status", () => {
  const LONGEST = 30;
  const texts = (node) => Object.values(node).flatMap((each) => (typeof each === "string" ? [each] : texts(each)));

  it("is at most 30 characters in every text of the catalogue of words", () => {
    const filled = texts(words.status).map((each) => each.replace(/__\w+__/g, "0.0333")); // numbers of three digits
    assert.deepEqual(filled.filter((each) => each.length > LONGEST), []);
  });

  it("is at most 30 characters for every operation and event of every module, whatever there is to say about it", () => {
    const known = new Catalogue(real, "");
    const value = { int: -1234567890, float: -12345.678901, bool: true, str: "x".repeat(60), bytes: new Uint8Array(200), list: Array(50).fill(1) };
    const { emulated, stale, uncertain, version_mismatch: mismatch } = words.status;
    let told = 0;
    for (const module of known.data.modules) {
      for (const operation of [...module.operations, ...module.events]) {
        const text = readingsText(known, operation, Object.fromEntries(operation.readings.map((each) => [each.name, value[each.kind]])));
        for (const notes of [[], [emulated], [stale], [emulated, stale], [emulated, stale, uncertain], [emulated, stale, uncertain, mismatch.newer], [mismatch.other]]) {
          const whole = statusText(text, notes);
          assert.ok(whole.length <= LONGEST && (whole.length > 0 || text === ""), `${module.name} ${operation.name}: "${whole}"`);
          told += 1;
        }
      }
    }
    assert.ok(told > 500);
  });

  it("leaves out readings before it cuts into one, and what is the same with each value before what is new", () => {
    assert.equal(statusText("12.068 V, 500.00 mA, 6.034 W", []), "12.068 V, 500.00 mA, 6.034 W");
    assert.equal(statusText("12.068 V, 500.00 mA, 6.034 W", ["emulated"]), "12.068 V, 500.00 mA … emulated");
    assert.equal(statusText("12.00 mA", ["emulated", "stopped"]), "12.00 mA emulated, stopped");
    assert.equal(statusText("12.068 V, 500.00 mA", ["emulated", "uncertain"]), "12.068 V … emulated, uncertain");
    assert.equal(statusText("12.068 V, 500.00 mA", ["emulated", "uncertain", "stopped"]), "12.068 V … uncertain, stopped");
  });
});
