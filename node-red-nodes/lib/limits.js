"use strict";
/* The limits of the protocol, as the bridge exports them (docs/protocol.md). */

/**
 * @typedef {object} Limits
 * @property {number} message_bytes
 * @property {number} depth                 levels of maps and lists in a request
 * @property {number} timeout_ms            longest; shortest is 1
 * @property {number} default_timeout_ms
 * @property {number} lease_ms              longest
 * @property {number} shortest_lease_ms
 * @property {number} default_lease_ms
 * @property {number} in_flight             requests of one client without a reply
 * @property {number} subscriptions         of one client
 * @property {number} shortest_interval_ms  between two readings of a subscription
 * @property {number} longest_interval_ms
 * @property {number} outputs               that one release can name
 * @property {number} node_name             characters
 * @property {number} client_name           characters
 * @property {number} client_version        characters
 */

/** @type {Limits} */
const limits = require("../catalogue.json").limits;

module.exports = { limits };
