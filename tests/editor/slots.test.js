"use strict";
/* The slot field of a module's dialog, and the marks of modules that clash, in the real editor with a real bridge on an emulated board. */

const assert = require("node:assert/strict");
const { Editor, NodeRed } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const { until } = require("../nodes/conditions");

const TAB = { id: "tab1", type: "tab", label: "Machine room" };
const OTHER_TAB = { id: "tab2", type: "tab", label: "Attic" };
const unit = (type, id, slot, more = {}) => ({
  id, type: `wisblock-${type}`, z: "tab1", x: 300, y: 100, name: "", bridge: "bridge1", slot, trigger: "message", every_ms: "1000", onLoss: "safe", wires: [[]], ...more,
});

describe("slots in the editor", function () {
  this.timeout(180000);

  const bridge = new BridgeProcess();
  const nodeRed = new NodeRed();
  const editor = new Editor();
  const asked = [];

  before(async () => {
    await bridge.start();
    await nodeRed.start([
      TAB,
      OTHER_TAB,
      { id: "bridge1", type: "wisblock-bridge", name: "", endpoint: bridge.endpoint, leaseMs: "" },
      { id: "nowhere", type: "wisblock-bridge", name: "away", endpoint: "ipc:///nonexistent/wisblock.sock", leaseMs: "" },
      { id: "tick", type: "inject", z: "tab1", x: 100, y: 100, name: "", props: [], repeat: "", once: true, onceDelay: 0.1, wires: [["inputs"]] },
      unit("rak16001", "inputs", "2", { name: "Meters", operation: "read_all" }),
      unit("rak13004", "motor", "2", { z: "tab2", name: "Fan", operation: "set", d: true }),
      unit("rak16001", "elsewhere", "1", { bridge: "nowhere", y: 180, operation: "read_all" }),
    ]);
    await editor.open(nodeRed.url);
    editor.page.on("request", (request) => {
      if (/wisblock-bridge\/[^/]+\/(slots|scan)/.test(request.url())) {
        asked.push(`${request.method()} ${new URL(request.url()).pathname.split("/").slice(-2).join("/")}`);
      }
    });
  });

  after(async () => {
    await editor.close();
    await nodeRed.stop();
    await bridge.dispose();
  });

  afterEach(() => {
    assert.deepEqual(editor.complaints.splice(0), []);
  });

  const told = () => editor.page.locator("#wisblock-slot-told").innerText();
  const wait = async (pattern) => {
    let last = "";
    await until(async () => {
      last = await told();
      return pattern.test(last);
    }, `the dialog says ${pattern}`).catch((error) => {
      throw new Error(`${error.message}; it says: ${last}`);
    });
  };
  const close = () => editor.finishDialog("#node-dialog-cancel");
  const remove = (...ids) => editor.page.evaluate((all) => {
    all.forEach((id) => window.RED.nodes.remove(id));
    window.RED.nodes.dirty(true);
  }, ids);
  /** As the menu "disable node" does. */
  const disable = (value) => editor.page.evaluate((d) => {
    const node = window.RED.nodes.node("motor");
    node.d = d;
    node.changed = true;
    window.RED.nodes.dirty(true);
  }, value);
  const marks = () => editor.page.locator(".wisblock-clash:not(.hide)").count();
  const notes = async () => (await editor.page.locator("#red-ui-notifications .red-ui-notification-warning:visible").allInnerTexts()).join("\n");

  it("tells who is in the slot, which chip answers, and what cannot be known", async () => {
    await editor.edit("inputs");
    await wait(/Slot 2: in use by RAK16001, as chosen here/);
    await wait(/The ADS7830 of this module answers at 0x48 \((high|medium|low) confidence\)/);
    assert.match(await told(), /On the emulated board, RAK16001 is plugged into slot 2/);
    assert.match(await told(), /Which slot that chip is in cannot be seen/);
    const options = await editor.page.locator("#node-input-slot option").allInnerTexts();
    assert.deepEqual(options, ["1", "2 – RAK16001 is in use"]);
    await close();
  });

  it("asks nothing more when only the slot is changed, and nothing is saved that nobody chose", async () => {
    await editor.edit("inputs");
    await wait(/answers at 0x48/);
    const before = asked.length;
    await editor.page.selectOption("#node-input-slot", "1");
    await wait(/Slot 1: not in use/);
    await editor.page.selectOption("#node-input-slot", "2");
    await wait(/Slot 2: in use by RAK16001/);
    assert.equal(asked.length, before);
    await editor.finishDialog();
    assert.equal(await editor.property("inputs", "slot"), "2");
  });

  it("says of a module without a chip that it cannot be seen, and does not scan for it", async () => {
    await editor.import([unit("rak5801", "loop", "1", { operation: "read" })]);
    const scans = () => asked.filter((each) => each.startsWith("POST")).length;
    const before = scans();
    await editor.edit("loop");
    await wait(/RAK5801 has no chip of its own on the I2C bus: whether it is plugged in cannot be seen/);
    assert.equal(scans(), before);
    await close();
    await remove("loop");
  });

  it("asks another bridge when another one is chosen, and keeps the choice while that is away", async () => {
    await editor.edit("elsewhere");
    await wait(/The bridge does not answer/);
    assert.equal(await editor.page.locator("#node-input-slot").inputValue(), "1");
    await editor.page.selectOption("#node-input-bridge", "bridge1");
    await wait(/Slot 1: not in use/);
    await editor.page.selectOption("#node-input-bridge", "nowhere");
    await wait(/The bridge does not answer/);
    await editor.finishDialog();
    assert.deepEqual([await editor.property("elsewhere", "slot"), await editor.property("elsewhere", "bridge")], ["1", "nowhere"]);
  });

  it("works with a bridge that is not deployed yet, and with none", async () => {
    await editor.import([
      { id: "new", type: "wisblock-bridge", name: "new", endpoint: bridge.endpoint, leaseMs: "" },
      unit("rak16001", "fresh", "2", { bridge: "new", operation: "read_all" }),
      unit("rak16001", "lonely", "1", { bridge: "", operation: "read_all" }),
    ]);
    await editor.edit("fresh");
    await wait(/shown once the bridge is deployed/);
    assert.equal(await editor.page.locator("#node-input-slot").inputValue(), "2");
    await close();
    await editor.edit("lonely");
    assert.equal(await told(), "");
    await close();
    await remove("fresh", "lonely");
  });

  it("keeps a saved slot that it does not know", async () => {
    await editor.import([unit("rak16001", "strange", "${SLOT}", { operation: "read_all" })]);
    await editor.edit("strange");
    assert.equal(await editor.page.locator("#node-input-slot").inputValue(), "${SLOT}");
    await editor.page.locator("#node-input-name").fill("renamed");
    await editor.finishDialog();
    assert.deepEqual([await editor.property("strange", "name"), await editor.property("strange", "slot")], ["renamed", "${SLOT}"]);
    await remove("strange");
  });

  it("looks again when asked to", async () => {
    await editor.edit("inputs");
    await wait(/answers at 0x48/);
    const before = asked.length;
    await editor.page.locator("#wisblock-slot-again").click();
    await until(() => asked.length === before + 2, "two questions");
    assert.deepEqual(asked.slice(before), ["GET bridge1/slots", "POST bridge1/scan"]);
    await wait(/answers at 0x48/);
    await close();
  });

  it("marks two modules in one slot as soon as both are enabled, names both in words, and still deploys", async () => {
    const { page } = editor;
    assert.equal(await marks(), 0);
    await disable(false);
    await until(async () => /Slot 2 is given to two modules: RAK16001 \(node "Meters" in the flow "Machine room"\) and RAK13004 \(node "Fan" in the flow "Attic"\)\. /.test(await notes()), "a note");
    await page.evaluate(() => window.RED.workspaces.show("tab1"));
    await until(async () => await marks() === 1, "a mark in one flow");
    await editor.edit("motor");
    await until(async () => await notes() === "", "the note makes room for the dialog");
    await wait(/Slot 2 is given to two modules: .*Meters.*Fan/);
    await wait(/Slot 2: in use by RAK16001/);
    await page.selectOption("#node-input-slot", "1");
    await until(async () => !/is given to two/.test(await told()), "no clash in the other slot");
    await close();
    assert.equal((await editor.validity("motor")).valid, true);
    await editor.deploy();
    assert.equal(await editor.property("motor", "changed"), false);
  });

  it("takes the mark away when the other one is disabled, and when it is gone", async () => {
    const { page } = editor;
    await until(async () => await marks() === 1, "a mark");
    await disable(true);
    await until(async () => await marks() === 0, "no mark");
    await disable(false);
    await until(async () => await marks() === 1, "a mark again");
    await page.evaluate(() => {
      const tab = window.RED.nodes.workspace("tab2");
      tab.disabled = true;
      window.RED.events.emit("flows:change", tab);
    });
    await until(async () => await marks() === 0, "no mark while its flow is disabled");
    await remove("motor");
  });

  it("leaves the templates of subflows alone", async () => {
    const before = await marks();
    await editor.import([
      { id: "template", type: "subflow", name: "pump", in: [], out: [] },
      unit("rak13004", "inside", "2", { z: "template", operation: "set" }),
    ]);
    await editor.page.evaluate(() => window.wisblockSlots.check());
    assert.equal(await marks(), before);
  });

  it("warns of two modules with one address", async () => {
    await editor.import([unit("rak16001", "second", "1", { name: "More meters", y: 240, operation: "read_all" })]);
    await until(async () => /One I2C address, 0x48, for two modules: .*Meters.*More meters/.test(await notes()), "a note");
    await until(async () => await marks() === 2, "two marks");
    await remove("second");
    await until(async () => await marks() === 0, "no mark");
    await until(async () => await notes() === "", "the note is gone");
  });

  it("warns of an address that the board itself has", async () => {
    await editor.import([unit("rak12004", "gas", "1", { name: "Smoke", y: 240, operation: "read" })]);
    await until(async () => /Smoke.* needs the I2C address 0x51, which belongs to the clock PCF85063A/.test(await notes()), "a note");
    await remove("gas");
    await until(async () => await marks() === 0, "no mark");
  });
});
