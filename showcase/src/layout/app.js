/** What every page has: Echo, the state of the connection, forms, toasts, and an announcer for screen readers. */

import Echo from '/assets/vendor/laravel-echo/echo.js';
import '/assets/vendor/pusher-js/pusher.min.js';

const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;

/** Who this is: the id of a user, or `guest-…`. */
export const visitor = meta('visitor');

/** laravel-echo, connected; `/broadcasting/echo.js` says where to. */
export const echo = new Echo({ ...window.resound, channelAuthorization: { customHandler: askToJoin } });

/**
 * What pusher-js does by itself at `/broadcasting/auth`, but for one thing: it asks once, and gives the channel up if the
 * application does not answer, as one that is being restarted.
 */
async function askToJoin({ socketId, channelName }, callback) {
  const body = new URLSearchParams({ socket_id: socketId, channel_name: channelName });
  try {
    const answer = await fetchPatiently('/broadcasting/auth', { method: 'POST', body });
    // A permission is for one connection; the next one asks anew.
    if (socketId === echo.socketId()) {
      callback(null, answer);
    }
  } catch (error) {
    callback(error, null);
  }
}

// The state of the connection

const banner = document.getElementById('connection');
let wasConnected = false;

function showState(state) {
  wasConnected ||= state === 'connected';
  const text = state === 'connected' ? 'Connected' : wasConnected ? 'Reconnecting…' : 'Connecting…';
  banner.dataset.state = state;
  banner.hidden = false;
  // Set once only, because screen readers say it each time.
  if (banner.textContent !== text) {
    banner.textContent = text;
  }
}
echo.connector.onConnectionChange(showState);
showState(echo.connectionStatus());

// After a server that refused it, pusher-js waits for 15 to 60 seconds. Somebody who looks at a page need not. It gets more
// patient, because a slow network may need longer for a connection.
const RETRY_MS = 4000;
const RETRY_MS_MAX = 15_000;
let patience = RETRY_MS;
let redialing;

function redial() {
  if (echo.connectionStatus() === 'connected') {
    patience = RETRY_MS;
  } else if (wasConnected && !document.hidden) {
    echo.connector.pusher.disconnect();
    echo.connector.pusher.connect();
    patience = Math.min(1.5 * patience, RETRY_MS_MAX);
  }
  clearTimeout(redialing);
  redialing = setTimeout(redial, patience * (1 + Math.random()));
}
redial();

addEventListener('online', () => {
  patience = RETRY_MS;
  redial();
});

// Being up to date

const ASK_AGAIN_MS = 30_000;

/**
 * Calls `ask`, which fetches what the page does not know yet: when the channel is subscribed, for the first time and after each
 * reconnection; when somebody looks at the page again; and now and then, because an event may be lost although the
 * connection stands, if the application dies between its commit and the broadcast.
 *
 * One question at a time: what is missed meanwhile is asked for afterwards. The answer is a function that asks now.
 */
export function keepUp(channel, ask) {
  let isAsking = false;
  let isDue = false;
  async function askNow() {
    isDue = true;
    if (isAsking) {
      return;
    }
    isAsking = true;
    try {
      while (isDue) {
        isDue = false;
        await ask();
      }
    } finally {
      isAsking = false;
    }
  }
  const askIfSeen = () => document.hidden || askNow();
  channel.subscribed(askNow);
  document.addEventListener('visibilitychange', askIfSeen);
  setInterval(askIfSeen, ASK_AGAIN_MS);
  return askNow;
}

// Forms

const ANSWER_MS_MAX = 15_000;
const UNREACHABLE = 'The server can’t be reached. Please try again.';

/** Asks the application; fails with its message. */
export async function fetchJson(url, options = {}) {
  const headers = { Accept: 'application/json', 'X-CSRF-Token': meta('csrf-token') };
  if (echo.socketId()) {
    headers['X-Socket-ID'] = echo.socketId();
  }
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  try {
    const response = await fetch(url, { ...options, headers, signal });
    if (response.ok) {
      // An answer that breaks off is none.
      return response.status === 204 ? undefined : await response.json();
    }
    const { message = 'Something went wrong. Please try again.' } = await response.json().catch(() => ({}));
    throw Object.assign(new Error(message), { status: response.status });
  } catch (error) {
    throw error.status ? error : new Error(UNREACHABLE);
  }
}

/** The same for what may be asked twice: again and again, until the application is there. */
export async function fetchPatiently(url, options) {
  for (;;) {
    try {
      return await fetchJson(url, options);
    } catch (error) {
      if (error.status < 500) {
        throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 500 + 1000 * Math.random()));
  }
}

/**
 * Forms with `data-live` are sent without leaving the page. Afterwards they get the event `sent`, with the answer; what
 * went wrong is shown in the form, what was entered stays, and the event is `refused`.
 */
