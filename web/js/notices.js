/** What the page has to say about itself: one line for each source, with at most one button. */

/** @typedef {{label: string, act: () => void}} Action */

export class Notices {
  /** @type {Map<string, HTMLElement>} */
  #lines = new Map();

  /** @param {HTMLElement} root a live region */
  constructor(root) {
    this.root = root;
  }

  /**
   * Show the line of a source in place of its last one.
   * @param {string} source
   * @param {string} words '' for none
   * @param {Action} [action] by default, a button to dismiss the line
   */
  set(source, words, action = { label: 'Dismiss', act: () => this.set(source, '') }) {
    const line = this.#lines.get(source);
    if (!words) {
      line?.remove();
      this.#lines.delete(source);
    } else if (line?.firstElementChild?.textContent !== words) {
      const next = lineOf(words, action);
      if (line) line.replaceWith(next);
      else this.root.append(next);
      this.#lines.set(source, next);
    }
    this.root.hidden = this.#lines.size === 0;
  }

  /** Show a line that only its source can end. @param {string} source @param {string} words */
  state(source, words) {
    this.set(source, words, { label: '', act: () => undefined });
  }
}

/** @param {string} words @param {Action} action */
function lineOf(words, { label, act }) {
  const line = document.createElement('div');
  line.className = 'notice';
  const text = document.createElement('p');
  text.textContent = words;
  line.append(text);
  if (label) {
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', textContent: label });
    button.addEventListener('click', act);
    line.append(button);
  }
  return line;
}
