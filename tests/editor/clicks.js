"use strict";
/*
 * Everyday tasks in the editor, done by hand, with how many presses of the pointer and how much time they take.
 *
 * 1. Each press of the pointer is one, as the browser sees it, a drag included; what opens the sidebar counts.
 * 2. The time is the computer's: from the first press until what was wanted is on the screen. People think and aim for longer.
 * 3. tests/editor/usability.test.js has the bars, scripts/usability.mjs writes docs/usability.md.
 */

const { NodeRed, Editor } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const { until } = require("../nodes/conditions");

/** @typedef {{clicks: number, ms: number}} Effort */

class Hands {
  constructor() {
    this.bridge = new BridgeProcess({ board: "RAK7391" });
    this.nodeRed = new NodeRed();
    this.editor = new Editor();
  }

  /** Opens the editor with an empty flow; a bridge is deployed. */
  async begin() {
    await this.bridge.start();
    await this.nodeRed.start([
      { id: "tab1", type: "tab", label: "Flow 1" },
      { id: "bridge1", type: "wisblock-bridge", name: "", endpoint: this.bridge.endpoint, leaseMs: "" },
    ]);
    await this.editor.open(this.nodeRed.url);
    this.page = this.editor.page;
    await this.page.evaluate(() => {
      window.clicks = { count: 0, since: 0 };
      window.addEventListener("pointerdown", () => {
        window.clicks.since ||= performance.now();
        window.clicks.count += 1;
      }, true);
    });
    return this;
  }

  async end() {
    await this.editor.close();
    await this.nodeRed.stop();
    await this.bridge.dispose();
  }

  /** @param {() => Promise<void>} does @returns {Promise<Effort>} from a closed sidebar */
  async task(does) {
    await this.page.evaluate(() => {
      window.RED.sidebar.show("info");
      window.clicks = { count: 0, since: 0 };
    });
    await until(async () => !await this.page.locator(".wb-sidebar").isVisible(), "the sidebar is closed");
    await this.page.locator("button.wb-status-button").click();
    await does();
    return this.page.evaluate(() => ({ clicks: window.clicks.count, ms: Math.round(performance.now() - window.clicks.since) }));
  }

  status() {
    return this.page.evaluate(() => [...document.querySelectorAll(".red-ui-flow-node-status-label")].map((each) => each.textContent).join("\n"));
  }

  /** The first own value on the canvas. */
  firstValue() {
    return this.task(async () => {
      const { page, editor } = this;
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
      await until(async () => /mA/.test(await this.status()), "its value is on the canvas");
    });
  }

  /** 12 mA in the loop of the emulated board. */
  async setLoop() {
    const { page, bridge } = this;
    await bridge.ask("emulator.set", { slot: 1, quantity: "current", value: 4 });
    return this.task(async () => {
      const range = page.locator('input[type="range"][data-quantity="current"]');
      await range.waitFor();
      await range.scrollIntoViewIfNeeded();
      await until(async () => Math.abs(Number(await range.inputValue()) - 4) < 0.2, "the slider is where the current is");
      const box = await range.boundingBox();
      await page.mouse.click(box.x + 8 + (box.width - 16) * 12 / 22, box.y + box.height / 2);
      await until(async () => Math.abs((await bridge.ask("emulator.get", { slot: 1, quantity: "current" })).value - 12) < 0.2, "12 mA flow");
    });
  }

  /** Who holds a slot. */
  whoHolds() {
    return this.task(() => this.page.locator(".wb-holder").first().waitFor());
  }

  /** Why a node is red. */
  async whyRed() {
    await this.bridge.ask("emulator.fault", { slot: 1, kind: "nack" });
    await until(async () => /no answer/.test(await this.status()), "the node is red");
    return this.task(async () => {
      await until(async () => /no answer[^]*RAK5801 · Slot 1[^]*Is the module plugged in/.test(await this.page.locator(".wb-problems").innerText()), "the reason is there");
    });
  }
}

module.exports = { Hands };
