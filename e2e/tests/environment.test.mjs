import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { Client, ECHOS, PUSHERS, startEcho, subscribed, callback } from '../support/clients.mjs';
import { soon } from '../support/inbox.mjs';
import { BINARY, Server } from '../support/server.mjs';
import { Socket, errorOf } from '../support/socket.mjs';

// As `php artisan install:broadcasting` leaves it, between the other settings of a Laravel project.
const LARAVEL_ENV = `APP_NAME=Laravel
APP_ENV=local
APP_KEY=base64:c2VjcmV0
APP_URL=http://localhost

# Broadcasting
BROADCAST_CONNECTION=reverb
DB_PASSWORD="p#ss \${APP_NAME}"

REVERB_APP_ID=523094
REVERB_APP_KEY=laravel-herd
REVERB_APP_SECRET='t0p#secret'
REVERB_HOST="localhost"
REVERB_PORT=8080 # where browsers go
REVERB_SCHEME=http
REVERB_SERVER_HOST=127.0.0.1
REVERB_APP_MAX_CONNECTIONS=2

VITE_REVERB_APP_KEY="\${REVERB_APP_KEY}"
VITE_REVERB_HOST="\${REVERB_HOST}"
`;
const LARAVEL_APP = { id: '523094', key: 'laravel-herd', secret: 't0p#secret' };

test("a Laravel project's own .env is enough to start", async (t) => {
  const server = await start(t, { files: { '.env': LARAVEL_ENV } });
  const client = await Client.open(t, PUSHERS[0][1], server, { app: LARAVEL_APP });
  const events = await client.join('orders');
  await server.publisher(LARAVEL_APP).trigger('orders', 'App\\Events\\OrderShipped', { id: 7 });
  assert.deepEqual((await events.next('App\\Events\\OrderShipped')).data, { id: 7 });

  // The limit of the same file holds.
  await Client.open(t, PUSHERS[0][1], server, { app: LARAVEL_APP });
  const third = Socket.dial(t, server, { key: LARAVEL_APP.key });
  assert.equal(errorOf(await third.frames.next('pusher:error')).code, 4004);
});

test('the names in a .env may refer to one another', async (t) => {
  const env = [
    'APP_NAME=shop',
    'REVERB_APP_ID="${APP_NAME}-1"',
    'REVERB_APP_KEY="${APP_NAME}-key"',
    'REVERB_APP_SECRET="${REVERB_APP_KEY}-secret"',
    'REVERB_SERVER_HOST=127.0.0.1',
  ].join('\n');
  const server = await start(t, { files: { '.env': env } });
  const app = { id: 'shop-1', key: 'shop-key', secret: 'shop-key-secret' };
  await Client.open(t, PUSHERS[0][1], server, { app });
  assert.equal((await server.publisher(app).trigger('a', 'e', {})).status, 200);
});

test('the environment is stronger than .env, and a flag stronger than both', async (t) => {
  const server = await start(t, {
    files: { '.env': LARAVEL_ENV },
    env: { REVERB_APP_KEY: 'from-the-environment', REVERB_SERVER_PORT: '1', REVERB_SERVER_PATH: '/ws' },
  });
  const app = { ...LARAVEL_APP, key: 'from-the-environment' };
  const client = await Client.open(t, PUSHERS[0][1], server, { app, wsPath: '/ws' });
  await client.join('news');
});

test('the settings of Pusher are taken where those of Reverb are absent', async (t) => {
  const env = 'PUSHER_APP_ID=9\nPUSHER_APP_KEY=pusher-key\nPUSHER_APP_SECRET=pusher-secret\n';
  const server = await start(t, { files: { '.env': env }, env: { REVERB_SERVER_HOST: '127.0.0.1' } });
  const app = { id: '9', key: 'pusher-key', secret: 'pusher-secret' };
  const client = await Client.open(t, PUSHERS[1][1], server, { app });
  const events = await client.join('news');
  await server.publisher(app).trigger('news', 'e', { n: 1 });
  assert.deepEqual((await events.next('e')).data, { n: 1 });
});

test('a prefix goes in front of every route, and signatures are made without it', async (t) => {
  const server = await start(t, {
    files: { '.env': LARAVEL_ENV },
    env: { REVERB_SERVER_PATH: '/realtime' },
  });
  const [, Echo, Pusher] = ECHOS[0];
  const echo = startEcho(t, Echo, Pusher, server, { app: LARAVEL_APP, wsPath: '/realtime' });
  const heard = callback();
  await subscribed(echo.channel('news').listen('.e', heard));
  const body = JSON.stringify({ name: 'e', channel: 'news', data: '{"n":1}' });
  const route = '/apps/523094/events';
  const query = server
    .publisher(LARAVEL_APP)
    .createSignedQueryString({ method: 'POST', path: route, body });
  const response = await fetch(server.url(`/realtime${route}?${query}`), { method: 'POST', body });
  assert.equal(response.status, 200);
  assert.deepEqual(await heard.next(), { n: 1 });
  assert.equal((await fetch(server.url('/realtime/up'))).status, 200);
});

