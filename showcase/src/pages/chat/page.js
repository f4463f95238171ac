import { announce, echo, fetchPatiently, fill, insertById, keepUp, memberItems, newDraft, paint, visitor } from '/assets/layout/app.js';

const room = Number(location.pathname.split('/')[2]);
const messages = document.getElementById('messages');
const members = document.getElementById('members');
const scroll = messages.parentElement;
const form = document.getElementById('write');
const field = form.elements.text;

const channel = echo
  .join(`chat.${room}`)
  .here((all) => showMembers(all))
  .joining((member) => showMembers([...here.values(), member]))
  .leaving((member) => {
    stoppedTyping(member.key);
    showMembers([...here.values()].filter(({ key }) => key !== member.key));
  })
  .listen('MessageSent', (message) => {
    stoppedTyping(message.author);
    show(message);
    announce(`${message.name}: ${message.text}`);
  })
  .listenForWhisper('typing', ({ typing }, { user_id: key }) => (typing ? startedTyping(key) : stoppedTyping(key)));

// Messages

function show(message) {
  if (messages.querySelector(`[data-id="${message.id}"]`)) {
    return;
  }
  const item = fill('message', message);
  item.dataset.id = message.id;
  item.classList.toggle('own', message.author === visitor);
  paint(item.querySelector('.avatar'), message.author, message.name);
  const isAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  insertById(messages, item);
  if (isAtEnd || message.author === visitor) {
    toEnd();
  }
}

/** Up to this one none is missing. Of later ones that are shown an earlier one may be on its way, or lost. */
let complete = messages.lastElementChild?.dataset.id ?? 0;

// What was sent while the page was not connected is in the database.
const catchUp = keepUp(channel, async () => {
  let missed;
  do {
    missed = await fetchPatiently(`/chat/${room}/messages?after=${complete}`);
    missed.forEach(show);
    complete = missed.at(-1)?.id ?? complete;
  } while (missed.length > 0);
});

function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
}
toEnd();

// Writing

form.addEventListener('sent', ({ detail: message }) => {
  show(message);
  field.value = '';
  newDraft(form);
  field.focus();
  stopTyping();
});

// It was sent with another text before: that one is shown now, and this one is a message of its own.
form.addEventListener('refused', ({ detail: { status } }) => {
  if (status === 409) {
    newDraft(form);
    catchUp();
  }
});

field.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

// I am typing: said once at the beginning, again now and then while it goes on, and once at the end.

const IDLE_MS = 1000;
const REPEAT_MS = 4000;
let saidAt = 0;
let idle;

field.addEventListener('input', () => {
  if (Date.now() - saidAt > REPEAT_MS) {
    saidAt = Date.now();
    channel.whisper('typing', { typing: true });
  }
  clearTimeout(idle);
  idle = setTimeout(stopTyping, IDLE_MS);
});

function stopTyping() {
  clearTimeout(idle);
  if (saidAt) {
    saidAt = 0;
    channel.whisper('typing', { typing: false });
  }
}

// Others are typing, until they say otherwise, leave, or are not heard of for a while.

const typists = new Map();

function startedTyping(key) {
  clearTimeout(typists.get(key));
  typists.set(key, setTimeout(() => stoppedTyping(key), REPEAT_MS + 2000));
  showTyping();
}

function stoppedTyping(key) {
  clearTimeout(typists.get(key));
  typists.delete(key);
  showTyping();
}

function showTyping() {
  const names = [...typists.keys()].map((key) => here.get(key)?.name).filter(Boolean);
  const text = { 0: '', 1: `${names[0]} is typing…`, 2: `${names.join(' and ')} are typing…` };
  document.getElementById('typing').textContent = text[names.length] ?? 'Several people are typing…';
}

// Who is here

let here = new Map();

function showMembers(all) {
  here = new Map(all.map((member) => [member.key, member]));
  members.replaceChildren(...memberItems(all));
  document.getElementById('count').textContent = here.size;
}

// Other rooms: those of which there are unread notifications have something new. Guests have none.

if (document.getElementById('bell')) {
  const { follow } = await import('/assets/pages/notifications/bell.js');
  follow(({ items }) => showNews(items.filter((item) => !item.is_read && item.link.startsWith('/chat/'))));
}

function showNews(items) {
  const rooms = document.getElementById('rooms');
  for (const { link, title } of items) {
    if (!rooms.querySelector(`a[href="${CSS.escape(link)}"]`)) {
      rooms.append(fill('room', { title }));
      rooms.lastElementChild.firstElementChild.href = link;
    }
  }
  const links = new Set(items.map(({ link }) => link));
  for (const room of rooms.querySelectorAll('a')) {
    room.classList.toggle('new', links.has(room.getAttribute('href')));
  }
}
