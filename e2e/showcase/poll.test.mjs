import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';

import { WebSocket } from 'ws';

import { startBrowser } from '../support/browser.mjs';
import { until } from '../support/inbox.mjs';
import { Showcase, connected, crash, forge, inspect, token } from '../support/showcase.mjs';

const NASTY = '<b onclick="x">bold</b> & 😀';

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

test('a vote moves the results of every viewer, and stays', async (t) => {
  const [ada, grace, guest] = await Promise.all([
    visit(t, '/poll/1', 'Ada Lovelace'),
    visit(t, '/poll/1', 'Grace Hopper'),
    visit(t, '/poll/1'),
  ]);
  await vote(ada, 'Chat');
  await vote(grace, 'Chat');
  await vote(guest, 'Notifications');
  for (const page of [ada, grace, guest]) {
    await results(page, [2, 1, 0, 0]);
    await page.getByText('Thank you for your vote.').first().waitFor();
    await page.reload();
    await results(page, [2, 1, 0, 0]);
    assert.equal(await page.getByRole('button', { name: 'Vote' }).isVisible(), false);
    assert.deepEqual(page.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
  }
  await connected(ada);
  await inspect(ada, 'poll');
});

test('one person has one vote, however often and at whatever moment it is sent', async (t) => {
  const url = showcase.url(await ask(t, 'Once?', ['Yes', 'No']));
  const alan = await visit(t, new URL(url).pathname, 'Alan Turing');
  const [yes, no] = await options(alan);
  const _token = await token(alan);
  const answers = await Promise.all(
    [yes, no, yes, no, yes, no].map((option) => forge(alan, url, { option, _token })),
  );
  assert.deepEqual(answers.map((answer) => answer.status()).sort(), [204, 409, 409, 409, 409, 409]);
  await alan.waitForFunction(() => document.getElementById('total').textContent === '1');

  // A second browser of the same person.
  const elsewhere = await visit(t, '/poll/1', 'Alan Turing');
  const second = await forge(elsewhere, url, { option: no, _token: await token(elsewhere) });
  assert.equal(second.status(), 409);
  // A page that was open before shows the message.
  await elsewhere.goto(url);
  assert.equal(await elsewhere.getByRole('button', { name: 'Vote' }).isVisible(), false);
});

test('a vote that is forged, or for an answer of another poll, does not count', async (t) => {
  const path = await ask(t, 'Forged?', ['Yes', 'No']);
  const guest = await visit(t, path);
  const [yes] = await options(guest);
  const _token = await token(guest);
  for (const [fields, status] of [
    [{ option: yes }, 403],
    [{ option: yes, _token: 'forged' }, 403],
    [{ option: '1', _token }, 422],
    [{ option: '<script>', _token }, 422],
    [{ _token }, 422],
  ]) {
    assert.equal((await forge(guest, showcase.url(path), fields)).status(), status, JSON.stringify(fields));
  }
  await results(guest, [0, 0]);
});

test('a thousand viewers see the votes of hundreds in a few messages', async (t) => {
  const path = await ask(t, 'How many?', ['Many', 'Few']);
  const page = await visit(t, path);
  const [many, few] = await options(page);
  const viewers = await Promise.all(Array.from({ length: 1000 }, () => view(t, `poll.${path.split('/').at(-1)}`)));
  const began = Date.now();
  // 200 guests, 20 at a time.
  await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      for (let i = 0; i < 10; i++) {
        await voteAsGuest(path, n % 4 ? many : few);
      }
    }),
  );
  await until('everybody sees the last vote', () => viewers.every(({ last }) => last?.votes === 200));
  const ticks = (Date.now() - began) / 200;
  const messages = Math.max(...viewers.map(({ count }) => count));
  t.diagnostic(`200 votes in ${Date.now() - began} ms were ${messages} messages to each of 1,000 viewers`);
  assert.ok(messages <= ticks + 2, `${messages} messages in ${ticks} ticks`);
  assert.deepEqual(viewers[999].last.options.map(({ votes }) => votes), [150, 50]);
  await results(page, [150, 50]);
});

