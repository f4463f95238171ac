import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Application } from '../support/application.mjs';
import { Client, ECHOS, PUSHERS, callback, startEcho } from '../support/clients.mjs';
import { soon } from '../support/inbox.mjs';
import { fixedPort } from '../support/process.mjs';
import { Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

const CHANNELS = ['news', 'private-orders.7', 'presence-room.1'];

for (const [name, Pusher] of PUSHERS) {
  test(`${name} comes back with all its channels after the server was killed and started again`, (t) =>
    comesBack(t, [Pusher], (server) => server.kill()));
}

// Both versions in one test: they wait a second before they come back.
test('pusher-js 8 and 7 come back with all their channels after the server was stopped and started', (t) =>
  comesBack(t, PUSHERS.map(([, Pusher]) => Pusher), (server) => server.terminate()));

for (const [name, Echo, Pusher] of ECHOS) {
  test(`${name} tells again who is here after the server was restarted`, async (t) => {
    const application = await Application.start();
    t.after(() => application.stop());
    const port = await fixedPort();
    const first = await start(t, port);
    const here = callback();
    const heard = callback();
    const echo = startEcho(t, Echo, Pusher, first, application.echoOptions('zoe'));
    echo.join('room').here(here).listen('Said', heard);
    assert.deepEqual(await here.next(), [{ name: 'Zoë' }]);
    await first.kill();
    const second = await start(t, port);
    assert.deepEqual(await here.next(), [{ name: 'Zoë' }]);
    await second.publisher().trigger('presence-room', 'App\\Events\\Said', { n: 1 });
    assert.deepEqual(await heard.next(), { n: 1 });
  });
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} closes every connection with 4100 and ends the server with 0`, async (t) => {
    const server = await start(t, 0);
    const sockets = await Promise.all(Array.from({ length: 20 }, () => Socket.open(t, server)));
    const ended = server.terminate(signal);
    const closes = await Promise.all(sockets.map((socket) => socket.close()));
    assert.deepEqual([...new Set(closes.map(({ code }) => code))], [4100]);
    assert.equal(await ended, 0);
  });
}

test('a server that is shutting down is not ready, alive, and takes nobody new', async (t) => {
  const server = await start(t, 0, { shutdown_grace_seconds: 5 });
  const sockets = await Promise.all(Array.from({ length: 20 }, () => Socket.open(t, server)));
  const ended = server.terminate();
  // The first one that is closed proves that the shutdown has begun.
  await soon('the first close', Promise.race(sockets.map((socket) => socket.closed)));
  const probes = await Promise.allSettled([fetch(server.url('/ready')), fetch(server.url('/live'))]);
  for (const [{ value }, status] of probes.map((probe, n) => [probe, [503, 200][n]])) {
    assert.ok(value === undefined || value.status === status, String(value?.status));
  }
  const late = Socket.dial(t, server);
  const refused = await late.close().catch((error) => error);
  // Over HTTP, or not at all if the last client has gone meanwhile.
  assert.match(String(refused.message), /503|ECONNREFUSED/);
  assert.equal(late.frames.all('pusher:connection_established').length, 0);
  assert.equal(await ended, 0);
});

test('a server ends as soon as its last client has gone, not at the end of the grace period', async (t) => {
  const server = await start(t, 0, { shutdown_grace_seconds: 600 });
  for (const [, Pusher] of PUSHERS) {
    await Promise.all(Array.from({ length: 20 }, () => Client.open(t, Pusher, server)));
  }
  assert.equal(await server.terminate(), 0);
});

test('a server without connections ends at once', async (t) => {
  const server = await start(t, 0, { shutdown_grace_seconds: 600 });
  assert.equal(await server.terminate(), 0);
});

/** Clients on three kinds of channels, whose server ends and starts again. */
async function comesBack(t, Pushers, end) {
  const application = await Application.start();
  t.after(() => application.stop());
  const port = await fixedPort();
  const first = await start(t, port);
  const before = [];
  for (const Pusher of Pushers) {
    const client = await Client.open(t, Pusher, first, application.pusherOptions('zoe'));
    const channels = await Promise.all(CHANNELS.map((channel) => client.join(channel)));
    before.push({ client, channels, oldId: client.socketId });
  }
  await end(first);
  const second = await start(t, port);
  for (const { client, channels, oldId } of before) {
    await client.connected();
    await Promise.all(channels.map((events) => events.next('pusher:subscription_succeeded')));
    assert.notEqual(client.socketId, oldId);

    // Authorised again, for the connection that it has now.
    const asked = (id) =>
      application.requests.history.filter(({ socketId }) => socketId === id).map((r) => r.channel);
    assert.deepEqual(asked(oldId).sort(), ['presence-room.1', 'private-orders.7']);
    assert.deepEqual(asked(client.socketId).sort(), ['presence-room.1', 'private-orders.7']);
    assert.deepEqual(channels[2].channel.members.members, { 7: { name: 'Zoë' } });
    const states = client.states.filter((state) => state !== 'unavailable');
    assert.deepEqual(states, ['connecting', 'connected', 'connecting', 'connected']);
  }

  // Subscribed once each: an event comes once.
  await second.publisher().trigger(CHANNELS, 'e', { n: 1 });
  await second.publisher().trigger(CHANNELS, 'fence', {});
  for (const events of before.flatMap(({ channels }) => channels)) {
    await events.next('fence');
    assert.equal(events.all('e').length, 1, events.name);
    assert.equal(events.all('pusher:subscription_succeeded').length, 2, events.name);
  }
}

async function start(t, port, settings = {}) {
  const server = await Server.start({ port, settings });
  t.after(() => server.stop());
  return server;
}
