/**
 * Every way of publishing reaches every client on every kind of channel: one server, one Laravel, one Redis.
 *
 * A cell: subscribe, receive, be excluded, leave. Beside the client of the cell a witness of the other protocol
 * is on the channel; it proves that what the client does not get was sent.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Laravel, MEMBERS } from '../support/laravel.mjs';
import { Redis } from '../support/redis.mjs';
import { Server } from '../support/server.mjs';
import { Visitor, WAYS, way, wireName } from '../support/visitors.mjs';

const VISITOR = 7;
const WITNESS = 8;

// What breaks when lengths are counted in the wrong unit, or text is escaped twice.
const POST = { text: '✅ 😀 عربى \u2028', quoted: '"\\/\n', list: [1, -0.5, null, true], nested: { '': { a: [] } } };

const redis = await Redis.start();
const laravel = await Laravel.start({ redis });
const server = await Server.start({
  env: { RESOUND_REDIS_URL: redis.url, REDIS_PREFIX: 'laravel_database_', RESOUND_AUTH_HOST: laravel.url('') },
});
after(() => Promise.all([server.stop(), laravel.stop(), redis.stop()]));
const publisher = server.publisher();

// A hook has no `after` of its own: what it opens is closed at the end of the file.
const closing = [];
const atTheEnd = { after: (close) => closing.push(close) };
after(() => closing.forEach((close) => close()));

const site = { server, laravel };

/** How an event comes to the server; each answers what the clients must get. */
const PUBLISHERS = {
  'the HTTP API': {
    event: 'Posted',
    async publish({ kind, name, post, except }) {
      const params = except ? { socket_id: except.socketId } : {};
      await publisher.trigger(wireName(kind, name), 'App\\Events\\Posted', { post }, params);
      return { post };
    },
  },
  'Redis, by Laravel': {
    event: 'Posted',
    async publish({ kind, name, post, except }) {
      const toOthers = Boolean(except);
      await laravel.publish([{ channels: [[kind, name]], post, toOthers }], except?.socketId);
      // Laravel's redis driver leaves `socket` in the data, which the pusher driver does not: it is taken out.
      return { post };
    },
  },
  'a whisper': {
    event: 'typing',
    async publish({ kind, name, post, except, witness }) {
      (except ?? witness).channel(kind, name).whisper('typing', { post });
      return { post };
    },
  },
};

describe('the matrix', { concurrency: true }, () => {
  const witnesses = {};
  before(async () => {
    for (const [protocol, name] of [
      ['pusher', 'laravel-echo 2, socket.io-client 4.8, websocket'],
      ['socket.io', 'laravel-echo 2, pusher-js 8, ws'],
    ]) {
      witnesses[protocol] = await Visitor.open(atTheEnd, site, way(name), WITNESS);
    }
  });

  for (const one of WAYS) {
    describe(one.name, { concurrency: true }, () => {
      let visitor;
      before(async () => {
        visitor = await Visitor.open(atTheEnd, site, one, VISITOR);
      });

      for (const [by, { event, publish }] of Object.entries(PUBLISHERS)) {
        for (const kind of event === 'typing' ? ['private', 'presence'] : ['public', 'private', 'presence']) {
          test(`${one.name}: ${kind}, by ${by}`, () =>
            cell({ visitor, witness: witnesses[one.protocol], kind, event, publish }));
        }
      }
    });
  }
});

let cells = 0;

async function cell({ visitor, witness, kind, event, publish }) {
  cells += 1;
  const name = kind === 'presence' ? `room.${cells}` : `orders.${cells}`;
  const fenceName = `fence.${cells}`;
  const send = (n, except) => publish({ kind, name, post: { n, ...POST }, except, witness });
  const fence = (channel) => publisher.trigger(channel, 'fence', {});

  // Subscribe.
  const theirs = await witness.enter(kind, name, 1);
  const fences = visitor.listen('public', fenceName).inbox;
  const mine = await visitor.enter(kind, name, 2);
  if (kind === 'presence') {
    assert.deepEqual(theirs.here, [MEMBERS[WITNESS]]);
    assert.deepEqual(sorted(mine.here), [MEMBERS[VISITOR], MEMBERS[WITNESS]]);
    assert.deepEqual((await theirs.next('joining')).data, MEMBERS[VISITOR]);
  }

  // Receive.
  const first = await send(1);
  assert.deepEqual((await mine.next(event)).data, first);
  if (event === 'Posted') {
    assert.deepEqual((await theirs.next(event)).data, first);
  }

  // Be excluded: what the witness gets comes from the very event that the visitor does not get.
  const second = await send(2, visitor);
  assert.deepEqual((await theirs.next(event)).data, second);
  await fence(wireName(kind, name));
  await Promise.all([mine.next('fence'), theirs.next('fence')]);
  assert.equal(mine.all(event).length, 1, 'the sender got its own event');

  // Leave, and hear nothing any more, though the connection goes on.
  visitor.echo.leave(name);
  if (kind === 'presence') {
    assert.deepEqual((await theirs.next('leaving')).data, MEMBERS[VISITOR]);
  } else {
    await witness.counted(kind, name, 1);
  }
  await send(3);
  await fence(wireName(kind, name));
  await theirs.next('fence');
  await fence(fenceName);
  await fences.next('fence');
  assert.equal(mine.all(event).length, 1, 'it came after leaving');
  assert.equal(mine.all('fence').length, 1, 'it came after leaving');
  assert.equal(theirs.all('joining').length, kind === 'presence' ? 1 : 0);
  assert.equal(theirs.all('leaving').length, kind === 'presence' ? 1 : 0);
  visitor.echo.leave(fenceName);
  witness.echo.leave(name);
}

function sorted(members) {
  return [...members].sort((a, b) => a.id - b.id);
}
