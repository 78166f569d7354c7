"use strict";
/* What the press prints: fresh, complete, and in order for the editor. */

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.join(__dirname, "..", "..");
const NODES = path.join(ROOT, "node-red-nodes");
const catalogue = require("../../node-red-nodes/catalogue.json");
const description = require("../../package.json");

const read = (...parts) => fs.readFileSync(path.join(ROOT, ...parts), "utf8");
const press = (root, ...options) => spawnSync(process.execPath, [path.join(root, "scripts", "press.mjs"), ...options], { encoding: "utf8" });

/** All keys that a form or a script asks the catalogues of words for. */
function usedKeys(html) {
  const keys = [];
  for (const [, value] of html.matchAll(/data-i18n="([^"]*)"/g)) {
    keys.push(...value.split(";").map((each) => each.replace(/^\[[^\]]*\]/, "")));
  }
  for (const [, key] of html.matchAll(/label: "(@[^"]*)"/g)) {
    keys.push(key);
  }
  return keys;
}

function lookUp(words, key) {
  return key.split(".").reduce((at, part) => at?.[part], words);
}

/** Words by the name under which the editor knows them. */
function words(key, home) {
  const match = /^@wisblock-bridge\/node-red-wisblock\/([a-z0-9]+):(.*)$/.exec(key);
  const [set, name] = match ? [match[1], match[2]] : [home, key];
  return { name, words: JSON.parse(read("node-red-nodes", set, "locales", "en-US", `${set}.json`)) };
}

describe("the press", () => {
  it("has nothing to print: what is in the tree is fresh", () => {
    const result = press(ROOT, "--check");
    assert.equal(result.stderr, "");
    assert.equal(result.status, 0);
  });

  it("names what is stale or left over, prints it again, and keeps what people wrote", () => {
    const copy = fs.mkdtempSync(path.join(require("node:os").tmpdir(), "press-"));
    try {
      for (const each of ["package.json", "scripts", "node-red-nodes", "docs/modules"]) {
        fs.cpSync(path.join(ROOT, each), path.join(copy, each), { recursive: true });
      }
      const [module] = catalogue.modules;
      const help = path.join(copy, "node-red-nodes", module.slug, "locales", "en-US", `${module.slug}.html`);
      const page = path.join(copy, "docs", "modules", `${module.slug}.md`);
      const orphan = path.join(copy, "node-red-nodes", "rak0");
      fs.appendFileSync(help, "by hand");
      fs.appendFileSync(page, "Written by hand.\n");
      fs.mkdirSync(orphan);
      fs.writeFileSync(path.join(orphan, "rak0.js"), "/* Printed by scripts/press.mjs. Do not edit. */\n");
      const checked = press(copy, "--check");
      assert.equal(checked.status, 1);
      assert.match(checked.stderr, new RegExp(`stale: node-red-nodes/${module.slug}/locales/en-US/${module.slug}.html`));
      assert.match(checked.stderr, /orphan: node-red-nodes\/rak0/);
      assert.doesNotMatch(checked.stderr, /docs\/modules/);
      assert.equal(press(copy).status, 0);
      assert.equal(press(copy, "--check").status, 0);
      assert.equal(fs.existsSync(orphan), false);
      assert.match(fs.readFileSync(page, "utf8"), /Written by hand\.\n$/);
    } finally {
      fs.rmSync(copy, { recursive: true });
    }
  });

  it("takes the fingerprint of the catalogue as the bridge does", async () => {
    const { fingerprint } = await import("../../scripts/press/fingerprint.mjs");
    const sorted = '{"a":[1.0,-2e-05,true,null,"x: \\"{µ}"],"b":{},"c":[]}';
    const expected = createHash("sha256").update(sorted).digest("hex");
    assert.equal(fingerprint('{\n  "c": [],\n  "b": {},\n  "a": [1.0, -2e-05, true, null, "x: \\"{µ}"]\n}\n'), expected);
    assert.throws(() => fingerprint('{"a": ['), /ends too early/);
  });

  it("prints one node for each module and names all of them in package.json", () => {
    const expected = ["bridge", "request", ...catalogue.modules.map((each) => each.slug)];
    assert.deepEqual(Object.keys(description["node-red"].nodes), expected);
    for (const file of Object.values(description["node-red"].nodes)) {
      assert.ok(fs.existsSync(path.join(ROOT, file)), file);
      assert.ok(fs.existsSync(path.join(ROOT, file.replace(/\.js$/, ".html"))), file);
    }
  });
});

