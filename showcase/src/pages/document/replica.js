/** The text as this browser has it, and its way to the application and back. */

import { fromBase64 } from 'lib0/buffer';
import * as Y from 'yjs';

import { fetchPatiently } from '/assets/layout/app.js';

/** The origin of changes that are typed here. */
export const TYPED = 'typed';

// From one update to the next; what is typed meanwhile is one.
const SEND_MS = 50;
// How long a version may be late before it is fetched.
const GAP_MS = 1000;
// The application takes a little more.
const UPDATE_BYTES_MAX = 40_000;

/**
 * `on.loaded()`, `on.saving()`, `on.saved()`, and `on.refused(error)`: the application has not taken what was typed here,
 * so that this text is not what others have.
 */
export class Replica {
  doc = new Y.Doc();
  text = this.doc.getText('text');
  /** All versions up to this one are in the text. */
  version = -1;
  #url;
  #on;
  #later = new Set();
  #unsent = [];
  #isSending = false;
  #isCatchingUp = false;
  #held;
  #gap;

  constructor(document, on) {
    this.#url = `/document/${document}/updates`;
    this.#on = on;
    this.doc.on('update', (update, origin, doc, { local }) => {
      if (local) {
        this.#unsent.push(update);
        this.#send();
      }
    });
  }

  get isSaved() {
    return this.#unsent.length === 0 && !this.#isSending;
  }

  /** What somebody else has written, by the channel. It may be known already, or come before an earlier version. */
  receive({ version, author, name, update }) {
    if (version <= this.version || this.#later.has(version)) {
      return;
    }
    if (update === null) {
      // It was too long for an event.
      this.catchUp();
      return;
    }
    this.#merge(update, { author, name });
    this.#learn(version);
  }

  /** Fetches the versions that are not here, or all of the text if these are no longer kept one by one. */
  async catchUp() {
    clearTimeout(this.#gap);
    this.#gap = undefined;
    if (this.#isCatchingUp) {
      this.#waitForGap();
      return;
    }
    this.#isCatchingUp = true;
    try {
      const { version, updates } = await fetchPatiently(`${this.#url}?after=${this.version}`);
      const isFirst = this.version < 0;
      updates.forEach((update) => this.#merge(update));
      this.version = Math.max(this.version, version);
      this.#learn(version);
      if (isFirst) {
        this.#on.loaded();
      }
    } catch (error) {
      this.#on.refused(error);
    } finally {
      this.#isCatchingUp = false;
    }
  }

  /** Keeps what others write back for a moment. */
  hold() {
    this.#held ??= [];
  }

  release() {
    const held = this.#held ?? [];
    this.#held = undefined;
    held.forEach(([update, by]) => this.#merge(update, by));
  }

  #merge(update, by) {
    if (this.#held) {
      this.#held.push([update, by]);
    } else {
      Y.applyUpdate(this.doc, fromBase64(update), by);
    }
  }

  #learn(version) {
    this.#later.add(version);
    for (const known of [...this.#later].sort((a, b) => a - b)) {
      if (known <= this.version + 1) {
        this.version = Math.max(this.version, known);
        this.#later.delete(known);
      }
    }
    if (this.#later.size > 0) {
      this.#waitForGap();
    }
  }

  #waitForGap() {
    this.#gap ??= setTimeout(() => this.catchUp(), GAP_MS);
  }

  /** Sends what was typed, in its order, until it is stored. That something is sent twice does no harm. */
  async #send() {
    if (this.#isSending) {
      return;
    }
    this.#isSending = true;
    this.#on.saving();
    try {
      while (this.#unsent.length > 0) {
        const pause = new Promise((resolve) => setTimeout(resolve, SEND_MS));
        const { version } = await fetchPatiently(this.#url, { method: 'POST', body: this.#batch() });
        if (version !== null) {
          this.#learn(version);
        }
        await pause;
      }
      this.#isSending = false;
      this.#on.saved();
    } catch (error) {
      // What is typed from here on would build on what was refused: nothing is sent any more.
      this.#on.refused(error);
    }
  }

  #batch() {
    let bytes = 0;
    const isTooMuch = (update) => (bytes += update.length) > UPDATE_BYTES_MAX;
    const end = this.#unsent.findIndex(isTooMuch);
    return Y.mergeUpdates(this.#unsent.splice(0, end < 0 ? Infinity : Math.max(1, end)));
  }
}
