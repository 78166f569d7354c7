"use strict";
/*
 * What a flow looks like when it is opened: everything on the screen, nothing on top of anything else, and a description that says what it is.
 *
 * 1. Flows are found, not listed.
 * 2. Widths are estimates; the gaps asked for are wider than their error.
 */

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { load, speak } = require("./fakes/editor-scripts");
const { boxOf, cross, overlap, runsBelow, wireOf } = require("./peers/canvas");

const FLOWS = path.join(__dirname, "..", "..", "flows");
const catalogue = require("../../node-red-nodes/catalogue.json");

/** What a window 1400 px wide shows of the canvas beside palette and sidebar, and a little more than one screen of height. */
const WIDTH = 890;
const HEIGHT = 1000;
/** Nodes that are nearer are joined by a loop in place of a line. */
const GAP = 10;

const flows = fs.readdirSync(FLOWS, { recursive: true }).filter((each) => each.endsWith(".json")).sort()
  .map((name) => ({ name, nodes: JSON.parse(fs.readFileSync(path.join(FLOWS, name), "utf8")) }));

/** What stands on a node: its name, or what its type says of itself. */
function labelOf(node) {
  if (node.type === "inject") {
    return `${node.name}${node.repeat ? " ↻" : ""}${node.once ? " ¹" : ""}`;
  }
  if (node.name) {
    return node.name;
  }
  const module = catalogue.modules.find((each) => `wisblock-${each.slug}` === node.type);
  if (module !== undefined) {
    return load(module.slug, speak("en-US")).definition.label.call(node);
  }
  if (node.type.startsWith("ui-")) {
    return node.label || node.title || node.type;
  }
  switch (node.type) {
    case "catch":
      return "catch: all";
    case "delay":
      return `delay ${node.timeout}${node.timeoutUnits.charAt(0)}`;
    case "wisblock-request":
      return "WisBlock request";
    default:
      return node.type;
  }
}

for (const { name, nodes } of flows) {
  describe(`on the screen, ${name}`, () => {
    const placed = nodes.filter((each) => each.x !== undefined).map((node) => ({ node, label: labelOf(node), box: boxOf(node, labelOf(node)) }));
    const byId = new Map(placed.map((each) => [each.node.id, each]));
    const wires = placed.flatMap(({ node, label, box }) =>
      (node.wires ?? []).flatMap((targets, port) =>
        targets.map((id) => {
          const target = byId.get(id);
          return { from: node.id, to: id, gap: target.box.left - box.right, name: `${label} → ${target.label}`, points: wireOf(node, box, port, target.node, target.box) };
        })));

    it("shows every node without scrolling sideways", () => {
      assert.ok(placed.length > 0);
      assert.deepEqual(placed.filter(({ box }) => box.left < 0 || box.top < 0 || box.right > WIDTH || box.bottom > HEIGHT)
        .map(({ label, box }) => `${label}: ${Math.round(box.left)} to ${Math.round(box.right)}, ${box.top} to ${box.bottom}`), []);
    });

    it("puts no node, and no status, over another", () => {
      const over = placed.flatMap((one, index) => placed.slice(index + 1).filter((other) => overlap(one.box, other.box)).map((other) => `${one.label} and ${other.label}`));
      assert.deepEqual(over, []);
    });

    it("has wires that run beside nodes, not below them, and do not cross", () => {
      const below = wires.flatMap(({ from, to, name: wire, points }) =>
        placed.filter(({ node, box }) => node.id !== from && node.id !== to && runsBelow(points, box)).map(({ label }) => `${wire} runs below ${label}`));
      const crossing = wires.flatMap((one, index) =>
        wires.slice(index + 1).filter((other) => one.from !== other.from && one.to !== other.to && cross(one.points, other.points)).map((other) => `${one.name} crosses ${other.name}`));
      assert.deepEqual([...below, ...crossing], []);
    });

    it("leaves room for each wire", () => {
      assert.deepEqual(wires.filter(({ gap }) => gap < GAP).map(({ gap, name: wire }) => `${wire}: ${Math.round(gap)}`), []);
    });

    it("says nothing twice", () => {
      for (const { info = "" } of nodes) {
        const sentences = info.split(/(?<=[.!?])\s+|\n/).map((each) => each.trim()).filter((each) => each.length > 30);
        assert.deepEqual(sentences.filter((each, index) => sentences.indexOf(each) !== index), []);
      }
    });

    it("describes itself: what it does, what to connect, what to expect, what was corrected", () => {
      const tab = nodes.find((each) => each.type === "tab");
      const headings = [...(tab.info ?? "").matchAll(/^## (.+)$/gm)].map((each) => each[1]);
      assert.deepEqual(headings.slice(0, 2), ["Connect", "What to expect"]);
      assert.ok((tab.info ?? "").indexOf("## ") > 60, "it begins with what the flow does");
      const vendor = nodes.find((each) => each.type === "comment" && each.name === "As the vendor documents it");
      assert.equal(headings.length, vendor === undefined ? 2 : 3, headings.join(", "));
      if (vendor !== undefined) {
        assert.equal(headings[2], "Compared with the vendor's flow");
      }
    });
  });
}
