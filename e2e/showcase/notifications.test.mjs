import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Showcase, connected, forge, goOffline, goOnline, inspect, signIn, token } from '../support/showcase.mjs';

const NASTY = '<img src=x onerror="document.title=1">&amp; "quoted" 😀 عربى';

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

test('a wave reaches its addressee only: toast, badge and list, on whatever page', async (t) => {
  const ada = await visit(t, '/notifications', 'Ada Lovelace');
  const grace = await reader(t, '/poll', 'Grace Hopper');
  const list = await tab(grace, '/notifications');
  const strangers = [ada, await reader(t, '/notifications', 'Alan Turing'), await reader(t, '/notifications')];
  await ada.getByLabel('Who').selectOption('Grace Hopper');
  await ada.getByLabel('A few words').fill('hello');
  await ada.getByRole('button', { name: 'Wave' }).click();

  await grace.locator('#toasts').getByRole('link', { name: 'Ada Lovelace waves: hello' }).waitFor();
  await Promise.all([badge(grace, 1), badge(list, 1), listed(list, ['Ada Lovelace waves: hello'])]);
  await inspect(grace, 'notifications-toast');
  await inspect(list, 'notifications');
  assert.deepEqual([await told(grace), await told(list)], [['Ada Lovelace waves: hello'], ['Ada Lovelace waves: hello']]);
  for (const page of [grace, list]) {
    await page.reload();
    await badge(page, 1);
  }
  await listed(list, ['Ada Lovelace waves: hello']);
  // What Ada did is confirmed by a toast, without a link.
  for (const stranger of strangers) {
    assert.equal(await stranger.locator('#bell .badge:visible, #notifications li, #toasts a').count(), 0);
  }
  await inspect(strangers[2], 'notifications-guest');
  assert.deepEqual(complaints(grace), []);
});

test('a comment, a like, a message and an order change notify their addressee only', async (t) => {
  const ada = await reader(t, '/ticker', 'Ada Lovelace');
  const strangers = await Promise.all([reader(t, '/ticker', 'Alan Turing'), reader(t, '/ticker', 'Margaret Hamilton'), reader(t, '/ticker')]);
  const grace = await visit(t, '/', 'Grace Hopper');
  await post(ada, '/notifications/read');
  await post(grace, '/readers/1/comments', { text: 'I agree', draft: 'comment' });
  await post(grace, '/readers/1/like', { like: true });
  const { to } = await (await post(grace, '/chat/with/1')).json();
  await post(grace, to, { text: 'A word between us', draft: 'message' });
  await post(grace, '/orders/1/status', { status: 'in-transit', version: 2, draft: 'order' });
  const all = [
    'Grace Hopper commented on “The laptop lid is the real test”',
    'Grace Hopper likes “The laptop lid is the real test”',
    'Grace Hopper: A word between us',
    'Your order 1, 2 × Box of punched cards: In Transit',
  ];
  await Promise.all([badge(ada, 4), ...all.map((text) => ada.locator('#toasts').getByRole('link', { name: text }).waitFor())]);
  await inspect(ada, 'notifications-four');
  assert.deepEqual(await told(ada), all);
  const list = await tab(ada, '/notifications');
  assert.deepEqual((await texts(list)).slice(0, 4), all.toReversed());
  for (const stranger of [...strangers, grace]) {
    const text = await (await stranger.request.get(showcase.url('/notifications'))).text();
    assert.equal(/laptop|between us|Box of/.test(text), false);
  }
  for (const stranger of strangers) {
    assert.deepEqual(await told(stranger), []);
  }
});

test('nobody else is let into the channel', async (t) => {
  const url = showcase.url('/broadcasting/auth');
  const ask = async (page) => (await forge(page, url, { channel_name: 'private-App.Models.User.2', socket_id: '1.2' })).status();
  assert.equal(await ask(await visit(t, '/', 'Grace Hopper')), 200);
  assert.equal(await ask(await visit(t, '/', 'Ada Lovelace')), 403);
  assert.equal(await ask(await visit(t, '/')), 403);
});

