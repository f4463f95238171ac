import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { APP, Server } from '../support/server.mjs';
import { Socket, errorOf } from '../support/socket.mjs';

const strict = {
  ...APP,
  allowed_origins: [
    'https://full.example',
    'http://full.example:8000',
    'host.example',
    '*.wild.example',
    'https://*.deep.example:8443',
  ],
};
const anyone = { ...APP, id: '1002', key: 'anyone' };
const server = await Server.start({ apps: [strict, anyone] });
after(() => server.stop());

const ALLOWED = [
  'https://full.example',
  'http://full.example:8000',
  'http://host.example',
  'https://host.example',
  'https://host.example:8443',
  'https://a.wild.example',
  'http://a.b.wild.example:3000',
  'https://a.deep.example:8443',
];

const REFUSED = [
  'http://evil.example',
  'http://full.example',
  'https://full.example:8443',
  'https://full.example.evil.example',
  'https://evil.example/?https://full.example',
  'https://sub.host.example',
  'https://host.example.evil.example',
  'https://evilwild.example',
  'https://a.deep.example',
  'http://a.deep.example:8443',
  'null',
];

for (const origin of ALLOWED) {
  test(`the origin ${origin} is let in`, async (t) => {
    const socket = await Socket.open(t, server, { origin });
    await socket.join('news');
  });
}

for (const origin of REFUSED) {
  test(`the origin ${origin} is told 4009, closed, and receives nothing`, async (t) => {
    const socket = Socket.dial(t, server, { origin });
    // As in a browser that does not wait: the server must not act on it.
    socket.ws.on('open', () =>
      socket.send({ event: 'pusher:subscribe', data: { channel: 'news', auth: '' } }),
    );
    const error = await socket.frames.next(() => true);
    assert.equal(error.event, 'pusher:error');
    assert.deepEqual(errorOf(error), { code: 4009, message: 'Origin not allowed' });
    assert.deepEqual(await socket.close(), { code: 4009, reason: 'Origin not allowed' });
    assert.equal(socket.frames.history.length, 1);
  });
}

test('an app without allowed origins lets everybody in', async (t) => {
  for (const origin of ['https://a.example', 'null', undefined]) {
    await Socket.open(t, server, { key: anyone.key, origin });
  }
});
