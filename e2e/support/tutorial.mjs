/**
 * docs/tutorial.md, done as a reader does it.
 *
 * A line such as `src/main.rs` with a colon stands before a file, or before what is new in it; blocks of `sh` are commands, and blocks of
 * `console` commands with what they print. Everything happens in target/tutorial, in which the repository is the directory `resound`.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Program, fixedPort } from './process.mjs';
import { BINARY } from './server.mjs';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PLACE = path.join(ROOT, 'target/tutorial');
const PROJECT = path.join(PLACE, 'chat');
const LABEL = /^`([^`]+)`(?:, in place of `([^`]+)`|(, at the end))?:$/;

/** The steps: for each its files and its commands, in their order. */
export function steps(markdown) {
  const steps = [];
  const lines = markdown.split('\n');
  let label;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    if (line.startsWith('## ')) {
      steps.push({ title: line.slice(3), actions: [] });
    } else if (LABEL.test(line)) {
      const [, file, instead, isAdded] = LABEL.exec(line);
      label = { file, instead, isAdded: isAdded !== undefined };
    } else if (line.startsWith('```')) {
      const end = lines.indexOf('```', at + 1);
      const text = `${lines.slice(at + 1, end).join('\n')}\n`;
      const language = line.slice(3);
      assert.ok(end > at, `line ${at + 1}: this block has no end`);
      assert.ok(label || ['sh', 'console'].includes(language), `line ${at + 1}: of which file is this?`);
      steps.at(-1).actions.push(label ? { ...label, text } : { language, text });
      label = undefined;
      at = end;
    } else if (line.trim() !== '') {
      assert.equal(label, undefined, `line ${at + 1}: the file ${label?.file} does not follow`);
    }
  }
  return steps;
}

/** `text` in place of the item of `source` that begins with `instead`, with its attributes and its comment. */
export function replaced(source, instead, text) {
  const lines = source.split('\n');
  const at = lines.findIndex((line) => line.startsWith(instead));
  assert.notEqual(at, -1, `nothing begins with ${instead}`);
  assert.equal(lines.findLastIndex((line) => line.startsWith(instead)), at, `more than one item begins with ${instead}`);
  let begin = at;
  while (begin > 0 && /^(#\[|\/\/)/.test(lines[begin - 1])) {
    begin--;
  }
  // It ends before the first line that is neither indented nor closes something.
  let end = at + 1;
  while (end < lines.length && /^(\s+\S|[)}\]])/.test(lines[end])) {
    end++;
  }
  return [...lines.slice(0, begin), ...text.trimEnd().split('\n'), ...lines.slice(end)].join('\n');
}

/** A reader, and what runs on the reader's machine. */
export class Reader {
  #ports = {};
  #programs = new Map();
  #isBuilt = false;

  /** What commands printed. */
  output = '';

  static async start() {
    const reader = new Reader();
    await rm(PROJECT, { recursive: true, force: true });
    await mkdir(PLACE, { recursive: true });
    await symlink(ROOT, path.join(PLACE, 'resound')).catch((error) => assert.equal(error.code, 'EEXIST'));
    for (const port of [3000, 3001, 8080]) {
      reader.#ports[port] = await fixedPort();
    }
    return reader;
  }

  /** A page of the application that listens on this port in the text. */
  url(target, port = 3000) {
    return `http://127.0.0.1:${this.#ports[port]}${target}`;
  }

  async do(step) {
    for (const action of step.actions) {
      if (action.file) {
        await this.#write(action);
      } else if (action.language === 'console') {
        await this.#converse(action.text);
      } else {
        for (const command of action.text.trim().split('\n')) {
          await this.#command(command);
        }
      }
    }
  }

  /** Builds the application if need be, and starts it again. */
  async restart(address = this.#address(3000)) {
    await this.#programs.get(address)?.stop('SIGINT');
    await this.#build();
    const env = { ...process.env, ADDRESS: address };
    const program = path.join(ROOT, 'target/debug/chat');
    this.#programs.set(address, await Program.start(program, [], { cwd: PROJECT, env }));
    await this.#answers(address);
  }

