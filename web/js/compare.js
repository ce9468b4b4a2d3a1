/** The dialog to compare the variants of a photo, one at a time in the same place, with the mouse or the arrow keys. */

import { find } from './find.js';
import { moment, size } from './words.js';

/** @typedef {import('./photo.js').Processed} Processed */
/** @typedef {import('./api.js').Variant} Variant */

/** @type {Record<string, string>} */
const LOST = { hdr_gain_map: 'HDR gain map' };

export class Compare {
  /** @type {Processed | null} */
  #photo = null;
  /** @type {string | null} */
  #variant = null;
  #picture;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {(beside: Processed) => Processed[]} finished the photos with variants in the list of one of them, in order
   * @param {(photo: Processed, variant: string) => void} save a variant, or the "original"
   */
  constructor(dialog, finished, save) {
    this.dialog = dialog;
    this.#picture = find(dialog, '#compare-picture', HTMLImageElement);
    this.finished = finished;
    this.#on('#compare-close', () => dialog.close());
    this.#on('#compare-previous', () => this.#step(-1));
    this.#on('#compare-next', () => this.#step(1));
    this.#on('#compare-save', () => this.#photo && this.#variant && save(this.#photo, this.#variant));
    this.#on('#compare-original', () => this.#photo && save(this.#photo, 'original'));
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog) dialog.close(); // on the backdrop
    });
    dialog.addEventListener('close', () => {
      this.#photo = null;
      this.#picture.removeAttribute('src');
    });
    this.#find('#compare-variants').addEventListener('change', ({ target }) => {
      if (target instanceof HTMLInputElement) this.#choose(target.value);
    });
  }

  /** @param {Processed} photo */
  open(photo) {
    this.#show(photo);
    this.dialog.showModal(); // returns the focus when it closes
    find(this.dialog, 'input:checked', HTMLInputElement).focus();
  }

  /** @param {number} by number of photos, 0 to refresh the current one */
  #step(by) {
    const photos = this.#photo ? this.finished(this.#photo) : [];
    const at = photos.findIndex((photo) => photo === this.#photo);
    const next = photos.at((at + by) % photos.length);
    if (next) this.#show(next);
    else this.dialog.close();
  }

  /** @param {Processed} photo */
  #show(photo) {
    this.#photo = photo;
    const { variants } = photo.image;
    const { name } = variants.find((variant) => variant.name === this.#variant) ?? variants[0];
    this.#find('#compare-name').textContent = photo.name;
    this.#find('#compare-variants').replaceChildren(...variants.map((variant) => tab(variant, variant.name === name)));
    this.#find('#compare-facts').replaceChildren(...facts(photo));
    const alone = this.finished(photo).length < 2;
    this.#find('#compare-previous').hidden = alone;
    this.#find('#compare-next').hidden = alone;
    this.#choose(name);
  }

  /** @param {string} name */
  #choose(name) {
    this.#variant = name;
    const variant = this.#photo?.image.variants.find((each) => each.name === name);
    if (!this.#photo || !variant) {
      this.#step(0); // the variants have changed in the meantime
      return;
    }
    this.#picture.src = variant.url;
    this.#picture.alt = `${this.#photo.name}, variant ${name}`;
    find(this.dialog, '#compare-open', HTMLAnchorElement).href = variant.url;
    this.#find('#compare-caption').textContent =
      `${variant.width} × ${variant.height} pixels · ${variant.format.toUpperCase()} · ${size(variant.bytes)}`;
  }

  /** @param {string} selector @param {() => void} action */
  #on(selector, action) {
    this.#find(selector).addEventListener('click', action);
  }

  /** @param {string} selector */
  #find(selector) {
    return find(this.dialog, selector, HTMLElement);
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

/** The facts about the original. @param {Processed} photo */
function facts({ image }) {
  const about = image.metadata;
  const lost = (image.lost ?? []).map((name) => LOST[name] ?? name.replaceAll('_', ' '));
  const known = {
    Original: about && `${about.width} × ${about.height} pixels, ${about.format.toUpperCase()}`,
    Size: about && size(about.bytes),
    Colors: about && (about.transparency ? `${about.mode}, transparent` : about.mode),
    Taken: about?.created_date && moment(about.created_date),
    Uploaded: about?.uploaded_at && moment(about.uploaded_at),
    Tags: about?.tags.join(', '),
    'Not preserved': lost.join(', '),
  };
  return Object.entries(known).flatMap(([name, value]) => (value ? [fact(name, value)] : []));
}

/** @param {string} name @param {string} value */
function fact(name, value) {
  const group = document.createElement('div');
  const term = document.createElement('dt');
  const description = document.createElement('dd');
  term.textContent = name;
  description.textContent = value;
  group.append(term, description);
  return group;
}
