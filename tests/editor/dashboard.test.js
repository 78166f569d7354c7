"use strict";
/* The example dashboards, as somebody uses them: a value is seen, a switch switches. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");
const { CHROMIUM, NodeRed, ROOT } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const { eventually } = require("./admin");

const FLOWS = path.join(ROOT, "flows", "dashboard");

describe("the dashboards", function () {
  this.timeout(120000);
  const nodeRed = new NodeRed();
  const complaints = [];
  let bridge;
  let browser;
  let page;

  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--headless"] });
  });

  beforeEach(async () => {
    bridge = await new BridgeProcess().start();
  });

  afterEach(async () => {
    await nodeRed.stop();
    await bridge.dispose();
  });

  after(() => browser?.close());

  /** Deploys one of them and opens its page. */
  async function show(name) {
    const nodes = JSON.parse(fs.readFileSync(path.join(FLOWS, `${name}.json`), "utf8"));
    await nodeRed.start(nodes.map((each) => (each.type === "wisblock-bridge" ? { ...each, endpoint: bridge.endpoint } : each)));
    page = await browser.newPage({ viewport: { width: 1200, height: 800 }, locale: "en-US" });
    page.on("pageerror", (error) => complaints.push(error.stack));
    await page.goto(`${nodeRed.url}api/dashboard${nodes.find((each) => each.type === "ui-page").path}`);
  }

  it("show what is measured", async () => {
    await show("Dashboard currents and voltages");
    const gauge = page.locator(".nrdb-ui-gauge").filter({ hasText: "Loop current" });
    for (const current of [12, 17.5]) {
      await bridge.ask("emulator.set", { slot: 1, quantity: "current", value: current });
      await eventually(async () => {
        const shown = /(\d+(\.\d+)?)\s*mA/.exec(await gauge.innerText());
        return shown !== null && Math.abs(Number(shown[1]) - current) < 0.2;
      }, `the gauge shows ${current} mA`);
    }
    assert.deepEqual(complaints, []);
  });

  it("switch, and show what the relay answers", async () => {
    await show("Dashboard relays");
    const isOn = async () => (await bridge.ask("invoke", { module: "RAK13007", slot: 1, operation: "state", params: {} })).readings.on;
    const group = page.locator(".nrdb-ui-group").filter({ hasText: "RAK13007, slot 1" });
    await eventually(async () => (await bridge.ask("status", {})).slots.some((each) => each.module === "RAK13007" && each.open), "the state was asked for");
    assert.equal(await isOn(), false);
    for (const [on, word] of [[true, "on"], [false, "off"]]) {
      await group.locator("input[type=checkbox]").click();
      await eventually(async () => await isOn() === on, `the relay is ${word}`);
      await eventually(async () => new RegExp(`The relay is\\s*${word}\\b`).test(await group.innerText()), `the page says ${word}`);
    }
    assert.deepEqual(complaints, []);
  });
});
