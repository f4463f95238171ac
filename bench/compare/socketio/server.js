// npm's socket.io with laravel-echo-server's `subscribe`, and Pusher's HTTP API to publish with: as much as
// `resound bench --protocol socketio` needs, and nothing that costs time in a delivery. Signatures are not checked.
//
//     node server.js [PORT]

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const port = Number(process.argv[2] ?? 6001);
const http = createServer(publish);
const io = new Server(http, { allowEIO3: true, serveClient: false });

io.on('connection', (socket) => {
    socket.on('subscribe', ({ channel }) => socket.join(channel));
    socket.on('unsubscribe', ({ channel }) => socket.leave(channel));
});

// Engine.IO takes the requests to its own path before they come here.
async function publish(request, response) {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (request.method !== 'POST' || !/^\/apps\/[^/]+\/(batch_)?events$/.test(pathname)) {
        return answer(response, 404, { error: 'only events are published here' });
    }
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = JSON.parse(Buffer.concat(pieces).toString());
    for (const { name, data, channels, channel } of body.batch ?? [body]) {
        for (const room of channels ?? [channel]) io.to(room).emit(name, room, JSON.parse(data));
    }
    answer(response, 200, {});
}

function answer(response, status, body) {
    const text = JSON.stringify(body);
    response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': text.length });
    response.end(text);
}

http.listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
