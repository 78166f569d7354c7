"use strict";
/* How many clicks it takes, what opens the sidebar included. docs/usability.md has the figures. */

const assert = require("node:assert/strict");
const { Hands } = require("./clicks");

describe("clicks", function () {
  this.timeout(120000);

  const hands = new Hands();

  before(() => hands.begin());

  after(() => hands.end());

  afterEach(() => {
    assert.deepEqual(hands.editor.complaints.splice(0), []);
  });

  it("are 3 from an empty flow to the first own value on the canvas", async () => {
    assert.equal((await hands.firstValue()).clicks, 3);
  });

  it("are 2 for 12 mA in the loop", async () => {
    assert.equal((await hands.setLoop()).clicks, 2);
  });

  it("are 1 to see who holds a slot, and 1 to see why a node is red", async () => {
    assert.equal((await hands.whoHolds()).clicks, 1);
    assert.equal((await hands.whyRed()).clicks, 1);
  });
});
