import { echo, fetchPatiently, fill, keepUp } from '/assets/layout/app.js';

const EVENTS_MAX = 50;
/** After this time the figures of another process are better than none. */
const SILENCE_MS = 5_000;

const events = document.getElementById('events');
let shown;
let heardAt = 0;
// What came while the page stands still.
let held;
let isPaused = false;

// Asking is also what begins the updates, also in an application that was restarted while its server went on.
const channel = echo.channel('hood').listen('FiguresChanged', take);
keepUp(channel, async () => take(await fetchPatiently('/hood/now')));

function take(now) {
  const newest = held ?? shown;
  const isSame = now.process === newest?.process;
  // Each process knows what it has sent itself: of several the page keeps to one, as long as that is heard of.
  if (newest && (isSame ? now.at_ms < newest.at_ms : Date.now() - heardAt < SILENCE_MS)) {
    return;
  }
  heardAt = Date.now();
  if (isPaused) {
    held = now;
  } else {
    show(now);
  }
}

function show(now) {
  shown = now;
  document.getElementById('unknown').hidden = now.is_known;
  for (const element of document.querySelectorAll('[data-figure]')) {
    element.textContent = now[element.dataset.figure] ?? '–';
  }
  document
    .getElementById('channels')
    .replaceChildren(...now.channels.map((it) => fill('channel', { ...it, subscriptions: it.subscriptions ?? '–', members: it.members ?? '–' })));
  document.getElementById('more').hidden = now.channel_count <= now.channels.length;
  now.events.toReversed().forEach(showEvent);
  document.getElementById('quiet').hidden = events.children.length > 0;
}

/** Events of one name and channel are one line, which moves up with the next of them. */
function showEvent({ id, times, name, channel, others, bytes, at_ms }) {
  const clock = new Date(at_ms).toLocaleTimeString();
  const on = `${channel}${others ? ` and ${others} more` : ''}, ${bytes} bytes`;
  const item = fill('event', { name, times: times > 1 ? ` × ${times}` : '', clock, on });
  item.dataset.id = id;
  events.querySelector(`[data-id="${id}"]`)?.remove();
  events.prepend(item);
  while (events.children.length > EVENTS_MAX) {
    events.lastElementChild.remove();
  }
}

// Whoever reads, or listens, may let it stand still.

const pause = document.getElementById('pause');
pause.hidden = false;
pause.addEventListener('click', () => {
  isPaused = !isPaused;
  pause.ariaPressed = String(isPaused);
  if (held) {
    show(held);
    held = undefined;
  }
});
