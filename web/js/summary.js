/** The progress of all photos: one bar, one sentence, and announcements for screen readers. */

import { find } from './find.js';
import { isEnded, isProblem, isRetriable, isUnsent } from './photo.js';
import { plural } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */

const BETWEEN = 8_000; // milliseconds between two announcements
const SENT = 0.8; // of a photo's progress, once it is uploaded

/**
 * @typedef {object} Counts
 * @property {number} all
 * @property {number} done
 * @property {number} problems
 * @property {number} canceled
 * @property {number} unsent
 * @property {number} working
 * @property {number} retriable
 * @property {number} part of the total progress, 0 to 1
 */

/** @param {readonly Photo[]} photos @returns {Counts} */
export function count(photos) {
  const of = (/** @type {(photo: Photo) => boolean} */ test) => photos.filter(test).length;
  const progress = photos.reduce((sum, photo) => sum + (isEnded(photo) ? 1 : photo.progress * SENT), 0);
  return {
    all: photos.length,
    done: of((photo) => photo.state === 'done'),
    problems: of(isProblem),
    canceled: of((photo) => photo.state === 'canceled'),
    unsent: of(isUnsent),
    working: of((photo) => photo.state === 'working'),
    retriable: of(isRetriable),
    part: photos.length === 0 ? 0 : progress / photos.length,
  };
}

/** @param {Counts} counts @returns {{headline: string, details: string}} */
export function sentences(counts) {
  const { all, done, problems, canceled, unsent, working } = counts;
  const more = [
    unsent > 0 && `${unsent} to upload`,
    working > 0 && `${working} processing`,
    problems > 0 && `${problems} ${problems === 1 ? 'needs' : 'need'} your attention`,
    canceled > 0 && `${canceled} canceled`,
  ].filter(Boolean);
  const headline = done === all ? `All ${plural(all, 'photo')} finished` : `${done} of ${plural(all, 'photo')} finished`;
  return { headline: all === 1 && done === 1 ? 'Your photo is finished' : headline, details: more.join(' · ') };
}

export class Summary {
  #last = -BETWEEN;
  #timer = 0;

  /** @param {{root: HTMLElement, live: HTMLElement}} around */
  constructor({ root, live }) {
    this.root = root;
    this.live = live;
  }

  /** @param {readonly Photo[]} photos */
  show(photos) {
    const counts = count(photos);
    const { headline, details } = sentences(counts);
    this.root.hidden = counts.all === 0;
    this.root.classList.toggle('ended', counts.unsent + counts.working === 0);
    set(this.root, '#headline', headline);
    set(this.root, '#details', details);
    find(this.root, '#overall', HTMLProgressElement).value = counts.part;
    hide(this.root, '#cancel-all', counts.unsent < 2);
    hide(this.root, '#retry-all', counts.retriable < 2);
    hide(this.root, '#clear', counts.done + counts.canceled === 0);
    this.#announce(details ? `${headline}: ${details}.` : `${headline}.`, counts);
  }

  /** Announce the progress: at the end at once, before that every few seconds. @param {string} words @param {Counts} counts */
  #announce(words, counts) {
    clearTimeout(this.#timer);
    const say = () => {
      this.#timer = 0;
      this.#last = performance.now();
      if (this.live.textContent !== words) this.live.textContent = words;
    };
    const wait = counts.unsent + counts.working === 0 ? 0 : this.#last + BETWEEN - performance.now();
    if (counts.all > 0) this.#timer = setTimeout(say, Math.max(0, wait));
  }
}

/** @param {Element} root @param {string} selector @param {string} words */
function set(root, selector, words) {
  const element = find(root, selector, HTMLElement);
  if (element.textContent !== words) element.textContent = words;
}

/** @param {Element} root @param {string} selector @param {boolean} hidden */
function hide(root, selector, hidden) {
  find(root, selector, HTMLElement).hidden = hidden;
}
