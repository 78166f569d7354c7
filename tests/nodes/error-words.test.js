"use strict";
/* Errors in the language of those who read them: what happened, where, what to do, and the bridge's own words where they have the values. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { BridgeError, reasonOf, say } = require("../../node-red-nodes/lib/client-errors");
const { asNodeError, badParams, forEditor, inLanguage, nodeError } = require("../../node-red-nodes/lib/node-errors");
const { Subscriptions } = require("../../node-red-nodes/lib/client-subscriptions");
const { readKeys } = require("../../node-red-nodes/lib/zmtp-keys");
const { parseEndpoint } = require("../../node-red-nodes/lib/endpoint");
const { moduleWords, readingsText, translator } = require("../../node-red-nodes/lib/status");
const { Catalogue } = require("../../node-red-nodes/lib/catalogue");
const { toWire } = require("../../node-red-nodes/lib/values");
const data = require("../../node-red-nodes/catalogue.json");

const ROOT = path.join(__dirname, "..", "..");

/** Node-RED, as far as it speaks. */
const speaking = (code) => ({
  _: (id, values = {}) => {
    const [, set, key] = /^@wisblock-bridge\/node-red-wisblock\/(\w+):(.*)$/.exec(id);
    const words = require(`../../node-red-nodes/${set}/locales/${code}/${set}.json`);
    const found = key.split(".").reduce((at, part) => at?.[part], words);
    return typeof found === "string" ? found.replace(/__(\w+?)__/g, (whole, name) => values[name] ?? whole) : key;
  },
});
const place = { module: "RAK5801", slot: 1 };
const noDevice = () => new BridgeError({ code: "no_device", message: "No acknowledge", where: "RAK5801 in slot 1, ADC 0x4b on i2c-1", hint: "Check that the module sits in its slot." });
const thrown = (action) => {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
};

