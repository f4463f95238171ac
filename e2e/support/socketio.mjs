/** Every socket.io-client that people use, and Echo on top of it. */

import { createRequire } from 'node:module';

import { Inbox, soon } from './inbox.mjs';

const require = createRequire(import.meta.url);

/** Each socket.io-client, with the name that its tests carry. */
export const SOCKET_IOS = [
  ['socket.io-client 2.5', require('socket.io-client-2')],
  ['socket.io-client 3.1', require('socket.io-client-3')],
  ['socket.io-client 4.8', require('socket.io-client-4')],
].map(([name, client]) => [name, client.io ?? client]);

/** The ways over which it may talk, by the name of its option `transports`. */
export const TRANSPORTS = {
  websocket: ['websocket'],
  polling: ['polling'],
  upgrade: ['polling', 'websocket'],
};

// Clients whose connection was cut come back at once: nobody waits in a test.
const RECONNECTION = { reconnectionDelay: 20, reconnectionDelayMax: 100, randomizationFactor: 0 };

/**
 * Starts Echo on a socket.io-client; the test disconnects it at its end.
 *
 * `echo.life` is an inbox of what happens to the connection: `connect` (with `id` and `recovered`), `disconnect`,
 * `refused` (with `channel` and `status`), `failed`.
 *
 * @param {{port: number}} server the server, or what stands in front of it
 * @param {object} [options] those of Echo and of socket.io-client
 */
export function startSocketIoEcho(t, Echo, io, server, options = {}) {
  const echo = new Echo({
    broadcaster: 'socket.io',
    client: io,
    host: `http://127.0.0.1:${server.port}`,
    forceNew: true,
    ...RECONNECTION,
    ...options,
  });
  t.after(() => echo.disconnect());
  echo.socket = echo.connector.socket;
  echo.life = lifeOf(echo.socket);
  return echo;
}

/** The same, and waits until it is connected. */
export async function openSocketIoEcho(t, Echo, io, server, options) {
  const echo = startSocketIoEcho(t, Echo, io, server, options);
  await echo.life.next('connect');
  return echo;
}

/** What happens to a Socket.IO connection. */
export function lifeOf(socket) {
  const life = new Inbox('the Socket.IO connection');
  socket.on('connect', () => life.push({ event: 'connect', id: socket.id, recovered: socket.recovered }));
  socket.on('disconnect', (reason) => life.push({ event: 'disconnect', reason }));
  socket.on('subscription_error', (channel, status) => life.push({ event: 'refused', channel, status }));
  // 2.x and later versions name it differently.
  for (const name of ['connect_error', 'error']) {
    socket.on(name, (error) => life.push({ event: 'failed', reason: String(error?.message ?? error) }));
  }
  return life;
}

/** The transport that carries a Socket.IO connection at this moment. */
export function transportOf(socket) {
  return socket.io.engine.transport.name;
}

/** Waits until a connection that began with polling goes over a WebSocket. */
export function upgraded(socket) {
  const { engine } = socket.io;
  if (engine.transport.name === 'websocket') {
    return Promise.resolve();
  }
  return soon('the upgrade to a WebSocket', new Promise((resolve) => engine.once('upgrade', resolve)));
}
