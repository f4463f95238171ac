/**
 * The showcase, as `cargo run -p showcase` starts it, and people who visit it, each in a browser profile of their own.
 *
 * With `SHOWCASE_SERVER=separate` it uses a `resound start` of its own. Nothing but its environment differs.
 */

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { openPage } from './browser.mjs';
import { Program, fixedPort } from './process.mjs';
import { APP, Server } from './server.mjs';

const BINARY = path.resolve(
  process.env.SHOWCASE_BIN ?? fileURLToPath(new URL('../../target/debug/showcase', import.meta.url)),
);
const IS_SEPARATE = process.env.SHOWCASE_SERVER === 'separate';
const SCREENSHOTS = fileURLToPath(new URL('../screenshots', import.meta.url));
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** A running showcase with a database of its own. */
export class Showcase {
  #program;
  #server;
  #serverPort;
  #directory;
  #env;
  #isSibling = false;

  /**
   * @param {object} [options]
   * @param {Record<string, string>} [options.env] further environment variables
   * @param {boolean} [options.isSeparate] with a server of its own, whatever the run says
   */
  static async start({ env = {}, isSeparate = IS_SEPARATE } = {}) {
    const showcase = new Showcase();
    showcase.#env = env;
    showcase.#directory = await mkdtemp(path.join(tmpdir(), 'resound-showcase-'));
    showcase.port = await fixedPort();
    showcase.#serverPort = isSeparate ? await fixedPort() : undefined;
    await showcase.#run();
    return showcase;
  }

  /**
   * Another process of the same application, with the same database and the same server, which must be a separate one.
   *
   * @param {Record<string, string>} [env] further environment variables
   */
  async sibling(env = {}) {
    const sibling = new Showcase();
    sibling.#isSibling = true;
    sibling.#env = { ...this.#env, ...env };
    sibling.#directory = this.#directory;
    sibling.#serverPort = this.#serverPort;
    sibling.port = await fixedPort();
    await sibling.#run();
    return sibling;
  }

  url(target = '/') {
    return `http://127.0.0.1:${this.port}${target}`;
  }

