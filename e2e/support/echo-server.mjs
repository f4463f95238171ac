/** A server with the configuration of a laravel-echo-server, as its `init` writes it. */

import { fixedPort } from './process.mjs';
import { APP, Server } from './server.mjs';

/** The client of the HTTP API in that configuration. */
export const CLIENT = { appId: APP.id, key: 'e1f2a3b4c5d6' };

/** The text of a `laravel-echo-server.json`. */
export function configuration({ laravel, redis, port, ...settings }) {
  const file = {
    authHost: laravel.url(''),
    authEndpoint: '/broadcasting/auth',
    clients: [CLIENT],
    database: 'redis',
    databaseConfig: {
      redis: { host: '127.0.0.1', port: String(redis.port), keyPrefix: 'laravel_database_' },
      sqlite: { databasePath: '/database/laravel-echo-server.sqlite' },
    },
    devMode: false,
    host: '127.0.0.1',
    port: String(port),
    protocol: 'http',
    socketio: {},
    secureOptions: 67108864,
    sslCertPath: '',
    sslKeyPath: '',
    sslCertChainPath: '',
    sslPassphrase: '',
    subscribers: { http: true, redis: true },
    apiOriginAllow: { allowCors: false, allowOrigin: '', allowMethods: '', allowHeaders: '' },
    ...settings,
  };
  return JSON.stringify(file, null, '\t');
}

/** Starts the server with it; `settings` are further keys of the file. */
export async function startEchoServer(t, { env = {}, ...settings }) {
  const port = await fixedPort();
  const server = await Server.start({
    apps: null,
    files: { 'laravel-echo-server.json': configuration({ port, ...settings }) },
    args: ['--config', 'laravel-echo-server.json'],
    port: null,
    env,
  });
  t.after(() => server.stop());
  return server;
}
