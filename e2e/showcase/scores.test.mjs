import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Inbox, until } from '../support/inbox.mjs';
import { Showcase, connected, crash, forge, inspect, pluggable, token } from '../support/showcase.mjs';

const { io } = createRequire(import.meta.url)('socket.io-client-4');

const WAYS = ['/scores', '/scores/socket-io', '/scores/plain'];

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);
const visitAll = (t, as) => Promise.all(WAYS.map((way) => visit(t, way, as)));

test('one goal is heard by Echo, by Socket.IO, by a page without any framework, and by a program', async (t) => {
  const grace = await visit(t, '/scores', 'Grace Hopper');
  const pages = await visitAll(t);
  const program = await listen(t);
  const before = await score(grace, 2);
  await press(grace, 2, 'home');
  const expected = { ...before, version: before.version + 1, home: before.home + 1 };
  for (const page of [grace, ...pages]) {
    await shows(page, 2, expected);
  }
  const [channel, game] = await program.next(() => true);
  assert.equal(channel, 'scores');
  assert.deepEqual([game.id, game.version, game.home_goals], [2, expected.version, expected.home]);
  await press(grace, 2, 'next');
  for (const page of pages) {
    await page.locator('[data-game="2"] [data-phase]').getByText('Half-time').waitFor();
    await page.reload();
    await shows(page, 2, { ...expected, version: expected.version + 1 });
    await connected(page);
    assert.deepEqual(faults(page), []);
  }
  assert.equal((await program.next(() => true))[1].phase.name, 'Half-time');
  assert.equal(program.history.length, 2);
  await press(grace, 2, 'next');
  for (const [index, page] of [grace, ...pages].entries()) {
    await inspect(page, ['scores-staff', 'scores-echo', 'scores-socket-io', 'scores-plain'][index]);
  }
});

test('the pages without Echo load nothing of it, and only the one with Socket.IO may load its client', async (t) => {
  const scripts = {};
  const policies = {};
  for (const way of [...WAYS, '/chat/1']) {
    const page = await visit(t, '/', 'Grace Hopper');
    scripts[way] = [];
    page.on('request', (request) => request.resourceType() === 'script' && scripts[way].push(request.url()));
    const response = await page.goto(showcase.url(way));
    policies[way] = response.headers()['content-security-policy'];
    await connected(page);
  }
  const names = (way) => scripts[way].map((url) => new URL(url).pathname).sort();
  assert.deepEqual(names('/scores/plain'), [
    '/assets/pages/scores/board.js',
    '/assets/pages/scores/plain.js',
    '/broadcasting/echo.js',
  ]);
  assert.deepEqual(names('/scores/socket-io'), [
    '/assets/pages/scores/board.js',
    '/assets/pages/scores/socket-io.js',
    '/socket.io/socket.io.min.js',
  ]);
  // The server of its own has an address of its own, which no other page may load scripts from.
  const server = new URL(showcase.websocket).host;
  const client = new URL(scripts['/scores/socket-io'].find((url) => url.includes('/socket.io/')));
  assert.equal(client.host, server);
  const isElsewhere = server !== new URL(showcase.url()).host;
  const sources = (way) => /script-src ([^;]*)/.exec(policies[way])[1].trim().split(/\s+/);
  assert.deepEqual(sources('/scores/socket-io'), isElsewhere ? ["'self'", client.href] : ["'self'"]);
  for (const way of ['/scores', '/scores/plain', '/chat/1']) {
    assert.deepEqual(sources(way), ["'self'"], way);
  }
});

test('only the staff keeps the scores, and by no forged form', async (t) => {
  const grace = await visit(t, '/scores', 'Grace Hopper');
  const before = await score(grace, 3);
  const fields = { move: 'next', version: String(before.version) };
  const url = showcase.url('/scores/3');
  for (const [as, status, message] of [
    [undefined, 401, 'Choose who you are first'],
    ['Ada Lovelace', 403, 'Only the staff keeps the scores'],
  ]) {
    const page = await visit(t, '/scores', as);
    assert.equal(await page.locator('[name="move"], [name="plays"]').count(), 0);
    const _token = await token(page);
    for (const [target, form] of [[url, fields], [showcase.url('/scores/league'), { plays: 'true' }]]) {
      const answer = await forge(page, target, { ...form, _token });
      assert.equal(answer.status(), status);
      assert.match((await answer.json()).message, new RegExp(message));
    }
  }
  assert.equal((await forge(grace, url, fields)).status(), 403);
  const _token = await token(grace);
  for (const nonsense of [{ move: '<script>' }, { version: '<b>' }, { version: '1e9' }]) {
    assert.equal((await forge(grace, url, { ...fields, ...nonsense, _token })).status(), 422);
  }
  await grace.reload();
  assert.deepEqual(await score(grace, 3), before);
  await grace.getByRole('button', { name: 'Let the league play by itself' }).waitFor();
});