test('what is read in one tab is read in the other one, and stays read', async (t) => {
  const alan = await reader(t, '/notifications', 'Alan Turing');
  const other = await tab(alan, '/notifications');
  await alan.context().addInitScript(keepToasts);
  const elsewhere = await tab(alan, '/orders');
  await wave(t, 'Alan Turing', ['one', 'two', 'three']);
  await Promise.all([badge(alan, 3), badge(other, 3), badge(elsewhere, 3)]);
  await elsewhere.locator('#toasts').getByText('waves: two').waitFor();

  await item(alan, 'two').getByRole('button', { name: 'Mark as read' }).focus();
  await alan.keyboard.press('Enter');
  await Promise.all([badge(alan, 2), badge(other, 2), badge(elsewhere, 2)]);
  await item(other, 'two').and(other.locator(':not(.unread)')).waitFor();
  await elsewhere.locator('#toasts').getByText('waves: two').waitFor({ state: 'detached' });
  assert.equal(await elsewhere.locator('#toasts li').count(), 2);
  assert.equal(await alan.evaluate(() => document.activeElement.textContent), 'Linus Åkesson waves: two');
  assert.equal(await other.locator('#notifications .unread').count(), 2);

  await other.reload();
  assert.equal(await other.locator('#notifications .unread').count(), 2);
  await other.getByRole('button', { name: 'Mark all as read' }).click();
  await Promise.all([badge(alan, 0), badge(other, 0), badge(elsewhere, 0)]);
  await alan.locator('#notifications .unread').first().waitFor({ state: 'detached' });
  await inspect(alan, 'notifications-read');
  await alan.reload();
  assert.deepEqual(await texts(alan), ['three', 'two', 'one'].map((words) => `Linus Åkesson waves: ${words}`));
  assert.equal(await alan.locator('#notifications .unread').count(), 0);
});

test('what one looks at is read as soon as it comes, without a toast', async (t) => {
  const grace = await reader(t, '/chat/2', 'Grace Hopper');
  await post(grace, '/notifications/read');
  const elsewhere = await tab(grace, '/poll');
  const ada = await visit(t, '/', 'Ada Lovelace');
  const write = (text) => post(ada, '/chat/2', { text, draft: text });

  await write('seen');
  await grace.waitForFunction(async () => {
    const [item] = (await (await fetch('/notifications/list')).json()).items;
    return item.text.endsWith('seen') && item.is_read;
  });
  await Promise.all([badge(grace, 0), badge(elsewhere, 0)]);
  assert.deepEqual(await told(grace), []);

  // A tab in the background looks at nothing.
  await look(grace, false);
  await write('unseen');
  await elsewhere.locator('#toasts').getByText('Ada Lovelace in Design team: unseen').waitFor();
  await Promise.all([badge(grace, 1), badge(elsewhere, 1)]);
  await look(grace, true);
  await Promise.all([badge(grace, 0), badge(elsewhere, 0)]);

  // Who follows the link has read it.
  await grace.goto(showcase.url('/'));
  await connected(grace);
  await write('followed');
  const toast = grace.locator('#toasts').getByRole('link', { name: 'Ada Lovelace in Design team: followed' });
  await Promise.all([grace.waitForURL(/chat\/2/), toast.click()]);
  await Promise.all([badge(grace, 0), badge(elsewhere, 0)]);
});

test('a tab of somebody whom this browser is no longer shows nothing of whom it is', async (t) => {
  const ada = await reader(t, '/notifications', 'Ada Lovelace');
  const before = await texts(ada);
  const unread = await ada.locator('#bell').getAttribute('aria-label');
  const other = await tab(ada, '/');
  await signIn(other, 'Grace Hopper');
  await connected(other);
  await wave(t, 'Grace Hopper', ['for Grace']);
  await other.locator('#toasts').getByText('waves: for Grace').waitFor();
  // Its connection is still Ada's, and what it asks for is Grace's.
  const asked = ada.waitForResponse(/notifications.list/);
  await wave(t, 'Ada Lovelace', ['for Ada']);
  await asked;
  // It asks again when it has dealt with the answer.
  const again = ada.waitForResponse(/notifications.list/);
  await look(ada, true);
  await again;
  assert.deepEqual(await texts(ada), before);
  assert.equal(await ada.locator('#bell').getAttribute('aria-label'), unread);
});

test('after a restart badge and list are what the database says, and nobody is told twice', async (t) => {
  const katherine = await reader(t, '/notifications', 'Katherine Johnson');
  const linus = await visit(t, '/', 'Linus Åkesson');
  await post(linus, '/notifications/wave', { user: 4, words: 'before' });
  await badge(katherine, 1);
  await showcase.kill();
  await katherine.getByText('Reconnecting…').waitFor();
  await showcase.again();
  // Some of these come while she is not connected, or not subscribed yet.
  for (let n = 0; n < 10; n++) {
    await post(linus, '/notifications/wave', { user: 4, words: `meanwhile ${n}` });
    await linus.waitForTimeout(300);
  }
  await connected(katherine);
  await post(linus, '/notifications/wave', { user: 4, words: 'after' });
  await badge(katherine, 12);
  const waves = ['before', ...[...Array(10).keys()].map((n) => `meanwhile ${n}`), 'after'].map((words) => `Linus Åkesson waves: ${words}`);
  await listed(katherine, waves.toReversed());
  const all = await told(katherine);
  assert.equal(all.at(-1), waves.at(-1));
  assert.deepEqual(all, [...new Set(all)]);
});

