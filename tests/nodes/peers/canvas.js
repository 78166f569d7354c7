"use strict";
/*
 * The editor's canvas, worked out without an editor: how wide a node is drawn, and how a wire runs.
 *
 * 1. Widths are those of DejaVu Sans at 14 px: the editor asks for Helvetica, and this is the widest of what Linux has in its place. A character
 *    that is not listed counts as the widest one.
 * 2. Wires are the curves that Node-RED draws between an output and an input.
 */

const NODE_HEIGHT = 30;
const STATUS_HEIGHT = 20;
const PORT_SPACING = 13;
const CURVE_SCALE = 0.75;
const CURVE_LENGTH = 100;
const STEPS = 60;

/** Advance widths of DejaVu Sans in thousandths of the size of the font, rounded up. */
const ADVANCES = {
  ...Object.fromEntries([..."'ijlIJ"].map((each) => [each, 295])),
  ...Object.fromEntries([..." ,./:;|f\\\u00a0"].map((each) => [each, 352])),
  ...Object.fromEntries([..."-()[]t!r¹\u2011"].map((each) => [each, 411])),
  ...Object.fromEntries([..."\"*_`°szc?"].map((each) => [each, 550])),
  ...Object.fromEntries([..."LFkvxyPTYoae"].map((each) => [each, 615])),
  ...Object.fromEntries([..."hnuESbdgpq$0123456789{}µ"].map((each) => [each, 636])),
  ...Object.fromEntries([..."KAVXZBRC"].map((each) => [each, 698])),
  ...Object.fromEntries([..."UNHDG&OQ"].map((each) => [each, 787])),
  ...Object.fromEntries([..."w#+<=>~×−↻M"].map((each) => [each, 863])),
};
const WIDE = 1000;

/** @param {string} text @returns {number} its width in px */
function textWidth(text) {
  return [...text].reduce((sum, each) => sum + (ADVANCES[each] ?? WIDE), 0) * 14 / 1000;
}

/**
 * @typedef {{left: number, right: number, top: number, bottom: number}} Box
 * @typedef {{x: number, y: number}} Point
 */

/**
 * @param {any} node  a node of a flow
 * @param {string} label  what stands on it
 * @returns {Box} what it covers, its button and its status included
 */
function boxOf(node, label) {
  const inputs = ["inject", "comment", "catch", "tab"].includes(node.type) ? 0 : 1;
  const width = Math.max(100, 20 * Math.ceil((textWidth(label) + 50 + (inputs > 0 ? 7 : 0)) / 20));
  const outputs = node.wires?.length ?? 0;
  const height = Math.max(NODE_HEIGHT, outputs * 15);
  const shows = node.type.startsWith("wisblock-") || /node\.status\(\{ /.test(node.func ?? "");
  return {
    left: node.x - width / 2 - (node.type === "inject" ? 26 : 0),
    right: node.x + width / 2 + (node.type === "debug" ? 26 : 0),
    top: node.y - height / 2,
    bottom: node.y + height / 2 + (shows ? STATUS_HEIGHT : 0),
  };
}

/** @param {Box} a @param {Box} b @returns {boolean} whether they share a place */
function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/**
 * @param {any} source  the node that a wire begins at
 * @param {Box} from  its box
 * @param {number} port  number of the output
 * @param {any} target
 * @param {Box} to
 * @returns {Point[]} points along the wire
 */
function wireOf(source, from, port, target, to) {
  const start = { x: from.right, y: source.y + (port - (source.wires.length - 1) / 2) * PORT_SPACING };
  const end = { x: to.left, y: target.y };
  const distance = Math.hypot(end.x - start.x, end.y - start.y);
  const scale = distance < CURVE_LENGTH ? CURVE_SCALE * (distance / CURVE_LENGTH) : CURVE_SCALE;
  const reach = CURVE_LENGTH * scale;
  return Array.from({ length: STEPS + 1 }, (_, index) => {
    const t = index / STEPS;
    const u = 1 - t;
    return {
      x: u ** 3 * start.x + 3 * u * u * t * (start.x + reach) + 3 * u * t * t * (end.x - reach) + t ** 3 * end.x,
      y: u ** 3 * start.y + 3 * u * u * t * start.y + 3 * u * t * t * end.y + t ** 3 * end.y,
    };
  });
}

/** @param {Point[]} wire @param {Box} box @returns {boolean} whether the wire runs below the node */
function runsBelow(wire, box) {
  return wire.some(({ x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom);
}

/** @param {Point[]} one @param {Point[]} other @returns {boolean} whether two wires cross */
function cross(one, other) {
  const side = (/** @type {Point} */ a, /** @type {Point} */ b, /** @type {Point} */ c) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));
  for (let i = 1; i < one.length; i += 1) {
    for (let j = 1; j < other.length; j += 1) {
      const [a, b, c, d] = [one[i - 1], one[i], other[j - 1], other[j]];
      if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) {
        return true;
      }
    }
  }
  return false;
}

module.exports = { boxOf, cross, overlap, runsBelow, textWidth, wireOf };
