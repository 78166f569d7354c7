"use strict";
/*
 * Where the bridge is: the default endpoint, and the reading of one that a user typed.
 *
 * 1. Knows addresses only: opens no socket and creates nothing; of the bridge's configuration it reads the endpoint.
 * 2. The default follows the same rule as the Python side (docs/protocol.md, "Transport").
 * 3. Every refusal is a sentence that says what was written and what would be right.
 */

const fs = require("node:fs");
const path = require("node:path");

const { say } = require("./client-errors");

const CONFIGURATION_FILE = "/etc/wisblock-bridge/wisblock-bridge.toml";
const SYSTEM_DIRECTORY = "/run/wisblock-bridge";
const SOCKET_FILE = "bridge.sock";

/** The kernel's room for a socket path is 108 bytes, one of which ends the text (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;

/** Earlier libuv pads an abstract name with NULs, which makes it another name (libuv pull request 4266). */
const FIRST_LIBUV_WITH_ABSTRACT_NAMES = [1, 48];

/** An endpoint that cannot be used, and why. */
class EndpointError extends Error {
  /** @param {string} id  of the sentence: what was written and what would be right @param {Record<string, unknown>} values */
  constructor(id, values) {
    const { message, said } = say(id, values);
    super(message);
    this.name = "EndpointError";
    this.code = "bad_endpoint";
    this.said = said;
  }
}

/**
 * @typedef {object} IpcEndpoint
 * @property {"ipc"} transport
 * @property {string} path       file path, or the abstract name with its leading NUL
 * @property {boolean} abstract  true for a Linux abstract socket: there is no file
 * @property {string} text       the endpoint as written
 *
 * @typedef {object} TcpEndpoint
 * @property {"tcp"} transport
 * @property {string} host       name or address, without brackets
 * @property {number} port       1 to 65535
 * @property {string} text       the endpoint as written
 *
 * @typedef {IpcEndpoint | TcpEndpoint} Endpoint
 */

/** @param {string} directory */
function isDirectory(directory) {
  return fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * Returns the endpoint that the bridge's configuration file names, where this computer has one.
 *
 * @param {Record<string, string | undefined>} environment  WISBLOCK_BRIDGE_CONFIG names another file
 * @param {string} [usualFile]  replaced by tests
 * @returns {string}  empty when there is no file, when it names none, or when it is the usual one and may not be read
 * @throws {EndpointError} when the file is damaged, or is not the usual one and cannot be read
 */
function configuredEndpoint(environment, usualFile = CONFIGURATION_FILE) {
  const file = environment.WISBLOCK_BRIDGE_CONFIG || usualFile;
  let text;
  try {
    text = fs.readFileSync(file, "utf8").replace(/^\uFEFF/, ""); // a byte order mark, as the bridge itself accepts
  } catch (error) {
    if (file === usualFile) {
      return "";
    }
    throw new EndpointError("configuration_unreadable", { file, why: String(/** @type {NodeJS.ErrnoException} */ (error).code) });
  }
  let endpoint;
  try {
    ({ endpoint } = require("smol-toml").parse(text)); // only where there is a file
  } catch (error) {
    throw new EndpointError("configuration_toml", { file, why: /** @type {Error} */ (error).message.split("\n")[0] });
  }
  if (endpoint !== undefined && typeof endpoint !== "string") {
    throw new EndpointError("configuration_endpoint", { file, example: `ipc://${SYSTEM_DIRECTORY}/${SOCKET_FILE}` });
  }
  return endpoint ?? "";
}

/**
 * Returns the endpoint to use when the user has set none.
 *
 * Ask again before each attempt to connect: the system directory appears when the service starts, which may be after us.
 *
 * @param {object} [surroundings]  replaced by tests
 * @param {Record<string, string | undefined>} [surroundings.environment]
 * @param {number} [surroundings.uid]  numeric user id
 * @param {(directory: string) => boolean} [surroundings.directoryExists]
 * @param {string} [surroundings.configurationFile]
 * @returns {string} what WISBLOCK_BRIDGE_ENDPOINT or the bridge's configuration file says, else an `ipc://` endpoint
 * @throws {EndpointError} when the configuration file cannot be used
 */
function defaultEndpoint({
  environment = process.env,
  uid = process.getuid ? process.getuid() : 0,
  directoryExists = isDirectory,
  configurationFile = CONFIGURATION_FILE,
} = {}) {
  const named = environment.WISBLOCK_BRIDGE_ENDPOINT || configuredEndpoint(environment, configurationFile);
  if (named) {
    return named;
  }
  let directory = `/tmp/wisblock-bridge-${uid}`;
  if (directoryExists(SYSTEM_DIRECTORY)) {
    directory = SYSTEM_DIRECTORY;
  } else if (environment.XDG_RUNTIME_DIR) {
    directory = path.posix.join(environment.XDG_RUNTIME_DIR, "wisblock-bridge");
  }
  return `ipc://${directory}/${SOCKET_FILE}`;
}

/** @param {string} platform @param {string} libuvVersion */
function hasAbstractSockets(platform, libuvVersion) {
  const [major, minor] = libuvVersion.split(".").map(Number);
  const [needsMajor, needsMinor] = FIRST_LIBUV_WITH_ABSTRACT_NAMES;
  return platform === "linux" && (major > needsMajor || (major === needsMajor && minor >= needsMinor));
}

/** @param {string} text @param {string} address @param {string} platform @param {string} libuvVersion @returns {IpcEndpoint} */
function parseIpc(text, address, platform, libuvVersion) {
  if (address === "" || address === "@") {
    throw new EndpointError("endpoint_no_socket", { endpoint: text, example: `ipc://${SYSTEM_DIRECTORY}/${SOCKET_FILE}` });
  }
  if (address.includes("\0")) {
    throw new EndpointError("endpoint_nul", { endpoint: JSON.stringify(text) });
  }
  const abstract = address.startsWith("@");
  if (abstract && !hasAbstractSockets(platform, libuvVersion)) {
    throw new EndpointError("endpoint_abstract", { endpoint: text, example: `ipc:///run/${SOCKET_FILE}` });
  }
  if (!abstract && !address.startsWith("/")) {
    throw new EndpointError("endpoint_relative", { endpoint: text, example: `ipc:///${address}` });
  }
  const bytes = Buffer.byteLength(address);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new EndpointError("endpoint_length", { endpoint: text, bytes, limit: MAX_SOCKET_PATH_BYTES });
  }
  return { transport: "ipc", path: abstract ? `\0${address.slice(1)}` : address, abstract, text };
}