test('after twenty seconds offline all of it is there, and told in one toast', async (t) => {
  const margaret = await reader(t, '/notifications', 'Margaret Hamilton');
  const other = await reader(t, '/notifications', 'Margaret Hamilton');
  await wave(t, 'Margaret Hamilton', ['old']);
  await Promise.all([badge(margaret, 1), badge(other, 1)]);
  await goOffline(margaret);
  await wave(t, 'Margaret Hamilton', [...Array(22).keys()]);
  await badge(other, 23);
  await post(other, '/notifications/read');
  await wave(t, 'Margaret Hamilton', [22, 23, 24, 25]);
  await margaret.waitForTimeout(20_000);
  await goOnline(margaret);
  await Promise.all([badge(margaret, 4), badge(other, 4)]);
  await margaret.locator('#toasts').getByRole('link', { name: '4 new notifications' }).waitFor();
  await listed(margaret, [...Array(26).keys()].toReversed().slice(0, 20).map((n) => `Linus Åkesson waves: ${n}`));
  assert.equal(await margaret.locator('#notifications .unread').count(), 4);
  assert.deepEqual(await told(margaret), ['Linus Åkesson waves: old', '4 new notifications']);

  // Older ones, whose read state follows as well.
  await Promise.all([margaret.waitForURL(/after=/), margaret.getByRole('link', { name: 'Older ones' }).click()]);
  await connected(margaret);
  const older = ['5', '4', '3', '2', '1', '0', 'old'].map((words) => `Linus Åkesson waves: ${words}`);
  assert.deepEqual(await texts(margaret), older);
  await wave(t, 'Margaret Hamilton', ['new']);
  await badge(margaret, 5);
  assert.deepEqual(await texts(margaret), older);
  await margaret.getByRole('link', { name: 'The newest' }).click();
  await listed(margaret, ['new', ...[...Array(26).keys()].toReversed().slice(0, 19)].map((words) => `Linus Åkesson waves: ${words}`));
});

test('HTML is shown as text, and words that are too long are refused with a message', async (t) => {
  const alan = await reader(t, '/', 'Alan Turing');
  const linus = await visit(t, '/notifications', 'Linus Åkesson');
  const words = linus.getByLabel('A few words');
  await linus.getByLabel('Who').selectOption('Alan Turing');
  await words.fill(NASTY);
  await linus.getByRole('button', { name: 'Wave' }).click();
  await alan.locator('#toasts').getByText(NASTY).waitFor();
  await alan.goto(showcase.url('/notifications'));
  assert.equal((await texts(alan))[0], `Linus Åkesson waves: ${NASTY}`);
  await linus.waitForFunction(() => document.querySelector('[name="words"]').value === '');
  await words.evaluate((field) => field.removeAttribute('maxlength'));
  await words.fill('x'.repeat(141));
  await linus.getByRole('button', { name: 'Wave' }).click();
  await linus.getByRole('alert').getByText('A wave may have 140 characters, this one has 141.').waitFor();
  assert.equal((await words.inputValue()).length, 141);
  assert.equal(await alan.evaluate(() => document.title.includes('Notifications')), true);
  assert.deepEqual(complaints(alan), []);
});

test('a forged form changes nothing, and nobody marks the notifications of others', async (t) => {
  const alan = await reader(t, '/notifications', 'Alan Turing');
  await post(alan, '/notifications/read');
  await wave(t, 'Alan Turing', ['mine']);
  await badge(alan, 1);
  const id = await alan.locator('#notifications li').first().getAttribute('data-id');
  const ada = await visit(t, '/', 'Ada Lovelace');
  const url = (path) => showcase.url(`/notifications/${path}`);
  const wrong = 'x'.repeat(64);
  for (const path of ['read', `${id}/read`, 'seen', 'wave']) {
    for (const fields of [{}, { _token: wrong }, { _token: await token(ada) }]) {
      const answer = await forge(alan, url(path), { user: 1, words: 'forged', path: '/chat/1', ...fields });
      assert.equal(answer.status(), 403, path);
    }
  }
  assert.equal((await forge(ada, url(`${id}/read`), { _token: await token(ada) })).status(), 404);
  assert.equal((await ada.request.get(url(`list?after=${id}`))).status(), 404);
  assert.equal((await (await ada.request.get(url('list'))).text()).includes(id), false);
  const guest = await visit(t, '/notifications');
  assert.equal((await forge(guest, url(`${id}/read`), { _token: await token(guest) })).status(), 401);
  assert.equal((await guest.request.get(url('list'))).status(), 401);
  await alan.reload();
  await badge(alan, 1);
});

