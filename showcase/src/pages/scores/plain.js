import { catchUp, show, showState } from './board.js';

// `window.resound` is all that /broadcasting/echo.js sets: where the server is, and the key.
const { key, wsHost, wsPort, wsPath = '', forceTLS } = window.resound;
const url = `${forceTLS ? 'wss' : 'ws'}://${wsHost}:${wsPort}${wsPath}/app/${key}?protocol=7&client=plain&version=1`;

/** Who has heard nothing for twice this long, though he asked, connects anew. */
const QUIET_MS = 15_000;

function connect() {
  const socket = new WebSocket(url);
  const say = (event, data = {}) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ event, data }));
  let heardAt = Date.now();

  const handlers = {
    'pusher:connection_established': () => say('pusher:subscribe', { channel: 'scores' }),
    'pusher_internal:subscription_succeeded': () => {
      showState('connected');
      catchUp();
    },
    'pusher:ping': () => say('pusher:pong'),
    'App\\Events\\ScoreChanged': show,
  };
  socket.onmessage = ({ data: text }) => {
    heardAt = Date.now();
    const { event, data = '{}' } = JSON.parse(text);
    handlers[event]?.(JSON.parse(data));
  };

  const again = () => {
    clearInterval(watch);
    socket.onmessage = socket.onclose = window.ononline = null;
    socket.close();
    showState('connecting');
    setTimeout(connect, 1000 + 1000 * Math.random());
  };
  const watch = setInterval(() => (Date.now() - heardAt > 2 * QUIET_MS ? again() : say('pusher:ping')), QUIET_MS);
  socket.onclose = again;
  // A network that comes back may be another one.
  window.ononline = again;
}
connect();
