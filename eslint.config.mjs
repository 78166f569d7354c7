/* How the JavaScript is checked. Scripts inside html are checked too: the editor runs them. */

import js from "@eslint/js";
import html from "eslint-plugin-html";
import jsdoc from "eslint-plugin-jsdoc";
import globals from "globals";

const rules = {
  curly: ["error", "multi-line"],
  eqeqeq: "error",
  "no-console": "error",
  "no-else-return": "error",
  "no-implicit-globals": "error",
  "no-shadow": "error",
  "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
  "no-var": "error",
  "object-shorthand": "off",
  "prefer-const": "error",
  "prefer-template": "error",
  "require-await": "off",
};

export default [
  { ignores: ["examples/", "build/", "dist/", ".venv/", "tests/.cache/", ".run/", "**/node_modules/", "python-bridge/", "docs/"] },
  js.configs.recommended,
  {
    files: ["**/*.js", "**/*.cjs"],
    languageOptions: { ecmaVersion: 2023, sourceType: "commonjs", globals: globals.node },
    rules: { ...rules, strict: ["error", "global"] },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: globals.node },
    rules: { ...rules, "no-console": "off" },
  },
  {
    files: ["node-red-nodes/lib/**/*.js"],
    plugins: { jsdoc },
    rules: { "jsdoc/check-types": "error", "jsdoc/check-param-names": "error", "jsdoc/no-undefined-types": "off" },
  },
  {
    files: ["node-red-nodes/**/*.html"],
    plugins: { html },
    languageOptions: {
      ecmaVersion: 2020,
      sourceType: "script",
      globals: { ...globals.browser, $: "readonly", RED: "readonly" },
    },
    rules: { ...rules, "prefer-template": "off", "no-else-return": "off" },
  },
  {
    files: ["resources/**/*.js"],
    languageOptions: { ecmaVersion: 2020, sourceType: "script", globals: { ...globals.browser, $: "readonly", RED: "readonly" } },
    rules: { ...rules, strict: ["error", "function"], "prefer-template": "off", "no-else-return": "off" },
  },
  {
    files: ["tests/**/*.js"],
    languageOptions: { globals: { ...globals.mocha, ...globals.node, window: "readonly", document: "readonly" } },
    rules: { "no-console": "off", "no-shadow": "off" },
  },
  {
    files: ["benchmarks/**"],
    rules: { "no-console": "off" },
  },
];
