/** The server inside an application of axum, `crates/resound/examples/embedded.rs`: its clients notice nothing. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ECHOS, callback, startEcho, subscribed } from '../support/clients.mjs';
import { Program } from '../support/process.mjs';
import { SOCKET_IOS, TRANSPORTS, openSocketIoEcho, upgraded } from '../support/socketio.mjs';

const EXAMPLE = fileURLToPath(new URL('../../target/debug/examples/embedded', import.meta.url));
const APP = { id: '1001', key: 'embedded-key', secret: 'a-secret-of-the-test' };

const program = await Program.start(path.resolve(process.env.EMBEDDED_BIN ?? EXAMPLE), [], {
  ready: /listening/,
  env: {
    PORT: '0',
    NO_COLOR: '1',
    REVERB_APP_ID: APP.id,
    REVERB_APP_KEY: APP.key,
    REVERB_APP_SECRET: APP.secret,
    RESOUND_SHARDS: '2',
  },
});
// As its operator would end it: it waits for the server inside, which says farewell.
after(() => program.stop('SIGINT'));
const [, port] = program.output.replaceAll(/\x1b\[\d*m/g, '').match(/address=127\.0\.0\.1:(\d+)/);
const server = { host: '127.0.0.1', port: Number(port) };
const origin = `http://127.0.0.1:${port}`;

const options = (user) => ({
  app: APP,
  authEndpoint: `${origin}/broadcasting/auth`,
  auth: { headers: { 'X-User': `${user}` } },
});

async function say(user, text, socketId) {
  const headers = { 'Content-Type': 'application/json', 'X-User': `${user}`, 'X-Socket-ID': socketId ?? '' };
  const answer = await fetch(`${origin}/messages`, { method: 'POST', headers, body: JSON.stringify(text) });
  assert.equal(answer.status, 204);
}

for (const [name, Echo, Pusher] of ECHOS) {
  test(`${name}: an event of the application reaches a presence channel, but not who caused it`, async (t) => {
    const [ann, bob] = [1, 2].map((user) => startEcho(t, Echo, Pusher, server, options(user)));
    const [here, joining, anns, bobs] = [callback(), callback(), callback(), callback()];
    const room = ann.join('room.1').here(here).joining(joining).listen('Posted', anns);
    await subscribed(room);
    assert.deepEqual(await here.next(), [{ name: 'User 1' }]);
    await subscribed(bob.join('room.1').listen('Posted', bobs));
    assert.deepEqual(await joining.next(), { name: 'User 2' });

    await say(1, 'Hello / Zoë', ann.socketId());
    assert.deepEqual(await bobs.next(), { room: 1, by: 1, text: 'Hello / Zoë' });
    await say(2, 'Hello back', bob.socketId());
    assert.deepEqual(await anns.next(), { room: 1, by: 2, text: 'Hello back' });
    assert.deepEqual([anns.calls().length, bobs.calls().length], [1, 1]);

    const typing = callback();
    room.listenForWhisper('typing', typing);
    bob.join('room.1').whisper('typing', { n: 1 });
    assert.deepEqual(await typing.next(), { n: 1 });

    const { channels } = await (await fetch(`${origin}/figures`)).json();
    assert.deepEqual(channels, [{ name: 'presence-room.1', subscriptions: 2, members: 2 }]);
  });

  test(`${name}: a private channel is for whom the application lets in`, async (t) => {
    const echo = startEcho(t, Echo, Pusher, server, options(7));
    const refused = callback();
    await subscribed(echo.private('orders.7'));
    echo.private('orders.8').error(refused);
    assert.equal((await refused.next()).status, 403);
  });
}

test('pusher-js without WebSocket', async (t) => {
  const [, Echo, Pusher] = ECHOS[0];
  const echo = startEcho(t, Echo, Pusher, server, { ...options(3), enabledTransports: ['xhr_streaming'] });
  const heard = callback();
  await subscribed(echo.join('room.1').listen('Posted', heard));
  await say(4, 'over requests');
  assert.equal((await heard.next()).text, 'over requests');
});

for (const [name, io] of SOCKET_IOS) {
  test(`${name}: the application's own router lets it in`, async (t) => {
    const [, Echo] = ECHOS[0];
    const auth = { headers: { 'X-User': '5' } };
    const echo = await openSocketIoEcho(t, Echo, io, server, { auth, transports: TRANSPORTS.upgrade });
    await upgraded(echo.socket);
    const [here, heard] = [callback(), callback()];
    echo.join('room.1').here(here).listen('Posted', heard);
    assert.ok((await here.next()).some((member) => member.name === 'User 5'));
    await say(6, name);
    assert.equal((await heard.next()).text, name);
    echo.private('orders.6');
    assert.equal((await echo.life.next('refused')).status, 403);
  });
}
