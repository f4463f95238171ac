/** What Laravel publishes through Redis, with any client and prefix; and a Redis that goes and comes. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Client, PUSHERS } from '../support/clients.mjs';
import { until } from '../support/inbox.mjs';
import { Laravel } from '../support/laravel.mjs';
import { Redis } from '../support/redis.mjs';
import { Server } from '../support/server.mjs';

const [[, Pusher]] = PUSHERS;
const CREATED = 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated';

// What other programs publish, or Laravel does not finish.
const FOREIGN = [
  '',
  'text',
  '"e"',
  '7',
  'null',
  '[]',
  '{}',
  '{"data":{}}',
  '{"event":7,"data":{}}',
  '{"event":"e","data":{}',
  '\u0000\u00ff',
];

const redis = await Redis.start();
after(() => redis.stop());

// [what, the .env of the application, the prefix that comes of it]
const PREFIXES = [
  ['the name of an application', { APP_NAME: 'My App' }, 'my_app_database_'],
  ['no name', { APP_NAME: undefined }, 'laravel_database_'],
  ['an odd name', { APP_NAME: 'Zoë’s  Café & Co_2' }, undefined],
  ['the spelling of Laravel 13', { APP_NAME: 'My App', REDIS_PREFIX: 'my-app-database-' }, 'my-app-database-'],
  ['a prefix of its own', { REDIS_PREFIX: 'shop:*[live]:' }, 'shop:*[live]:'],
  ['no prefix', { REDIS_PREFIX: '' }, ''],
];

for (const client of ['phpredis', 'predis']) {
  for (const [what, env, prefix] of PREFIXES) {
    test(`an application with ${client} and ${what} is heard by its .env alone`, async (t) => {
      const laravel = await Laravel.start({ redis, env: { REDIS_CLIENT: client, ...env } });
      t.after(() => laravel.stop());
      const up = await (await fetch(laravel.url('/up'))).json();
      assert.deepEqual(up, { redis: prefix ?? up.redis, client });
      const server = await Server.start({ apps: null, files: { '.env': laravel.dotenv }, args: ['--redis'] });
      t.after(() => server.stop());
      const news = await (await Client.open(t, Pusher, server)).join('news');

      // EVAL by the broadcaster, and PUBLISH by hand over the same connection.
      const byAlias = { event: 'Named', post: { n: 2 } };
      await laravel.publish([{ post: { n: 1 } }, byAlias].map((one) => ({ channels: [['public', 'news']], ...one })));
      assert.deepEqual((await news.next('App\\Events\\Posted')).data.post, { n: 1 });
      assert.equal((await news.next('post.named')).data.n, 2);
      const message = JSON.stringify({ event: 'by hand', data: { n: 3 } });
      await laravel.post('/redis/publish', { channel: 'news', message });
      assert.deepEqual((await news.next('by hand')).data, { n: 3 });
    });
  }
}

test('the spelling of Laravel 13 is worked out from APP_NAME as well', async (t) => {
  const server = await start(t, { APP_NAME: 'My App' });
  const news = await (await Client.open(t, Pusher, server)).join('news');
  await redis.publish('my-app-database-news', { event: 'e', data: { n: 13 }, socket: null });
  await redis.publish('my_app_database_news', { event: 'e', data: { n: 12 }, socket: null });
  assert.deepEqual((await news.next('e')).data, { n: 13 });
  assert.deepEqual((await news.next('e')).data, { n: 12 });
});

test('a Redis with a password, and one behind a socket in the file system', async (t) => {
  const guarded = await Redis.start({ password: 'p@ss word/1' });
  t.after(() => guarded.stop());
  const laravel = await Laravel.start({ redis: guarded });
  t.after(() => laravel.stop());
  const encoded = `redis://:${encodeURIComponent(guarded.password)}@127.0.0.1:${guarded.port}`;
  const ways = [
    { args: ['--redis', encoded], env: { APP_NAME: 'Laravel' } },
    { files: { '.env': laravel.dotenv }, args: ['--redis'], apps: null },
    { args: ['--redis', `unix://${guarded.socket}?pass=${encodeURIComponent(guarded.password)}`] },
  ];
  for (const one of ways) {
    const server = await Server.start(one);
    t.after(() => server.stop());
    const news = await (await Client.open(t, Pusher, server)).join('news');
    await laravel.publish([{ channels: [['public', 'news']], post: { n: 1 } }]);
    assert.deepEqual((await news.next('App\\Events\\Posted')).data.post, { n: 1 });
    assert.doesNotMatch(JSON.stringify(server.logs.history), /p@ss|p%40ss/);
  }
});

test('a Redis behind TLS, whose certificate is looked at unless that is switched off', async (t) => {
  const trusting = await Server.start({
    args: ['--redis', `rediss://localhost:${redis.tlsPort}#insecure`],
    env: { REDIS_PREFIX: 'app_' },
  });
  t.after(() => trusting.stop());
  await ready(trusting);
  const news = await (await Client.open(t, Pusher, trusting)).join('news');
  await redis.publish('app_news', { event: 'e', data: { n: 1 } });
  assert.deepEqual((await news.next('e')).data, { n: 1 });

  const careful = await Server.start({ args: ['--redis', `rediss://localhost:${redis.tlsPort}`] });
  t.after(() => careful.stop());
  const warning = await careful.logs.next((line) => line.level === 'WARN' && line.url);
  assert.match(warning.reason, /certificate/);
  assert.equal((await fetch(careful.url('/ready'))).status, 503);
});

test('an application with another prefix is not heard and is named in the log', async (t) => {
  const laravel = await Laravel.start({ redis, env: { APP_NAME: 'Shop' } });
  t.after(() => laravel.stop());
  const server = await start(t, { APP_NAME: 'Store' });
  const news = await (await Client.open(t, Pusher, server)).join('news');
  const events = Array.from({ length: 3 }, () => ({ channels: [['public', 'news']], post: {} }));
  await laravel.publish(events);
  const warning = await server.logs.next((line) => line.prefix === 'shop_database_');
  assert.equal(warning.level, 'WARN');
  assert.match(JSON.stringify(warning), /store_database_/);
  await redis.publish('store_database_news', { event: 'fence', data: {} });
  await news.next('fence');
  assert.equal(news.all('App\\Events\\Posted').length, 0);
  assert.equal(server.logs.history.filter((line) => line.prefix === 'shop_database_').length, 1);
});

test('what is not from Laravel is skipped', async (t) => {
  const server = await start(t, { REDIS_PREFIX: 'app_' });
  const client = await Client.open(t, Pusher, server);
  const news = await client.join('news');
  for (const message of FOREIGN) {
    await redis.publish('app_news', message);
  }
  await redis.publish('app_', { event: 'e', data: {} });
  await redis.publish(`app_${'x'.repeat(5000)}`, { event: 'e', data: {} });
  await redis.publish('app_news', { event: 'e', data: { n: 1 }, socket: 'not-a-socket-id', more: {} });
  assert.deepEqual((await news.next('e')).data, { n: 1 });
  assert.equal(news.all('e').length, 1);
  assert.deepEqual(client.errors.history, []);
});

test('every kind of data arrives as it was sent', async (t) => {
  const server = await start(t, { REDIS_PREFIX: 'app_' });
  const news = await (await Client.open(t, Pusher, server)).join('news');
  const kinds = [{}, [], [1, [2]], 7, -0.5, true, null, 'text', '{"looks":"like JSON"}', '✅ 😀 عربى \u2028'];
  for (const data of kinds) {
    await redis.publish('app_news', { event: 'e', data, socket: null });
  }
  await redis.publish('app_news', { event: 'fence', data: {} });
  await news.next('fence');
  assert.deepEqual(news.all('e').map(({ data }) => data), kinds);
});

test('a server that starts before Redis waits for it', async (t) => {
  const late = await Redis.start();
  t.after(() => late.stop());
  await late.end();
  const server = await Server.start({ args: ['--redis', late.url], env: { REDIS_PREFIX: 'app_' } });
  t.after(() => server.stop());
  await until('the server is not ready', async () => (await fetch(server.url('/ready'))).status === 503);
  assert.equal((await fetch(server.url('/live'))).status, 200);
  const news = await (await Client.open(t, Pusher, server)).join('news');
  await late.begin();
  await ready(server);
  await late.publish('app_news', { event: 'e', data: { n: 1 } });
  assert.deepEqual((await news.next('e')).data, { n: 1 });
});

test('Redis is stopped and started again under load: nothing crashes, all goes on', async (t) => {
  const shaky = await Redis.start();
  t.after(() => shaky.stop());
  const laravel = await Laravel.start({ redis: shaky });
  t.after(() => laravel.stop());
  const server = await Server.start({ apps: null, files: { '.env': laravel.dotenv }, args: ['--redis'] });
  t.after(() => server.stop());
  await ready(server);
  const client = await Client.open(t, Pusher, server);
  const [news, orders] = await Promise.all([client.join('news'), client.join('orders')]);

  const publisher = server.publisher();
  const byHttp = new Load((n) => publisher.trigger('orders', 'Posted', { n }));
  // Laravel answers with an error while Redis is away.
  const byRedis = new Load((n) => laravel.publish([{ channels: [['public', 'news']], post: { n } }]).catch(() => {}));
  for (let round = 1; round <= 3; round++) {
    await news.next('App\\Events\\Posted');
    await shaky.end();
    await until('the server is not ready', async () => (await fetch(server.url('/ready'))).status === 503);
    // What is published over HTTP arrives without Redis.
    const away = byHttp.turn;
    await orders.next(({ data }) => data.n > away);
    await shaky.begin();
    await ready(server);
    const back = byRedis.turn;
    await news.next(({ data }) => data.post?.n > back);
  }
  await Promise.all([byRedis.stop(), byHttp.stop()]);

  // Each event once, in order, though some are missing of those through Redis.
  const numbers = news.all('App\\Events\\Posted').map(({ data }) => data.post.n);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
  const complete = orders.all('Posted').map(({ data }) => data.n);
  assert.deepEqual(complete, complete.map((_, n) => n));
  assert.equal(client.states.filter((state) => state === 'connected').length, 1);
  const lines = (message) => server.logs.history.filter((line) => line.message?.startsWith(message));
  assert.equal(lines('Redis is gone').length, 3);
  assert.equal(lines('Redis is back').length, 3);
});

test('notifications and events for several channels come through Redis', async (t) => {
  const laravel = await Laravel.start({ redis });
  t.after(() => laravel.stop());
  const server = await Server.start({ apps: null, files: { '.env': laravel.dotenv }, args: ['--redis'] });
  t.after(() => server.stop());
  const headers = laravel.bearer(7);
  const client = await Client.open(t, Pusher, server, {
    channelAuthorization: { transport: 'ajax', endpoint: laravel.url('/signed/broadcasting/auth'), headers },
  });
  const names = ['news', 'private-App.Models.User.7', 'presence-room.1'];
  const [news, user, room] = await Promise.all(names.map((name) => client.join(name)));
  await laravel.post('/notify/7', { amount: 5 });
  assert.equal((await user.next(CREATED)).data.amount, 5);
  const channels = [['public', 'news'], ['presence', 'room.1']];
  await laravel.publish([{ channels, post: { n: 1 }, toOthers: true }], client.socketId);
  await laravel.publish([{ channels, post: { n: 2 } }]);
  for (const inbox of [news, room]) {
    assert.deepEqual((await inbox.next('App\\Events\\Posted')).data.post, { n: 2 });
  }
});

/** Something that is done over and over, one after the other, until it is stopped. */
class Load {
  turn = 0;
  #stopped = false;
  #done;

  constructor(once) {
    this.#done = this.#run(once);
  }

  /** Waits for the last turn. */
  stop() {
    this.#stopped = true;
    return this.#done;
  }

  async #run(once) {
    for (; !this.#stopped; this.turn += 1) {
      await once(this.turn);
    }
  }
}

async function start(t, env) {
  const server = await Server.start({ args: ['--redis', redis.url], env });
  t.after(() => server.stop());
  await ready(server);
  return server;
}

function ready(server) {
  return until('the server is ready', async () => (await fetch(server.url('/ready'))).status === 200);
}
