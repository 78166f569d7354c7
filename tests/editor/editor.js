"use strict";
/*
 * A Node-RED with its editor open in Chromium, and the ways people use it.
 *
 * 1. NODE_RED_DIR names another Node-RED than the one in node_modules; if a "node" package lies beside it, that Node.js runs it.
 * 2. CHROMIUM names the browser; /usr/bin/chromium otherwise.
 * 3. Whatever the page complains about is collected; a test that is done asks for it.
 */

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");

const ROOT = path.join(__dirname, "..", "..");
const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const LONGEST_MS = 30000;

/** @returns {string} the folder of the Node-RED under test */
function nodeRedDirectory() {
  return process.env.NODE_RED_DIR ? path.resolve(process.env.NODE_RED_DIR) : path.dirname(require.resolve("node-red/package.json"));
}

/** @param {string} nodeRed @returns {string} the Node.js to run it with */
function nodeBinary(nodeRed) {
  const beside = path.join(path.dirname(nodeRed), "node", "bin", "node");
  return fs.existsSync(beside) ? beside : process.execPath;
}

/** A running Node-RED. */
class NodeRed {
  /**
   * Starts it and waits until its flows run.
   *
   * @param {object[]} [flows]
   * @param {{packageDirectory?: string, userDirectory?: string, users?: Record<string, string | string[]>, language?: string}} [places]  packageDirectory: ""
   *   when the package under test is installed in the user directory; the user directory is deleted when Node-RED is stopped; users: who may
   *   log in, with their permissions; language: that of the runtime
   */
  async start(flows = [], { packageDirectory = ROOT, userDirectory = fs.mkdtempSync(path.join(os.tmpdir(), "node-red-")), users, language } = {}) {
    this.userDirectory = userDirectory;
    fs.writeFileSync(path.join(this.userDirectory, "flows.json"), JSON.stringify(flows));
    const directory = nodeRedDirectory();
    this.output = "";
    this.child = spawn(nodeBinary(directory), [path.join(__dirname, "serve-node-red.js"), directory, packageDirectory, this.userDirectory], {
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...process.env, ...(users === undefined ? {} : { NODE_RED_USERS: JSON.stringify(users) }), ...(language === undefined ? {} : { NODE_RED_LANGUAGE: language }),
      },
    });
    const told = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Node-RED did not start:\n${this.output}`)), 120000);
      this.child.stderr.on("data", (data) => {
        this.output += data;
      });
      this.child.stdout.on("data", (data) => {
        this.output += data;
        const line = /^\{"port".*\}$/m.exec(this.output);
        if (line !== null) {
          clearTimeout(timer);
          resolve(JSON.parse(line[0]));
        }
      });
      this.child.once("exit", (code) => {
        clearTimeout(timer);
        reject(new Error(`Node-RED ended with ${code}:\n${this.output}`));
      });
    });
    this.child.removeAllListeners("exit");
    this.url = `http://127.0.0.1:${told.port}/`;
    this.version = told.version;
    return this;
  }

  async stop() {
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => {
        this.child.once("exit", resolve);
      });
      this.child.stdin.end();
      const timer = setTimeout(() => this.child.kill("SIGKILL"), 10000);
      await ended;
      clearTimeout(timer);
    }
    if (this.userDirectory) {
      fs.rmSync(this.userDirectory, { recursive: true, force: true });
    }
  }
}

/** The editor, in a browser. */
class Editor {
  complaints = [];

