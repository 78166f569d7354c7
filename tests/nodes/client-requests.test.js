"use strict";
/* What a request carries beside what was asked for. */

const assert = require("node:assert/strict");
const { Requests } = require("../../node-red-nodes/lib/client-requests");

describe("a request's envelope", () => {
  function sent(node) {
    let message;
    const requests = new Requests(/** @type {any} */ ({
      encode: (given) => {
        message = given;
        return new Uint8Array(1);
      },
    }), () => true);
    requests.start({ method: "invoke", params: {}, timeoutMs: 1000, graceMs: 0, node }, () => undefined, () => undefined);
    return message;
  }

  it("names the node that asks, and nobody where nobody is named", () => {
    assert.equal(sent("pump").node, "pump");
    assert.equal(sent(undefined).node, undefined);
  });

  it("is cut to the hundred characters that the bridge takes, never in the middle of one", () => {
    assert.equal(sent("x".repeat(101)).node, "x".repeat(100));
    assert.equal(sent("\u{1F527}".repeat(150)).node, "\u{1F527}".repeat(100));
    assert.equal(sent("\u{1F527}".repeat(60)).node, "\u{1F527}".repeat(60));
  });
});
