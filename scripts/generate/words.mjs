/*
 * Generates the catalogue of words of a module's node.
 *
 * 1. The form's words are under the module's name; those that other places ask for (title, sentences, readings) under names of their own.
 */

import { spell } from "./help.mjs";
import { unbroken } from "./kinds.mjs";

/**
 * @typedef {import("../../node-red-nodes/lib/catalogue.js").Module} Module
 * @typedef {import("../translations/language.mjs").Language} Language
 * @typedef {Record<string, {symbol: string}>} Units
 */

/** A label without the unit, which stands in the field.  @param {string} text @param {string} unit @param {Units} units */
function withoutUnit(text, unit, units) {
  const symbol = units[unit]?.symbol ?? "";
  return symbol !== "" && text.endsWith(` ${symbol}`) ? text.slice(0, -symbol.length - 1) : text;
}

/** A sentence of the catalogue where nothing can be marked as code.  @param {string} text */
function plainText(text) {
  return text.replaceAll("``", "");
}

/**
 * Generates the catalogue of words.
 *
 * @param {Module} module
 * @param {Units} units
 * @param {Language} language
 * @returns {string}
 */
export function generateWords(module, units, language) {
  const say = (/** @type {string} */ place, /** @type {string} */ english) => plainText(language.text(`${module.name}.${place}`, english));
  /** @type {Record<string, Record<string, string | {label: string, summary: string}>>} */
  const form = {};
  /** @type {Record<string, string>} */
  const summaries = {};
  /** @type {Record<string, string>} */
  const readings = {};
  for (const { name, summary, params, readings: all } of [...module.operations, ...module.events]) {
    form[name] = { name: say(`${name}.name`, spell(name)) };
    summaries[name] = say(`${name}.summary`, summary);
    for (const param of params) {
      form[name][param.name] = {
        label: say(`${name}.${param.name}.label`, withoutUnit(param.label, param.unit, units)),
        summary: say(`${name}.${param.name}.summary`, param.summary),
      };
    }
    for (const reading of all) {
      readings[reading.name] = language.text(`reading.${reading.name}`, reading.name.replaceAll("_", " "));
    }
  }
  const words = {
    palette: { label: { wisblock: "WisBlock" }, title: unbroken(say("title", module.title)) },
    module: { title: say("title", module.title), operations: summaries },
    readings,
    [module.slug]: form,
  };
  return `${JSON.stringify(words, null, 4)}\n`;
}