document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (!form.matches('[data-live]')) {
    return;
  }
  event.preventDefault();
  if (form.ariaBusy === 'true') {
    return;
  }
  form.ariaBusy = 'true';
  form.querySelector('.problem')?.remove();
  try {
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetchJson(form.action, { method: 'POST', body });
    if (answer?.to) {
      location.assign(answer.to);
    } else {
      form.dispatchEvent(new CustomEvent('sent', { bubbles: true, detail: answer }));
    }
  } catch (error) {
    const problem = document.createElement('p');
    Object.assign(problem, { className: 'problem', role: 'alert', textContent: error.message });
    form.append(problem);
    form.dispatchEvent(new CustomEvent('refused', { bubbles: true, detail: error }));
  } finally {
    form.ariaBusy = 'false';
  }
});

/** Names what a form is about to send: sent twice, because an answer was lost, it is still done once. */
export function newDraft(form) {
  form.elements.draft.value = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

// Showing things

/** Puts an item of a list where it belongs, the lowest `data-id` first. */
export function insertById(list, item) {
  const before = [...list.children].findLast(({ dataset }) => Number(dataset.id) < Number(item.dataset.id));
  before ? before.after(item) : list.prepend(item);
}

/** The items of a list of people, by name; of more than `shown` the first. Needs `<template id="member">`. */
export function memberItems(members, shown = members.length) {
  const sorted = members.toSorted((a, b) => a.name.localeCompare(b.name));
  return sorted.slice(0, shown).map(({ key, name }) => {
    const item = fill('member', { name: key === visitor ? `${name} (you)` : name });
    paint(item.querySelector('.avatar'), key, name);
    return item;
  });
}

/** Copies `<template id>`; elements with `data-slot="name"` get `values.name` as their text. */
export function fill(id, values) {
  const copy = document.getElementById(id).content.firstElementChild.cloneNode(true);
  for (const element of copy.querySelectorAll('[data-slot]')) {
    const value = values[element.dataset.slot];
    if (element.matches('time')) {
      element.dateTime = value;
      localise(element);
    } else {
      element.textContent = value;
    }
  }
  return copy;
}

/** Makes an element the avatar of a person; the same as `Avatar` in visitor.rs. */
export function paint(element, key, name) {
  const words = name.split(/\s+/).filter(Boolean);
  element.dataset.initials = [...new Set([words[0], words.at(-1)])].map((word) => [...word][0]).join('');
  element.dataset.tint = new TextEncoder().encode(key).reduce((sum, byte) => sum + byte, 0) % 8;
}

function localise(time) {
  const date = new Date(time.dateTime);
  const isToday = date.toDateString() === new Date().toDateString();
  time.textContent = date.toLocaleString([], isToday ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' });
}
document.querySelectorAll('time[datetime]').forEach(localise);

const announcer = document.getElementById('announcer');
const SAID_MS = 1000;
const UNSAID_MAX = 5;
const unsaid = [];
let isSaying = false;

/** Says something to screen readers, after what is being said. */
export function announce(text) {
  unsaid.push(text);
  unsaid.splice(0, unsaid.length - UNSAID_MAX);
  if (!isSaying) {
    sayNext();
  }
}

function sayNext() {
  const text = unsaid.shift();
  isSaying = text !== undefined;
  if (isSaying) {
    // The same text again would be no change.
    announcer.textContent = '';
    setTimeout(() => (announcer.textContent = text), 50);
    setTimeout(sayNext, SAID_MS);
  }
}

const QUIET_MS = 2000;
let quiet;

/** Says what `text` answers when nothing has happened for a moment. */
export function announceWhenQuiet(text) {
  clearTimeout(quiet);
  quiet = setTimeout(() => announce(text()), QUIET_MS);
}

const TOAST_MS = 6000;
const TOASTS_MAX = 4;

/** Shows a message for a moment, with a link if there is something to see; returns it, for who wants to remove it earlier. */
export function toast(text, href) {
  const toasts = document.getElementById('toasts');
  const item = document.createElement('li');
  const body = document.createElement(href ? 'a' : 'span');
  body.textContent = text;
  if (href) {
    body.href = href;
  }
  item.className = 'card';
  item.append(body);
  toasts.append(item);
  while (toasts.children.length > TOASTS_MAX) {
    toasts.firstElementChild.remove();
  }
  removeLater(item);
  announce(text);
  return item;
}

/** Not while somebody reads it, or is about to follow its link. */
function removeLater(item) {
  setTimeout(() => (item.matches(':hover, :focus-within') ? removeLater(item) : item.remove()), TOAST_MS);
}

// Where the navigation is wider than the screen, the page that is shown is in sight.
document.querySelector('nav [aria-current="page"]')?.scrollIntoView({ block: 'nearest', inline: 'center' });

// The menu of people closes like a menu.

const who = document.getElementById('who');
document.addEventListener('click', (event) => who.contains(event.target) || (who.open = false));
who.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    who.open = false;
    who.querySelector('summary').focus();
  }
});
