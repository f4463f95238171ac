import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { Client, PUSHERS } from '../support/clients.mjs';
import { until } from '../support/inbox.mjs';
import { APP, BINARY, Server } from '../support/server.mjs';
import { Socket, errorOf } from '../support/socket.mjs';

const added = { id: '2002', key: 'added-key', secret: 'added-secret' };

for (const [how, reload] of [
  ['SIGHUP', (server) => server.reload()],
  ['resound reload', (server) => run(['reload', '--pid', String(server.pid)])],
]) {
  test(`${how} brings a new app and keeps every connection`, async (t) => {
    const server = await start(t);
    const clients = await Promise.all(PUSHERS.map(([, Pusher]) => Client.open(t, Pusher, server)));
    const channels = await Promise.all(clients.map((client) => client.join('news')));
    assert.equal((await greeting(t, server, added.key)).code, 4001);

    await server.configure({ apps: [APP, added] });
    await reload(server);
    await until('the new app is known', async () => (await greeting(t, server, added.key)).socketId);

    const newcomer = await Socket.open(t, server, { key: added.key });
    await newcomer.join('news');
    await server.publisher(added).trigger('news', 'e', { of: 'added' });
    await newcomer.frames.next('e');
    await server.publisher().trigger('news', 'e', { of: 'old' });
    for (const [n, events] of channels.entries()) {
      assert.deepEqual((await events.next('e')).data, { of: 'old' });
      assert.deepEqual(clients[n].states, ['connecting', 'connected']);
    }
  });
}

test('a reload changes the limits of an app', async (t) => {
  const server = await start(t);
  const publisher = server.publisher();
  const data = 'x'.repeat(5_000);
  assert.equal((await publisher.trigger('a', 'e', data)).status, 200);
  await server.configure({ apps: [{ ...APP, max_event_size: 4_000 }] });
  server.reload();
  const error = await until('the new limit holds', () =>
    publisher.trigger('a', 'e', data).then(
      () => undefined,
      (reason) => reason,
    ),
  );
  assert.equal(error.status, 413);
});

test('a configuration that is wrong changes nothing', async (t) => {
  const server = await start(t);
  const socket = await Socket.open(t, server);
  await server.configure({ apps: [{ ...APP, nonsense: true }] });
  server.reload();
  await server.logs.next((line) => line.level === 'ERROR' || line.level === 'WARN');
  await socket.join('news');
  await server.publisher().trigger('news', 'e', {});
  await socket.frames.next('e');
  await Socket.open(t, server);
});

/** What a new connection is told first: its socket id, or the code and message of an error. */
async function greeting(t, server, key) {
  const socket = Socket.dial(t, server, { key });
  const first = await socket.frames.next(() => true);
  socket.ws.close();
  if (first.event === 'pusher:error') {
    return errorOf(first);
  }
  return { socketId: JSON.parse(first.data).socket_id };
}

async function start(t) {
  const server = await Server.start();
  t.after(() => server.stop());
  return server;
}

function run(args) {
  return promisify(execFile)(BINARY, args);
}
