/** The dialog in which the variants of a photo are compared: one at a time in the same place, by mouse or arrow keys. */

import { moment, size } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */
/** @typedef {import('./api.js').Variant} Variant */

const LOST = {
  animation: 'its movement', hdr_gain_map: 'its HDR gain map', transparency: 'its transparency', alpha: 'its transparency',
};

export class Compare {
  /** @type {Photo | null} */
  #photo = null;
  /** @type {string | null} */
  #variant = null;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {() => Photo[]} finished the photos that can be looked at, in their order
   */
  constructor(dialog, finished) {
    this.dialog = dialog;
    this.finished = finished;
    this.#on('#compare-close', () => dialog.close());
    this.#on('#compare-previous', () => this.#step(-1));
    this.#on('#compare-next', () => this.#step(1));
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog) dialog.close(); // beside it
    });
    dialog.addEventListener('close', () => {
      this.#photo = null;
      this.#find('#compare-picture').removeAttribute('src');
    });
    this.#find('#compare-variants').addEventListener('change', (event) => this.#choose(event.target.value));
  }

  /** @param {Photo} photo */
  open(photo) {
    this.#show(photo);
    this.dialog.showModal(); // on closing, the focus goes back to where it was
    this.dialog.querySelector('input:checked')?.focus();
  }

  /** @param {number} by */
  #step(by) {
    const photos = this.finished();
    const at = photos.indexOf(this.#photo);
    this.#show(photos[(at + by + photos.length) % photos.length]);
  }

  /** @param {Photo} photo */
  #show(photo) {
    this.#photo = photo;
    const { variants } = photo.image;
    const name = variants.some((variant) => variant.name === this.#variant) ? this.#variant : variants[0].name;
    this.#find('#compare-name').textContent = photo.name;
    this.#find('#compare-variants').replaceChildren(...variants.map((variant) => tab(variant, variant.name === name)));
    this.#find('#compare-facts').replaceChildren(...facts(photo).flatMap(fact));
    const alone = this.finished().length < 2;
    this.#find('#compare-previous').hidden = alone;
    this.#find('#compare-next').hidden = alone;
    this.#choose(name);
  }

  /** @param {string} name */
  #choose(name) {
    this.#variant = name;
    const variant = this.#photo.image.variants.find((each) => each.name === name);
    const picture = this.#find('#compare-picture');
    picture.src = variant.url;
    picture.alt = `${this.#photo.name}, variant ${name}`;
    this.#find('#compare-open').href = variant.url;
    this.#find('#compare-caption').textContent =
      `${variant.width} × ${variant.height} pixels · ${variant.format.toUpperCase()} · ${size(variant.bytes)}`;
  }

  /** @param {string} selector @param {() => void} action */
  #on(selector, action) {
    this.#find(selector).addEventListener('click', action);
  }

  /** @param {string} selector @returns {any} */
  #find(selector) {
    return this.dialog.querySelector(selector);
  }
}

/** @param {Variant} variant @param {boolean} chosen */
function tab(variant, chosen) {
  const label = document.createElement('label');
  const input = document.createElement('input');
  Object.assign(input, { type: 'radio', name: 'variant', value: variant.name, checked: chosen });
  const words = document.createElement('span');
  words.textContent = variant.name;
  label.append(input, words);
  return label;
}

/** What is known of the original. @param {Photo} photo @returns {[string, string][]} */
function facts({ image }) {
  const about = image.metadata ?? {};
  const lost = (image.lost ?? []).map((name) => LOST[name] ?? name.replaceAll('_', ' '));
  /** @type {[string, string | null | undefined][]} */
  const known = [
    ['Original', about.width && `${about.width} × ${about.height} pixels, ${about.format.toUpperCase()}`],
    ['Size', about.bytes && size(about.bytes)],
    ['Colours', about.mode && (about.transparency ? `${about.mode}, transparent` : about.mode)],
    ['Taken', about.created_date && moment(about.created_date)],
    ['Sent', about.uploaded_at && moment(about.uploaded_at)],
    ['Tags', (about.tags ?? []).map((tag) => tag.name ?? tag).join(', ')],
    ['Not kept', lost.join(', ')],
  ];
  return known.filter(([, value]) => value);
}

/** @param {[string, string]} fact */
function fact([name, value]) {
  const group = document.createElement('div');
  const term = document.createElement('dt');
  const description = document.createElement('dd');
  term.textContent = name;
  description.textContent = value;
  group.append(term, description);
  return [group];
}
