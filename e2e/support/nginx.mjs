/** A real nginx in front of the server, configured as people do who have never heard of WebSockets. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Program, fixedPort } from './process.mjs';

/** What a proxy may do to a WebSocket, each as the directives of a location. */
export const KILLS = {
  // The default of `proxy_pass`: Upgrade and Connection are not handed on, answers are buffered.
  strips: '',
  // A firewall that knows the header and does not like it.
  refuses: 'if ($http_upgrade) { return 400; }',
};

/** A running nginx. */
export class Nginx {
  #program;

  /**
   * Starts one that hands requests on to a port.
   *
   * @param {number} port of the server
   * @param {string} directives one of `KILLS`
   */
  static async start(port, directives) {
    const nginx = new Nginx();
    nginx.directory = await mkdtemp(path.join(tmpdir(), 'resound-e2e-nginx-'));
    nginx.port = await fixedPort();
    await writeFile(path.join(nginx.directory, 'nginx.conf'), nginx.#configuration(port, directives));
    const args = ['-p', nginx.directory, '-c', 'nginx.conf', '-e', 'stderr'];
    nginx.#program = await Program.start('/usr/sbin/nginx', args, { ready: /start worker process/ });
    return nginx;
  }

  /** Ends it and removes its directory. */
  async stop() {
    await this.#program.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  #configuration(upstream, directives) {
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    return `daemon off;
pid nginx.pid;
error_log stderr notice;
worker_processes 1;
events { worker_connections 512; }
http {
  access_log off;
  ${folders.map((folder) => `${folder}_temp_path ${this.directory}/${folder};`).join('\n  ')}
  server {
    listen 127.0.0.1:${this.port};
    location / {
      ${directives}
      proxy_pass http://127.0.0.1:${upstream};
    }
  }
}
`;
  }
}
