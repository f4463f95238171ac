/** Random numbers that can be repeated: a failing test names its seed, `SEED=…` brings the same numbers again. */

/** A source of random numbers. */
export class Chance {
  #state;

  /** @param {import('node:test').TestContext} t which is told the seed */
  constructor(t) {
    this.seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    this.#state = this.seed;
    t.diagnostic(`SEED=${this.seed}`);
  }

  /** A whole number from 0, below `limit`. */
  below(limit) {
    // xorshift32: no more is needed to scatter a few moments.
    this.#state = (this.#state || 1) | 0;
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /** So many different whole numbers below `limit`, in order. */
  some(count, limit) {
    const numbers = new Set();
    while (numbers.size < count) {
      numbers.add(this.below(limit));
    }
    return [...numbers].sort((a, b) => a - b);
  }
}
