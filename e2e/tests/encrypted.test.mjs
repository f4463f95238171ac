import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { Client, ECHOS, PUSHERS, callback, startEcho, subscribed } from '../support/clients.mjs';
import { Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

const server = await Server.start();
const application = await Application.start({ masterKey: freshKey() });
after(() => Promise.all([server.stop(), application.stop()]));

// pusher-js for Node is built with encryption; the browser's `with-encryption` build is tried in a browser.
for (const [name, Pusher] of PUSHERS) {
  test(`${name} decrypts what npm pusher encrypts`, async (t) => {
    const client = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
    const orders = await client.join('private-encrypted-orders.7');
    await publisher().trigger('private-encrypted-orders.7', 'shipped', { name: 'Zoë', price: 1.5 });
    assert.deepEqual((await orders.next('shipped')).data, { name: 'Zoë', price: 1.5 });
  });

  test(`${name} decrypts the events of a batch`, async (t) => {
    const client = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
    const [a, b] = [await client.join('private-encrypted-a'), await client.join('private-encrypted-b')];
    await publisher().triggerBatch([
      { channel: 'private-encrypted-a', name: 'e', data: { to: 'a' } },
      { channel: 'private-encrypted-b', name: 'e', data: { to: 'b' } },
    ]);
    assert.deepEqual((await a.next('e')).data, { to: 'a' });
    assert.deepEqual((await b.next('e')).data, { to: 'b' });
  });

  test(`${name} goes on after the application changed its master key`, async (t) => {
    const client = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
    const orders = await client.join('private-encrypted-rotated');
    await publisher().trigger('private-encrypted-rotated', 'before', { n: 1 });
    assert.deepEqual((await orders.next('before')).data, { n: 1 });

    application.masterKey = freshKey();
    const asked = application.requests.history.length;
    await publisher().trigger('private-encrypted-rotated', 'after', { n: 2 });
    assert.deepEqual((await orders.next('after')).data, { n: 2 });
    assert.equal(application.requests.history.length, asked + 1);
  });

  test(`${name} finds the last event of an encrypted cache channel`, async (t) => {
    const channel = `private-encrypted-cache-${name.at(-1)}`;
    await publisher().trigger(channel, 'price', { n: 42 });
    const client = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
    const prices = await client.join(channel);
    assert.deepEqual((await prices.next('price')).data, { n: 42 });
  });
}

for (const [name, Echo, Pusher] of ECHOS) {
  test(`${name} decrypts on encryptedPrivate`, async (t) => {
    const echo = startEcho(t, Echo, Pusher, server, application.echoOptions('zoe'));
    const shipped = callback();
    await subscribed(echo.encryptedPrivate('echo.7').listen('OrderShipped', shipped));
    await publisher().trigger('private-encrypted-echo.7', 'App\\Events\\OrderShipped', { id: 7 });
    assert.deepEqual(await shipped.next(), { id: 7 });
  });
}

test('the server passes on the ciphertext as it came and never sees the secret', async (t) => {
  const channel = 'private-encrypted-opaque';
  const socket = await Socket.open(t, server);
  const { auth, shared_secret: secret } = application.authorize(socket.id, channel, 'zoe');
  assert.equal(Buffer.from(secret, 'base64').length, 32);
  await socket.join(channel, { auth });
  const sent = '{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","ciphertext":"JmRF3YLDbqj+WmJt0MT/EaVUIdKlfAzPHyTcinQc67lNXMICtXLII9a7AQ=="}';
  const body = { name: 'shipped', data: sent, channels: [channel] };
  await publisher().post({ path: '/events', body });
  assert.equal((await socket.frames.next('shipped')).data, sent);
});

test('an encrypted channel wants a signature like a private one', async (t) => {
  const socket = await Socket.open(t, server);
  socket.send({ event: 'pusher:subscribe', data: { channel: 'private-encrypted-x', auth: '' } });
  assert.equal((await socket.frames.next('pusher:subscription_error')).channel, 'private-encrypted-x');
});

/** The backend, with the key that the application uses at the time. */
function publisher() {
  return server.publisher(application.app, { encryptionMasterKeyBase64: application.masterKey });
}

function freshKey() {
  return randomBytes(32).toString('base64');
}
