"use strict";
/*
 * A real bridge on an emulated board, for tests: started, waited for, ended.
 *
 * 1. Only processes that were started here are ended.
 * 2. Ready means that it answers a client, not that some time has passed.
 */

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { BridgeClient } = require("../../node-red-nodes/lib/client");
const { until } = require("./conditions");

const ROOT = path.join(__dirname, "..", "..");

/** @returns {string} the Python that has the bridge's dependencies */
function python() {
  const own = path.join(ROOT, ".venv", "bin", "python");
  return process.env.WISBLOCK_PYTHON || (fs.existsSync(own) ? own : "python3");
}

class BridgeProcess {
  /**
   * @param {{board?: string, more?: string[], environment?: Record<string, string>}} [options]  the carrier; the bridge's own choice when
   *     none is named; more of its options; more of its environment
   */
  constructor({ board, more = [], environment = {} } = {}) {
    this.board = board;
    this.more = more;
    this.environment = environment;
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), "wisblock-"));
    this.endpoint = `ipc://${this.directory}/bridge.sock`;
    this.output = "";
  }

  /** Starts the bridge and waits until it answers. */
  async start() {
    const board = this.board ? ["--board", this.board] : [];
    this.child = spawn(python(), ["-m", "wisblock_bridge", "serve", "--emulate", "--endpoint", this.endpoint, ...board, ...this.more], {
      cwd: path.join(ROOT, "python-bridge"),
      env: { ...process.env, ...this.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.on("error", (error) => {
      this.output += error.message;
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on("data", (data) => {
        this.output += data;
      });
    }
    const client = new BridgeClient({ endpoint: this.endpoint, name: "test" });
    try {
      await until(() => {
        if (this.child.exitCode !== null) {
          throw new Error(`the bridge ended with ${this.child.exitCode}:\n${this.output}`);
        }
        return client.state === "online";
      }, "the bridge answers");
    } finally {
      await client.close({ bye: true });
    }
    return this;
  }

  /** Asks the bridge something from outside Node-RED. */
  async ask(method, params) {
    const client = new BridgeClient({ endpoint: this.endpoint, name: "test" });
    try {
      await until(() => client.state === "online", "the bridge answers");
      return await client.request(method, params);
    } finally {
      await client.close({ bye: true });
    }
  }

  /** Ends the bridge. */
  async stop(signal = "SIGTERM") {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => {
        this.child.once("exit", resolve);
      });
      this.child.kill(signal);
      await ended;
    }
  }

  /** Ends the bridge and leaves nothing behind. */
  async dispose() {
    await this.stop("SIGKILL");
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

module.exports = { BridgeProcess, ROOT, python };
