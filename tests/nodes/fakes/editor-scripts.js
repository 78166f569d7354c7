"use strict";
/* Runs a node's html and the scripts in resources/ as the editor would, without an editor. */

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const ROOT = path.join(__dirname, "..", "..", "..");
const SOURCE = /<script src="resources\/@wisblock-bridge\/node-red-wisblock\/([\w-]+\.js)"><\/script>/g;
const SCRIPT = /<script type="text\/javascript">([\s\S]*?)<\/script>/g;

/** Values of the other realm as ours. */
const plain = (value) => JSON.parse(JSON.stringify(value));

/**
 * @param {string} set  name of the folder in node-red-nodes
 * @param {(key: string, values?: object) => string} [translate]  the key itself when not given
 * @returns {{type: string, definition: object, template: string, form: object | undefined}} what the html registers, the form that it builds,
 *   and, for a module, the description that it gives
 */
function load(set, translate = (key) => key) {
  const html = fs.readFileSync(path.join(ROOT, "node-red-nodes", set, `${set}.html`), "utf8");
  const found = { template: /<script type="text\/html" data-template-name="[^"]*">([\s\S]*?)<\/script>/.exec(html)[1] };
  const window = {};
  const context = vm.createContext({
    window,
    $: () => ({
      length: 0,
      text: (text) => {
        found.template = text;
      },
    }),
    RED: {
      _: translate,
      editor: { getEditStack: () => [] },
      nodes: { registerType: (type, definition) => Object.assign(found, { type, definition }) },
      utils: { validateTypedProperty: () => true },
    },
  });
  for (const [, file] of html.matchAll(SOURCE)) {
    vm.runInContext(fs.readFileSync(path.join(ROOT, "resources", file), "utf8"), context);
  }
  const { define } = window.wisblockForm;
  window.wisblockForm.define = (form) => {
    found.form = plain(form);
    return define(form);
  };
  for (const starter of ["wisblockBridge", "wisblockRequest"]) {
    Object.assign(window[starter] ?? {}, { start: () => undefined, load: () => undefined });
  }
  for (const [, script] of html.matchAll(SCRIPT)) {
    vm.runInContext(script, context);
  }
  return found;
}

/**
 * Texts as the editor finds them in the catalogues of a language.
 *
 * @param {string} code  the language's
 * @returns {(key: string, values?: object) => string}
 */
const speak = (code) => (key, values = {}) => {
  const [, set, name] = /^@wisblock-bridge\/node-red-wisblock\/(\w+):(.*)$/.exec(key);
  const words = require(`../../../node-red-nodes/${set}/locales/${code}/${set}.json`);
  return String(name.split(".").reduce((at, part) => at?.[part], words) ?? key).replace(/__(\w+?)__/g, (_, each) => values[each]);
};

module.exports = { load, plain, speak };