  /** The file of its database. */
  get database() {
    return path.join(this.#directory, 'showcase.sqlite');
  }

  /** Where pusher-js connects. */
  get websocket() {
    const [port, key] = this.#serverPort ? [this.#serverPort, APP.key] : [this.port, 'embedded-key'];
    return `ws://127.0.0.1:${port}/app/${key}?protocol=7&client=test&version=1`;
  }

  /** Kills the application, and its server if that is another process, as a power cut would. */
  async kill() {
    await Promise.all([this.killProcess(), this.#server && this.killServer()]);
  }

  /** Kills the server alone, which must be a separate one. */
  async killServer() {
    await this.#server.kill();
  }

  /** Starts it again after `killServer`. */
  async serverAgain() {
    // It says by webhooks who joined and left; a server in the application's own process needs none.
    const webhooks = [{ url: this.url('/broadcasting/webhook') }];
    this.#server = await Server.start({ port: this.#serverPort, apps: [{ ...APP, webhooks }] });
  }

  /** Kills the application alone. */
  async killProcess() {
    await this.#program.stop('SIGKILL');
  }

  /** Starts it again after `kill`, with the same database. */
  async again() {
    await this.#run();
  }

  async stop() {
    await this.#program.stop();
    await this.#server?.stop();
    if (!this.#isSibling) {
      await rm(this.#directory, { recursive: true, force: true });
    }
    if (/panicked at/.test(this.#program.output)) {
      throw new Error(`the showcase panicked\n${this.#program.output}`);
    }
  }

  /**
   * Opens a page in a new browser profile.
   *
   * @param {string} [as] the name of a user; otherwise it is a guest
   */
  async visit(t, browser, target, as) {
    const page = await openPage(t, browser, this.url(target));
    if (as) {
      await signIn(page, as);
      await page.goto(this.url(target));
    }
    await connected(page);
    return page;
  }

  async #run() {
    if (this.#serverPort && !this.#isSibling) {
      await this.serverAgain();
    }
    await this.processAgain();
  }

  /** Starts the application again after `killProcess`. */
  async processAgain() {
    const reverb = {
      BROADCAST_CONNECTION: 'reverb',
      REVERB_APP_ID: APP.id,
      REVERB_APP_KEY: APP.key,
      REVERB_APP_SECRET: APP.secret,
      REVERB_HOST: '127.0.0.1',
      REVERB_PORT: String(this.#serverPort),
      REVERB_SCHEME: 'http',
    };
    const env = {
      PATH: process.env.PATH,
      RUST_LOG: 'warn',
      PORT: String(this.port),
      DATABASE_URL: `sqlite:${this.database}`,
      ...(this.#serverPort ? reverb : {}),
      ...this.#env,
    };
    this.#program = await Program.start(BINARY, [], { cwd: this.#directory, env, ready: /is at http/ });
  }
}

/** Becomes one of the seeded users, by the menu. */
export async function signIn(page, name) {
  await page.locator('#who summary').click();
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name }).click()]);
}

/** Waits until the banner says so. */
export async function connected(page) {
  await page.locator('#connection[data-state="connected"]').waitFor();
}

/**
 * Takes the network away, and the connection with it. What Chromium calls offline only stalls a connection that stands, and
 * hands over afterwards what came meanwhile, so that there would be nothing to catch up with.
 */
export async function goOffline(page) {
  await page.context().setOffline(true);
  await page.evaluate(async () => {
    const { echo } = await import('/assets/layout/app.js');
    echo.connector.pusher.disconnect();
  });
}

/** Gives the network back; the page finds that out by itself. */
export async function goOnline(page) {
  await page.context().setOffline(false);
}

/**
 * Loads a page again so that a test can unplug it: as above, but the page is not asked to give its connection up. It ends, on both
 * sides, whatever the page connects with.
 */
export async function pluggable(page) {
  const ends = new Set();
  let isOffline = false;
  await page.routeWebSocket(/.*/, (socket) => {
    if (isOffline) {
      return socket.close();
    }
    ends.add(socket).add(socket.connectToServer());
  });
  await page.reload();
  await connected(page);
  return {
    async unplug() {
      isOffline = true;
      await page.context().setOffline(true);
      await Promise.all([...ends].map((end) => end.close().catch(() => {})));
      ends.clear();
    },
    async plug() {
      isOffline = false;
      await page.context().setOffline(false);
    },
  };
}

/** Ends a tab as a crash does: without a word. */
export async function crash(page) {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  session.send('Page.crash').catch(() => {});
  await crashed;
}

/**
 * Keeps pictures of a page, desktop and phone, light and dark, and fails if axe finds fault with one of them, or if
 * anything is wider than the screen.
 */
export async function inspect(page, name) {
  // The same pages look the same, whichever server they use: the other run has looked at them.
  if (IS_SEPARATE) {
    return;
  }
  await mkdir(SCREENSHOTS, { recursive: true });
  const faults = [];
  await page.evaluate(await readFile(AXE, 'utf8'));
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-${size}-${colorScheme}.png`) });
      const { violations } = await page.evaluate(() => window.axe.run());
      for (const { id, help, nodes } of violations) {
        faults.push(`${size} ${colorScheme} ${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`);
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (overflow > 0) {
        faults.push(`${size} ${colorScheme}: ${overflow} pixels wider than the screen`);
      }
    }
  }
  await page.setViewportSize(SIZES.desktop);
  if (faults.length > 0) {
    throw new Error(faults.join('\n'));
  }
}

/** Sends a form as another site, or somebody with curl, would: with the browser's cookies, but without its page. */
export function forge(page, url, fields) {
  return page.request.post(url, { form: fields, headers: { Accept: 'application/json' }, maxRedirects: 0 });
}

/** The token of the forms of the page, for requests that are sent beside them. */
export function token(page) {
  return page.locator('meta[name="csrf-token"]').getAttribute('content');
}
