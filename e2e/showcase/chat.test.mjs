import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Showcase, connected, crash, forge, goOffline, goOnline, inspect, token } from '../support/showcase.mjs';

const NASTY = '<img src=x onerror="document.title=1">&amp; "quoted" \u2028 😀 عربى';

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

test('a message is once on every screen, also of the sender, and stays after a reload', async (t) => {
  const [ada, grace, guest] = await Promise.all([
    visit(t, '/chat/1', 'Ada Lovelace'),
    visit(t, '/chat/1', 'Grace Hopper'),
    visit(t, '/chat/1'),
  ]);
  await write(ada, 'Hello, everybody');
  await write(grace, 'Hello, Ada');
  await write(guest, 'May I?');
  for (const page of [ada, grace, guest]) {
    await seen(page, 'May I?');
    assert.deepEqual((await texts(page)).slice(-3), ['Hello, everybody', 'Hello, Ada', 'May I?']);
    await page.reload();
    assert.deepEqual((await texts(page)).slice(-3), ['Hello, everybody', 'Hello, Ada', 'May I?']);
    assert.deepEqual(page.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
  }
  await inspect(ada, 'chat');
});

test('who is here is exact, each person once, also after a tab crashed', async (t) => {
  const alan = await visit(t, '/chat/2', 'Alan Turing');
  const first = await visit(t, '/chat/2', 'Grace Hopper');
  const second = await first.context().newPage();
  await second.goto(showcase.url('/chat/2'));
  await connected(second);
  await present(alan, ['Alan Turing (you)', 'Grace Hopper']);
  await crash(first);
  await present(second, ['Alan Turing', 'Grace Hopper (you)']);
  await crash(second);
  await present(alan, ['Alan Turing (you)']);
});

test('typing is said once at the beginning and once at the end, and vanishes with the typist', async (t) => {
  const ada = await visit(t, '/chat/2', 'Ada Lovelace');
  const sent = [];
  const grace = await visit(t, '/', 'Grace Hopper');
  grace.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(payload)));
  await grace.goto(showcase.url('/chat/2'));
  await present(ada, ['Ada Lovelace (you)', 'Grace Hopper']);

  await grace.locator('#text').pressSequentially('I type for three seconds', { delay: 120 });
  await ada.getByText('Grace Hopper is typing…').waitFor();
  await ada.getByText('Grace Hopper is typing…').waitFor({ state: 'detached' });
  const whispers = sent.filter((frame) => frame.includes('client-typing')).map((frame) => JSON.parse(frame).data.typing);
  assert.deepEqual(whispers, [true, false]);
  assert.equal(await grace.locator('#typing').textContent(), '');

  await grace.locator('#text').pressSequentially('again');
  await ada.getByText('Grace Hopper is typing…').waitFor();
  await crash(grace);
  await ada.getByText('Grace Hopper is typing…').waitFor({ state: 'detached' });
});

test('two people have one room, nobody else can read it, and it shows itself to who is elsewhere', async (t) => {
  const katherine = await visit(t, '/chat/1', 'Katherine Johnson');
  const linus = await visit(t, '/chat/1', 'Linus Åkesson');
  await Promise.all([linus.waitForURL(/chat\/(?!1$)/), linus.getByRole('button', { name: 'Katherine Johnson' }).last().click()]);
  await connected(linus);
  const room = new URL(linus.url()).pathname;
  await write(linus, 'Only for you');
  await katherine.getByRole('link', { name: 'Linus Åkesson: Only for you' }).waitFor();
  const other = await katherine.context().newPage();
  await other.goto(showcase.url('/chat/1'));
  await other.locator('#rooms a.new').getByText('Linus Åkesson').waitFor();
  await katherine.locator('#rooms a.new').getByText('Linus Åkesson').click();
  await seen(katherine, 'Only for you');
  assert.equal(new URL(katherine.url()).pathname, room);
  await other.locator('#rooms a.new').waitFor({ state: 'detached' });

  const stranger = await visit(t, '/chat/1', 'Alan Turing');
  assert.equal((await stranger.request.get(showcase.url(room))).status(), 404);
  assert.equal((await stranger.request.get(showcase.url(`${room}/messages?after=0`))).status(), 404);
  const channel_name = `presence-chat.${room.split('/')[2]}`;
  const answer = await forge(stranger, showcase.url('/broadcasting/auth'), { channel_name, socket_id: '1.2' });
  assert.equal(answer.status(), 403);
  const posted = await forge(stranger, showcase.url(room), { _token: await token(stranger), text: 'x', draft: 'x' });
  assert.equal(posted.status(), 404);
});

