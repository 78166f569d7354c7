// `make usability`: clicks, time and cost of the sidebar, measured on both Node-REDs and written into docs/usability.md.
//
// 1. Clicks and time: the tasks of tests/editor/clicks.js, in the real editor.
// 2. Cost: the CPU time that the kernel has counted for bridge and Node-RED, closed and open in turns, so that whatever else the computer
//    does falls on both. 20 nodes read five times a second; the readings themselves are in both figures, and not in their difference.

/* global document, window */

import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
/** @param {string[]} parts  of a path; the tests are not type-checked, so what comes from there is anything @returns {any} */
const fromTests = (...parts) => require(path.join(root, "tests", ...parts));
const { Hands } = fromTests("editor", "clicks.js");
const { Editor, NodeRed } = fromTests("editor", "editor.js");
const { BridgeProcess } = fromTests("nodes", "bridge-process.js");

const PAGE = path.join(root, "docs", "usability.md");
const NODE_RED_5 = path.join(root, "tests", "node-red-5", "node_modules", "node-red");
const SECONDS = Number(process.env.SECONDS ?? 20);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const TICKS_PER_S = 100; // what Linux tells of a process is in these
const SETTLE_MS = 2000;

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** @param {number} pid @returns {number} CPU time of all its threads, s */
function cpuS(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** @param {Record<string, number>} pids @returns {Promise<Record<string, number>>} percent of a core of each, over SECONDS */
async function percents(pids) {
  await sleep(SETTLE_MS);
  const before = Object.entries(pids).map(([name, pid]) => [name, cpuS(pid)]);
  const began = performance.now();
  await sleep(SECONDS * 1000);
  const passedS = (performance.now() - began) / 1000;
  return Object.fromEntries(before.map(([name, was]) => [name, (cpuS(pids[name]) - Number(was)) / passedS * 100]));
}

/** @param {number[]} all */
const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];

/** 20 nodes that read five times a second: 27 readings.  @param {string} endpoint @param {boolean} areReading */
function flow(endpoint, areReading) {
  const unit = (/** @type {string} */ type, /** @type {string} */ slot, /** @type {number} */ index, /** @type {object} */ more) => ({
    id: `${type}-${index}`, type: `wisblock-${type}`, z: "tab", x: 300, y: 60 + 50 * index, name: "", bridge: "bridge", slot, trigger: "every", every_ms: "200", onLoss: "safe",
    operation: "read", wires: [[]], ...more,
  });
  const numbers = (/** @type {number} */ count) => [...Array(count).keys()];
  return [
    { id: "tab", type: "tab", label: "Flow 1" },
    { id: "bridge", type: "wisblock-bridge", name: "", endpoint, leaseMs: "" },
    ...areReading ? [
      unit("rak5801", "1", 0, {}), unit("rak16000", "2", 1, {}),
      ...numbers(4).map((each) => unit("adc", "board", 2 + each, { read_channel: String(each), read_channelType: "num" })),
      ...numbers(14).map((each) => unit("tpt29555", "board", 6 + each, { read_expander: "board", read_expanderType: "choice", read_line: String(each), read_lineType: "num" })),
    ] : [],
  ];
}

/** @param {boolean} areReading @returns {Promise<{closed: Record<string, number>, open: Record<string, number>}>} */
async function cost(areReading) {
  const bridge = new BridgeProcess({ board: "RAK7391" });
  const nodeRed = new NodeRed();
  const editor = new Editor();
  try {
    await bridge.start();
    await nodeRed.start(flow(bridge.endpoint, areReading));
    await editor.open(nodeRed.url);
    const { page } = editor;
    const pids = { bridge: bridge.child.pid, nodeRed: nodeRed.child.pid };
    /** @type {Record<string, number>[]} */
    const closed = [];
    /** @type {Record<string, number>[]} */
    const open = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await page.evaluate(() => /** @type {any} */ (window).RED.sidebar.show("info"));
      closed.push(await percents(pids));
      await page.evaluate(() => /** @type {any} */ (window).RED.sidebar.show("wisblock"));
      await page.waitForSelector(".wb-svg");
      open.push(await percents(pids));
    }
    const failing = await page.evaluate(() => document.querySelectorAll('.wb-problem, .wb-status-button[data-tone="failing"]').length);
    if (failing > 0) throw new Error("some nodes do not read: the figures would be of something else");
    const of = (/** @type {Record<string, number>[]} */ all) => ({ bridge: median(all.map((each) => each.bridge)), nodeRed: median(all.map((each) => each.nodeRed)) });
    return { closed: of(closed), open: of(open) };
  } finally {
    await editor.close();
    await nodeRed.stop();
    await bridge.dispose();
  }
}

