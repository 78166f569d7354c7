"use strict";
/*
 * The package as people get it: packed, installed into a fresh user directory, and found there by Node-RED.
 *
 * 1. Nothing is taken from the checkout after it was packed.
 */

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { Admin } = require("./admin");
const { NodeRed, ROOT } = require("./editor");
const { BridgeProcess } = require("../nodes/bridge-process");
const catalogue = require("../../node-red-nodes/catalogue.json");

const NAME = "@wisblock-bridge/node-red-wisblock";

/** Runs npm and gives what it printed. */
function npm(directory, ...words) {
  const result = spawnSync("npm", words, { cwd: directory, encoding: "utf8" });
  assert.equal(result.status, 0, `npm ${words.join(" ")}:\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

const below = (directory) => fs.readdirSync(directory, { recursive: true, withFileTypes: true })
  .filter((each) => each.isFile())
  .map((each) => path.relative(directory, path.join(each.parentPath ?? each.path, each.name)));

describe("the package, packed and installed", function () {
  this.timeout(180000);

  let workplace;
  let userDirectory;
  let modules;
  let bridge;
  const nodeRed = new NodeRed();
  const admin = new Admin(nodeRed);

  before(async () => {
    bridge = new BridgeProcess();
    workplace = fs.mkdtempSync(path.join(os.tmpdir(), "wisblock-package-"));
    userDirectory = path.join(workplace, "node-red");
    modules = path.join(userDirectory, "node_modules");
    const [{ filename }] = JSON.parse(npm(ROOT, "pack", "--json", "--pack-destination", workplace));
    fs.mkdirSync(userDirectory);
    fs.writeFileSync(path.join(userDirectory, "package.json"), JSON.stringify({ name: "node-red-project", private: true }));
    // The archive brings what it needs: no registry, and a cache in which nothing is.
    npm(userDirectory, "install", "--omit=dev", "--offline", "--cache", path.join(workplace, "cache"), "--registry", "http://127.0.0.1:9/",
      "--no-audit", "--no-fund", path.join(workplace, filename));
    await nodeRed.start([], { packageDirectory: "", userDirectory });
    await admin.open();
  });

  after(async () => {
    admin.close();
    await nodeRed.stop();
    await bridge.dispose();
    fs.rmSync(workplace, { recursive: true, force: true });
  });

  it("brings every node type, and each one loads", async () => {
    const sets = (await admin.ask("GET", "nodes")).filter((each) => each.module === NAME);
    assert.deepEqual(sets.filter((each) => each.err || !each.enabled), []);
    assert.deepEqual(sets.flatMap((each) => each.types).sort(), ["wisblock-bridge", "wisblock-request", ...catalogue.modules.map((each) => `wisblock-${each.slug}`)].sort());
    assert.ok(sets.every((each) => each.local), "found in the user directory");
    const plugins = (await admin.ask("GET", "plugins")).filter((each) => each.module === NAME);
    assert.deepEqual(plugins.flatMap((each) => each.plugins.map(({ id }) => id)), ["wisblock-sidebar"]);
    const script = await fetch(new URL(`resources/${NAME}/sidebar/panel.js`, nodeRed.url));
    assert.equal(script.status, 200);
    assert.equal(admin.freshLog(), "");
  });

  it("offers its examples in the vendor's groups", async () => {
    const list = (folder) => admin.ask("GET", `library/examples/flows/${[NAME, ...folder].map(encodeURI).join("/")}`);
    assert.ok((await admin.ask("GET", "library/examples/flows/")).includes(NAME));
    const offered = [];
    for (const group of await list([])) {
      offered.push(...(await list([group])).map(({ fn }) => `${group}/${fn}`));
    }
    const flows = below(path.join(ROOT, "flows")).map((each) => each.split(path.sep).join("/"));
    assert.deepEqual(offered.map((each) => each.replace(/(\.json)?$/, ".json")).sort(), flows.sort());
  });

  it("reads a module with an example, as the import menu gives it", async () => {
    await bridge.start();
    const example = encodeURI(`library/examples/flows/${NAME}/interface/RAK5801 4-20 mA`);
    const nodes = (await admin.ask("GET", example)).map((each) => (each.type === "wisblock-bridge" ? { ...each, endpoint: bridge.endpoint } : each));
    await admin.deploy(nodes);
    const { id } = nodes.find((each) => each.type === "debug" && each.name === "current (mA)");
    assert.equal(typeof (admin.heard(id)[0] ?? await admin.next(id)), "number");
    assert.equal(admin.freshLog(), "");
  });

  it("compiles nothing and runs nothing when it is installed", () => {
    const { packages } = JSON.parse(fs.readFileSync(path.join(modules, ".package-lock.json"), "utf8"));
    assert.ok(`node_modules/${NAME}` in packages);
    assert.deepEqual(Object.entries(packages).filter(([, each]) => each.hasInstallScript).map(([name]) => name), []);
    for (const name of Object.keys(packages)) {
      const { scripts = {}, gypfile } = JSON.parse(fs.readFileSync(path.join(userDirectory, name, "package.json"), "utf8"));
      assert.deepEqual(Object.keys(scripts).filter((each) => /^(pre|post)?install$/.test(each)), [], name);
      assert.equal(gypfile, undefined, name);
    }
    assert.deepEqual(below(modules).filter((each) => /\.(node|gyp|so|wasm)$/.test(each)), []);
  });
});
