/** The axum application in `../sample`, built on the library `resound`. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { until } from './inbox.mjs';
import { Program, fixedPort } from './process.mjs';
import { APP, BINARY } from './server.mjs';

/** A key of the application for encrypted channels. */
const MASTER_KEY = Buffer.alloc(32, 'm').toString('base64');

/** The users of the application, as its channel routes tell them. */
export const MEMBERS = { 7: { name: 'Zoë' }, 8: { name: 'Bo' }, 9: { name: 'Kim' } };

/** A running application. */
export class Sample {
  #program;

  /**
   * Starts one and waits until it takes requests.
   *
   * @param {object} options
   * @param {Record<string, string>} options.env its environment; nothing of ours is inherited
   */
  static async start({ env = {}, port } = {}) {
    const sample = new Sample();
    sample.directory = await mkdtemp(path.join(tmpdir(), 'resound-e2e-sample-'));
    sample.port = port ?? (await fixedPort());
    sample.env = {
      PORT: String(sample.port),
      APP_NAME: 'Sample',
      DATABASE_URL: `sqlite://${path.join(sample.directory, 'sample.sqlite')}`,
      REVERB_APP_ID: APP.id,
      REVERB_APP_KEY: APP.key,
      REVERB_APP_SECRET: APP.secret,
      REVERB_ENCRYPTION_MASTER_KEY_BASE64: MASTER_KEY,
      PUSHER_ENCRYPTION_MASTER_KEY_BASE64: MASTER_KEY,
      ...env,
    };
    await sample.begin();
    return sample;
  }

  /** Starts the process, again if need be. */
  async begin() {
    const binary = path.join(path.dirname(BINARY), 'sample');
    this.#program = await Program.start(binary, [], {
      ready: /"listening"/,
      env: this.env,
      cwd: this.directory,
    });
  }

  /** Ends the process as a crash does. */
  async kill() {
    await this.#program.stop('SIGKILL');
  }

  /** The lines of its log so far, parsed. */
  get log() {
    return this.#program.lines.history.map(({ line }) => JSON.parse(line));
  }

  /** Waits for a line of its log. */
  async logged(text) {
    return JSON.parse((await this.#program.lines.next(({ line }) => line.includes(text))).line);
  }

  /** A URL of the application. */
  url(target = '') {
    return `http://127.0.0.1:${this.port}${target}`;
  }

  /** The headers of a request by a user. */
  headers(user) {
    return user ? { 'X-User': String(user) } : {};
  }

  /** Posts JSON to a page, as the given user; `socketId` is what Echo puts into `X-Socket-ID`. */
  post(target, body, options) {
    return this.request('POST', target, { body: JSON.stringify(body), ...options });
  }

  /** Asks for a page, as the given user. */
  get(target, options) {
    return this.request('GET', target, options);
  }

  /** Asks the application for anything; answers the JSON that comes back, if some does. */
  async request(method, target, { user = 7, socketId, body } = {}) {
    const socket = socketId ? { 'X-Socket-ID': socketId } : {};
    const headers = { 'Content-Type': 'application/json', ...this.headers(user), ...socket };
    const response = await fetch(this.url(target), { method, headers, body });
    if (!response.ok) {
      throw new Error(`${target} answered ${response.status}: ${await response.text()}`);
    }
    const text = await response.text();
    return text && JSON.parse(text);
  }

  /** Waits until the application has heard this of its clients. */
  heard(line) {
    return until(`the application heard ${line}`, async () => (await this.get('/heard')).includes(line));
  }

  /** Ends the application and removes its directory. */
  async stop() {
    await this.#program.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}