test('a goal that two people note at the same time is one, and the slower one is told', async (t) => {
  const grace = await visit(t, '/scores', 'Grace Hopper');
  const margaret = await visit(t, '/scores', 'Margaret Hamilton');
  const before = await score(grace, 1);
  const fields = { move: 'away', version: String(before.version) };
  const answers = await Promise.all(
    [grace, margaret, grace, margaret].map(async (page) =>
      forge(page, showcase.url('/scores/1'), { ...fields, _token: await token(page) }),
    ),
  );
  assert.deepEqual(answers.map((answer) => answer.status()).sort(), [200, 409, 409, 409]);
  const expected = { ...before, version: before.version + 1, away: before.away + 1 };
  await shows(margaret, 1, expected);
  // On a page that has not heard of it yet.
  await margaret.evaluate((version) => {
    const { form } = document.querySelector('[data-game="1"] [value="away"]');
    form.elements.version.value = version;
    form.requestSubmit(form.querySelector('[value="away"]'));
  }, before.version);
  await margaret.getByRole('alert').getByText('Somebody was faster.').waitFor();
});

test('news that are late, or come twice, do nothing', async (t) => {
  for (const page of await visitAll(t)) {
    const before = await score(page, 1);
    for (const version of [0, before.version]) {
      await page.evaluate(async (version) => {
        const { show } = await import('/assets/pages/scores/board.js');
        show({ id: 1, version, home: 'x', away: 'y', home_goals: 77, away_goals: 77, phase: { name: 'Wrong' } });
      }, version);
      assert.deepEqual(await score(page, 1), before);
    }
  }
});

test('every page comes back after the server was killed, and shows what happened meanwhile', async (t) => {
  const grace = await visit(t, '/scores', 'Grace Hopper');
  const pages = await visitAll(t);
  const gone = await visit(t, '/scores/plain');
  await crash(gone);
  const before = await score(grace, 1);
  await showcase.kill();
  await Promise.all(pages.map((page) => page.getByText('Reconnecting…').waitFor()));
  await button(grace, 1, 'home').click();
  await grace.getByRole('alert').waitFor();
  await showcase.again();
  await press(grace, 1, 'home');
  await Promise.all([grace, ...pages].map((page) => connected(page)));
  for (const page of [grace, ...pages]) {
    await shows(page, 1, { ...before, version: before.version + 1, home: before.home + 1 });
  }
  await press(grace, 1, 'away');
  for (const page of [grace, ...pages]) {
    await shows(page, 1, { version: before.version + 2, home: before.home + 1, away: before.away + 1 });
  }
});

test('pages that were offline for twenty seconds show the score that there is', async (t) => {
  const grace = await visit(t, '/scores', 'Grace Hopper');
  const pages = await visitAll(t);
  const lines = await Promise.all(pages.map(pluggable));
  const before = await score(grace, 1);
  await Promise.all(lines.map((line) => line.unplug()));
  await press(grace, 1, 'home');
  await grace.waitForTimeout(20_000);
  await press(grace, 1, 'home');
  for (const page of pages) {
    assert.deepEqual(await score(page, 1), before);
  }
  await Promise.all(lines.map((line) => line.plug()));
  for (const page of pages) {
    await shows(page, 1, { ...before, version: before.version + 2, home: before.home + 2 });
    await connected(page);
  }
  await press(grace, 1, 'away');
  for (const page of pages) {
    await shows(page, 1, { version: before.version + 3, home: before.home + 2, away: before.away + 1 });
  }
});

test('the league plays by itself, for all the same, until it is stopped', async (t) => {
  const grace = await visit(t, '/scores', 'Grace Hopper');
  const margaret = await visit(t, '/scores', 'Margaret Hamilton');
  const pages = await visitAll(t);
  const sum = async (page) => (await scores(page)).reduce((sum, { version }) => sum + version, 0);
  const before = await sum(grace);
  await grace.getByRole('button', { name: 'Let the league play by itself' }).click();
  await margaret.getByRole('button', { name: 'Stop the league' }).waitFor();
  await until('three moves were made', async () => (await sum(pages[2])) >= before + 3);
  // Buttons work meanwhile; whoever is slower than the league presses again.
  await press(margaret, 3, 'next');
  await margaret.getByRole('button', { name: 'Stop the league' }).click();
  await grace.getByRole('button', { name: 'Let the league play by itself' }).waitFor();
  const { games, league } = await (await fetch(showcase.url('/scores/games'))).json();
  assert.equal(league.plays, false);
  const now = games.map(({ version, home_goals, away_goals }) => ({ version, home: home_goals, away: away_goals }));
  for (const page of [grace, ...pages]) {
    await until('all show the same', async () => JSON.stringify(await scores(page)) === JSON.stringify(now));
  }
});

