/** Runs an example of the Rust library. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
// The same for all, so that the library is built once.
const FEATURES = 'redis,typescript';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Builds the example if need be, and gives what it prints.
 *
 * @param {string} name
 * @param {object} [options]
 * @param {string} [options.features] of the library
 * @param {string[]} [options.args]
 * @param {Record<string, string>} [options.env] further variables
 */
export async function example(name, { features = FEATURES, args = [], env = {} } = {}) {
  const cargo = ['run', '--quiet', '--locked', '--package', 'resound', '--features', features, '--example', name];
  const { stdout } = await run('cargo', [...cargo, '--', ...args], { cwd: ROOT, env: { ...process.env, ...env } });
  return stdout;
}
