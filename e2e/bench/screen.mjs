/**
 * How long it takes from a click in one browser to the picture in another one: database, channel, and both browsers
 * included, everything on this machine.
 *
 *     cargo build --release -p showcase
 *     SHOWCASE_BIN=target/release/showcase node e2e/bench/screen.mjs
 *
 * With `SHOWCASE_SERVER=separate` and `RESOUND_BIN=target/release/resound` through a `resound start`. `ROUNDS` is 300 by default. What the same
 * click takes to be on the sender's own screen, who needs no channel, stands beside it.
 */

import { startBrowser } from '../support/browser.mjs';
import { Showcase } from '../support/showcase.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 300);
const BAR_MS = 100;

const cleanups = [];
const scope = { after: (cleanup) => cleanups.push(cleanup) };

const showcase = await Showcase.start();
const browser = await startBrowser();
const ada = await showcase.visit(scope, browser, '/chat/2', 'Ada Lovelace');
const grace = await showcase.visit(scope, browser, '/chat/2', 'Grace Hopper');
await Promise.all([watch(ada), watch(grace)]);

const own = [];
const others = [];
for (let round = 0; round < ROUNDS; round++) {
  const text = `round ${round}`;
  const sentAt = await ada.evaluate(send, text);
  const [seenByAda, seenByGrace] = await Promise.all([seenAt(ada, text), seenAt(grace, text)]);
  own.push(seenByAda - sentAt);
  others.push(seenByGrace - sentAt);
}
await Promise.all(cleanups.map((cleanup) => cleanup()));
await browser.close();
await showcase.stop();

report('on the sender’s own screen', own);
report('on the other screen', others);
process.exitCode = percentile(others, 0.99) > BAR_MS ? 1 : 0;

/** Keeps when each message was painted. */
function watch(page) {
  return page.evaluate(() => {
    window.painted = new Map();
    const now = () => performance.timeOrigin + performance.now();
    new MutationObserver((changes) => {
      const texts = changes.flatMap(({ addedNodes }) => [...addedNodes].map((node) => node.querySelector?.('.text')?.textContent));
      // The next frame is painted behind its callbacks, and a task comes behind that.
      requestAnimationFrame(() => setTimeout(() => texts.forEach((text) => window.painted.set(text, now()))));
    }).observe(document.getElementById('messages'), { childList: true });
  });
}

function send(text) {
  document.getElementById('text').value = text;
  document.getElementById('write').requestSubmit();
  return performance.timeOrigin + performance.now();
}

async function seenAt(page, text) {
  const painted = await page.waitForFunction((wanted) => window.painted.get(wanted), text, { polling: 5 });
  return painted.jsonValue();
}

function percentile(durations, part) {
  return durations.toSorted((a, b) => a - b)[Math.ceil(durations.length * part) - 1];
}

function report(name, durations) {
  const [median, p99, most] = [0.5, 0.99, 1].map((part) => percentile(durations, part).toFixed(1));
  console.log(`${name}: median ${median} ms, p99 ${p99} ms, most ${most} ms (${durations.length} messages)`);
}
