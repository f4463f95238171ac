/** The clients that people use, unmodified, several versions side by side. */

import { createRequire } from 'node:module';

import Echo2 from 'laravel-echo-2';

import { Inbox, soon } from './inbox.mjs';
import { APP } from './server.mjs';

const require = createRequire(import.meta.url);

const Pusher8 = require('pusher-js-8');
const Pusher7 = require('pusher-js-7');
const Echo1 = require('laravel-echo-1');

/** Each pusher-js, with the name that its tests carry. */
export const PUSHERS = [
  ['pusher-js 8', Pusher8],
  ['pusher-js 7', Pusher7],
];

/** Each laravel-echo with the pusher-js of its time, with the name that its tests carry. */
export const ECHOS = [
  ['laravel-echo 2', Echo2, Pusher8],
  ['laravel-echo 1', Echo1.default ?? Echo1, Pusher7],
];

/** A pusher-js client that notes everything that happens to it. */
export class Client {
  /** Every message from the server, also the internal ones, as pusher-js parsed them. */
  messages = new Inbox('the messages');

  /** Every error that the connection reported. */
  errors = new Inbox('the errors');

  /** The state changes, as `{event: state}`. */
  changes = new Inbox('the states');

  constructor(pusher) {
    this.pusher = pusher;
    pusher.connection.bind('message', (message) => this.messages.push(message));
    pusher.connection.bind('error', (error) => this.errors.push(error));
    // pusher-js begins to connect in its constructor, before anybody can listen.
    this.changes.history.push({ event: this.state });
    pusher.connection.bind('state_change', ({ current }) => this.changes.push({ event: current }));
  }

  /** Starts to connect; the test disconnects it at its end. */
  static start(t, Pusher, server, { app = APP, ...options } = {}) {
    const client = new Client(new Pusher(app.key, { ...where(server), ...options }));
    t.after(() => client.pusher.disconnect());
    return client;
  }

  /** Connects and waits for the connection. */
  static async open(t, Pusher, server, options = {}) {
    const client = Client.start(t, Pusher, server, options);
    await client.connected();
    return client;
  }

  /** Waits for the next time that the client connects. */
  connected() {
    return this.changes.next('connected');
  }

  get socketId() {
    return this.pusher.connection.socket_id;
  }

  get state() {
    return this.pusher.connection.state;
  }

  /** The states so far. */
  get states() {
    return this.changes.history.map(({ event }) => event);
  }

  /** Subscribes; the events of the channel arrive in the inbox that is returned. */
  subscribe(name) {
    return watch(this.pusher.subscribe(name));
  }

  /** Subscribes and waits until the server confirms it. */
  async join(name) {
    const events = this.subscribe(name);
    await events.next('pusher:subscription_succeeded');
    return events;
  }

  /** Signs in and waits until the channel of the user's own events is open. */
  async signIn() {
    this.pusher.signin();
    const { data } = await this.messages.next('pusher:signin_success');
    const channel = `#server-to-user-${JSON.parse(data.user_data).id}`;
    await this.messages.next(
      (message) =>
        message.event === 'pusher_internal:subscription_succeeded' && message.channel === channel,
    );
  }
}

/** An inbox for all events of a pusher-js channel; `channel` is the channel. */
export function watch(channel) {
  const events = new Inbox(channel.name);
  events.channel = channel;
  channel.bind_global((event, data) => events.push({ event, data }));
  return events;
}

/** Starts Echo as Laravel's stub for Reverb does. */
export function startEcho(t, Echo, Pusher, server, { app = APP, ...options } = {}) {
  const echo = new Echo({
    broadcaster: 'reverb',
    key: app.key,
    Pusher,
    ...where(server),
    ...options,
  });
  echo.client = new Client(echo.connector.pusher);
  t.after(() => echo.disconnect());
  return echo;
}

/** A callback for `listen`, `here` and their kind, with `next()` to wait for its next call. */
export function callback(name = 'a callback') {
  const calls = new Inbox(name);
  const called = (data) => calls.push({ event: 'call', data });
  called.next = async () => (await calls.next('call')).data;
  called.calls = () => calls.history.map(({ data }) => data);
  return called;
}

/** Resolves when Echo's channel says that it is subscribed. */
export function subscribed(channel) {
  return soon(`the subscription of ${channel.name}`, new Promise((done) => channel.subscribed(done)));
}

/** Where pusher-js finds the server, by WebSocket only unless a test says otherwise. */
function where(server) {
  return {
    wsHost: '127.0.0.1',
    wsPort: server.port,
    wssPort: server.port,
    httpHost: '127.0.0.1',
    httpPort: server.port,
    httpsPort: server.port,
    forceTLS: false,
    enabledTransports: ['ws', 'wss'],
    cluster: '',
  };
}
