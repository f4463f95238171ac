import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { until } from '../support/inbox.mjs';
import { APP, Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

const empty = { ...APP, id: '1002', key: 'empty' };
const server = await Server.start({ apps: [APP, empty] });
const application = await Application.start();
after(() => Promise.all([server.stop(), application.stop()]));

// Two on `news`; Zoë twice and Bo once in the room; one connection that is on no channel.
const suite = { after };
const sockets = [];
for (const user of ['zoe', 'zoe', 'bo', undefined]) {
  const socket = await Socket.open(suite, server);
  sockets.push(socket);
  if (user) {
    await socket.join('presence-room.1', application.authorize(socket.id, 'presence-room.1', user));
  }
}
await sockets[0].join('news');
await sockets[1].join('news');

test('channels are listed, each with an empty object', async () => {
  assert.deepEqual(await get('/channels'), { channels: { news: {}, 'presence-room.1': {} } });
});

test('channels are filtered by prefix and tell how many users are in them', async () => {
  assert.deepEqual(await get('/channels', { filter_by_prefix: 'presence-', info: 'user_count' }), {
    channels: { 'presence-room.1': { user_count: 2 } },
  });
  assert.deepEqual(await get('/channels', { filter_by_prefix: 'nothing-' }), { channels: {} });
});

test('an app without channels lists none, as an object', async () => {
  const response = await server.publisher(empty).get({ path: '/channels' });
  assert.equal(await response.text(), '{"channels":{}}');
});

test('a channel tells what it was asked for', async () => {
  const info = 'user_count,subscription_count';
  assert.deepEqual(await get('/channels/news'), { occupied: true });
  assert.deepEqual(await get('/channels/news', { info: 'subscription_count' }), {
    occupied: true,
    subscription_count: 2,
  });
  const room = await get('/channels/presence-room.1', { info });
  assert.equal(room.occupied, true);
  assert.equal(room.user_count, 2);
  assert.deepEqual(await get('/channels/nobody', { info }).then(({ occupied }) => occupied), false);
});

test('a cache channel shows its last event', async () => {
  const publisher = server.publisher();
  assert.equal((await get('/channels/cache-price', { info: 'cache' })).cache ?? null, null);
  await publisher.trigger('cache-price', 'price', { n: 1 });
  const { cache } = await get('/channels/cache-price', { info: 'cache' });
  assert.equal(cache.data, '{"n":1}');
});

test('the users of a presence channel are listed once each', async () => {
  const { users } = await get('/channels/presence-room.1/users');
  assert.deepEqual(users.map(({ id }) => id).sort(), ['7', '8']);
  assert.deepEqual(await get('/channels/presence-nobody/users'), { users: [] });
});

test('only a presence channel has users', async () => {
  await assert.rejects(get('/channels/news/users'), { status: 400 });
});

test('all connections are counted, also those that are on no channel', async () => {
  assert.deepEqual(await get('/connections'), { connections: 4 });
});

test('a query with a wrong signature is refused with 401', async () => {
  const stranger = server.publisher({ ...APP, secret: 'wrong' });
  await assert.rejects(stranger.get({ path: '/channels' }), { status: 401 });
});

test('a path that does not exist is 404, a wrong method 405 with what is allowed', async () => {
  assert.equal((await fetch(server.url('/nothing-here'))).status, 404);
  const response = await fetch(server.url('/apps/1001/events'));
  assert.equal(response.status, 405);
  assert.match(response.headers.get('allow'), /POST/);
});

test('many requests go through one connection', async (t) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const publisher = server.publisher(APP, { agent });
  const socket = await Socket.open(t, server);
  await socket.join('keep-alive');
  const opened = [];
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (...args) => {
    opened.push(1);
    return create(...args);
  };
  for (let n = 0; n < 20; n++) {
    await publisher.trigger('keep-alive', 'step', { n });
  }
  await publisher.get({ path: '/channels' });
  assert.equal(opened.length, 1);
  for (let n = 0; n < 20; n++) {
    assert.equal((await socket.frames.next('step')).data, JSON.stringify({ n }));
  }
});

test('a browser of another origin may ask', async () => {
  const response = await fetch(server.url('/apps/1001/events'), {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://a.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type,x-socket-id',
    },
  });
  assert.ok(response.ok, String(response.status));
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  assert.match(response.headers.get('access-control-allow-methods'), /POST/);
  assert.match(response.headers.get('access-control-allow-headers'), /content-type/i);
});

test('the health routes answer without a signature', async () => {
  const up = await fetch(server.url('/up'));
  assert.deepEqual([up.status, await up.json()], [200, { health: 'OK' }]);
  assert.equal((await fetch(server.url('/live'))).status, 200);
  assert.equal((await fetch(server.url('/ready'))).status, 200);
});

test('an address for WebSockets tells a person who opens it what it is', async () => {
  const response = await fetch(server.url(`/app/${APP.key}`));
  assert.equal(response.status, 426);
  assert.match(await response.text(), /WebSocket/i);
});

test('the metrics follow the connections up and down again', async (t) => {
  const metrics = await Server.start();
  t.after(() => metrics.stop());
  const connected = async () => {
    const text = await (await fetch(metrics.url('/metrics'))).text();
    const line = text.split('\n').find((each) => /^resound_connected(\{| )/.test(each));
    return line === undefined ? 0 : Number(line.split(' ').at(-1));
  };
  const three = [];
  for (let n = 0; n < 3; n++) {
    three.push(await Socket.open(t, metrics));
  }
  await until('three are connected', async () => (await connected()) === 3);
  three.forEach(({ ws }) => ws.close());
  await until('nobody is connected', async () => (await connected()) === 0);
});

/** What npm pusher gets. */
async function get(path, params) {
  const response = await server.publisher().get({ path, params });
  assert.equal(response.status, 200);
  return response.json();
}
