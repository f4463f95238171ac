import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';

import { startBrowser } from '../support/browser.mjs';
import { Showcase, forge, inspect, signIn } from '../support/showcase.mjs';

const showcase = await Showcase.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), showcase.stop()]));

test('the front page leads to every page, and every page to its code', async (t) => {
  const page = await showcase.visit(t, browser, '/');
  await inspect(page, 'index');
  const pages = await page.locator('.cards a').evaluateAll((links) => links.map((link) => link.href));
  assert.ok(pages.length >= 2);
  for (const url of pages) {
    await page.goto(url);
    await page.getByRole('link', { name: 'The code of this page' }).click();
    await page.locator('summary').getByText('mod.rs').waitFor();
    assert.match(await page.locator('pre').first().textContent(), /pub const PAGE: Page/);
  }
  await inspect(page, 'code');
  // What was still on its way when the page was left is none.
  assert.deepEqual(page.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
});

test('a guest becomes a user and a guest again, also without JavaScript', async (t) => {
  for (const javaScriptEnabled of [true, false]) {
    const context = await browser.newContext({ javaScriptEnabled });
    t.after(() => context.close());
    const page = await context.newPage();
    await page.goto(showcase.url('/chat/1'));
    assert.match(await page.locator('#who summary').innerText(), /Guest/);
    await signIn(page, 'Alan Turing');
    assert.equal(page.url(), showcase.url('/chat/1'));
    assert.match(await page.locator('#who summary').innerText(), /Alan Turing/);
    await signIn(page, 'A guest');
    assert.match(await page.locator('#who summary').innerText(), /Guest/);
  }
});

test('it works by keyboard', async (t) => {
  const page = await showcase.visit(t, browser, '/chat/1');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'To the content');
  await page.locator('#who summary').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await inspect(page, 'menu');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
  await page.locator('#text').focus();
  await page.keyboard.type('by keyboard');
  await page.keyboard.press('Enter');
  await page.locator('#messages .text').getByText('by keyboard').waitFor();
});

test('nobody becomes somebody by a forged form or a cookie of their own', async (t) => {
  const page = await showcase.visit(t, browser, '/', 'Ada Lovelace');
  assert.equal((await forge(page, showcase.url('/session'), { user: '2' })).status(), 403);
  await page.reload();
  assert.match(await page.locator('#who summary').innerText(), /Ada Lovelace/);
  const [cookie] = await page.context().cookies();
  assert.equal(cookie.httpOnly, true);
  await page.context().addCookies([{ ...cookie, value: cookie.value.replace('.1.', '.2.') }]);
  await page.reload();
  assert.match(await page.locator('#who summary').innerText(), /Guest/);
});

test('a page runs no script but the application’s own', async (t) => {
  const page = await showcase.visit(t, browser, '/');
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.ran = true">');
    return new Promise((resolve) => setTimeout(() => resolve(window.ran), 100));
  });
  assert.equal(ran, undefined);
});

test('an address that does not exist is a page that says so', async (t) => {
  const page = await showcase.visit(t, browser, '/');
  const response = await page.goto(showcase.url('/nowhere'));
  assert.equal(response.status(), 404);
  await page.getByRole('heading', { name: 'There is nothing here.' }).waitFor();
});

test('Echo and pusher-js are served as npm has them', async () => {
  for (const [served, published] of [
    ['laravel-echo/echo.js', 'laravel-echo-2/dist/echo.js'],
    ['pusher-js/pusher.min.js', 'pusher-js-8/dist/web/pusher.min.js'],
  ]) {
    const text = await (await fetch(showcase.url(`/assets/vendor/${served}`))).text();
    assert.equal(text, await readFile(new URL(`../node_modules/${published}`, import.meta.url), 'utf8'));
  }
});
