"use strict";
/* The node "wisblock-request": any operation of any module. Its life is in lib/request-node.js. */
module.exports = require("../lib/request-node.js");
