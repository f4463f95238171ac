import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';

import { WebSocket } from 'ws';

import { startBrowser } from '../support/browser.mjs';
import { Inbox, until } from '../support/inbox.mjs';
import { Showcase, connected, crash, forge, inspect, pluggable, token } from '../support/showcase.mjs';

const PRICES_CHANGED = 'App\\Events\\PricesChanged';
const FAST = { TICKER_MILLISECONDS: '300' };
/** For tests in which there must be no second tick. */
const SLOW = { TICKER_MILLISECONDS: '600000' };

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

test('prices move on every screen, every second or two, and say where to by more than a colour', async (t) => {
  const pages = await Promise.all([visit(t, '/ticker'), visit(t, '/ticker', 'Ada Lovelace'), visit(t, '/ticker', 'Grace Hopper')]);
  await Promise.all(pages.map(record));
  const wire = await subscribe(t, showcase);
  const ticks = [await tick(wire)];
  for (let n = 1; n <= 4; n++) {
    ticks.push(await tick(wire, ticks[0].tick + n));
  }
  const pauses = pausesOf(ticks);
  assert.ok(median(pauses) >= 1000 && median(pauses) < 3000, `${pauses}`);
  for (const [n, { prices }] of ticks.slice(2).entries()) {
    const before = ticks[n + 1].prices;
    const expected = Object.entries(prices).map(([symbol, cents]) => [symbol, ...shown(cents, before[symbol])]);
    await Promise.all(pages.map((page) => recorded(page, expected)));
  }
  for (const page of pages) {
    assert.deepEqual(page.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
  }
});

test('it looks well, says nothing unless it is asked, and stands still if it is told to', async (t) => {
  const fast = await Showcase.start({ env: FAST });
  t.after(() => fast.stop());
  const page = await fast.visit(t, browser, '/ticker');
  await page.waitForFunction(() => document.querySelector('#ticker polyline').points.length > 40);
  assert.equal(await page.locator('#announcer').textContent(), '');
  await page.getByRole('button', { name: 'Say the prices' }).click();
  const said = await page.locator('#announcer').textContent();
  assert.match(said, /^Acme Anvils: €\d+\.\d\d, [+-]?€\d+\.\d\d \([+-]?\d+\.\d\d%\)\. Byte Foundry: /);
  assert.equal(await page.getByRole('img', { name: /^The last prices, from €[\d.]+ to €[\d.]+$/ }).count(), 6);
  await page.getByRole('button', { name: 'Pause' }).click();
  const still = await charts(page);
  await inspect(page, 'ticker');
  await anotherTick(t, fast);
  assert.deepEqual(await charts(page), still);
  await page.getByRole('button', { name: 'Pause' }).click();
  await same(page, await fast.visit(t, browser, '/ticker'));
});

test('a newcomer has the last prices from the server, right behind the subscription, before the next tick', async (t) => {
  const slow = await Showcase.start({ env: SLOW });
  t.after(() => slow.stop());
  const remembered = await until('the first tick is told', async () => {
    const wire = await subscribe(t, slow);
    const first = await wire.next(({ channel }) => channel === 'cache-ticker');
    // The very next frame behind the subscription, without a question to the application.
    return wire.history.at(-2).event === 'pusher_internal:subscription_succeeded' && first.event === PRICES_CHANGED && first;
  });
  const { tick: number, prices } = JSON.parse(remembered.data);
  assert.equal(number, 1);

  // A page that was rendered without any tick.
  const page = await slow.visit(t, browser, '/');
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  const frames = framesOf(page);
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      const ticker = document.getElementById('ticker');
      if (ticker) {
        ticker.dataset.ticks = '[]';
        observer.disconnect();
      }
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(slow.url('/ticker'));
  await page.getByRole('img', { name: 'The last prices' }).first().waitFor();
  const pricesOf = (page) => page.locator('.price').allTextContents();
  assert.deepEqual(await pricesOf(page), Object.values(prices).map(euros));
  const names = frames.map((frame) => JSON.parse(frame)).filter(({ channel }) => channel === 'cache-ticker').map(({ event }) => event);
  assert.deepEqual(names, ['pusher_internal:subscription_succeeded', PRICES_CHANGED]);
  assert.deepEqual(asked.filter((url) => url.includes('/ticker/since')), []);

  // The server forgets when it dies, and nobody ticks for a long while: a miss, and the page asks for itself.
  await slow.kill();
  await page.getByText('Reconnecting…').waitFor();
  await slow.again();
  await connected(page);
  await until('the page asks', () => asked.some((url) => url.endsWith('/ticker/since?tick=1')));
  assert.ok(frames.some((frame) => JSON.parse(frame).event === 'pusher:cache_miss'), frames.join('\n'));
  const late = await slow.visit(t, browser, '/ticker');
  assert.deepEqual(await pricesOf(late), await pricesOf(page));
});

test('every page comes back after the server was killed, and its charts have no gap', async (t) => {
  const page = await visit(t, '/ticker');
  const gone = await visit(t, '/ticker');
  const last = await tick(await subscribe(t, showcase));
  await crash(gone);
  await showcase.kill();
  await page.getByText('Reconnecting…').waitFor();
  await showcase.again();
  await connected(page);
  // It goes on when the lease of the process that was killed is over.
  const next = await tick(await subscribe(t, showcase));
  assert.ok(next.tick > last.tick, `${next.tick} after ${last.tick}`);
  await same(page, await visit(t, '/ticker'));
});

test('a page that was offline has missed nothing', async (t) => {
  const page = await visit(t, '/ticker');
  const line = await pluggable(page);
  await line.unplug();
  await page.getByText('Reconnecting…').waitFor();
  const before = await charts(page);
  await page.waitForTimeout(20_000);
  assert.deepEqual(await charts(page), before);
  await line.plug();
  await connected(page);
  await same(page, await visit(t, '/ticker'));
});

test('of several processes one ticks, and when it is killed another one goes on', async (t) => {
  const first = await Showcase.start({ env: FAST, isSeparate: true });
  const second = await first.sibling();
  const third = await first.sibling();
  t.after(async () => {
    await Promise.all([second.stop(), third.stop()]);
    await first.stop();
  });
  // Served by one process, told by another one.
  const page = await third.visit(t, browser, '/ticker');
  const wire = await subscribe(t, first);
  let last = await tick(wire);
  const tenMore = async () => {
    for (let n = 0; n < 10; n++) {
      last = await tick(wire, last.tick + 1);
    }
  };
  /** The one that dies may have stored a tick and not told it: pages fetch it. */
  const goesOn = async () => {
    const next = await tick(wire);
    assert.ok([1, 2].includes(next.tick - last.tick), `${next.tick} after ${last.tick}`);
    last = next;
  };
  await tenMore();
  // It ticks, because it was there first.
  await first.killProcess();
  const killedAt = new Date();
  await goesOn();
  await tenMore();
  await second.killProcess();
  await goesOn();
  await tenMore();

  const told = wire.history.filter(({ event }) => event === PRICES_CHANGED).map(({ data }) => JSON.parse(data));
  const pauses = pausesOf(told);
  // If two ticked at a time the numbers would be right, but twice as many.
  assert.ok(median(pauses) > 250, `${pauses}`);
  const pause = pauses[told.findIndex(({ at }) => new Date(at) > killedAt) - 1];
  assert.ok(pause > 600, `another one went on after ${pause} ms: ${pauses}`);
  const stored = (await (await fetch(third.url('/ticker/since?tick=0'))).json()).map(({ tick }) => tick);
  assert.deepEqual(stored, Array.from(stored, (_, n) => stored[0] + n));
  await same(page, await third.visit(t, browser, '/ticker'));
});

test('what comes late or twice changes nothing', async (t) => {
  const page = await visit(t, '/');
  const frames = [];
  let replay;
  await page.routeWebSocket(/\/app\//, (socket) => {
    replay = (frame) => socket.send(frame);
    socket.connectToServer().onMessage((frame) => {
      frames.push(frame);
      socket.send(frame);
    });
  });
  await page.goto(showcase.url('/ticker'));
  const told = () => frames.filter((frame) => JSON.parse(frame).event === PRICES_CHANGED);
  await until('three ticks came', () => told().length >= 3);
  const [first, second, third] = told();
  [third, second, second, first].forEach(replay);
  await until('another one came', () => told().length > 3);
  await same(page, await visit(t, '/ticker'));
});

