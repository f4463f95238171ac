/** Where others are in the text, and what they have just written, in their colours. */

import * as Y from 'yjs';

import { fill, paint } from '/assets/layout/app.js';

const WHISPER_MS = 120;
// A caret that is not heard of any more belongs to a tab that is gone.
const REPEAT_MS = 20_000;
const FORGET_MS = 45_000;
const FRESH_MS = 2500;
// Whispers come from anybody who has the page open, and are not checked by the application.
const TABS_MAX = 5;
const FRESH_MAX = 200;

export class Carets {
  #field;
  #replica;
  #mirror;
  #whisper;
  #names = new Map();
  #carets = new Map();
  #fresh = [];
  #isDrawing = false;
  #isWaiting = false;
  #said;

  constructor({ field, replica, mirror, whisper }) {
    this.#field = field;
    this.#replica = replica;
    this.#mirror = mirror;
    this.#whisper = whisper;
    const moved = () => this.#moved();
    document.addEventListener('selectionchange', moved);
    ['input', 'focus', 'blur', 'select', 'keyup'].forEach((name) => field.addEventListener(name, moved));
    field.addEventListener('scroll', () => this.draw());
    new ResizeObserver(() => this.draw()).observe(field);
    replica.text.observe(({ delta }, { origin }) => this.#written(delta, origin));
    setInterval(() => this.#tick(), REPEAT_MS);
    this.draw();
  }

  /** Who is here: of nobody else a caret is shown. */
  people(names) {
    this.#names = names;
    for (const [key, caret] of this.#carets) {
      if (!names.has(caret.person)) {
        this.#forget(key);
      }
    }
    this.draw();
  }

  /** Somebody's caret is there; or nowhere, if that is null. */
  heard({ client, caret }, person) {
    const key = `${person} ${client}`;
    const tabs = [...this.#carets.values()].filter((it) => it.person === person).length;
    if (!Array.isArray(caret)) {
      this.#forget(key);
    } else if (this.#carets.has(key) || tabs < TABS_MAX) {
      const known = this.#carets.get(key) ?? { person };
      const isSame = JSON.stringify(known.caret) === JSON.stringify(caret);
      this.#carets.set(key, Object.assign(known, { caret, at: Date.now() }));
      if (!isSame) {
        this.draw();
      }
    }
  }

  /** Says where this caret is, also if it has not moved: to who has just come. */
  say() {
    this.#said = undefined;
    this.#moved();
  }

  #moved() {
    if (this.#isWaiting) {
      return;
    }
    this.#isWaiting = true;
    setTimeout(() => {
      this.#isWaiting = false;
      const { selectionStart, selectionEnd, selectionDirection } = this.#field;
      const isHere = document.activeElement === this.#field;
      const ends = selectionDirection === 'backward' ? [selectionEnd, selectionStart] : [selectionStart, selectionEnd];
      const message = { client: this.#replica.doc.clientID, caret: isHere ? ends.map((at) => this.#fix(at)) : null };
      if (JSON.stringify(message) !== this.#said) {
        this.#said = JSON.stringify(message);
        this.#whisper(message);
      }
    }, WHISPER_MS);
  }

  /** A place that stays with the character before it, whatever happens elsewhere. */
  #fix(at) {
    return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(this.#replica.text, at, -1));
  }

  /** The place as a number; undefined if it can't be read, or belongs to text that is not here yet. */
  #find(position) {
    try {
      const relative = Y.createRelativePositionFromJSON(position);
      const found = Y.createAbsolutePositionFromRelativePosition(relative, this.#replica.doc);
      return found?.type === this.#replica.text ? Math.min(found.index, this.#field.value.length) : undefined;
    } catch {
      return undefined;
    }
  }

  #written(delta, by) {
    let at = 0;
    for (const { retain = 0, insert = '' } of delta) {
      at += retain;
      if (insert && by?.author) {
        this.#fresh.push({ person: by.author, start: this.#fix(at), end: this.#fix(at + insert.length), at: Date.now() });
        setTimeout(() => this.draw(), FRESH_MS + 50);
      }
      at += insert.length;
    }
    this.#fresh = this.#fresh.slice(-FRESH_MAX);
    this.draw();
  }

  #tick() {
    for (const [key, { at }] of this.#carets) {
      if (Date.now() - at > FORGET_MS) {
        this.#forget(key);
      }
    }
    this.say();
  }

  #forget(key) {
    this.#carets.get(key)?.element?.remove();
    this.#carets.delete(key);
    this.draw();
  }

  /** Draws everything, once for whatever happens until the next frame. */
  draw() {
    if (this.#isDrawing) {
      return;
    }
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      document.querySelectorAll('#sheet .layer > *').forEach((element) => {
        element.style.transform = `translateY(${-this.#field.scrollTop}px)`;
      });
      this.#fresh = this.#fresh.filter(({ at }) => Date.now() - at < FRESH_MS);
      const marks = this.#fresh.flatMap(({ person, start, end }) => this.#mark(person, this.#find(start), this.#find(end)));
      document.getElementById('marks').replaceChildren(...marks, ...[...this.#carets.values()].flatMap((caret) => this.#drawn(caret)));
    });
  }

  /** Puts a caret where it belongs, and answers the marks of its selection. */
  #drawn(caret) {
    const [anchor, head] = caret.caret.map((position) => this.#find(position));
    const name = this.#names.get(caret.person);
    if (name === undefined || head === undefined) {
      return [];
    }
    if (!caret.element) {
      caret.element = fill('caret', { name });
      paint(caret.element, caret.person, name);
      document.getElementById('carets').append(caret.element);
    }
    const { x, y, height } = this.#mirror.caret(head);
    const transform = `translate(${x}px, ${y}px)`;
    if (caret.element.style.transform !== transform) {
      Object.assign(caret.element.style, { transform, height: `${height}px` });
      caret.element.classList.toggle('late', x > this.#field.clientWidth / 2);
      // Put there again, it is shown again for a while.
      caret.element.append(caret.element.firstElementChild);
    }
    return this.#mark(caret.person, Math.min(anchor ?? head, head), Math.max(anchor ?? head, head));
  }

  /** Rectangles in somebody's colour. */
  #mark(person, start, end) {
    if (start === undefined || !(end > start)) {
      return [];
    }
    return this.#mirror.rectangles(start, end).map(({ x, y, width, height }) => {
      const mark = document.createElement('div');
      paint(mark, person, this.#names.get(person) ?? '?');
      Object.assign(mark.style, { transform: `translate(${x}px, ${y}px)`, width: `${width || 4}px`, height: `${height}px` });
      return mark;
    });
  }
}
