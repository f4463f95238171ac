import { catchUp, show, showState } from './board.js';

const ASK_AGAIN_MS = 15_000;

const { src } = document.getElementById('client');
// The server was away when the page was loaded.
while (!window.io) {
  showState('connecting');
  await load(src);
}
// The server of Socket.IO is where its client came from.
const socket = window.io(new URL(src).origin, { reconnectionDelayMax: 3000 });

socket.on('connect', () => {
  socket.emit('subscribe', { channel: 'scores' });
  showState('connected');
  catchUp();
});
socket.on('App\\Events\\ScoreChanged', (channel, game) => show(game));
socket.on('disconnect', () => showState('connecting'));
socket.on('connect_error', () => showState('connecting'));
// Nobody says when a public channel is subscribed, so that a goal may fall between the question above and then.
setTimeout(catchUp, 1000);
setInterval(catchUp, ASK_AGAIN_MS);

/** Loads a script, or waits for a moment if it can't be had. */
function load(src) {
  const script = Object.assign(document.createElement('script'), { src });
  document.head.append(script);
  return new Promise((resolve) => {
    script.onload = resolve;
    script.onerror = () => setTimeout(resolve, 2000);
  });
}
