"use strict";
/* Nodes as they come from the palette: with the bridge that there is. */

const assert = require("node:assert/strict");
const { Editor, NodeRed } = require("./editor");
const catalogue = require("../../node-red-nodes/catalogue.json");

const TYPES = ["wisblock-request", ...catalogue.modules.map((each) => `wisblock-${each.slug}`)];

describe("a node from the palette", function () {
  this.timeout(180000);

  const nodeRed = new NodeRed();
  const editor = new Editor();
  const bridges = () => editor.page.evaluate(() => {
    const found = [];
    window.RED.nodes.eachConfig((each) => found.push({ id: each.id, endpoint: each.endpoint, users: each.users.map((user) => user.id), valid: each.valid }));
    return found;
  });
  const undo = () => editor.page.evaluate(() => window.RED.actions.invoke("core:undo"));

  before(async () => {
    await nodeRed.start([{ id: "tab1", type: "tab", label: "Test" }]);
    await editor.open(nodeRed.url);
  });

  after(async () => {
    await editor.close();
    await nodeRed.stop();
  });

  afterEach(() => {
    assert.deepEqual(editor.complaints.splice(0), []);
  });

  it("brings a bridge along where there is none, which leads to this computer's, and both go with undo", async () => {
    const id = await editor.drag("wisblock-rak5801");
    const [bridge, ...more] = await bridges();
    assert.deepEqual(more, []);
    assert.deepEqual([bridge.endpoint, bridge.users, bridge.valid], ["", [id], true]);
    assert.equal(await editor.property(id, "bridge"), bridge.id);
    assert.deepEqual(await editor.validity(id), { valid: true, errors: [] });
    await undo();
    await undo();
    assert.deepEqual(await bridges(), []);
    assert.equal(await editor.page.evaluate((gone) => Boolean(window.RED.nodes.node(gone)), id), false);
  });

  it("takes the only bridge there is and is right as it stands, whatever its type", async () => {
    await editor.import([{ id: "only", type: "wisblock-bridge", name: "", endpoint: "ipc:///tmp/only.sock", leaseMs: "" }]);
    for (const type of TYPES) {
      const id = await editor.drag(type);
      assert.equal(await editor.property(id, "bridge"), "only", type);
      assert.deepEqual(await editor.validity(id), { valid: true, errors: [] }, type);
      await undo();
    }
    assert.deepEqual((await bridges()).map((each) => each.id), ["only"]);
  });

  it("leaves the choice to the user where there are two", async () => {
    await editor.import([{ id: "another", type: "wisblock-bridge", name: "", endpoint: "ipc:///tmp/another.sock", leaseMs: "" }]);
    const id = await editor.drag("wisblock-rak5801");
    assert.equal(await editor.property(id, "bridge"), "");
    assert.equal((await editor.validity(id)).valid, false);
  });

  it("keeps the bridge that it has when it is pasted or imported", async () => {
    const { one } = await editor.import([{ id: "one", type: "wisblock-rak5801", z: "tab1", x: 300, y: 300, bridge: "another", slot: "1", trigger: "message", operation: "read", wires: [[]] }]);
    assert.equal(await editor.property(one, "bridge"), "another");
  });
});