describe("an error in the reader's language", () => {
  it("is exactly what was said, in English and where there are no words", () => {
    for (const RED of [speaking("en-US"), { _: (id) => id }]) {
      const error = asNodeError(noDevice());
      assert.equal(inLanguage(RED, error, place), error);
      assert.equal(inLanguage(RED, noDevice(), place).message, "No acknowledge (RAK5801 in slot 1, ADC 0x4b on i2c-1). Check that the module sits in its slot.");
      assert.equal(inLanguage(RED, badParams("no_text", { name: "channel", value: "12" }), place).message, "channel is 12, which is not text. Send text.");
    }
  });

  it("says where, what happened and what to do, with the bridge's own words behind", () => {
    const german = inLanguage(speaking("de"), noDevice(), place);
    assert.equal(german.message, "RAK5801 in Steckplatz 1: An der Adresse antwortet nichts. Drücken Sie das Modul in den Stecker, und prüfen Sie den Steckplatz. "
      + "(Bridge: No acknowledge (RAK5801 in slot 1, ADC 0x4b on i2c-1). Check that the module sits in its slot.)");
    assert.equal(german.code, "no_device");
    assert.equal(german.cause.message, "No acknowledge");
    assert.equal(String(german), german.message);
    assert.match(inLanguage(speaking("zh-CN"), noDevice(), place).message, /^插槽 1 中的 RAK5801：该地址没有应答。请将模块压紧到连接器中，并检查插槽。（桥接程序：No acknowledge/);
    assert.match(inLanguage(speaking("de"), noDevice(), { module: "ADC", slot: "board" }).message, /^ADC: An der Adresse/);
  });

  it("is whole where the node itself says it, with the values in it", () => {
    const RED = speaking("de");
    assert.equal(inLanguage(RED, badParams("not_allowed", { name: "every_ms", value: 5, low: 10, high: 99 })).message,
      "every_ms ist 5; zulässig: 10 bis 99. Öffnen Sie den Node, und korrigieren Sie den Wert.");
    const param = { name: "samples", kind: "int", item_kind: null, choices: [] };
    assert.equal(inLanguage(RED, thrown(() => toWire(Buffer.alloc(3), param)), place).message,
      "RAK5801 in Steckplatz 1: samples ist ein Buffer mit 3 Byte, also keine Zahl. Senden Sie eine Zahl oder einen Text, der eine ist.");
    assert.equal(inLanguage(RED, thrown(() => toWire([1, "x"], { ...param, kind: "list", item_kind: "int" }, { id: "expression", values: { name: "data" } }))).message,
      'data (Ausdruck)[1] ist "x", also keine Zahl. Senden Sie eine Zahl oder einen Text, der eine ist.');
  });

  it("keeps what others said within it: why a text is no JSON", () => {
    assert.equal(inLanguage(speaking("de"), badParams("params_json", {}, "Unexpected token x")).message, "Die Parameter sind kein JSON. Unexpected token x.");
  });

  it("gives the reason with its own advice, through every layer", () => {
    const RED = speaking("de");
    const length = thrown(() => readKeys({ serverKey: "short" }));
    assert.equal(length.message, "The server key is 5 characters long; a key has 40.");
    const notSent = new BridgeError({ code: "offline", ...say("not_sent", { reason: reasonOf(length) }), hint: length.hint });
    assert.equal(notSent.message, "Not sent. The server key is 5 characters long; a key has 40.");
    assert.equal(inLanguage(RED, notSent).message, "Nicht gesendet. Der Server-Schlüssel ist 5 Zeichen lang; ein Schlüssel hat 40. "
      + 'Fügen Sie die drei Zeilen ein, die "wisblock-bridge keys add" auf dem Gateway ausgegeben hat.');
    const endpoint = thrown(() => parseEndpoint("http://a"));
    const offline = nodeError("offline", "offline_because", { reason: reasonOf(endpoint) }, { where: "http://a" });
    assert.equal(offline.message, 'The bridge does not answer: The endpoint "http://a" cannot be used: it has to begin with ipc:// or tcp://. Is it running? Try: systemctl status wisblock-bridge.');
    assert.match(inLanguage(RED, offline).message, /^Die Bridge antwortet nicht: Der Endpunkt "http:\/\/a" kann nicht verwendet werden: Er muss mit ipc:\/\/ oder tcp:\/\/ beginnen\. Läuft sie\?/);
  });

  it("takes no sentence from a bridge: `said` of the wire is not read", () => {
    const error = asNodeError({ code: "no_device", message: "No acknowledge", said: { id: "no_bridge" } });
    assert.equal(error.cause.said, undefined);
  });

  it("says of a subscription, too, what this client found out, and not that the bridge said it", async () => {
    const events = [];
    const own = new BridgeError({ code: "timeout_reply", ...say("no_reply", { request: "\"subscribe\"", timeout: 32000 }), where: "RAK5801 slot 1" });
    const subscriptions = new Subscriptions({ ask: (_method, _params, _resolve, reject) => reject(own), wakeAt: () => undefined, warn: () => undefined });
    subscriptions.add({ module: "RAK5801", slot: 1, event: "change" }, (event) => events.push(event));
    subscriptions.online();
    const german = inLanguage(speaking("de"), events[0].error, place);
    assert.equal(german.code, "timeout_reply");
    assert.match(german.message, /^RAK5801 in Steckplatz 1: .*32000/);
    assert.doesNotMatch(german.message, /Bridge: |subscribe.* was /);
    subscriptions.clear();
  });

  it("ends the sentence behind the place, too", () => {
    const error = nodeError("offline", "offline_because", { reason: "It is gone." }, { where: "ipc:///x" });
    assert.match(inLanguage(speaking("de"), error).message, /It is gone \(ipc:\/\/\/x\)\. Läuft sie\?/);
    assert.match(inLanguage(speaking("de"), nodeError("offline", "offline", {}, { where: "ipc:///x" })).message, /^[^.]*[^. ] \(ipc:\/\/\/x\)\. /);
    assert.match(inLanguage(speaking("zh-CN"), nodeError("offline", "offline", {}, { where: "ipc:///x" })).message, /^[^。]*[^。 ] \(ipc:\/\/\/x\)。[^ ]/);
  });

  it("leaves a code that nobody knows in the bridge's words", () => {
    assert.equal(inLanguage(speaking("de"), new BridgeError({ code: "newer_code", message: "Something new" }), place).message, "Something new.");
  });

  it("goes to the editor in English, with what it needs to say it otherwise", () => {
    assert.deepEqual(forEditor(noDevice()), { code: "no_device", message: "No acknowledge (RAK5801 in slot 1, ADC 0x4b on i2c-1). Check that the module sits in its slot." });
    const { message, said } = forEditor(nodeError("offline", "no_bridge"));
    assert.equal(message, "No bridge is chosen. Open the node and choose or add a bridge.");
    assert.equal(said.id, "no_bridge");
  });

  it("has two sentences for every code of the protocol", () => {
    const codes = [...fs.readFileSync(path.join(ROOT, "docs", "protocol.md"), "utf8").split("## 3. Error codes")[1].split("\n## 4")[0].matchAll(/^\| `(\w+)` \|/gm)].map((each) => each[1]);
    assert.ok(codes.length >= 26, codes.join());
    for (const language of ["en-US", "de", "zh-CN"]) {
      const { code } = require(`../../node-red-nodes/bridge/locales/${language}/bridge.json`).errors;
      assert.deepEqual(Object.keys(code).sort(), [...codes].sort());
      for (const { message, hint } of Object.values(code)) {
        assert.ok(message.length > 3 && hint.length > 3);
      }
    }
  });

  it("has every sentence that the code asks for, and none that nobody asks for", () => {
    const { own } = require("../../node-red-nodes/bridge/locales/en-US/bridge.json").errors;
    const lib = path.join(ROOT, "node-red-nodes", "lib");
    const code = fs.readdirSync(lib, { recursive: true }).filter((each) => each.endsWith(".js")).map((each) => fs.readFileSync(path.join(lib, each), "utf8")).join("\n");
    const asked = [/(?:say|badParams|badKeys|EndpointError)\("(\w+)"/g, /(?:nodeError|transportError)\("\w+", "(\w+)"/g, /\bid: "(\w+)"/g].flatMap((each) => [...code.matchAll(each)].map((found) => found[1]));
    assert.ok(asked.length > 70, `${asked.length}`);
    assert.deepEqual(asked.filter((each) => own[each] === undefined), []);
    assert.deepEqual(Object.keys(own).filter((each) => !code.includes(`"${each}"`)), []);
  });
});

describe("the status in Node-RED's language", () => {
  const catalogue = new Catalogue(data, "");
  const text = (code, slug, name, values) => {
    const module = catalogue.module(slug);
    return readingsText(catalogue, [...module.operations, ...module.events].find((each) => each.name === name), values, moduleWords(translator(speaking(code)), slug));
  };

  it("has numbers, names and words of the language; English ones as they were", () => {
    assert.deepEqual(["en-US", "de", "zh-CN"].map((code) => text(code, "rak5801", "read", { current: 3.8134 })), ["3.81 mA", "3,81 mA", "3.81 mA"]);
    assert.deepEqual(["en-US", "de", "zh-CN"].map((code) => text(code, "rak13007", "set", { on: true })), ["on", "ein", "开"]);
    assert.deepEqual(["en-US", "de", "zh-CN"].map((code) => text(code, "rak12006", "read", { motion: true })), ["motion yes", "Bewegung ja", "运动 是"]);
  });

  it("names an operation that takes its time", () => {
    const name = (code) => moduleWords(translator(speaking(code)), "rak13007").operation("toggle");
    assert.deepEqual(["en-US", "de", "zh-CN"].map(name), ["toggle", "Umschalten", "翻转"]);
    assert.equal(moduleWords((id) => id, "rak13007").operation("pulse_width"), "pulse width");
  });
});
