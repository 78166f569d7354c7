"use strict";
/*
 * Endpoints: the default rule, and what may be typed.
 *
 * 1. Expected values are typed from docs/protocol.md, "Transport".
 */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { EndpointError, defaultEndpoint, parseEndpoint } = require("../../node-red-nodes/lib/endpoint");
const { closeAll, open, rawPeer } = require("./peers/dealer");
const { removeEndpoints, until } = require("./peers/start-peer");

describe("endpoints", () => {
  afterEach(closeAll);
  after(removeEndpoints);

  it("follow the default rule", () => {
    const given = (environment, directories) =>
      defaultEndpoint({ environment, uid: 1000, directoryExists: (directory) => directories.includes(directory) });
    assert.equal(given({ WISBLOCK_BRIDGE_ENDPOINT: "tcp://pi:5555", XDG_RUNTIME_DIR: "/run/user/1000" }, ["/run/wisblock-bridge"]), "tcp://pi:5555");
    assert.equal(given({ XDG_RUNTIME_DIR: "/run/user/1000" }, ["/run/wisblock-bridge"]), "ipc:///run/wisblock-bridge/bridge.sock");
    assert.equal(given({ XDG_RUNTIME_DIR: "/run/user/1000" }, []), "ipc:///run/user/1000/wisblock-bridge/bridge.sock");
    assert.equal(given({ WISBLOCK_BRIDGE_ENDPOINT: "" }, []), "ipc:///tmp/wisblock-bridge-1000/bridge.sock");
  });

  describe("in the bridge's configuration file", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "endpoint-"));
    const file = path.join(folder, "bridge.toml");
    const given = (environment, configurationFile) =>
      defaultEndpoint({ environment, uid: 1000, directoryExists: () => false, configurationFile });
    after(() => fs.rmSync(folder, { recursive: true }));

    it("come after the environment and before the default", () => {
      fs.writeFileSync(file, "# the bridge\nendpoint = 'ipc:///srv/wisblock/bridge.sock'\n[board]\nkind = \"RAK7391\"\n");
      assert.equal(given({}, file), "ipc:///srv/wisblock/bridge.sock");
      assert.equal(given({ WISBLOCK_BRIDGE_CONFIG: file }, "/nowhere"), "ipc:///srv/wisblock/bridge.sock");
      assert.equal(given({ WISBLOCK_BRIDGE_CONFIG: file, WISBLOCK_BRIDGE_ENDPOINT: "tcp://127.0.0.1:1" }, "/nowhere"), "tcp://127.0.0.1:1");
      fs.writeFileSync(file, "[security]\nendpoint = 'tcp://elsewhere:1'\n");
      assert.equal(given({}, file), "ipc:///tmp/wisblock-bridge-1000/bridge.sock");
    });

    it("that is not there or may not be read are none, unless the environment names it", () => {
      assert.equal(given({}, "/nowhere/bridge.toml"), "ipc:///tmp/wisblock-bridge-1000/bridge.sock");
      assert.throws(() => given({ WISBLOCK_BRIDGE_CONFIG: folder }, file), /which WISBLOCK_BRIDGE_CONFIG names, cannot be read \(EISDIR\)/);
    });

    it("may begin with a byte order mark, as the bridge takes it, too", () => {
      fs.writeFileSync(file, '\uFEFFendpoint = "ipc:///with/a/mark.sock"\n');
      assert.equal(given({}, file), "ipc:///with/a/mark.sock");
    });

    it("that is damaged are refused with a sentence", () => {
      fs.writeFileSync(file, "endpoint = ipc\n");
      assert.throws(() => given({}, file), (error) => error instanceof EndpointError && /bridge\.toml is not valid TOML: \w/.test(error.message));
      fs.writeFileSync(file, "endpoint = 5555\n");
      assert.throws(() => given({}, file), /the value of endpoint has to be text/);
    });
  });

  it("are read strictly", () => {
    assert.deepEqual(parseEndpoint(" ipc:///run/a.sock "), { transport: "ipc", path: "/run/a.sock", abstract: false, text: "ipc:///run/a.sock" });
    assert.deepEqual(parseEndpoint("ipc://@name", { platform: "linux", libuvVersion: "1.48.0" }),
      { transport: "ipc", path: "\0name", abstract: true, text: "ipc://@name" });
    assert.deepEqual(parseEndpoint("tcp://[fe80::1%eth0]:5555"), { transport: "tcp", host: "fe80::1%eth0", port: 5555, text: "tcp://[fe80::1%eth0]:5555" });
    assert.deepEqual(parseEndpoint("tcp://raspberrypi.local:65535"), { transport: "tcp", host: "raspberrypi.local", port: 65535, text: "tcp://raspberrypi.local:65535" });
  });

  const wrong = [
    [undefined, /No endpoint is given/], ["", /No endpoint is given/], ["http://localhost:1", /begin with ipc:\/\/ or tcp:\/\//],
    ["ipc://", /names no socket/], ["ipc://@", /names no socket/], ["ipc://run/a.sock", /relative path.*ipc:\/\/\/run\/a\.sock/],
    [`ipc:///${"x".repeat(107)}`, /108 bytes long; at most 107/], ["ipc:///a\0b", /NUL/], ["tcp://localhost", /a host, a colon and a port/],
    ["tcp://localhost:0", /Ports go from 1 to 65535/], ["tcp://localhost:65536", /Ports go from 1 to 65535/], ["tcp://*:5555", /only the bridge itself/],
    ["tcp://::1:5555", /stands in brackets/], ["tcp://host:55x", /a host, a colon and a port/], ["tcp://eth0;host:5555", /a host, a colon and a port/],
  ];
  for (const [text, sentence] of wrong) {
    it(`refuse ${JSON.stringify(text)} with a sentence`, () => {
      assert.throws(() => parseEndpoint(text), (error) => error instanceof EndpointError && sentence.test(error.message));
    });
  }

  it("that cannot be read are told by an event, and asked for anew", async () => {
    const peer = await rawPeer();
    let asked = 0;
    const socket = open(() => {
      asked += 1;
      return asked < 3 ? "nonsense" : peer.endpoint;
    });
    await until(() => socket.connected, "the third answer");
    assert.deepEqual(socket.seen.unreachable.map((reason) => reason.code), ["bad_endpoint", "bad_endpoint"]);
  });
});
