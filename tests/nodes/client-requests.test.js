"use strict";
/* What a request carries beside what was asked for. */

const assert = require("node:assert/strict");
const { BridgeClock } = require("../../node-red-nodes/lib/bridge-clock");
const { Requests } = require("../../node-red-nodes/lib/client-requests");

describe("a request's envelope", () => {
  function sent(node, clock = new BridgeClock()) {
    let message;
    const requests = new Requests(/** @type {any} */ ({
      encode: (given) => {
        message = given;
        return new Uint8Array(1);
      },
    }), clock, () => true);
    requests.start({ method: "invoke", params: {}, timeoutMs: 1000, graceMs: 0, node }, () => undefined, () => undefined);
    return message;
  }

  it("says how long it may wait, or until when where the bridge's clock is known", () => {
    assert.deepEqual([sent("pump").timeout_ms, sent("pump").deadline_ms], [1000, undefined]);
    const clock = new BridgeClock();
    clock.note({ clock_ms: 5e6 });
    const message = sent("pump", clock);
    assert.equal(message.timeout_ms, undefined);
    assert.ok(message.deadline_ms >= 5e6 + 1000 && message.deadline_ms < 5e6 + 2000);
  });

  it("names the node that asks, and nobody where nobody is named", () => {
    assert.equal(sent("pump").node, "pump");
    assert.equal(sent(undefined).node, undefined);
  });

  it("is cut to the hundred characters that the bridge takes, never in the middle of one", () => {
    assert.equal(sent("x".repeat(101)).node, "x".repeat(100));
    assert.equal(sent("\u{1F527}".repeat(150)).node, "\u{1F527}".repeat(100));
    assert.equal(sent("\u{1F527}".repeat(60)).node, "\u{1F527}".repeat(60));
    assert.equal(sent("half \ud83d").node, "half \ufffd", "which no bridge could read");
  });
});