/** @param {string} text @param {string} address @returns {TcpEndpoint} */
function parseTcp(text, address) {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^:[\]/\s;@]+)):(\d{1,5})$/.exec(address);
  if (match === null) {
    const isBareIpv6 = (address.match(/:/g) ?? []).length > 1 && !address.startsWith("[");
    throw new EndpointError(isBareIpv6 ? "endpoint_ipv6" : "endpoint_tcp", { endpoint: text });
  }
  const host = match[1] ?? match[2];
  const port = Number(match[3]);
  if (host === "*") {
    throw new EndpointError("endpoint_any", { endpoint: text });
  }
  if (port < 1 || port > 65535) {
    throw new EndpointError("endpoint_port", { endpoint: text, port: match[3] });
  }
  return { transport: "tcp", host, port, text };
}

/**
 * Reads an endpoint, strictly.
 *
 * @param {unknown} text  `ipc:///path`, `ipc://@name` (Linux, abstract), `tcp://host:port` or `tcp://[::1]:port`
 * @param {object} [surroundings]  replaced by tests
 * @param {string} [surroundings.platform]
 * @param {string} [surroundings.libuvVersion]
 * @returns {Endpoint}
 * @throws {EndpointError} with a sentence for the user
 */
function parseEndpoint(text, { platform = process.platform, libuvVersion = process.versions.uv } = {}) {
  if (typeof text !== "string" || text.trim() === "") {
    throw new EndpointError("endpoint_missing", { ipc: `ipc://${SYSTEM_DIRECTORY}/${SOCKET_FILE}`, tcp: "tcp://127.0.0.1:5555" });
  }
  const written = text.trim();
  if (written.startsWith("ipc://")) {
    return parseIpc(written, written.slice("ipc://".length), platform, libuvVersion);
  }
  if (written.startsWith("tcp://")) {
    return parseTcp(written, written.slice("tcp://".length));
  }
  throw new EndpointError("endpoint_transport", { endpoint: written });
}

module.exports = { EndpointError, MAX_SOCKET_PATH_BYTES, defaultEndpoint, parseEndpoint };
