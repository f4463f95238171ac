/** Pages that use Echo over Socket.IO, from another origin than the server's, as they always are. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Site, openPage, startBrowser } from '../support/browser.mjs';
import { Laravel, MEMBERS } from '../support/laravel.mjs';
import { Redis } from '../support/redis.mjs';
import { APP, Server } from '../support/server.mjs';
import { Wire } from '../support/wire.mjs';

const redis = await Redis.start();
const laravel = await Laravel.start({ redis });
const server = await Server.start({
  env: { RESOUND_REDIS_URL: redis.url, REDIS_PREFIX: 'laravel_database_', RESOUND_AUTH_HOST: laravel.url('') },
});
const site = await Site.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), server.stop(), laravel.stop(), redis.stop(), site.stop()]));
const publisher = server.publisher();

let pages = 0;

for (const [name, io, echo] of [
  ['socket.io-client 2.5 and Echo 1', '2', '1'],
  ['socket.io-client 2.5 and Echo 2', '2', '2'],
  ['socket.io-client 3.1 and Echo 2', '3', '2'],
  ['socket.io-client 4.8 and Echo 2', '4', '2'],
]) {
  for (const [how, transports, carried] of [
    ['polling', ['polling'], 'polling'],
    ['a WebSocket', ['websocket'], 'websocket'],
    ['polling that is upgraded', ['polling', 'websocket'], 'websocket'],
  ]) {
    test(`a page of another origin is known by its cookies over ${how}, with ${name}`, async (t) => {
      // socket.io-client sends cookies to another origin by itself until version 2.
      const page = await visit(t, 7, [`/socket.io-${io}.js`], echo, socketIo({ transports, withCredentials: true }));
      const room = `room.${io}.${echo}.${carried}.${transports.length}`.replaceAll('.', '-').replace('-', '.');
      assert.deepEqual(await enter(page, room), [MEMBERS[7]]);
      await page.waitForFunction(
        (name) => window.Echo.connector.socket.io.engine.transport.name === name,
        carried,
      );
      await laravel.publish([{ channels: [['presence', room]], post: { text: '✅ 😀 عربى \u2028' } }]);
      await page.waitForFunction(() => window.seen.posts.length === 1);
      assert.deepEqual(await page.evaluate(() => window.seen.posts), [{ text: '✅ 😀 عربى \u2028' }]);
      const [{ headers, status }] = await laravel.authorisations(`presence-${room}`);
      assert.equal(status, 200);
      assert.match(headers.cookie, /laravel_session=/);
      assert.deepEqual(page.complaints, []);
    });
  }
}

test('a page with its own script tag takes socket.io.js from the server', async (t) => {
  for (const echo of ['1', '2']) {
    const script = `http://127.0.0.1:${server.port}/socket.io/socket.io.js`;
    const page = await visit(t, 8, [script], echo, socketIo({ withCredentials: true }));
    assert.deepEqual(await enter(page, `room.served-${echo}`), [MEMBERS[8]]);
    await publisher.trigger(`presence-room.served-${echo}`, 'App\\Events\\Posted', { post: { n: 1 } });
    await page.waitForFunction(() => window.seen.posts.length === 1);
    assert.deepEqual(page.complaints, []);
  }
});

test('a page with socket.io and a page with reverb share one port, one room and one order', async (t) => {
  const zoe = await visit(t, 7, ['/socket.io-4.js'], '2', socketIo({ withCredentials: true }));
  const bo = await visit(t, 8, ['/pusher-8.js'], '2', reverb());
  assert.deepEqual(await enter(zoe, 'room.shared'), [MEMBERS[7]]);
  assert.deepEqual((await enter(bo, 'room.shared')).sort((a, b) => a.id - b.id), [MEMBERS[7], MEMBERS[8]]);
  await zoe.waitForFunction(() => window.seen.joined.length === 1);
  await bo.evaluate(() => window.Echo.join('room.shared').whisper('typing', { by: 'Bo' }));
  await zoe.waitForFunction(() => window.seen.whispers.length === 1);
  await zoe.evaluate(() => window.Echo.join('room.shared').whisper('typing', { by: 'Zoë' }));
  await bo.waitForFunction(() => window.seen.whispers.length === 1);

  const post = (n) => ({ channels: [['presence', 'room.shared']], post: { n } });
  await Promise.all([
    laravel.publish(Array.from({ length: 20 }, (_, n) => post(n))),
    (async () => {
      for (let n = 100; n < 120; n++) {
        await publisher.trigger('presence-room.shared', 'App\\Events\\Posted', { post: { n } });
      }
    })(),
  ]);
  for (const page of [zoe, bo]) {
    await page.waitForFunction(() => window.seen.posts.length === 40);
  }
  assert.deepEqual(await zoe.evaluate(() => window.seen.posts), await bo.evaluate(() => window.seen.posts));

  // The sender is excluded by the id that the page's requests carry.
  const socketId = await zoe.evaluate(() => window.Echo.socketId());
  await laravel.publish([{ ...post(200), toOthers: true }], socketId);
  await laravel.publish([post(201)]);
  await zoe.waitForFunction(() => window.seen.posts.length === 41);
  await bo.waitForFunction(() => window.seen.posts.length === 42);
  assert.deepEqual(await zoe.evaluate(() => window.seen.posts.at(-1)), { n: 201 });
  await zoe.close();
  await bo.waitForFunction(() => window.seen.left.length === 1);
  assert.deepEqual(await bo.evaluate(() => window.seen.left), [MEMBERS[7]]);
});

test('a page whose connection is cut misses nothing', async (t) => {
  for (const transports of [['websocket'], ['polling']]) {
    const wire = await Wire.start(server.port);
    t.after(() => wire.stop());
    const options = { transports, withCredentials: true, reconnectionDelay: 20, host: `127.0.0.1:${wire.port}` };
    const page = await visit(t, 7, ['/socket.io-4.js'], '2', socketIo(options));
    const room = `room.cut-${transports}`;
    await enter(page, room);
    const publish = (n) => publisher.trigger(`presence-${room}`, 'App\\Events\\Posted', { post: { n } });
    await publish(1);
    await page.waitForFunction(() => window.seen.posts.length === 1);
    const id = await page.evaluate(() => window.Echo.socketId());
    wire.break();
    await page.waitForFunction(() => !window.Echo.connector.socket.connected);
    await publish(2);
    await publish(3);
    wire.mend();
    await page.waitForFunction(() => window.seen.posts.length === 3);
    await publish(4);
    await page.waitForFunction(() => window.seen.posts.length === 4);
    assert.deepEqual(await page.evaluate(() => window.seen.posts.map(({ n }) => n)), [1, 2, 3, 4]);
    assert.equal(await page.evaluate(() => window.Echo.socketId()), id);
    assert.equal(await page.evaluate(() => window.Echo.connector.socket.recovered), true);
  }
});

/** Echo's options for Socket.IO: a host and a port, as in every tutorial. */
function socketIo(options) {
  return { broadcaster: 'socket.io', host: `127.0.0.1:${server.port}`, ...options };
}

