/*
 * The fingerprint of the catalogue, the same that the bridge tells in `hello`.
 *
 * 1. The bridge takes SHA-256 of the catalogue with sorted keys and no spaces; numbers count as they are written (4.0 is not 4),
 *    which JSON.parse would lose. So the text is rearranged, not the values.
 */

import { createHash } from "node:crypto";

const TOKEN = /\s*(?:([{}[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}[\],:"]+))/y;

/** Reads one value at the token that `next` gives, and writes it with sorted keys and no spaces. */
function canonical(next, token) {
  if (token === "{") {
    const members = [];
    for (let key = next(); key !== "}"; key = next()) {
      if (key === ",") {
        continue;
      }
      next(); // the colon
      members.push([key, canonical(next, next())]);
    }
    members.sort(([a], [b]) => (JSON.parse(a) < JSON.parse(b) ? -1 : 1));
    return `{${members.map(([key, value]) => `${key}:${value}`).join(",")}}`;
  }
  if (token === "[") {
    const items = [];
    for (let item = next(); item !== "]"; item = next()) {
      if (item !== ",") {
        items.push(canonical(next, item));
      }
    }
    return `[${items.join(",")}]`;
  }
  return token;
}

/**
 * Computes the fingerprint.
 *
 * @param {string} json  the catalogue as the bridge exported it
 * @returns {string} SHA-256, hexadecimal
 */
export function fingerprint(json) {
  TOKEN.lastIndex = 0;
  const next = () => {
    const match = TOKEN.exec(json);
    if (match === null) {
      throw new Error("catalogue.json ends too early; export it again with \"wisblock-bridge catalogue\".");
    }
    return match[1] ?? match[2] ?? match[3];
  };
  return createHash("sha256").update(canonical(next, next())).digest("hex");
}
