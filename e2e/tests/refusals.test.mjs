import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Client, PUSHERS } from '../support/clients.mjs';
import { until } from '../support/inbox.mjs';
import { APP, Server } from '../support/server.mjs';
import { Socket, errorOf } from '../support/socket.mjs';

const disabled = { ...APP, id: '1002', key: 'disabled', enabled: false };
const small = { ...APP, id: '1003', key: 'small', max_connections: 2 };
const smaller = { ...APP, id: '1004', key: 'smaller', max_connections: 1 };
const server = await Server.start({ apps: [APP, disabled, small, smaller] });
after(() => server.stop());

const REFUSALS = [
  ['an unknown key', { key: 'unknown' }, 4001, 'Application does not exist'],
  ['a disabled app', { key: disabled.key }, 4003, 'Application is disabled'],
  ['protocol 4', { query: '?protocol=4' }, 4007, 'Unsupported protocol version'],
  ['protocol 8', { query: '?protocol=8' }, 4007, 'Unsupported protocol version'],
  ['a protocol that is no number', { query: '?protocol=x' }, 4006, 'Invalid version string format'],
];

for (const [what, options, code, message] of REFUSALS) {
  test(`${what} is refused with an error frame and the close code ${code}`, async (t) => {
    const socket = Socket.dial(t, server, options);
    const { raw, data, ...frame } = await socket.frames.next(() => true);
    assert.deepEqual(frame, { event: 'pusher:error' });
    assert.deepEqual(JSON.parse(data), { code, message });
    assert.deepEqual(await socket.close(), { code, reason: message });
    assert.equal(socket.frames.history.length, 1);
  });
}

for (const query of ['', '?protocol=5', '?protocol=6', '?protocol=7&flash=false&unheard=of']) {
  test(`a connection with the query "${query}" is accepted`, async (t) => {
    const socket = await Socket.open(t, server, { query });
    await socket.join('news');
  });
}

for (const [name, Pusher] of PUSHERS) {
  for (const [what, key, code] of [
    ['an unknown key', 'unknown', 4001],
    ['a disabled app', disabled.key, 4003],
  ]) {
    test(`${name} gives up after ${what}`, async (t) => {
      const client = Client.start(t, Pusher, server, { app: { key } });
      await client.changes.next('disconnected');
      assert.deepEqual(client.states, ['connecting', 'disconnected']);
      assert.equal(client.errors.history[0].error.data.code, code);
    });
  }

  test(`${name} is refused with 4004 when the app is full and gives up`, async (t) => {
    await until('there is room', async () => {
      const { connections } = await (
        await server.publisher(smaller).get({ path: '/connections' })
      ).json();
      return connections === 0;
    });
    await Client.open(t, Pusher, server, { app: smaller });
    const second = Client.start(t, Pusher, server, { app: smaller });
    await second.changes.next('disconnected');
    assert.equal(second.errors.history[0].error.data.code, 4004);
  });
}

test('the quota counts connections that are on no channel, and gives places back', async (t) => {
  const first = await Socket.open(t, server, { key: small.key });
  await Socket.open(t, server, { key: small.key });
  for (let n = 0; n < 3; n++) {
    const refused = Socket.dial(t, server, { key: small.key });
    const message = 'Application is over connection quota';
    const error = await refused.frames.next(() => true);
    assert.equal(error.event, 'pusher:error');
    assert.deepEqual(errorOf(error), { code: 4004, message });
    assert.deepEqual(await refused.close(), { code: 4004, reason: message });
  }
  first.ws.close();
  await until('a place is free', async () => {
    const next = Socket.dial(t, server, { key: small.key });
    return (await next.frames.next(() => true)).event === 'pusher:connection_established';
  });
});

test('a disabled app cannot publish', async () => {
  await assert.rejects(server.publisher(disabled).trigger('a', 'e', {}), { status: 403 });
});

test('a path that is not /app/{key} is refused before the upgrade', async (t) => {
  for (const path of ['/app/', '/app', `/app/${APP.key}/more`, '/elsewhere']) {
    const socket = Socket.dial(t, server, { path });
    const error = await socket.closed.catch((reason) => reason);
    assert.equal(error.message, 'Unexpected server response: 404', path);
  }
});
