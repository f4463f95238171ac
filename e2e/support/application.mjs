/**
 * The application's backend: answers the authorisation requests of pusher-js and Echo on
 * `/broadcasting/auth` and `/broadcasting/user-auth`, as Laravel does.
 *
 * Who is asking stands in the header `X-User` (in the place of a session); what Laravel would refuse is
 * refused: guests, and channels with `forbidden` in their name.
 */

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

import Publisher from 'pusher';

import { Inbox } from './inbox.mjs';
import { APP } from './server.mjs';

/** The users of the application. */
export const USERS = {
  zoe: { id: '7', info: { name: 'Zoë' }, watchlist: ['8', '9'] },
  bo: { id: '8', info: { name: 'Bo' } },
  kim: { id: '9', info: { name: 'Kim' } },
  numeric: { id: 7, info: { name: 'Zoë, by number' } },
  silent: { id: '10' },
};

/** A running backend. */
export class Application {
  /** The requests that came: `{path, channel, socketId, user}`. */
  requests = new Inbox('the application');

  /**
   * @param {object} [options]
   * @param {object} [options.app] whose key and secret sign
   * @param {string} [options.masterKey] of encrypted channels, base64
   */
  static async start({ app = APP, masterKey } = {}) {
    const application = new Application();
    application.app = app;
    application.masterKey = masterKey;
    application.http = createServer((request, response) => application.#answer(request, response));
    application.http.listen(0, '127.0.0.1');
    await once(application.http, 'listening');
    return application;
  }

  /** A URL of the application. */
  url(path) {
    return `http://127.0.0.1:${this.http.address().port}${path}`;
  }

  /** The options with which pusher-js asks this application, as this user. */
  pusherOptions(user) {
    const headers = { 'X-User': user };
    return {
      channelAuthorization: { transport: 'ajax', endpoint: this.url('/broadcasting/auth'), headers },
      userAuthentication: { transport: 'ajax', endpoint: this.url('/broadcasting/user-auth'), headers },
    };
  }

  /** The options with which Echo asks this application, as this user. */
  echoOptions(user) {
    const headers = { 'X-User': user };
    return {
      authEndpoint: this.url('/broadcasting/auth'),
      auth: { headers },
      userAuthentication: { endpoint: this.url('/broadcasting/user-auth'), headers },
    };
  }

  /** The answer for a channel, as an object. */
  authorize(socketId, channel, user) {
    const { id, info } = USERS[user];
    const data = channel.startsWith('presence-') ? { user_id: id, user_info: info } : undefined;
    return this.#signer().authorizeChannel(socketId, channel, data);
  }

  /** The answer for a sign-in, as an object. */
  authenticate(socketId, user) {
    const { id, info, watchlist } = USERS[user];
    return this.#signer().authenticateUser(socketId, { id, user_info: info, watchlist });
  }

  /** Ends the application. */
  stop() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }

  #signer() {
    const { id, key, secret } = this.app;
    const encryption = this.masterKey ? { encryptionMasterKeyBase64: this.masterKey } : {};
    return new Publisher({ appId: id, key, secret, ...encryption });
  }

  async #answer(request, response) {
    // The pages of the browser tests come from another origin.
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    const form = new URLSearchParams(await text(request));
    const user = request.headers['x-user'];
    const [channel, socketId] = [form.get('channel_name'), form.get('socket_id')];
    this.requests.push({ path: request.url, channel, socketId, user });
    if (!(user in USERS) || channel?.includes('forbidden')) {
      response.writeHead(403).end('{"message":""}');
      return;
    }
    const answer = channel
      ? this.authorize(socketId, channel, user)
      : this.authenticate(socketId, user);
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
  }
}

/** Signs as the server libraries do, for what they would refuse to sign. */
export function sign(text, app = APP) {
  return `${app.key}:${createHmac('sha256', app.secret).update(text).digest('hex')}`;
}

async function text(request) {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
