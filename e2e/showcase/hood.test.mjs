import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Showcase, connected, crash, forge, inspect, pluggable, token } from '../support/showcase.mjs';

// The ticker would always have something new.
const showcase = await Showcase.start({ env: { TICKER_MILLISECONDS: '3600000' } });
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

test('connections, and channels with who is in them, are those that there are, also after a tab crashed', async (t) => {
  const watcher = await watch(t);
  await figure(watcher, 'connections', 1);
  const ada = await visit(t, '/chat/2', 'Ada Lovelace');
  const grace = await visit(t, '/chat/2', 'Grace Hopper');
  const guest = await visit(t, '/poll/1');
  await figure(watcher, 'connections', 4);
  await channel(watcher, 'presence-chat.2', { members: 2 });
  await channel(watcher, 'private-App.Models.User.1', { subscriptions: 1 });
  await channel(watcher, 'poll.1', { subscriptions: 1 });
  await channel(watcher, 'hood', { subscriptions: 1 });
  // The same person once more.
  const second = await grace.context().newPage();
  await second.goto(showcase.url('/chat/2'));
  await connected(second);
  await figure(watcher, 'connections', 5);
  await channel(watcher, 'presence-chat.2', { members: 2 });
  await write(ada, 'Hello, Grace');
  await event(watcher, 'MessageSent', 'presence-chat.2');
  await inspect(watcher, 'hood');
  await crash(guest);
  await figure(watcher, 'connections', 4);
  await noChannel(watcher, 'poll.1');
  await crash(second);
  await crash(grace);
  await figure(watcher, 'connections', 2);
  await channel(watcher, 'presence-chat.2', { members: 1 });
  assert.deepEqual(complaints(watcher), []);
});

test('an event appears with its name, its channel and its size, and without what it says', async (t) => {
  const [watcher, other] = await Promise.all([watch(t), watch(t)]);
  const heard = [];
  watcher.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => heard.push(payload)));
  await watcher.reload();
  await connected(watcher);
  const before = await sent(watcher);
  const ada = await visit(t, '/chat/2', 'Ada Lovelace');
  await write(ada, 'a secret of two');
  await write(ada, 'a secret of three');
  await event(watcher, 'MessageSent', 'presence-chat.2');
  await event(other, 'MessageSent', 'presence-chat.2');
  // The second one moves the line of the first.
  await watcher.locator('#events li').filter({ hasText: 'presence-chat.2' }).getByText(/MessageSent × [23]/).first().waitFor();
  assert.equal(await watcher.locator('#events li').filter({ hasText: 'presence-chat.2' }).count(), 1);
  await watcher.waitForFunction((n) => Number(document.querySelector('[data-figure="sent"]').textContent) > n, before);
  assert.ok(heard.length > 0);
  assert.ok(!heard.some((frame) => frame.includes('a secret of three')));
  assert.ok(!(await (await watcher.request.get(showcase.url('/hood/now'))).text()).includes('a secret of three'));
  // Its own updates are none of them.
  assert.ok(!(await watcher.locator('#events').innerText()).includes('FiguresChanged'));
});

test('who looks on changes nothing: without other traffic no update comes', async (t) => {
  const watcher = await visit(t, '/');
  const updates = [];
  watcher.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => payload.includes('FiguresChanged') && updates.push(payload)),
  );
  await watcher.goto(showcase.url('/hood'));
  await figure(watcher, 'connections', 1);
  // The events of the tests before leave the window of ten seconds, and with them the last change.
  await figure(watcher, 'per_second', '0.0');
  await watcher.waitForTimeout(2000);
  const count = updates.length;
  await watcher.waitForTimeout(4000);
  assert.equal(updates.length, count);
});

test('a burst is a few updates, and the list has a bound', async (t) => {
  const watcher = await visit(t, '/');
  const updates = [];
  watcher.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => payload.includes('FiguresChanged') && updates.push(payload)),
  );
  await watcher.goto(showcase.url('/hood'));
  await connected(watcher);
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  const before = await sent(watcher);
  const _token = await token(ada);
  const began = Date.now();
  updates.length = 0;
  for (let n = 0; n < 100; n++) {
    const answer = await forge(ada, showcase.url('/chat/1'), { text: `burst ${n}`, draft: `burst-${n}`, _token });
    assert.equal(answer.status(), 200);
  }
  await watcher.waitForFunction((n) => Number(document.querySelector('[data-figure="sent"]').textContent) >= n, before + 100);
  const seconds = (Date.now() - began) / 1000;
  assert.ok(updates.length <= seconds + 2, `${updates.length} updates in ${seconds} s`);
  assert.ok((await watcher.locator('#events li').count()) <= 50);
  assert.ok(updates.every((frame) => frame.length < 10_000));
});

test('it can be told to stand still, by keyboard', async (t) => {
  const watcher = await watch(t);
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  await figure(watcher, 'connections', 2);
  await watcher.getByRole('button', { name: 'Pause' }).focus();
  await watcher.keyboard.press('Enter');
  assert.equal(await watcher.getByRole('button', { name: 'Pause', pressed: true }).count(), 1);
  const guest = await visit(t, '/poll/1');
  const fresh = await visit(t, '/hood');
  await figure(fresh, 'connections', 4);
  assert.equal(await watcher.locator('[data-figure="connections"]').textContent(), '2');
  await watcher.keyboard.press('Enter');
  await figure(watcher, 'connections', 4);
  await Promise.all([ada, guest, fresh].map((page) => page.context().close()));
  await figure(watcher, 'connections', 1);
});

