"use strict";
/* The translations: every text of every place, with its placeholders, and nothing that is out of date. */

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.join(__dirname, "..", "..");
const LANGUAGES = fs.readdirSync(path.join(ROOT, "translations")).filter((each) => each.endsWith(".po")).map((each) => each.slice(0, -".po".length));
const catalogue = require("../../node-red-nodes/catalogue.json");

const read = (file) => (fs.existsSync(path.join(ROOT, file)) ? fs.readFileSync(path.join(ROOT, file), "utf8") : null);
const load = (file) => import(path.join(ROOT, "scripts", file));

/** Every string of a catalogue of words, by its key. */
function strings(words, key = "") {
  return typeof words === "string" ? [[key, words]] : Object.entries(words).flatMap(([name, each]) => strings(each, key === "" ? name : `${key}.${name}`));
}

describe("the check of a translation", () => {
  const template = new Map([["RAK1.read.name", "Read"], ["help.place", "See <code>a</code>, __name__ and ``b``"], ["bridge.form.slot", "Slot"]]);
  const entry = (place, translation, more) => ({ place, english: template.get(place) ?? "", translation, isFuzzy: false, ...more });
  const whole = [
    entry("RAK1.read.name", "Lesen"), entry("help.place", "``b``, __name__: <code>a</code>"), entry("bridge.form.slot", "Steckplatz"),
  ];
  let problems;

  before(async () => {
    ({ problems } = await load("translations/check.mjs"));
  });

  const found = (place, replaced) => problems(template, whole.flatMap((each) => (each.place === place ? replaced : [each])));

  it("finds nothing where all is right, in whatever order the placeholders are", () => {
    assert.deepEqual(problems(template, whole), []);
  });

  it("names what is missing, with and without an entry", () => {
    for (const replaced of [[], [entry("bridge.form.slot", "")]]) {
      assert.deepEqual(found("bridge.form.slot", replaced), [{ place: "bridge.form.slot", kind: "missing", details: "Slot" }]);
    }
  });

  it("names what is obsolete", () => {
    const old = { place: "bridge.form.gone", english: "Gone", translation: "Weg", isFuzzy: false };
    assert.deepEqual(problems(template, [...whole, old]), [{ place: "bridge.form.gone", kind: "obsolete", details: "Gone" }]);
  });

  it("names what is outdated: another English text, or one that nobody has looked at", () => {
    for (const replaced of [entry("RAK1.read.name", "Lesen", { english: "Measure" }), entry("RAK1.read.name", "Lesen", { isFuzzy: true })]) {
      const [problem, ...more] = found("RAK1.read.name", [replaced]);
      assert.deepEqual(more, []);
      assert.equal(`${problem.place} ${problem.kind}`, "RAK1.read.name outdated");
    }
  });

  it("names a placeholder, code or tag that is missing, misspelt, translated or added", () => {
    for (const [translation, details] of [
      ["``b``: <code>a</code>", "__name__ is missing"],
      ["``b``, __namen__: <code>a</code>", "__name__ is missing, __namen__ is not in the English text"],
      ["b, __name__: <code>a</code>", "``b`` is missing"],
      ["``b``, __name__: <code>x</code>", "<code>a</code> is missing, <code>x</code> is not in the English text"],
      ["``b``, __name__: <code>a</code> <b>", "<b> is not in the English text"],
      ["``b``, __name__, __name__: <code>a</code>", "__name__ is not in the English text"],
    ]) {
      assert.deepEqual(found("help.place", [entry("help.place", translation)]), [{ place: "help.place", kind: "placeholders", details }]);
    }
  });
});

describe("bringing a translation to the English of today", () => {
  it("keeps what fits, takes what has moved, marks what has changed, and leaves out what is gone", async () => {
    const { compile, merge, parse } = await load("translations/po.mjs");
    const template = new Map([["a", "Stays"], ["help.1", "New"], ["help.2", "Moved"], ["b", "Says \"more\""], ["c", "Stays"]]);
    const old = [["a", "Stays", "Bleibt"], ["help.1", "Moved", "Verschoben"], ["b", "Said", "Gesagt"], ["gone", "Gone", "Weg"]]
      .map(([place, english, translation]) => ({ place, english, translation, isFuzzy: false }));
    const merged = parse(compile(merge(template, old), "de"));
    assert.deepEqual(merged.map(({ place, translation, isFuzzy }) => [place, translation, isFuzzy]), [
      ["a", "Bleibt", false], ["help.1", "Verschoben", true], ["help.2", "Verschoben", false], ["b", "Gesagt", true], ["c", "Bleibt", true],
    ]);
    assert.equal(merged[3].previous, 'msgid "Said"');
    assert.deepEqual(parse(compile(merge(template, merged), "de")), merged, "a second time changes nothing");
  });

  it("begins a language with an empty file, and refuses what is no code of one", async () => {
    const copy = fs.mkdtempSync(path.join(require("node:os").tmpdir(), "language-"));
    try {
      for (const each of ["package.json", "scripts", "node-red-nodes", "resources", "translations"]) {
        fs.cpSync(path.join(ROOT, each), path.join(copy, each), { recursive: true });
      }
      fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(copy, "node_modules"));
      const run = (...args) => spawnSync(process.execPath, [path.join(copy, "scripts", "language.mjs"), ...args], { encoding: "utf8" });
      const begun = run("fr");
      assert.match(begun.stdout, /^translations\/fr\.po: (\d+) of \1 texts to translate or to look at\n$/);
      const { parse } = await load("translations/po.mjs");
      assert.ok(parse(fs.readFileSync(path.join(copy, "translations", "fr.po"), "utf8")).length > 1900);
      assert.equal(run("../fr").status, 2);
      const before = fs.readFileSync(path.join(copy, "translations", "de.po"), "utf8");
      assert.equal(run().status, 0);
      assert.equal(fs.readFileSync(path.join(copy, "translations", "de.po"), "utf8"), before, "nothing to do for a whole translation");
    } finally {
      fs.rmSync(copy, { recursive: true });
    }
  });
});

