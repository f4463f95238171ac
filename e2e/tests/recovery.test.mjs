/**
 * Missed messages come back: unmodified Echo and socket.io-client 4, whose connection is cut.
 *
 * Either everything arrives, in order and once, with the same socket id, subscriptions and membership; or the
 * client is told, by `recovered === false`, that it did not.
 */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { Chance } from '../support/chance.mjs';
import { ECHOS } from '../support/clients.mjs';
import { Inbox } from '../support/inbox.mjs';
import { Laravel, MEMBERS } from '../support/laravel.mjs';
import { fixedPort } from '../support/process.mjs';
import { Server } from '../support/server.mjs';
import { SOCKET_IOS, TRANSPORTS, openSocketIoEcho, upgraded } from '../support/socketio.mjs';
import { Visitor, way } from '../support/visitors.mjs';
import { Wire } from '../support/wire.mjs';

const [[, Echo], [, Echo1]] = ECHOS;
const [, , [, io]] = SOCKET_IOS;
const EVENTS = 400;
const CUTS = 8;
const RECOVERY_BYTES = 20_000;

// socket.io-client stands still when its WebSocket dies after it has paused polling and before it has upgraded, until
// it misses a ping: with the default for 45 seconds.
const PINGS = { ping_interval: 2, ping_timeout: 2 };

const laravel = await Laravel.start();
const env = { RESOUND_AUTH_HOST: laravel.url('') };
const server = await Server.start({ settings: { socketio: PINGS }, env });
const forgetful = await Server.start({
  settings: { socketio: { recovery_bytes: RECOVERY_BYTES, recovery_seconds: 1 } },
  env,
});
after(() => Promise.all([server.stop(), forgetful.stop(), laravel.stop()]));

