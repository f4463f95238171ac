import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Application, sign } from '../support/application.mjs';
import { Client, PUSHERS } from '../support/clients.mjs';
import { soon } from '../support/inbox.mjs';
import { Server } from '../support/server.mjs';
import { Socket, errorOf } from '../support/socket.mjs';

const server = await Server.start();
const application = await Application.start();
after(() => Promise.all([server.stop(), application.stop()]));
const publisher = server.publisher();

for (const [name, Pusher] of PUSHERS) {
  const open = (t, user) => Client.open(t, Pusher, server, application.pusherOptions(user));

  test(`${name} signs in and gets the events of its user in every tab, nobody else does`, async (t) => {
    const [one, two, bo] = [await open(t, 'zoe'), await open(t, 'zoe'), await open(t, 'bo')];
    await Promise.all([one.signIn(), two.signIn(), bo.signIn()]);
    assert.equal(one.pusher.user.user_data.id, '7');
    const notes = [one, two].map(({ pusher }) => next(pusher.user, 'note'));
    const response = await publisher.sendToUser('7', 'note', { text: 'for you' });
    assert.equal(response.status, 200);
    assert.deepEqual(await Promise.all(notes), [{ text: 'for you' }, { text: 'for you' }]);

    const fence = next(bo.pusher.user, 'fence');
    await publisher.sendToUser('8', 'fence', {});
    await fence;
    assert.deepEqual(bo.messages.all('note'), []);
  });

  test(`${name} signs in again after it was connected again`, async (t) => {
    const zoe = await open(t, 'zoe');
    await zoe.signIn();
    zoe.pusher.disconnect();
    zoe.pusher.connect();
    await zoe.signIn();
    const note = next(zoe.pusher.user, 'note');
    await publisher.sendToUser('7', 'note', { n: 2 });
    assert.deepEqual(await note, { n: 2 });
  });

  test(`${name} is thrown out by terminateUserConnections and does not come back`, async (t) => {
    const [one, two, bo] = [await open(t, 'zoe'), await open(t, 'zoe'), await open(t, 'bo')];
    await Promise.all([one.signIn(), two.signIn(), bo.signIn()]);
    const response = await publisher.terminateUserConnections('7');
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), {});
    for (const zoe of [one, two]) {
      await zoe.changes.next('disconnected');
      // From this state pusher-js never connects by itself.
      assert.deepEqual(zoe.states, ['connecting', 'connected', 'disconnected']);
      assert.equal(zoe.errors.history.length > 0, true);
    }
    const note = next(bo.pusher.user, 'note');
    await publisher.sendToUser('8', 'note', {});
    await note;
    assert.deepEqual(bo.states, ['connecting', 'connected']);
  });

  test(`${name} sees who of its watchlist is online, comes and goes`, async (t) => {
    const bo = await open(t, 'bo');
    await bo.signIn();
    const zoe = await open(t, 'zoe');
    const [online, offline] = [next(zoe.pusher.user.watchlist, 'online'), next(zoe.pusher.user.watchlist, 'offline')];
    await zoe.signIn();
    assert.deepEqual((await online).user_ids, ['8']);
    assert.deepEqual((await offline).user_ids, ['9']);

    const came = next(zoe.pusher.user.watchlist, 'online');
    const kim = await open(t, 'kim');
    await kim.signIn();
    assert.deepEqual((await came).user_ids, ['9']);

    const went = next(zoe.pusher.user.watchlist, 'offline');
    bo.pusher.disconnect();
    assert.deepEqual((await went).user_ids, ['8']);
    kim.pusher.disconnect();
    assert.deepEqual((await next(zoe.pusher.user.watchlist, 'offline')).user_ids, ['9']);
  });

  test(`${name} joins a presence channel as the user that it signed in as`, async (t) => {
    const zoe = await Client.open(t, Pusher, server, {
      ...application.pusherOptions('zoe'),
      channelAuthorization: {
        customHandler: ({ socketId, channelName }, done) =>
          done(null, { auth: sign(`${socketId}:${channelName}`) }),
      },
    });
    await zoe.signIn();
    const room = await zoe.join('presence-signed-in');
    assert.deepEqual(room.channel.members.members, { 7: { name: 'Zoë' } });
    assert.equal(room.channel.members.myID, '7');
  });
}

test('the answer to a sign-in carries the user data as it came', async (t) => {
  const socket = await Socket.open(t, server);
  const userData = '{"id":"7","user_info":{"name":"Zo\\u00eb"}}';
  const auth = sign(`${socket.id}::user::${userData}`);
  socket.send({ event: 'pusher:signin', data: { auth, user_data: userData } });
  const { data } = await socket.frames.next('pusher:signin_success');
  const { user_data: returned } = typeof data === 'string' ? JSON.parse(data) : data;
  assert.equal(returned, userData);
});

