"use strict";
/* The palette: which colour says what, that it can be read, and that labels do not break in the middle of a word. */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { load } = require("./fakes/editor-scripts");

const NODES = path.join(__dirname, "..", "..", "node-red-nodes");
const catalogue = require("../../node-red-nodes/catalogue.json");

/** Which modules a user takes for which kind. */
const KINDS = {
  "#9CCFC4": ["ADC", "RAK12004", "RAK12006", "RAK12009", "RAK12015", "RAK16000", "RAK16001", "RAK5801", "RAK5811"],
  "#F3B567": ["RAK13001", "RAK13003", "RAK13004", "RAK13007", "RAK14003", "RAK17000", "TPT29555"],
  "#B9B5E3": ["RAK13005", "RAK5802"],
  "#E3AFC6": ["RAK13300", "RAK13600"],
  "#D3D7DC": ["bridge", "request"],
};

/** The text on a node, and the canvas of Node-RED's dark themes. */
const TEXT = "#333333";
const DARK_CANVAS = "#1C1C1C";

const html = (slug) => fs.readFileSync(path.join(NODES, slug, `${slug}.html`), "utf8");
const colour = (slug) => /color: "(#[0-9A-F]{6})"/.exec(html(slug))[1];

/** Relative luminance (WCAG 2.1, definitions). */
function luminance(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast ratio (WCAG 2.1, definitions). */
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

describe("the palette", () => {
  it("tells inputs, outputs, buses, radio and the bridge apart by colour", () => {
    const found = {};
    for (const name of [...catalogue.modules.map((each) => each.name), "bridge", "request"]) {
      (found[colour(name.toLowerCase())] ??= []).push(name);
    }
    for (const names of Object.values(found)) {
      names.sort();
    }
    assert.deepEqual(found, KINDS);
  });

  it("has colours that the text can be read on, and that stand out from a dark canvas", () => {
    for (const each of Object.keys(KINDS)) {
      assert.ok(contrast(each, TEXT) >= 4.5, `${each} below the text: ${contrast(each, TEXT)}`);
      assert.ok(contrast(each, DARK_CANVAS) >= 3, `${each} on a dark canvas: ${contrast(each, DARK_CANVAS)}`);
    }
  });

  it("has labels that the editor breaks between words only", () => {
    for (const { slug, name, title } of catalogue.modules) {
      const label = load(slug).definition.paletteLabel();
      const pieces = label.split(/[ -]/); // where the editor breaks a label
      assert.equal(pieces[0], name);
      assert.doesNotMatch(pieces.slice(1).join(" "), /(^| )(mA|V)( |$)/, `a unit alone: ${label}`);
      assert.equal(label.replaceAll("\u00a0", " ").replaceAll("\u2011", "-"), `${name} ${title}`);
      assert.ok(!label.includes("-"), label);
    }
  });
});
