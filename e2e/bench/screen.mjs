/**
 * How long it takes from a click, or a stroke, in one browser to the picture in another one: database, channel, and both
 * browsers included, everything on this machine.
 *
 *     cargo build --release -p showcase
 *     SHOWCASE_BIN=target/release/showcase node e2e/bench/screen.mjs
 *
 * With `SHOWCASE_SERVER=separate` and `RESOUND_BIN=target/release/resound` through a `resound start`. `ROUNDS` is 300 by default. What the
 * same click takes to be on the sender's own screen, who needs no channel, stands beside it.
 */

import { startBrowser } from '../support/browser.mjs';
import { Showcase } from '../support/showcase.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 300);
const BAR_MS = 100;

const cleanups = [];
const scope = { after: (cleanup) => cleanups.push(cleanup) };
const showcase = await Showcase.start();
const browser = await startBrowser();

const message = await measure('/chat/2', () => document.querySelector('#messages li:last-child .text')?.textContent, (text) => {
  document.getElementById('text').value = text;
  document.getElementById('write').requestSubmit();
});
const stroke = await measure('/document/1', () => document.getElementById('text').value.slice(0, 10), (text) => {
  const field = document.getElementById('text');
  field.setRangeText(text, 0, 10);
  field.dispatchEvent(new InputEvent('input', { inputType: 'insertReplacementText', data: text }));
});

await Promise.all(cleanups.map((cleanup) => cleanup()));
await browser.close();
await showcase.stop();

report('a message in the chat', message);
report('a word in the document', stroke);
process.exitCode = [message, stroke].some(({ others }) => percentile(others, 0.99) > BAR_MS) ? 1 : 0;

/**
 * Two people look at a page, one of them acts.
 *
 * @param look says what a page shows, in the page
 * @param act makes the page show a text, in the page
 */
async function measure(target, look, act) {
  const ada = await showcase.visit(scope, browser, target, 'Ada Lovelace');
  const grace = await showcase.visit(scope, browser, target, 'Grace Hopper');
  await ada.waitForFunction(() => !document.querySelector('#text').readOnly);
  await Promise.all([watch(ada, look), watch(grace, look)]);
  const own = [];
  const others = [];
  for (let round = 0; round < ROUNDS; round++) {
    const text = `round ${String(round).padStart(4, '0')}`;
    const actedAt = await ada.evaluate(`{ const at = performance.timeOrigin + performance.now(); (${act})('${text}'); at }`);
    const [seenByAda, seenByGrace] = await Promise.all([seenAt(ada, text), seenAt(grace, text)]);
    own.push(seenByAda - actedAt);
    others.push(seenByGrace - actedAt);
  }
  return { own, others };
}

/** Keeps when each text was painted: a task behind a frame in which it was there. */
function watch(page, look) {
  return page.evaluate(`{
    window.painted = new Map();
    const channel = new MessageChannel();
    let shown;
    channel.port1.onmessage = () => window.painted.has(shown) || window.painted.set(shown, performance.timeOrigin + performance.now());
    const frame = () => {
      shown = (${look})();
      channel.port2.postMessage(0);
      requestAnimationFrame(frame);
    };
    frame();
  }`);
}

async function seenAt(page, text) {
  const painted = await page.waitForFunction((wanted) => window.painted.get(wanted), text, { polling: 5 });
  return painted.jsonValue();
}

function percentile(durations, part) {
  return durations.toSorted((a, b) => a - b)[Math.ceil(durations.length * part) - 1];
}

function report(what, measured) {
  for (const [whose, durations] of [['the other screen', measured.others], ['the own screen', measured.own]]) {
    const [median, p99, most] = [0.5, 0.99, 1].map((part) => percentile(durations, part).toFixed(1));
    console.log(`${what}, on ${whose}: median ${median} ms, p99 ${p99} ms, most ${most} ms (${durations.length})`);
  }
}