describe('recovery', { concurrency: true }, () => {
  for (const transport of ['websocket', 'polling', 'upgrade']) {
    test(`everything arrives once and in order over ${transport}, wherever the connection is cut`, async (t) => {
      const chance = new Chance(t);
      const { wire, echo } = await connect(t, server, transport);
      const witness = await Visitor.open(t, { server, laravel }, way('laravel-echo 2, pusher-js 8, ws'), 8);
      const theirs = await witness.enter('presence', `room.${transport}`, 1);
      const mine = await listen(echo, `room.${transport}`);
      await theirs.next('joining');
      const { id } = echo.socket;

      const publisher = server.publisher();
      await publisher.trigger(`presence-room.${transport}`, 'App\\Events\\Posted', { n: 0 });
      await mine.next('Posted');
      const cuts = new Set(chance.some(CUTS, EVENTS - 1));
      for (let n = 1; n < EVENTS; n++) {
        // The cut comes while the event is on its way.
        const published = publisher.trigger(`presence-room.${transport}`, 'App\\Events\\Posted', { n });
        if (cuts.has(n)) {
          wire.cut();
        }
        await published;
      }
      await mine.next(({ event, data }) => event === 'Posted' && data.n === EVENTS - 1);

      assert.deepEqual(mine.all('Posted').map(({ data }) => data.n), [...Array(EVENTS).keys()]);
      assert.equal(echo.socketId(), id);
      assert.deepEqual(unrecovered(echo), []);
      assert.deepEqual(theirs.all('leaving'), []);
      assert.equal(theirs.all('joining').length, 1);
      assert.deepEqual(mine.all('joining').concat(mine.all('leaving')), []);
    });

    test(`what was missed in a longer absence over ${transport} comes at once on the return`, async (t) => {
      const { wire, echo } = await connect(t, server, transport);
      const witness = await Visitor.open(t, { server, laravel }, way('laravel-echo 2, pusher-js 8, ws'), 8);
      const name = `room.absent-${transport}`;
      const theirs = await witness.enter('presence', name, 1);
      const mine = await listen(echo, name);
      const { id } = echo.socket;
      const publisher = server.publisher();
      const publish = (n) => publisher.trigger(`presence-${name}`, 'App\\Events\\Posted', { n });

      await publish(0);
      await mine.next('Posted');
      wire.break();
      await echo.life.next('disconnect');
      for (const n of [1, 2, 3]) {
        await publish(n);
      }
      witness.channel('presence', name).whisper('typing', { n: 4 });
      await publish(5);
      wire.mend();
      const { recovered } = await echo.life.next('connect');
      await publish(6);
      await mine.next(({ data }) => data.n === 6);

      assert.equal(recovered, true);
      assert.equal(echo.socketId(), id);
      assert.deepEqual(mine.all('Posted').map(({ data }) => data.n), [0, 1, 2, 3, 5, 6]);
      // When a whisper arrives is confirmed to nobody.
      assert.deepEqual((await mine.next('typing')).data, { n: 4 });
      assert.deepEqual(theirs.all('leaving'), []);
      assert.equal(theirs.all('joining').length, 1);

      // The way out works as well: whispers, and being excluded.
      echo.join(name).whisper('typing', { n: 7 });
      assert.deepEqual((await theirs.next('typing')).data, { n: 7 });
      await publisher.trigger(`presence-${name}`, 'App\\Events\\Posted', { n: 8 }, { socket_id: id });
      await publish(9);
      await mine.next(({ data }) => data.n === 9);
      assert.equal(mine.history.filter(({ data }) => data.n === 8).length, 0);
    });
  }

  test('a client that is cut before its first event gets what it missed', async (t) => {
    for (const transport of ['websocket', 'polling']) {
      const { wire, echo } = await connect(t, server, transport);
      const mine = await listen(echo, `room.first-${transport}`);
      wire.break();
      await echo.life.next('disconnect');
      await server.publisher().trigger(`presence-room.first-${transport}`, 'App\\Events\\Posted', { n: 1 });
      wire.mend();
      assert.equal((await echo.life.next('connect')).recovered, true);
      assert.deepEqual((await mine.next('Posted')).data, { n: 1 });
    }
  });

  test('events of channels that were left, or joined anew, are not repeated', async (t) => {
    const { wire, echo } = await connect(t, server, 'websocket');
    const [left, kept] = [await listen(echo, 'room.left'), await listen(echo, 'room.kept')];
    const publisher = server.publisher();
    const publish = (n) => publisher.trigger(['presence-room.left', 'presence-room.kept'], 'App\\Events\\Posted', { n });
    await publish(1);
    await Promise.all([left.next('Posted'), kept.next('Posted')]);
    echo.leave('room.left');
    wire.break();
    await echo.life.next('disconnect');
    await publish(2);
    wire.mend();
    await echo.life.next('connect');
    await publish(3);
    await kept.next(({ data }) => data.n === 3);
    assert.deepEqual(kept.all('Posted').map(({ data }) => data.n), [1, 2, 3]);
    // Whether the server saw the leaving before the cut is chance; Echo drops what it no longer wants.
    assert.deepEqual(left.all('Posted').map(({ data }) => data.n), [1]);
  });

  test('a client that missed more than the bound is told, and subscribed again by Echo', (t) =>
    told(t, forgetful, 'room.bytes', (publish) =>
      publish(Array.from({ length: 10 }, () => ({ text: 'x'.repeat(RECOVERY_BYTES / 8) }))),
    ));

  test('a client that comes back too late is told, and had left', async (t) => {
    const witness = await Visitor.open(t, { server: forgetful, laravel }, way('laravel-echo 2, pusher-js 8, ws'), 8);
    const theirs = await witness.enter('presence', 'room.late', 1);
    await told(t, forgetful, 'room.late', async () => {
      assert.deepEqual((await theirs.next('leaving')).data, MEMBERS[7]);
    });
    assert.equal(theirs.all('joining').length, 2);
  });

  test('a client that says goodbye leaves at once', async (t) => {
    const witness = await Visitor.open(t, { server, laravel }, way('laravel-echo 2, pusher-js 8, ws'), 8);
    const theirs = await witness.enter('presence', 'room.goodbye', 1);
    for (const transport of ['websocket', 'polling']) {
      const { echo } = await connect(t, server, transport);
      await listen(echo, 'room.goodbye');
      echo.disconnect();
      assert.deepEqual((await theirs.next('leaving')).data, MEMBERS[7]);
    }
  });

  test('after a restart of the server a client is told, and subscribed again by Echo', async (t) => {
    const port = await fixedPort();
    const first = await Server.start({ port, env });
    const { echo } = await connect(t, first, 'websocket', { direct: true });
    const mine = await listen(echo, 'room.restart');
    const { id } = echo.socket;
    await first.publisher().trigger('presence-room.restart', 'App\\Events\\Posted', { n: 1 });
    await mine.next('Posted');
    await first.kill();
    const second = await Server.start({ port, env });
    t.after(() => second.stop());
    await second.publisher().trigger('presence-room.restart', 'App\\Events\\Posted', { n: 2 });
    assert.notEqual((await echo.life.next('connect')).recovered, true);
    assert.notEqual(echo.socketId(), id);
    assert.deepEqual((await mine.next('here')).data, [MEMBERS[7]]);
    await second.publisher().trigger('presence-room.restart', 'App\\Events\\Posted', { n: 3 });
    assert.deepEqual((await mine.next('Posted')).data.n, 3);
    await first.stop();
  });

  for (const [name, client] of SOCKET_IOS.slice(0, 2)) {
    test(`${name}, which knows no recovery, is subscribed again by Echo 2`, async (t) => {
      const { wire, echo } = await connect(t, server, 'websocket', { io: client });
      const mine = await listen(echo, `room.old-${name.at(-1)}`);
      const { id } = echo.socket;
      wire.cut();
      await echo.life.next('connect');
      assert.notEqual(echo.socket.id, id);
      assert.deepEqual((await mine.next('here')).data, [MEMBERS[7]]);
      await server.publisher().trigger(`presence-room.old-${name.at(-1)}`, 'App\\Events\\Posted', { n: 1 });
      assert.deepEqual((await mine.next('Posted')).data, { n: 1 });
      assert.equal(mine.all('Posted').length, 1);
    });
  }

  test('Echo 1 with socket.io-client 2.5 subscribes again', async (t) => {
    const { wire, echo } = await connect(t, server, 'websocket', { io: SOCKET_IOS[0][1], Echo: Echo1 });
    const mine = await listen(echo, 'room.echo-1');
    wire.cut();
    await echo.life.next('connect');
    assert.deepEqual((await mine.next('here')).data, [MEMBERS[7]]);
  });

  // Echo 1 listens to `reconnect` on the socket, where socket.io-client 4 has not emitted it since version 3. So it
  // subscribes to nothing after a reconnection; recovery makes good for it, as long as the session is kept.
  test('Echo 1 with socket.io-client 4.8 goes on after a cut, though it does not subscribe again', async (t) => {
    const { wire, echo } = await connect(t, server, 'websocket', { Echo: Echo1 });
    const mine = await listen(echo, 'room.echo-1-4');
    const publish = (n) => server.publisher().trigger('presence-room.echo-1-4', 'App\\Events\\Posted', { n });
    await publish(1);
    await mine.next('Posted');
    wire.break();
    await echo.life.next('disconnect');
    await publish(2);
    wire.mend();
    assert.equal((await echo.life.next('connect')).recovered, true);
    await publish(3);
    await mine.next(({ data }) => data.n === 3);
    assert.deepEqual(mine.all('Posted').map(({ data }) => data.n), [1, 2, 3]);
    assert.equal(mine.all('here').length, 1);
  });
});

