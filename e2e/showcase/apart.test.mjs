/** An application and its server are two processes: each of them may be away for a while, alone. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Showcase, connected, forge, token } from '../support/showcase.mjs';

const showcase = await Showcase.start({ isSeparate: true });
// It commits, and dies before it broadcasts: nobody hears of what is done here.
const silent = await showcase.sibling({ BROADCAST_CONNECTION: 'null' });
const browser = await startBrowser();
after(async () => {
  await Promise.all([browser.close(), silent.stop()]);
  await showcase.stop();
});

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

// A page, who looks at it, what somebody else does there, and where one sees it.
const SILENT = [
  ['chat', '/chat/1', 'Ada Lovelace', { path: '/chat/1', form: { text: 'unheard' } }, ['#messages', /unheard/]],
  ['comments', '/readers/1', 'Ada Lovelace', { path: '/readers/1/comments', form: { text: 'unheard' } }, ['#comments', /unheard/]],
  ['likes', '/readers', 'Ada Lovelace', { path: '/readers/2/like', form: { like: 'true' } }, ['[data-article="2"] [data-likes]', /^1$/]],
  ['poll', '/poll/1', 'Ada Lovelace', { path: '/poll/1', form: { option: '1' } }, ['#total', /^1$/]],
  ['orders', '/orders/2', 'Alan Turing', { path: '/orders/2/status', form: { status: 'shipped', version: '1' } }, ['.order .status', /Shipped/]],
  ['scores', '/scores', 'Ada Lovelace', { path: '/scores/2', form: { move: 'home', version: '0' } }, ['[data-game="2"] [data-home]', /^1$/]],
  ['activity', '/activity', 'Ada Lovelace', { path: '/scores/1', form: { move: 'home', version: '0' } }, ['#feed li:first-child', /3:1/]],
  ['notifications', '/poll/1', 'Linus Åkesson', { path: '/notifications/wave', form: { user: '5', words: '' } }, ['#bell .badge', /^1$/]],
];

for (const [name, target, as, { path, form }, [place, expected]] of SILENT) {
  test(`${name}: what was stored but never told is there when somebody looks at the page again`, async (t) => {
    const page = await visit(t, target, as);
    const grace = await visit(t, '/', 'Grace Hopper');
    const fields = { draft: name, ...form, _token: await token(grace) };
    const answer = await forge(grace, silent.url(path), fields);
    assert.ok(answer.ok(), `${answer.status()} ${await answer.text()}`);
    const found = page.locator(place).filter({ hasText: expected });
    assert.equal(await found.count(), 0);
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await found.first().waitFor();
  });
}

test('while the server alone is away one can write, and everybody has it when the server is back', async (t) => {
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  const grace = await visit(t, '/chat/1', 'Grace Hopper');
  await showcase.killServer();
  await Promise.all([ada, grace].map((page) => page.getByText('Reconnecting…').waitFor()));
  await write(ada, 'from Ada, meanwhile');
  await write(grace, 'from Grace, meanwhile');
  await showcase.serverAgain();
  await Promise.all([connected(ada), connected(grace)]);
  await Promise.all([seen(ada, 'from Grace, meanwhile'), seen(grace, 'from Ada, meanwhile')]);
  await write(ada, 'afterwards');
  await seen(grace, 'afterwards');
  assert.deepEqual(await last(ada, 3), await last(grace, 3));
});

test('while the application alone is away pages stay connected, and go on when it is back', async (t) => {
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  const grace = await visit(t, '/chat/1', 'Grace Hopper');
  await showcase.killProcess();
  await send(ada, 'not yet');
  await ada.getByRole('alert').waitFor();
  await showcase.processAgain();
  await send(ada, 'now');
  await Promise.all([seen(ada, 'now'), seen(grace, 'now')]);
  assert.deepEqual(await last(ada, 2), await last(grace, 2));
});

async function write(page, text) {
  await send(page, text);
  await seen(page, text);
}

async function send(page, text) {
  await page.locator('#text').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

function seen(page, text) {
  return page.locator('#messages .text').getByText(text, { exact: true }).waitFor();
}

async function last(page, count) {
  return (await page.locator('#messages .text').allTextContents()).slice(-count);
}