/** @returns {Promise<Record<string, {clicks: number, ms: number}>>} */
async function clicks() {
  const hands = new Hands();
  try {
    await hands.begin();
    return { firstValue: await hands.firstValue(), setLoop: await hands.setLoop(), whoHolds: await hands.whoHolds(), whyRed: await hands.whyRed() };
  } finally {
    await hands.end();
  }
}

/** @type {{name: string, clicks: Record<string, {clicks: number, ms: number}>, idle: any, reading: any}[]} */
const measured = [];
for (const [name, directory] of [["Node-RED 4.1", ""], ["Node-RED 5", NODE_RED_5]]) {
  if (directory) process.env.NODE_RED_DIR = directory;
  else delete process.env.NODE_RED_DIR;
  measured.push({ name, clicks: await clicks(), idle: await cost(false), reading: await cost(true) });
  process.stdout.write(`${name}: done\n`);
}

const TASKS = [
  ["firstValue", "from an empty flow to the first own value on the canvas (a bridge is deployed)", "7", "the status bar, a module dragged from its slot, Deploy"],
  ["setLoop", "set the loop of an emulated board to 12 mA", "15, and JSON to type", "the status bar, the slider"],
  ["whoHolds", "find out who holds a slot", "read an error", "the status bar"],
  ["whyRed", "see why a node is red", "read a log, or add a Catch node", "the status bar"],
];
/** @param {string[][]} rows */
const table = (rows) => rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(1)} s`;
const percent = (/** @type {number} */ share) => `${Math.max(0, share).toFixed(1)} %`;

const taskTable = table([
  ["task", "before the [sidebar](sidebar.md)", ...measured.map(({ name }) => name), "the clicks"],
  ["---", "---", ...measured.map(() => "---"), "---"],
  ...TASKS.map(([key, what, before, which]) => [what, before, ...measured.map((each) => `${each.clicks[key].clicks} (${seconds(each.clicks[key].ms)})`), which]),
]);
const costTable = table([
  ["", "bridge", "Node-RED"],
  ["---", "---", "---"],
  ...measured.flatMap(({ name, idle, reading }) => [
    [`${name}, nothing is read, sidebar closed`, percent(idle.closed.bridge), percent(idle.closed.nodeRed)],
    [`${name}, nothing is read, open`, percent(idle.open.bridge), percent(idle.open.nodeRed)],
    [`${name}, 20 nodes read, closed`, percent(reading.closed.bridge), percent(reading.closed.nodeRed)],
    [`${name}, 20 nodes read, open`, percent(reading.open.bridge), percent(reading.open.nodeRed)],
    [`**${name}: what the open sidebar adds**`, `**${percent(reading.open.bridge - reading.closed.bridge)}**`, `**${percent(reading.open.nodeRed - reading.closed.nodeRed)}**`],
  ]),
]);

const text = fs.readFileSync(PAGE, "utf8");
/** Puts a table between its marks.  @param {string} page @param {string} name @param {string} made */
function fill(page, name, made) {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${PAGE} has no place for ${name}`);
  return `${page.slice(0, from + begin.length)}\n${made}\n\n${page.slice(to)}`;
}
fs.writeFileSync(PAGE, fill(fill(text, "clicks", taskTable), "cost", costTable));
process.stdout.write(`${taskTable}\n\n${costTable}\n\ndocs/usability.md is new\n`);
