import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { Client, PUSHERS } from '../support/clients.mjs';
import { APP, Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

const silent = { ...APP, id: '1002', key: 'silent' };
const server = await Server.start({ apps: [{ ...APP, subscription_count: true }, silent] });
const application = await Application.start();
after(() => Promise.all([server.stop(), application.stop()]));

for (const [name, Pusher] of PUSHERS) {
  test(`${name} sees how many are subscribed to a page that guests can read`, async (t) => {
    const channel = `page.${name.at(-1)}`;
    const [one, two] = [await Client.open(t, Pusher, server), await Client.open(t, Pusher, server)];
    const mine = one.subscribe(channel);
    assert.deepEqual((await mine.next('pusher:subscription_count')).data, { subscription_count: 1 });
    assert.equal(mine.channel.subscriptionCount, 1);
    two.subscribe(channel);
    assert.deepEqual((await mine.next('pusher:subscription_count')).data, { subscription_count: 2 });
    two.pusher.unsubscribe(channel);
    assert.deepEqual((await mine.next('pusher:subscription_count')).data, { subscription_count: 1 });
    assert.equal(mine.channel.subscriptionCount, 1);
  });
}

test('a connection that breaks is counted out', async (t) => {
  const [one, two] = [await Socket.open(t, server), await Socket.open(t, server)];
  await one.join('broken');
  await two.join('broken');
  const count = async () =>
    JSON.parse((await one.frames.next('pusher_internal:subscription_count')).data).subscription_count;
  assert.deepEqual([await count(), await count()], [1, 2]);
  two.ws.terminate();
  assert.equal(await count(), 1);
});

test('a presence channel has its members and no count', async (t) => {
  const channel = 'presence-count';
  const socket = await Socket.open(t, server);
  await socket.join(channel, application.authorize(socket.id, channel, 'zoe'));
  await server.publisher().trigger(channel, 'fence', {});
  await socket.frames.next('fence');
  assert.deepEqual(socket.frames.all('pusher_internal:subscription_count'), []);
});

test('an app that did not ask for counts gets none', async (t) => {
  const socket = await Socket.open(t, server, { key: silent.key });
  await socket.join('page');
  await server.publisher(silent).trigger('page', 'fence', {});
  await socket.frames.next('fence');
  assert.deepEqual(socket.frames.all('pusher_internal:subscription_count'), []);
});