test('every page comes back after the server was killed, and shows what happened meanwhile', async (t) => {
  const path = await ask(t, 'Back?', ['Yes', 'No']);
  const ada = await visit(t, path, 'Ada Lovelace');
  const grace = await visit(t, path, 'Grace Hopper');
  const gone = await visit(t, path);
  await crash(gone);
  await vote(ada, 'Yes');
  await results(grace, [1, 0]);
  await showcase.kill();
  await grace.getByText('Reconnecting…').waitFor();
  await showcase.again();
  await vote(grace, 'No');
  await Promise.all([connected(ada), connected(grace)]);
  await results(ada, [1, 1]);
  await results(grace, [1, 1]);
});

test('HTML is shown as text, and a question that is too long is refused with a message', async (t) => {
  const ada = await visit(t, '/poll', 'Ada Lovelace');
  await inspect(ada, 'polls');
  await ada.getByLabel('Question').evaluate((field) => field.removeAttribute('maxlength'));
  await ada.getByLabel('Question').fill('x'.repeat(141));
  await ada.getByLabel('Answers').fill(`${NASTY}\nNo`);
  await ada.getByRole('button', { name: 'Ask' }).click();
  await ada.getByRole('alert').getByText('A question may have 140 characters, this one has 141.').waitFor();
  await ada.getByLabel('Question').fill(NASTY);
  await ada.getByRole('button', { name: 'Ask' }).click();
  await ada.getByRole('heading', { name: NASTY }).waitFor();
  assert.equal(await ada.locator('#options .label').first().textContent(), NASTY);
  await connected(ada);
  await vote(ada, NASTY);
  await results(ada, [1, 0]);
});

test('without JavaScript it is a form', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(showcase.url(await ask(t, 'Plain?', ['Yes', 'No'])));
  await page.getByLabel('Yes').check();
  await page.getByRole('button', { name: 'Vote' }).click();
  await page.getByText('Thank you for your vote.').waitFor();
  assert.deepEqual(await page.locator('[data-votes]').allTextContents(), ['1', '0']);
});

/** Makes a poll and answers its path. */
async function ask(t, question, answers) {
  const page = await visit(t, '/poll', 'Margaret Hamilton');
  await page.getByLabel('Question').fill(question);
  await page.getByLabel('Answers').fill(answers.join('\n'));
  await Promise.all([page.waitForURL(/poll\/\d+$/), page.getByRole('button', { name: 'Ask' }).click()]);
  return new URL(page.url()).pathname;
}

async function vote(page, label) {
  await page.locator('#options').getByText(label, { exact: true }).click();
  await page.getByRole('button', { name: 'Vote' }).click();
  await page.getByText('Thank you for your vote.').first().waitFor();
}

/** A guest without a browser: a page is fetched for its cookie and its token, then the form is sent. */
async function voteAsGuest(path, option) {
  const page = await fetch(showcase.url(path));
  const cookie = page.headers.get('set-cookie').split(';')[0];
  const [, _token] = /name="csrf-token" content="(\w+)"/.exec(await page.text());
  const body = new URLSearchParams({ option, _token });
  const answer = await fetch(showcase.url(path), { method: 'POST', headers: { cookie, accept: 'application/json' }, body });
  assert.equal(answer.status, 204);
}

/** Somebody who looks, with nothing but a WebSocket. */
async function view(t, channel) {
  const viewer = { count: 0 };
  const socket = new WebSocket(showcase.websocket);
  t.after(() => socket.terminate());
  await once(socket, 'open');
  const subscribed = new Promise((resolve) => {
    socket.on('message', (text) => {
      const { event, data } = JSON.parse(text);
      if (event === 'pusher_internal:subscription_succeeded') {
        resolve();
      } else if (event === 'App\\Events\\ResultsChanged') {
        viewer.count += 1;
        viewer.last = JSON.parse(data);
      }
    });
  });
  socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel } }));
  await subscribed;
  return viewer;
}

function options(page) {
  return page.locator('[name="option"]').evaluateAll((inputs) => inputs.map(({ value }) => value));
}

/** Waits until the page shows so many votes for each answer. */
function results(page, votes) {
  return page.waitForFunction(
    (expected) => JSON.stringify([...document.querySelectorAll('[data-votes]')].map((it) => Number(it.textContent))) === expected,
    JSON.stringify(votes),
  );
}
