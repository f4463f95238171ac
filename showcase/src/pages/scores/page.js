import { echo, keepUp } from '/assets/layout/app.js';
import { catchUp, show } from './board.js';

const channel = echo.channel('scores').listen('ScoreChanged', show).listen('LeagueChanged', showLeague);
keepUp(channel, async () => showLeague((await catchUp()).league));

// The staff's buttons

for (const form of document.querySelectorAll('#games form')) {
  form.addEventListener('sent', ({ detail: game }) => show(game));
}

const league = document.getElementById('league');
league?.addEventListener('sent', ({ detail }) => showLeague(detail));

function showLeague({ version, plays }) {
  if (league && version > league.dataset.version) {
    league.dataset.version = version;
    const button = league.querySelector('button');
    button.value = !plays;
    button.textContent = plays ? 'Stop the league' : 'Let the league play by itself';
  }
}
