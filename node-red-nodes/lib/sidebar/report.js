"use strict";
/* The text that one sends when one asks for help: Node-RED's side, the bridge's status, the last lines of its log. It holds no keys. */

const { version } = require("../../../package.json");
const { asNodeError } = require("../node-errors");
const { plainJson } = require("./plain-json");

const ANSWER_WITHIN_MS = 3000;

/** @param {unknown} value */
const block = (value) => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\`\n`;

/**
 * @param {import("../bridge-connection").BridgeConnection} connection
 * @param {string} nodeRed  its version
 * @returns {Promise<string>} Markdown
 */
async function reportOf(connection, nodeRed) {
  const ask = async (/** @type {string} */ method) => {
    try {
      return plainJson(await connection.ask(method, {}, ANSWER_WITHIN_MS));
    } catch (thrown) {
      const { code, message } = asNodeError(thrown);
      return { code, message };
    }
  };
  const [status, log] = [await ask("status"), /** @type {any} */ (await ask("log"))];
  const side = {
    "@wisblock-bridge/node-red-wisblock": version, "Node-RED": nodeRed, "Node.js": process.version, platform: `${process.platform} ${process.arch}`,
    endpoint: connection.target.endpoint || "default", state: connection.state, ...connection.info,
    ...(connection.state === "offline" ? { problem: connection.problem } : {}),
  };
  return [
    `# WisBlock bridge, seen from Node-RED, ${new Date().toISOString()}\n`,
    "Read it before you send it: it describes what is plugged in, who uses it, and the last lines of the bridge's log.\n",
    `## Node-RED\n\n${block(side)}`, `## Status\n\n${block(status)}`, `## Log\n\n${block(log?.lines ?? log)}`,
  ].join("\n");
}

module.exports = { reportOf };
