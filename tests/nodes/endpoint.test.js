"use strict";
/*
 * Endpoints: the default rule, and what may be typed.
 *
 * 1. Expected values are typed from docs/protocol.md, "Transport".
 */

const assert = require("node:assert/strict");

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