test('nobody but the user may listen to the events of a user', async (t) => {
  const [guest, bo, zoe] = [
    await Socket.open(t, server),
    await signedIn(t, 'bo'),
    await signedIn(t, 'zoe'),
  ];
  const channel = '#server-to-user-7';
  for (const intruder of [guest, bo]) {
    // Not even with a signature: this name is not for channels that applications authorise.
    const auth = sign(`${intruder.id}:${channel}`);
    intruder.send({ event: 'pusher:subscribe', data: { channel, auth } });
    await intruder.frames.next('pusher:error');
    assert.equal((await intruder.frames.next('pusher:subscription_error')).channel, channel);
  }
  await zoe.join(channel);
  await publisher.sendToUser('7', 'secret', { n: 1 });
  const { raw, ...frame } = await zoe.frames.next('secret');
  assert.deepEqual(frame, { event: 'secret', channel, data: '{"n":1}' });
  for (const intruder of [guest, bo]) {
    await intruder.join('public');
    await publisher.trigger('public', 'fence', {});
    await intruder.frames.next('fence');
    assert.deepEqual(intruder.frames.all('secret'), []);
  }
});

test('a sign-in with a wrong signature is refused with 4009 and closed', async (t) => {
  const socket = await Socket.open(t, server);
  const { user_data: data } = application.authenticate(socket.id, 'zoe');
  socket.send({ event: 'pusher:signin', data: { auth: sign('something else'), user_data: data } });
  assert.deepEqual(errorOf(await socket.frames.next('pusher:error')), {
    code: 4009,
    message: 'Connection not authorized.',
  });
  assert.equal((await socket.close()).code, 4009);
});

test('a connection that is signed in stays the user it is', async (t) => {
  const zoe = await signedIn(t, 'zoe');
  zoe.send({ event: 'pusher:signin', data: application.authenticate(zoe.id, 'bo') });
  assert.equal(errorOf(await zoe.frames.next('pusher:error')).code, 4009);
  await zoe.join('#server-to-user-7');
});

test('a terminated connection gets an error and the close code 4009', async (t) => {
  const zoe = await signedIn(t, 'zoe');
  await publisher.terminateUserConnections('7');
  const message = 'You got disconnected by the app.';
  assert.deepEqual(errorOf(await zoe.frames.next('pusher:error')), { code: 4009, message });
  assert.deepEqual(await zoe.close(), { code: 4009, reason: message });
});

test('a user is terminated who is known only from a presence channel', async (t) => {
  const channel = 'presence-terminated';
  const [zoe, bo] = [await Socket.open(t, server), await Socket.open(t, server)];
  await zoe.join(channel, application.authorize(zoe.id, channel, 'zoe'));
  await bo.join(channel, application.authorize(bo.id, channel, 'bo'));
  await publisher.terminateUserConnections('7');
  assert.equal((await zoe.close()).code, 4009);
  assert.deepEqual(JSON.parse((await bo.frames.next('pusher_internal:member_removed')).data), {
    user_id: '7',
  });
});

for (const id of ['a@b.c', 'a b', 'Zoë', '50%']) {
  test(`the user ${id} can be terminated, although the id does not stand so in a URL`, async (t) => {
    const socket = await Socket.open(t, server);
    const userData = JSON.stringify({ id });
    const auth = sign(`${socket.id}::user::${userData}`);
    socket.send({ event: 'pusher:signin', data: { auth, user_data: userData } });
    await socket.frames.next('pusher:signin_success');
    assert.equal((await publisher.terminateUserConnections(id)).status, 200);
    assert.equal((await socket.close()).code, 4009);
  });
}

test('terminating a user who is not there is answered with {}', async () => {
  assert.deepEqual(await (await publisher.terminateUserConnections('nobody')).json(), {});
});

test('a watchlist over a hundred is cut and 4302 tells', async (t) => {
  const socket = await Socket.open(t, server);
  const watchlist = Array.from({ length: 101 }, (_, n) => `w${n}`);
  const userData = JSON.stringify({ id: 'watcher', watchlist });
  const auth = sign(`${socket.id}::user::${userData}`);
  socket.send({ event: 'pusher:signin', data: { auth, user_data: userData } });
  await socket.frames.next('pusher:signin_success');
  assert.equal(errorOf(await socket.frames.next('pusher:error')).code, 4302);
  const { data, channel } = await socket.frames.next('pusher_internal:watchlist_events');
  assert.equal(channel, undefined);
  const offline = JSON.parse(data).events.filter(({ name }) => name === 'offline');
  assert.deepEqual(offline.flatMap((event) => event.user_ids).sort(), watchlist.slice(0, 100).sort());
});

/** The data of the next event that a pusher-js dispatcher gets. */
function next(dispatcher, event) {
  const came = new Promise((resolve) => {
    const called = (data) => {
      dispatcher.unbind(event, called);
      resolve(data);
    };
    dispatcher.bind(event, called);
  });
  return soon(event, came);
}

async function signedIn(t, user) {
  const socket = await Socket.open(t, server);
  socket.send({ event: 'pusher:signin', data: application.authenticate(socket.id, user) });
  await socket.frames.next('pusher:signin_success');
  return socket;
}