  /** @param {string} url @param {{width?: number, height?: number, user?: string, language?: string}} [options]  user: who is logged in; language: the browser's */
  async open(url, { width = 1400, height = 900, user, language = "en-US" } = {}) {
    this.browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--headless"] });
    this.page = await this.browser.newPage({ viewport: { width, height }, locale: language });
    this.page.setDefaultTimeout(LONGEST_MS);
    this.page.on("pageerror", (error) => this.complaints.push(`page error: ${error.stack}`));
    this.page.on("console", (message) => {
      if (message.type() === "error" || /wisblock/i.test(message.text())) {
        this.complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    if (user !== undefined) {
      const body = new URLSearchParams({ client_id: "node-red-editor", grant_type: "password", scope: "", username: user, password: "any" });
      this.tokens = await (await fetch(new URL("auth/token", url), { method: "POST", body })).json();
      await this.page.addInitScript((tokens) => window.localStorage.setItem("auth-tokens", tokens), JSON.stringify(this.tokens));
    }
    await this.page.goto(url);
    await this.page.waitForFunction(() => window.RED?.nodes?.getType?.("wisblock-bridge") && window.RED.view && !document.querySelector("#red-ui-loading-progress:not([style*='none'])"));
    await this.page.waitForFunction(() => window.RED.workspaces.active());
    return this;
  }

  async close() {
    await this.browser?.close();
  }

  /** Types into the palette's filter. */
  async filterPalette(text) {
    const input = this.page.locator("#red-ui-palette-search input");
    await input.fill("");
    await input.pressSequentially(text);
  }

  paletteNode(type) {
    return this.page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`);
  }

  /** Waits until something on the page has come to rest, and tells where. */
  async restingPlace(locator) {
    let last = "";
    for (;;) {
      const box = await locator.boundingBox();
      const place = JSON.stringify(box);
      if (box !== null && place === last) {
        return box;
      }
      last = place;
      await this.page.waitForTimeout(100);
    }
  }

  /** Drags a node from the palette onto the canvas and gives its id; a drag that a busy browser has missed is repeated. */
  async drag(type, x = 500, y = 250) {
    const nodes = () => this.page.evaluate(() => window.RED.nodes.filterNodes({}).map((each) => each.id));
    const before = await nodes();
    const dragged = async () => (await nodes()).find((id) => !before.includes(id));
    const node = this.paletteNode(type);
    await node.scrollIntoViewIfNeeded();
    for (const deadline = Date.now() + LONGEST_MS; ;) {
      const from = await this.restingPlace(node);
      await this.page.mouse.move(from.x + 20, from.y + 10);
      await this.page.mouse.down();
      await this.page.mouse.move(from.x + 40, from.y + 20, { steps: 5 });
      await this.page.mouse.move(x, y, { steps: 15 });
      await this.page.mouse.up();
      for (const patience = Date.now() + 2000; Date.now() < patience;) {
        const id = await dragged();
        if (id !== undefined) {
          return id;
        }
        await this.page.waitForTimeout(50);
      }
      if (Date.now() > deadline) {
        throw new Error(`${type} could not be dragged onto the canvas`);
      }
    }
  }

  /** Opens the dialog of a node. */
  async edit(id) {
    await this.page.evaluate((nodeId) => window.RED.editor.edit(window.RED.nodes.node(nodeId)), id);
    await this.page.waitForSelector("#node-input-name", { state: "visible" });
    await this.page.waitForFunction(() => !document.querySelector(".red-ui-tray.ui-draggable-dragging, .red-ui-tray-opening"));
  }

  /** Presses the dialog's main button and waits until it is gone; a click that a busy browser has missed is repeated. */
  async finishDialog(button = "#node-dialog-ok") {
    const field = this.page.locator("#node-input-name");
    for (const deadline = Date.now() + LONGEST_MS; ;) {
      await this.page.locator(button).click();
      const gone = await field.waitFor({ state: "detached", timeout: 5000 }).then(() => true, () => false);
      if (gone) {
        return;
      }
      if (Date.now() > deadline) {
        throw new Error("the dialog does not close");
      }
    }
  }

  /** Reads a property of the node in the editor. */
  property(id, name) {
    return this.page.evaluate(([nodeId, key]) => window.RED.nodes.node(nodeId)[key], [id, name]);
  }

  /** The editor's own judgement of a node. */
  validity(id) {
    return this.page.evaluate((nodeId) => {
      const node = window.RED.nodes.node(nodeId);
      window.RED.editor.validateNode(node);
      return { valid: node.valid, errors: node.validationErrors ?? [] };
    }, id);
  }

  /**
   * Imports nodes as the import dialog does; when ids are taken, as its button "import copy" does.
   *
   * @returns {Promise<Record<string, string>>} id in the file to id in the editor
   */
  async import(nodes) {
    return this.page.evaluate((json) => {
      const { importNodes } = window.RED.view;
      const options = { addFlow: false, touchImport: true, generateIds: false };
      let imported;
      try {
        imported = importNodes(json, options);
      } catch (error) {
        if (error.code !== "import_conflict") {
          throw error;
        }
        imported = importNodes(json, { ...options, generateIds: true });
      }
      return Object.fromEntries(Object.entries(imported.nodeMap).map(([id, node]) => [id, node.id]));
    }, JSON.stringify(nodes));
  }

  async deploy() {
    await this.page.evaluate(() => window.RED.actions.invoke("core:deploy-flows"));
    await this.page.waitForFunction(() => !window.RED.nodes.dirty());
  }
}

module.exports = { CHROMIUM, Editor, LONGEST_MS, NodeRed, ROOT, nodeRedDirectory };