test('without any app it takes a development app and stays on the loopback address', async (t) => {
  const server = await start(t, {});
  const { address } = server.logs.history.find(({ message }) => message === 'listening');
  assert.match(address, /^127\.0\.0\.1:\d+$/);
  const app = { id: 'resound', key: 'resound-key', secret: 'resound-secret' };
  const client = await Client.open(t, PUSHERS[0][1], server, { app });
  await client.join('news');
  assert.equal((await server.publisher(app).trigger('news', 'e', {})).status, 200);
});

test('the banner shows how to connect', async (t) => {
  const server = await start(t, { files: { '.env': LARAVEL_ENV } });
  for (const text of ['laravel-herd', '523094', 'broadcaster', 'REVERB_APP_KEY', 'REVERB_HOST']) {
    assert.ok(server.output.includes(text), `${text} is not in the banner:\n${server.output}`);
  }
});

for (const [what, files, args, words] of [
  ['a value that is wrong', { 'resound.toml': 'port = "many"\n' }, [], ['resound.toml', 'port']],
  ['a key that does not exist', { 'resound.toml': 'prot = 80\n' }, [], ['resound.toml', 'prot', 'port']],
  ['a port of .env that is none', { '.env': 'REVERB_SERVER_PORT=99999\n' }, [], ['REVERB_SERVER_PORT']],
  ['a file that is named and not there', {}, ['--config', 'absent.toml'], ['absent.toml']],
  ['an app without a secret', { 'resound.toml': '[[apps]]\nid="1"\nkey="k"\n' }, [], ['secret']],
  [
    'a well-known secret on a public address',
    {},
    ['--host', '0.0.0.0'],
    ['secret', '--allow-insecure-secret'],
  ],
]) {
  test(`${what} is an error that says what to change, and nothing listens`, async (t) => {
    const { code, output } = await failedStart(t, files, args);
    assert.notEqual(code, 0);
    for (const word of words) {
      assert.ok(output.includes(word), `${word} is not in:\n${output}`);
    }
    assert.ok(!output.includes('listening'), output);
  });
}

test('resound init writes a .env block with fresh credentials and touches nothing else', async (t) => {
  const directory = await workingDirectory(t, { '.env': 'APP_NAME=Laravel\n' });
  assert.equal((await run(['init'], directory)).code, 0);
  const text = await readFile(path.join(directory, '.env'), 'utf8');
  assert.ok(text.startsWith('APP_NAME=Laravel\n'));
  const [id, key, secret] = ['ID', 'KEY', 'SECRET'].map(
    (name) => text.match(new RegExp(`^REVERB_APP_${name}="?([^"\\n]+)"?$`, 'm'))[1],
  );
  const server = await start(t, { files: { '.env': text }, env: { REVERB_SERVER_HOST: '127.0.0.1' } });
  await Client.open(t, PUSHERS[0][1], server, { app: { id, key, secret } });

  const printed = await run(['init', '--print'], directory);
  assert.equal(printed.code, 0);
  assert.match(printed.output, /^REVERB_APP_SECRET=/m);
  assert.ok(!printed.output.includes(secret));
  assert.equal(await readFile(path.join(directory, '.env'), 'utf8'), text);
});

/** A server whose directory has only these files. */
async function start(t, { env, ...options }) {
  const quick = { RESOUND_SHUTDOWN_GRACE_SECONDS: '1', ...env };
  const server = await Server.start({ apps: null, env: quick, ...options });
  t.after(() => server.stop());
  return server;
}

async function failedStart(t, files, args) {
  return run(['start', ...args], await workingDirectory(t, files));
}

async function workingDirectory(t, files) {
  const directory = await mkdtemp(path.join(tmpdir(), 'resound-e2e-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(path.join(directory, name), text);
  }
  return directory;
}

/** Runs the binary to its end: its exit code and all that it wrote. */
async function run(args, cwd) {
  const child = spawn(BINARY, args, { cwd, env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    return { code: await soon(`the end of resound ${args.join(' ')}`, closed), output };
  } finally {
    child.kill('SIGKILL');
  }
}
