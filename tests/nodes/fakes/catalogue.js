"use strict";
/* A small catalogue with one module of every kind that matters to the nodes, so that tests do not hang on a product. */

const { Catalogue } = require("../../../node-red-nodes/lib/catalogue");

const param = (name, kind, more = {}) => ({
  name, label: name, summary: `The ${name}.`, kind, item_kind: null, required: true, default: null, choices: [], unit: "none", low: null, high: null,
  ...more,
});
const reading = (name, kind, more = {}) => ({
  name, summary: `The ${name}.`, kind, unit: "none", low: null, high: null, step: null, choices: [], optional: false, ...more,
});
const operation = (name, more = {}) => ({
  name, summary: `Does ${name}.`, details: "", default: false, reads_only: false, drives: "", urgent: false, payload_param: "", main: "",
  params: [], readings: [], ...more,
});

const on = reading("on", "bool");

const data = {
  format: 1,
  units: {
    none: { symbol: "", decimals: 0 },
    volt: { symbol: "V", decimals: 3 },
    milliampere: { symbol: "mA", decimals: 2 },
  },
  modules: [
    {
      name: "RAK1", slug: "rak1", title: "test module", family: "interface", slots: [1, 2], icon: "x.svg", reference: "https://example.org",
      summary: "Tests.", details: [], unconfirmed: [], needs: [],
      operations: [
        operation("read", {
          default: true,
          reads_only: true,
          main: "current",
          params: [
            param("samples", "int", { required: false, default: 32, low: 1, high: 1024 }),
            param("scale", "float", { required: false }),
            param("gain", "str", { required: false, default: 1, choices: ["2/3", 1, 2] }),
          ],
          readings: [
            reading("current", "float", { unit: "milliampere" }),
            reading("percent", "float", { unit: "volt" }),
            reading("loop", "str"),
          ],
        }),
        operation("read_all", { reads_only: true, readings: [reading("low", "float", { unit: "volt" }), reading("count", "int")] }),
        operation("set", { drives: "relay", payload_param: "on", main: "on", params: [param("on", "bool")], readings: [on] }),
        operation("write", {
          drives: "{line}",
          payload_param: "level",
          main: "level",
          params: [param("line", "int", { low: 0, high: 15 }), param("level", "int", { choices: [0, 1] })],
          readings: [reading("level", "int")],
        }),
        operation("send", { payload_param: "data", params: [param("data", "bytes"), param("lines", "list", { item_kind: "int", required: false })] }),
      ],
      events: [operation("change", {
        reads_only: true, polled: true, main: "level",
        params: [param("lines", "list", { item_kind: "int", required: false, default: [] })],
        readings: [reading("line", "int"), reading("level", "int")],
      })],
    },
    {
      name: "BOARD", slug: "board1", title: "soldered on", family: "onboard", slots: ["board"], icon: "x.svg", reference: "https://example.org",
      summary: "Tests.", details: [], unconfirmed: [], needs: [], operations: [operation("read", { default: true, reads_only: true })], events: [],
    },
  ],
};

module.exports = { catalogue: new Catalogue(data, "fingerprint") };
