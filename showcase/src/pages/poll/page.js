import { announce, echo, fetchPatiently } from '/assets/layout/app.js';

const form = document.getElementById('vote');
const poll = form && Number(location.pathname.split('/')[2]);
let shown = -1;

if (form) {
  echo
    .channel(`poll.${poll}`)
    .listen('ResultsChanged', show)
    // Also after each reconnection.
    .subscribed(async () => show(await fetchPatiently(`/poll/${poll}/results`)));

  form.addEventListener('sent', () => {
    form.querySelector('fieldset').disabled = true;
    form.querySelector('button').hidden = true;
    document.getElementById('thanks').hidden = false;
    announce('Thank you for your vote.');
  });
}

/** Shows results, unless newer ones are shown already. */
function show({ votes, options }) {
  if (votes <= shown) {
    return;
  }
  shown = votes;
  for (const option of options) {
    const row = form.querySelector(`li[data-id="${option.id}"]`);
    row.querySelector('[data-votes]').textContent = option.votes;
    row.querySelector('rect').setAttribute('width', `${Math.round((100 * option.votes) / Math.max(votes, 1))}%`);
  }
  document.getElementById('total').textContent = votes;
  tell(options);
}

/** For screen readers, when it has been quiet for a moment. */
let telling;
function tell(options) {
  clearTimeout(telling);
  telling = setTimeout(() => announce(options.map(({ label, votes }) => `${label}: ${votes}`).join(', ')), 2000);
}
