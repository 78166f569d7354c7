"use strict";
/*
 * Somebody in the middle of a TCP connection, who reads ZMTP frames and passes on what the test lets pass.
 *
 * 1. Shares no line with the code under test.
 * 2. Passes frames one by one; the first of each side is its greeting.
 * 3. Alters nothing of itself.
 */

const net = require("node:net");

const GREETING_BYTES = 64;
const LONG = 0x02;

/** Cuts what one side says into its greeting and its frames. */
class Cutter {
  #rest = Buffer.alloc(0);
  #greeted = false;

  /** @param {Buffer} bytes @returns {Buffer[]} frames with their headers, as many as are whole */
  feed(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const whole = [];
    for (let size = this.#size(); size > 0 && size <= this.#rest.length; size = this.#size()) {
      whole.push(this.#rest.subarray(0, size));
      this.#rest = this.#rest.subarray(size);
      this.#greeted = true;
    }
    return whole;
  }

  /** What has come of a greeting that is not whole yet: both sides wait for the other's first bytes. */
  get part() {
    return this.#greeted ? Buffer.alloc(0) : this.#rest;
  }

  #size() {
    const rest = this.#rest;
    if (!this.#greeted) {
      return GREETING_BYTES;
    }
    if (rest.length < 2) {
      return 0;
    }
    if ((rest[0] & LONG) === 0) {
      return 2 + rest[1];
    }
    return rest.length < 9 ? 0 : 9 + Number(rest.readBigUInt64BE(1));
  }
}

/** @param {Buffer} frame @returns {number} where the body of a frame begins */
function bodyStart(frame) {
  return (frame[0] & LONG) === 0 ? 2 : 9;
}

/** @param {Buffer} frame @returns {string} the name of the command in a frame */
function commandName(frame) {
  const at = bodyStart(frame);
  return frame.toString("latin1", at + 1, at + 1 + frame[at]);
}

/**
 * @typedef {"client" | "server"} Side  who says it
 * @typedef {{client: Buffer[], server: Buffer[]}} Talk  what each side has said, greetings first
 */

/** A TCP proxy on a port of its own. */
class FrameProxy {
  endpoint = "";
  /** @type {Talk[]} one for each connection */
  talks = [];
  /**
   * Decides about a frame, greetings apart.
   *
   * @type {(side: Side, frame: Buffer, talk: Talk) => Buffer | Buffer[] | null}  what is passed on instead; null: hang up
   */
  change = (_side, frame) => frame;
  /** @type {(side: Side, greeting: Buffer) => Buffer} must keep the first eleven bytes */
  changeGreeting = (_side, greeting) => greeting;

  /** @type {Set<net.Socket>} */
  #sockets = new Set();
  #target;
  #server = net.createServer((client) => this.#accept(client));

  /** @param {string} target  endpoint of the real server, on 127.0.0.1 */
  constructor(target) {
    this.#target = Number(target.split(":").at(-1));
  }

  /** @returns {Promise<this>} */
  async listen() {
    await new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => resolve(undefined));
    });
    this.endpoint = `tcp://127.0.0.1:${/** @type {net.AddressInfo} */ (this.#server.address()).port}`;
    return this;
  }

  /** Says something to the client of the latest connection. @type {(bytes: Buffer) => void} */
  tellClient = () => undefined;
  /** Says something to the server of the latest connection. @type {(bytes: Buffer) => void} */
  tellServer = () => undefined;

  /** @param {net.Socket} client */
  #accept(client) {
    const server = net.connect({ host: "127.0.0.1", port: this.#target, noDelay: true });
    const talk = { client: [], server: [] };
    this.talks.push(talk);
    client.setNoDelay(true);
    this.tellClient = (bytes) => client.write(bytes);
    this.tellServer = (bytes) => server.write(bytes);
    this.#pass("client", client, server, talk);
    this.#pass("server", server, client, talk);
  }

  /** @param {Side} side @param {net.Socket} from @param {net.Socket} to @param {Talk} talk */
  #pass(side, from, to, talk) {
    const cutter = new Cutter();
    let greetingPassed = 0;
    this.#sockets.add(from);
    const hangUp = () => {
      this.#sockets.delete(from);
      from.destroy();
      to.end();
    };
    from.on("error", hangUp).on("close", hangUp);
    from.on("data", (bytes) => {
      for (const whole of cutter.feed(bytes)) {
        talk[side].push(whole);
        if (talk[side].length === 1) {
          to.write(this.changeGreeting(side, whole).subarray(greetingPassed));
          continue;
        }
        const passed = this.change(side, whole, talk);
        if (passed === null) {
          hangUp();
          return;
        }
        [passed].flat().forEach((each) => to.write(each));
      }
      const { part } = cutter;
      if (part.length > greetingPassed && part.length <= 12) {
        to.write(part.subarray(greetingPassed));
        greetingPassed = part.length;
      }
    });
  }

  /** Ends all connections; new ones are welcome. */
  hangUp() {
    this.#sockets.forEach((socket) => socket.destroy());
  }

  async close() {
    this.hangUp();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

module.exports = { Cutter, FrameProxy, bodyStart, commandName };
