import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Client, PUSHERS } from '../support/clients.mjs';
import { APP, Server } from '../support/server.mjs';
import { Socket } from '../support/socket.mjs';

const patient = { ...APP, id: '1003', key: 'patient', auth_timestamp_tolerance: 0 };
const roomy = { ...APP, id: '1002', key: 'roomy', max_event_size: 12_000, max_request_size: 100_000 };
const server = await Server.start({ apps: [APP, roomy, patient] });
after(() => server.stop());
const publisher = server.publisher();

// What an application sends, and what pusher-js makes of it: it parses `data` where it is JSON.
const PAYLOADS = [
  ['an object', '{"id":7,"status":"shipped"}', { id: 7, status: 'shipped' }],
  ['an empty object', '{}', {}],
  ['an empty list', '[]', []],
  ['a fraction that is whole', '{"price":1.0}', { price: 1 }],
  ['a number beyond 2^53', '{"n":12345678901234567890}', { n: 12345678901234567890 }],
  ['spaces and line ends', ' { "a" :\r\n\t1 } ', { a: 1 }],
  ['a string that looks like a number', '"5"', '5'],
  ['a bare number', '5', 5],
  ['a bare boolean', 'true', true],
  ['text that is not JSON', 'hello, world', 'hello, world'],
  ['emoji', '{"t":"👋🏽 👨‍👩‍👧‍👦"}', { t: '👋🏽 👨‍👩‍👧‍👦' }],
  ['a letter of four bytes', '{"t":"𝒳𐍈"}', { t: '𝒳𐍈' }],
  ['U+2028 and U+2029', '{"t":"a\u2028b\u2029c"}', { t: 'a\u2028b\u2029c' }],
  ['an escaped U+2028', '{"t":"a\\u2028b"}', { t: 'a\u2028b' }],
  ['right-to-left text', '{"t":"שלום עולם — مرحبا"}', { t: 'שלום עולם — مرحبا' }],
  ['an escaped NUL', '{"t":"\\u0000"}', { t: '\u0000' }],
  ['slashes and quotes', '{"t":"</script>\\"\\\\\\/"}', { t: '</script>"\\/' }],
  ['nine kilobytes', JSON.stringify({ t: 'x'.repeat(9 * 1024) }), { t: 'x'.repeat(9 * 1024) }],
];

