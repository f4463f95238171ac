import { fetchPatiently, fill, toast } from '/assets/layout/app.js';

const notifications = document.getElementById('notifications');
const wave = document.getElementById('wave');
const after = new URLSearchParams(location.search).get('after');

if (notifications) {
  // Guests have no bell.
  const { follow, refresh } = await import('/assets/pages/notifications/bell.js');
  follow(after === null ? show : showOlder);
  // The forms of all items, and of all at once.
  notifications.closest('section').addEventListener('sent', ({ target }) => {
    // The button goes, the focus stays in its place.
    (target.closest('li')?.querySelector('a') ?? document.querySelector('main h1')).focus();
    refresh();
  });
}

async function showOlder() {
  try {
    show(await fetchPatiently(`/notifications/list?${new URLSearchParams({ after })}`));
  } catch {
    // The one before these is forgotten by now.
    location.assign('/notifications');
  }
}

/** Makes the list what the database says. Items that stay are not touched, so that the focus stays as well. */
function show({ unread, items, is_more }) {
  const shown = new Map([...notifications.children].map((item) => [item.dataset.id, item]));
  let place = notifications.firstElementChild;
  for (const item of items) {
    const element = shown.get(item.id) ?? make(item);
    shown.delete(item.id);
    element.classList.toggle('unread', !item.is_read);
    element.querySelector('form').hidden = item.is_read;
    if (element === place) {
      place = place.nextElementSibling;
    } else {
      notifications.insertBefore(element, place);
    }
  }
  shown.forEach((element) => element.remove());
  document.getElementById('read-all').hidden = unread === 0;
  document.getElementById('none').hidden = items.length > 0;
  const older = document.getElementById('older');
  older.hidden = !is_more;
  older.href = `/notifications?after=${items.at(-1)?.id}`;
}

function make(item) {
  const element = fill('notification', item);
  element.dataset.id = item.id;
  element.querySelector('a').href = item.link;
  element.querySelector('form').action = `/notifications/${item.id}/read`;
  element.querySelector('button').ariaLabel = `Mark as read: ${item.text}`;
  return element;
}

wave.addEventListener('sent', () => {
  toast(`You waved at ${wave.elements.user.selectedOptions[0].textContent}.`);
  wave.elements.words.value = '';
});
