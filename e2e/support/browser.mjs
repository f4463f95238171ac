/** Headless Chromium, and a web site whose pages use the browser builds of the clients. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { DEADLINE_MS } from './inbox.mjs';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

// Chromium in a container without a way out: no sandbox, no GPU, no calls home.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// The files of npm packages that pages load, as a project without a bundler would.
const SCRIPTS = {
  '/pusher-8.js': 'pusher-js-8/dist/web/pusher.min.js',
  '/pusher-7.js': 'pusher-js-7/dist/web/pusher.min.js',
  '/pusher-8-with-encryption.js': 'pusher-js-8/dist/web/pusher-with-encryption.min.js',
  '/pusher-7-with-encryption.js': 'pusher-js-7/dist/web/pusher-with-encryption.min.js',
  '/echo-2.js': 'laravel-echo-2/dist/echo.iife.js',
  '/echo-1.js': 'laravel-echo-1/dist/echo.iife.js',
  '/socket.io-2.js': 'socket.io-client-2/dist/socket.io.js',
  '/socket.io-3.js': 'socket.io-client-3/dist/socket.io.js',
  '/socket.io-4.js': 'socket.io-client-4/dist/socket.io.js',
};

/** The browser builds side by side, with the name that their tests carry. */
export const BUILDS = [
  ['laravel-echo 2 with pusher-js 8', '8', '2'],
  ['laravel-echo 1 with pusher-js 7', '7', '1'],
];

/** Starts a browser. */
export function startBrowser() {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS, timeout: DEADLINE_MS });
}

/**
 * Opens a page in a fresh profile; `page.complaints` collects what its console and its requests complain of.
 */
export async function openPage(t, browser, url) {
  const context = await browser.newContext();
  t.after(() => context.close());
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('requestfailed', (request) => page.complaints.push(`failed: ${request.url()}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      page.complaints.push(`${message.type()}: ${message.text()}`);
    }
  });
  await page.goto(url);
  return page;
}

/** A web site with the scripts above and the pages that a test sets. */
export class Site {
  #pages = new Map();

  static async start() {
    const site = new Site();
    site.http = createServer((request, response) => site.#answer(request, response));
    site.http.listen(0, '127.0.0.1');
    await once(site.http, 'listening');
    return site;
  }

  /** Puts a page on the site and returns its URL. */
  put(path, html) {
    this.#pages.set(path, html);
    return `http://127.0.0.1:${this.http.address().port}${path}`;
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }

  async #answer({ url }, response) {
    if (this.#pages.has(url)) {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(this.#pages.get(url));
    } else if (url in SCRIPTS) {
      const file = fileURLToPath(new URL(`../node_modules/${SCRIPTS[url]}`, import.meta.url));
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(await readFile(file));
    } else if (url === '/favicon.ico') {
      response.writeHead(204).end();
    } else {
      response.writeHead(404).end();
    }
  }
}