test('every page comes back after the server was killed, and nothing is lost or doubled', async (t) => {
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  const grace = await visit(t, '/chat/1', 'Grace Hopper');
  await write(ada, 'before');
  await seen(grace, 'before');
  await showcase.kill();
  await ada.getByText('Reconnecting…').waitFor();
  await ada.locator('#text').fill('meanwhile');
  await ada.getByRole('button', { name: 'Send' }).click();
  await ada.getByRole('alert').waitFor();
  await showcase.again();
  // The page need not be connected to write.
  await ada.getByRole('button', { name: 'Send' }).click();
  await Promise.all([connected(ada), connected(grace)]);
  await seen(grace, 'meanwhile');
  await write(grace, 'after');
  await seen(ada, 'after');
  for (const page of [ada, grace]) {
    assert.deepEqual((await texts(page)).slice(-3), ['before', 'meanwhile', 'after']);
  }
});

test('a page that was offline has missed nothing', async (t) => {
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  const grace = await visit(t, '/chat/1', 'Grace Hopper');
  await goOffline(ada);
  await write(grace, 'one');
  await ada.waitForTimeout(20_000);
  await write(grace, 'two');
  await goOnline(ada);
  await connected(ada);
  await write(grace, 'three');
  await seen(ada, 'three');
  await seen(ada, 'two');
  assert.deepEqual((await texts(ada)).slice(-3), ['one', 'two', 'three']);
});

test('what was lost on the way is there after a reconnection, also if a later message is', async (t) => {
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  const grace = await visit(t, '/chat/1', 'Grace Hopper');
  await ada.evaluate(async () => {
    const { echo } = await import('/assets/layout/app.js');
    const { subscription } = echo.join('chat.1');
    const emit = subscription.emit.bind(subscription);
    subscription.emit = (name, data, ...rest) => (data?.text === 'lost' ? subscription : emit(name, data, ...rest));
  });
  await write(grace, 'lost');
  await write(grace, 'later');
  await seen(ada, 'later');
  await goOffline(ada);
  await goOnline(ada);
  await seen(ada, 'lost');
  assert.deepEqual((await texts(ada)).slice(-2), ['lost', 'later']);
});

test('HTML is shown as text, and a text that is too long is refused with a message', async (t) => {
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  const grace = await visit(t, '/chat/1', 'Grace Hopper');
  await write(ada, NASTY);
  await seen(grace, NASTY);
  await grace.reload();
  await seen(grace, NASTY);
  await ada.evaluate(() => document.getElementById('text').removeAttribute('maxlength'));
  await ada.locator('#text').fill('x'.repeat(1001));
  await ada.getByRole('button', { name: 'Send' }).click();
  await ada.getByRole('alert').getByText('A message may have 1000 characters, this one has 1001.').waitFor();
  assert.equal((await ada.locator('#text').inputValue()).length, 1001);
  assert.deepEqual(grace.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
});

test('a forged form changes nothing, and a form that is sent twice is one message', async (t) => {
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  const url = showcase.url('/chat/1');
  assert.equal((await forge(ada, url, { text: 'forged', draft: 'f' })).status(), 403);
  assert.equal((await forge(ada, url, { text: 'forged', draft: 'f', _token: 'x'.repeat(64) })).status(), 403);
  const fields = { text: 'twice', draft: 'twice', _token: await token(ada) };
  const answers = await Promise.all([forge(ada, url, fields), forge(ada, url, fields)]);
  assert.deepEqual(await answers[0].json(), await answers[1].json());
  await seen(ada, 'twice');
  await ada.reload();
  const all = await texts(ada);
  assert.equal(all.filter((text) => text === 'twice').length, 1);
  assert.equal(all.filter((text) => text === 'forged').length, 0);
});

test('without JavaScript it is a form', async (t) => {
  const witness = await visit(t, '/chat/1');
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(showcase.url('/chat/1'));
  await page.locator('#text').fill('plain');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.waitForLoadState();
  assert.equal((await texts(page)).at(-1), 'plain');
  await seen(witness, 'plain');
  await page.locator('#text').fill(' ');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('alert').getByText('A message needs a text.').waitFor();
});

async function write(page, text) {
  await page.locator('#text').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
  await seen(page, text);
}

function seen(page, text) {
  return page.locator('#messages .text').filter({ hasText: text }).last().waitFor();
}

function texts(page) {
  return page.locator('#messages .text').allTextContents();
}

/** Waits until these are here. */
function present(page, names) {
  return page.waitForFunction(
    (expected) => {
      const shown = [...document.querySelectorAll('#members li')].map((item) => item.textContent.trim());
      return JSON.stringify(shown) === expected && document.getElementById('count').textContent === String(shown.length);
    },
    JSON.stringify(names),
  );
}
