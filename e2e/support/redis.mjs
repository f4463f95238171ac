/** A real redis-server on ports of its own, which a test may stop and start again. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { selfSigned } from './certificate.mjs';
import { Program, fixedPort } from './process.mjs';

const run = promisify(execFile);

/** A running redis-server. */
export class Redis {
  #program;

  /**
   * Starts one and waits until it takes connections.
   *
   * @param {object} [options]
   * @param {string} [options.password] that clients must know
   */
  static async start({ password } = {}) {
    const redis = new Redis();
    redis.directory = await mkdtemp(path.join(tmpdir(), 'resound-e2e-redis-'));
    redis.port = await fixedPort();
    redis.password = password;
    redis.tlsPort = await fixedPort();
    redis.certificate = await selfSigned(redis.directory);
    await redis.begin();
    return redis;
  }

  get url() {
    const login = this.password ? `:${this.password}@` : '';
    return `redis://${login}127.0.0.1:${this.port}`;
  }

  /** Where it listens besides the ports. */
  get socket() {
    return path.join(this.directory, 'redis.sock');
  }

  /** Starts the process on the same port as before. */
  async begin() {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--unixsocket', this.socket];
    const { cert, key } = this.certificate;
    const tls = ['--tls-port', String(this.tlsPort), '--tls-cert-file', cert, '--tls-key-file', key];
    const clients = ['--tls-ca-cert-file', cert, '--tls-auth-clients', 'no'];
    const memory = ['--save', '', '--appendonly', 'no', '--dir', this.directory];
    const secret = this.password ? ['--requirepass', this.password] : [];
    this.#program = await Program.start('redis-server', [...args, ...tls, ...clients, ...memory, ...secret], {
      ready: /Ready to accept connections/,
    });
  }

  /** Ends the process; its clients lose their connections. */
  async end() {
    await this.#program.stop('SIGKILL');
  }

  /** Lets the process stand still: connections stay, answers do not come. */
  pause() {
    this.#program.signal('SIGSTOP');
  }

  /** Lets a paused process go on. */
  resume() {
    this.#program.signal('SIGCONT');
  }

  /** Publishes what Laravel would, or any text, and answers how many subscribers got it. */
  async publish(channel, message) {
    const secret = this.password ? ['-a', this.password, '--no-auth-warning'] : [];
    const published = run('redis-cli', ['-p', String(this.port), ...secret, '-x', 'PUBLISH', channel]);
    published.child.stdin.end(typeof message === 'string' ? message : JSON.stringify(message));
    return Number((await published).stdout);
  }

  /** Ends the process and removes its directory. */
  async stop() {
    await this.end();
    await rm(this.directory, { recursive: true, force: true });
  }
}
