"use strict";
/* German and Chinese in the real editor, and from a runtime that speaks them: palette, dialog, help, sidebar, status, errors. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { Admin, eventually } = require("./admin");
const { Editor, NodeRed } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");

/** What the same things are called, re-typed. */
const LANGUAGES = {
  de: {
    browser: "de-DE", palette: "RAK5801 Eingang 4‑20 mA", rows: ["Bridge", "Steckplatz", "Ausführen", "Operation"], operation: "Lesen",
    help: ["Eingangsdaten", "Ausgangsdaten", "Details"], sidebar: [/Verbunden/, /Steckplatz 1/, /Benutzt von/, /Keine Probleme/, /Strom/],
    status: "emuliert", badParameter: /^RAK5801 in Steckplatz 1: samples \(msg\.payload\) ist "viele", also keine Zahl\. Senden Sie eine Zahl/,
    refused: /^RAK5801 in Steckplatz 1: Ein Wert passt nicht\. .*\(Bridge: .*samples.*\)$/,
    noDevice: [/An der Adresse antwortet nichts/, /\(Bridge: /, /Drücken Sie das Modul/], offline: /Die Bridge antwortet nicht/,
  },
  "zh-CN": {
    browser: "zh-CN", palette: "RAK5801 4‑20 mA 输入", rows: ["桥接程序", "插槽", "执行方式", "操作"], operation: "读取",
    help: ["输入", "输出", "详细信息"], sidebar: [/已连接/, /插槽 1/, /使用者|占用/, /没有问题|无问题/, /电流/],
    status: "仿真", badParameter: /^插槽 1 中的 RAK5801：samples \(msg\.payload\) 的值 "viele" 不是数字。请发送数字/,
    refused: /^插槽 1 中的 RAK5801：有一个值不符合要求。.*（桥接程序：.*samples.*）$/,
    noDevice: [/该地址没有应答/, /（桥接程序：/, /请将模块压紧/], offline: /桥接程序没有应答/,
  },
};

/** Where pictures go when somebody wants to look at them. */
const PICTURES = process.env.PICTURES || "";

const tab = { id: "tab", type: "tab", label: "Test" };
const reader = (id, more) => ({
  id, type: "wisblock-rak5801", z: "tab", x: 400, y: 100, name: "", bridge: "bridge1", slot: "1", trigger: "message", operation: "read",
  read_samples: "payload", read_samplesType: "msg", onLoss: "safe", every_ms: "1000", timeout_ms: "", wires: [[]], ...more,
});
const FLOW = [
  tab,
  { id: "inject", type: "inject", z: "tab", x: 150, y: 100, name: "", props: [{ p: "payload" }], payload: "1", payloadType: "num", repeat: "", crontab: "", once: false, onceDelay: 0.1, wires: [["read"]] },
  reader("read"),
  reader("repeat", { y: 180, trigger: "every", every_ms: "100", read_samples: "1", read_samplesType: "num" }),
  { id: "catch", type: "catch", z: "tab", x: 150, y: 260, name: "", scope: null, uncaught: false, wires: [["errors"]] },
  { id: "errors", type: "debug", z: "tab", x: 400, y: 260, name: "", active: true, tosidebar: true, console: false, tostatus: false, complete: "error", targetType: "msg", wires: [] },
];

for (const [code, words] of Object.entries(LANGUAGES)) {
  describe(`the editor in ${code}`, function () {
    this.timeout(180000);

    const bridge = new BridgeProcess({ board: "RAK7391" });
    const nodeRed = new NodeRed();
    const editor = new Editor();
    const admin = new Admin(nodeRed);
    let page;

    before(async () => {
      await bridge.start();
      await nodeRed.start([], { language: code });
      await admin.open();
      await admin.deploy([...FLOW, { id: "bridge1", type: "wisblock-bridge", name: "", endpoint: bridge.endpoint, leaseMs: "" }]);
      await editor.open(nodeRed.url, { language: words.browser });
      page = editor.page;
    });

    after(async () => {
      admin.close();
      await editor.close();
      await nodeRed.stop();
      await bridge.dispose();
    });

    const picture = async (name) => {
      if (PICTURES !== "") {
        fs.mkdirSync(PICTURES, { recursive: true });
        await page.screenshot({ path: path.join(PICTURES, `${code}-${name}.png`) });
      }
    };

    it("has palette, dialog and help", async () => {
      await editor.filterPalette("RAK5801");
      const label = await editor.paletteNode("wisblock-rak5801").innerText();
      assert.equal(label.replace(/\s+/g, " ").replaceAll("\u00a0", " ").trim(), words.palette);
      await editor.edit("read");
      const rows = await page.locator(".red-ui-tray .form-row label:visible").allInnerTexts();
      assert.deepEqual(words.rows.filter((each) => !rows.map((row) => row.trim()).includes(each)), [], rows.join(" | "));
      assert.equal(await page.locator("#node-input-operation option:checked").innerText(), words.operation);
      await picture("dialog");
      await editor.finishDialog();
      await page.evaluate(() => window.RED.sidebar.help.show("wisblock-rak5801"));
      const help = page.locator(".red-ui-help");
      await help.locator("h3").first().waitFor();
      const headings = await help.locator("h3").allInnerTexts();
      assert.deepEqual(words.help.filter((each) => !headings.includes(each)), [], headings.join(" | "));
      await picture("help");
      for (const type of ["wisblock-bridge", "wisblock-request"]) {
        await page.evaluate((which) => window.RED.sidebar.help.show(which), type);
        await page.waitForFunction((heading) => [...document.querySelectorAll(".red-ui-help h3")].some((each) => each.innerText === heading), words.help[2]);
      }
      await picture("help-of-the-bridge");
    });

    it("has the sidebar", async () => {
      await page.evaluate(() => window.RED.sidebar.show("wisblock"));
      await page.locator(".wb-slot[data-slot='1']").click();
      const said = () => page.locator(".wb-sidebar").innerText();
      for (const pattern of words.sidebar) {
        let last = "";
        await eventually(async () => {
          last = await said();
          return pattern.test(last);
        }, () => `the sidebar says ${pattern}: ${last}`);
      }
      await picture("sidebar");
    });

    it("has the status and the errors of a runtime of that language", async () => {
      await admin.status("repeat", new RegExp(`^green .* ${words.status}$`));
      let caught = admin.next("errors");
      await admin.inject("inject", "viele");
      let error = await caught;
      assert.match(error.message, words.badParameter);
      assert.equal(error.code, "bad_params");
      caught = admin.next("errors");
      await admin.inject("inject", "9999999");
      error = await caught;
      assert.match(error.message, words.refused);
      assert.equal(error.code, "bad_params");
    });

    it("has problems in the sidebar, with the bridge's own words behind", async () => {
      await bridge.ask("emulator.fault", { slot: 1, kind: "nack" });
      const problems = () => page.locator(".wb-problems").innerText();
      for (const pattern of words.noDevice) {
        let last = "";
        await eventually(async () => {
          last = await problems();
          return pattern.test(last);
        }, () => `the list says ${pattern}: ${last}`);
      }
      await picture("problems");
      await bridge.ask("emulator.fault", { slot: 1, kind: "nack", count: 0 });
    });

    it("says that the bridge is away", async () => {
      const caught = admin.next("errors", (each) => each.code === "offline");
      await bridge.dispose();
      assert.match((await caught).message, words.offline);
      await eventually(async () => words.offline.test(await page.locator(".wb-problems").innerText()), "the sidebar says it, too");
      await picture("offline");
    });
  });
}
