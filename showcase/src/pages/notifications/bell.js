/**
 * The bell on every page of a user: the badge, and toasts.
 *
 * It never counts by itself. Whatever it hears, it asks how things are now, so that it is right in every tab, whatever
 * was missed, or came twice.
 */

import { echo, fetchJson, fetchPatiently, toast, visitor } from '/assets/layout/app.js';

const bell = document.getElementById('bell');
const title = document.title;
const followers = [];
const toasts = new Map();
let since = bell.dataset.since;

echo
  .private(`App.Models.User.${visitor}`)
  // Also after each reconnection.
  .subscribed(refresh)
  .notification(refresh)
  .listen('NotificationsRead', refresh);

// What leads to this page is read when somebody looks at it.
document.addEventListener('visibilitychange', refresh);

/** Calls back with the newest notifications, each time that something may have changed. */
export function follow(callback) {
  followers.push(callback);
}

/** Asks how things are, one question at a time: what changes meanwhile is asked for afterwards. */
let isAsking = false;
let isDue = false;
export async function refresh() {
  isDue = true;
  if (isAsking) {
    return;
  }
  isAsking = true;
  try {
    while (isDue) {
      isDue = false;
      await show(await fetchPatiently('/notifications/list'));
    }
  } finally {
    isAsking = false;
  }
}

async function show(list) {
  const { unread, items } = list;
  const badge = bell.querySelector('.badge');
  badge.textContent = unread > 99 ? '99+' : unread;
  badge.hidden = unread === 0;
  bell.ariaLabel = `Notifications: ${unread} unread`;
  document.title = unread === 0 ? title : `(${unread}) ${title}`;

  const here = items.filter((item) => !item.is_read && isHere(item));
  tell(items.filter((item) => !item.is_read && item.at > since && !here.includes(item)));
  since = items[0]?.at ?? since;
  for (const { id } of items.filter((item) => item.is_read)) {
    toasts.get(id)?.remove();
    toasts.delete(id);
  }
  await Promise.all(followers.map((callback) => callback(list)));
  if (here.length > 0) {
    await markAsSeen();
  }
}

/** Whether this is the page that it leads to, and somebody looks at it. */
function isHere({ link }) {
  return !document.hidden && new URL(link, location).pathname === location.pathname;
}

const TOLD_MAX = 3;

function tell(news) {
  if (news.length > TOLD_MAX) {
    toast(`${news.length} new notifications`, '/notifications');
    return;
  }
  for (const { id, text, link } of news.toReversed()) {
    toasts.set(id, toast(text, link));
  }
}

async function markAsSeen() {
  const body = new URLSearchParams({ path: location.pathname });
  // If it fails they stay unread, until the next time.
  await fetchJson('/notifications/seen', { method: 'POST', body }).then(() => (isDue = true), () => {});
}