  /** Ends the application as a power cut would. */
  async kill() {
    await this.#programs.get(this.#address(3000)).stop('SIGKILL');
  }

  async stop() {
    await Promise.all([...this.#programs.values()].map((program) => program.stop('SIGKILL')));
  }

  #address(port) {
    return `127.0.0.1:${this.#ports[port]}`;
  }

  async #write({ file, instead, isAdded, text }) {
    const target = path.join(PROJECT, file);
    const before = instead || isAdded ? await readFile(target, 'utf8') : '';
    const added = () => `${before.trimEnd()}\n\n${text}`;
    await writeFile(target, this.#here(instead ? replaced(before, instead, text) : isAdded ? added() : text));
    this.#isBuilt = false;
  }

  /** The text with the ports that are free here, and with the library where it is: cargo takes a link for another package. */
  #here(text) {
    const library = path.join(ROOT, 'crates/resound');
    return text.replace('path = "../resound/crates/resound"', `path = "${library}"`).replace(/\b(3000|3001|8080)\b/g, (port) => this.#ports[port]);
  }

  async #command(command) {
    if (command === 'cargo new chat') {
      // Elsewhere at first: it would become a member of the workspace around it.
      const elsewhere = await mkdtemp(path.join(tmpdir(), 'resound-tutorial-'));
      await run('cargo', ['new', '--quiet', 'chat'], { cwd: elsewhere });
      await cp(path.join(elsewhere, 'chat'), PROJECT, { recursive: true });
      await rm(elsewhere, { recursive: true });
      // The same dependencies as here, from the same cache.
      await copyFile(path.join(ROOT, 'Cargo.lock'), path.join(PROJECT, 'Cargo.lock'));
    } else if (command === 'cd chat') {
      assert.ok(existsSync(PROJECT));
    } else if (command === 'cargo test') {
      this.output = await this.#cargo('test');
    } else if (command.endsWith('cargo run')) {
      const [, address = '127.0.0.1:3000'] = /^(?:ADDRESS=(\S+) )?cargo run$/.exec(command);
      await this.restart(this.#here(address));
    } else if (command === 'resound init') {
      await run(BINARY, ['init'], { cwd: PROJECT });
      const env = path.join(PROJECT, '.env');
      await writeFile(env, this.#here(await readFile(env, 'utf8')));
    } else if (command === 'resound start') {
      const env = { ...process.env, REVERB_SERVER_PORT: String(this.#ports[8080]) };
      const options = { cwd: PROJECT, env, ready: /listening/ };
      this.#programs.set(command, await Program.start(BINARY, command.split(' ').slice(1), options));
    } else {
      if (command.startsWith('curl') && !this.#isBuilt) {
        await this.restart();
      }
      const { stdout } = await run('sh', ['-c', this.#here(command)], { cwd: PROJECT });
      this.output = stdout;
    }
  }

  /** Commands, each with what it prints. */
  async #converse(text) {
    for (const part of text.trim().split(/^\$ /m).slice(1)) {
      const [command, ...printed] = part.trimEnd().split('\n');
      await this.#command(command);
      assert.equal(this.output.trim(), printed.join('\n').trim(), command);
    }
  }

  async #build() {
    if (!this.#isBuilt) {
      await this.#cargo('build');
      this.#isBuilt = true;
    }
  }

  /** In the target directory of the repository, whose dependencies are built already. Warnings are faults. */
  async #cargo(command) {
    const env = { ...process.env, CARGO_TARGET_DIR: path.join(ROOT, 'target'), CARGO_TERM_COLOR: 'never' };
    const { stdout, stderr } = await run('cargo', [command, '--offline'], { cwd: PROJECT, env, maxBuffer: 1 << 26 });
    assert.doesNotMatch(stderr, /^warning: (?!patch)/m, stderr);
    return stdout;
  }

  async #answers(address) {
    for (;;) {
      const answer = await fetch(`http://${address}/`).catch(() => null);
      if (answer?.ok) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
