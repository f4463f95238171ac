/** A plain WebSocket: for what pusher-js would not do, and to see every byte. */

import WebSocket from 'ws';

import { Inbox, soon } from './inbox.mjs';
import { APP } from './server.mjs';

const QUERY = '?protocol=7&client=js&version=8.6.0&flash=false';

/** A WebSocket that notes what it receives. */
export class Socket {
  /** The messages, each with the `raw` text beside its fields. */
  frames = new Inbox('the frames');

  /**
   * Dials the server and does not wait.
   *
   * @param {object} [options] `key`, `query`, `path`, and those of `ws` (`origin`, `autoPong`)
   */
  static dial(t, server, { key = APP.key, query = QUERY, path = `/app/${key}${query}`, ...options } = {}) {
    const socket = new Socket();
    socket.ws = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, options);
    socket.ws.on('message', (data) => socket.#received(data.toString()));
    socket.closed = new Promise((resolve, reject) => {
      socket.ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
      socket.ws.on('error', reject);
    });
    socket.closed.catch(() => {});
    t.after(() => socket.ws.terminate());
    return socket;
  }

  /** Dials and waits until the connection is established. */
  static async open(t, server, options) {
    const socket = Socket.dial(t, server, options);
    const { data } = await socket.frames.next('pusher:connection_established');
    socket.id = JSON.parse(data).socket_id;
    return socket;
  }

  /** Sends a message. */
  send(message) {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Subscribes and waits for the answer. */
  async join(channel, auth = {}) {
    this.send({ event: 'pusher:subscribe', data: { channel, auth: '', ...auth } });
    return this.frames.next(
      (frame) =>
        frame.event === 'pusher_internal:subscription_succeeded' && frame.channel === channel,
    );
  }

  /** The close code and reason, once the server has closed. */
  close() {
    return soon('the close of the socket', this.closed);
  }

  #received(raw) {
    this.frames.push({ ...JSON.parse(raw), raw });
  }
}

/** The code and message of a `pusher:error` frame, whichever way its data is encoded. */
export function errorOf(frame) {
  return typeof frame.data === 'string' ? JSON.parse(frame.data) : frame.data;
}
