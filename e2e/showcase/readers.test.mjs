import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Showcase, connected, crash, forge, inspect, pluggable, token } from '../support/showcase.mjs';

const NASTY = '<img src=x onerror="document.title=1">&amp; "quoted" \u2028 😀 عربى';
/** How often the application counts although nobody says that somebody came or went; LOOK_AGAIN in census.rs. */
const LOOK_AGAIN_MS = 5000;

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

test('the list says how many people read each article, and the article who they are', async (t) => {
  const list = await visit(t, '/readers', 'Margaret Hamilton');
  await reading(list, { 1: 0, 2: 0, 3: 0, 4: 0 });
  const ada = await visit(t, '/readers/1', 'Ada Lovelace');
  const guest = await visit(t, '/readers/1');
  const alan = await visit(t, '/readers/2', 'Alan Turing');
  await reading(list, { 1: 2, 2: 1, 3: 0, 4: 0 });
  const guestName = await guest.locator('#who summary .name').textContent();
  await present(ada, ['Ada Lovelace (you)', guestName]);
  await present(guest, ['Ada Lovelace', `${guestName} (you)`]);
  await present(alan, ['Alan Turing (you)']);
  // Rendered by the server with the numbers of this moment.
  const html = await (await guest.request.get(showcase.url('/readers'))).text();
  assert.deepEqual([...html.matchAll(/data-readers>(\d+)</g)].map(([, count]) => Number(count)), [2, 1, 0, 0]);
  await inspect(list, 'readers-list');
  await inspect(ada, 'readers-article');

  await guest.goto(showcase.url('/readers/2'));
  await reading(list, { 1: 1, 2: 2, 3: 0, 4: 0 });
  await present(ada, ['Ada Lovelace (you)']);
  assert.deepEqual(faults(list), []);
});

test('one person with three tabs is one reader, until the last one has crashed', async (t) => {
  const list = await visit(t, '/readers');
  const grace = await visit(t, '/readers/3', 'Grace Hopper');
  const tabs = [grace];
  while (tabs.length < 3) {
    const tab = await grace.context().newPage();
    await tab.goto(showcase.url('/readers/3'));
    await connected(tab);
    tabs.push(tab);
  }
  const linus = await visit(t, '/readers/3', 'Linus Åkesson');
  await present(linus, ['Grace Hopper', 'Linus Åkesson (you)']);
  await reading(list, { 3: 2 });
  await crash(tabs[0]);
  await crash(tabs[1]);
  await linus.reload();
  await present(linus, ['Grace Hopper', 'Linus Åkesson (you)']);
  await crash(tabs[2]);
  await present(linus, ['Linus Åkesson (you)']);
  await reading(list, { 3: 1 });
  await crash(linus);
  await reading(list, { 3: 0 });
});

test('the list hears of readers by the server’s hooks, not only because somebody looks now and then', async (t) => {
  const list = await visit(t, '/readers');
  const guests = await Promise.all(Array.from({ length: 6 }, () => visit(t, '/readers')));
  const began = Date.now();
  for (const [index, guest] of guests.entries()) {
    await guest.goto(showcase.url('/readers/4'));
    await reading(list, { 4: index + 1 });
  }
  const duration = Date.now() - began;
  t.diagnostic(`six readers came in ${duration} ms, each seen in the list before the next`);
  assert.ok(duration < (guests.length - 1) * LOOK_AGAIN_MS, `${duration} ms`);
});

test('who was away for a moment, in which the others were counted, is counted again', async (t) => {
  const list = await visit(t, '/readers');
  const ada = await visit(t, '/readers/3', 'Ada Lovelace');
  const grace = await visit(t, '/readers', 'Grace Hopper');
  await reading(list, { 2: 0, 3: 1 });
  // The server’s hooks don’t tell of who comes back at once, as with a reload; but they tell of Grace meanwhile.
  await ada.goto('about:blank');
  await grace.goto(showcase.url('/readers/2'));
  await reading(list, { 2: 1, 3: 0 });
  await ada.goto(showcase.url('/readers/3'));
  await reading(list, { 2: 1, 3: 1 });
});

