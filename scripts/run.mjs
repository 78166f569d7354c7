// `make run`: an emulated board, the bridge that owns it, and Node-RED with the flows of this project as tabs.
//
// 1. Everything it writes is in .run/, which can be deleted at any time.
// 2. Flows that want the same slot cannot run side by side: those that can run with the chosen one are tabs, one more tab names the others.
// 3. Ctrl-C, or the end of either process, stops both in good order.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** @typedef {{id: string, type: string, slot?: string, info?: string, [property: string]: unknown}} FlowNode  as it stands in a flow file */

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    flow: { type: "string", default: "RAK5801" },
    port: { type: "string", default: process.env.PORT ?? "1880" },
    board: { type: "string" },
  },
});
const workplace = path.join(root, ".run");
const userDirectory = path.join(workplace, "node-red");
const endpoint = process.env.WISBLOCK_BRIDGE_ENDPOINT ?? `ipc://${socketPath()}`;

/** Where the socket goes: beside everything else, unless that path is longer than Linux allows (107 bytes). */
function socketPath() {
  const beside = path.join(workplace, "bridge.sock");
  if (Buffer.byteLength(beside) <= 100) return beside;
  return path.join(fs.mkdtempSync(path.join(os.tmpdir(), "wisblock-run-")), "bridge.sock");
}

/** All flow files below a folder, in the order of their names.  @param {string} folder @returns {string[]} */
function flowFiles(folder) {
  return fs.readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => a.name.localeCompare(b.name))
    .flatMap((entry) => {
      const place = path.join(folder, entry.name);
      if (entry.isDirectory()) return flowFiles(place);
      return entry.name.endsWith(".json") ? [place] : [];
    });
}

/** The slots that a flow puts modules into.  @param {FlowNode[]} nodes */
function slotsOf(nodes) {
  return new Set(nodes.filter((node) => /^wisblock-rak/.test(node.type) && node.slot).map((node) => String(node.slot)));
}

/** The clock of a RAK7391 has the address of this module, as delivered. */
const NOT_ON_RAK7391 = ["wisblock-rak12004"];

/** Only a RAK7391 has expanders. */
const ONLY_ON_RAK7391 = ["wisblock-tpt29555"];

/**
 * The tab that says how to see the flows that do not run now: a comment node for each, with its description.
 *
 * @param {{name: string, description: string}[]} others
 * @returns {FlowNode[]}
 */
function moreFlows(others) {
  const tab = "wisblockmoreflows";
  const rows = Math.ceil(others.length / 2);
  const info = "These flows need the same slots, or another board, and cannot run beside the ones that do. Stop `make run` with Ctrl-C and "
    + "start it with another flow, for example `make run FLOW=RAK13007`; any part of a flow's name will do.\n\nTo have one of them in "
    + "this editor, or in your own Node-RED: menu > Import > Examples > WisBlock.";
  return [
    { id: tab, type: "tab", label: "More flows", disabled: false, info },
    { id: `${tab}0`, type: "comment", z: tab, name: "To start one of these: stop with Ctrl-C, then make run FLOW=name", info, x: 280, y: 40, wires: [] },
    ...others.map(({ name, description }, index) => ({
      id: `${tab}${index + 1}`, type: "comment", z: tab, name, info: description,
      x: index < rows ? 200 : 560, y: 100 + 50 * (index % rows), wires: [],
    })),
  ];
}

/** One Node-RED flow file out of all: the chosen one first, then those that neither clash with it nor need another board.  @param {string} chosen */
function gatherFlows(chosen) {
  const files = flowFiles(path.join(root, "flows"));
  const first = files.filter((file) => path.basename(file).toLowerCase().includes(chosen.toLowerCase()));
  if (first.length === 0) {
    const names = files.map((file) => path.basename(file, ".json")).join("\n  ");
    throw new Error(`No flow has "${chosen}" in its name. There are:\n  ${names}`);
  }
  const uses = (/** @type {FlowNode[]} */ nodes, /** @type {string[]} */ types) => nodes.some((node) => types.includes(node.type));
  /** @type {(file: string) => FlowNode[]} */
  const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
  const board = options.board ?? (first.some((file) => uses(read(file), NOT_ON_RAK7391)) ? "RAK6421" : "RAK7391");
  const foreign = board === "RAK7391" ? NOT_ON_RAK7391 : ONLY_ON_RAK7391;
  const taken = new Set();
  const seen = new Set();
  const gathered = [];
  const others = [];
  for (const file of [...first, ...files.filter((other) => !first.includes(other))]) {
    const nodes = read(file);
    const slots = slotsOf(nodes);
    const clash = uses(nodes, foreign) || [...slots].some((slot) => taken.has(slot)); // of the same module, too: two would drive one motor
    if (clash) {
      others.push({ name: path.basename(file, ".json"), description: nodes.find((node) => node.type === "tab")?.info ?? "" });
      continue;
    }
    for (const slot of slots) taken.add(slot);
    for (const node of nodes) {
      if (seen.has(node.id)) continue; // the bridge's config node is in every file
      seen.add(node.id);
      gathered.push(node);
    }
  }
  return { board, nodes: [...gathered, ...moreFlows(others)] };
}

