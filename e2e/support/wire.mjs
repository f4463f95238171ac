/** The wire between a client and the server: a TCP proxy that a test may cut. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { Inbox } from './inbox.mjs';

/** A proxy on a port of its own. */
export class Wire {
  #pairs = new Set();
  #broken = false;

  /** The connections that clients opened, as `{event: 'opened'}`. */
  opened = new Inbox('the wire');

  /** @param {number} port where the server listens */
  static async start(port) {
    const wire = new Wire();
    wire.upstream = port;
    wire.server = createServer((client) => wire.#join(client));
    wire.server.listen(0, '127.0.0.1');
    await once(wire.server, 'listening');
    wire.port = wire.server.address().port;
    return wire;
  }

  /** Cuts every connection, as if somebody pulled the cable; later ones go through. */
  cut() {
    for (const pair of this.#pairs) {
      pair.forEach((socket) => socket.destroy());
    }
    this.#pairs.clear();
  }

  /** Cuts every connection and refuses others, until `mend`. */
  break() {
    this.#broken = true;
    this.cut();
  }

  /** Lets connections through again. */
  mend() {
    this.#broken = false;
  }

  /** Ends the proxy. */
  stop() {
    this.break();
    return new Promise((resolve) => this.server.close(resolve));
  }

  #join(client) {
    // Whoever listens for the end of a connection must listen for its errors: a cut is one.
    client.on('error', () => {});
    if (this.#broken) {
      client.destroy();
      return;
    }
    const server = connect(this.upstream, '127.0.0.1');
    server.on('error', () => {});
    const pair = [client, server];
    this.#pairs.add(pair);
    client.pipe(server).pipe(client);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        pair.forEach((other) => other.destroy());
      });
    }
    this.opened.push({ event: 'opened' });
  }
}
