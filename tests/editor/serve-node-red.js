"use strict";
/*
 * Runs a real Node-RED for the editor tests, in a process of its own.
 *
 *   node serve-node-red.js <folder of node-red> <folder of the package under test> <user folder>
 *
 * The package's folder is empty when the package is installed in the user folder. NODE_RED_USERS, a JSON object of user to permissions, has
 * them log in; any password is theirs. NODE_RED_LANGUAGE is its language.
 *
 * 1. Prints one line of JSON with its port as soon as the flows have started, then nothing.
 * 2. Ends when its parent closes its input.
 */

const http = require("node:http");
const path = require("node:path");
const { createRequire } = require("node:module");

const [, , nodeRedDirectory, packageDirectory, userDirectory] = process.argv;
const fromNodeRed = createRequire(path.join(nodeRedDirectory, "package.json"));
const RED = fromNodeRed("node-red");
const express = fromNodeRed("express");

const users = JSON.parse(process.env.NODE_RED_USERS || "null");
const user = async (name) => (Object.hasOwn(users, name) ? { username: name, permissions: users[name] } : null);

const app = express();
const server = http.createServer(app);

RED.init(server, {
  userDir: userDirectory,
  nodesDir: packageDirectory === "" ? [] : [packageDirectory],
  flowFile: "flows.json",
  httpAdminRoot: "/",
  httpNodeRoot: "/api",
  credentialSecret: false,
  editorTheme: { tours: false, projects: { enabled: false }, palette: { catalogues: [] } },
  externalModules: { palette: { allowInstall: false } },
  ...(users === null ? {} : { adminAuth: { type: "credentials", users: user, authenticate: user } }),
  ...(process.env.NODE_RED_LANGUAGE ? { lang: process.env.NODE_RED_LANGUAGE } : {}),
  telemetry: { enabled: false, updateNotification: false },
  logging: { console: { level: process.env.NODE_RED_LOG || "warn", metrics: false, audit: false } },
});
app.use("/", RED.httpAdmin);
app.use("/api", RED.httpNode);

process.stdin.resume();
process.stdin.on("end", () => {
  RED.stop().finally(() => process.exit(0));
});

server.listen(0, "127.0.0.1", () => {
  const flowsStarted = new Promise((resolve) => {
    RED.events.once("flows:started", resolve);
  });
  Promise.all([RED.start(), flowsStarted]).then(() => {
    process.stdout.write(`${JSON.stringify({ port: server.address().port, version: RED.version() })}\n`);
  }).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
});