test('the numbers are exact after the server was killed, and nobody counts who did not come back', async (t) => {
  const list = await visit(t, '/readers');
  const ada = await visit(t, '/readers/1', 'Ada Lovelace');
  const gone = await visit(t, '/readers/1', 'Alan Turing');
  await reading(list, { 1: 2 });
  await comment(ada, 'before');
  await showcase.kill();
  await ada.getByText('Reconnecting…').waitFor();
  await crash(gone);
  await ada.getByLabel('Your comment').fill('meanwhile');
  await ada.getByRole('button', { name: 'Comment' }).click();
  await ada.getByRole('alert').waitFor();
  await showcase.again();
  await ada.getByRole('button', { name: 'Comment' }).click();
  await Promise.all([connected(ada), connected(list)]);
  await present(ada, ['Ada Lovelace (you)']);
  await reading(list, { 1: 1 });
  await seen(ada, 'meanwhile');
  assert.deepEqual((await texts(ada)).slice(-2), ['before', 'meanwhile']);
  const grace = await visit(t, '/readers/1', 'Grace Hopper');
  await reading(list, { 1: 2 });
  await comment(grace, 'after');
  await seen(ada, 'after');
  assert.deepEqual((await texts(ada)).slice(-3), ['before', 'meanwhile', 'after']);
  await crash(ada);
  await reading(list, { 1: 1 });
});

test('the numbers are exact although the process is dead that the server tells of joins and leaves', async (t) => {
  const first = await Showcase.start({ isSeparate: true });
  const second = await first.sibling();
  t.after(async () => {
    await second.stop();
    await first.stop();
  });
  const list = await second.visit(t, browser, '/readers');
  const ada = await first.visit(t, browser, '/readers/1', 'Ada Lovelace');
  const alan = await second.visit(t, browser, '/readers/1', 'Alan Turing');
  await reading(list, { 1: 2 });
  await first.killProcess();
  // Who reads is connected to the server, not to the application.
  await crash(alan);
  await reading(list, { 1: 1 });
  await crash(ada);
  await reading(list, { 1: 0 });
  await second.visit(t, browser, '/readers/1');
  await reading(list, { 1: 1 });
});

test('a reader who is offline is not counted, and has missed nothing after twenty seconds', async (t) => {
  const list = await visit(t, '/readers');
  const ada = await visit(t, '/readers/2', 'Ada Lovelace');
  const grace = await visit(t, '/readers/2', 'Grace Hopper');
  const lines = await Promise.all([pluggable(ada), pluggable(list)]);
  await present(grace, ['Ada Lovelace', 'Grace Hopper (you)']);
  const likes = Number(await ada.locator('[data-likes]').textContent());
  await Promise.all(lines.map((line) => line.unplug()));
  await comment(grace, 'one');
  await present(grace, ['Grace Hopper (you)']);
  await grace.waitForTimeout(20_000);
  await comment(grace, 'two');
  await press(grace, true);
  assert.equal((await texts(ada)).includes('one'), false);
  await Promise.all(lines.map((line) => line.plug()));
  await Promise.all([connected(ada), connected(list)]);
  await shows(ada, '[data-likes]', likes + 1);
  await shows(list, '[data-article="2"] [data-likes]', likes + 1);
  await comment(grace, 'three');
  await seen(ada, 'three');
  await seen(ada, 'two');
  assert.deepEqual((await texts(ada)).slice(-3), ['one', 'two', 'three']);
  await present(grace, ['Ada Lovelace', 'Grace Hopper (you)']);
  await reading(list, { 2: 2 });
});