for (const module of catalogue.modules) {
  describe(`the printed node of the ${module.name}`, () => {
    const { slug } = module;
    const html = read("node-red-nodes", slug, `${slug}.html`);
    const help = read("node-red-nodes", slug, "locales", "en-US", `${slug}.html`);

    it("has a type of its own, the family's colour and an icon that exists", () => {
      assert.match(html, new RegExp(`registerType\\("wisblock-${slug}", \\{`));
      assert.match(html, /category: "wisblock"/);
      assert.match(html, /color: "#[0-9A-F]{6}"/);
      assert.ok(fs.existsSync(path.join(NODES, "bridge", "icons", module.icon)), module.icon);
    });

    it("mentions every parameter and every reading in its help, and what is not confirmed", () => {
      for (const operation of [...module.operations, ...module.events]) {
        for (const { name } of [...operation.params, ...operation.readings]) {
          assert.ok(help.includes(`>${name} <span`), `${operation.name}: ${name}`);
        }
      }
      const plain = help.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
      for (const each of module.unconfirmed) {
        assert.ok(plain.includes(each), each);
      }
    });

    it("has help in the order that Node-RED asks for", () => {
      assert.deepEqual([...help.matchAll(/<h3>([^<]*)<\/h3>/g)].map((each) => each[1]), ["Inputs", "Outputs", "Details", "References"]);
      assert.match(help, /^<script type="text\/html" data-help-name="[^"]*">\n\s*<p>/);
    });

    it("uses only words that exist, and has none that nobody uses", () => {
      const used = new Set();
      for (const key of usedKeys(html)) {
        if (key.startsWith("node-red:")) {
          continue;
        }
        const found = words(key, slug);
        assert.equal(typeof lookUp(found.words, found.name), "string", key);
        used.add(found.name);
      }
      const own = words("", slug).words;
      assert.equal(own.palette.label.wisblock, "WisBlock");
      const unused = [];
      for (const [operation, entries] of Object.entries(own[slug])) {
        for (const [name, entry] of Object.entries(entries)) {
          const keys = typeof entry === "string" ? [`${slug}.${operation}.${name}`] : Object.keys(entry).map((each) => `${slug}.${operation}.${name}.${each}`);
          unused.push(...keys.filter((each) => !used.has(each)));
        }
      }
      assert.deepEqual(unused, []);
    });

    it("prints the limits of the catalogue into its checks", () => {
      for (const operation of [...module.operations, ...module.events]) {
        for (const param of operation.params) {
          const line = html.split("\n").find((each) => each.includes(`checkParam(this, value, opt, { field: "${operation.name}_${param.name}"`));
          assert.ok(line, `${operation.name}: ${param.name}`);
          for (const limit of ["low", "high"]) {
            assert.equal(line.includes(`${limit}: ${param[limit]}`), param[limit] !== null, `${param.name} ${limit}`);
          }
        }
      }
    });

    it("has a page in the documentation, with its wiring, what happens before the bridge runs, and what to do in trouble", () => {
      const page = read("docs", "modules", `${slug}.md`);
      for (const [heading, least] of [["## Wiring", 80], ["## Before the bridge runs", 40], ["## Troubleshooting", 80]]) {
        const text = page.split(heading)[1]?.split("\n## ")[0].trim();
        assert.ok(text && text.length > least, `${heading} of ${slug}.md is empty`);
      }
    });
  });
}

describe("the words of the written nodes", () => {
  for (const set of ["bridge", "request"]) {
    it(`exist: ${set}`, () => {
      const html = read("node-red-nodes", set, `${set}.html`);
      for (const key of usedKeys(html).filter((each) => !each.startsWith("node-red:"))) {
        const found = words(key, set);
        assert.equal(typeof lookUp(found.words, found.name), "string", key);
      }
    });
  }

  it("exist for every status that a node can show", () => {
    const { KNOWN_CODES } = require("../../node-red-nodes/lib/status");
    const shared = words("", "bridge").words;
    for (const code of KNOWN_CODES) {
      assert.equal(typeof lookUp(shared, `status.error.${code}`), "string", code);
    }
    assert.deepEqual(Object.keys(shared.status.error).sort(), [...KNOWN_CODES].sort());
    for (const key of ["no_bridge", "emulated", "stale", "uncertain", "drift.newer", "drift.older", "drift.other"]) {
      assert.equal(typeof lookUp(shared, `status.${key}`), "string", key);
    }
  });

  it("exist for every reason that a check can give", () => {
    const html = read("node-red-nodes", "bridge", "bridge.html");
    const shared = words("", "bridge").words;
    for (const [, key] of html.matchAll(/problem\(facts, "(\w+)"/g)) {
      assert.equal(typeof lookUp(shared, `form.problem.${key}`), "string", key);
    }
    for (const [, key] of html.matchAll(/text\("(form\.[\w.]*\w)"/g)) {
      assert.equal(typeof lookUp(shared, key), "string", key);
    }
  });
});
