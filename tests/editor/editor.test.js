"use strict";
/* The real editor, used as people use it. WISBLOCK_SCREENSHOT names a file for a picture of the last test's flow. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { CHROMIUM, Editor, NodeRed, ROOT, nodeRedDirectory } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const { until } = require("../nodes/conditions");
const { KEYS, startGuarded } = require("../nodes/peers/keys");
const { stopPeers } = require("../nodes/peers/start-peer");
const catalogue = require("../../node-red-nodes/catalogue.json");

const FLOWS = path.join(ROOT, "flows");
const flowFiles = fs.readdirSync(FLOWS, { recursive: true }).filter((each) => each.endsWith(".json")).sort();
const readFlow = (file) => JSON.parse(fs.readFileSync(path.join(FLOWS, file), "utf8"));
/** The module that the README's picture shows: one number every second. */
const plain = catalogue.modules.find((each) => each.name === "RAK5801");
const eventful = catalogue.modules.find((each) => each.events.length > 0);

const { version } = JSON.parse(fs.readFileSync(path.join(nodeRedDirectory(), "package.json"), "utf8"));

describe(`the editor of Node-RED ${version}`, function () {
  this.timeout(180000);

  const bridge = new BridgeProcess();
  const nodeRed = new NodeRed();
  const editor = new Editor();

  before(async () => {
    assert.ok(fs.existsSync(CHROMIUM), `No browser at ${CHROMIUM}. Install Chromium, or name one in the variable CHROMIUM.`);
    const examples = require("node:child_process").spawnSync(process.execPath, [path.join(ROOT, "scripts", "examples.mjs")]);
    assert.equal(examples.status, 0);
    await bridge.start();
    await nodeRed.start([
      { id: "tab1", type: "tab", label: "Test" },
      { id: "bridge1", type: "wisblock-bridge", name: "", endpoint: bridge.endpoint, leaseMs: "" },
      { id: "seed", type: `wisblock-${plain.slug}`, z: "tab1", x: 300, y: 500, name: "", bridge: "bridge1", slot: "1", trigger: "message", operation: plain.operations[0].name, every_ms: "1000", onLoss: "safe", wires: [[]] },
    ]);
    assert.equal(nodeRed.version.replace(/-git$/, ""), version);
    await editor.open(nodeRed.url);
  });

  after(async () => {
    await editor.close();
    await nodeRed.stop();
    await bridge.dispose();
  });

  afterEach(() => {
    assert.deepEqual(editor.complaints.splice(0), []);
  });

  it("shows the category with all nodes, each with its icon", async () => {
    const { page } = editor;
    await page.waitForSelector("#red-ui-palette-category-wisblock, #red-ui-palette-container-wisblock");
    assert.match(await page.locator("#red-ui-palette-header-wisblock").innerText(), /^\s*WisBlock\s*$/i);
    const types = await page.locator("#red-ui-palette-container-wisblock .red-ui-palette-node").evaluateAll((all) => all.map((each) => each.dataset.paletteType));
    assert.deepEqual(types.sort(), ["wisblock-request", ...catalogue.modules.map((each) => `wisblock-${each.slug}`)].sort());
    const icons = await page.evaluate(() => window.RED.nodes.registry.getNodeList().flatMap((set) => set.types)
      .filter((type) => type.startsWith("wisblock-") && type !== "wisblock-bridge")
      .map((type) => window.RED.utils.getNodeIcon(window.RED.nodes.getType(type))));
    for (const icon of icons) {
      const reply = await page.request.get(new URL(icon, nodeRed.url).href);
      assert.equal(reply.status(), 200, icon);
      assert.match(await reply.text(), /<svg/, icon);
      assert.match(icon, /wisblock-/);
    }
  });

  it("finds a node by its number and by plain words", async () => {
    for (const words of [plain.name, plain.title.split(" ")[0]]) {
      await editor.filterPalette(words);
      await editor.paletteNode(`wisblock-${plain.slug}`).waitFor({ state: "visible" });
    }
    await editor.filterPalette("");
  });

  it("lets a node be dragged, configured wrongly, told so, corrected and saved", async () => {
    const { page } = editor;
    const [operation] = plain.operations;
    const param = operation.params.find((each) => each.kind === "int" && each.high !== null);
    const field = `${operation.name}_${param.name}`;
    await editor.filterPalette(plain.name);
    const id = await editor.drag(`wisblock-${plain.slug}`);
    await editor.edit(id);
    const form = page.locator("#dialog-form");
    const text = await form.innerText();
    for (const label of ["Name", "Bridge", "Slot", "Run", param.label]) {
      assert.match(text, new RegExp(label), `the label "${label}"`);
    }
    assert.doesNotMatch(text, /form\.|\bbridge:/, "labels are translated");
    assert.equal(await form.locator(`label[for="node-input-${field}"]`).getAttribute("title"), param.summary);
    await page.selectOption("#node-input-bridge", "bridge1");
    const input = page.locator(`.form-row:has(#node-input-${field}) .red-ui-typedInput-input`);
    await input.fill(String(param.high + 1));
    await input.blur();
    await page.waitForSelector(`.form-row:has(#node-input-${field}) .red-ui-typedInput-container.input-error`);
    await editor.finishDialog();
    const wrong = await editor.validity(id);
    assert.equal(wrong.valid, false);
    assert.match(wrong.errors.join(), new RegExp(`${param.label}: at most ${param.high}`));
    await editor.edit(id);
    await page.waitForSelector(`.form-row:has(#node-input-${field}) .red-ui-typedInput-container.input-error`);
    await input.fill(String(param.high));
    await input.blur();
    await page.waitForSelector(`.form-row:has(#node-input-${field}) .red-ui-typedInput-container:not(.input-error)`);
    await editor.finishDialog();
    assert.deepEqual(await editor.validity(id), { valid: true, errors: [] });
    assert.equal(await editor.property(id, field), String(param.high));
    await editor.filterPalette("");
  });

  it("gives a node that is imported without a bridge the only one there is, and the bridge knows of it", async () => {
    const { page } = editor;
    await editor.import([{ id: "stray", type: `wisblock-${plain.slug}`, z: "tab1", x: 300, y: 900, slot: "1", trigger: "message", operation: plain.operations[0].name, every_ms: "1000", onLoss: "safe", wires: [[]] }]);
    assert.equal(await editor.property("stray", "bridge"), "bridge1");
    assert.deepEqual(await editor.validity("stray"), { valid: true, errors: [] });
    assert.equal(await page.evaluate(() => window.RED.nodes.node("bridge1").users.filter((each) => each.id === "stray").length), 1);
  });

  it("shows the fields of what was chosen, and only these", async () => {
    const { page } = editor;
    const [operation, other] = eventful.operations.filter((each) => each.params.length > 0);
    const [event] = eventful.events;
    await editor.import([{ id: "rows", type: `wisblock-${eventful.slug}`, z: "tab1", x: 300, y: 600, bridge: "bridge1", slot: String(eventful.slots[0]), trigger: "message", operation: operation.name, event: event.name, every_ms: "1000", onLoss: "safe", wires: [[]] }]);
    await editor.edit("rows");
    const visible = () => page.locator("#dialog-form .wisblock-param:visible label").evaluateAll((all) => all.map((each) => each.getAttribute("for").replace("node-input-", "")));
    const fields = (each) => each.params.map((param) => `${each.name}_${param.name}`);
    assert.deepEqual(await visible(), fields(operation));
    assert.equal(await page.locator(".wisblock-row-every:visible").count(), 0);
    await page.selectOption("#node-input-operation", other.name);
    assert.deepEqual(await visible(), fields(other));
    await page.selectOption("#node-input-trigger", "event");
    assert.deepEqual(await visible(), fields(event));
    assert.equal(await page.locator(".wisblock-row-operation:visible").count(), 0);
    await page.selectOption("#node-input-trigger", "every");
    assert.equal(await page.locator(".wisblock-row-every:visible").count(), 2);
    await editor.finishDialog("#node-dialog-cancel");
    assert.equal(await editor.property("rows", "trigger"), "message");
  });

  for (const module of catalogue.modules) {
    it(`opens, explains and saves a ${module.name} without a complaint`, async () => {
      const { page } = editor;
      await editor.filterPalette(module.name);
      const id = await editor.drag(`wisblock-${module.slug}`, 700, 300);
      await editor.edit(id);
      await page.selectOption("#node-input-bridge", "bridge1");
      await editor.finishDialog();
      assert.deepEqual(await editor.validity(id), { valid: true, errors: [] });
      const help = await page.evaluate((type) => window.RED.nodes.getNodeHelp(type), `wisblock-${module.slug}`);
      assert.ok(help.includes(module.operations[0].readings[0].name));
      await page.evaluate((nodeId) => window.RED.nodes.remove(nodeId), id);
      await editor.filterPalette("");
    });
  }

  it("shows the unit of a number in its field, and not in its label", async () => {
    const { page } = editor;
    await editor.import([{ id: "measures", type: "wisblock-rak5801", z: "tab1", x: 300, y: 760, bridge: "bridge1", slot: "1", trigger: "message", operation: "calibrate", calibrate_point: "low", calibrate_pointType: "choice", calibrate_actual: "4", calibrate_actualType: "num", wires: [[]] }]);
    await editor.edit("measures");
    const row = page.locator(".form-row", { has: page.locator("#node-input-calibrate_actual") });
    assert.equal(await row.locator(".wisblock-unit").innerText(), "mA");
    assert.equal((await row.locator("label").innerText()).trim(), "True current");
    const field = row.locator(".red-ui-typedInput-input");
    assert.equal(await page.locator(`#${await field.getAttribute("aria-describedby")}`).innerText(), "mA");
    await editor.finishDialog("#node-dialog-cancel");
    await page.evaluate(() => window.RED.nodes.remove("measures"));
  });

  it("offers what there is in the form of the request node, and finds names that do not exist", async () => {
    const { page } = editor;
    const relay = catalogue.modules.find((each) => each.name === "RAK13007");
    await editor.import([{ id: "asks", type: "wisblock-request", z: "tab1", x: 300, y: 700, bridge: "bridge1", method: "invoke", module: "RAK13007", slot: "1", operation: "pulse", params: '{"onn": true}', timeout_ms: "", wires: [[]] }]);
    const wrong = await editor.validity("asks");
    assert.equal(wrong.valid, false);
    assert.match(wrong.errors.join(), /RAK13007 pulse has no parameter "onn"; it has: ms/);
    await editor.edit("asks");
    const choices = (name) => page.evaluate((field) =>
      window.$(`#node-input-${field}`).data("nodered-typedInput").typeMap.choice.options.map((each) => each.value), name);
    assert.deepEqual(await choices("module"), ["", ...catalogue.modules.map((each) => each.name)]);
    assert.deepEqual(await choices("slot"), ["", "1", "2"]);
    assert.deepEqual(await choices("operation"), ["", ...relay.operations.map((each) => each.name)]);
    assert.match(await page.innerText("#wisblock-request-help"), /ms\s+20 to 8.64e7 ms, required/);
    await page.evaluate(() => {
      window.$("#node-input-module").typedInput("value", "ADC");
      window.$("#node-input-slot").typedInput("value", "board");
      window.$("#node-input-operation").typedInput("value", "read");
      window.$("#node-input-params").typedInput("value", '{"channel": 1}');
    });
    assert.deepEqual(await choices("slot"), ["", "board"]);
    assert.match(await page.innerText("#wisblock-request-help"), /channel 0 to 3, default 0/);
    await editor.finishDialog();
    assert.deepEqual(await editor.validity("asks"), { valid: true, errors: [] });
    const saved = await Promise.all(["module", "slot", "operation", "params"].map((name) => editor.property("asks", name)));
    assert.deepEqual(saved, ["ADC", "board", "read", '{"channel": 1}']);
  });

  it("offers our examples in the import menu", async () => {
    const { page } = editor;
    await page.evaluate(() => window.RED.actions.invoke("core:show-examples-import-dialog"));
    const dialog = page.locator("#red-ui-clipboard-dialog");
    await dialog.waitFor({ state: "visible" });
    await dialog.getByText("node-red-wisblock").first().click();
    for (const file of flowFiles) {
      const [group, name] = file.split(path.sep);
      await dialog.getByText(group, { exact: true }).first().waitFor({ state: "visible" });
      await dialog.getByText(group, { exact: true }).first().click();
      await dialog.getByText(name.replace(/\.json$/, ""), { exact: true }).first().waitFor({ state: "visible" });
      await dialog.getByText(group, { exact: true }).first().click();
    }
    await page.locator(".ui-dialog-buttonset #red-ui-clipboard-dialog-cancel, #red-ui-clipboard-dialog-cancel").first().click();
    await dialog.waitFor({ state: "hidden" });
  });

  it("imports them all with one bridge between them and no red triangle", async () => {
    const { page } = editor;
    const bridges = () => page.evaluate(() => {
      const found = [];
      window.RED.nodes.eachConfig((each) => {
        if (each.type === "wisblock-bridge") {
          found.push(each.id);
        }
      });
      return found;
    });
    const before = await bridges();
    const tabs = [];
    for (const file of flowFiles) {
      const nodes = readFlow(file);
      const ids = await editor.import(nodes);
      for (const { id, type } of nodes.filter((each) => each.type.startsWith("wisblock-") && each.type !== "wisblock-bridge")) {
        assert.deepEqual(await editor.validity(ids[id] ?? id), { valid: true, errors: [] }, `${file}: ${type}`);
      }
      tabs.push(await editor.property(ids[nodes[1].id] ?? nodes[1].id, "z"));
    }
    assert.equal((await bridges()).length, before.length + 1);
    for (const tab of tabs) {
      await page.evaluate((id) => window.RED.workspaces.delete(window.RED.nodes.workspace(id)), tab);
    }
  });

  it("tells in the bridge's dialog which bridge answers", async () => {
    const { page } = editor;
    await page.evaluate(() => window.RED.editor.editConfig("", "wisblock-bridge", "bridge1"));
    await page.waitForFunction(() => /version/.test(document.querySelector("#wisblock-bridge-state")?.textContent ?? ""));
    assert.match(await page.locator("#wisblock-bridge-state").innerText(), /^version \S+, board RAK7391, emulated\. /);
    await page.locator("#node-config-dialog-cancel").click();
    await page.waitForSelector("#node-config-input-endpoint", { state: "detached" });
    await page.evaluate(() => window.RED.editor.editConfig("", "wisblock-bridge", "_ADD_"));
    await page.waitForFunction(() => /deployed/.test(document.querySelector("#wisblock-bridge-state")?.textContent ?? ""));
    await page.locator("#node-config-dialog-cancel").click();
    await page.waitForSelector("#node-config-input-endpoint", { state: "detached" });
    // the browser itself reports the 404 of a bridge that is not deployed
    editor.complaints = editor.complaints.filter((each) => !/404.*wisblock-bridge\/[^/]+\/status/.test(each));
  });

  it("asks a bridge again that does not run yet, while its dialog is open", async () => {
    const { page } = editor;
    const answers = [(route) => route.fulfill({ status: 404, json: {} }), (route) => route.fulfill({ status: 503, json: { code: "offline", message: "Away." } }), (route) => route.continue()];
    let asked = 0;
    await page.route("**/wisblock-bridge/bridge1/status", (route) => answers[Math.min(asked++, 2)](route));
    await page.evaluate(() => window.RED.editor.editConfig("", "wisblock-bridge", "bridge1"));
    await page.waitForFunction(() => /version/.test(document.querySelector("#wisblock-bridge-state")?.textContent ?? ""));
    assert.equal(asked, 3);
    await page.locator("#node-config-dialog-cancel").click();
    await page.waitForSelector("#node-config-input-endpoint", { state: "detached" });
    await page.unroute("**/wisblock-bridge/bridge1/status");
    editor.complaints = editor.complaints.filter((each) => !/(404|503).*wisblock-bridge\/bridge1\/status/.test(each));
  });

  it("asks for keys where the bridge is on another computer, takes them from the paste box and exports none", async () => {
    const { page } = editor;
    const gateway = await startGuarded("fake_bridge");
    try {
      const row = (name) => page.locator(`#node-config-input-${name}`);
      const fields = ["serverKey", "clientPublicKey", "clientSecretKey"];
      const tip = page.locator("#wisblock-bridge-keys-tip");
      const lines = (keys) => `server-key = "${keys.serverKey}"\npublic-key = "${keys.publicKey}"\r\nsecret-key = "${keys.secretKey}"\n`;
      await page.evaluate(() => window.RED.editor.editConfig("", "wisblock-bridge", "_ADD_"));
      await page.waitForSelector("#node-config-input-endpoint", { state: "visible" });
      assert.deepEqual(await Promise.all(fields.map((name) => row(name).isVisible())), [false, false, false]);
      for (const [endpoint, visible, wanted] of [["ipc:///run/a.sock", false], ["tcp://192.0.2.1:5555", true, true], ["tcp://localhost:5555", true, false],
        ["${GATEWAY}", true, false], ["tcp://192.0.2.1:5555", true, true]]) {
        await row("endpoint").fill(endpoint);
        assert.equal(await row("serverKey").isVisible(), visible, endpoint);
        if (visible) {
          assert.match(await tip.innerText(), wanted ? /on another computer: keys required/ : /nobody else can read/);
        }
      }
      const box = page.locator("#wisblock-bridge-paste");
      const result = page.locator("#wisblock-bridge-paste-result");
      await box.fill(lines({ ...KEYS, secretKey: KEYS.secretKey.slice(1) }));
      assert.match(await result.innerText(), /Not found, or not a key: secret-key$/);
      assert.equal(await row("serverKey").inputValue(), "");
      await box.fill(`wisblock-bridge keys add attic --role drive\n${lines(KEYS)}`);
      assert.match(await result.innerText(), /The three keys are in their fields/);
      assert.equal(await box.inputValue(), "", "nothing is left to be looked at");
      assert.deepEqual(await Promise.all(fields.map((name) => row(name).inputValue())), [KEYS.serverKey, KEYS.publicKey, KEYS.secretKey]);
      assert.equal(await row("clientSecretKey").getAttribute("type"), "password");
      assert.doesNotMatch(await tip.innerText(), /wanted/);

      for (const [written, good] of [[KEYS.publicKey.slice(0, 39), false], ["${PUBLIC_KEY}", true], ["", false], [KEYS.publicKey.replace("w", "\\"), false], [KEYS.publicKey, true]]) {
        await row("clientPublicKey").fill(written);
        await row("clientPublicKey").blur();
        await page.waitForSelector(`#node-config-input-clientPublicKey${good ? ":not(.input-error)" : ".input-error"}`);
      }
      assert.equal(await page.locator("#dialog-form input.input-error, .red-ui-tray input.input-error").count(), 0);

      await row("endpoint").fill(gateway.endpoint);
      await page.locator("#node-config-dialog-ok").click();
      await page.waitForSelector("#node-config-input-endpoint", { state: "detached" });
      const id = await page.evaluate((endpoint) => {
        let found;
        window.RED.nodes.eachConfig((each) => {
          found = each.endpoint === endpoint ? each.id : found;
        });
        return found;
      }, gateway.endpoint);
      await editor.deploy();
      const exported = await page.evaluate(() => JSON.stringify(window.RED.nodes.createCompleteNodeSet({ credentials: false })));
      const saved = fs.readFileSync(path.join(nodeRed.userDirectory, "flows.json"), "utf8");
      for (const key of Object.values(KEYS)) {
        assert.ok(!exported.includes(key.slice(0, 9)) && !saved.includes(key.slice(0, 9)), "no key in a flow");
      }

      await page.evaluate((nodeId) => window.RED.editor.editConfig("", "wisblock-bridge", nodeId), id);
      await page.waitForFunction(() => /version/.test(document.querySelector("#wisblock-bridge-state")?.textContent ?? ""));
      await page.waitForFunction((key) => document.querySelector("#node-config-input-serverKey")?.value === key, KEYS.serverKey);
      assert.notEqual(await row("clientSecretKey").inputValue(), KEYS.secretKey, "the secret key does not come back");
      assert.equal(await page.locator(".red-ui-tray input.input-error").count(), 0);
      await page.locator("#node-config-dialog-cancel").click();
      await page.waitForSelector("#node-config-input-endpoint", { state: "detached" });
      await page.evaluate((nodeId) => window.RED.nodes.remove(nodeId), id);
      await editor.deploy();
    } finally {
      await stopPeers();
    }
    // the browser itself reports the 404 of a bridge that is not deployed
    editor.complaints = editor.complaints.filter((each) => !/404.*wisblock-bridge\/[^/]+\/status/.test(each));
  });

  it("shows a value under the node and in the debug sidebar once a flow is deployed", async () => {
    const { page } = editor;
    const file = flowFiles.find((each) => each.includes(plain.name));
    const nodes = readFlow(file);
    const ticking = nodes.find((each) => each.trigger === "every");
    const onTestBridge = nodes.filter((each) => each.type !== "wisblock-bridge").map((each) => (each.bridge ? { ...each, bridge: "bridge1" } : each));
    await editor.import(onTestBridge);
    await editor.deploy();
    await page.evaluate((id) => window.RED.workspaces.show(id), nodes[0].id);
    await page.evaluate(() => window.RED.sidebar.show("debug"));
    await page.waitForFunction((id) => /\d.*emulated/.test(window.RED.nodes.node(id).status?.text ?? ""), ticking.id);
    const status = await page.evaluate((id) => window.RED.nodes.node(id).status, ticking.id);
    assert.match(status.text, /^\d+\.\d+ \S+ emulated$/);
    assert.equal(status.fill, "green");
    await page.waitForSelector(".red-ui-debug-msg");
    const unit = catalogue.units[plain.operations[0].readings[0].unit].symbol;
    assert.ok(status.text.includes(unit));
    await until(
      async () => (await page.locator(".red-ui-debug-msg").allInnerTexts()).some((each) => /^\d+\.\d+$/m.test(each)),
      "a number in the debug sidebar",
    );
    if (process.env.WISBLOCK_SCREENSHOT) {
      for (const each of nodes.filter(({ type }) => type === "inject")) {
        await page.request.post(new URL(`inject/${each.id}`, nodeRed.url).href);
      }
      const onMessage = nodes.filter((each) => each.trigger === "message").map((each) => each.id);
      await page.waitForFunction((ids) => ids.every((id) => /\d.*emulated/.test(window.RED.nodes.node(id).status?.text ?? "")), onMessage);
      await editor.filterPalette("wisblock");
      await editor.paletteNode("inject").waitFor({ state: "hidden" });
      await page.evaluate(() => document.querySelectorAll("#red-ui-notifications > *").forEach((each) => each.remove()));
      await page.screenshot({ path: process.env.WISBLOCK_SCREENSHOT });
    }
    await bridge.stop("SIGKILL");
    await page.waitForFunction((id) => /disconnected/.test(window.RED.nodes.node(id).status?.text ?? ""), ticking.id);
  });
});
