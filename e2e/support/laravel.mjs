/**
 * A real Laravel application: the framework of Debian's packages, the code in `../laravel`, served by PHP.
 *
 * Every instance has a directory of its own with its `.env`, its sessions and its logs.
 */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Program, fixedPort } from './process.mjs';
import { APP } from './server.mjs';

const PUBLIC = fileURLToPath(new URL('../laravel/public', import.meta.url));

// Requests are answered at the same time, as behind php-fpm.
const WORKERS = '3';

/** The users of the application, as Laravel's channel routes tell them. */
export const MEMBERS = { 7: { id: 7, name: 'Zoë' }, 8: { id: 8, name: 'Bo' }, 9: { id: 9, name: 'Kim' } };

/** A running application. */
export class Laravel {
  #program;
  #sessions = new Map();

  /**
   * Starts one and waits until it takes requests.
   *
   * @param {object} options
   * @param {import('./redis.mjs').Redis} [options.redis] through which it broadcasts
   * @param {Record<string, string | undefined>} [options.env] its `.env`, over the defaults; undefined leaves out
   */
  static async start({ redis, env = {} } = {}) {
    const laravel = new Laravel();
    laravel.directory = await mkdtemp(path.join(tmpdir(), 'resound-e2e-laravel-'));
    laravel.port = await fixedPort();
    for (const folder of ['logs', 'framework/sessions', 'framework/views']) {
      await mkdir(laravel.#storage(folder), { recursive: true });
    }
    laravel.env = {
      APP_NAME: 'Laravel',
      APP_KEY: `base64:${Buffer.alloc(32, 'k').toString('base64')}`,
      APP_URL: laravel.url(''),
      BROADCAST_CONNECTION: 'redis',
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: redis ? String(redis.port) : undefined,
      REDIS_PASSWORD: redis?.password,
      REVERB_APP_ID: APP.id,
      REVERB_APP_KEY: APP.key,
      REVERB_APP_SECRET: APP.secret,
      ...env,
    };
    await writeFile(path.join(laravel.directory, '.env'), laravel.dotenv);
    await laravel.#run();
    return laravel;
  }

  /** The text of its `.env`. */
  get dotenv() {
    return Object.entries(this.env)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}="${value}"\n`)
      .join('');
  }

  /** A URL of the application. */
  url(target) {
    return `http://127.0.0.1:${this.port}${target}`;
  }

  /** Logs a user in, once; answers the `cookies` of the session, as a browser would send them, and its `csrf` token. */
  login(id) {
    if (!this.#sessions.has(id)) {
      this.#sessions.set(id, this.#login(id));
    }
    return this.#sessions.get(id);
  }

  /** The headers of a request by somebody who logs in with a token instead. */
  bearer(id) {
    return { Authorization: `Bearer token-${id}` };
  }

  /**
   * Broadcasts events, one after the other.
   *
   * @param {object[]} events `{event, channels: [[kind, name]], post, toOthers}`
   * @param {string} [socketId] what Echo puts into `X-Socket-ID`
   */
  publish(events, socketId) {
    return this.post('/publish', events, socketId ? { 'X-Socket-ID': socketId } : {});
  }

  /** Posts JSON to the application and answers the JSON that comes back. */
  async post(target, body, headers = {}) {
    const response = await fetch(this.url(target), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    if (!response.ok) {
      throw new Error(`${target} answered ${response.status}: ${await response.text()}`);
    }
    return response.json();
  }

  /** The requests for a channel's authorisation that came so far. */
  async authorisations(channel) {
    const text = await readFile(this.#storage('requests.jsonl'), 'utf8');
    const requests = text.trim().split('\n').map((line) => JSON.parse(line));
    return requests.filter((request) => request.channel === channel);
  }

  /** Ends the application and removes its directory. */
  async stop() {
    await this.#program.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #login(id) {
    const response = await fetch(this.url(`/login/${id}`));
    if (!response.ok) {
      throw new Error(`the login of ${id} answered ${response.status}: ${await response.text()}`);
    }
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
    return { cookies: cookies.join('; '), csrf: (await response.json()).csrf };
  }

  async #run() {
    const args = ['-d', 'opcache.enable_cli=1', '-S', `127.0.0.1:${this.port}`, '-t', PUBLIC, `${PUBLIC}/index.php`];
    this.#program = await Program.start('php', args, {
      ready: /Development Server .* started/,
      env: {
        PATH: process.env.PATH,
        PHP_CLI_SERVER_WORKERS: WORKERS,
        LARAVEL_DIRECTORY: this.directory,
        APP_SERVICES_CACHE: this.#storage('services.php'),
        APP_PACKAGES_CACHE: this.#storage('packages.php'),
      },
    });
    await fetch(this.url('/up'));
  }

  #storage(name) {
    return path.join(this.directory, 'storage', name);
  }
}
