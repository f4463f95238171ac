import { announceWhenQuiet, echo, fetchPatiently, fill, keepUp, paint } from '/assets/layout/app.js';

/** How many entries the page holds; those below are a page of their own. */
const SHOWN_MAX = 200;

const feed = document.getElementById('feed');
const older = document.getElementById('older');
/** Of all entries up to this one, none is missing. */
let complete = Number(feed.dataset.newest);

if (feed.dataset.newest) {
  const channel = echo.channel('activity');
  const catchUp = keepUp(channel, fetchMissing);
  // Events of two writers may overtake each other, and what is lost with a connection is not sent again.
  channel.listen('EntryAdded', (entry) => (entry.id === complete + 1 ? take(entry) : entry.id > complete && catchUp()));
}

/** Step by step, because there may be more than an answer has. */
async function fetchMissing() {
  let entries;
  do {
    entries = await fetchPatiently(`/activity/entries?after=${complete}`);
    entries.forEach(take);
  } while (entries.length > 0);
}

/** Shows the next entry. */
function take(entry) {
  if (entry.id <= complete) {
    return;
  }
  complete = entry.id;
  const item = fill('entry', entry);
  item.dataset.id = entry.id;
  item.className = 'added';
  item.querySelector('a').href = entry.link;
  paint(item.querySelector('.avatar'), entry.author, entry.name);
  feed.prepend(item);
  document.getElementById('none').hidden = true;
  while (feed.children.length > SHOWN_MAX) {
    feed.lastElementChild.remove();
    older.hidden = false;
  }
  older.href = `/activity?before=${feed.lastElementChild.dataset.id}`;
  tell(item);
}

let untold = 0;

function tell(item) {
  untold += 1;
  announceWhenQuiet(() => {
    const text = untold === 1 ? item.querySelector('a').textContent : `${untold} new entries`;
    untold = 0;
    return text;
  });
}
