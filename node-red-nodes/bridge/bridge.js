"use strict";
/* The config node "wisblock-bridge": where the bridge is. Its life is in lib/bridge-node.js. */
module.exports = require("../lib/bridge-node.js")();
