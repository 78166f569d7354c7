"use strict";

const assert = require("node:assert/strict");
const { Pace } = require("../../node-red-nodes/lib/pace");
const words = require("../../node-red-nodes/bridge/locales/en-US/bridge.json");

function make(everyMs) {
  const clock = { ms: 1_000_000 };
  return { clock, pace: new Pace(everyMs, () => clock.ms) };
}

function text({ reached, asked, unit }) {
  return words.status.late[unit].replace("__reached__", reached).replace("__asked__", asked);
}

describe("the pace of a node that repeats a reading", () => {
  it("says nothing as long as every beat is kept", () => {
    const { clock, pace } = make(100);
    for (let beat = 0; beat < 100; beat += 1) {
      clock.ms += 100;
      assert.equal(pace.note(undefined), null);
      assert.equal(pace.note(0), null);
    }
  });

  it("says which rate is reached of which", () => {
    const { clock, pace } = make(100);
    let last = null;
    for (let event = 0; event < 40; event += 1) {
      clock.ms += 300;
      last = pace.note(2);
    }
    assert.equal(last.asked, "10");
    assert.equal(last.unit, "s");
    assert.ok(Math.abs(Number(last.reached) - 10 / 3) < 0.5, last.reached);
    assert.match(text(last), /^late: [\d.]+ of 10 per s$/);
  });

  it("forgets what is long ago", () => {
    const { clock, pace } = make(100);
    clock.ms += 400;
    assert.notEqual(pace.note(3), null);
    clock.ms += 4000;
    assert.notEqual(pace.note(0), null);
    clock.ms += 1100;
    assert.equal(pace.note(0), null);
  });

  it("counts slow readings by the minute and by the hour", () => {
    assert.deepEqual(make(30_000).pace.note(1), { reached: "1", asked: "2", unit: "min" });
    assert.deepEqual(make(3_600_000).pace.note(1), { reached: "0.5", asked: "1", unit: "h" });
  });

  it("fits below a node", () => {
    for (const everyMs of [10, 11, 30, 99, 100, 333, 999, 1000, 1001, 7777, 60_000, 61_000, 999_999, 3_600_000, 86_400_000]) {
      for (const late of [1, 2, 7, 99, 12_345, 8_640_000]) {
        const { clock, pace } = make(everyMs);
        clock.ms += late * everyMs * 1.37;
        const line = text(pace.note(late));
        assert.ok(line.length <= 30, line);
      }
    }
  });
});
