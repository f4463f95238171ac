import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Client, ECHOS, PUSHERS, startEcho } from '../support/clients.mjs';
import { soon } from '../support/inbox.mjs';
import { APP, Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

// Of the first, pusher-js would be silent for long; of the second it pings by itself every second.
const pinged = { ...APP, id: '1002', key: 'pinged', ping_interval: 1, activity_timeout: 120 };
const impatient = { ...APP, id: '1003', key: 'impatient', ping_interval: 1, activity_timeout: 1 };
const server = await Server.start({ apps: [APP, pinged, impatient] });
after(() => server.stop());

for (const [name, Pusher] of PUSHERS) {
  test(`${name} connects and gets a socket id of two numbers`, async (t) => {
    const client = await Client.open(t, Pusher, server);
    assert.match(client.socketId, /^\d+\.\d+$/);
    assert.deepEqual(client.states, ['connecting', 'connected']);
    assert.deepEqual(client.errors.history, []);
  });

  test(`${name} disconnects and connects again with another socket id`, async (t) => {
    const client = await Client.open(t, Pusher, server);
    const first = client.socketId;
    client.pusher.disconnect();
    client.pusher.connect();
    await client.connected();
    assert.match(client.socketId, /^\d+\.\d+$/);
    assert.notEqual(client.socketId, first);
  });

  test(`${name} keeps a silent connection alive by pings of its own`, async (t) => {
    const client = await Client.open(t, Pusher, server, { app: impatient });
    await client.messages.next('pusher:pong');
    await client.messages.next('pusher:pong');
    await client.messages.next('pusher:pong');
    assert.deepEqual(client.states, ['connecting', 'connected']);
  });

  test(`${name} answers the pings of the server and stays connected`, async (t) => {
    const client = await Client.open(t, Pusher, server, { app: pinged });
    await client.messages.next('pusher:ping');
    await client.messages.next('pusher:ping');
    await client.messages.next('pusher:ping');
    assert.deepEqual(client.states, ['connecting', 'connected']);
  });
}

for (const [name, Echo, Pusher] of ECHOS) {
  test(`${name} connects and knows its socket id`, async (t) => {
    const echo = startEcho(t, Echo, Pusher, server);
    await echo.client.connected();
    assert.match(echo.socketId(), /^\d+\.\d+$/);
  });
}

test('the first message is connection_established with the activity timeout of the app', async (t) => {
  const socket = Socket.dial(t, server, { key: impatient.key });
  const { event, data, ...rest } = await socket.frames.next(() => true);
  assert.equal(event, 'pusher:connection_established');
  assert.equal(typeof data, 'string');
  const { socket_id: id, ...handshake } = JSON.parse(data);
  assert.match(id, /^\d+\.\d+$/);
  assert.deepEqual(handshake, { activity_timeout: 1 });
  assert.deepEqual(Object.keys(rest), ['raw']);
});

test('an activity timeout that is not configured is 30 seconds', async (t) => {
  const socket = Socket.dial(t, server);
  const { data } = await socket.frames.next('pusher:connection_established');
  assert.equal(JSON.parse(data).activity_timeout, 30);
});

test('every connection has a socket id of its own', async (t) => {
  const sockets = await Promise.all(Array.from({ length: 50 }, () => Socket.open(t, server)));
  assert.equal(new Set(sockets.map(({ id }) => id)).size, 50);
});

test('a ping of the protocol and a ping of the WebSocket are both answered', async (t) => {
  const socket = await Socket.open(t, server);
  socket.send({ event: 'pusher:ping', data: {} });
  await socket.frames.next('pusher:pong');
  const pong = new Promise((resolve) => socket.ws.once('pong', (data) => resolve(data.toString())));
  socket.ws.ping('are you there?');
  assert.equal(await soon('the pong', pong), 'are you there?');
});

test('a connection that answers no ping is closed with 4201 although it never subscribed', async (t) => {
  const socket = await Socket.open(t, server, { key: impatient.key, autoPong: false });
  await socket.frames.next('pusher:ping');
  assert.deepEqual(await socket.close(), { code: 4201, reason: 'Pong reply not received in time' });
});

test('a message in several fragments is put together', async (t) => {
  const socket = await Socket.open(t, server);
  socket.ws.send('{"event":"pusher:subscribe","data":{"chan', { fin: false });
  socket.ws.ping();
  socket.ws.send('nel":"frag', { fin: false });
  socket.ws.send('ments","auth":""}}', { fin: true });
  const { channel } = await socket.frames.next('pusher_internal:subscription_succeeded');
  assert.equal(channel, 'fragments');
});

test('a message that cannot be understood is answered with 4200 and the connection stays', async (t) => {
  const socket = await Socket.open(t, server);
  const nonsense = [
    'not json',
    '[]',
    '"text"',
    '7',
    'null',
    '{}',
    '{"event":7}',
    '{"event":"pusher:unheard-of","data":{}}',
    '{"event":"pusher:subscribe"}',
    '{"event":"pusher:subscribe","data":{}}',
    '{"event":"client-typing","data":{}}',
  ];
  for (const message of nonsense) {
    socket.send(message);
    const { data } = await socket.frames.next('pusher:error');
    assert.deepEqual(JSON.parse(data), { code: 4200, message: 'Invalid message format' }, message);
  }
  await socket.join('still-here');
});

test('a message over the size limit closes the connection with 1009', async (t) => {
  const socket = await Socket.open(t, server);
  socket.send(JSON.stringify({ event: 'client-large', channel: 'private-a', data: 'x'.repeat(10_001) }));
  assert.deepEqual(await socket.close(), { code: 1009, reason: 'Maximum message size exceeded' });
});
