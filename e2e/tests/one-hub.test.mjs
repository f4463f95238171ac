/** What comes in on any way goes out on every way: one order, one list of members. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Laravel, MEMBERS } from '../support/laravel.mjs';
import { Redis } from '../support/redis.mjs';
import { Server } from '../support/server.mjs';
import { Visitor, way } from '../support/visitors.mjs';

const EACH = 60;

const PUSHER = way('laravel-echo 2, pusher-js 8, ws');
const PUSHER_7 = way('laravel-echo 1, pusher-js 7, ws');
const SOCKET_IO_4 = way('laravel-echo 2, socket.io-client 4.8, websocket');
const SOCKET_IO_2 = way('laravel-echo 1, socket.io-client 2.5, websocket');

const redis = await Redis.start();
const laravel = await Laravel.start({ redis });
const server = await Server.start({
  env: { RESOUND_REDIS_URL: redis.url, REDIS_PREFIX: 'laravel_database_', RESOUND_AUTH_HOST: laravel.url('') },
});
after(() => Promise.all([server.stop(), laravel.stop(), redis.stop()]));
const publisher = server.publisher();
const open = (t, one, user) => Visitor.open(t, { server, laravel }, one, user);

test('clients of both protocols see the events of all publishers in the same order', async (t) => {
  const observers = await Promise.all(
    [
      PUSHER,
      PUSHER_7,
      way('laravel-echo 2, pusher-js 8, xhr_streaming'),
      way('laravel-echo 2, pusher-js 8, xhr_polling'),
      SOCKET_IO_4,
      SOCKET_IO_2,
      way('laravel-echo 2, socket.io-client 4.8, polling'),
      way('laravel-echo 2, socket.io-client 3.1, upgrade'),
      way('laravel-echo 1, socket.io-client 2.5, polling'),
    ].map((one) => open(t, one, 7)),
  );
  const whisperers = await Promise.all([open(t, PUSHER, 8), open(t, SOCKET_IO_4, 9)]);
  const inboxes = [];
  for (const visitor of [...observers, ...whisperers]) {
    inboxes.push(await visitor.enter('private', 'orders.1', inboxes.length + 1));
  }

  const posts = (by) => Array.from({ length: EACH }, (_, n) => ({ by, n }));
  const whisper = (visitor, by) =>
    posts(by).forEach((post) => visitor.channel('private', 'orders.1').whisper('typing', { post }));
  const byHttp = async () => {
    for (const post of posts('http')) {
      await publisher.trigger('private-orders.1', 'App\\Events\\Posted', { post });
    }
  };
  await Promise.all([
    laravel.publish(posts('redis').map((post) => ({ channels: [['private', 'orders.1']], post }))),
    byHttp(),
    whisper(whisperers[0], 'pusher'),
    whisper(whisperers[1], 'socket.io'),
  ]);

  const publishers = ['http', 'redis', 'pusher', 'socket.io'];
  const seen = await Promise.all(
    inboxes.slice(0, observers.length).map(async (inbox) => {
      const last = (by) => inbox.next(({ data }) => data.post?.by === by && data.post.n === EACH - 1);
      await Promise.all(publishers.map(last));
      return inbox.history.map(({ data }) => data.post);
    }),
  );
  for (const by of publishers) {
    assert.deepEqual(seen[0].filter((post) => post.by === by), posts(by));
  }
  observers.forEach(({ way: { name } }, n) => assert.deepEqual(seen[n], seen[0], name));
});

test('members of both protocols are one list, and somebody on both is one member', async (t) => {
  const [zoe, bo, kim] = [await open(t, PUSHER, 7), await open(t, SOCKET_IO_4, 8), await open(t, SOCKET_IO_2, 9)];
  const zoes = await zoe.enter('presence', 'room.1', 1);
  const bos = await bo.enter('presence', 'room.1', 2);
  const kims = await kim.enter('presence', 'room.1', 3);
  assert.deepEqual(ids(zoes.here), [7]);
  assert.deepEqual(ids(bos.here), [7, 8]);
  assert.deepEqual(ids(kims.here), [7, 8, 9]);
  assert.deepEqual((await zoes.next('joining')).data, MEMBERS[8]);
  assert.deepEqual((await zoes.next('joining')).data, MEMBERS[9]);
  assert.deepEqual((await bos.next('joining')).data, MEMBERS[9]);

  // Laravel says `"7"` to pusher-js and `7` to Socket.IO: the same person.
  const zoeAgain = await open(t, SOCKET_IO_4, 7);
  assert.deepEqual(ids((await zoeAgain.enter('presence', 'room.1', 4)).here), [7, 8, 9]);
  assert.deepEqual(await users('presence-room.1'), ['7', '8', '9']);
  zoe.echo.disconnect();
  await publisher.trigger('presence-room.1', 'fence', {});
  await Promise.all([bos.next('fence'), kims.next('fence')]);
  zoeAgain.echo.leave('room.1');
  for (const inbox of [bos, kims]) {
    assert.deepEqual((await inbox.next('leaving')).data, MEMBERS[7]);
    assert.deepEqual(ids(inbox.all('joining').map(({ data }) => data)), inbox === bos ? [9] : []);
    assert.equal(inbox.all('leaving').length, 1);
  }
  assert.deepEqual(await users('presence-room.1'), ['8', '9']);
});

test('a client that vanishes leaves its presence channels, for clients of both protocols', async (t) => {
  const [zoe, bo] = [await open(t, PUSHER, 7), await open(t, SOCKET_IO_2, 8)];
  const [zoes, bos] = [await zoe.enter('presence', 'room.2', 1), await bo.enter('presence', 'room.2', 2)];
  for (const one of ['laravel-echo 2, socket.io-client 2.5, polling', 'laravel-echo 2, pusher-js 8, xhr_polling']) {
    const kim = await open(t, way(one), 9);
    await kim.enter('presence', 'room.2', 3);
    kim.echo.disconnect();
    assert.deepEqual((await zoes.next('leaving')).data, MEMBERS[9]);
    assert.deepEqual((await bos.next('leaving')).data, MEMBERS[9]);
  }
});

for (const one of [PUSHER, PUSHER_7, SOCKET_IO_4, SOCKET_IO_2]) {
  test(`a notification of Laravel's reaches its user with ${one.name}`, async (t) => {
    const [zoe, bo] = [await open(t, one, 7), await open(t, one, 8)];
    const mine = await zoe.enter('private', 'App.Models.User.7', 1);
    const theirs = await bo.enter('private', 'App.Models.User.8', 1);
    await laravel.post('/notify/7', { amount: 12 });
    await laravel.post('/notify/8', { amount: 13 });
    const { id, ...notification } = (await mine.next('notified')).data;
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(notification, { amount: 12, type: 'App\\Notifications\\InvoicePaid' });
    assert.equal((await theirs.next('notified')).data.amount, 13);
    assert.equal(mine.all('notified').length, 1);
  });
}

test('leaving a name leaves it in all its kinds, over Socket.IO too', async (t) => {
  const bo = await open(t, PUSHER, 8);
  const inbox = await bo.enter('presence', 'room.3', 1);
  for (const one of [SOCKET_IO_4, SOCKET_IO_2]) {
    const zoe = await open(t, one, 7);
    await Promise.all([zoe.enter('public', 'room.3', 1), zoe.enter('presence', 'room.3', 2)]);
    zoe.echo.leave('room.3');
    await inbox.next('leaving');
    await zoe.counted('public', 'room.3', 0);
  }
});

test('a component that mounts, unmounts and mounts again at once is subscribed once', async (t) => {
  for (const one of [SOCKET_IO_4, way('laravel-echo 2, socket.io-client 2.5, polling')]) {
    const zoe = await open(t, one, 7);
    for (let n = 0; n < 5; n++) {
      zoe.listen('private', 'orders.2');
      zoe.echo.leave('orders.2');
    }
    const inbox = await zoe.enter('private', 'orders.2', 1);
    await publisher.trigger('private-orders.2', 'App\\Events\\Posted', { n: 1 });
    await publisher.trigger('private-orders.2', 'fence', {});
    await inbox.next('fence');
    assert.deepEqual(inbox.all('Posted').map(({ data }) => data), [{ n: 1 }]);
    zoe.echo.leave('orders.2');
    await zoe.counted('private', 'orders.2', 0);
  }
});

test('the socket id of a Socket.IO client has the form that pusher-php-server accepts', async (t) => {
  const seen = new Set();
  for (const one of [SOCKET_IO_4, SOCKET_IO_2, way('laravel-echo 2, socket.io-client 3.1, polling')]) {
    const { socketId } = await open(t, one, 7);
    assert.match(socketId, /^\d+\.\d+$/);
    seen.add(socketId);
  }
  assert.equal(seen.size, 3);
});

test('Echo 2 knows the status of its Socket.IO connection', async (t) => {
  const { echo } = await open(t, SOCKET_IO_4, 7);
  assert.equal(echo.connectionStatus(), 'connected');
});

function ids(members) {
  return members.map(({ id }) => id).sort();
}

async function users(channel) {
  const answer = await publisher.get({ path: `/channels/${channel}/users` });
  return (await answer.json()).users.map(({ id }) => String(id)).sort();
}
