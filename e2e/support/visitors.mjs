/** A visitor of the site: Echo over one of the many ways to the server, all seen alike. */

import { ECHOS, startEcho } from './clients.mjs';
import { Inbox, soon, until } from './inbox.mjs';
import { SOCKET_IOS, TRANSPORTS, startSocketIoEcho, transportOf, upgraded } from './socketio.mjs';

/** What tells the Echos apart that visitors use. */
const [[echo2, Echo2, Pusher8], [echo1, Echo1, Pusher7]] = ECHOS;

/** The ways of pusher-js: its transports, by the name that it gives the connection. */
const PUSHER_WAYS = ['ws', 'xhr_streaming', 'xhr_polling'].flatMap((transport) => [
  { protocol: 'pusher', name: `${echo2}, pusher-js 8, ${transport}`, Echo: Echo2, Pusher: Pusher8, transport },
  { protocol: 'pusher', name: `${echo1}, pusher-js 7, ${transport}`, Echo: Echo1, Pusher: Pusher7, transport },
]);

/** The ways of socket.io-client. */
const SOCKET_IO_WAYS = SOCKET_IOS.flatMap(([client, io]) =>
  Object.keys(TRANSPORTS).flatMap((transport) =>
    [[echo2, Echo2], [echo1, Echo1]].map(([echo, Echo]) => ({
      protocol: 'socket.io',
      name: `${echo}, ${client}, ${transport}`,
      Echo,
      io,
      transport,
    })),
  ),
);

/** Every way from a page to the server. */
export const WAYS = [...PUSHER_WAYS, ...SOCKET_IO_WAYS];

/** The way with this name. */
export function way(name) {
  const found = WAYS.find((one) => one.name === name);
  if (!found) {
    throw new Error(`there is no way ${name}; there are ${WAYS.map((one) => one.name).join('; ')}`);
  }
  return found;
}

/** One user's page. */
export class Visitor {
  /**
   * Opens the page of a user and waits until it is connected over the transport that was asked for.
   *
   * @param {object} site `{server, laravel}`
   * @param {object} way one of `WAYS`
   * @param {number} user of the Laravel application, who is logged in
   */
  static async open(t, { server, laravel }, way, user) {
    const visitor = new Visitor();
    Object.assign(visitor, { server, way, user });
    await (way.protocol === 'pusher' ? visitor.#openPusher(t, laravel) : visitor.#openSocketIo(t, laravel));
    return visitor;
  }

  get socketId() {
    return this.echo.socketId();
  }

  /**
   * Subscribes to a channel, and waits until the server has it.
   *
   * Its inbox gets `Posted`, `fence`, whispers as `typing`, notifications as `notified`, and on presence channels
   * `here`, `joining` and `leaving`.
   *
   * @param {'public' | 'private' | 'presence'} kind
   * @param {string} name without a prefix
   * @param {number} count how many subscribe to it then, this one included
   */
  async enter(kind, name, count) {
    const { channel, inbox } = this.listen(kind, name);
    if (kind === 'presence') {
      inbox.here = (await inbox.next('here')).data;
    } else if (this.way.protocol === 'pusher') {
      await soon(`the subscription of ${name}`, new Promise((done) => channel.subscribed(done)));
    } else {
      await this.counted(kind, name, count);
    }
    return inbox;
  }

  /** The same without waiting for anything. */
  listen(kind, name) {
    const inbox = new Inbox(`${this.way.name}: ${kind} ${name}`);
    const note = (event) => (data) => inbox.push({ event, data });
    const channel = this.channel(kind, name)
      .listen('Posted', note('Posted'))
      .listen('.fence', note('fence'));
    if (kind !== 'public') {
      channel.listenForWhisper('typing', note('typing')).notification(note('notified'));
    }
    if (kind === 'presence') {
      channel.here(note('here')).joining(note('joining')).leaving(note('leaving'));
    }
    return { channel, inbox };
  }

  /** Echo's channel object. */
  channel(kind, name) {
    const methods = { public: 'channel', private: 'private', presence: 'join' };
    return this.echo[methods[kind]](name);
  }

  /** Waits until a channel has so many subscriptions, which Socket.IO confirms to nobody. */
  counted(kind, name, count) {
    const channel = wireName(kind, name);
    return until(`${channel} has ${count} subscriptions`, async () => {
      const path = `/channels/${channel}`;
      const answer = await this.server.publisher().get({ path, params: { info: 'subscription_count' } });
      return (await answer.json()).subscription_count === count || (count === 0 && !answer.ok);
    });
  }

  async #openPusher(t, laravel) {
    const { Echo, Pusher, transport } = this.way;
    this.echo = startEcho(t, Echo, Pusher, this.server, {
      enabledTransports: [transport],
      authEndpoint: laravel.url('/signed/broadcasting/auth'),
      auth: { headers: laravel.bearer(this.user) },
    });
    await this.echo.client.connected();
    same(this.echo.connector.pusher.connection.connection.transport.name, transport);
  }

  // With Echo 2 the user has a session, as on a web page; with Echo 1 a token, as in an app.
  async #openSocketIo(t, laravel) {
    const { Echo, io, transport } = this.way;
    const { cookies } = await laravel.login(this.user);
    this.echo = startSocketIoEcho(t, Echo, io, this.server, {
      transports: TRANSPORTS[transport],
      ...(Echo === Echo2
        ? { extraHeaders: { Cookie: cookies } }
        : { auth: { headers: laravel.bearer(this.user) } }),
    });
    await this.echo.life.next('connect');
    if (transport === 'upgrade') {
      await upgraded(this.echo.socket);
    }
    same(transportOf(this.echo.socket), transport === 'polling' ? 'polling' : 'websocket');
  }
}

/** The name of a channel as the server knows it. */
export function wireName(kind, name) {
  return kind === 'public' ? name : `${kind}-${name}`;
}

function same(actual, expected) {
  if (actual !== expected) {
    throw new Error(`the connection goes over ${actual}, not over ${expected}`);
  }
}

