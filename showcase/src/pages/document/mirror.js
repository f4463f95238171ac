/** A copy of a text field behind it, because a field does not tell where on the screen its characters are. */
export class Mirror {
  #field;
  #element;
  #text = document.createTextNode('');

  constructor(field, element) {
    this.#field = field;
    this.#element = element;
    element.append(this.#text);
  }

  /** How far down a place of the text is. */
  top(at) {
    return this.caret(at).y;
  }

  /** Where a caret at this place of the text is. */
  caret(at) {
    const isPair = /[\uD800-\uDBFF]/.test(this.#copy()[at]);
    const [rect] = this.rectangles(at, at + (isPair ? 2 : 1));
    return rect ?? { x: 0, y: 0, width: 0, height: 0 };
  }

  /** The rectangles, one on each line, of a part of the text. */
  rectangles(start, end) {
    const range = document.createRange();
    const length = this.#copy().length;
    range.setStart(this.#text, Math.min(start, length));
    range.setEnd(this.#text, Math.min(end, length));
    const origin = this.#element.getBoundingClientRect();
    return [...range.getClientRects()].map(({ x, y, width, height }) => ({ x: x - origin.x, y: y - origin.y, width, height }));
  }

  #copy() {
    // The last character is one that takes no room, so that there is one after each caret.
    const text = `${this.#field.value}\u200b`;
    if (this.#text.data !== text) {
      this.#text.data = text;
    }
    // Without the scroll bar.
    this.#element.style.width = `${this.#field.clientWidth}px`;
    return text;
  }
}
