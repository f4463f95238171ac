/** Echo's options as the library renders them, evaluated as a browser does, given to the real Echo. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import vm from 'node:vm';

import Echo from 'laravel-echo-2';
import Pusher from 'pusher-js-8';

import { callback, subscribed } from '../support/clients.mjs';
import { example } from '../support/example.mjs';
import { APP, Server } from '../support/server.mjs';

const server = await Server.start();
after(() => server.stop());

const KEYS = { REVERB_APP_ID: APP.id, REVERB_APP_KEY: APP.key, REVERB_APP_SECRET: APP.secret };

/** What the example prints with these variables. */
async function rendered(form, env) {
  const text = await example('front_end', { args: [form], env: { ...KEYS, ...env } });
  assert.ok(!text.includes(APP.secret));
  return text.trim();
}

/** What `window.resound` is on a page of this address, after its script. */
function onPage(html, location) {
  const [, script] = /^<script[^>]*>(.*)<\/script>$/s.exec(html);
  const window = {};
  vm.runInNewContext(script, { window, location: new URL(location) });
  // As objects of this world, which assertions compare.
  return structuredClone(JSON.parse(JSON.stringify(window.resound)));
}

async function hears(t, options) {
  const echo = new Echo({ ...options, Pusher, withoutInterceptors: true });
  t.after(() => echo.disconnect());
  const heard = callback();
  const channel = echo.channel('news').listen('Published', heard);
  await subscribed(channel);
  await server.publisher().trigger('news', 'App\\Events\\Published', { id: 1 });
  assert.deepEqual(await heard.next(), { id: 1 });
  assert.equal(echo.connector.pusher.config.authEndpoint ?? options.authEndpoint, '/broadcasting/auth');
}

const named = () => ({
  BROADCAST_CONNECTION: 'reverb',
  REVERB_HOST: 'reverb.internal',
  VITE_REVERB_HOST: '127.0.0.1',
  VITE_REVERB_PORT: String(server.port),
  VITE_REVERB_SCHEME: 'http',
});

test('Echo takes the options of a script with a host as they are', async (t) => {
  const html = await rendered('nonce', named());
  assert.ok(html.startsWith('<script nonce="c2VjcmV0">'));
  await hears(t, onPage(html, 'https://shop.example/'));
});

test('Echo takes the options of a meta tag and of JSON as they are', async (t) => {
  const [, content] = /^<meta name="resound" content="(.*)">$/.exec(await rendered('meta', named()));
  const json = await rendered('json', named());
  assert.equal(content.replaceAll('&quot;', '"').replaceAll('&amp;', '&'), json);
  await hears(t, JSON.parse(json));
});

test('on the same origin the browser says where the server is', async (t) => {
  const html = await rendered('script', { BROADCAST_CONNECTION: 'redis' });
  await hears(t, onPage(html, `http://127.0.0.1:${server.port}/orders`));
  const { wsHost, wsPort, wssPort, forceTLS } = onPage(html, 'https://shop.example/orders');
  assert.deepEqual({ wsHost, wsPort, wssPort, forceTLS }, { wsHost: 'shop.example', wsPort: 443, wssPort: 443, forceTLS: true });
  const plain = onPage(html, 'http://shop.example/');
  assert.deepEqual([plain.wsPort, plain.forceTLS], [80, false]);
});

test('hostile values stay values', async () => {
  const key = '</script><script>alert(1)</script>\u2028"\'<!--';
  const env = { ...named(), REVERB_APP_KEY: key };
  const html = await example('front_end', { args: ['script'], env: { ...KEYS, ...env } });
  assert.equal(html.match(/<\/?script/g).length, 2);
  assert.equal(onPage(html.trim(), 'https://shop.example/').key, key);
});
