/** The board with the scores. It is the same whoever brings the news: Echo, Socket.IO, or a bare WebSocket. */

/** Shows how a game stands, unless the page knows better: news may come late, or twice. */
export function show({ id, version, home, away, home_goals, away_goals, phase }) {
  const item = document.querySelector(`[data-game="${id}"]`);
  if (!item || version <= item.dataset.version) {
    return;
  }
  item.dataset.version = version;
  const goals = [put(item, 'home', home_goals), put(item, 'away', away_goals)];
  const label = item.querySelector('[data-phase]');
  label.textContent = phase.name;
  label.classList.toggle('on', phase.is_on);
  if (goals.some(Boolean)) {
    announce(`${home} ${home_goals}, ${away} ${away_goals}`);
  }
  // Only the staff has buttons.
  const form = item.querySelector('form');
  if (form) {
    form.elements.version.value = version;
    form.querySelectorAll('[value="home"], [value="away"]').forEach((button) => (button.disabled = !phase.is_on));
    form.querySelector('[data-next]').textContent = phase.next;
  }
}

/** Asks how all games stand, until there is an answer. */
export async function catchUp() {
  for (;;) {
    try {
      const response = await fetch('/scores/games');
      if (response.ok) {
        const now = await response.json();
        now.games.forEach(show);
        return now;
      }
    } catch {
      // The application is away for a moment.
    }
    await new Promise((resolve) => setTimeout(resolve, 500 + 1000 * Math.random()));
  }
}

/** Shows how the connection is, for pages without app.js. */
export function showState(state) {
  const banner = document.getElementById('connection');
  banner.dataset.state = state;
  banner.hidden = false;
  banner.textContent = state === 'connected' ? 'Connected' : 'Reconnecting…';
}

/** Puts a number of goals where it belongs; whether one was scored. */
function put(item, team, goals) {
  const place = item.querySelector(`[data-${team}]`);
  const isMore = goals > place.textContent;
  place.textContent = goals;
  if (isMore) {
    place.classList.remove('goal');
    requestAnimationFrame(() => place.classList.add('goal'));
  }
  return isMore;
}

/** For screen readers, when it has been quiet for a moment. */
let announcing;
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => (document.getElementById('announcer').textContent = text), 1000);
}
