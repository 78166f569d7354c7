"use strict";
/*
 * How many clicks it takes, counted as the browser sees them: each press of the pointer is one, a drag included.
 *
 * docs/usability.md has these figures.
 */

const assert = require("node:assert/strict");
const { Editor, NodeRed } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const { until } = require("../nodes/conditions");

describe("clicks", function () {
  this.timeout(120000);

  const bridge = new BridgeProcess({ board: "RAK7391" });
  const nodeRed = new NodeRed();
  const editor = new Editor();
  let page;

  before(async () => {
    await bridge.start();
    await nodeRed.start([
      { id: "tab1", type: "tab", label: "Flow 1" },
      { id: "bridge1", type: "wisblock-bridge", name: "", endpoint: bridge.endpoint, leaseMs: "" },
    ]);
    await editor.open(nodeRed.url);
    page = editor.page;
    await page.evaluate(() => {
      window.clicks = 0;
      window.addEventListener("pointerdown", () => {
        window.clicks += 1;
      }, true);
    });
  });

  after(async () => {
    await editor.close();
    await nodeRed.stop();
    await bridge.dispose();
  });

  const clicks = () => page.evaluate(() => {
    const counted = window.clicks;
    window.clicks = 0;
    return counted;
  });
  const openSidebar = async () => {
    await page.locator("button.wb-status-button").click();
    await until(() => page.locator(".wb-sidebar").isVisible(), "the sidebar is open");
    return 1;
  };
  const closeSidebar = async () => {
    await page.evaluate(() => window.RED.sidebar.show("info"));
    await clicks();
  };
  const status = () => page.evaluate(() => [...document.querySelectorAll(".red-ui-flow-node-status-label")].map((each) => each.textContent).join("\n"));

  it("are 2, and what opens the sidebar, from an empty flow to the first own value on the canvas", async () => {
    const opened = await openSidebar();
    const item = page.locator('.wb-fit[data-module="RAK5801"]');
    await item.waitFor();
    await item.scrollIntoViewIfNeeded();
    const from = await editor.restingPlace(item);
    await page.mouse.move(from.x + 20, from.y + 10);
    await page.mouse.down();
    await page.mouse.move(from.x, from.y + 20, { steps: 5 });
    await page.mouse.move(500, 300, { steps: 15 });
    await page.mouse.up();
    await until(() => page.evaluate(() => window.RED.nodes.filterNodes({ type: "wisblock-rak5801" }).length === 1), "there is a node");
    await page.locator("#red-ui-header-button-deploy").click();
    await until(async () => /mA/.test(await status()), "its value is on the canvas");
    assert.equal(await clicks(), opened + 2);
    await closeSidebar();
  });

  it("is 1, and what opens the sidebar, for 12 mA in the loop", async () => {
    await bridge.ask("emulator.set", { slot: 1, quantity: "current", value: 4 });
    const opened = await openSidebar();
    const range = page.locator('input[type="range"][data-quantity="current"]');
    await range.waitFor();
    await range.scrollIntoViewIfNeeded();
    await until(async () => Math.abs(Number(await range.inputValue()) - 4) < 0.2, "the slider is where the current is");
    const box = await range.boundingBox();
    await page.mouse.click(box.x + 8 + (box.width - 16) * 12 / 22, box.y + box.height / 2);
    await until(async () => Math.abs((await bridge.ask("emulator.get", { slot: 1, quantity: "current" })).value - 12) < 0.2, "12 mA flow");
    assert.equal(await clicks(), opened + 1);
    await closeSidebar();
  });

  it("are none but what opens the sidebar to see who holds a slot, and why a node is red", async () => {
    await bridge.ask("emulator.fault", { slot: 1, kind: "nack" });
    await until(async () => /no answer/.test(await status()), "the node is red");
    const opened = await openSidebar();
    await page.locator(".wb-holder").first().waitFor();
    await until(async () => /no answer[^]*RAK5801 · Slot 1[^]*Is the module plugged in/.test(await page.locator(".wb-problems").innerText()), "the reason is there");
    assert.equal(await clicks(), opened);
  });
});
