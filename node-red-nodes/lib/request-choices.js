"use strict";
/*
 * What the form of the request node offers: modules, where each may be, its operations and their parameters.
 *
 * 1. A selection of the catalogue, in the catalogue's own names; nothing is written here.
 */

/**
 * @typedef {{name: string, kind: string, itemKind: string | null, required: boolean, default: unknown, choices: (string | number)[],
 *   low: number | null, high: number | null, symbol: string, summary: string}} ParamChoice
 * @typedef {{name: string, summary: string, params: ParamChoice[]}} OperationChoice
 * @typedef {{name: string, title: string, package: string, slots: string[], operations: OperationChoice[]}} ModuleChoice
 */

/**
 * Selects what the form needs.
 *
 * @param {import("./catalogue").Catalogue} catalogue
 * @returns {ModuleChoice[]}
 */
function requestChoices(catalogue) {
  return catalogue.data.modules.map((module) => ({
    name: module.name,
    title: module.title,
    package: module.package ?? "",
    slots: module.slots.map(String),
    operations: module.operations.map((operation) => ({
      name: operation.name,
      summary: operation.summary,
      params: operation.params.map((param) => ({
        name: param.name,
        kind: param.kind,
        itemKind: param.item_kind,
        required: param.required,
        default: param.default,
        choices: param.choices,
        low: param.low,
        high: param.high,
        symbol: catalogue.unit(param.unit).symbol,
        summary: param.summary,
      })),
    })),
  }));
}

module.exports = { requestChoices };
