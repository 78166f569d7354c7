// A busy module in slot 2, until this process is killed. Prints "ready" when it is busy.
// Usage: node neighbour.cjs ENDPOINT modbus|radio
"use strict";

const { BridgeClient } = require("../../node-red-nodes/lib/client.js");

const [endpoint, kind] = process.argv.slice(2);
const client = new BridgeClient({ endpoint, name: "neighbour", version: "0" });
const ready = () => process.stdout.write("ready\n");

/** A unit that is not there: every request waits for its whole time. */
async function modbus() {
    const ask = () => client.invoke("RAK5802", 2, "read_coils", { unit: 99, timeout_ms: 100, retries: 0 }).catch((error) => {
        if (error.code !== "no_device") throw error;
    });
    await ask();
    ready();
    for (;;) await ask();
}

/** A radio that listens for what nobody sends. */
async function radio() {
    await client.invoke("RAK13300", 2, "configure", { region: "EU868" });
    await client.subscribe({ module: "RAK13300", slot: 2, event: "received" }, () => undefined);
    ready();
}

client.on("state", (state) => {
    if (state === "online") (kind === "modbus" ? modbus() : radio());
});