test('one person has one like, however often and at whatever moment it is sent, and can take it back', async (t) => {
  const list = await visit(t, '/readers');
  const katherine = await visit(t, '/readers/4', 'Katherine Johnson');
  const other = await visit(t, '/readers/4');
  const _token = await token(katherine);
  const url = showcase.url('/readers/4/like');
  const answers = await Promise.all([1, 2, 3, 4].map(() => forge(katherine, url, { like: 'true', _token })));
  assert.deepEqual(answers.map((answer) => answer.status()), [200, 200, 200, 200]);
  for (const page of [katherine, other]) {
    await shows(page, '[data-likes]', 1);
  }
  await shows(list, '[data-article="4"] [data-likes]', 1);
  await katherine.reload();
  await press(katherine, false);
  await shows(other, '[data-likes]', 0);
  await press(katherine, true);
  await shows(other, '[data-likes]', 1);
  // A guest likes by the cookie of the browser.
  await press(other, true);
  await shows(katherine, '[data-likes]', 2);
  await shows(list, '[data-article="4"] [data-likes]', 2);
});

test('HTML is shown as text, and a comment that is empty or too long is refused with a message', async (t) => {
  const ada = await visit(t, '/readers/1', 'Ada Lovelace');
  const guest = await visit(t, '/readers/1');
  const list = await visit(t, '/readers');
  await comment(ada, NASTY);
  await seen(guest, NASTY);
  await guest.reload();
  await seen(guest, NASTY);
  const count = await texts(guest);
  await shows(guest, '[data-comments]', count.length);
  await shows(list, '[data-article="1"] [data-comments]', count.length);
  const field = ada.getByLabel('Your comment');
  await field.evaluate((it) => it.removeAttribute('maxlength'));
  await field.fill('x'.repeat(501));
  await ada.getByRole('button', { name: 'Comment' }).click();
  await ada.getByRole('alert').getByText('A comment may have 500 characters, this one has 501.').waitFor();
  assert.equal((await field.inputValue()).length, 501);
  await inspect(ada, 'readers-refused');
  await field.fill('\u2028 ');
  await ada.getByRole('button', { name: 'Comment' }).click();
  await ada.getByRole('alert').getByText('A comment needs a text.').waitFor();
  assert.deepEqual(faults(guest), []);
});

test('a forged form changes nothing, nor does an article that does not exist', async (t) => {
  const ada = await visit(t, '/readers/3', 'Ada Lovelace');
  const url = showcase.url('/readers/3/comments');
  assert.equal((await forge(ada, url, { text: 'forged', draft: 'f' })).status(), 403);
  assert.equal((await forge(ada, url, { text: 'forged', draft: 'f', _token: 'x'.repeat(64) })).status(), 403);
  assert.equal((await forge(ada, showcase.url('/readers/3/like'), { like: 'true' })).status(), 403);
  const _token = await token(ada);
  assert.equal((await forge(ada, showcase.url('/readers/99/like'), { like: 'true', _token })).status(), 404);
  assert.equal((await forge(ada, showcase.url('/readers/3/like'), { like: '<b>', _token })).status(), 422);
  const fields = { text: 'twice', draft: 'twice', _token };
  const answers = await Promise.all([forge(ada, url, fields), forge(ada, url, fields)]);
  assert.deepEqual(await answers[0].json(), await answers[1].json());
  await ada.reload();
  assert.deepEqual(await texts(ada), ['twice']);
  await shows(ada, '[data-likes]', 0);
  const channel_name = 'presence-readers.99';
  const answer = await forge(ada, showcase.url('/broadcasting/auth'), { channel_name, socket_id: '1.2' });
  assert.equal(answer.status(), 403);
  // Nobody but the server says that somebody came.
  const webhook = await forge(ada, showcase.url('/broadcasting/webhook'), {});
  assert.ok(webhook.status() >= 400, `${webhook.status()}`);
});

