// `make screenshots`: the pictures of the sidebar in docs/, made from the real editor with a real bridge on an emulated board.
//
// 1. What is on them is made here, so that they can be made again whenever something looks otherwise.
// 2. Node-RED 4.1 is light, Node-RED 5 dark; Chromium as for the tests of the editor.

/* global document, window */

import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
/** @param {string[]} parts  of a path; the tests are not type-checked, so what comes from there is anything @returns {any} */
const fromTests = (...parts) => require(path.join(root, "tests", ...parts));
const { Editor, NodeRed } = fromTests("editor", "editor.js");
const { BridgeProcess } = fromTests("nodes", "bridge-process.js");

const NODE_RED_5 = path.join(root, "tests", "node-red-5", "node_modules", "node-red");
const HISTORY_MS = 62000;
const STEP_MS = 250;

/** @param {string} type @param {string} id @param {string} slot @param {number} y @param {object} more */
const unit = (type, id, slot, y, more) => ({
  id, type: `wisblock-${type}`, z: "tab", x: 320, y, name: "", bridge: "bridge", slot, trigger: "every", every_ms: "200", onLoss: "safe", wires: [[]], ...more,
});

/** @param {string} endpoint */
const flows = (endpoint) => [
  { id: "tab", type: "tab", label: "Machine room" },
  { id: "bridge", type: "wisblock-bridge", name: "Machine room", endpoint, leaseMs: "" },
  unit("rak5801", "level", "1", 100, { name: "Tank level", operation: "read", read_samples: "4", read_samplesType: "num" }),
  unit("rak16000", "pump", "2", 180, { name: "Pump supply", operation: "read" }),
];

/**
 * Lets the world move for a while, so that there is something to see.
 *
 * @param {any} bridge
 * @param {number} ms
 */
async function move(bridge, ms) {
  for (const began = Date.now(); Date.now() - began < ms;) {
    const seconds = (Date.now() - began) / 1000;
    const wave = 12 + 4 * Math.sin(seconds / 7) + Math.sin(seconds * 1.3) * 0.4;
    await bridge.ask("emulator.set", { slot: 1, quantity: "current", value: wave });
    await bridge.ask("emulator.set", { slot: 2, quantity: "voltage", value: 12.2 + 0.2 * Math.cos(seconds / 3) });
    await new Promise((resolve) => { setTimeout(resolve, STEP_MS); });
  }
}

/**
 * @param {{board: string, nodeRed?: string, dark?: boolean, width: number, height: number, historyMs?: number, take: (page: import("playwright-core").Page, bridge: any) => Promise<void>}} scene
 */
async function show({ board, nodeRed, dark = false, width, height, historyMs = HISTORY_MS, take }) {
  if (nodeRed) process.env.NODE_RED_DIR = nodeRed;
  else delete process.env.NODE_RED_DIR;
  const bridge = new BridgeProcess({ board });
  const server = new NodeRed();
  const editor = new Editor();
  try {
    await bridge.start();
    await server.start(flows(bridge.endpoint));
    await editor.open(server.url, { width, height });
    const { page } = editor;
    if (dark) await page.emulateMedia({ colorScheme: "dark" });
    await page.evaluate((/** @type {boolean} */ isDark) => {
      const { RED } = /** @type {any} */ (window);
      if (isDark) document.documentElement.classList.add("nr-theme-dark");
      RED.sidebar.show("wisblock");
    }, dark);
    await page.waitForSelector(".wb-svg");
    await move(bridge, historyMs);
    await take(page, bridge);
    if (editor.complaints.length > 0) throw new Error(editor.complaints.join("\n"));
  } finally {
    await editor.close();
    await server.stop();
    await bridge.dispose();
  }
}

/** @param {string} name */
const picture = (name) => path.join(root, "docs", `${name}.png`);

await show({
  board: "RAK7391", width: 1280, height: 860,
  take: async (page) => {
    await page.screenshot({ path: picture("sidebar") });
  },
});
await show({
  board: "RAK7391", nodeRed: NODE_RED_5, dark: true, width: 1280, height: 860,
  take: async (page, bridge) => {
    await bridge.ask("emulator.fault", { slot: 2, kind: "nack" });
    await page.locator('button[data-tab-id="debug"]').click(); // more room for what is to be seen
    await page.waitForSelector('.wb-slot[data-slot="2"] .wb-bolt');
    await page.locator('.wb-slot[data-slot="1"]').hover();
    await page.waitForSelector(".wb-popover:visible");
    await page.screenshot({ path: picture("sidebar-dark") });
  },
});
await show({
  board: "RAK6421", width: 1280, height: 860, historyMs: 8000,
  take: async (page) => {
    await page.evaluate(() => { /** @type {HTMLElement} */ (document.querySelector(".wb-sidebar")).style.width = "200px"; });
    await page.waitForTimeout(500);
    await page.locator(".wb-sidebar").screenshot({ path: picture("sidebar-narrow") });
  },
});
process.stdout.write(`docs/sidebar.png, docs/sidebar-dark.png and docs/sidebar-narrow.png are new\n`);
