"use strict";
/* The sidebar "WisBlock" for those who may not do everything, and with a bridge that means harm. */

const assert = require("node:assert/strict");
const { Editor, NodeRed } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const { until } = require("../nodes/conditions");
const { freshEndpoint, removeEndpoints, startPeer, stopPeers } = require("../nodes/peers/start-peer");

const flow = (endpoint) => [
  { id: "tab1", type: "tab", label: "Flow 1" },
  { id: "bridge1", type: "wisblock-bridge", name: "", endpoint, leaseMs: "" },
  { id: "loop", type: "wisblock-rak5801", z: "tab1", x: 300, y: 100, name: "", bridge: "bridge1", slot: "1", trigger: "every", every_ms: "200", operation: "read", onLoss: "safe", wires: [[]] },
];
const show = (page) => page.evaluate(() => window.RED.sidebar.show("wisblock"));
const words = (page) => page.locator(".wb-sidebar").innerText();

describe("the sidebar's permissions", function () {
  this.timeout(120000);

  const bridge = new BridgeProcess({ board: "RAK7391" });
  const nodeRed = new NodeRed();
  const others = ["context.read", "flows.read", "library.read", "nodes.read", "plugins.read", "settings.read", "status.read", "icons.read", "wisblock-bridge.read"];
  const users = { reader: "read", blind: others, writer: "*" };

  before(async () => {
    await bridge.start();
    await nodeRed.start(flow(bridge.endpoint), { users });
  });

  after(async () => {
    await nodeRed.stop();
    await bridge.dispose();
  });

  const as = async (user, see) => {
    const editor = new Editor();
    try {
      await editor.open(nodeRed.url, { user });
      await show(editor.page);
      const ask = async (method, address) => (await fetch(new URL(address, nodeRed.url), {
        method, headers: { Authorization: `Bearer ${editor.tokens.access_token}`, "Content-Type": "application/json" },
        body: method === "POST" ? JSON.stringify({ action: "set", params: { slot: 1, quantity: "current", value: 5 } }) : undefined,
      })).status;
      await see(editor.page, ask);
    } finally {
      await editor.close();
    }
  };

  it("lets nobody in who has not logged in", async () => {
    for (const address of ["wisblock/observe", "wisblock/bridge1/layout", "wisblock/bridge1/world/1", "wisblock/bridge1/report"]) {
      assert.equal((await fetch(new URL(address, nodeRed.url))).status, 401, address);
    }
  });

  it("shows everything to one who may look, and lets them change nothing", async () => {
    await as("reader", async (page, ask) => {
      await until(async () => /mA/.test(await words(page)), "values are shown");
      const controls = page.locator(".wb-world input, .wb-world button, .wb-world select, .wb-demo button, .wb-rescan, .wb-report");
      await until(async () => await controls.count() > 6, "there are controls");
      for (const each of await controls.all()) {
        assert.equal(await each.isDisabled(), true, await each.evaluate((element) => element.outerHTML));
      }
      assert.equal(await ask("POST", "wisblock/bridge1/emulator"), 401);
      assert.equal(await ask("POST", "wisblock/bridge1/scan"), 401);
      assert.equal(await ask("GET", "wisblock/bridge1/report"), 401);
      assert.notEqual((await bridge.ask("emulator.get", { slot: 1, quantity: "current" })).value, 5);
    });
  });

  it("shows nothing to one who may not look", async () => {
    await as("blind", async (page, ask) => {
      await until(async () => /You have no permission to see the bridges \(wisblock\.read\)/.test(await words(page)), "it says so");
      assert.equal(await page.locator(".wb-svg").count(), 0);
      assert.equal(await ask("GET", "wisblock/observe"), 401);
      assert.equal(await ask("GET", "wisblock/bridge1/layout"), 401);
    });
  });

  it("lets one who may write do so", async () => {
    await as("writer", async (page, ask) => {
      await until(async () => /mA/.test(await words(page)), "values are shown");
      assert.equal(await ask("POST", "wisblock/bridge1/emulator"), 200);
      assert.equal((await bridge.ask("emulator.get", { slot: 1, quantity: "current" })).value, 5);
    });
  });
});

describe("the sidebar of an evil bridge", function () {
  this.timeout(120000);

  const nodeRed = new NodeRed();
  const editor = new Editor();
  let page;

  before(async () => {
    const { endpoint } = await startPeer("evil_bridge", freshEndpoint());
    await nodeRed.start(flow(endpoint));
    await editor.open(nodeRed.url);
    page = editor.page;
  });

  after(async () => {
    await editor.close();
    await nodeRed.stop();
    await stopPeers();
    removeEndpoints();
  });

  const isHarmed = () => page.evaluate(() => ({
    harmed: window.harmed, polluted: {}.html,
    foreign: [...document.querySelectorAll(".wb-sidebar img, .wb-sidebar image, .wb-theme img, .wb-dragged img")].map((each) => each.getAttribute("src") || each.getAttribute("href"))
      .filter((each) => !/^icons\/@wisblock-bridge\/node-red-wisblock\/wisblock-[a-z0-9-]+\.svg$/.test(each)),
    scripts: document.querySelectorAll(".wb-sidebar script, .wb-theme script, .wb-sidebar [onerror], .wb-sidebar [onload], .wb-sidebar iframe").length,
    links: [...document.querySelectorAll(".wb-sidebar a")].map((each) => each.href).filter((each) => !each.startsWith("https://github.com/wisblock-bridge/")),
  }));
  const unharmed = { harmed: undefined, polluted: undefined, foreign: [], scripts: 0, links: [] };

  it("is text, whatever it says", async () => {
    await show(page);
    await until(async () => (await words(page)).split("<img src=x onerror=").length > 10, "its words are shown as words");
    assert.deepEqual(await isHarmed(), unharmed);
  });

  it("is text in every part of it that can be opened", async () => {
    let refusals = 0;
    for (const slot of await page.locator(".wb-slot[data-slot]").all()) {
      await slot.hover();
      await page.waitForTimeout(250);
      await slot.click();
      await page.waitForTimeout(300);
      await page.evaluate(() => [...document.querySelectorAll(".wb-world button, .wb-rescan")].forEach((each) => each.click()));
      await page.waitForTimeout(300);
      refusals += /Not done: <img/.test(await words(page)) ? 1 : 0;
      assert.deepEqual(await isHarmed(), unharmed);
    }
    assert.ok(refusals > 0, "what was refused is said");
    assert.deepEqual(await isHarmed(), unharmed);
    assert.deepEqual(editor.complaints.filter((each) => /page error|icons|evil/.test(each)), []);
  });

  it("costs no more of the page than it is given", async () => {
    const elements = await page.evaluate(() => document.querySelectorAll(".wb-sidebar *").length);
    assert.ok(elements < 2000, `${elements} elements`);
  });
});
