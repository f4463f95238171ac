/** Private and presence channels over Socket.IO: the server asks the real Laravel. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { ECHOS } from '../support/clients.mjs';
import { Inbox, until } from '../support/inbox.mjs';
import { Laravel, MEMBERS } from '../support/laravel.mjs';
import { fixedPort } from '../support/process.mjs';
import { Server } from '../support/server.mjs';
import { SOCKET_IOS, openSocketIoEcho } from '../support/socketio.mjs';

const [[, Echo]] = ECHOS;
const [[, io2], , [, io4]] = SOCKET_IOS;

const laravel = await Laravel.start();
const server = await start(laravel.url(''), '/broadcasting/auth');
const signing = await start(laravel.url(''), '/signed/broadcasting/auth');
after(() => Promise.all([server.stop(), signing.stop(), laravel.stop()]));

for (const [name, io] of SOCKET_IOS) {
  test(`${name} is authorised by the session cookie of the page`, async (t) => {
    const { cookies } = await laravel.login(7);
    const echo = await openSocketIoEcho(t, Echo, io, server, { extraHeaders: { Cookie: cookies } });
    assert.deepEqual(await here(echo.join(`room.${name.at(-1)}`)), [MEMBERS[7]]);
    const [{ path, socketId, headers, status }] = await laravel.authorisations(`presence-room.${name.at(-1)}`);
    assert.equal(status, 200);
    assert.equal(path, '/broadcasting/auth');
    assert.equal(socketId, echo.socketId());
    assert.equal(headers.cookie, cookies);
    assert.equal(headers['x-requested-with'], 'XMLHttpRequest');
  });

  test(`${name} is authorised by the headers that Echo was given`, async (t) => {
    const headers = { ...laravel.bearer(8), 'X-Tenant': 'Zurich' };
    const echo = await openSocketIoEcho(t, Echo, io, server, { auth: { headers }, csrfToken: 'a-token' });
    assert.deepEqual(await here(echo.join(`room.token.${name.at(-1)}`)), [MEMBERS[8]]);
    const [request] = await laravel.authorisations(`presence-room.token.${name.at(-1)}`);
    assert.equal(request.headers.authorization, 'Bearer token-8');
    assert.equal(request.headers['x-tenant'], 'Zurich');
    assert.equal(request.headers['x-csrf-token'], 'a-token');
  });

  test(`${name} is told that Laravel refuses, and the log says why`, async (t) => {
    const { cookies } = await laravel.login(7);
    const echo = await openSocketIoEcho(t, Echo, io, server, { extraHeaders: { Cookie: cookies } });
    echo.private(`orders.secret.${name.at(-1)}`);
    const { channel, status } = await echo.life.next('refused');
    assert.deepEqual([channel, status], [`private-orders.secret.${name.at(-1)}`, 403]);
    const line = await complaint(server, channel);
    assert.equal(line.status, 403);
    assert.equal(line.url, laravel.url('/broadcasting/auth'));
    assert.match(line.cause, /routes\/channels\.php/);
    assert.ok(echo.socket.connected);
  });

  test(`${name} is authorised by the answers of the reverb and pusher drivers, too`, async (t) => {
    const { cookies } = await laravel.login(9);
    const echo = await openSocketIoEcho(t, Echo, io, signing, { extraHeaders: { Cookie: cookies } });
    const heard = new Inbox('the private channel');
    assert.deepEqual(await here(echo.join(`room.signed.${name.at(-1)}`)), [MEMBERS[9]]);
    const channel = `private-orders.signed.${name.at(-1)}`;
    echo.private(channel.slice('private-'.length)).listen('.e', (data) => heard.push({ event: 'e', data }));
    // Nothing tells a client of Socket.IO that it is in a private channel.
    await until('the channel is occupied', async () => {
      const answer = await signing.publisher().get({ path: `/channels/${channel}` });
      return (await answer.json()).occupied;
    });
    await signing.publisher().trigger(channel, 'e', { n: 1 });
    assert.deepEqual((await heard.next('e')).data, { n: 1 });
  });
}

test('a guest is refused', async (t) => {
  const echo = await openSocketIoEcho(t, Echo, io4, server);
  echo.join('room.guest');
  assert.equal((await echo.life.next('refused')).status, 403);
});

test('somebody who was refused gets nothing of the channel', async (t) => {
  const [guest, heard] = [await openSocketIoEcho(t, Echo, io4, server), new Inbox('the guest')];
  guest.private('orders.guest').listen('.e', () => heard.push({ event: 'e' }));
  await guest.life.next('refused');
  guest.channel('fence').listen('.fence', () => heard.push({ event: 'fence' }));
  // The subscription to a public channel is confirmed to nobody: a later refusal shows that it was dealt with.
  guest.private('orders.guest.2');
  await guest.life.next('refused');
  await server.publisher().trigger(['private-orders.guest', 'private-orders.guest.2'], 'e', {});
  await server.publisher().trigger('fence', 'fence', {});
  await heard.next('fence');
  assert.deepEqual(heard.all('e'), []);
});

test('a session that is missing is named in the log', async (t) => {
  const guarded = await started(t, laravel.url(''), '/members-only/broadcasting/auth');
  const echo = await openSocketIoEcho(t, Echo, io4, guarded);
  echo.private('orders.1');
  assert.equal((await echo.life.next('refused')).status, 401);
  assert.match((await complaint(guarded, 'private-orders.1')).cause, /sent neither a cookie nor an Authorization/);
});

test('a login page in the place of an answer is named in the log', async (t) => {
  const confused = await started(t, laravel.url(''), '/redirects/broadcasting/auth');
  const echo = await openSocketIoEcho(t, Echo, io4, confused);
  echo.private('orders.1');
  assert.equal((await echo.life.next('refused')).status, 302);
  assert.match((await complaint(confused, 'private-orders.1')).cause, /redirects to .*\/login/);
});

test('a CSRF token that is missing is named in the log', async (t) => {
  const confused = await started(t, laravel.url(''), '/by-hand/broadcasting/auth');
  const { cookies, csrf } = await laravel.login(7);
  const options = { extraHeaders: { Cookie: cookies } };
  const without = await openSocketIoEcho(t, Echo, io2, confused, options);
  without.private('orders.1');
  assert.equal((await without.life.next('refused')).status, 419);
  assert.match((await complaint(confused, 'private-orders.1')).cause, /CSRF/);

  const heard = new Inbox('the channel');
  const withToken = await openSocketIoEcho(t, Echo, io2, confused, { ...options, csrfToken: csrf });
  withToken.private('orders.2').listen('.e', () => heard.push({ event: 'e' }));
  await until('its channel is subscribed', async () => {
    await confused.publisher().trigger('private-orders.2', 'e', {});
    return heard.all('e').length > 0;
  });
});

test('nobody at the address of the application is status 0, and is named in the log', async (t) => {
  const nowhere = `http://127.0.0.1:${await fixedPort()}`;
  const confused = await started(t, nowhere, '/broadcasting/auth');
  const echo = await openSocketIoEcho(t, Echo, io4, confused);
  echo.private('orders.1');
  assert.equal((await echo.life.next('refused')).status, 0);
  assert.match((await complaint(confused, 'private-orders.1')).cause, /nothing listens/);
});

test('many clients are authorised at the same time', async (t) => {
  const { cookies } = await laravel.login(7);
  const options = { extraHeaders: { Cookie: cookies } };
  const echos = await Promise.all(
    Array.from({ length: 30 }, (_, n) => openSocketIoEcho(t, Echo, n % 2 ? io4 : io2, server, options)),
  );
  const lists = await Promise.all(echos.map((echo, n) => here(echo.join(`room.crowd.${n}`))));
  assert.deepEqual(lists, lists.map(() => [MEMBERS[7]]));
});

function start(host, endpoint) {
  return Server.start({ env: { RESOUND_AUTH_HOST: host, RESOUND_AUTH_ENDPOINT: endpoint } });
}

async function started(t, host, endpoint) {
  const server = await start(host, endpoint);
  t.after(() => server.stop());
  return server;
}

/** Who is on a presence channel of Echo's. */
async function here(channel) {
  const lists = new Inbox(channel.name);
  channel.here((members) => lists.push({ event: 'here', members }));
  return (await lists.next('here')).members;
}

/** The line in which the server logged why it let nobody into a channel. */
function complaint(server, channel) {
  return server.logs.next((line) => line.channel === channel && line.cause);
}