test('the page comes back after the server was killed', async (t) => {
  const watcher = await watch(t);
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  await figure(watcher, 'connections', 2);
  await showcase.kill();
  await watcher.getByText('Reconnecting…').waitFor();
  await showcase.again();
  await Promise.all([connected(watcher), connected(ada)]);
  await figure(watcher, 'connections', 2);
  await write(ada, 'after');
  await event(watcher, 'MessageSent', 'presence-chat.1');
  const guest = await visit(t, '/poll/1');
  await figure(watcher, 'connections', 3);
  await guest.context().close();
  await figure(watcher, 'connections', 2);
});

test('a page that was offline shows what is', async (t) => {
  const watcher = await watch(t);
  await figure(watcher, 'connections', 1);
  const line = await pluggable(watcher);
  await line.unplug();
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  await write(ada, 'while you were away');
  await ada.waitForTimeout(20_000);
  await line.plug();
  await event(watcher, 'MessageSent', 'presence-chat.1');
  await figure(watcher, 'connections', 2);
});

test('what strangers call their channels is text, and shortened', async (t) => {
  // What else Pusher's rules for names let through.
  const nasty = `img-src=x;onerror=alert,@.${'_'.repeat(100)}`;
  const watcher = await watch(t);
  const stranger = await visit(t, '/poll/1');
  await stranger.evaluate(async (name) => {
    const { echo } = await import('/assets/layout/app.js');
    echo.channel(name);
  }, nasty);
  await channel(watcher, `${nasty.slice(0, 60)}...`, { subscriptions: 1 });
  await inspect(watcher, 'hood-long-name');
});

test('it can be read without JavaScript', async (t) => {
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  await write(ada, 'plain');
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.waitForTimeout(1100);
  await page.goto(showcase.url('/hood'));
  assert.equal(await page.locator('[data-figure="connections"]').textContent(), '1');
  assert.match(await page.locator('#channels').innerText(), /presence-chat\.1/);
  assert.match(await page.locator('#events').innerText(), /MessageSent/);
  assert.equal(await page.getByRole('button', { name: 'Pause' }).isVisible(), false);
});

test('the code of every page is that of the repository: server, browser, tests', async (t) => {
  const page = await visit(t, '/hood');
  const links = await page.locator('#code-title ~ ul a').evaluateAll((all) => all.map((link) => link.pathname));
  assert.ok(links.includes('/code/hood') && links.includes('/code/chat'));
  for (const link of links) {
    const slug = link.split('/').at(-1);
    await page.goto(showcase.url(link));
    const names = await page.locator('nav.contents a').allTextContents();
    assert.ok(names.includes('mod.rs'), link);
    for (const name of names) {
      const file = name.includes('/') ? `../../${name}` : `../../showcase/src/pages/${slug}/${name}`;
      const text = await page.locator(`pre[id="${name}"]`).textContent();
      assert.equal(text, await readFile(new URL(file, import.meta.url), 'utf8'), `${slug}/${name}`);
    }
  }
  await page.goto(showcase.url('/code/chat'));
  await page.locator('nav.contents').getByRole('link', { name: 'page.js' }).click();
  await page.locator('pre[id="page.js"]').getByText('import {').first().waitFor();
  await page.locator('nav.contents').getByRole('link', { name: 'chat.test.mjs' }).click();
  await page.locator('pre[id="e2e/showcase/chat.test.mjs"]').waitFor();
  await connected(page);
  await inspect(page, 'code-chat');
  assert.deepEqual(complaints(page), []);
});

/** Somebody who looks at the page, which must not need its question of every half minute. */
async function watch(t) {
  const page = await visit(t, '/');
  await page.addInitScript(() => {
    const { setInterval } = window;
    window.setInterval = (job, ms) => (ms < 30_000 ? setInterval(job, ms) : undefined);
  });
  await page.goto(showcase.url('/hood'));
  await connected(page);
  return page;
}

function figure(page, name, value) {
  return page.waitForFunction(
    ([name, value]) => document.querySelector(`[data-figure="${name}"]`).textContent === String(value),
    [name, value],
  );
}

async function sent(page) {
  return Number(await page.locator('[data-figure="sent"]').textContent());
}

/** Waits until the channel is listed with these numbers. */
function channel(page, name, { subscriptions, members }) {
  return page.waitForFunction(
    ([name, subscriptions, members]) => {
      const row = [...document.querySelectorAll('#channels tr')].find((it) => it.cells[0].textContent === name);
      const fits = (cell, number) => number == null || cell.textContent === String(number);
      return row && fits(row.cells[1], subscriptions) && fits(row.cells[2], members);
    },
    [name, subscriptions, members],
  );
}

function noChannel(page, name) {
  return page.waitForFunction(
    (name) => ![...document.querySelectorAll('#channels th')].some((it) => it.textContent === name),
    name,
  );
}

function event(page, name, channel) {
  return page.locator('#events li').filter({ hasText: name }).filter({ hasText: channel }).first().waitFor();
}

async function write(page, text) {
  await page.locator('#text').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('#messages .text').filter({ hasText: text }).last().waitFor();
}

function complaints(page) {
  return page.complaints.filter((complaint) => !complaint.startsWith('failed:'));
}
