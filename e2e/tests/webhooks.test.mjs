/** Webhooks, as npm's library `pusher` reads them in an application. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import Publisher from 'pusher';

import { Application } from '../support/application.mjs';
import { Client, PUSHERS } from '../support/clients.mjs';
import { Inbox } from '../support/inbox.mjs';
import { APP, Server } from '../support/server.mjs';

const [[, Pusher]] = PUSHERS;
const reader = new Publisher({ appId: APP.id, key: APP.key, secret: APP.secret });

/** Takes webhooks; those that npm's library believes are put into the inbox, event by event. */
const events = new Inbox('webhooks');
const hook = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const webhook = reader.webhook({ headers: request.headers, rawBody: Buffer.concat(chunks).toString() });
  const isYoung = Math.abs(webhook.getTime() - Date.now()) < 60_000;
  const believed = webhook.isValid() && isYoung ? webhook.getEvents() : [{ name: 'not believed' }];
  believed.forEach((event) => events.push(event));
  response.writeHead(204).end();
});
hook.listen(0, '127.0.0.1');
await once(hook, 'listening');
const url = `http://127.0.0.1:${hook.address().port}/`;

const server = await Server.start({
  env: {
    RESOUND_WEBHOOK_DELAY_SECONDS: '1',
    REVERB_APP_ID: APP.id,
    REVERB_APP_KEY: APP.key,
    REVERB_APP_SECRET: APP.secret,
    SOKETI_DEFAULT_APP_WEBHOOKS: JSON.stringify([{ url, event_types: kinds() }]),
  },
  apps: [],
});
const application = await Application.start();
after(() => Promise.all([server.stop(), application.stop()]));
after(() => hook.close());

function kinds() {
  return ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed', 'client_event', 'cache_miss'];
}

test('npm pusher believes what a page of pusher-js does', async (t) => {
  const channel = 'presence-webhooks';
  const zoe = await Client.open(t, Pusher, server, application.pusherOptions('zoe'));
  const { channel: room } = await zoe.join(channel);
  assert.deepEqual(await next(), { name: 'channel_occupied', channel });
  assert.deepEqual(await next(), { name: 'member_added', channel, user_id: '7' });

  room.trigger('client-typing', { name: 'Zoë' });
  const { data, ...rest } = await next();
  const socket_id = zoe.pusher.connection.socket_id;
  assert.deepEqual(rest, { name: 'client_event', channel, event: 'client-typing', socket_id, user_id: '7' });
  assert.deepEqual(JSON.parse(data), { name: 'Zoë' });

  await zoe.join('cache-webhooks');
  assert.deepEqual(await next(), { name: 'channel_occupied', channel: 'cache-webhooks' });
  assert.deepEqual(await next(), { name: 'cache_miss', channel: 'cache-webhooks' });

  zoe.pusher.disconnect();
  const last = [await next(), await next(), await next()];
  const names = last.filter((event) => event.channel === channel).map((event) => event.name);
  assert.deepEqual(names, ['member_removed', 'channel_vacated']);
  assert.ok(last.some((event) => event.channel === 'cache-webhooks' && event.name === 'channel_vacated'));
});

function next() {
  return events.next(() => true);
}
