/** Programs that tests start beside the server: redis-server, PHP, nginx. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

import { Inbox, soon } from './inbox.mjs';

const running = new Set();
process.on('exit', () => running.forEach((program) => program.signal('SIGKILL')));

// A signal ends the process without an `exit`, and programs in groups of their own would not hear of it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(1));
}

/** A running program, in a process group of its own. */
export class Program {
  #exit;

  /** The lines of its output, as `{line}`. */
  lines = new Inbox('the output');

  /**
   * Starts the program and waits for the line that says that it is ready.
   *
   * @param {string} command
   * @param {string[]} args
   * @param {object} options `ready`: the line to wait for; and those of `spawn`
   */
  static async start(command, args, { ready, ...options }) {
    const program = new Program();
    program.lines.name = command;
    // Its own group: PHP's workers are processes that outlive their parent unless they are told, too.
    program.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
    running.add(program);
    program.#exit = once(program.child, 'exit').finally(() => running.delete(program));
    for (const stream of [program.child.stdout, program.child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => program.lines.push({ line }));
    }
    const failed = program.#exit.then(([code]) => {
      throw new Error(`${command} did not start, it ended with ${code}\n${program.output}`);
    });
    failed.catch(() => {});
    if (ready) {
      const listening = program.lines.next(({ line }) => ready.test(line));
      listening.catch(() => {});
      await Promise.race([listening, failed]);
    }
    return program;
  }

  /** Everything that it printed. */
  get output() {
    return this.lines.history.map(({ line }) => line).join('\n');
  }

  /** Sends a signal to the program and to the processes that it started. */
  signal(name) {
    try {
      process.kill(-this.child.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') {
        throw error;
      }
    }
  }

  /** Ends the program, if it still runs. */
  async stop(signal = 'SIGTERM') {
    this.signal(signal);
    await soon(`the end of ${this.lines.name}`, this.#exit.catch(() => {}));
  }
}

/**
 * A free port outside the range from which the system takes ports for outgoing connections.
 *
 * A client that keeps dialling a closed port of that range can by chance be given this very port as its
 * own, and then holds it: a server could not come back to it.
 */
export async function fixedPort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const probe = createServer();
    const free = await new Promise((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (free) {
      await new Promise((resolve) => probe.close(resolve));
      return port;
    }
  }
}
