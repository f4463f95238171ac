import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Application, sign } from '../support/application.mjs';
import { Client, PUSHERS } from '../support/clients.mjs';
import { until } from '../support/inbox.mjs';
import { APP, Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

// An app of its own for the tests that count connections.
const counted = { id: '1002', key: 'counted', secret: 'another-secret' };
const server = await Server.start({ apps: [APP, counted] });
const application = await Application.start();
const countedApplication = await Application.start({ app: counted });
after(() => Promise.all([server.stop(), application.stop(), countedApplication.stop()]));
const publisher = server.publisher();

let rooms = 0;

for (const [name, Pusher] of PUSHERS) {
  const open = (t, user) => Client.open(t, Pusher, server, application.pusherOptions(user));

  test(`${name} finds itself and everybody else in the room`, async (t) => {
    const room = freshRoom();
    const [zoe, bo] = [await open(t, 'zoe'), await open(t, 'bo')];
    const zoes = await zoe.join(room);
    assert.deepEqual(membersOf(zoes), { 7: { name: 'Zoë' } });
    assert.equal(zoes.channel.members.count, 1);
    assert.deepEqual(zoes.channel.members.me, { id: '7', info: { name: 'Zoë' } });

    const bos = await bo.join(room);
    assert.deepEqual(membersOf(bos), { 7: { name: 'Zoë' }, 8: { name: 'Bo' } });
    assert.equal(bos.channel.members.count, 2);
    assert.deepEqual(bos.channel.members.me, { id: '8', info: { name: 'Bo' } });
  });

  test(`${name} hears once who joins and who leaves`, async (t) => {
    const room = freshRoom();
    const [zoe, bo] = [await open(t, 'zoe'), await open(t, 'bo')];
    const zoes = await zoe.join(room);
    const bos = await bo.join(room);
    assert.deepEqual((await zoes.next('pusher:member_added')).data, { id: '8', info: { name: 'Bo' } });
    assert.equal(zoes.channel.members.count, 2);

    bo.pusher.unsubscribe(room);
    assert.deepEqual((await zoes.next('pusher:member_removed')).data, { id: '8', info: { name: 'Bo' } });
    assert.equal(zoes.channel.members.count, 1);
    await publisher.trigger(room, 'fence', {});
    await zoes.next('fence');
    assert.equal(zoes.all('pusher:member_added').length, 1);
    assert.equal(zoes.all('pusher:member_removed').length, 1);
    // Nobody is told of their own coming and going.
    assert.deepEqual(bos.all('pusher:member_added'), []);
    assert.deepEqual(bos.all('pusher:member_removed'), []);
  });

  test(`${name} sees several tabs of a user as one member`, async (t) => {
    const room = freshRoom();
    const tab = (user) =>
      Client.open(t, Pusher, server, { app: counted, ...countedApplication.pusherOptions(user) });
    const bo = await tab('bo');
    const bos = await bo.join(room);
    const [one, two, three] = [await tab('zoe'), await tab('zoe'), await tab('zoe')];
    for (const zoe of [one, two, three]) {
      assert.equal((await zoe.join(room)).channel.members.count, 2);
    }
    const backend = server.publisher(counted);
    assert.deepEqual(await info(backend, room), { occupied: true, user_count: 2 });

    one.pusher.unsubscribe(room);
    one.pusher.send_event('pusher:ping', {});
    await one.messages.next('pusher:pong');
    two.pusher.disconnect();
    await until('the second tab is closed', async () => (await connections(backend)) === 3);
    await backend.trigger(room, 'fence', {});
    await bos.next('fence');
    assert.deepEqual(bos.all('pusher:member_removed'), []);
    assert.deepEqual(membersOf(bos), { 7: { name: 'Zoë' }, 8: { name: 'Bo' } });

    three.pusher.disconnect();
    assert.equal((await bos.next('pusher:member_removed')).data.id, '7');
    assert.equal(bos.all('pusher:member_added').length, 1);
    assert.deepEqual(await info(backend, room), { occupied: true, user_count: 1 });
  });

  test(`${name} sees the ids 7 and "7" as one user`, async (t) => {
    const room = freshRoom();
    const [bo, byText, byNumber] = [await open(t, 'bo'), await open(t, 'zoe'), await open(t, 'numeric')];
    const bos = await bo.join(room);
    await byNumber.join(room);
    assert.deepEqual((await bos.next('pusher:member_added')).data, {
      id: 7,
      info: { name: 'Zoë, by number' },
    });
    const texts = await byText.join(room);
    assert.equal(texts.channel.members.count, 2);
    await publisher.trigger(room, 'fence', {});
    await bos.next('fence');
    assert.equal(bos.all('pusher:member_added').length, 1);
    byNumber.pusher.disconnect();
    byText.pusher.disconnect();
    assert.equal(String((await bos.next('pusher:member_removed')).data.id), '7');
    assert.equal(bos.channel.members.count, 1);
  });

  test(`${name} joins without user_info`, async (t) => {
    const room = freshRoom();
    const [bo, silent] = [await open(t, 'bo'), await open(t, 'silent')];
    const bos = await bo.join(room);
    const silents = await silent.join(room);
    assert.equal(silents.channel.members.count, 2);
    assert.equal((await bos.next('pusher:member_added')).data.id, '10');
    bos.channel.members.each(({ id }) => assert.ok(['8', '10'].includes(id)));
    silent.pusher.disconnect();
    assert.equal((await bos.next('pusher:member_removed')).data.id, '10');
  });

  test(`${name} sees a member leave whose connection broke without a word`, async (t) => {
    const room = freshRoom();
    const zoe = await open(t, 'zoe');
    const zoes = await zoe.join(room);
    const bo = await Socket.open(t, server);
    await bo.join(room, application.authorize(bo.id, room, 'bo'));
    await zoes.next('pusher:member_added');
    bo.ws.terminate();
    assert.equal((await zoes.next('pusher:member_removed')).data.id, '8');
  });
}

test('members whose last words and end come together leave at once', async (t) => {
  const room = freshRoom();
  const zoe = await Socket.open(t, server);
  await zoe.join(room, application.authorize(zoe.id, room, 'zoe'));
  const crowd = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const socket = await Socket.open(t, server);
      const channelData = JSON.stringify({ user_id: `crowd-${n}` });
      const auth = sign(`${socket.id}:${room}:${channelData}`);
      await socket.join(room, { auth, channel_data: channelData });
      return socket;
    }),
  );
  // While the server stands still, a message and the end of each connection pile up for it.
  server.pause();
  for (const socket of crowd) {
    // A message without an answer, which would show that nobody is there.
    socket.send({ event: 'pusher:pong', data: {} });
    socket.ws.terminate();
  }
  await Promise.allSettled(crowd.map((socket) => socket.closed));
  server.resume();
  for (let n = 0; n < crowd.length; n++) {
    await zoe.frames.next('pusher_internal:member_removed');
  }
  assert.deepEqual(await users(room), [{ id: '7' }]);
});

