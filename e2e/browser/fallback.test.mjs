/** pusher-js in a browser behind an nginx that kills the Upgrade: it falls back to HTTP by itself. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { Application } from '../support/application.mjs';
import { BUILDS, Site, openPage, startBrowser } from '../support/browser.mjs';
import { KILLS, Nginx } from '../support/nginx.mjs';
import { APP, Server } from '../support/server.mjs';

const server = await Server.start();
const application = await Application.start();
const site = await Site.start();
const browser = await startBrowser();
after(() => Promise.all([browser.close(), server.stop(), application.stop(), site.stop()]));
const publisher = server.publisher();

let pages = 0;

describe('pusher-js without WebSockets in a browser', { concurrency: 4 }, () => {
  for (const [name, pusher, echo] of BUILDS) {
    for (const [kill, directives] of Object.entries(KILLS)) {
      test(`a page behind an nginx that ${kill} the Upgrade falls back by itself with ${name}`, async (t) => {
        const nginx = await Nginx.start(server.port, directives);
        t.after(() => nginx.stop());
        const page = await openPage(t, browser, pageFor({ pusher, echo, port: nginx.port }));
        const room = `fallback-${kill}-${pusher}`;
        await enter(page, room);
        assert.match(await transport(page), /^xhr_/);
        await works(page, room);
      });
    }

    for (const transport of ['xhr_streaming', 'xhr_polling']) {
      test(`a page that is told to use ${transport} only works without complaint with ${name}`, async (t) => {
        const options = { enabledTransports: [transport] };
        const page = await openPage(t, browser, pageFor({ pusher, echo, port: server.port, options }));
        const room = `chosen-${transport}-${pusher}`;
        await enter(page, room);
        await works(page, room);
        assert.deepEqual(page.complaints.filter((complaint) => !complaint.startsWith('failed:')), []);
      });
    }
  }
});

/** Receives, in order, and whispers. */
async function works(page, room) {
  for (let n = 0; n < 20; n++) {
    await publisher.trigger(`presence-${room}`, 'e', { n, text: '✅ 😀 عربى \u2028' });
  }
  await page.waitForFunction(() => window.seen.length === 20);
  const expected = Array.from({ length: 20 }, (_, n) => ({ n, text: '✅ 😀 عربى \u2028' }));
  assert.deepEqual(await page.evaluate(() => window.seen), expected);
  const other = await openPage({ after() {} }, browser, pageFor({ pusher: '8', echo: '2', port: server.port, user: 'bo' }));
  await enter(other, room);
  await page.evaluate((name) => window.Echo.join(name).whisper('e', { n: 1 }), room);
  await other.waitForFunction(() => window.whispers.length === 1);
  await other.context().close();
}

function transport(page) {
  return page.evaluate(() => window.Echo.connector.pusher.connection.connection.transport.name);
}

function enter(page, room) {
  return page.evaluate(
    (name) =>
      new Promise((resolve) => {
        window.Echo.join(name)
          .here(resolve)
          .listen('.e', (event) => window.seen.push(event))
          .listenForWhisper('e', (event) => window.whispers.push(event));
      }),
    room,
  );
}

/** A page that gives its host for WebSockets and for HTTP, and leaves the rest to pusher-js. */
function pageFor({ pusher, echo, port, user = 'zoe', options = {} }) {
  pages += 1;
  const all = {
    broadcaster: 'reverb',
    key: APP.key,
    wsHost: '127.0.0.1',
    wsPort: port,
    wssPort: port,
    httpHost: '127.0.0.1',
    httpPort: port,
    httpsPort: port,
    forceTLS: false,
    ...application.echoOptions(user),
    ...options,
  };
  return site.put(
    `/page-${pages}`,
    `<!doctype html><meta charset="utf-8"><title>A page</title>
<script src="/pusher-${pusher}.js"></script>
<script src="/echo-${echo}.js"></script>
<script>
  Echo = Echo.default ?? Echo;
  window.seen = [];
  window.whispers = [];
  window.Echo = new Echo(${JSON.stringify(all)});
</script>`,
  );
}