test('of two processes one plays the league, and when it is killed the other one goes on', async (t) => {
  const first = await Showcase.start({ isSeparate: true });
  const second = await first.sibling();
  t.after(async () => {
    await second.stop();
    await first.stop();
  });
  const program = await listen(t, first);
  const page = await second.visit(t, browser, '/scores/socket-io');
  const grace = await first.visit(t, browser, '/scores', 'Grace Hopper');
  await grace.getByRole('button', { name: 'Let the league play by itself' }).click();
  const times = [];
  const moves = async (count) => {
    for (let n = 0; n < count; n++) {
      await program.next(() => true);
      times.push(Date.now());
    }
  };
  await moves(6);
  // One moves every two seconds; two that play would be twice as fast.
  const duration = times[5] - times[0];
  assert.ok(duration > 8000, `five moves took ${duration} ms`);
  await first.killProcess();
  await moves(3);
  const { games } = await (await fetch(second.url('/scores/games'))).json();
  assert.ok(games.reduce((sum, { version }) => sum + version, 0) >= 9);
  for (const { id, version } of games) {
    await until('the page has moved as far', async () => (await score(page, id)).version >= version);
  }
});

test('without JavaScript forms are forms, and scores are there', async (t) => {
  const witness = await visit(t, '/scores/plain');
  const signedIn = await visit(t, '/scores', 'Grace Hopper');
  const context = await browser.newContext({
    javaScriptEnabled: false,
    storageState: await signedIn.context().storageState(),
  });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(showcase.url('/scores'));
  const before = await score(page, 3);
  await button(page, 3, 'next').click();
  await shows(witness, 3, { ...(await score(witness, 3)), version: before.version + 1 });
  await page.goto(showcase.url('/scores/plain'));
  assert.equal((await score(page, 3)).version, before.version + 1);
});

/** A program with npm's socket.io-client: an inbox of `[channel, game]`. */
async function listen(t, { websocket } = showcase) {
  const inbox = new Inbox('the program');
  const socket = io(`http://${new URL(websocket).host}`, { forceNew: true });
  t.after(() => socket.close());
  const connected = new Promise((resolve) => socket.on('connect', resolve));
  socket.on('App\\Events\\ScoreChanged', (channel, game) => inbox.push([channel, game]));
  await connected;
  socket.emit('subscribe', { channel: 'scores' });
  // The server takes what a connection says in order, and answers for channels with members.
  const denied = new Promise((resolve) => socket.on('subscription_error', resolve));
  socket.emit('subscribe', { channel: 'private-scores', auth: { headers: {} } });
  await denied;
  return inbox;
}

function button(page, game, move) {
  return page.locator(`[data-game="${game}"] [name="move"][value="${move}"]`);
}

/** Presses a button until it is done: somebody may be faster. */
async function press(page, game, move) {
  for (;;) {
    const answer = page.waitForResponse((response) => response.url().endsWith(`/scores/${game}`));
    await button(page, game, move).click();
    const status = (await answer).status();
    if (status === 200) {
      return;
    }
    assert.equal(status, 409);
  }
}

async function score(page, game) {
  return (await scores(page))[game - 1];
}

function scores(page) {
  return page.locator('[data-game]').evaluateAll((items) =>
    items.map((item) => ({
      version: Number(item.dataset.version),
      home: Number(item.querySelector('[data-home]').textContent),
      away: Number(item.querySelector('[data-away]').textContent),
    })),
  );
}

/** Waits until the page shows this score. */
async function shows(page, game, expected) {
  await page.waitForFunction(
    ([id, { version, home, away }]) => {
      const item = document.querySelector(`[data-game="${id}"]`);
      const goals = (team) => Number(item.querySelector(`[data-${team}]`).textContent);
      return Number(item.dataset.version) === version && goals('home') === home && goals('away') === away;
    },
    [game, expected],
  );
}

/** What pages complain of, but for requests that were given up with a page. */
function faults(page) {
  return page.complaints.filter((complaint) => !complaint.startsWith('failed:'));
}
