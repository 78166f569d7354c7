"use strict";
/*
 * The exported catalogue, as the nodes look things up in it.
 *
 * 1. Every fact (name, unit, limit, default) comes from catalogue.json; none is written here.
 * 2. Nothing here knows of Node-RED or of the wire.
 */

/**
 * @typedef {"int" | "float" | "bool" | "str" | "bytes" | "list"} Kind
 *
 * @typedef {object} Param
 * @property {string} name
 * @property {string} label
 * @property {string} summary
 * @property {Kind} kind
 * @property {Kind | null} item_kind
 * @property {boolean} required
 * @property {unknown} default
 * @property {(string | number)[]} choices
 * @property {string} unit
 * @property {number | null} low
 * @property {number | null} high
 * @property {number} [fewest]  items of a list
 * @property {number} [most]
 *
 * @typedef {object} Reading
 * @property {string} name
 * @property {string} summary
 * @property {Kind} kind
 * @property {string} unit
 * @property {number | null} low
 * @property {number | null} high
 * @property {number | null} step
 * @property {string[]} choices
 * @property {boolean} optional
 *
 * @typedef {object} Operation  an operation or an event
 * @property {string} name
 * @property {string} summary
 * @property {string} details
 * @property {boolean} default
 * @property {boolean} reads_only
 * @property {string} drives
 * @property {string} payload_param
 * @property {string} main
 * @property {Param[]} params
 * @property {Reading[]} readings
 * @property {boolean} [polled]
 * @property {boolean} [occurrence]
 *
 * @typedef {object} Module
 * @property {string} name
 * @property {string} slug
 * @property {string} title
 * @property {string} family
 * @property {(number | string)[]} slots
 * @property {string} icon
 * @property {string} reference
 * @property {string} [package]  that brings it, where it is of another project
 * @property {string} summary
 * @property {string[]} details
 * @property {string[]} unconfirmed
 * @property {{kind: string, pin?: string, chip?: string, address?: number, alternatives?: number[], part?: string}[]} needs
 * @property {Operation[]} operations
 * @property {Operation[]} events
 *
 * @typedef {object} CatalogueData
 * @property {import("./limits").Limits} limits
 * @property {Record<string, {symbol: string, decimals: number}>} units
 * @property {Module[]} modules
 */

/** The catalogue with its look-ups. */
class Catalogue {
  /**
   * @param {CatalogueData} data  the content of catalogue.json
   * @param {string} sha256       its fingerprint, which the bridge has of its own catalogue in `hello`
   */
  constructor(data, sha256) {
    this.data = data;
    this.sha256 = sha256;
  }

  /**
   * Finds a module.
   *
   * @param {string} slug  its name in node types, for example the last part of the type
   * @returns {Module}
   */
  module(slug) {
    const found = this.data.modules.find((each) => each.slug === slug);
    if (found === undefined) {
      throw new Error(`The catalogue has no module "${slug}". Run 'make generate': its node is older than the catalogue.`);
    }
    return found;
  }

  /**
   * Finds a module by its name on the wire.
   *
   * @param {string} name  such as "RAK5801"
   * @returns {Module | undefined}
   */
  named(name) {
    return this.data.modules.find((each) => each.name === name);
  }

  /**
   * Finds the unit of a reading or a parameter.
   *
   * @param {string} name  its name in the vocabulary of units
   * @returns {{symbol: string, decimals: number}}  an empty unit when this catalogue does not know it
   */
  unit(name) {
    return this.data.units[name] ?? { symbol: "", decimals: 3 };
  }
}

/** @type {CatalogueData} too long for a type of its own */
const exported = /** @type {any} */ (require("../catalogue.json"));
const catalogue = new Catalogue(exported, require("../fingerprint.json").catalogue);

module.exports = { Catalogue, catalogue };
