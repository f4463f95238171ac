import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { Client, ECHOS, PUSHERS, callback, startEcho, subscribed } from '../support/clients.mjs';
import { Server, APP } from '../support/server.mjs';
import { Socket, errorOf } from '../support/socket.mjs';

const variant = (id, options) => ({ id, key: `key-${id}`, secret: APP.secret, ...options });
const limited = variant('1002', { max_client_events_per_second: 3 });
const open = variant('1003', { accept_client_events_from: 'all' });
const closed = variant('1004', { accept_client_events_from: 'none' });
const rate_limiting = { enabled: true, max_attempts: 3, decay_seconds: 60, terminate_on_limit: true };
const terminated = variant('1005', { rate_limiting });
const server = await Server.start({ apps: [APP, limited, open, closed, terminated] });
const application = await Application.start();
after(() => Promise.all([server.stop(), application.stop()]));
const publisher = server.publisher();

const NOT_A_MEMBER = { code: 4009, message: 'The client is not a member of the specified channel.' };

for (const [name, Pusher] of PUSHERS) {
  test(`${name} reaches the others on a private channel, not itself`, async (t) => {
    const channel = 'private-chat';
    const [zoe, bo] = await Promise.all(
      ['zoe', 'bo'].map((user) => Client.open(t, Pusher, server, application.pusherOptions(user))),
    );
    const [zoes, bos] = [await zoe.join(channel), await bo.join(channel)];
    zoes.channel.trigger('client-typing', { n: 1 });
    assert.deepEqual((await bos.next('client-typing')).data, { n: 1 });
    await publisher.trigger(channel, 'fence', {});
    await zoes.next('fence');
    assert.deepEqual(zoes.all('client-typing'), []);
  });

  test(`${name} is told on a presence channel which user sent the event`, async (t) => {
    const channel = 'presence-chat';
    const [zoe, bo] = await Promise.all(
      ['zoe', 'bo'].map((user) => Client.open(t, Pusher, server, application.pusherOptions(user))),
    );
    const [zoes, bos] = [await zoe.join(channel), await bo.join(channel)];
    const sender = new Promise((resolve) =>
      bos.channel.bind('client-typing', (data, metadata) => resolve({ data, metadata })),
    );
    zoes.channel.trigger('client-typing', { n: 1 });
    await bos.next('client-typing');
    assert.deepEqual(await sender, { data: { n: 1 }, metadata: { user_id: '7' } });
  });
}

for (const [name, Echo, Pusher] of ECHOS) {
  test(`${name} whispers to the others`, async (t) => {
    const echos = ['zoe', 'bo'].map((user) =>
      startEcho(t, Echo, Pusher, server, application.echoOptions(user)),
    );
    const [heard, echoed] = [callback(), callback()];
    const [zoe, bo] = echos.map((echo) => echo.private('whispers'));
    zoe.listenForWhisper('typing', echoed);
    bo.listenForWhisper('typing', heard);
    await Promise.all([subscribed(zoe), subscribed(bo)]);
    zoe.whisper('typing', { name: 'Zoë' });
    assert.deepEqual(await heard.next(), { name: 'Zoë' });

    const fence = callback();
    zoe.listen('.fence', fence);
    await publisher.trigger('private-whispers', 'fence', {});
    await fence.next();
    assert.deepEqual(echoed.calls(), []);
  });

  test(`${name} whispers in a presence channel`, async (t) => {
    const [zoe, bo] = ['zoe', 'bo'].map((user) =>
      startEcho(t, Echo, Pusher, server, application.echoOptions(user)).join('whispers'),
    );
    const heard = callback();
    bo.listenForWhisper('typing', heard);
    await Promise.all([subscribed(zoe), subscribed(bo)]);
    zoe.whisper('typing', { name: 'Zoë' });
    assert.deepEqual(await heard.next(), { name: 'Zoë' });
  });
}

test('the frame of a client event has the data untouched and no more than the sender may say', async (t) => {
  const channel = 'private-untouched';
  const [one, two] = await pair(t, channel);
  for (const data of ['{"price":1.0}', '{}', '[1,2]', '"text"', '7', 'true', 'null', '"\\u2028"']) {
    one.send(`{"event":"client-e","channel":"${channel}","data":${data},"user_id":"1","extra":true}`);
    const { raw, ...frame } = await two.frames.next('client-e');
    assert.deepEqual(frame, { event: 'client-e', channel, data: JSON.parse(data) }, data);
    assert.ok(raw.includes(`"data":${data}`), raw);
  }
});

