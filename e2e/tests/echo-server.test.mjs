/** The server in the place of a laravel-echo-server: its configuration, its HTTP API, its clients. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';

import { selfSigned } from '../support/certificate.mjs';
import { ECHOS } from '../support/clients.mjs';
import { CLIENT, configuration, startEchoServer } from '../support/echo-server.mjs';
import { Inbox, until } from '../support/inbox.mjs';
import { Laravel, MEMBERS } from '../support/laravel.mjs';
import { Program, fixedPort } from '../support/process.mjs';
import { Redis } from '../support/redis.mjs';
import { Server } from '../support/server.mjs';
import { SOCKET_IOS, openSocketIoEcho } from '../support/socketio.mjs';

const [[, Echo2], [, Echo1]] = ECHOS;
const [[, io2], , [, io4]] = SOCKET_IOS;

const redis = await Redis.start();
const laravel = await Laravel.start({ redis });
const another = await Laravel.start({ redis });
const server = await startEchoServer({ after }, { laravel, redis });
after(() => Promise.all([laravel.stop(), another.stop(), redis.stop()]));

for (const [name, Echo, io] of [
  ['Echo 1 and socket.io-client 2.5', Echo1, io2],
  ['Echo 2 and socket.io-client 4.8', Echo2, io4],
]) {
  test(`an existing laravel-echo-server.json serves ${name}`, async (t) => {
    const zoe = await open(t, server, 7, { Echo, io });
    const bo = await open(t, server, 8, { Echo, io });
    const zoes = new Inbox('Zoë');
    const note = (event) => (data) => zoes.push({ event, data });
    const room = zoe.join(`room.${name.length}`).here(note('here')).joining(note('joining')).leaving(note('leaving'));
    room.listen('Posted', note('Posted')).listenForWhisper('typing', note('typing'));
    assert.deepEqual((await zoes.next('here')).data, [MEMBERS[7]]);
    const bos = new Inbox('Bo');
    bo.join(`room.${name.length}`).here((data) => bos.push({ event: 'here', data }));
    await bos.next('here');
    assert.deepEqual((await zoes.next('joining')).data, MEMBERS[8]);

    bo.join(`room.${name.length}`).whisper('typing', { n: 1 });
    assert.deepEqual((await zoes.next('typing')).data, { n: 1 });
    const channels = [['presence', `room.${name.length}`]];
    await laravel.publish([{ channels, post: { n: 2 }, toOthers: true }], bo.socketId());
    assert.deepEqual((await zoes.next('Posted')).data, { post: { n: 2 } });
    bo.leave(`room.${name.length}`);
    assert.deepEqual((await zoes.next('leaving')).data, MEMBERS[8]);

    zoe.private('orders.secret');
    const { channel, status } = await zoe.life.next('refused');
    assert.deepEqual([channel, status], ['private-orders.secret', 403]);
  });
}

test('its HTTP API publishes', async (t) => {
  const echo = await open(t, server, 7);
  const events = new Inbox('the channels');
  for (const name of ['api-1', 'api-2']) {
    echo.channel(name).listen('.e', (data) => events.push({ event: name, data }));
  }
  await occupied('api-2');
  const bearer = { Authorization: `Bearer ${CLIENT.key}` };
  assert.deepEqual(await post({ channel: 'api-1', name: 'e', data: { n: 1 } }, bearer), [200, { message: 'ok' }]);
  assert.deepEqual((await events.next('api-1')).data, { n: 1 });
  // As text, for several channels, with the key in the query.
  const both = { channels: ['api-1', 'api-2'], name: 'e', data: '{"n":2}' };
  assert.deepEqual(await post(both, {}, `?auth_key=${CLIENT.key}`), [200, { message: 'ok' }]);
  assert.deepEqual((await events.next('api-1')).data, { n: 2 });
  assert.deepEqual((await events.next('api-2')).data, { n: 2 });
  await post({ channel: 'api-1', name: 'e', data: { n: 3 }, socket_id: echo.socketId() }, bearer);
  await post({ channel: 'api-2', name: 'e', data: { n: 4 } }, bearer);
  assert.deepEqual((await events.next('api-2')).data, { n: 4 });
  assert.equal(events.all('api-1').length, 2);
});

test('its HTTP API refuses as it did', async () => {
  const bearer = { Authorization: `Bearer ${CLIENT.key}` };
  const event = { channel: 'c', name: 'e', data: {} };
  const missing = [400, { error: 'Event must include channel, event name and data' }];
  assert.deepEqual(await post(event, {}), [403, { error: 'Unauthorized' }]);
  assert.deepEqual(await post(event, { Authorization: 'Bearer wrong' }), [403, { error: 'Unauthorized' }]);
  assert.deepEqual(await post({ ...event, channel: undefined }, bearer), missing);
  assert.deepEqual(await post({ ...event, name: undefined }, bearer), missing);
  assert.deepEqual(await post({ ...event, data: undefined }, bearer), missing);
  const [status] = await post('{"not": JSON', bearer);
  assert.equal(status, 400);
});

test('its HTTP API tells what there is', async (t) => {
  const before = (await get('/status')).subscription_count;
  const echos = [await open(t, server, 7), await open(t, server, 7, { Echo: Echo2, io: io4 }), await open(t, server, 8)];
  const lists = new Inbox('the members');
  for (const echo of echos) {
    echo.join('room.told').here((members) => lists.push({ event: 'here', members }));
    await lists.next('here');
  }
  echos[0].channel('told');
  await occupied('told');

  const status = await get('/status');
  assert.equal(status.subscription_count, before + 3);
  assert.ok(status.uptime > 0);
  assert.ok(status.memory_usage.rss > 0);
  const { channels } = await get('/channels');
  assert.deepEqual(channels.told, { subscription_count: 1, occupied: true });
  assert.deepEqual(channels['presence-room.told'], { subscription_count: 3, occupied: true });
  const filtered = Object.keys((await get('/channels?filter_by_prefix=presence-room.t')).channels);
  assert.deepEqual(filtered, ['presence-room.told']);
  assert.deepEqual(await get('/channels/presence-room.told'), {
    subscription_count: 3,
    occupied: true,
    user_count: 2,
  });
  const { users } = await get('/channels/presence-room.told/users');
  assert.deepEqual(
    users.sort((a, b) => a.id - b.id),
    [7, 8].map((id) => ({ id, user_info: MEMBERS[id] })),
  );
  assert.deepEqual(await get('/channels/told/users'), {
    error: 'User list is only possible for Presence Channels',
  });
  assert.equal(await (await fetch(server.url('/'))).text(), 'OK');
});

test('pages of an origin that is configured may use its HTTP API', async (t) => {
  const apiOriginAllow = {
    allowCors: true,
    allowOrigin: 'http://localhost:80',
    allowMethods: 'GET, POST',
    allowHeaders: 'Origin, Content-Type, X-Auth-Token, X-Requested-With, Accept, Authorization, X-CSRF-TOKEN, X-Socket-Id',
  };
  const open = await startEchoServer(t, { laravel, redis, apiOriginAllow });
  const { headers } = await fetch(open.url(`/apps/${CLIENT.appId}/status?auth_key=${CLIENT.key}`));
  assert.equal(headers.get('access-control-allow-origin'), 'http://localhost:80');
  assert.equal(headers.get('access-control-allow-methods'), 'GET, POST');
  assert.equal(headers.get('access-control-allow-headers'), apiOriginAllow.allowHeaders);
});

test('of several applications the one is asked from whose page the client comes', async (t) => {
  const authHost = [laravel.url(''), another.url('')];
  const several = await startEchoServer(t, { laravel, redis, authHost });
  // A session of the one application means nothing to the other.
  for (const [n, [app, referer]] of [
    [laravel, laravel.url('/page')],
    [another, another.url('/page/deeper?x=1')],
    [another, 'http://elsewhere.example/'],
    [laravel, undefined],
  ].entries()) {
    const { cookies } = await app.login(9);
    const headers = { Cookie: cookies, ...(referer && { Referer: referer }) };
    const echo = await openSocketIoEcho(t, Echo1, io2, several, { extraHeaders: headers });
    assert.deepEqual(await here(echo.join(`room.${n}`)), [MEMBERS[9]]);
    assert.equal((await app.authorisations(`presence-room.${n}`)).length, 1);
  }
});

test('members of presence channels are published to Redis when that is configured', async (t) => {
  const settings = { host: '127.0.0.1', port: String(redis.port), keyPrefix: 'laravel_database_' };
  const databaseConfig = { redis: settings, publishPresence: true };
  const telling = await startEchoServer(t, { laravel, redis, databaseConfig });
  const listener = await Program.start('redis-cli', ['-p', String(redis.port), 'SUBSCRIBE', 'PresenceChannelUpdated'], {
    ready: /^1$|subscribe/,
  });
  t.after(() => listener.stop());
  const echo = await open(t, telling, 7);
  assert.deepEqual(await here(echo.join('room.published')), [MEMBERS[7]]);
  const { line } = await listener.lines.next(({ line }) => line.includes('presence-room.published'));
  const { event } = JSON.parse(line);
  assert.equal(event.channel, 'presence-room.published:members');
  assert.deepEqual(event.members.map(({ user_id, user_info }) => [user_id, user_info]), [[7, MEMBERS[7]]]);
});

test('its environment variables are enough, and are stronger than the file', async (t) => {
  const port = await fixedPort();
  const env = {
    LARAVEL_ECHO_SERVER_AUTH_HOST: laravel.url(''),
    LARAVEL_ECHO_SERVER_HOST: '127.0.0.1',
    LARAVEL_ECHO_SERVER_PORT: String(port),
    LARAVEL_ECHO_SERVER_REDIS_HOST: '127.0.0.1',
    LARAVEL_ECHO_SERVER_REDIS_PORT: String(redis.port),
    REDIS_PREFIX: 'laravel_database_',
  };
  const wrong = configuration({ laravel: { url: () => 'http://127.0.0.1:1' }, redis: { port: 1 }, port: 1 });
  for (const [files, args] of [
    [{}, []],
    [{ 'laravel-echo-server.json': wrong }, ['--config', 'laravel-echo-server.json']],
  ]) {
    const server = await Server.start({ apps: null, port: null, files, args, env });
    assert.equal(server.port, port);
    const heard = new Inbox('the room');
    const echo = await open(t, server, 7);
    echo.join('room.env').listen('Posted', ({ post }) => heard.push({ event: 'Posted', post })).here(() =>
      heard.push({ event: 'here' }),
    );
    await heard.next('here');
    await laravel.publish([{ channels: [['presence', 'room.env']], post: { n: 1 } }]);
    assert.deepEqual((await heard.next('Posted')).post, { n: 1 });
    echo.disconnect();
    await server.stop();
  }
});

test('its certificate and key make it https and wss', async (t) => {
  const certificate = await selfSigned(server.directory);
  const secure = await startEchoServer(t, {
    laravel,
    redis,
    protocol: 'https',
    sslCertPath: certificate.cert,
    sslKeyPath: certificate.key,
  });
  const ca = await readFile(certificate.cert);
  const { cookies } = await laravel.login(7);
  for (const [io, transports] of [[io2, ['websocket']], [io4, ['websocket']], [io4, ['polling']]]) {
    const echo = await openSocketIoEcho(t, Echo2, io, secure, {
      host: `https://localhost:${secure.port}`,
      ca,
      transports,
      extraHeaders: { Cookie: cookies },
    });
    assert.deepEqual(await here(echo.join('room.tls')), [MEMBERS[7]]);
  }
});

test('the browser build of socket.io-client is served, and not again when it is known', async () => {
  const response = await fetch(server.url('/socket.io/socket.io.js'));
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^(application|text)\/javascript/);
  const etag = response.headers.get('etag');
  assert.match(etag, /^(W\/)?".+"$/);
  assert.match(await response.text(), /Socket\.IO|socket\.io/);
  const again = await fetch(server.url('/socket.io/socket.io.js'), { headers: { 'If-None-Match': etag } });
  assert.equal(again.status, 304);
  assert.equal(await again.text(), '');
});

/** Echo as a user who is logged in. */
async function open(t, server, user, { Echo = Echo1, io = io2 } = {}) {
  const { cookies } = await laravel.login(user);
  return openSocketIoEcho(t, Echo, io, server, { extraHeaders: { Cookie: cookies } });
}

async function here(channel) {
  const lists = new Inbox(channel.name);
  channel.here((members) => lists.push({ event: 'here', members }));
  return (await lists.next('here')).members;
}

async function post(event, headers, query = '') {
  const response = await fetch(server.url(`/apps/${CLIENT.appId}/events${query}`), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof event === 'string' ? event : JSON.stringify(event),
  });
  return [response.status, await response.json().catch(() => null)];
}

async function get(target) {
  const headers = { Authorization: `Bearer ${CLIENT.key}` };
  return (await fetch(server.url(`/apps/${CLIENT.appId}${target}`), { headers })).json();
}

/** Public subscriptions are confirmed to nobody. */
function occupied(channel) {
  return until(`${channel} is occupied`, async () => (await get(`/channels/${channel}`)).occupied === true);
}