test('the answer to a joiner is the list of users that the protocol describes', async (t) => {
  const room = freshRoom();
  const [one, two] = [await Socket.open(t, server), await Socket.open(t, server)];
  await one.join(room, application.authorize(one.id, room, 'zoe'));
  const { raw, data, ...frame } = await two.join(room, application.authorize(two.id, room, 'bo'));
  assert.deepEqual(frame, { event: 'pusher_internal:subscription_succeeded', channel: room });
  const { presence } = JSON.parse(data);
  assert.deepEqual([...presence.ids].sort(), ['7', '8']);
  assert.deepEqual(presence.hash, { 7: { name: 'Zoë' }, 8: { name: 'Bo' } });
  assert.equal(presence.count, 2);

  const added = await one.frames.next('pusher_internal:member_added');
  assert.equal(added.channel, room);
  assert.deepEqual(JSON.parse(added.data), { user_id: '8', user_info: { name: 'Bo' } });
  two.send({ event: 'pusher:unsubscribe', data: { channel: room } });
  const removed = await one.frames.next('pusher_internal:member_removed');
  assert.deepEqual(JSON.parse(removed.data), { user_id: '8' });
});

test('subscribing twice is answered twice and tells nobody twice', async (t) => {
  const room = freshRoom();
  const [zoe, bo] = [await Socket.open(t, server), await Socket.open(t, server)];
  await zoe.join(room, application.authorize(zoe.id, room, 'zoe'));
  await bo.join(room, application.authorize(bo.id, room, 'bo'));
  await bo.join(room, application.authorize(bo.id, room, 'bo'));
  await publisher.trigger(room, 'fence', {});
  await Promise.all([zoe.frames.next('fence'), bo.frames.next('fence')]);
  assert.equal(zoe.frames.all('pusher_internal:member_added').length, 1);
  assert.equal(bo.frames.all('fence').length, 1);
});

test('the signature covers the bytes of channel_data as PHP wrote them', async (t) => {
  const room = freshRoom();
  const socket = await Socket.open(t, server);
  const channelData = '{"user_id":"7","user_info":{"name":"Zo\\u00eb","url":"https:\\/\\/a.example"}}';
  const auth = sign(`${socket.id}:${room}:${channelData}`);
  const { data } = await socket.join(room, { auth, channel_data: channelData });
  assert.deepEqual(JSON.parse(data).presence.hash, {
    7: { name: 'Zoë', url: 'https://a.example' },
  });
});

test('channel_data that was changed after it was signed is refused', async (t) => {
  const room = freshRoom();
  const socket = await Socket.open(t, server);
  const { auth, channel_data: data } = application.authorize(socket.id, room, 'zoe');
  const forged = data.replace('"7"', '"8"');
  socket.send({ event: 'pusher:subscribe', data: { channel: room, auth, channel_data: forged } });
  await socket.frames.next('pusher:error');
  await socket.frames.next('pusher:subscription_error');
  assert.deepEqual(await users(room), []);
});

test('a presence channel forgets its members when the last one leaves', async (t) => {
  const room = freshRoom();
  const socket = await Socket.open(t, server);
  await socket.join(room, application.authorize(socket.id, room, 'zoe'));
  assert.deepEqual(await users(room), [{ id: '7' }]);
  socket.ws.close();
  await until('the room is empty', async () => (await users(room)).length === 0);
});

function freshRoom() {
  rooms += 1;
  return `presence-room.${rooms}`;
}

/** Who is in the room as pusher-js knows it: id to info. */
function membersOf(events) {
  return events.channel.members.members;
}

async function info(backend, room) {
  const params = { info: 'user_count' };
  return (await backend.get({ path: `/channels/${room}`, params })).json();
}

async function connections(backend) {
  return (await (await backend.get({ path: '/connections' })).json()).connections;
}

async function users(room) {
  return (await (await publisher.get({ path: `/channels/${room}/users` })).json()).users;
}