test('a forged user_id is replaced by that of the connection', async (t) => {
  const channel = 'presence-forged';
  const [zoe, bo] = await pair(t, channel);
  zoe.send({ event: 'client-e', channel, data: {}, user_id: '8' });
  const { raw, ...frame } = await bo.frames.next('client-e');
  assert.deepEqual(frame, { event: 'client-e', channel, data: {}, user_id: '7' });
});

test('somebody who is not on the channel is refused, and nobody hears it', async (t) => {
  const channel = 'private-members';
  const member = await Socket.open(t, server);
  await member.join(channel, application.authorize(member.id, channel, 'zoe'));
  const stranger = await Socket.open(t, server);
  stranger.send({ event: 'client-e', channel, data: {} });
  assert.deepEqual(errorOf(await stranger.frames.next('pusher:error')), NOT_A_MEMBER);
  await publisher.trigger(channel, 'fence', {});
  await member.frames.next('fence');
  assert.deepEqual(member.frames.all('client-e'), []);
});

test('a public channel takes no client events', async (t) => {
  const [one, two] = [await Socket.open(t, server), await Socket.open(t, server)];
  await one.join('public');
  await two.join('public');
  one.send({ event: 'client-e', channel: 'public', data: {} });
  assert.equal(errorOf(await one.frames.next('pusher:error')).code, 4009);
  await publisher.trigger('public', 'fence', {});
  await two.frames.next('fence');
  assert.deepEqual(two.frames.all('client-e'), []);
});

test('an app that accepts from all takes them on public channels and from strangers', async (t) => {
  const [one, two] = [
    await Socket.open(t, server, { key: open.key }),
    await Socket.open(t, server, { key: open.key }),
  ];
  await two.join('public');
  one.send({ event: 'client-e', channel: 'public', data: { n: 1 } });
  const { raw, ...frame } = await two.frames.next('client-e');
  assert.deepEqual(frame, { event: 'client-e', channel: 'public', data: { n: 1 } });
});

test('an app that accepts from none says so', async (t) => {
  const channel = 'private-none';
  const [one, two] = await pair(t, channel, closed);
  one.send({ event: 'client-e', channel, data: {} });
  assert.deepEqual(errorOf(await one.frames.next('pusher:error')), {
    code: 4301,
    message: 'The app does not have client messaging enabled.',
  });
  await server.publisher(closed).trigger(channel, 'fence', {});
  await two.frames.next('fence');
  assert.deepEqual(two.frames.all('client-e'), []);
});

test('more client events in a second than the app allows are refused, the connection stays', async (t) => {
  const channel = 'private-limited';
  const [one, two] = await pair(t, channel, limited);
  const sent = 20;
  for (let n = 0; n < sent; n++) {
    one.send({ event: 'client-e', channel, data: { n } });
  }
  one.send({ event: 'pusher:ping', data: {} });
  await one.frames.next('pusher:pong');
  await server.publisher(limited).trigger(channel, 'fence', {});
  await two.frames.next('fence');
  const errors = one.frames.all('pusher:error');
  assert.deepEqual(errorOf(errors[0]), {
    code: 4301,
    message: 'The rate limit for sending client events exceeded the quota.',
  });
  const passed = two.frames.all('client-e').map(({ data }) => data.n);
  assert.deepEqual(passed.slice(0, 3), [0, 1, 2]);
  assert.equal(passed.length + errors.length, sent);
  // The burst may reach over the end of a second, not over the end of two.
  assert.ok(passed.length <= 6, `${passed.length} passed`);
});

test('the limiter of Reverb counts every message and ends the connection with 4301', async (t) => {
  const socket = await Socket.open(t, server, { key: terminated.key });
  for (let n = 0; n < 4; n++) {
    socket.send({ event: 'pusher:ping', data: {} });
  }
  assert.deepEqual(errorOf(await socket.frames.next('pusher:error')), {
    code: 4301,
    message: 'Rate limit exceeded',
  });
  assert.equal((await socket.close()).code, 4301);
  assert.equal(socket.frames.all('pusher:pong').length, 3);
});

/** Zoë and Bo on a channel. */
async function pair(t, channel, app = APP) {
  const signer = await Application.start({ app });
  t.after(() => signer.stop());
  const join = async (user) => {
    const socket = await Socket.open(t, server, { key: app.key });
    await socket.join(channel, signer.authorize(socket.id, channel, user));
    return socket;
  };
  return [await join('zoe'), await join('bo')];
}
