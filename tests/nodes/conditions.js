"use strict";
/* Waiting for something to become true, instead of for time to pass. */

const LONGEST_MS = 20000;

/**
 * Waits until a condition holds.
 *
 * @template T
 * @param {() => T | Promise<T>} condition  asked again and again until it gives something truthy
 * @param {string} what  for the message when it never does
 * @returns {Promise<T>} what it gave
 */
async function until(condition, what) {
  const deadline = Date.now() + LONGEST_MS;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > deadline) {
      throw new Error(`never happened within ${LONGEST_MS} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

module.exports = { until };
