/**
 * What arrives, in order, for a test to wait for.
 *
 * Nothing here sleeps: `next` resolves the moment the item comes, and fails with everything that did
 * come when it stays away.
 */

/**
 * How long a test waits for something that must happen: generous, because CI has two busy cores, and more than
 * the 15 seconds that pusher-js takes to dial again when it found nobody listening.
 */
export const DEADLINE_MS = 30_000;

/** The pause between two looks at something that cannot announce itself. */
const PROBE_PAUSE_MS = 10;

/** A list of things that arrived, of which a test takes one after the other. */
export class Inbox {
  #unread = [];
  #waiting = new Set();

  /** Everything that ever arrived, read or not. */
  history = [];

  /** @param {string} name what the inbox belongs to, for the message of a failing test */
  constructor(name) {
    this.name = name;
  }

  /** Takes in an item: the oldest waiter that wants it gets it, otherwise it stays unread. */
  push(item) {
    this.history.push(item);
    for (const waiter of this.#waiting) {
      if (waiter.wants(item)) {
        this.#waiting.delete(waiter);
        waiter.resolve(item);
        return;
      }
    }
    this.#unread.push(item);
  }

  /**
   * The next unread item that fits, removed from the unread ones.
   *
   * @param {string | ((item: any) => boolean)} what the name of an event, or a predicate
   */
  next(what) {
    const wants = typeof what === 'function' ? what : (item) => item.event === what;
    const found = this.#unread.findIndex(wants);
    if (found >= 0) {
      return Promise.resolve(this.#unread.splice(found, 1)[0]);
    }
    return new Promise((resolve, reject) => {
      const waiter = { wants };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(new Error(`${this.name}: ${what} did not come; what came: ${show(this.history)}`));
      }, DEADLINE_MS);
      waiter.resolve = (item) => {
        clearTimeout(timer);
        resolve(item);
      };
      this.#waiting.add(waiter);
    });
  }

  /** The items with the name of an event that have come until now. */
  all(event) {
    return this.history.filter((item) => item.event === event);
  }
}

/**
 * Looks until something is so that cannot announce itself (a count behind the HTTP API, a reload).
 *
 * @template T
 * @param {string} fact what is waited for
 * @param {() => Promise<T> | T} probe answers something truthy when it is so
 * @returns {Promise<T>}
 */
export async function until(fact, probe) {
  const deadline = Date.now() + DEADLINE_MS;
  let last;
  while (Date.now() < deadline) {
    last = await probe();
    if (last) {
      return last;
    }
    await new Promise((resolve) => setTimeout(resolve, PROBE_PAUSE_MS));
  }
  throw new Error(`it did not come true in ${DEADLINE_MS} ms that ${fact}`);
}

/** A promise that fails when it is not settled before the deadline. */
export function soon(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function show(items) {
  const text = JSON.stringify(items, (_, value) => (value instanceof Error ? value.message : value));
  return text.length > 4000 ? `${text.slice(0, 4000)}… (${items.length} items)` : text;
}