test('nobody but the application says what a price is', async (t) => {
  const page = await visit(t, '/ticker', 'Alan Turing');
  await record(page);
  const wire = await subscribe(t, showcase);
  const { tick: last, prices } = await tick(wire);
  const lie = { tick: last + 1, at: new Date().toISOString(), prices: { ...prices, ANVL: 1 } };
  for (const event of [PRICES_CHANGED, 'client-PricesChanged']) {
    wire.socket.send(JSON.stringify({ event, channel: 'cache-ticker', data: JSON.stringify(lie) }));
  }
  await tick(wire, last + 1);
  const next = await tick(wire, last + 2);
  await page.locator('[data-symbol="ANVL"]').getByText(shown(next.prices.ANVL, 0)[0], { exact: true }).waitFor();
  assert.equal((await page.evaluate(() => window.recorded)).flat().flat().includes('€0.01'), false);
  const form = { tick: '1', _token: await token(page) };
  assert.equal((await forge(page, showcase.url('/ticker'), form)).status(), 405);
  assert.equal((await page.request.get(showcase.url('/ticker/since?tick=%3Cb%3E'))).status(), 400);
  await page.getByText('Crab & Crate', { exact: true }).waitFor();
});

test('without JavaScript there are the prices of the moment', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(showcase.url('/ticker'));
  const before = await page.locator('.price').allTextContents();
  assert.equal(before.length, 6);
  await anotherTick(t, showcase);
  await page.getByRole('link', { name: 'Load it again' }).click();
  assert.notDeepEqual(await page.locator('.price').allTextContents(), before);
  assert.equal(await page.getByRole('button', { name: 'Pause' }).isVisible(), false);
});

