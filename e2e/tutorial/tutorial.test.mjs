/** docs/tutorial.md: each of its steps is done, and looked at in browsers. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { openPage, startBrowser } from '../support/browser.mjs';
import { BINARY } from '../support/server.mjs';
import { crash } from '../support/showcase.mjs';
import { Reader, replaced, steps } from '../support/tutorial.mjs';

const markdown = await readFile(new URL('../../docs/tutorial.md', import.meta.url), 'utf8');
const all = steps(markdown);
const reader = await Reader.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), reader.stop()]));

// Each goes on where the one before has ended.
const looks = {
  '1. An empty project': async () => {
    assert.match(await (await fetch(reader.url('/'))).text(), /Chat/);
  },

  '2. An event reaches every page': async (t) => {
    const [one, other] = await Promise.all([openPage(t, browser, reader.url('/')), openPage(t, browser, reader.url('/'))]);
    await Promise.all([subscribed(one, 'chat'), subscribed(other, 'chat')]);
    await write(one, 'To both');
    await Promise.all([seen(one, 'To both'), seen(other, 'To both')]);
    await fetch(reader.url('/messages'), { method: 'POST', body: new URLSearchParams({ text: 'by hand' }) });
    await Promise.all([seen(one, 'by hand'), seen(other, 'by hand')]);
  },

  '3. People, rooms, and a history': async (t) => {
    const [ada, grace] = await Promise.all([visit(t, 'ada'), visit(t, 'grace')]);
    await Promise.all([subscribed(ada, 'chat.1'), subscribed(grace, 'chat.1')]);
    await write(ada, '<b>one</b>');
    await seen(grace, 'ada: <b>one</b>');
    await reader.kill();
    await reader.restart();
    await Promise.all([connected(ada), connected(grace)]);
    await write(grace, 'two');
    await seen(ada, 'grace: two');
    for (const page of [ada, grace]) {
      assert.deepEqual(await texts(page), ['ada: Hello', 'ada: <b>one</b>', 'grace: two']);
      await page.reload();
      await seen(page, 'grace: two');
      assert.deepEqual(await texts(page), ['ada: Hello', 'ada: <b>one</b>', 'grace: two']);
    }
    // What is missed is fetched.
    await grace.context().setOffline(true);
    await write(ada, 'missed');
    await reader.restart();
    await grace.context().setOffline(false);
    await seen(grace, 'ada: missed');
  },

  '4. Who is here, and who may be': async (t) => {
    const [ada, grace] = await Promise.all([visit(t, 'ada'), visit(t, 'grace')]);
    await Promise.all([here(ada, 'ada, grace'), here(grace, 'ada, grace')]);
    const second = await ada.context().newPage();
    await second.goto(ada.url());
    await here(second, 'ada, grace');
    await crash(ada);
    await write(second, 'still here');
    await seen(grace, 'ada: still here');
    await here(grace, 'ada, grace');
    await crash(second);
    await here(grace, 'grace');
    const linus = await visit(t, 'linus', 2);
    await connected(linus);
    assert.equal(await linus.locator('#here').textContent(), '');
  },

  '5. Who is typing': async (t) => {
    await reader.restart();
    const [ada, grace] = await Promise.all([visit(t, 'ada'), visit(t, 'grace')]);
    await Promise.all([here(ada, 'ada, grace'), here(grace, 'ada, grace')]);
    await typing(ada, grace);
    await ada.getByLabel('Message').pressSequentially('in the middle of');
    await says(grace, 'ada …');
    await crash(ada);
    await says(grace, '');
    await here(grace, 'grace');
  },

  '6. Tests': async () => {
    assert.match(reader.output, /test result: ok\. 2 passed; 0 failed/);
  },

  '7. A server of its own': async (t) => {
    const [ada, grace] = await Promise.all([visit(t, 'ada', 1, 3000), visit(t, 'grace', 1, 3001)]);
    await Promise.all([here(ada, 'ada, grace'), here(grace, 'ada, grace')]);
    await write(ada, 'from one process to the other');
    await seen(grace, 'ada: from one process to the other');
    assert.equal((await texts(ada)).filter((text) => text.endsWith('to the other')).length, 1);
    await typing(ada, grace);
    await reader.restart();
    await write(grace, 'still connected');
    await seen(ada, 'grace: still connected');
  },

  'What next': async () => {},
};

let done = 0;
for (const [n, step] of all.entries()) {
  test(step.title, async (t) => {
    assert.equal(done, n, 'the step before has failed');
    assert.ok(looks[step.title], 'nobody looks at this step');
    await reader.do(step);
    await looks[step.title](t);
    done += 1;
  });
}

test('every file that the tutorial refers to is there', async () => {
  const targets = [...markdown.matchAll(/\]\((?!http)([\w./-]+\.\w+)/g)].map(([, target]) => target);
  assert.ok(targets.length > 5);
  await Promise.all(targets.map((target) => readFile(new URL(`../../docs/${target}`, import.meta.url))));
});

test('the environment in docs/laravel.md is what `resound init` writes', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'resound-init-'));
  t.after(() => rm(directory, { recursive: true }));
  await promisify(execFile)(BINARY, ['init'], { cwd: directory });
  const written = await readFile(path.join(directory, '.env'), 'utf8');
  const [, shown] = /```ini\n([^`]*)```/.exec(await readFile(new URL('../../docs/laravel.md', import.meta.url), 'utf8'));
  const withoutSecrets = (text) => text.replace(/^(REVERB_APP_\w+)=.*$/gm, '$1=').trim();
  assert.equal(withoutSecrets(shown), withoutSecrets(written));
});

test('an item is replaced with its attributes, and nothing else is', () => {
  const source = 'mod a;\n\n/// Why.\n#[x]\nfn b(\n    y: u8,\n) {\n    z\n}\n\nfn c() {}\n';
  assert.equal(replaced(source, 'fn b', 'fn d() {}\n'), 'mod a;\n\nfn d() {}\n\nfn c() {}\n');
  assert.throws(() => replaced(source, 'fn e', ''));
});

/** Somebody's browser, in a room. */
async function visit(t, name, room = 1, port = 3000) {
  const page = await openPage(t, browser, reader.url('/', port));
  await Promise.all([page.waitForURL(/rooms\/1$/), page.getByRole('button', { name }).click()]);
  if (room !== 1) {
    await page.goto(reader.url(`/rooms/${room}`, port));
  }
  return page;
}

/** Waits until pusher-js of the page is connected: its module is the same for whoever imports it. */
function connected(page) {
  return page.waitForFunction(() => window.Pusher?.instances[0]?.connection.state === 'connected');
}

function subscribed(page, channel) {
  return page.waitForFunction((name) => window.Pusher?.instances[0]?.channel(name)?.subscribed, channel);
}

async function write(page, text) {
  await page.getByLabel('Message').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

function seen(page, text) {
  return page.locator('#messages li').getByText(text, { exact: true }).first().waitFor();
}

function texts(page) {
  return page.locator('#messages li').allTextContents();
}

function here(page, names) {
  return page.waitForFunction((text) => document.getElementById('here').textContent === text, `Here: ${names}`);
}

function says(page, text) {
  return page.waitForFunction((text) => document.getElementById('typing').textContent === text, text);
}

async function typing(from, to) {
  await from.getByLabel('Message').pressSequentially('hm');
  await says(to, 'ada …');
  await says(to, '');
}
