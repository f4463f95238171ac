import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { Client, PUSHERS } from '../support/clients.mjs';
import { Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

const server = await Server.start();
const application = await Application.start();
after(() => Promise.all([server.stop(), application.stop()]));
const publisher = server.publisher();

for (const [name, Pusher] of PUSHERS) {
  for (const channel of ['hasty', 'private-hasty', 'presence-hasty']) {
    test(`${name} leaves ${channel} and joins it again at once`, async (t) => {
      const client = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
      await client.join(channel);
      client.pusher.unsubscribe(channel);
      const again = await client.join(channel);
      await publisher.trigger(channel, 'e', { n: 1 });
      await publisher.trigger(channel, 'fence', {});
      await again.next('fence');
      assert.deepEqual(again.all('e'), [{ event: 'e', data: { n: 1 } }]);
    });

    test(`${name} changes its mind about ${channel} while the answer is on its way`, async (t) => {
      const client = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
      client.subscribe(channel);
      client.pusher.unsubscribe(channel);
      client.pusher.subscribe(channel);
      client.pusher.unsubscribe(channel);
      const kept = await client.join(channel);
      await publisher.trigger(channel, 'e', { n: 1 });
      await publisher.trigger(channel, 'fence', {});
      await kept.next('fence');
      assert.deepEqual(kept.all('e'), [{ event: 'e', data: { n: 1 } }]);
    });
  }
}

test('a row of subscriptions and unsubscriptions is answered in order', async (t) => {
  const socket = await Socket.open(t, server);
  const subscribe = { event: 'pusher:subscribe', data: { channel: 'row', auth: '' } };
  const unsubscribe = { event: 'pusher:unsubscribe', data: { channel: 'row' } };
  const row = [subscribe, unsubscribe, subscribe, subscribe, unsubscribe, unsubscribe, subscribe];
  row.forEach((message) => socket.send(message));
  socket.send({ event: 'pusher:ping', data: {} });
  await socket.frames.next('pusher:pong');
  await publisher.trigger('row', 'e', {});
  await socket.frames.next('e');
  await publisher.trigger('row', 'fence', {});
  await socket.frames.next('fence');
  assert.equal(socket.frames.all('pusher_internal:subscription_succeeded').length, 4);
  assert.equal(socket.frames.all('e').length, 1);
});

test('unsubscribing from what was never subscribed is no error', async (t) => {
  const socket = await Socket.open(t, server);
  socket.send({ event: 'pusher:unsubscribe', data: { channel: 'never' } });
  socket.send({ event: 'pusher:ping', data: {} });
  assert.equal((await socket.frames.next(() => true)).event, 'pusher:pong');
});
