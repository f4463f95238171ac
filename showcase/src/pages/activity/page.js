import { announce, echo, fetchPatiently, fill, paint } from '/assets/layout/app.js';

/** How many entries the page holds; those below are a page of their own. */
const SHOWN_MAX = 200;

const feed = document.getElementById('feed');
const older = document.getElementById('older');
/** Of all entries up to this one, none is missing. */
let complete = Number(feed.dataset.newest);

if (feed.dataset.newest) {
  echo
    .channel('activity')
    // Also after each reconnection.
    .subscribed(catchUp)
    // Events of two writers may overtake each other, and what is lost with a connection is not sent again.
    .listen('EntryAdded', (entry) => (entry.id === complete + 1 ? take(entry) : entry.id > complete && catchUp()));
}

let isAsking = false;
let isDue = false;

/** Fetches what is missing, step by step; one at a time. */
async function catchUp() {
  isDue = true;
  if (isAsking) {
    return;
  }
  isAsking = true;
  while (isDue) {
    isDue = false;
    const entries = await fetchPatiently(`/activity/entries?after=${complete}`);
    entries.forEach(take);
    // There may be more.
    isDue ||= entries.length > 0;
  }
  isAsking = false;
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

let telling;
let untold = 0;

/** For screen readers, when it has been quiet for a moment. */
function tell(item) {
  untold += 1;
  clearTimeout(telling);
  telling = setTimeout(() => {
    announce(untold === 1 ? item.querySelector('a').textContent : `${untold} new entries`);
    untold = 0;
  }, 2000);
}
