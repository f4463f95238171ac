/** A plain text field and a text that others change at the same time: what is typed goes there, what they write comes here. */

import * as Y from 'yjs';

import { TYPED } from './replica.js';

export class Editor {
  #field;
  #replica;
  #mirror;
  #undo;

  constructor(field, replica, mirror) {
    this.#field = field;
    this.#replica = replica;
    this.#mirror = mirror;
    this.#undo = new Y.UndoManager(replica.text, { trackedOrigins: new Set([TYPED]) });
    if (field.value !== replica.text.toString()) {
      field.value = replica.text.toString();
    }
    field.readOnly = false;
    replica.text.observe((event, { origin }) => this.#show(event.delta, origin));
    field.addEventListener('input', () => this.#take());
    // A field that is changed while somebody composes a character loses it.
    field.addEventListener('compositionstart', () => replica.hold());
    field.addEventListener('compositionend', () => {
      this.#take();
      replica.release();
    });
    field.addEventListener('keydown', (event) => this.#key(event));
    field.addEventListener('beforeinput', (event) => this.#menu(event));
  }

  /** Takes over what was typed, pasted, dropped, corrected, or removed. */
  #take() {
    const { text, doc } = this.#replica;
    const before = text.toString();
    const after = clean(this.#field);
    const { start, removed, inserted } = difference(before, after, this.#field.selectionEnd);
    if (removed === 0 && inserted === '') {
      return;
    }
    doc.transact(() => {
      text.delete(start, removed);
      text.insert(start, inserted);
    }, TYPED);
  }

  /** Shows a change where it happened. Selection and scroll position stay with the text that they belong to. */
  #show(delta, origin) {
    if (origin === TYPED) {
      return;
    }
    const field = this.#field;
    const { scrollTop, scrollHeight } = field;
    const isAbove = this.#mirror.top(delta[0]?.retain ?? 0) < scrollTop;
    let at = 0;
    for (const { retain = 0, insert = '', delete: removed = 0 } of delta) {
      at += retain;
      // `preserve` moves the selection as text before it comes and goes; what comes exactly at the caret is after it.
      field.setRangeText(insert, at, at + removed, 'preserve');
      at += insert.length;
    }
    field.scrollTop = scrollTop + (isAbove ? field.scrollHeight - scrollHeight : 0);
    if (origin === this.#undo) {
      field.setSelectionRange(at, at);
      this.#reveal(at);
    }
  }

  #reveal(at) {
    const { scrollTop, clientHeight } = this.#field;
    const { y, height } = this.#mirror.caret(at);
    if (y < scrollTop || y + height > scrollTop + clientHeight) {
      this.#field.scrollTop = y - clientHeight / 2;
    }
  }

  /** The browser's own undo knows nothing of what others write; this one takes back what was typed here. */
  #key(event) {
    const { key, ctrlKey, metaKey, shiftKey, altKey, isComposing } = event;
    if (!(ctrlKey || metaKey) || altKey || isComposing) {
      return;
    }
    const name = key.toLowerCase();
    if (name === 'z' || name === 'y') {
      event.preventDefault();
      name === 'y' || shiftKey ? this.#undo.redo() : this.#undo.undo();
    } else if (name === 's') {
      // It is saved anyway.
      event.preventDefault();
    }
  }

  /** The same from the menu of the browser. */
  #menu(event) {
    if (event.inputType === 'historyUndo' || event.inputType === 'historyRedo') {
      event.preventDefault();
      event.inputType === 'historyUndo' ? this.#undo.undo() : this.#undo.redo();
    }
  }
}

/** The text of the field, without what the application would not take. */
function clean(field) {
  const text = (part) => part.toWellFormed().replace(/[^\P{Cc}\n\t]/gu, '');
  const cleaned = text(field.value);
  if (cleaned !== field.value) {
    const caret = text(field.value.slice(0, field.selectionEnd)).length;
    field.value = cleaned;
    field.setSelectionRange(caret, caret);
  }
  return cleaned;
}

/**
 * What was changed: `removed` characters from `start` became `inserted`. Where that is ambiguous, as with one more `o` in
 * `foo`, the caret says where it happened: what is after it was there before.
 */
export function difference(before, after, caret) {
  const shorter = Math.min(before.length, after.length);
  let end = 0;
  while (end < Math.min(shorter, after.length - caret) && before.at(-1 - end) === after.at(-1 - end)) {
    end += 1;
  }
  let start = 0;
  while (start < shorter - end && before[start] === after[start]) {
    start += 1;
  }
  // Characters of two code units stay whole.
  if (isLow(before, before.length - end) || isLow(after, after.length - end)) {
    end -= 1;
  }
  if (isLow(before, start) || isLow(after, start)) {
    start -= 1;
  }
  return { start, removed: before.length - end - start, inserted: after.slice(start, after.length - end) };
}

/** Whether a place is within a character. */
function isLow(text, at) {
  return /[\uDC00-\uDFFF]/.test(text[at] ?? '') && /[\uD800-\uDBFF]/.test(text[at - 1] ?? '');
}
