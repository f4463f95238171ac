/**
 * The bell on every page of a user: the badge, and toasts.
 *
 * It never counts by itself. Whatever it hears, it asks how things are now, so that it is right in every tab, whatever
 * was missed, or came twice.
 */

import { echo, fetchJson, fetchPatiently, keepUp, toast, visitor } from '/assets/layout/app.js';

const bell = document.getElementById('bell');
const title = document.title;
const followers = [];
let since = bell.dataset.since;

const channel = echo.private(`App.Models.User.${visitor}`);

/** Asks how things are. */
export const refresh = keepUp(channel, async () => {
  // Refused, or somebody else's: in another tab this browser became somebody else.
  const list = await fetchPatiently('/notifications/list').catch(() => undefined);
  if (list?.user === Number(visitor)) {
    await take(list);
  }
});
channel.notification(refresh).listen('NotificationsRead', refresh);

/** Calls back with the newest notifications, each time that something may have changed. */
export function follow(callback) {
  followers.push(callback);
}

async function take(list) {
  const unread = list.items.filter((item) => !item.is_read);
  const here = unread.find(isHere);
  if (here && (await markAsSeen(here))) {
    refresh();
    return;
  }
  showBadge(list.unread);
  removeToasts(unread);
  tell(unread.filter((item) => item.at > since));
  if (list.items[0]?.at > since) {
    since = list.items[0].at;
  }
  await Promise.all(followers.map((callback) => callback(list)));
}

function showBadge(unread) {
  const badge = bell.querySelector('.badge');
  badge.textContent = unread > 99 ? '99+' : unread;
  badge.hidden = unread === 0;
  bell.ariaLabel = `Notifications: ${unread} unread`;
  document.title = unread === 0 ? title : `(${unread}) ${title}`;
}

// What leads to the page that somebody looks at is read.

function isHere({ link }) {
  return !document.hidden && new URL(link, location).pathname === location.pathname;
}

/** Says whether it worked. Otherwise they stay unread, until the next time. */
function markAsSeen({ link }) {
  const body = new URLSearchParams({ path: link.split(/[?#]/)[0] });
  return fetchJson('/notifications/seen', { method: 'POST', body }).then(() => true, () => false);
}

// Toasts

const TOLD_MAX = 3;

function tell(news) {
  if (news.length > TOLD_MAX) {
    toast(`${news.length} new notifications`, '/notifications');
    return;
  }
  for (const { id, text, link } of news.toReversed()) {
    toast(text, link).dataset.notification = id;
  }
}

/** Those of what was read elsewhere meanwhile. */
function removeToasts(unread) {
  for (const item of document.querySelectorAll('#toasts [data-notification]')) {
    if (!unread.some(({ id }) => id === item.dataset.notification)) {
      item.remove();
    }
  }
}
