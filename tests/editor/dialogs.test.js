"use strict";
/* The dialogs as they are opened: every label readable, beside or above its field. */

const assert = require("node:assert/strict");
const { Editor, NodeRed } = require("./editor");
const catalogue = require("../../node-red-nodes/catalogue.json");

/** Two lines of a label, and how far its middle may be from that of its field. */
const TALLEST = 40;
const OFF = 6;

describe("the dialogs", function () {
  this.timeout(180000);

  const nodeRed = new NodeRed();
  const editor = new Editor();
  let page;

  before(async () => {
    await nodeRed.start([
      { id: "tab1", type: "tab", label: "Flow 1" },
      { id: "bridge1", type: "wisblock-bridge", name: "", endpoint: "ipc:///tmp/no-bridge-is-here.sock", leaseMs: "" },
      ...[...catalogue.modules.map((each) => [`wisblock-${each.slug}`, String(each.slots[0])]), ["wisblock-request", "1"]]
        .map(([type, slot], index) => ({ id: `node${index}`, type, z: "tab1", x: 200 + 250 * (index % 3), y: 60 + 60 * Math.floor(index / 3), d: true, name: "", bridge: "bridge1", slot, wires: [[]] })),
    ]);
    await editor.open(nodeRed.url);
    page = editor.page;
  });

  after(async () => {
    await editor.close();
    await nodeRed.stop();
  });

  it("have each label in two lines at most, level with its field or above it, and nothing that is cut off", async () => {
    const wrong = [];
    let rows = 0;
    for (let index = 0; index <= catalogue.modules.length; index += 1) {
      await editor.edit(`node${index}`);
      await editor.restingPlace(page.locator("#node-input-name"));
      const [found, seen] = await page.evaluate(([tallest, off]) => {
        const all = [...document.querySelectorAll("#dialog-form .form-row")].filter((each) => each.offsetHeight > 0 && each.querySelector("label"));
        const tray = document.querySelector("#dialog-form").getBoundingClientRect();
        return [all.flatMap((row) => {
          const label = row.querySelector("label");
          const field = [...row.querySelectorAll("input, select, .red-ui-typedInput-container")].find((each) => each.offsetHeight > 0);
          const [name, box, at] = [label.textContent.trim(), label.getBoundingClientRect(), field && field.getBoundingClientRect()];
          return [
            box.height > tallest ? `${name}: ${box.height} px tall` : "",
            at && at.top < box.bottom - 4 && Math.abs((box.top + box.bottom - at.top - at.bottom) / 2) > off ? `${name}: not level with its field` : "",
            at && at.right > tray.right ? `${name}: its field is cut off` : "",
            label.scrollWidth > label.clientWidth + 1 ? `${name}: wider than its place` : "",
          ].filter(Boolean);
        }), all.length];
      }, [TALLEST, OFF]);
      rows += seen;
      wrong.push(...found.map((each) => `${index}: ${each}`));
      await editor.finishDialog("#node-dialog-cancel");
    }
    assert.ok(rows > 100, `${rows} rows`);
    assert.deepEqual(wrong, []);
  });
});
