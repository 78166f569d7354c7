"use strict";
/* Printed by scripts/press.mjs. Do not edit. */
module.exports = require("../lib/module-node.js")("rak13005");
