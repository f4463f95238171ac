import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { ECHOS, callback, startEcho, subscribed } from '../support/clients.mjs';
import { until } from '../support/inbox.mjs';
import { APP, Server } from '../support/server.mjs';

const server = await Server.start();
const application = await Application.start();
const impostor = await Application.start({ app: { ...APP, secret: 'another-secret' } });
after(() => Promise.all([server.stop(), application.stop(), impostor.stop()]));
const publisher = server.publisher();

for (const [name, Echo, Pusher] of ECHOS) {
  const start = (t, user = 'zoe') =>
    startEcho(t, Echo, Pusher, server, application.echoOptions(user));

  test(`${name} listens to events by their class, their alias and their full name`, async (t) => {
    const [byClass, nested, byAlias, byFullName] = [callback(), callback(), callback(), callback()];
    const orders = start(t).channel('orders');
    orders
      .listen('OrderShipped', byClass)
      .listen('Orders.Shipped', nested)
      .listen('.order.shipped', byAlias)
      .listen('\\App\\Other\\Shipped', byFullName);
    await subscribed(orders);
    await publisher.trigger('orders', 'App\\Events\\OrderShipped', { id: 1 });
    await publisher.trigger('orders', 'App\\Events\\Orders\\Shipped', { id: 2 });
    await publisher.trigger('orders', 'order.shipped', { id: 3 });
    await publisher.trigger('orders', 'App\\Other\\Shipped', { id: 4 });
    assert.deepEqual(await byClass.next(), { id: 1 });
    assert.deepEqual(await nested.next(), { id: 2 });
    assert.deepEqual(await byAlias.next(), { id: 3 });
    assert.deepEqual(await byFullName.next(), { id: 4 });
  });

  test(`${name} hears every event of a channel with listenToAll`, async (t) => {
    const heard = [];
    const done = callback();
    const channel = start(t).channel('everything');
    channel.listenToAll((event, data) => heard.push([event, data])).listen('.done', done);
    await subscribed(channel);
    await publisher.trigger('everything', 'App\\Events\\OrderShipped', { id: 1 });
    await publisher.trigger('everything', 'order.shipped', { id: 2 });
    await publisher.trigger('everything', 'done', {});
    await done.next();
    assert.deepEqual(heard.slice(0, 2), [
      ['OrderShipped', { id: 1 }],
      ['.order.shipped', { id: 2 }],
    ]);
  });

  test(`${name} gets notifications and model events on private channels`, async (t) => {
    const [notified, updated] = [callback(), callback()];
    const echo = start(t);
    const user = echo.private('App.Models.User.7').notification(notified);
    const post = echo.private('App.Models.Post.7').listen('.PostUpdated', updated);
    await Promise.all([subscribed(user), subscribed(post)]);
    const notification = { id: 'c0ffee', type: 'App\\Notifications\\InvoicePaid', invoice: 12 };
    const created = 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated';
    await publisher.trigger('private-App.Models.User.7', created, notification);
    await publisher.trigger('private-App.Models.Post.7', 'PostUpdated', { model: { id: 7 } });
    assert.deepEqual(await notified.next(), notification);
    assert.deepEqual(await updated.next(), { model: { id: 7 } });
  });

  test(`${name} knows who is here, who joins and who leaves`, async (t) => {
    const room = `room.${name.at(-1)}`;
    const [here, joining, leaving, bosHere] = [callback(), callback(), callback(), callback()];
    const [zoe, bo] = [start(t, 'zoe'), start(t, 'bo')];
    zoe.join(room).here(here).joining(joining).leaving(leaving);
    assert.deepEqual(await here.next(), [{ name: 'Zoë' }]);
    bo.join(room).here(bosHere);
    assert.deepEqual(await bosHere.next(), [{ name: 'Zoë' }, { name: 'Bo' }]);
    assert.deepEqual(await joining.next(), { name: 'Bo' });
    bo.leave(room);
    assert.deepEqual(await leaving.next(), { name: 'Bo' });
    assert.equal(joining.calls().length, 1);
    assert.equal(leaving.calls().length, 1);
  });

  test(`${name} does not hear its own event when the backend sends toOthers`, async (t) => {
    const [mine, theirs, fence] = [callback(), callback(), callback()];
    const [sender, other] = [start(t, 'zoe'), start(t, 'bo')];
    const channels = [
      sender.private('to-others').listen('Said', mine).listen('.fence', fence),
      other.private('to-others').listen('Said', theirs),
    ];
    await Promise.all(channels.map(subscribed));
    // What Laravel takes from the header X-Socket-ID.
    const params = { socket_id: sender.socketId() };
    await publisher.trigger('private-to-others', 'App\\Events\\Said', { text: 'hi' }, params);
    await publisher.trigger('private-to-others', 'fence', {});
    assert.deepEqual(await theirs.next(), { text: 'hi' });
    await fence.next();
    assert.deepEqual(mine.calls(), []);
  });

  test(`${name} hears in error() that the server refused its subscription`, async (t) => {
    const refused = callback();
    const echo = startEcho(t, Echo, Pusher, server, impostor.echoOptions('zoe'));
    echo.private('orders.7').error(refused);
    const { type, status } = await refused.next();
    assert.deepEqual({ type, status }, { type: 'AuthError', status: 401 });
    assert.equal(echo.connector.pusher.connection.state, 'connected');
  });

  test(`${name} subscribes once however often a channel is asked for`, async (t) => {
    const heard = callback();
    const echo = start(t);
    const first = echo.private('twice').listen('.e', heard);
    echo.private('twice').listen('.e', () => {});
    await subscribed(first);
    await publisher.trigger('private-twice', 'e', { n: 1 });
    assert.deepEqual(await heard.next(), { n: 1 });
    const info = { path: '/channels/private-twice', params: { info: 'subscription_count' } };
    assert.deepEqual(await (await publisher.get(info)).json(), {
      occupied: true,
      subscription_count: 1,
    });
  });

  test(`${name} leaves a channel in all its kinds and may come again`, async (t) => {
    const echo = start(t);
    const kinds = () => [echo.channel('left'), echo.private('left'), echo.join('left')];
    await Promise.all(kinds().map(subscribed));
    assert.deepEqual(await occupied(), ['left', 'presence-left', 'private-left']);
    echo.leave('left');
    await until('the channels are empty', async () => (await occupied()).length === 0);

    const heard = callback();
    const [again] = kinds();
    again.listen('.e', heard);
    await subscribed(again);
    await publisher.trigger('left', 'e', { n: 2 });
    assert.deepEqual(await heard.next(), { n: 2 });
  });

  test(`${name} survives a component that mounts, unmounts and mounts again at once`, async (t) => {
    const echo = start(t);
    const heard = callback();
    const channel = () => echo.private('strict-mode');
    await subscribed(channel());
    for (let n = 0; n < 5; n++) {
      echo.leave('strict-mode');
      channel();
    }
    channel().listen('.e', heard);
    await subscribed(channel());
    await publisher.trigger('private-strict-mode', 'e', { n: 1 });
    await publisher.trigger('private-strict-mode', 'e', { n: 2 });
    assert.deepEqual(await heard.next(), { n: 1 });
    assert.deepEqual(await heard.next(), { n: 2 });
    assert.equal(heard.calls().length, 2);
  });
}

test('laravel-echo 2 reports the status of its connection', async (t) => {
  const [, Echo, Pusher] = ECHOS[0];
  const echo = startEcho(t, Echo, Pusher, server);
  const changed = callback();
  echo.connector.onConnectionChange(changed);
  await echo.client.connected();
  assert.equal(echo.connectionStatus(), 'connected');
  echo.disconnect();
  assert.equal(echo.connectionStatus(), 'disconnected');
  assert.ok(changed.calls().includes('connected'), String(changed.calls()));
  assert.equal(changed.calls().at(-1), 'disconnected');
});

async function occupied() {
  const { channels } = await (await publisher.get({ path: '/channels' })).json();
  return Object.keys(channels)
    .filter((name) => name.endsWith('left'))
    .sort();
}
