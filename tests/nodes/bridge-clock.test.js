"use strict";

const assert = require("node:assert/strict");
const { BridgeClock } = require("../../node-red-nodes/lib/bridge-clock");

/** Runs with a clock of its own. @param {(now: {ms: number}) => void} test */
function withClock(test) {
  const original = performance.now;
  const now = { ms: 1000 };
  performance.now = () => now.ms;
  try {
    test(now);
  } finally {
    performance.now = original;
  }
}

describe("the bridge's clock", () => {
  it("is not known before a reply, nor from one that does not say it", () => {
    const clock = new BridgeClock();
    for (const result of [undefined, null, 5, {}, { clock_ms: "5" }, { clock_ms: NaN }, { clock_ms: null }]) {
      clock.note(result);
      assert.equal(clock.deadlineMs(500), undefined);
    }
  });

  it("gives deadlines that are never later than meant", () => withClock((now) => {
    const clock = new BridgeClock();
    clock.note({ clock_ms: 7000 });
    assert.equal(clock.deadlineMs(500), 7500);
    now.ms += 3000;
    clock.note({ clock_ms: 7010 }); // it was read 2.99 s ago
    assert.equal(clock.deadlineMs(0), 10000);
  }));

  it("is followed where it runs slower, and forgotten with its bridge", () => withClock((now) => {
    const clock = new BridgeClock();
    for (let second = 0; second < 9; second += 1) {
      clock.note({ clock_ms: 7000 + second * 990 });
      now.ms += 1000;
    }
    assert.equal(clock.deadlineMs(0), 7000 + 990 + 8000);
    clock.forget();
    assert.equal(clock.deadlineMs(0), undefined);
  }));
});
