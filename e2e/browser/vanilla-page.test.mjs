import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { BUILDS, Site, openPage, startBrowser } from '../support/browser.mjs';
import { APP, Server } from '../support/server.mjs';

const masterKey = randomBytes(32).toString('base64');
const server = await Server.start();
const application = await Application.start({ masterKey });
const site = await Site.start();
const browser = await startBrowser();
after(() =>
  Promise.all([browser.close(), server.stop(), application.stop(), site.stop()]),
);
const publisher = server.publisher(APP, { encryptionMasterKeyBase64: masterKey });

let pages = 0;

for (const [name, pusher, echo] of BUILDS) {
  test(`a page without a framework connects with the builds of ${name} and receives`, async (t) => {
    const page = await openPage(t, browser, vanilla({ pusher, echo }));
    await page.waitForFunction(() => window.Echo.socketId());
    await joined(page, () => window.Echo.channel('orders'));
    await page.evaluate(() => {
      window.Echo.channel('orders').listen('OrderShipped', (event) => {
        document.querySelector('#received').textContent = event.text;
      });
    });
    await publisher.trigger('orders', 'App\\Events\\OrderShipped', { text: 'Zoë 😀 \u2028 שלום' });
    await page.waitForFunction(() => document.querySelector('#received').textContent !== '');
    assert.equal(await page.textContent('#received'), 'Zoë 😀 \u2028 שלום');
    assert.deepEqual(page.complaints, []);
  });

  test(`an event reaches the page as a CustomEvent with ${name}`, async (t) => {
    const page = await openPage(t, browser, vanilla({ pusher, echo }));
    // In the bundle: Echo hands the event on. In a Blade file: the page listens to the window.
    await page.evaluate(() => {
      window.addEventListener('new-chat-message', ({ detail }) => {
        document.querySelector('#received').textContent = `${detail.user}: ${detail.message}`;
      });
    });
    await joined(page, () =>
      window.Echo.channel('chat').listen('NewChatMessage', (e) =>
        window.dispatchEvent(new CustomEvent('new-chat-message', { detail: e })),
      ),
    );
    await publisher.trigger('chat', 'App\\Events\\NewChatMessage', { user: 'Bo', message: 'hello' });
    await page.waitForFunction(() => document.querySelector('#received').textContent !== '');
    assert.equal(await page.textContent('#received'), 'Bo: hello');
    assert.deepEqual(page.complaints, []);
  });

  test(`two pages see each other and whisper with ${name}`, async (t) => {
    const [zoe, bo] = [
      await openPage(t, browser, vanilla({ pusher, echo, user: 'zoe' })),
      await openPage(t, browser, vanilla({ pusher, echo, user: 'bo' })),
    ];
    const enter = (page) =>
      page.evaluate(() => {
        window.seen = { here: null, joined: [], left: [], whispers: [] };
        return new Promise((resolve) => {
          window.Echo.join('room')
            .here((members) => resolve((window.seen.here = members.map(({ name }) => name))))
            .joining(({ name }) => window.seen.joined.push(name))
            .leaving(({ name }) => window.seen.left.push(name))
            .listenForWhisper('typing', ({ name }) => window.seen.whispers.push(name));
        });
      });
    assert.deepEqual(await enter(zoe), ['Zoë']);
    assert.deepEqual((await enter(bo)).sort(), ['Bo', 'Zoë']);
    await zoe.waitForFunction(() => window.seen.joined.length === 1);
    await bo.evaluate(() => window.Echo.join('room').whisper('typing', { name: 'Bo' }));
    await zoe.waitForFunction(() => window.seen.whispers.length === 1);
    await bo.close();
    await zoe.waitForFunction(() => window.seen.left.length === 1);
    assert.deepEqual(await zoe.evaluate(() => window.seen), {
      here: ['Zoë'],
      joined: ['Bo'],
      left: ['Bo'],
      whispers: ['Bo'],
    });
    assert.deepEqual([zoe.complaints, bo.complaints], [[], []]);
  });

  test(`the build with encryption decrypts with ${name}`, async (t) => {
    const page = await openPage(t, browser, vanilla({ pusher: `${pusher}-with-encryption`, echo }));
    await joined(page, () => {
      const channel = window.Echo.encryptedPrivate('secrets');
      return channel.listen('.said', ({ text }) => {
        document.querySelector('#received').textContent = text;
      });
    });
    await publisher.trigger('private-encrypted-secrets', 'said', { text: 'between us' });
    await page.waitForFunction(() => document.querySelector('#received').textContent !== '');
    assert.equal(await page.textContent('#received'), 'between us');
    assert.deepEqual(page.complaints, []);
  });
}

test('the snippet of the banner connects when it is pasted into a page', async (t) => {
  const [snippet] = server.output.match(/new Echo\(\{[^]*?\}\)/) ?? [];
  assert.ok(snippet, `no Echo snippet in the banner:\n${server.output}`);
  const page = await openPage(t, browser, pageWith('8', '2', `window.Echo = ${snippet};`));
  await joined(page, () =>
    window.Echo.channel('pasted').listen('.e', ({ n }) => {
      document.querySelector('#received').textContent = n;
    }),
  );
  await publisher.trigger('pasted', 'e', { n: 7 });
  await page.waitForFunction(() => document.querySelector('#received').textContent === '7');
  assert.deepEqual(page.complaints, []);
});

/** Waits until the channel that the expression makes is subscribed. */
function joined(page, channel) {
  return page.evaluate(
    (source) =>
      new Promise((resolve, reject) => {
        eval(`(${source})()`).subscribed(resolve).error((error) => reject(new Error(JSON.stringify(error))));
      }),
    channel.toString(),
  );
}

/** The URL of a page that starts Echo as Laravel's stub does. */
function vanilla({ pusher, echo, user = 'zoe' }) {
  const options = {
    broadcaster: 'reverb',
    key: APP.key,
    wsHost: '127.0.0.1',
    wsPort: server.port,
    wssPort: server.port,
    forceTLS: false,
    enabledTransports: ['ws', 'wss'],
    ...application.echoOptions(user),
  };
  return pageWith(pusher, echo, `window.Echo = new Echo(${JSON.stringify(options)});`);
}

function pageWith(pusher, echo, script) {
  // The build for browsers without modules leaves a class (1) or a module with a default (2) in `Echo`.
  pages += 1;
  return site.put(
    `/page-${pages}`,
    `<!doctype html><meta charset="utf-8"><title>A page</title><p id="received"></p>
<script src="/pusher-${pusher}.js"></script>
<script src="/echo-${echo}.js"></script>
<script>Echo = Echo.default ?? Echo; ${script}</script>`,
  );
}