for (const [name, Pusher] of PUSHERS) {
  test(`${name} receives what npm pusher triggers`, async (t) => {
    const client = await Client.open(t, Pusher, server);
    const news = await client.join('news');
    const response = await publisher.trigger('news', 'headline', { title: 'It works' });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '{}');
    assert.deepEqual(await news.next('headline'), { event: 'headline', data: { title: 'It works' } });
  });

  test(`${name} receives an event once on each of its channels`, async (t) => {
    const client = await Client.open(t, Pusher, server);
    const [a, b] = [await client.join('one-a'), await client.join('one-b')];
    await publisher.trigger(['one-a', 'one-b', 'one-c'], 'both', { n: 1 });
    await publisher.trigger(['one-a', 'one-b'], 'fence', {});
    await Promise.all([a.next('fence'), b.next('fence')]);
    assert.equal(a.all('both').length, 1);
    assert.equal(b.all('both').length, 1);
  });

  test(`${name} receives a batch in its order`, async (t) => {
    const client = await Client.open(t, Pusher, server);
    const [a, b] = [await client.join('batch-a'), await client.join('batch-b')];
    const batch = Array.from({ length: 20 }, (_, n) => ({
      channel: n % 2 ? 'batch-b' : 'batch-a',
      name: 'step',
      data: { n },
    }));
    const response = await publisher.triggerBatch([
      ...batch,
      { channel: 'batch-a', name: 'end', data: {} },
      { channel: 'batch-b', name: 'end', data: {} },
    ]);
    assert.deepEqual(await response.json(), {});
    await Promise.all([a.next('end'), b.next('end')]);
    const steps = (events) => events.all('step').map(({ data }) => data.n);
    assert.deepEqual(steps(a), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    assert.deepEqual(steps(b), [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
  });

  test(`${name} does not receive an event that excludes its socket id, others do`, async (t) => {
    const sender = await Client.open(t, Pusher, server);
    const other = await Client.open(t, Pusher, server);
    const [mine, theirs] = [await sender.join('others'), await other.join('others')];
    await publisher.trigger('others', 'said', { n: 1 }, { socket_id: sender.socketId });
    await publisher.trigger('others', 'fence', {});
    await Promise.all([mine.next('fence'), theirs.next('fence')]);
    assert.deepEqual(mine.all('said'), []);
    assert.deepEqual(theirs.all('said'), [{ event: 'said', data: { n: 1 } }]);
  });

  test(`${name} receives nothing more of a channel that it left`, async (t) => {
    const client = await Client.open(t, Pusher, server);
    const left = await client.join('left');
    const stayed = await client.join('stayed');
    client.pusher.unsubscribe('left');
    await client.pusher.send_event('pusher:ping', {});
    await client.messages.next('pusher:pong');
    await publisher.trigger(['left', 'stayed'], 'late', {});
    await stayed.next('late');
    assert.deepEqual(left.all('late'), []);
    assert.deepEqual(client.messages.history.filter((m) => m.channel === 'left' && m.event === 'late'), []);
  });

  test(`${name} gets every kind of payload as it was sent`, async (t) => {
    const client = await Client.open(t, Pusher, server);
    const events = await client.join('payloads');
    for (const [kind, sent, received] of PAYLOADS) {
      await publisher.trigger('payloads', 'payload', sent);
      assert.deepEqual((await events.next('payload')).data, received, kind);
    }
  });

  test(`${name} gets an event whose name has backslashes`, async (t) => {
    const client = await Client.open(t, Pusher, server);
    const events = await client.join('orders.7');
    await publisher.trigger('orders.7', 'App\\Events\\OrderShipped', { id: 7 });
    assert.deepEqual((await events.next('App\\Events\\OrderShipped')).data, { id: 7 });
  });
}

test('the data of an event is delivered byte for byte', async (t) => {
  const socket = await Socket.open(t, server);
  await socket.join('bytes');
  for (const [kind, sent] of PAYLOADS) {
    await publisher.trigger('bytes', 'payload', sent);
    const { raw, ...frame } = await socket.frames.next('payload');
    assert.deepEqual(frame, { event: 'payload', channel: 'bytes', data: sent }, kind);
  }
});

test('what PHP escapes arrives as the text that it stands for', async (t) => {
  const socket = await Socket.open(t, server);
  await socket.join('php');
  const data = '{"url":"https:\\/\\/a.example\\/7","name":"Zo\\u00eb \\ud83d\\ude00"}';
  const body =
    '{"name":"App\\\\Events\\\\Saved","data":"{\\"url\\":\\"https:\\\\\\/\\\\\\/a.example\\\\\\/7\\",' +
    '\\"name\\":\\"Zo\\\\u00eb \\\\ud83d\\\\ude00\\"}","channel":"php"}';
  assert.equal(JSON.parse(body).data, data);
  const response = await post('/apps/1001/events', body);
  assert.equal(response.status, 200);
  assert.equal(await response.text(), '{}');
  const { raw, ...frame } = await socket.frames.next('App\\Events\\Saved');
  assert.deepEqual(frame, { event: 'App\\Events\\Saved', channel: 'php', data });
  assert.deepEqual(JSON.parse(frame.data), { url: 'https://a.example/7', name: 'Zoë 😀' });
});

test('an event tells the counts that were asked for', async (t) => {
  const [one, two] = [await Socket.open(t, server), await Socket.open(t, server)];
  await one.join('counted');
  await two.join('counted');
  const response = await publisher.trigger(['counted', 'empty'], 'e', {}, {
    info: 'subscription_count,user_count',
  });
  const { channels } = await response.json();
  assert.deepEqual(channels.counted, { subscription_count: 2 });
  const batch = await publisher.triggerBatch([
    { channel: 'counted', name: 'e', data: '{}', info: 'subscription_count' },
    { channel: 'counted', name: 'e', data: '{}' },
  ]);
  assert.deepEqual(await batch.json(), { batch: [{ subscription_count: 2 }, {}] });
});

test('an event for a channel that nobody is on is accepted', async () => {
  assert.equal((await publisher.trigger('nobody', 'e', {})).status, 200);
});

test('a wrong secret is refused with 401', async () => {
  const error = await failure(server.publisher({ ...APP, secret: 'wrong' }).trigger('a', 'e', {}));
  assert.equal(error.status, 401);
  assert.equal(error.json.code, 401);
  assert.match(error.json.error, /^Authentication signature invalid/);
});

test('the key of another app is refused with 401 although the secret is right', async () => {
  const error = await failure(server.publisher({ ...APP, key: roomy.key }).trigger('a', 'e', {}));
  assert.equal(error.status, 401);
});

test('a request that was signed more than ten minutes ago is refused, unless the app allows it', async (t) => {
  const tenMinutes = 600_000;
  const now = Date.now();
  t.mock.method(Date, 'now', () => now - tenMinutes - 10_000);
  const calls = [publisher, server.publisher(patient)].map((each) => each.trigger('a', 'e', {}));
  t.mock.reset();
  assert.equal((await failure(calls[0])).status, 401);
  assert.equal((await calls[1]).status, 200);

  t.mock.method(Date, 'now', () => now - tenMinutes + 60_000);
  const inTime = publisher.trigger('a', 'e', {});
  t.mock.reset();
  assert.equal((await inTime).status, 200);
});

test('an event of one app does not reach another app', async (t) => {
  const [mine, theirs] = [
    await Socket.open(t, server),
    await Socket.open(t, server, { key: roomy.key }),
  ];
  await mine.join('shared-name');
  await theirs.join('shared-name');
  await publisher.trigger('shared-name', 'ours', {});
  await mine.frames.next('ours');
  await server.publisher(roomy).trigger('shared-name', 'fence', {});
  await theirs.frames.next('fence');
  assert.deepEqual(theirs.frames.all('ours'), []);
});

test('an unknown app is answered with 404', async () => {
  const error = await failure(server.publisher({ ...APP, id: 'nope' }).trigger('a', 'e', {}));
  assert.equal(error.status, 404);
  assert.deepEqual(error.json, { error: 'No matching application for ID [nope].', code: 404 });
});

test('an event without a name or data is refused with 422 and the fields that miss', async () => {
  const response = await post('/apps/1001/events', '{"channel":"a"}');
  assert.equal(response.status, 422);
  const { code, errors } = await response.json();
  assert.equal(code, 422);
  assert.deepEqual(errors, {
    name: ['The name field is required.'],
    data: ['The data field is required.'],
  });
});

test('a body that is not JSON is refused with 400', async () => {
  const response = await post('/apps/1001/events', 'name=e');
  assert.equal(response.status, 400);
  assert.equal((await response.json()).code, 400);
});

test('an event with a name of the protocol is refused with 422', async () => {
  for (const name of ['pusher:ping', 'pusher_internal:member_added']) {
    const error = await failure(publisher.trigger('a', name, {}));
    assert.equal(error.status, 422, name);
    assert.deepEqual(Object.keys(error.json.errors), ['name']);
  }
});

test('a request that is too large is refused with 413 that names size, limit and setting', async () => {
  const error = await failure(publisher.trigger('a', 'e', 'x'.repeat(12_345)));
  assert.equal(error.status, 413);
  assert.equal(error.json.code, 413);
  assert.match(error.json.error, /12\d{3}/);
  assert.match(error.json.error, /10000/);
  assert.match(error.json.error, /max_request_size/);
});

test('data that is too large is refused and the answer names size, limit and setting', async () => {
  const error = await failure(server.publisher(roomy).trigger('a', 'e', 'x'.repeat(12_345)));
  assert.equal(error.status, 413);
  assert.match(error.json.error, /12345/);
  assert.match(error.json.error, /12000/);
  assert.match(error.json.error, /max_event_size/);
});

test('a batch that is too long is refused with 422 that names size, limit and setting', async () => {
  const batch = Array.from({ length: 101 }, () => ({ channel: 'a', name: 'e', data: '{}' }));
  const error = await failure(publisher.triggerBatch(batch));
  assert.equal(error.status, 422);
  assert.match(JSON.stringify(error.json), /101/);
  assert.match(JSON.stringify(error.json), /100/);
  assert.match(JSON.stringify(error.json), /max_batch_size/);
});

/** A request signed by npm pusher with a body of our own. */
function post(path, body) {
  const query = publisher.createSignedQueryString({ method: 'POST', path, body });
  const headers = { 'Content-Type': 'application/json' };
  return fetch(server.url(`${path}?${query}`), { method: 'POST', body, headers });
}

/** The error with which a call of npm pusher fails, its body parsed. */
async function failure(call) {
  const error = await call.then(
    () => assert.fail('the call succeeded'),
    (reason) => reason,
  );
  error.json = JSON.parse(error.body);
  return error;
}
