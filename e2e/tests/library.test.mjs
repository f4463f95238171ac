/** An axum application on the library, and unmodified Echo 2: every driver, both protocols. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { ECHOS, callback, startEcho, subscribed } from '../support/clients.mjs';
import { until } from '../support/inbox.mjs';
import { fixedPort } from '../support/process.mjs';
import { Redis } from '../support/redis.mjs';
import { MEMBERS, Sample } from '../support/sample.mjs';
import { APP, Server, publisherOf } from '../support/server.mjs';
import { SOCKET_IOS, openSocketIoEcho } from '../support/socketio.mjs';

const [[, Echo, Pusher]] = ECHOS;
const [, [, io]] = SOCKET_IOS.slice(-2);

/** The application with each driver: configuration is all that differs. */
const DRIVERS = {
  // Its port is the application's own, and so is its HTTP API. What is sent is a row of its database first.
  embedded: ({ port }) => ({
    server: { port, publisher: () => publisherOf(port) },
    env: { BROADCAST_CONNECTION: 'embedded', QUEUE: 'database' },
    stop: () => {},
  }),
  reverb: (sample) => separate(sample, { BROADCAST_CONNECTION: 'reverb' }, 'REVERB'),
  pusher: (sample) => separate(sample, { BROADCAST_CONNECTION: 'pusher' }, 'PUSHER'),
  redis: async (sample) => {
    const redis = await Redis.start();
    const server = await Server.start({
      env: { RESOUND_REDIS_URL: redis.url, REDIS_PREFIX: 'sample-', RESOUND_AUTH_HOST: sample.host },
      ...told(sample),
    });
    const env = { BROADCAST_CONNECTION: 'redis', REDIS_URL: redis.url, REDIS_PREFIX: 'sample-' };
    return { server, env, stop: () => Promise.all([server.stop(), redis.stop()]) };
  },
};

/** The settings of a server that tells the application what clients do, at once. */
function told({ host }) {
  const webhooks = [{ url: `${host}/broadcasting/webhook` }];
  return { apps: [{ ...APP, webhooks }], settings: { webhooks: { delay_seconds: 0 } } };
}

/** A server of its own, spoken to over HTTP. */
async function separate(sample, env, prefix) {
  const server = await Server.start({ env: { RESOUND_AUTH_HOST: sample.host }, ...told(sample) });
  const address = { HOST: '127.0.0.1', PORT: String(server.port), SCHEME: 'http' };
  const { id, key, secret } = APP;
  const all = { ...address, APP_ID: id, APP_KEY: key, APP_SECRET: secret };
  const variables = Object.entries(all).map(([name, value]) => [`${prefix}_${name}`, value]);
  return { server, env: { ...env, ...Object.fromEntries(variables) }, stop: () => server.stop() };
}

/** A page of a user: Echo over pusher-js, or over socket.io-client. */
const PAGES = {
  'pusher-js': async (t, { server, sample }, user) => {
    const echo = startEcho(t, Echo, Pusher, server, {
      authEndpoint: sample.url('/broadcasting/auth'),
      auth: { headers: sample.headers(user) },
    });
    await echo.client.connected();
    return echo;
  },
  'socket.io-client': (t, { server, sample }, user) =>
    openSocketIoEcho(t, Echo, io, server, { auth: { headers: sample.headers(user) } }),
};

