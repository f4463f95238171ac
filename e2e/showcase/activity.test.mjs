import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Chance } from '../support/chance.mjs';
import { Showcase, connected, forge, goOffline, goOnline, inspect, token } from '../support/showcase.mjs';

const NASTY = '<img src=x onerror="document.title=1">&amp; "quoted" 😀 عربى';
/** How many entries a page begins with, and how many it holds. */
const [SHOWN, SHOWN_MAX] = [30, 200];

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

const visit = (t, target, as) => showcase.visit(t, browser, target, as);

test('what somebody does in public is on every screen, the newest first; what is private is not', async (t) => {
  const [reader, other] = await Promise.all([visit(t, '/activity'), visit(t, '/activity', 'Alan Turing')]);
  const ada = await visit(t, '/chat/1', 'Ada Lovelace');
  await reader.getByText('Nothing yet.').waitFor();
  await inspect(reader, 'activity-empty');
  await ada.locator('#text').fill('In public');
  await ada.getByRole('button', { name: 'Send' }).click();
  await post(ada, '/chat/2', { text: 'Only for members', draft: '1' });
  await post(ada, '/poll', { question: NASTY, options: 'Yes\nNo' });
  await post(ada, '/poll/2', { option: 5 });
  const all = [`voted on “${NASTY}”`, `asked “${NASTY}”`, 'wrote in Lobby'].map((did) => `Ada Lovelace ${did}`);
  for (const page of [reader, other]) {
    await same(page, all);
    await inspect(page, 'activity');
    await page.reload();
    assert.deepEqual(await texts(page), all);
    assert.deepEqual(page.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
  }
  await Promise.all([other.waitForURL(/poll\/2/), other.locator('#feed a').first().click()]);
});

test('two writers, cut connections and a restart: the feed has everything once, in order', async (t) => {
  const reader = await visit(t, '/activity', 'Grace Hopper');
  const [{ id: before }] = await stored();
  await reader.evaluate(() => {
    window.added = [];
    new MutationObserver((changes) => {
      window.added.push(...changes.flatMap(({ addedNodes }) => [...addedNodes]).map(({ dataset }) => Number(dataset.id)));
    }).observe(document.getElementById('feed'), { childList: true });
  });
  const chance = new Chance(t);
  const writers = await Promise.all([visit(t, '/chat/1', 'Ada Lovelace'), visit(t, '/chat/1')]);
  await Promise.all(writers.map((page) => page.evaluate(write)));
  for (let cut = 0; cut < 12; cut++) {
    // Some cuts are only a network that stalls.
    await (chance.below(3) ? goOffline(reader) : reader.context().setOffline(true));
    await reader.waitForTimeout(chance.below(700));
    await goOnline(reader);
    // Pages dial again after four seconds or more, so that some cuts hit one that has not caught up, or is not connected yet.
    await reader.waitForTimeout(chance.below(2) ? 300 : chance.below(9000));
    if (cut === 5) {
      await showcase.kill();
      await showcase.again();
    }
  }
  const written = await Promise.all(writers.map((page) => page.evaluate(() => window.stop())));
  t.diagnostic(`entries: ${written}`);
  await connected(reader);
  const entries = await stored();
  assert.ok(written.every((count) => count > 20), `${written}`);
  assert.equal(entries.filter(({ did }) => did === 'wrote in Lobby').length, written[0] + written[1] + 1);
  await shows(reader, entries.slice(0, SHOWN_MAX));
  const since = entries.map(({ id }) => id).filter((id) => id > before);
  assert.deepEqual(await reader.evaluate(() => window.added), since.toReversed());

  /** Writes as fast as it is answered, each message until it is taken, and says at the end how many. */
  async function write() {
    const { fetchPatiently } = await import('/assets/layout/app.js');
    let isOver = false;
    const end = (async () => {
      let count = 0;
      while (!isOver) {
        count += 1;
        const body = new URLSearchParams({ text: `${count}`, draft: `writer-${count}` });
        await fetchPatiently('/chat/1', { method: 'POST', body });
        await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
      }
      return count;
    })();
    window.stop = () => ((isOver = true), end);
  }
});

test('after twenty seconds offline more than a page of entries is caught up with, and the page stays bounded', async (t) => {
  const reader = await visit(t, '/activity');
  const ada = await visit(t, '/', 'Ada Lovelace');
  await goOffline(reader);
  const since = Date.now();
  for (let n = 0; n < 250; n++) {
    await post(ada, '/chat/1', { text: `${n}`, draft: `offline-${n}` });
  }
  await reader.waitForTimeout(Math.max(0, since + 20_000 - Date.now()));
  await goOnline(reader);
  const entries = await stored();
  await shows(reader, entries.slice(0, SHOWN_MAX));

  // The pages behind it have the rest.
  await older(reader);
  await shows(reader, entries.slice(SHOWN_MAX, SHOWN_MAX + SHOWN));
  await inspect(reader, 'activity-older');
  await older(reader);
  await shows(reader, entries.slice(SHOWN_MAX + SHOWN, SHOWN_MAX + 2 * SHOWN));
  await reader.getByRole('link', { name: 'The newest' }).click();
  await shows(reader, entries.slice(0, SHOWN));
});

test('events that come twice or overtake each other change nothing', async (t) => {
  const reader = await visit(t, '/activity');
  const ada = await visit(t, '/', 'Ada Lovelace');
  await post(ada, '/chat/1', { text: 'one', draft: 'one' });
  const entries = await stored();
  const [newest] = entries;
  await shows(reader, entries.slice(0, SHOWN + 1));
  await reader.evaluate(async (newest) => {
    const { echo } = await import('/assets/layout/app.js');
    const channel = echo.channel('activity');
    const [[name]] = Object.entries(channel.subscription.callbacks._callbacks).filter(([name]) => name.includes('EntryAdded'));
    for (const id of [newest.id, newest.id - 1, newest.id + 2]) {
      channel.subscription.emit(name.slice(1), { ...newest, id, did: 'never did it' });
    }
  }, newest);
  await post(ada, '/chat/1', { text: 'two', draft: 'two' });
  await shows(reader, (await stored()).slice(0, SHOWN + 2));
  assert.equal(await reader.getByText('never did it').count(), 0);
});

test('it is a page without JavaScript, too', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(showcase.url('/activity'));
  const entries = await stored();
  await older(page);
  assert.deepEqual(await texts(page), entries.slice(SHOWN, 2 * SHOWN).map(text));
  for (const nonsense of ['x', '99999999999999999999']) {
    assert.equal((await page.goto(showcase.url(`/activity?before=${nonsense}`))).status(), 404);
  }
  await page.goto(showcase.url('/activity?before=1'));
  await page.getByText('Nothing more.').waitFor();
});