test('without JavaScript it is a page with forms', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(showcase.url('/notifications'));
  const waving = async (words) => {
    await page.getByLabel('Who').selectOption('Katherine Johnson');
    await page.getByLabel('A few words').evaluate((field) => field.removeAttribute('maxlength'));
    await page.getByLabel('A few words').fill(words);
    await page.getByRole('button', { name: 'Wave' }).click();
    await page.waitForLoadState();
  };
  await waving('plain');
  await waving('again');
  await waving('x'.repeat(141));
  await page.getByRole('alert').getByText('A wave may have 140 characters').waitFor();
  await signIn(page, 'Katherine Johnson');
  const [again, plain] = await texts(page);
  assert.match(plain, /^Guest .{4} waves: plain$/);
  assert.match(again, /^Guest .{4} waves: again$/);
  const unread = Number(await page.locator('#bell .badge').textContent());
  await item(page, 'plain').getByRole('button', { name: 'Mark as read' }).click();
  await badge(page, unread - 1);
  await page.getByRole('button', { name: 'Mark all as read' }).click();
  await badge(page, 0);
  assert.equal(await page.locator('#notifications .unread').count(), 0);
});

/** A page that remembers all toasts since it was opened. */
async function reader(t, target, as) {
  const page = await visit(t, target, as);
  await page.context().addInitScript(watchToasts);
  await page.evaluate(watchToasts);
  return page;
}

function watchToasts() {
  window.told = [];
  const watch = () =>
    new MutationObserver((changes) => {
      window.told.push(...changes.flatMap(({ addedNodes }) => [...addedNodes]).map((toast) => toast.textContent));
    }).observe(document.getElementById('toasts'), { childList: true });
  document.readyState === 'loading' ? document.addEventListener('DOMContentLoaded', watch) : watch();
}

/** Toasts go when they are to, and not because their time is over. */
function keepToasts() {
  const wait = window.setTimeout;
  window.setTimeout = (job, ms, ...rest) => (ms === 6000 ? 0 : wait(job, ms, ...rest));
}

function told(page) {
  return page.evaluate(() => window.told);
}

/** What went wrong in the page, but for requests that a reload has ended. */
function complaints(page) {
  return page.complaints.filter((complaint) => !complaint.startsWith('failed:'));
}

/** A further tab of the same browser. */
async function tab(page, target) {
  const further = await page.context().newPage();
  await further.goto(showcase.url(target));
  await connected(further);
  return further;
}

/** Linus waves, once for each of these words. */
async function wave(t, to, all) {
  const linus = await visit(t, '/notifications', 'Linus Åkesson');
  const user = await linus.getByRole('option', { name: to }).getAttribute('value');
  for (const words of all) {
    await post(linus, '/notifications/wave', { user, words });
  }
}

/** What a form of this page sends. */
async function post(page, path, fields = {}) {
  const answer = await forge(page, showcase.url(path), { _token: await token(page), ...fields });
  assert.ok(answer.ok(), `${path}: ${answer.status()}`);
  return answer;
}

/** Waits until the badge says so. */
function badge(page, count) {
  return page.waitForFunction((count) => {
    // While a page is being loaded there is none.
    const badge = document.querySelector('#bell .badge');
    return badge?.parentElement.ariaLabel === `Notifications: ${count} unread` && (badge.hidden ? 0 : Number(badge.textContent)) === count;
  }, count);
}

function item(page, words) {
  return page.locator('#notifications li').filter({ hasText: `waves: ${words}` });
}

function texts(page) {
  return page.locator('#notifications li > a').allTextContents();
}

/** Waits until the list is this. */
function listed(page, expected) {
  return page.waitForFunction((expected) => {
    return JSON.stringify([...document.querySelectorAll('#notifications li > a')].map((link) => link.textContent)) === expected;
  }, JSON.stringify(expected));
}

/** Puts a tab into the foreground or into the background, as far as the page can see. */
function look(page, isSeen) {
  return page.evaluate((isSeen) => {
    Object.defineProperty(document, 'hidden', { value: !isSeen, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isSeen);
}
