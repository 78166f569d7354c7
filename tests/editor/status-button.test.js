"use strict";
/* The button in the editor's status bar: how the WisBlock nodes are, and the way to the sidebar. */

const assert = require("node:assert/strict");
const { Editor, NodeRed } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const { until } = require("../nodes/conditions");

describe("the button in the status bar", function () {
  this.timeout(120000);

  const bridge = new BridgeProcess({ board: "RAK7391" });
  const nodeRed = new NodeRed();
  const editor = new Editor();
  let page;
  let asked = 0;

  const button = () => page.locator("button.wb-status-button");
  const says = (tone, label) => until(async () => await button().getAttribute("data-tone") === tone && label.test(await button().getAttribute("aria-label")), `it says ${tone}`);
  const shape = () => page.locator(".wb-status-mark [data-tone]").getAttribute("data-tone");

  before(async () => {
    await bridge.start();
    await nodeRed.start([
      { id: "tab1", type: "tab", label: "Flow 1" },
      { id: "bridge1", type: "wisblock-bridge", name: "", endpoint: bridge.endpoint, leaseMs: "" },
    ]);
    await editor.open(nodeRed.url);
    page = editor.page;
    page.on("request", (request) => {
      asked += /\/wisblock\//.test(request.url()) ? 1 : 0;
    });
  });

  after(async () => {
    await editor.close();
    await nodeRed.stop();
    await bridge.dispose();
  });

  it("is there before any module is used, and says nothing about them", async () => {
    await says("idle", /^WisBlock: show the board$/);
    assert.equal(await shape(), "idle");
    const box = await button().boundingBox();
    assert.ok(box.width >= 19 && box.height >= 19, JSON.stringify(box));
  });

  it("says that a module works, does not work, and works again, in a shape of its own", async () => {
    await editor.import([{ id: "loop", type: "wisblock-rak5801", z: "tab1", x: 300, y: 100, name: "", bridge: "bridge1", slot: "1", trigger: "every", every_ms: "200", operation: "read", onLoss: "safe", wires: [[]] }]);
    await page.evaluate(() => window.RED.nodes.dirty(true)); // what is imported hangs at the pointer at first
    await editor.deploy();
    await says("working", /everything works$/);
    assert.equal(await shape(), "working");
    await bridge.ask("emulator.fault", { slot: 1, kind: "nack" });
    await says("failing", /does not work \(nodes: 1\)$/);
    assert.equal(await shape(), "failing");
    await bridge.ask("emulator.fault", { slot: 1, kind: "nack", count: 0 });
    await says("working", /everything works$/);
  });

  it("says that the bridge is away", async () => {
    await bridge.stop("SIGKILL");
    await says("offline", /no connection to a bridge \(nodes: 1\)$/);
    assert.equal(await shape(), "failing");
    await bridge.start();
    await says("working", /everything works$/);
  });

  it("forgets a node that is deleted, and knows it again when that is undone", async () => {
    const id = await page.evaluate(() => window.RED.nodes.filterNodes({ type: "wisblock-rak5801" })[0].id);
    await page.evaluate((node) => {
      window.RED.view.select({ nodes: [window.RED.nodes.node(node)] });
      window.RED.actions.invoke("core:delete-selection");
    }, id);
    await says("idle", /show the board/);
    await page.evaluate(() => window.RED.actions.invoke("core:undo"));
    await says("working", /everything works$/);
  });

  it("asks nobody for all that", () => {
    assert.equal(asked, 0);
  });

  it("opens the sidebar, by keyboard too, and tells its keys", async () => {
    await button().hover();
    await until(async () => /WisBlock: everything works.*ctrl-g w/s.test((await page.locator(".red-ui-popover").allInnerTexts()).join("\n")), "there is a tooltip");
    await page.evaluate(() => window.RED.view.select({ nodes: window.RED.nodes.filterNodes({ type: "wisblock-rak5801" }) })); // Enter is not for it
    await button().focus();
    await page.keyboard.press("Enter");
    await page.locator(".wb-sidebar .wb-svg").waitFor();
    assert.deepEqual(editor.complaints, []);
  });
});