for (const [driver, begin] of Object.entries(DRIVERS)) {
  describe(`the driver ${driver}`, async () => {
    const port = await fixedPort();
    const { server, env, stop } = await begin({ port, host: `http://127.0.0.1:${port}` });
    const sample = await Sample.start({ port, env });
    after(() => Promise.all([sample.stop(), stop()]));
    const site = { server, sample };

    for (const [client, open] of Object.entries(PAGES)) {
      test(`${client}: everybody but the sender gets an event under Laravel's name`, async (t) => {
        const [zoe, bo] = [await open(t, site, 7), await open(t, site, 8)];
        const heard = [];
        for (const [n, echo, name] of [[1, zoe, 'zoe'], [2, bo, 'bo']]) {
          const channel = echo.private('orders.1');
          heard[name] = callback(name);
          channel.listen('OrderUpdated', heard[name]);
          await joined(site, echo, channel, n);
        }
        await sample.post('/orders/1', { text: 'packed' }, { socketId: zoe.socketId() });
        await sample.post('/orders/1', { text: 'shipped' }, { socketId: bo.socketId() });
        assert.deepEqual(await heard.bo.next(), { order_id: 1, status: 'packed' });
        assert.deepEqual(await heard.zoe.next(), { order_id: 1, status: 'shipped' });
        assert.equal(heard.bo.calls().length + heard.zoe.calls().length, 2);
      });

      test(`${client}: a public event has the name that it was given`, async (t) => {
        const echo = await open(t, site, undefined);
        const heard = callback('headline');
        const channel = echo.channel('news').listen('.headline', heard);
        await joined(site, echo, channel);
        await sample.post('/news', { text: 'Zoë says: </script> "it\'s" 1/2' });
        assert.deepEqual(await heard.next(), { text: 'Zoë says: </script> "it\'s" 1/2' });
      });

      test(`${client}: members are those that the application names`, async (t) => {
        const zoe = await open(t, site, 7);
        const [here, joining, leaving, said] = ['here', 'joining', 'leaving', 'said'].map(callback);
        zoe.join('room.1').here(here).joining(joining).leaving(leaving).listen('Said', said);
        assert.deepEqual(names(await here.next()), [MEMBERS[7].name]);
        const bo = await open(t, site, 8);
        bo.join('room.1');
        assert.equal((await joining.next()).name, MEMBERS[8].name);
        await sample.post('/rooms/1', { text: 'hello' });
        assert.deepEqual(await said.next(), { room: 1, text: 'hello' });
        bo.leave('room.1');
        assert.equal((await leaving.next()).name, MEMBERS[8].name);
      });

      test(`${client}: one event reaches three channels`, async (t) => {
        const echo = await open(t, site, 7);
        const heard = callback('everywhere');
        const channels = [['channel', 'news'], ['private', 'orders.1'], ['join', 'room.1']];
        for (const [kind, name] of channels) {
          await joined(site, echo, echo[kind](name).listen('Everywhere', heard));
        }
        await sample.post('/everywhere', { text: 'hear, hear' });
        for (const _ of channels) {
          assert.deepEqual(await heard.next(), { text: 'hear, hear' });
        }
      });

      test(`${client}: a notification is stored and heard with the same id, unless it is rolled back`, async (t) => {
        const echo = await open(t, site, 7);
        const heard = callback('notification');
        await joined(site, echo, echo.private('App.Models.User.7').notification(heard));
        const before = (await sample.get('/notifications')).length;
        await sample.post('/posts/1/comments', { text: 'never was', fails: true });
        await sample.post('/posts/1/comments', { text: 'first!' });
        const { id, ...rest } = await heard.next();
        assert.deepEqual(rest, { post_id: 1, text: 'first!', type: 'App\\Notifications\\Commented' });
        const stored = await sample.get('/notifications');
        assert.equal(stored.length, before + 1);
        assert.deepEqual(stored[0], {
          id,
          type: 'App\\Notifications\\Commented',
          data: JSON.stringify({ post_id: 1, text: 'first!' }),
        });
        assert.equal(heard.calls().length, 1);
      });

      test(`${client}: a model tells what really happened to it`, async (t) => {
        const id = client === 'pusher-js' ? 21 : 22;
        const echo = await open(t, site, 7);
        const heard = callback('post');
        const channel = echo.private(`App.Models.Post.${id}`);
        for (const event of ['PostCreated', 'PostUpdated', 'PostDeleted']) {
          channel.listen(`.${event}`, ({ model }) => heard([event, model.title]));
        }
        await joined(site, echo, channel);
        for (const title of ['a', 'a', 'b']) {
          await sample.post(`/posts/${id}`, { text: title });
        }
        await sample.request('DELETE', `/posts/${id}`);
        const news = [['PostCreated', 'a'], ['PostUpdated', 'b'], ['PostDeleted', 'b']];
        for (const one of news) {
          assert.deepEqual(await heard.next(), one);
        }
        assert.equal(heard.calls().length, news.length);
      });

      test(`${client}: what is sent in a transaction is heard after its commit, or never`, async (t) => {
        const echo = await open(t, site, 7);
        const heard = callback('order');
        await joined(site, echo, echo.private('orders.7').listen('OrderUpdated', heard));
        for (const [text, fails] of [['one', false], ['two', true], ['three', false]]) {
          await sample.post('/orders/7/transaction', { text, fails });
        }
        for (const status of ['one', 'three']) {
          assert.deepEqual(await heard.next(), { order_id: 7, status });
        }
        assert.equal(heard.calls().length, 2);
      });

      test(`${client}: the application hears who comes, types and goes`, async (t) => {
        const room = client === 'pusher-js' ? 5 : 6;
        const echo = await open(t, site, 8);
        const here = callback('here');
        const channel = echo.join(`room.${room}`).here(here);
        await here.next();
        channel.whisper('typing', { name: 'Bo' });
        await sample.heard(`Bo types in room ${room}`);
        echo.leave(`room.${room}`);
        await sample.heard(`8 left room ${room}`);
        const heard = (await sample.get('/heard')).filter((line) => line.endsWith(`room ${room}`));
        assert.deepEqual(heard, [`8 joined room ${room}`, `Bo types in room ${room}`, `8 left room ${room}`]);
      });

      test(`${client}: a user's own channel is closed to others`, async (t) => {
        const [zoe, bo] = [await open(t, site, 7), await open(t, site, 8)];
        const [greeting, error] = [callback('greeting'), callback('error')];
        const channel = zoe.private('App.Models.User.7').listen('.greeting', greeting);
        await joined(site, zoe, channel);
        bo.private('App.Models.User.7').error(error);
        await (client === 'pusher-js' ? error.next() : bo.life.next('refused'));
        const line = await sample.logged('may not join');
        assert.match(line.fields.reason, /the handler of App\.Models\.User\.\{id\} said no/);
        await sample.post('/users/7/greeting', { text: 'hi' });
        assert.deepEqual(await greeting.next(), { text: 'hi' });
      });
    }

    test('an encrypted event is read by its subscribers only', async (t) => {
      const echo = await PAGES['pusher-js'](t, site, 7);
      const heard = callback('sealed');
      const channel = echo.encryptedPrivate('vault').listen('Sealed', heard);
      await joined(site, echo, channel);
      await sample.post('/vault', { code: 'Zoë/7' });
      assert.deepEqual(await heard.next(), { secret: { code: 'Zoë/7' } });
      const frame = await echo.client.messages.next(({ event }) => event === 'App\\Events\\Sealed');
      assert.deepEqual(Object.keys(frame.data).sort(), ['ciphertext', 'nonce']);
    });
  });
}