function reverb() {
  return {
    broadcaster: 'reverb',
    key: APP.key,
    wsHost: '127.0.0.1',
    wsPort: server.port,
    wssPort: server.port,
    forceTLS: false,
    enabledTransports: ['ws', 'wss'],
    authEndpoint: laravel.url('/signed/broadcasting/auth'),
    auth: { headers: laravel.bearer(8) },
  };
}

/** Opens a page as a user who is logged in to Laravel with this browser. */
async function visit(t, user, scripts, echo, options) {
  pages += 1;
  const tags = scripts.map((source) => `<script src="${source}"></script>`).join('\n');
  const url = site.put(
    `/page-${pages}`,
    `<!doctype html><meta charset="utf-8"><title>A page</title>
${tags}
<script src="/echo-${echo}.js"></script>
<script>
  Echo = Echo.default ?? Echo;
  window.seen = { posts: [], joined: [], left: [], whispers: [] };
  window.Echo = new Echo(${JSON.stringify(options)});
</script>`,
  );
  const page = await openPage(t, browser, 'about:blank');
  await page.context().request.get(laravel.url(`/login/${user}`));
  await page.goto(url);
  return page;
}

/** Enters a presence channel and answers who is there. */
function enter(page, room) {
  return page.evaluate(
    (name) =>
      new Promise((resolve) => {
        window.Echo.join(name)
          .here(resolve)
          .joining((member) => window.seen.joined.push(member))
          .leaving((member) => window.seen.left.push(member))
          .listen('Posted', ({ post }) => window.seen.posts.push(post))
          .listenForWhisper('typing', (data) => window.seen.whispers.push(data));
      }),
    room,
  );
}
