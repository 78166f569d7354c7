"use strict";
/* How the parameters of a module become properties of its node; the editor uses the same file. */

/** @type {import("../../types/editor").Scripts} */
const { wisblockFields } = /** @type {any} */ (require("../../resources/fields"));

module.exports = wisblockFields;
