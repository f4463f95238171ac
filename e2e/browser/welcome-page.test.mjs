import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';

import { Site, openPage, startBrowser } from '../support/browser.mjs';
import { APP, Server } from '../support/server.mjs';

const DEVELOPMENT = { id: 'resound', key: 'resound-key', secret: 'resound-secret' };

const server = await Server.start({ apps: [] });
const site = await Site.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), server.stop(), site.stop()]));
const publisher = server.publisher(DEVELOPMENT);

test('a person sees the connection, subscribes, sends an event and sees it arrive', async (t) => {
  const page = await openWelcome(t, server.url());
  assert.match(await page.getByRole('status').textContent(), /Connected/);

  await page.getByLabel('Listen on a channel').fill('news');
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await logged(page, 'Subscribed to news');
  assert.deepEqual(await page.getByRole('list', { name: 'Subscribed channels' }).allInnerTexts(), ['news\n×']);

  await page.getByLabel('Event', { exact: true }).fill('article.published');
  await page.getByLabel('Data').fill('{"title": "Hello, Zoë 😀"}');
  await page.getByRole('button', { name: 'Send event' }).click();
  await logged(page, 'Sent article.published to news');
  const received = await logged(page, 'Received article.published on news');
  assert.match(received, /after \d+ ms/);
  assert.match(received, /"title": "Hello, Zoë 😀"/);
  assert.deepEqual(page.complaints, []);
});

test('an event that an application publishes arrives on the page, in every tab', async (t) => {
  const tabs = [await openWelcome(t, server.url()), await openWelcome(t, server.url())];
  for (const page of tabs) {
    await page.getByLabel('Listen on a channel').fill('orders');
    await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
    await logged(page, 'Subscribed to orders');
  }
  await publisher.trigger('orders', 'App\\Events\\OrderShipped', { id: 7 });
  for (const page of tabs) {
    assert.match(await logged(page, 'Received App\\Events\\OrderShipped on orders'), /"id": 7/);
    assert.deepEqual(page.complaints, []);
  }
});

test('sending subscribes by itself, and what the server refuses is shown', async (t) => {
  const page = await openWelcome(t, server.url());
  await page.getByLabel('Listen on a channel').fill('at-once');
  await page.getByRole('button', { name: 'Send event' }).click();
  await logged(page, 'Received article.published on at-once');

  await page.getByLabel('Event', { exact: true }).fill('pusher:forged');
  await page.getByRole('button', { name: 'Send event' }).click();
  await logged(page, 'Refused');
});

test('the page says so when the server is gone', async (t) => {
  const first = await Server.start({ apps: [] });
  t.after(() => first.stop());
  const page = await openWelcome(t, first.url());
  await first.kill();
  await state(page, 'unavailable');
  assert.match(await page.getByRole('status').textContent(), /Not reachable/);
});

test('the page works behind a prefix', async (t) => {
  const prefixed = await Server.start({ apps: [], settings: { path: '/realtime' } });
  t.after(() => prefixed.stop());
  const page = await openWelcome(t, prefixed.url('/realtime/'));
  await page.getByRole('button', { name: 'Send event' }).click();
  await logged(page, 'Received article.published on news');
  assert.deepEqual(page.complaints, []);
});

test('the page of a real application has no secret and still shows what arrives', async (t) => {
  const real = await Server.start();
  t.after(() => real.stop());
  const page = await openWelcome(t, real.url());
  assert.ok(!(await page.content()).includes(APP.secret));
  assert.equal(await page.getByRole('button', { name: 'Send event' }).isVisible(), false);
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await logged(page, 'Subscribed to news');
  await real.publisher().trigger('news', 'e', { n: 1 });
  await logged(page, 'Received e on news');
  assert.deepEqual(page.complaints, []);
});

test('a page of another origin cannot publish through the welcome page', async (t) => {
  const page = await openPage(t, browser, site.put('/foreign', '<!doctype html><title>Foreign</title>'));
  const attempt = (headers) =>
    page.evaluate(
      async ([url, sent]) => {
        const body = JSON.stringify({ name: 'forged', channel: 'news', data: '{}' });
        try {
          return (await fetch(url, { method: 'POST', headers: sent, body })).status;
        } catch (error) {
          return error.name;
        }
      },
      [server.url('/welcome/events'), headers],
    );
  const witness = await openWelcome(t, server.url());
  await witness.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await logged(witness, 'Subscribed to news');
  assert.notEqual(await attempt({ 'X-Requested-With': 'resound-welcome' }), 200);
  assert.notEqual(await attempt({ 'Content-Type': 'text/plain' }), 200);
  await publisher.trigger('news', 'fence', {});
  await logged(witness, 'Received fence on news');
  assert.ok(!(await witness.getByRole('log').innerText()).includes('forged'));
});

test('the page brings the unmodified pusher-js with it', async () => {
  const published = new URL('../node_modules/pusher-js-8/dist/web/pusher.min.js', import.meta.url);
  const served = await (await fetch(server.url('/pusher.js'))).text();
  assert.equal(served, await readFile(published, 'utf8'));
});

/** Opens the page and waits until it is connected. */
async function openWelcome(t, url) {
  const page = await openPage(t, browser, url);
  await state(page, 'connected');
  return page;
}

function state(page, name) {
  return page.locator(`[role=status][data-state=${name}]`).waitFor();
}

/** The text of the line of the log that begins so, after its time. */
async function logged(page, text) {
  const line = page.getByRole('log').getByRole('listitem').filter({ hasText: text }).first();
  await line.waitFor();
  return line.innerText();
}