/** Write a file, its folder included.  @param {string} file @param {string} text */
function write(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

let gathered;
try {
  gathered = gatherFlows(options.flow);
} catch (error) {
  process.stderr.write(`${/** @type {Error} */ (error).message}\n`);
  process.exit(2);
}
write(path.join(userDirectory, "flows.json"), JSON.stringify(gathered.nodes, null, 4));
write(path.join(userDirectory, "settings.js"), `module.exports = ${JSON.stringify({
  uiHost: "127.0.0.1",
  uiPort: Number(options.port),
  flowFile: "flows.json",
  nodesDir: [root],
  credentialSecret: false,
  paletteCategories: ["wisblock", "subflows", "common", "function", "network", "sequence", "parser", "storage"],
  editorTheme: { tours: false, page: { title: "WisBlock on an emulated board" } },
  telemetry: { enabled: false, updateNotification: false },
  logging: { console: { level: "info", metrics: false, audit: false } },
}, null, 2)};\n`);

// The debug panel shows the tab that is looked at, not all flows at once; who changes that keeps the change.
const userSettings = path.join(userDirectory, ".config.users.json");
if (!fs.existsSync(userSettings)) write(userSettings, JSON.stringify({ _: { debug: { filter: "filterCurrent" } } }));

// Commands that are given in this checkout find the bridge by this note (`cli/checkout.py`).
const note = path.join(workplace, "endpoint");
fs.rmSync(note, { force: true });
fs.writeFileSync(note, `${endpoint}\n`, { mode: 0o600 });
process.on("exit", () => fs.rmSync(note, { force: true }));

const environment = { ...process.env, WISBLOCK_BRIDGE_ENDPOINT: endpoint };
const children = new Map();
let stopping = false;

/** Start a child whose output goes through and whose end ends everything.  @param {string} name @param {string} command @param {string[]} parameters */
function start(name, command, parameters) {
  const child = spawn(command, parameters, { cwd: root, env: environment, stdio: ["ignore", "inherit", "inherit"] });
  children.set(name, child);
  child.on("error", (error) => {
    process.stderr.write(`${name} cannot be started: ${error.message}\n`);
    stop(1);
  });
  child.on("exit", (code, signal) => {
    children.delete(name);
    if (!stopping) process.stderr.write(`${name} ended (${signal ?? `exit code ${code}`}); stopping the rest\n`);
    stop(stopping ? 0 : code || 1);
  });
}

/** Ask all children to stop; leave when they have.  @param {number} code */
function stop(code) {
  if (!stopping) {
    stopping = true;
    process.exitCode = code;
    for (const child of children.values()) child.kill("SIGTERM");
    setTimeout(() => { for (const child of children.values()) child.kill("SIGKILL"); }, 8000).unref();
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(0));
start("the bridge", path.join(root, ".venv", "bin", "wisblock-bridge"),
  ["serve", "--demo", "--board", gathered.board, "--endpoint", endpoint]);
start("Node-RED", process.execPath,
  [path.join(root, "node_modules", "node-red", "red.js"), "--userDir", userDirectory,
    "--settings", path.join(userDirectory, "settings.js")]);

/** Wait until the editor answers, so that what is said below is true and stands at the end of the output. */
async function editorAnswers() {
  const url = `http://127.0.0.1:${options.port}/settings`;
  while (!stopping) {
    const answered = await fetch(url).then((response) => response.ok, () => false);
    if (answered) return true;
    await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
  return false;
}

if (await editorAnswers()) {
  const dashboard = gathered.nodes.some((node) => node.type === "ui-page") ? `
  Dashboard:       http://127.0.0.1:${options.port}/dashboard` : "";
  process.stdout.write(`
  Node-RED:        http://127.0.0.1:${options.port}${dashboard}
  In a terminal:   .venv/bin/wisblock-bridge status      in this folder; it finds this bridge automatically
  From elsewhere:  wisblock-bridge status --endpoint ${endpoint}
  In Python:       Bridge("${endpoint}")
  Ctrl-C stops everything.

`);
}
