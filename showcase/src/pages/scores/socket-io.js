import { catchUp, show, showState } from './board.js';

// The server of Socket.IO is where its client came from: `io` is in that script.
const { origin } = new URL(document.getElementById('client').src);
const socket = window.io(origin, { reconnectionDelayMax: 3000 });

socket.on('connect', async () => {
  socket.emit('subscribe', { channel: 'scores' });
  showState('connected');
  await catchUp();
  // Nobody says when a public channel is subscribed: what crossed the first question is in the second.
  setTimeout(catchUp, 1000);
});
socket.on('App\\Events\\ScoreChanged', (channel, game) => show(game));
socket.on('disconnect', () => showState('connecting'));
socket.on('connect_error', () => showState('connecting'));