/** Somebody who listens with nothing but a WebSocket. */
async function subscribe(t, { websocket }) {
  const wire = new Inbox('the wire');
  wire.socket = new WebSocket(websocket);
  t.after(() => wire.socket.terminate());
  wire.socket.on('message', (text) => wire.push(JSON.parse(text)));
  await once(wire.socket, 'open');
  wire.socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel: 'cache-ticker' } }));
  await wire.next('pusher_internal:subscription_succeeded');
  return wire;
}

/** The next tick on the wire, which must have this number, if one is given. */
async function tick(wire, number) {
  const next = JSON.parse((await wire.next(PRICES_CHANGED)).data);
  assert.equal(next.tick, number ?? next.tick);
  return next;
}

/** Waits for a tick that has not been yet. */
async function anotherTick(t, where) {
  const wire = await subscribe(t, where);
  const remembered = await tick(wire);
  return tick(wire, remembered.tick + 1);
}

function pausesOf(ticks) {
  return ticks.slice(1).map(({ at }, n) => new Date(at) - new Date(ticks[n].at));
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** What a page shows for a price: itself, an arrow, and the change. */
function shown(cents, before) {
  const by = cents - before;
  const [arrow, sign] = by > 0 ? ['▲', '+'] : by < 0 ? ['▼', '-'] : ['●', ''];
  return [euros(cents), arrow, `${sign}${euros(Math.abs(by))}`];
}

function euros(cents) {
  return `€${(cents / 100).toFixed(2)}`;
}

/** Lets a page note all that it shows from now on. */
function record(page) {
  return page.evaluate(() => {
    window.recorded = [];
    const text = (card, part) => card.querySelector(part).textContent;
    const look = (card) => [card.dataset.symbol, text(card, '.price'), text(card, '.arrow'), text(card, '.by').split(' ')[0]];
    new MutationObserver(() => window.recorded.push([...document.querySelectorAll('#ticker li')].map(look))).observe(
      document.getElementById('ticker'),
      { subtree: true, childList: true, characterData: true },
    );
  });
}

/** Waits until a page has shown this. */
function recorded(page, expected) {
  return page.waitForFunction((text) => window.recorded.some((it) => JSON.stringify(it) === text), JSON.stringify(expected));
}

function charts(page) {
  return page.locator('polyline').evaluateAll((lines) => lines.map((line) => line.getAttribute('points')));
}

/** Waits until two pages show the same charts. */
function same(one, other) {
  return until('both pages show the same', async () => {
    const [a, b] = await Promise.all([charts(one), charts(other)]);
    return a.join() === b.join() && a[0].length > 0;
  });
}

/** All that comes to a page from the server, from its next connection on. */
function framesOf(page) {
  const frames = [];
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(String(payload))));
  return frames;
}
