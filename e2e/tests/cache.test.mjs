import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { Client, PUSHERS } from '../support/clients.mjs';
import { APP, Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

const server = await Server.start({ apps: [{ ...APP, accept_client_events_from: 'members' }] });
const application = await Application.start();
after(() => Promise.all([server.stop(), application.stop()]));
const publisher = server.publisher();

for (const [name, Pusher] of PUSHERS) {
  for (const kind of ['cache', 'private-cache', 'presence-cache']) {
    const channel = `${kind}-prices.${name.at(-1)}`;

    test(`${name} is told of a cache miss on ${kind}- and then finds the last event`, async (t) => {
      const open = () => Client.open(t, Pusher, server, application.pusherOptions('zoe'));
      const first = await (await open()).join(channel);
      assert.equal((await first.next('pusher:cache_miss')).event, 'pusher:cache_miss');
      await publisher.trigger(channel, 'price', { n: 1 });
      await publisher.trigger(channel, 'price', { n: 2 });
      assert.deepEqual((await first.next('price')).data, { n: 1 });
      assert.deepEqual((await first.next('price')).data, { n: 2 });

      const second = await (await open()).join(channel);
      assert.deepEqual((await second.next(() => true)).data, { n: 2 });
      await publisher.trigger(channel, 'fence', {});
      await second.next('fence');
      const names = second.history.map(({ event }) => event);
      assert.deepEqual(names, ['pusher:subscription_succeeded', 'price', 'fence']);
    });
  }
}

test('the answer to a subscription comes first, the cached event or the miss second', async (t) => {
  const socket = await Socket.open(t, server);
  await socket.join('cache-order');
  const { raw, ...miss } = await socket.frames.next(() => true);
  assert.deepEqual(miss, { event: 'pusher:cache_miss', channel: 'cache-order' });
  await publisher.trigger('cache-order', 'price', '{"n":1.0}');
  const later = await Socket.open(t, server);
  later.send({ event: 'pusher:subscribe', data: { channel: 'cache-order' } });
  assert.equal((await later.frames.next(() => true)).event, 'pusher_internal:subscription_succeeded');
  const { raw: text, ...event } = await later.frames.next(() => true);
  assert.deepEqual(event, { event: 'price', channel: 'cache-order', data: '{"n":1.0}' });
});

test('an event is remembered while nobody is on the channel', async (t) => {
  await publisher.trigger('cache-empty', 'price', { n: 1 });
  const socket = await Socket.open(t, server);
  await socket.join('cache-empty');
  assert.equal((await socket.frames.next('price')).data, '{"n":1}');
});

test('an event is remembered after the last subscriber left', async (t) => {
  const socket = await Socket.open(t, server);
  await socket.join('cache-left');
  await publisher.trigger('cache-left', 'price', { n: 1 });
  await socket.frames.next('price');
  socket.send({ event: 'pusher:unsubscribe', data: { channel: 'cache-left' } });
  await socket.join('cache-left');
  assert.equal((await socket.frames.next('price')).data, '{"n":1}');
});

test('an event that excluded a socket is remembered for it too', async (t) => {
  const socket = await Socket.open(t, server);
  await socket.join('cache-except');
  await publisher.trigger('cache-except', 'price', { n: 1 }, { socket_id: socket.id });
  socket.send({ event: 'pusher:unsubscribe', data: { channel: 'cache-except' } });
  await socket.join('cache-except');
  await socket.frames.next('price');
  assert.equal(socket.frames.all('price').length, 1);
});

test('a client event is not remembered', async (t) => {
  const channel = 'private-cache-whisper';
  const [one, two] = [await Socket.open(t, server), await Socket.open(t, server)];
  await one.join(channel, application.authorize(one.id, channel, 'zoe'));
  await two.join(channel, application.authorize(two.id, channel, 'bo'));
  one.send({ event: 'client-price', channel, data: { n: 1 } });
  await two.frames.next('client-price');
  const late = await Socket.open(t, server);
  await late.join(channel, application.authorize(late.id, channel, 'kim'));
  assert.equal((await late.frames.next(() => true)).event, 'pusher:cache_miss');
});

test('a channel that only starts like a cache channel remembers nothing', async (t) => {
  await publisher.trigger('cachewarm', 'price', { n: 1 });
  const socket = await Socket.open(t, server);
  await socket.join('cachewarm');
  await publisher.trigger('cachewarm', 'fence', {});
  assert.equal((await socket.frames.next(() => true)).event, 'fence');
});
