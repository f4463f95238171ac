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

// After a server that refused it, pusher-js waits for 15 to 60 seconds. Somebody who looks at a page need not.
const RETRY_MS = 4000;
setInterval(() => {
  if (wasConnected && echo.connectionStatus() !== 'connected' && !document.hidden) {
    echo.connector.pusher.disconnect();
    echo.connector.pusher.connect();
  }
}, RETRY_MS * (1 + Math.random()));

// Forms

/** Asks the application; fails with its message. */
export async function fetchJson(url, options = {}) {
  const headers = { Accept: 'application/json', 'X-CSRF-Token': meta('csrf-token') };
  if (echo.socketId()) {
    headers['X-Socket-ID'] = echo.socketId();
  }
  const response = await fetch(url, { ...options, headers }).catch(() => {
    throw new Error('The server can’t be reached. Please try again.');
  });
  const body = response.status === 204 ? undefined : await response.json().catch(() => ({}));
  if (!response.ok) {
    throw Object.assign(new Error(body.message ?? 'Something went wrong. Please try again.'), { status: response.status });
  }
  return body;
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

// Showing things

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

/** Says something to screen readers. */
export function announce(text) {
  document.getElementById('announcer').textContent = text;
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
  setTimeout(() => item.remove(), TOAST_MS);
  announce(text);
  return item;
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
