import { announceWhenQuiet, echo, fetchPatiently, keepUp } from '/assets/layout/app.js';

const form = document.getElementById('vote');
const poll = form && Number(location.pathname.split('/')[2]);
let shown = -1;

if (form) {
  const channel = echo.channel(`poll.${poll}`).listen('ResultsChanged', show);
  keepUp(channel, async () => show(await fetchPatiently(`/poll/${poll}/results`)));
  form.addEventListener('sent', thank);
  // In another tab, or the answer was lost.
  form.addEventListener('refused', ({ detail: { status } }) => status === 409 && thank());
}

function thank() {
  form.querySelector('fieldset').disabled = true;
  form.querySelector('button').hidden = true;
  // The button had the focus.
  const thanks = document.getElementById('thanks');
  thanks.hidden = false;
  thanks.focus();
}

/** Shows results, unless newer ones are shown already. */
function show({ votes, options }) {
  if (votes <= shown) {
    return;
  }
  const isFirst = shown < 0;
  shown = votes;
  for (const option of options) {
    const row = form.querySelector(`li[data-id="${option.id}"]`);
    row.querySelector('[data-votes]').textContent = option.votes;
    row.querySelector('rect').setAttribute('width', `${Math.round((100 * option.votes) / Math.max(votes, 1))}%`);
  }
  document.getElementById('total').textContent = votes;
  if (!isFirst) {
    announceWhenQuiet(() => options.map(({ label, votes }) => `${label}: ${votes}`).join(', '));
  }
}
