/** The types that the library writes, with TypeScript's compiler and the types of the real Echo. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

import { example } from '../support/example.mjs';

const E2E = fileURLToPath(new URL('..', import.meta.url));
const modules = (name) => [path.join(E2E, 'node_modules', name)];

let directory;

before(async () => {
  // Within the folder of the tests, so that react's types are found as in a project.
  directory = await mkdtemp(path.join(E2E, '.types-'));
  await example('types', { args: [path.join(directory, 'events.d.ts')] });
});

after(() => rm(directory, { recursive: true, force: true }));

const HEAD = `
  import Echo from 'laravel-echo';
  import type { EventPayload, TypedEcho } from './events';
  const echo: TypedEcho = new Echo<'reverb'>({ broadcaster: 'reverb', key: 'key', wsHost: 'localhost' });
  declare const id: number;
`;

/** What the compiler says about a front end: codes with the first line of each text. */
async function compile(name, source) {
  const file = path.join(directory, name);
  await writeFile(file, HEAD + source);
  const options = {
    strict: true,
    noEmit: true,
    // Those who write libraries check their types, and so must ours stand it; Echo's own are left alone.
    skipLibCheck: false,
    types: [],
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    paths: { 'laravel-echo': modules('laravel-echo-2'), 'pusher-js': modules('pusher-js-8') },
  };
  const program = ts.createProgram([file, path.join(directory, 'events.d.ts')], options);
  const ours = ts.getPreEmitDiagnostics(program).filter(({ file }) => file?.fileName.startsWith(directory) ?? true);
  return ours.map(({ code, messageText }) => `${code} ${ts.flattenDiagnosticMessageText(messageText, '\n').split('\n')[0]}`);
}

test('a front end that knows its events compiles', async () => {
  const errors = await compile('good.ts', `
    echo.private(\`orders.\${id}\`)
      .subscribed(() => {})
      .listen('OrderUpdated', (e) => {
        const order: number = e.order_id;
        const note: string | undefined = e.note;
        const parcel = e.status === 'paid' ? null : e.status.shipped.parcel;
        console.log(order, note, parcel?.toUpperCase());
      })
      .error((error) => console.error(error))
      .stopListening('OrderUpdated');
    echo.channel('dashboard').listen('OrderUpdated', (e) => e.status);
    echo.join('rooms.lobby')
      .here((members) => members.length)
      .listen('.message.posted', ({ postedAt }) => new Date(postedAt))
      .whisper('typing', { id });
    echo.private(\`App.Models.User.\${id}\`).notification((n) => {
      if (n.type === 'invoice.paid') n.amount.toFixed(2) + n.id.length;
    });
    echo.private('typing.lobby').listenForWhisper('typing', () => {});
    echo.leave('orders.1');
    const payload: EventPayload<'OrderUpdated'> = { order_id: 1, status: 'paid' };
    console.log(payload, echo.socketId());
  `);
  assert.deepEqual(errors, []);
});

test('a field that was renamed breaks the build', async () => {
  const errors = await compile('renamed.ts', `
    echo.private('orders.1').listen('OrderUpdated', (e) => e.state);
    echo.join('rooms.lobby').listen('.message.posted', ({ posted_at }) => posted_at);
  `);
  assert.deepEqual(errors, [
    "2339 Property 'state' does not exist on type 'OrderUpdated'.",
    "2339 Property 'posted_at' does not exist on type 'MessagePosted'.",
  ]);
});

test('so does a variant, an event or a channel that does not exist', async () => {
  const errors = await compile('unknown.ts', `
    echo.private('orders.1').listen('OrderUpdated', (e) => e.status === 'payed');
    echo.private('orders.1').listen('OrderChanged', () => {});
    echo.private('orders.1').error(() => {}).listen('.message.posted', () => {});
    echo.private('order.1');
    echo.channel('orders.1');
  `);
  const codes = errors.map((error) => error.slice(0, 4));
  assert.deepEqual(codes, ['2367', '2345', '2345', '2345', '2345'], errors.join('\n'));
  assert.match(errors[1], /"OrderChanged"' is not assignable to parameter of type '"OrderUpdated"'/);
  assert.match(errors[3], /"order\.1"' is not assignable to parameter of type/);
});

test('useEcho of @laravel/echo-react knows the events', async () => {
  const errors = await compile('react.ts', `
    import { useEcho } from '@laravel/echo-react';
    useEcho(\`orders.\${id}\`, 'OrderUpdated', (e) => console.log(e.order_id));
    useEcho('rooms.lobby', '.message.posted', (e) => console.log(e.postedAt));
    useEcho('orders.1', 'OrderUpdated', (e) => console.log(e.id));
  `);
  assert.deepEqual(errors, ["2339 Property 'id' does not exist on type 'OrderUpdated'."]);
});
