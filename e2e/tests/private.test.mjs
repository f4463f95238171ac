import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { Client, PUSHERS } from '../support/clients.mjs';
import { APP, Server } from '../support/server.mjs';
import { Socket, errorOf } from '../support/socket.mjs';

const server = await Server.start();
const application = await Application.start();
const impostor = await Application.start({ app: { ...APP, secret: 'another-secret' } });
after(() => Promise.all([server.stop(), application.stop(), impostor.stop()]));
const publisher = server.publisher();

for (const [name, Pusher] of PUSHERS) {
  test(`${name} is authorised by the application and receives on a private channel`, async (t) => {
    const client = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
    const channel = `private-orders.${name.at(-1)}`;
    const orders = await client.join(channel);
    const request = await application.requests.next((r) => r.socketId === client.socketId);
    assert.deepEqual(request, {
      path: '/broadcasting/auth',
      channel,
      socketId: client.socketId,
      user: 'zoe',
    });
    await publisher.trigger(channel, 'App\\Events\\OrderShipped', { id: 7 });
    assert.deepEqual((await orders.next('App\\Events\\OrderShipped')).data, { id: 7 });
  });

  test(`${name} is authorised by a handler of its own`, async (t) => {
    const client = await Client.open(t, Pusher, server, {
      channelAuthorization: {
        customHandler: ({ socketId, channelName }, done) =>
          done(null, application.authorize(socketId, channelName, 'zoe')),
      },
    });
    const orders = await client.join('private-handler');
    await publisher.trigger('private-handler', 'e', { n: 1 });
    assert.deepEqual((await orders.next('e')).data, { n: 1 });
  });

  test(`${name} is told by the application that it may not`, async (t) => {
    const client = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
    const events = client.subscribe('private-forbidden');
    const { data } = await events.next('pusher:subscription_error');
    assert.equal(data.type, 'AuthError');
    assert.equal(data.status, 403);
    assert.equal(client.state, 'connected');
  });

  test(`${name} hears on the channel that its signature is wrong, and stays connected`, async (t) => {
    const client = await Client.open(t, Pusher, server, impostor.pusherOptions('zoe'));
    const events = client.subscribe('private-orders.7');
    const { data } = await events.next('pusher:subscription_error');
    assert.equal(data.type, 'AuthError');
    assert.equal(data.status, 401);
    assert.equal(typeof data.error, 'string');
    assert.equal(client.errors.history.length, 1);
    assert.deepEqual(client.errors.history[0].data ?? client.errors.history[0].error.data, {
      code: 4009,
      message: 'Connection is unauthorized',
    });
    assert.equal(client.state, 'connected');

    const open = await client.join('open');
    await publisher.trigger(['private-orders.7', 'open'], 'secret', {});
    await open.next('secret');
    assert.deepEqual(events.all('secret'), []);
  });
}

test('a refused subscription is answered with pusher:error and then with subscription_error', async (t) => {
  const socket = await Socket.open(t, server);
  const refused = [
    '',
    'nonsense',
    `${APP.key}:`,
    `${APP.key}:${'0'.repeat(64)}`,
    // The right signature under a key that is not the app's.
    application.authorize(socket.id, 'private-a', 'zoe').auth.replace(APP.key, 'other-key'),
    // The right signature for another channel, and for another connection.
    application.authorize(socket.id, 'private-b', 'zoe').auth,
    application.authorize('1.2', 'private-a', 'zoe').auth,
  ];
  for (const auth of refused) {
    socket.send({ event: 'pusher:subscribe', data: { channel: 'private-a', auth } });
    const error = await socket.frames.next(() => true);
    assert.equal(error.event, 'pusher:error', auth);
    assert.equal(typeof error.data, 'string');
    assert.deepEqual(errorOf(error), { code: 4009, message: 'Connection is unauthorized' });
    const refusal = await socket.frames.next(() => true);
    assert.equal(refusal.event, 'pusher:subscription_error', auth);
    assert.equal(refusal.channel, 'private-a');
    const { type, status, error: text } = JSON.parse(refusal.data);
    assert.deepEqual({ type, status }, { type: 'AuthError', status: 401 });
    assert.ok(text.length > 0);
  }
  await socket.join('private-a', application.authorize(socket.id, 'private-a', 'zoe'));
});

test('a channel with a name that is not allowed is refused and the connection stays', async (t) => {
  const socket = await Socket.open(t, server);
  for (const channel of ['', 'with space', 'wïth-ümlaut', '#server', 'a/b', 'x'.repeat(201)]) {
    socket.send({ event: 'pusher:subscribe', data: { channel, auth: '' } });
    const error = await socket.frames.next('pusher:error');
    assert.equal(errorOf(error).code, 4009, channel);
    const refusal = await socket.frames.next('pusher:subscription_error');
    assert.equal(refusal.channel, channel);
    assert.equal(JSON.parse(refusal.data).type, 'InvalidChannel');
  }
  await socket.join('x'.repeat(200));
});
