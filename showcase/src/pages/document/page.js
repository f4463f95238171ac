import { announce, echo, keepUp, memberItems } from '/assets/layout/app.js';

import { Carets } from './carets.js';
import { Editor } from './editor.js';
import { Mirror } from './mirror.js';
import { Replica } from './replica.js';

const form = document.getElementById('edit');
if (form) {
  open(Number(location.pathname.split('/')[2]));
}

function open(id) {
  const field = document.getElementById('text');
  const mirror = new Mirror(field, document.getElementById('mirror'));
  // Until the text is here with all that Yjs knows of it.
  field.readOnly = true;
  form.querySelector('button').hidden = true;
  form.addEventListener('submit', (event) => event.preventDefault());

  let carets;
  const replica = new Replica(id, { loaded, saving, saved, refused });
  const channel = echo
    .join(`document.${id}`)
    .subscribed(() => carets?.say())
    .here((all) => showPeople(all))
    .joining((member) => {
      showPeople([...here.values(), member]);
      carets?.say();
    })
    .leaving(({ key }) => showPeople([...here.values()].filter((member) => member.key !== key)))
    .listen('DocumentUpdated', (change) => {
      replica.receive(change);
      showLast(change);
    })
    .listenForWhisper('caret', (caret, { user_id: person }) => carets?.heard(caret, person));

  keepUp(channel, () => replica.catchUp());

  function loaded() {
    new Editor(field, replica, mirror);
    carets = new Carets({ field, replica, mirror, whisper: (caret) => channel.whisper('caret', caret) });
    carets.people(names());
    saved();
  }

  // Who is here

  let here = new Map();

  function showPeople(all) {
    here = new Map(all.map((member) => [member.key, member]));
    document.getElementById('members').replaceChildren(...memberItems(all));
    document.getElementById('count').textContent = here.size;
    carets?.people(names());
  }

  function names() {
    return new Map([...here.values()].map(({ key, name }) => [key, name]));
  }

  const SAID_MS = 30_000;
  const said = new Map();

  function showLast({ author, name }) {
    document.getElementById('last').textContent = `Last change: ${name}`;
    // To screen readers now and then only, not with each letter.
    if (!(Date.now() - said.get(author) < SAID_MS)) {
      said.set(author, Date.now());
      announce(`${name} is writing`);
    }
  }

  // Whether what was typed is stored

  const LATE_MS = 4000;
  const status = document.getElementById('saved');
  let late;

  function saving() {
    status.textContent = 'Saving…';
    late = setTimeout(() => {
      status.textContent = 'Not saved yet. You can go on writing: it is saved as soon as there is a connection.';
      announce('Not saved yet, there is no connection.');
    }, LATE_MS);
  }

  function saved() {
    clearTimeout(late);
    status.textContent = 'All saved';
  }

  window.addEventListener('beforeunload', (event) => {
    if (!replica.isSaved && !isRefused) {
      event.preventDefault();
    }
  });

  // What the application refuses: the page begins anew with the text that everybody has, and this one is kept beside it.

  const kept = `document.${id}.unsaved`;
  let isRefused = false;

  function refused(error) {
    isRefused = true;
    const lost = { message: error.message, text: field.value };
    if (replica.version < 0) {
      // There is nothing to begin with.
      showUnsaved(lost);
      return;
    }
    sessionStorage.setItem(kept, JSON.stringify({ ...lost, message: `${lost.message} Your last change was not saved.` }));
    location.reload();
  }

  function showUnsaved({ message, text }) {
    const section = document.getElementById('unsaved');
    section.querySelector('textarea').value = text;
    section.hidden = false;
    section.querySelector('.problem').textContent = message;
  }

  const unsaved = sessionStorage.getItem(kept);
  if (unsaved) {
    sessionStorage.removeItem(kept);
    showUnsaved(JSON.parse(unsaved));
  }
}