describe('the driver log', async () => {
  const sample = await Sample.start({ env: { BROADCAST_CONNECTION: 'log' } });
  after(() => sample.stop());

  test('an event is a line of the log, as in Laravel', async () => {
    await sample.post('/orders/1', { text: 'packed' });
    const line = await sample.logged('Broadcasting [');
    const said = 'Broadcasting [App\\Events\\OrderUpdated] on channels [private-orders.1] with payload:';
    assert.equal(line.fields.message.split('\n')[0], said);
    assert.deepEqual(JSON.parse(line.fields.message.slice(said.length)), { order_id: 1, status: 'packed' });
  });
});

test('with the driver null pages work, and nobody hears of it', async (t) => {
  const sample = await Sample.start({ env: { BROADCAST_CONNECTION: 'null' } });
  t.after(() => sample.stop());
  await sample.post('/orders/1', { text: 'packed' });
  await sample.post('/everywhere', { text: 'packed' });
  assert.deepEqual(sample.log.map(({ fields }) => fields.message), ['listening']);
});

test('a wrong environment ends the application with a sentence', async () => {
  const env = { BROADCAST_CONNECTION: 'reverb' };
  await assert.rejects(Sample.start({ env }), /reverb is the broadcast connection, but REVERB_HOST is missing/);
});

/** Waits until the server has the subscription, which Socket.IO confirms to nobody. */
async function joined({ server }, echo, channel, count = 1) {
  if (echo.client) {
    return subscribed(channel);
  }
  const info = channel.name.startsWith('presence-') ? 'user_count' : 'subscription_count';
  return until(`${channel.name} has a ${info} of ${count}`, async () => {
    const answer = await server.publisher().get({ path: `/channels/${channel.name}`, params: { info } });
    return (await answer.json())[info] === count;
  });
}

function names(members) {
  return members.map(({ name }) => name);
}
