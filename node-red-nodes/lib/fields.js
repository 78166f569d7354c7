"use strict";
/* How the parameters of a module become properties of its node; the editor uses the same file. */

module.exports = require("../../resources/fields").wisblockFields;