describe("the translations", () => {
  let template;

  before(async () => {
    template = (await load("generate/outputs.mjs")).englishTexts(catalogue, read);
  });

  it("are German and Simplified Chinese at least", () => {
    assert.deepEqual(["de", "zh-CN"].filter((each) => !LANGUAGES.includes(each)), []);
  });

  it("are made of every text of the catalogue and of the catalogues of words", () => {
    const texts = new Set(template.values());
    for (const { title, summary, details, unconfirmed, operations, events } of catalogue.modules) {
      const all = [...operations, ...events];
      for (const text of [
        title, summary, ...details, ...unconfirmed, ...all.flatMap((each) => [each.summary, each.details]),
        ...all.flatMap(({ params, readings }) => [...params, ...readings].map((each) => each.summary)),
      ]) {
        assert.ok(text === "" || texts.has(text), text);
      }
    }
    for (const set of ["bridge", "request", "sidebar"]) {
      for (const [key, text] of strings(JSON.parse(read(`node-red-nodes/${set}/locales/en-US/${set}.json`)))) {
        assert.ok(texts.has(text) || key === "language" || !/[A-Za-z]/.test(text.replace(/__\w+?__/g, "").replace("WisBlock", "")), text);
      }
    }
  });

  for (const code of LANGUAGES) {
    it(`have nothing missing, obsolete, outdated, or with other placeholders: ${code}`, async () => {
      const { parse } = await load("translations/po.mjs");
      const { problems } = await load("translations/check.mjs");
      const found = problems(template, parse(read(`translations/${code}.po`))).map((each) => `${each.place}: ${each.kind}: ${each.details}`);
      assert.deepEqual(found.slice(0, 20), [], `${found.length} in translations/${code}.po; CONTRIBUTING.md says how to mend them`);
    });

    it(`have the keys of English in every catalogue, and help for every node: ${code}`, () => {
      for (const set of fs.readdirSync(path.join(ROOT, "node-red-nodes"))) {
        const folder = `node-red-nodes/${set}/locales`;
        if (!fs.existsSync(path.join(ROOT, folder))) {
          continue;
        }
        const keys = (language) => strings(JSON.parse(read(`${folder}/${language}/${set}.json`))).map(([key]) => key);
        assert.deepEqual(keys(code), keys("en-US"), set);
        const [english, help] = ["en-US", code].map((language) => read(`${folder}/${language}/${set}.html`));
        assert.equal(english === null, help === null, set);
        const skeleton = (html) => html.replace(/<!--[^>]*-->\n/, "").match(/<\/?(script|h3|h4|p|dl|dt|dd|ul|li)\b[^>]*>/g);
        assert.deepEqual(help === null ? [] : skeleton(help), help === null ? [] : skeleton(english), set);
      }
    });

    it(`keep every status within the room beside a node: ${code}`, () => {
      const { MAX_TEXT } = require("../../node-red-nodes/lib/status");
      const { status } = JSON.parse(read(`node-red-nodes/bridge/locales/${code}/bridge.json`));
      const tooLong = strings(status).map(([key, text]) => [key, text.replace("__reached__", "0.25").replace("__asked__", "0.5")]).filter(([, text]) => [...text].length > MAX_TEXT);
      assert.deepEqual(tooLong, []);
    });
  }

  it("have titles whose words the palette does not break: it has room for 11 letters", () => {
    for (const { slug } of catalogue.modules) {
      for (const code of ["en-US", ...LANGUAGES]) {
        const { palette } = JSON.parse(read(`node-red-nodes/${slug}/locales/${code}/${slug}.json`));
        assert.deepEqual(palette.title.split(/[ -]/).filter((each) => [...each].length > 11), [], `${slug} ${code}`);
      }
    }
  });

  it("are in the package", function () {
    this.timeout(60000);
    const packed = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: ROOT, encoding: "utf8" });
    const [{ files, size }] = JSON.parse(packed.stdout);
    const names = new Set(files.map((each) => each.path));
    for (const code of LANGUAGES) {
      for (const set of ["bridge", "request", "sidebar", ...catalogue.modules.map((each) => each.slug)]) {
        assert.ok(names.has(`node-red-nodes/${set}/locales/${code}/${set}.json`), `${set} ${code}`);
      }
    }
    assert.ok(size < 1000000, `${size} bytes`);
  });
});
