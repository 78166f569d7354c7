"use strict";
/* The editor plugin "wisblock-sidebar": the board, seen. What runs in Node-RED is in lib/sidebar/, what runs in the editor in resources/sidebar/. */

const { registerSidebarRoutes } = require("../lib/sidebar/routes");

module.exports = function registerSidebar(RED) {
  registerSidebarRoutes(RED);
  RED.plugins.registerPlugin("wisblock-sidebar", { type: "wisblock-sidebar" });
};
