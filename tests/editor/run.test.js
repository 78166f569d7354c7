"use strict";
/* `make run`, as somebody sees it who starts it for the first time: what it prints, the palette, the debug panel, a terminal beside it. */

const assert = require("node:assert/strict");
const { execFile, spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const { promisify } = require("node:util");
const { chromium } = require("playwright-core");
const { CHROMIUM, ROOT } = require("./editor");
const { boxOf, overlap } = require("../nodes/peers/canvas");

const LONG_MS = 120000;
const NOTE = path.join(ROOT, ".run", "endpoint");

/** @returns {Promise<number>} a port that is free now */
function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @returns {NodeJS.ProcessEnv} an environment that names no bridge */
function unconfigured() {
  const environment = { ...process.env };
  delete environment.WISBLOCK_BRIDGE_ENDPOINT;
  return environment;
}

describe("make run", function () {
  this.timeout(LONG_MS);
  let child;
  let output = "";
  let url;

  before(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    fs.rmSync(path.join(ROOT, ".run", "node-red"), { recursive: true, force: true });
    child = spawn(process.execPath, [path.join(ROOT, "scripts", "run.mjs"), "--port", String(port)], { cwd: ROOT, env: unconfigured() });
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it did not start:\n${output}`)), LONG_MS);
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (data) => {
          output += data;
          if (output.includes("Ctrl-C stops everything")) {
            clearTimeout(timer);
            resolve();
          }
        });
      }
      child.once("exit", (code) => reject(new Error(`it ended with ${code}:\n${output}`)));
    });
    child.removeAllListeners("exit");
  });

  after(async () => {
    if (child.exitCode === null) {
      child.kill("SIGINT");
      await new Promise((resolve) => { child.once("exit", resolve); });
    }
  });

  it("is found by a command in the checkout", async () => {
    const endpoint = fs.readFileSync(NOTE, "utf8").trim();
    assert.ok(output.includes(`--endpoint ${endpoint}`), output);
    const command = path.join(ROOT, ".venv", "bin", "wisblock-bridge");
    const { stdout } = await promisify(execFile)(command, ["status"], { cwd: path.join(ROOT, "flows"), env: unconfigured() });
    assert.match(stdout, /emulated RAK7391/);
  });

  it("shows WisBlock first, and in the debug panel the flow that is looked at", async () => {
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForSelector("#red-ui-palette-category-wisblock, [id^=red-ui-palette-base-category-wisblock]", { timeout: LONG_MS });
      const categories = await page.$$eval("#red-ui-palette .red-ui-palette-content", (all) => all.map((each) => each.id));
      assert.match(categories[0] ?? "", /wisblock/, categories.join(" "));
      const filter = await page.textContent("#red-ui-sidebar-debug-filter span");
      assert.match(filter ?? "", /current flow/);
    } finally {
      await browser.close();
    }
  });

  it("has tabs for what runs, and one more that names every other flow", async () => {
    const { flows } = await (await fetch(new URL("flows", url), { headers: { "Node-RED-API-Version": "v2" } })).json();
    const tabs = flows.filter((each) => each.type === "tab");
    assert.deepEqual(tabs.filter((each) => each.disabled), []);
    const more = tabs.at(-1);
    assert.equal(more.label, "More flows");
    assert.match(more.info, /make run FLOW=/);
    const named = flows.filter((each) => each.z === more.id && each.type === "comment").map((each) => each.name);
    const files = fs.readdirSync(path.join(ROOT, "flows"), { recursive: true }).filter((each) => each.endsWith(".json"));
    const running = files.filter((file) => {
      const { id } = JSON.parse(fs.readFileSync(path.join(ROOT, "flows", file), "utf8")).find((each) => each.type === "tab");
      return tabs.some((each) => each.id === id);
    });
    assert.ok(running.length >= 3, running.join(", "));
    const missing = files.filter((file) => !running.includes(file)).map((file) => path.basename(file, ".json"));
    assert.deepEqual(missing.filter((name) => !named.includes(name)), []);
    const boxes = flows.filter((each) => each.z === more.id && each.type === "comment").map((each) => boxOf(each, each.name));
    boxes.forEach((box, index) => {
      assert.ok(box.left >= 0 && box.right <= 1000 && box.bottom <= 1000);
      assert.ok(!boxes.slice(index + 1).some((other) => overlap(box, other)));
    });
  });

  it("takes its note back when it is stopped", async () => {
    child.kill("SIGINT");
    const code = await new Promise((resolve) => { child.once("exit", resolve); });
    assert.equal(code, 0, output);
    assert.ok(!fs.existsSync(NOTE));
  });
});