test('without JavaScript articles are articles and forms are forms', async (t) => {
  const witness = await visit(t, '/readers/2', 'Grace Hopper');
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(showcase.url('/readers'));
  await page.getByRole('link', { name: 'Counting people' }).click();
  const likes = Number(await page.locator('[data-likes]').textContent());
  await page.getByRole('button', { name: 'Like' }).click();
  await shows(page, '[data-likes]', likes + 1);
  await shows(witness, '[data-likes]', likes + 1);
  await page.locator('button[aria-pressed="true"]').click();
  await shows(page, '[data-likes]', likes);
  await page.getByLabel('Your comment').fill('plain');
  await page.getByRole('button', { name: 'Comment' }).click();
  await seen(page, 'plain');
  await seen(witness, 'plain');
  await page.getByLabel('Your comment').fill(' ');
  await page.getByRole('button', { name: 'Comment' }).click();
  await page.getByRole('alert').getByText('A comment needs a text.').waitFor();
});

test('the author hears of a comment and of a like wherever he is, but not of his own', async (t) => {
  const alan = await visit(t, '/poll/1', 'Alan Turing');
  const linus = await visit(t, '/readers/3', 'Linus Åkesson');
  const title = 'Send what is, not what happened';
  const before = Number(await alan.locator('#bell .badge').textContent());
  await comment(linus, NASTY);
  await alan.locator('#toasts').getByRole('link', { name: `Linus Åkesson commented on “${title}”` }).waitFor();
  await press(linus, true);
  await press(linus, false);
  await press(linus, true);
  await alan.locator('#toasts').getByRole('link', { name: `Linus Åkesson likes “${title}”` }).waitFor();
  await shows(alan, '#bell .badge', before + 2);
  await alan.locator('#toasts').getByRole('link', { name: 'commented' }).click();
  await alan.waitForURL(/\/readers\/3#comment-\d+$/);
  assert.equal(await alan.locator('#comments li:target .text').textContent(), NASTY);
  await connected(alan);
  await press(alan, true);
  await comment(alan, 'my own');
  await alan.goto(showcase.url('/notifications'));
  await alan.getByText(`Linus Åkesson likes “${title}”`).first().waitFor();
  assert.equal(await alan.getByText('Alan Turing likes').count(), 0);
  assert.equal(await alan.getByText('Alan Turing commented').count(), 0);
});

async function comment(page, text) {
  await page.getByLabel('Your comment').fill(text);
  await page.getByRole('button', { name: 'Comment' }).click();
  await seen(page, text);
}

function seen(page, text) {
  return page.locator('#comments .text').filter({ hasText: text }).last().waitFor();
}

function texts(page) {
  return page.locator('#comments .text').allTextContents();
}

/** Presses the heart, and waits until it is so. */
async function press(page, likes) {
  await page.getByRole('button', { name: 'Like' }).click();
  await page.locator(`button[aria-pressed="${likes}"]`).waitFor();
}

/** Waits until the list has these numbers of readers. */
function reading(list, counts) {
  return list.waitForFunction(
    (expected) =>
      Object.entries(expected).every(
        ([article, count]) =>
          document.querySelector(`[data-article="${article}"] [data-readers]`).textContent === String(count),
      ),
    counts,
  );
}

/** Waits until these read the article, and the number says so. */
function present(page, names) {
  return page.waitForFunction(
    (expected) => {
      const shown = [...document.querySelectorAll('#members li')].map((item) => item.textContent.trim());
      const count = document.querySelector('.here [data-readers]').textContent;
      return JSON.stringify(shown) === expected && count === String(shown.length);
    },
    JSON.stringify(names),
  );
}

function shows(page, selector, text) {
  return page.waitForFunction(
    ([place, expected]) => document.querySelector(place).textContent === expected,
    [selector, String(text)],
  );
}

/** What pages complain of, but for requests that were given up with a page. */
function faults(page) {
  return page.complaints.filter((complaint) => !complaint.startsWith('failed:'));
}
