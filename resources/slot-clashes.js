/*
 * Which modules of the flows cannot work side by side: they want one slot, one address, one line or one port.
 *
 * 1. Pure: flows and what bridges reported go in, clashes come out. No editor, no request, no words.
 * 2. A board is known by what its bridge reported; without that, modules are taken as they are delivered.
 * 3. Nothing here knows a module: what each needs comes with it.
 */
(function (/** @type {import("../types/editor").Scripts} */ root) {
    "use strict";

    /** The name of what is soldered on begins with this. */
    const SOLDERED_ON = /^the /;

    /**
     * @typedef {import("../types/editor").Board} Board
     * @typedef {import("../types/editor").Claim} Claim
     * @typedef {import("../types/editor").Clash} Clash
     * @typedef {import("../types/editor").Place} Place
     * @typedef {{kind: string, what: string, holder?: string}} Reason  why modules clash
     */

    /** @type {import("../types/editor").SlotScripts["hex"]} */
    function hex(address) {
        return "0x" + address.toString(16).padStart(2, "0");
    }

    /** The address at which the bridge looks for a chip of a module in a slot.  @type {import("../types/editor").SlotScripts["addressOf"]} */
    function addressOf(chip, slot, board) {
        const straps = (board && board.straps) || [];
        const strap = straps.find((each) => String(each.slot) === String(slot) && each.chip === chip.chip);
        return strap ? strap.address : chip.address;
    }

    /** @param {Claim[]} claims @returns {Place[]} */
    function placesOf(claims) {
        /** @type {Map<string, Place>} */
        const places = new Map();
        claims.forEach(function (claim) {
            const key = [claim.bridge, claim.slot, claim.needs.name].join(" ");
            const place = places.get(key) || { bridge: claim.bridge, slot: claim.slot, needs: claim.needs, claims: [] };
            place.claims.push(claim);
            places.set(key, place);
        });
        return Array.from(places.values());
    }

    /** @param {Place} a @param {Place} b @param {Board | undefined} board */
    function sharedAddresses(a, b, board) {
        const theirs = b.needs.chips.map((chip) => addressOf(chip, b.slot, board));
        return a.needs.chips.map((chip) => addressOf(chip, a.slot, board)).filter((address) => theirs.includes(address));
    }

    /**
     * Clock and data of SPI are the same lines in both slots. Modules on the bus share them; one that uses such a line as a plain one does not.
     *
     * @param {Place} a
     * @param {Place} b
     */
    function sharedPins(a, b) {
        if (a.needs.spi && b.needs.sharedPins.length > 0) {
            return b.needs.sharedPins;
        }
        if (b.needs.spi && a.needs.sharedPins.length > 0) {
            return a.needs.sharedPins;
        }
        return a.needs.sharedPins.filter((pin) => b.needs.sharedPins.includes(pin));
    }

    /** @param {Place} place @param {Board | undefined} board */
    function portOf(place, board) {
        const ports = (board && board.serial_ports) || [];
        const found = ports.find((each) => String(each.slot) === place.slot);
        return place.needs.port && found ? found.device : "";
    }

    /**
     * Returns why two modules on one bridge do not get along; null when they do.
     *
     * @param {Place} a
     * @param {Place} b
     * @param {Board | undefined} board
     * @returns {Reason | null}
     */
    function between(a, b, board) {
        if (a.slot === b.slot) {
            return { kind: "slot", what: a.slot };
        }
        const addresses = sharedAddresses(a, b, board);
        if (addresses.length > 0) {
            return { kind: "address", what: hex(addresses[0]) };
        }
        const pins = sharedPins(a, b);
        if (pins.length > 0) {
            return { kind: "pins", what: pins.join(", ") };
        }
        const port = portOf(a, board);
        return port && port === portOf(b, board) ? { kind: "port", what: port } : null;
    }

    /** What of the board itself is in the way of a module.  @param {Place} place @param {Board | undefined} board @returns {Reason[]} */
    function withBoard(place, board) {
        const held = ((board && board.addresses) || []).filter((each) => SOLDERED_ON.test(each.holder));
        return place.needs.chips
            .map((chip) => addressOf(chip, place.slot, board))
            .flatMap((address) => held.find((each) => each.address === address) || [])
            .map((each) => ({ kind: "board", what: hex(each.address), holder: each.holder }));
    }

    /**
     * Finds all clashes.
     *
     * @param {Claim[]} claims
     * @param {Map<string, Board | undefined>} boards  what bridges reported, by the id of their node; may lack any
     * @returns {Clash[]}
     */
    function find(claims, boards) {
        const places = placesOf(claims.filter((claim) => claim.needs.slots.length > 1));
        /** @type {Clash[]} */
        const clashes = [];
        /** @param {Reason} clash @param {Place[]} involved */
        function add(clash, involved) {
            const key = [clash.kind, clash.what].concat(involved.map((each) => each.bridge + " " + each.slot + " " + each.needs.name)).join("|");
            clashes.push(Object.assign({ places: involved, key: key }, clash));
        }
        places.forEach(function (place, index) {
            const board = boards.get(place.bridge);
            places.slice(index + 1).filter((other) => other.bridge === place.bridge).forEach(function (other) {
                const clash = between(place, other, board);
                if (clash) {
                    add(clash, [place, other]);
                }
            });
            withBoard(place, board).forEach((clash) => add(clash, [place]));
        });
        return clashes;
    }

    root.wisblockSlots = Object.assign(root.wisblockSlots || {}, { addressOf: addressOf, find: find, hex: hex });
}(window));
