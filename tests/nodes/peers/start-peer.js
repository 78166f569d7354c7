"use strict";
/*
 * Starts the Python peers of the transport tests, and waits for things.
 *
 * 1. Every process started here is ended by stopPeers(), whatever became of the test.
 * 2. Waits are for conditions; the time limits only end a test that has failed.
 */

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const ROOT = path.join(__dirname, "..", "..", "..");
const PYTHON = process.env.WISBLOCK_TEST_PYTHON || path.join(ROOT, ".venv", "bin", "python");
const PATIENCE_MS = 20000;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
let directory = "";
let endpoints = 0;

/** @returns {string} an ipc endpoint that nobody uses yet, in a directory of this test run */
function freshEndpoint() {
  directory ||= fs.mkdtempSync(path.join(os.tmpdir(), "wisblock-transport-"));
  endpoints += 1;
  return `ipc://${directory}/${endpoints}.sock`;
}

/**
 * Runs a peer until it says READY.
 *
 * @param {"echo" | "evil_bridge" | "fake_bridge"} name
 * @param {string} endpoint  may end in `:*` for a free TCP port
 * @param {...string} options
 * @returns {Promise<{endpoint: string, lines: string[], kill: (signal?: NodeJS.Signals) => Promise<void>}>}
 */
async function startPeer(name, endpoint, ...options) {
  const child = spawn(PYTHON, ["-m", `tests.nodes.peers.${name}`, "--endpoint", endpoint, ...options], { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  running.add(child);
  const exited = new Promise((resolve) => {
    child.once("exit", () => {
      running.delete(child);
      resolve(undefined);
    });
  });
  /** @type {string[]} */
  const lines = [];
  let rest = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text) => {
    const parts = (rest + text).split("\n");
    rest = /** @type {string} */ (parts.pop());
    lines.push(...parts);
  });
  await until(() => lines.length > 0 || child.exitCode !== null, `${name}.py to be ready`);
  assert.match(lines[0] ?? "", /^READY /, `${name}.py did not start`);
  return {
    endpoint: lines[0].slice("READY ".length),
    lines,
    kill: async (signal = "SIGKILL") => {
      child.kill(signal);
      await exited;
    },
  };
}

/** Ends all peers; for afterEach. */
async function stopPeers() {
  await Promise.all([...running].map((child) => new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill("SIGKILL");
  })));
}

/** Removes what freshEndpoint() made; for after. */
function removeEndpoints() {
  if (directory !== "") {
    fs.rmSync(directory, { recursive: true, force: true });
    directory = "";
  }
}

/**
 * Waits for a condition.
 *
 * @param {() => unknown} condition
 * @param {string} what  for the failure message
 */
async function until(condition, what) {
  const end = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < end, `waited ${PATIENCE_MS} ms for ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

module.exports = { ROOT, freshEndpoint, removeEndpoints, sleep, startPeer, stopPeers, until };
