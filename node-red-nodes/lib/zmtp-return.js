"use strict";
/*
 * Notices a socket file coming back, so that a bridge that was away for long is met at once.
 *
 * 1. Only gives hints: the listener still tries on a timer of its own, because a watch may be refused or miss things.
 * 2. Never throws and never keeps the process alive.
 */

const fs = require("node:fs");
const path = require("node:path");

class ReturnWatch {
  #file;
  #onHint;
  /** @type {fs.FSWatcher | null} */
  #watcher = null;
  #directory = "";
  #inode = 0;

  /**
   * @param {string} file  absolute path of the socket; neither it nor its directories need exist
   * @param {() => void} onHint  something has changed there
   */
  constructor(file, onHint) {
    this.#file = file;
    this.#onHint = onHint;
  }

  /**
   * Watches the directory of the file or, while there is none, the nearest one above it. Cheap when nothing has changed.
   *
   * @returns {boolean} false: no watch could be had, so the caller has to try more often
   */
  arm() {
    try {
      let directory = path.dirname(this.#file);
      let stat = fs.statSync(directory, { throwIfNoEntry: false });
      while (stat === undefined && directory !== path.dirname(directory)) {
        directory = path.dirname(directory);
        stat = fs.statSync(directory, { throwIfNoEntry: false });
      }
      if (!stat?.isDirectory()) {
        return false;
      }
      if (this.#watcher !== null && this.#directory === directory && this.#inode === stat.ino) {
        return true;
      }
      this.close();
      this.#directory = directory;
      this.#inode = stat.ino;
      const awaited = path.relative(directory, this.#file).split(path.sep)[0];
      const watcher = fs.watch(directory, { persistent: false }, (_event, name) => {
        if (this.#watcher === watcher && (name === null || name === awaited)) {
          this.#onHint();
        }
      });
      watcher.on("error", () => this.close());
      this.#watcher = watcher;
    } catch {
      // A directory that may not be read, or no watches left: the caller tries more often instead.
      this.close();
    }
    return this.#watcher !== null;
  }

  /** Ends the watch; arm() may begin another. */
  close() {
    this.#watcher?.close();
    this.#watcher = null;
  }
}

module.exports = { ReturnWatch };