/** A client that misses something that cannot be made good is told, has a new id, and is subscribed again. */
async function told(t, server, name, miss) {
  const { wire, echo } = await connect(t, server, 'websocket');
  const mine = await listen(echo, name);
  const publisher = server.publisher();
  const publish = async (posts) => {
    for (const post of posts) {
      await publisher.trigger(`presence-${name}`, 'App\\Events\\Posted', post);
    }
  };
  await publish([{ n: 1 }]);
  await mine.next('Posted');
  const { id } = echo.socket;
  wire.break();
  await echo.life.next('disconnect');
  await miss(publish);
  wire.mend();
  assert.equal((await echo.life.next('connect')).recovered, false);
  assert.notEqual(echo.socketId(), id);
  assert.ok((await mine.next('here')).data.some((member) => member.id === MEMBERS[7].id));
  await publish([{ n: 2 }]);
  assert.equal((await mine.next('Posted')).data.n, 2, 'nothing of what was missed');
}

/** Echo as user 7, behind a wire of its own. */
async function connect(t, server, transport, { direct, ...options } = {}) {
  const wire = await Wire.start(server.port);
  t.after(() => wire.stop());
  const { cookies } = await laravel.login(7);
  const echo = await openSocketIoEcho(t, options.Echo ?? Echo, options.io ?? io, direct ? server : wire, {
    transports: TRANSPORTS[transport],
    extraHeaders: { Cookie: cookies },
  });
  if (transport === 'upgrade') {
    await upgraded(echo.socket);
  }
  return { wire, echo };
}

/** Joins a presence channel and waits until it is in. */
async function listen(echo, name) {
  const inbox = new Inbox(name);
  const note = (event) => (data) => inbox.push({ event, data });
  const channel = echo.join(name).listen('Posted', note('Posted')).listenForWhisper('typing', note('typing'));
  channel.here(note('here')).joining(note('joining')).leaving(note('leaving'));
  await inbox.next('here');
  return inbox;
}

/** The connections after the first one that were not a recovery. */
function unrecovered(echo) {
  return echo.life.all('connect').slice(1).filter(({ recovered }) => recovered !== true);
}
