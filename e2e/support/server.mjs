/** Starts the real server: one process for a test file, in a directory of its own, on a free port. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import Publisher from 'pusher';

import { Inbox, soon } from './inbox.mjs';
import { toml } from './toml.mjs';

/** The app that the tests use unless they need a particular one. */
export const APP = { id: '1001', key: 'resound-test-key', secret: 'resound-test-secret' };

/** The binary under test. */
export const BINARY = path.resolve(
  process.env.RESOUND_BIN ?? fileURLToPath(new URL('../../target/debug/resound', import.meta.url)),
);

// Connections that are open at the end of a test are closed within this time.
const GRACE_SECONDS = 1;

/** npm's `pusher` for whoever serves Pusher's HTTP API on a port. */
export function publisherOf(port, app = APP, options = {}) {
  const where = { host: '127.0.0.1', port: String(port), useTLS: false };
  return new Publisher({ appId: app.id, key: app.key, secret: app.secret, ...where, ...options });
}

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A running `resound start`. */
export class Server {
  #child;
  #exit;
  #stopping = false;
  #errors = '';

  /** What the server logs, one item a line; `message` is the text. */
  logs = new Inbox('the log');

  /** What the server prints for people: the banner. */
  output = '';

  /**
   * Starts a server and waits until it listens.
   *
   * @param {object} [options]
   * @param {object[]} [options.apps] the `[[apps]]` of resound.toml
   * @param {object} [options.settings] the other keys of resound.toml
   * @param {Record<string, string>} [options.files] further files of the working directory
   * @param {Record<string, string>} [options.env] environment variables; nothing of ours is inherited
   * @param {number} [options.port] 0 takes a free one; null leaves it to the configuration
   */
  static async start(options = {}) {
    const server = new Server();
    server.directory = await mkdtemp(path.join(tmpdir(), 'resound-e2e-'));
    if (options.apps !== null) {
      await server.configure({ apps: options.apps ?? [APP], ...options.settings });
    }
    for (const [name, text] of Object.entries(options.files ?? {})) {
      await writeFile(path.join(server.directory, name), text);
    }
    await server.#run(options);
    return server;
  }

  /** Writes `resound.toml`; a running server reads it again at the next `reload`. */
  async configure({ apps = [APP], ...settings }) {
    const text = toml({ shutdown_grace_seconds: GRACE_SECONDS, ...settings, apps });
    await writeFile(path.join(this.directory, 'resound.toml'), text);
  }

  /** The process id. */
  get pid() {
    return this.#child.pid;
  }

  /** A URL of the server. */
  url(target = '/') {
    return `http://127.0.0.1:${this.port}${target}`;
  }

  /** npm's `pusher`, as an application's backend would configure it. */
  publisher(app = APP, options = {}) {
    return publisherOf(this.port, app, options);
  }

  /** Asks the server to read its configuration again. */
  reload() {
    this.#child.kill('SIGHUP');
  }

  /** Lets the process stand still, as a machine does that is out of breath. */
  pause() {
    this.#child.kill('SIGSTOP');
  }

  /** Lets a paused process go on. */
  resume() {
    this.#child.kill('SIGCONT');
  }

  /** Asks for a graceful end and answers the exit code. */
  async terminate(signal = 'SIGTERM') {
    this.#stopping = true;
    this.#child.kill(signal);
    const [code, killedBy] = await soon('the end of the server', this.#exit);
    return code ?? killedBy;
  }

  /** Kills the process, as a power cut would. */
  async kill() {
    this.#stopping = true;
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  /** Ends the server if it still runs, and fails the test if it ended badly or panicked. */
  async stop() {
    if (this.#stopping) {
      await this.#exit;
    } else if (this.#child.exitCode !== null) {
      throw new Error(`the server ended by itself: ${this.#child.exitCode}\n${this.#errors}`);
    } else {
      const code = await this.terminate();
      if (code !== 0) {
        throw new Error(`the server ended with ${code}\n${this.#errors}`);
      }
    }
    if (/panicked at|RUST_BACKTRACE/.test(this.#errors)) {
      throw new Error(`the server panicked\n${this.#errors}`);
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  async #run({ env = {}, args = [], port = 0 }) {
    const flags = port === null ? [] : ['--port', String(port)];
    this.#child = spawn(BINARY, ['start', '--log', 'json', ...flags, ...args], {
      cwd: this.directory,
      env: { PATH: process.env.PATH, HOME: this.directory, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.#child);
    this.#exit = once(this.#child, 'exit').finally(() => running.delete(this.#child));
    this.#child.stdout.on('data', (text) => (this.output += text));
    createInterface({ input: this.#child.stderr }).on('line', (line) => this.#log(line));
    const listening = this.logs.next((line) => line.message === 'listening');
    const failed = this.#exit.then(([code]) => {
      throw new Error(`the server did not start, it ended with ${code}\n${this.#errors}`);
    });
    // Whoever waits for it hears of an early end; afterwards `stop` tells.
    failed.catch(() => {});
    listening.catch(() => {});
    const { address } = await Promise.race([listening, failed]);
    this.port = Number(address.slice(address.lastIndexOf(':') + 1));
  }

  #log(line) {
    this.#errors += `${line}\n`;
    try {
      this.logs.push(JSON.parse(line));
    } catch {
      this.logs.push({ message: line });
    }
  }
}