/** All entries in the database, the newest first. */
async function stored() {
  const all = [];
  for (;;) {
    const answer = await fetch(showcase.url(`/activity/entries?after=${all.at(-1)?.id ?? 0}`));
    const entries = await answer.json();
    if (entries.length === 0) {
      return all.toReversed();
    }
    all.push(...entries);
  }
}

async function older(page) {
  const before = page.url();
  await Promise.all([page.waitForURL((url) => url.href !== before), page.getByRole('link', { name: 'Older' }).click()]);
}

/** What a form of this page sends. */
async function post(page, path, fields) {
  const answer = await forge(page, showcase.url(path), { _token: await token(page), ...fields });
  assert.ok(answer.ok(), `${path}: ${answer.status()}`);
}

function text({ name, did }) {
  return `${name} ${did}`;
}

function texts(page) {
  return page.locator('#feed li > a').allTextContents();
}

/** Waits until the page shows these texts. */
function same(page, expected) {
  return page.waitForFunction((expected) => {
    return JSON.stringify([...document.querySelectorAll('#feed li > a')].map((link) => link.textContent)) === expected;
  }, JSON.stringify(expected));
}

/** Waits until the first one is there, and fails unless the page shows all of them, in this order, and nothing else. */
async function shows(page, entries) {
  await page.locator(`#feed li[data-id="${entries[0].id}"]`).waitFor();
  const shown = await page.locator('#feed li').evaluateAll((items) => items.map(({ dataset }) => Number(dataset.id)));
  assert.deepEqual(shown, entries.map(({ id }) => id));
  assert.deepEqual(await texts(page), entries.map(text));
}
