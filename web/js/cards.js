/** A card for each photo: its picture, its state in words, and the one thing that can be done with it. */

import { isProblem, isRetriable, isUnsent } from './photo.js';
import { size } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */

const THUMBNAIL = 'phone';

export class Cards {
  /** @type {Map<Photo, HTMLLIElement>} */
  #cards = new Map();

  /**
   * @param {object} around
   * @param {HTMLUListElement} around.photos where the cards of photos are, oldest first
   * @param {HTMLUListElement} around.problems where those are that need attention
   * @param {HTMLTemplateElement} around.template
   * @param {import('./album.js').Album} around.album
   * @param {{look: (photo: Photo) => void, act: (photo: Photo) => void, stale: (photo: Photo) => void}} around.actions
   */
  constructor({ photos, problems, template, album, actions }) {
    Object.assign(this, { photos, problems, template, album, actions });
  }

  /** @param {Set<Photo>} changed */
  show(changed) {
    for (const photo of changed) {
      if (this.album.has(photo)) this.#draw(photo);
      else this.#remove(photo);
    }
    for (const list of [this.photos, this.problems]) list.parentElement.hidden = list.childElementCount === 0;
  }

  /** @param {Photo} photo */
  #draw(photo) {
    const card = this.#cards.get(photo) ?? this.#make(photo);
    this.#place(photo, card);
    card.dataset.state = photo.state;
    text(card, '.status', statusOf(photo));
    text(card, '.advice', isProblem(photo) ? photo.advice : undefined);
    const bar = card.querySelector('progress');
    bar.hidden = !isUnsent(photo);
    bar.value = photo.progress;
    const act = card.querySelector('.act');
    const label = actionOf(photo);
    act.hidden = label === null;
    if (label !== null && act.textContent !== label) {
      act.textContent = label;
      act.setAttribute('aria-label', `${label} ${photo.name}`);
    }
    this.#picture(photo, card);
  }

  /** @param {Photo} photo */
  #make(photo) {
    /** @type {HTMLLIElement} */
    const card = this.template.content.firstElementChild.cloneNode(true);
    const name = card.querySelector('.name');
    name.textContent = photo.name;
    name.title = photo.name;
    card.querySelector('progress').setAttribute('aria-label', `Upload of ${photo.name}`);
    card.querySelector('.act').addEventListener('click', () => this.actions.act(photo));
    const look = card.querySelector('.look');
    look.setAttribute('aria-label', `Compare the variants of ${photo.name}`);
    look.addEventListener('click', () => this.actions.look(photo));
    look.firstElementChild.addEventListener('error', () => this.actions.stale(photo));
    this.#cards.set(photo, card);
    return card;
  }

  /** Moving a card must not take the focus away from it. @param {Photo} photo @param {HTMLLIElement} card */
  #place(photo, card) {
    const list = isProblem(photo) ? this.problems : this.photos;
    if (card.parentElement === list) return;
    const focused = card.contains(document.activeElement) ? document.activeElement : null;
    list.append(card);
    list.parentElement.hidden = false;
    focused?.focus();
  }

  /** @param {Photo} photo @param {HTMLLIElement} card */
  #picture(photo, card) {
    const variants = photo.state === 'done' ? photo.image?.variants ?? [] : [];
    const smallest = variants.find(({ name }) => name === THUMBNAIL) ?? variants.at(-1);
    const look = card.querySelector('.look');
    look.hidden = smallest === undefined;
    const picture = look.firstElementChild;
    if (smallest && picture.getAttribute('src') !== smallest.url) picture.src = smallest.url;
  }

  /** The focus goes to the next card, or the one before. @param {Photo} photo */
  #remove(photo) {
    const card = this.#cards.get(photo);
    if (!card) return;
    const heir = card.contains(document.activeElement) ? card.nextElementSibling ?? card.previousElementSibling : null;
    card.remove();
    this.#cards.delete(photo);
    heir?.querySelector('button:not([hidden])')?.focus();
  }
}

/** @param {Element} card @param {string} selector @param {string | undefined} words */
function text(card, selector, words) {
  const element = card.querySelector(selector);
  element.hidden = !words;
  if (words && element.textContent !== words) element.textContent = words;
}

/** @param {Photo} photo */
function statusOf(photo) {
  switch (photo.state) {
    case 'queued':
      return `Waiting · ${size(photo.size)}`;
    case 'uploading':
      return photo.progress < 1 ? `${size(photo.progress * photo.size)} of ${size(photo.size)}` : 'Sent';
    case 'working':
      return photo.image?.status === 'failed' ? 'Tried again soon' : 'Being developed';
    case 'done':
      return aboutOf(photo);
    default:
      return photo.text;
  }
}

/** @param {Photo} photo */
function aboutOf(photo) {
  const { metadata, variants } = photo.image ?? {};
  if (!metadata) return 'Done';
  return `${metadata.width} × ${metadata.height} · ${variants.length} variants`;
}

/** What the card's button does; null for nothing. @param {Photo} photo */
export function actionOf(photo) {
  if (isUnsent(photo)) return 'Cancel';
  if (isRetriable(photo)) return 'Retry';
  return isProblem(photo) || photo.state === 'canceled' ? 'Dismiss' : null;
}
