/** pusher-js without WebSockets: its own fallback over HTTP, chosen or forced upon it by a proxy. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { Client, PUSHERS } from '../support/clients.mjs';
import { until } from '../support/inbox.mjs';
import { KILLS, Nginx } from '../support/nginx.mjs';
import { fixedPort } from '../support/process.mjs';
import { APP, Server } from '../support/server.mjs';
import { Wire } from '../support/wire.mjs';

const LONG = 100_000;
const BURST = 500;
const BATCH = 100;

// How soon after its end a client must be gone: much sooner than by any timeout of the protocol.

const app = { ...APP, max_message_size: 2 * LONG, max_request_size: 3 * LONG, max_client_events_per_second: 0 };
const server = await Server.start({ apps: [app] });
const application = await Application.start();
after(() => Promise.all([server.stop(), application.stop()]));
const publisher = server.publisher();

describe('pusher-js without WebSockets', { concurrency: true }, () => {
  for (const [name, Pusher] of PUSHERS) {
    for (const transport of ['xhr_streaming', 'xhr_polling']) {
      const label = `${name} over ${transport}`;
      const id = label.replace(/\W+/g, '-');
      const options = (user = 'zoe') => ({
        enabledTransports: [transport],
        ...application.pusherOptions(user),
      });
      const open = async (t, where = server, user) => {
        const client = await Client.open(t, Pusher, where, options(user));
        assert.equal(transportOf(client), transport);
        return client;
      };

      test(`${label} gets many messages in order and once`, async (t) => {
        const events = await (await open(t)).join(`burst-${id}`);
        const post = (n) => ({ n, text: '✅ 😀 عربى \u2028' });
        for (let n = 0; n < BURST; n += BATCH) {
          const batch = Array.from({ length: BATCH }, (_, m) => post(n + m));
          await publisher.triggerBatch(batch.map((data) => ({ channel: `burst-${id}`, name: 'e', data })));
        }
        await events.next(({ event, data }) => event === 'e' && data.n === BURST - 1);
        const expected = Array.from({ length: BURST }, (_, n) => post(n));
        assert.deepEqual(events.all('e').map(({ data }) => data), expected);
      });

      test(`${label} gets and sends long messages`, async (t) => {
        const [zoe, bo] = [await open(t), await open(t, server, 'bo')];
        const [mine, theirs] = await Promise.all([zoe, bo].map((one) => one.join(`private-long-${id}`)));
        const text = 'Zoë😀'.repeat(LONG / 10);
        await publisher.trigger(`private-long-${id}`, 'long', { text });
        assert.equal((await mine.next('long')).data.text, text);
        mine.channel.trigger('client-long', { text });
        assert.equal((await theirs.next('client-long')).data.text, text);
      });

      test(`${label} sends many messages, and each arrives once`, async (t) => {
        const [zoe, bo] = [await open(t), await open(t, server, 'bo')];
        const [mine, theirs] = await Promise.all([zoe, bo].map((one) => one.join(`private-sent-${id}`)));
        for (let n = 0; n < 100; n++) {
          mine.channel.trigger('client-e', { n });
        }
        for (let n = 0; n < 100; n++) {
          await theirs.next('client-e');
        }
        // Not in order: pusher-js makes a request of each and does not wait for its answer.
        const numbers = theirs.all('client-e').map(({ data }) => data.n);
        assert.deepEqual(numbers.sort((a, b) => a - b), [...Array(100).keys()]);
        assert.equal(mine.all('client-e').length, 0);
      });

      test(`${label} hears nothing after unsubscribing`, async (t) => {
        const client = await open(t);
        const [left, kept] = await Promise.all([client.join(`left-${id}`), client.join(`kept-${id}`)]);
        client.pusher.unsubscribe(`left-${id}`);
        await until('the channel is vacated', async () => {
          const answer = await publisher.get({ path: `/channels/left-${id}` });
          return (await answer.json()).occupied === false;
        });
        await publisher.trigger([`left-${id}`, `kept-${id}`], 'e', {});
        await kept.next('e');
        assert.equal(left.all('e').length, 0);
      });

      test(`${label} leaves its presence channels when it disconnects`, async (t) => {
        const witness = await Client.open(t, Pusher, server, application.pusherOptions('bo'));
        const room = await witness.join(`presence-${id}`);
        const client = await open(t);
        await client.join(`presence-${id}`);
        await room.next('pusher:member_added');
        client.pusher.disconnect();
        assert.equal((await room.next('pusher:member_removed')).data.id, '7');
      });

      test(`${label} comes back with its channels after its connection was cut`, async (t) => {
        const wire = await Wire.start(server.port);
        t.after(() => wire.stop());
        const client = await open(t, wire);
        const before = client.socketId;
        const events = await client.join(`private-cut-${id}`);
        wire.break();
        await client.changes.next(({ event }) => ['connecting', 'unavailable'].includes(event));
        wire.mend();
        await client.connected();
        await events.next('pusher:subscription_succeeded');
        assert.notEqual(client.socketId, before);
        assert.equal(transportOf(client), transport);
        await publisher.trigger(`private-cut-${id}`, 'e', { n: 1 });
        assert.deepEqual((await events.next('e')).data, { n: 1 });
        assert.equal(events.all('e').length, 1);
      });

      test(`${label} is told over HTTP that its key is unknown`, async (t) => {
        const client = Client.start(t, Pusher, server, { ...options(), app: { key: 'nobodys-key' } });
        const { error } = await client.errors.next(({ error }) => error?.data?.code === 4001);
        assert.match(error.data.message, /does not exist/);
      });

      test(`${label} comes back when the server was restarted`, async (t) => {
        const port = await fixedPort();
        const first = await Server.start({ port });
        const client = await open(t, first);
        const events = await client.join('news');
        await first.stop();
        const second = await Server.start({ port });
        t.after(() => second.stop());
        await client.connected();
        await events.next('pusher:subscription_succeeded');
        await second.publisher().trigger('news', 'e', { n: 1 });
        assert.deepEqual((await events.next('e')).data, { n: 1 });
      });
    }
  }

  for (const [kill, directives] of Object.entries(KILLS)) {
    for (const [name, Pusher] of PUSHERS) {
      test(`${name} falls back by itself behind an nginx that ${kill} the Upgrade`, async (t) => {
        const nginx = await Nginx.start(server.port, directives);
        t.after(() => nginx.stop());
        const client = await Client.open(t, Pusher, nginx, {
          // The default: everything that it has.
          enabledTransports: undefined,
          ...application.pusherOptions('zoe'),
        });
        assert.match(transportOf(client), /^xhr_/);
        const room = await client.join(`presence-nginx-${kill}-${name.at(-1)}`);
        for (let n = 0; n < 20; n++) {
          await publisher.trigger(room.name, 'e', { n });
          assert.deepEqual((await room.next('e')).data, { n });
        }
      });
    }
  }
});

/** The transport that carries the connection of a pusher-js client. */
function transportOf({ pusher }) {
  return pusher.connection.connection.transport.name;
}
