/** A card for each photo: its thumbnail, its state in words, and one action. */

import { find } from './find.js';
import { isProblem, isRetriable, isUnsent } from './photo.js';
import { size } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */

const THUMBNAIL = 'phone';

export class Cards {
  /** @type {Map<Photo, HTMLLIElement>} */
  #cards = new Map();

  /**
   * @param {object} around
   * @param {HTMLUListElement} around.photos list of the photos' cards, oldest first
   * @param {HTMLUListElement} around.problems list of the cards that need attention
   * @param {HTMLTemplateElement} around.template
   * @param {import('./album.js').Album} around.album
   * @param {{look: (photo: Photo) => void, act: (photo: Photo) => void, stale: (photo: Photo) => void}} around.actions
   */
  constructor({ photos, problems, template, album, actions }) {
    this.photos = photos;
    this.problems = problems;
    this.template = template;
    this.album = album;
    this.actions = actions;
  }

  /** @param {Set<Photo>} changed */
  show(changed) {
    for (const photo of changed) {
      if (this.album.has(photo)) this.#draw(photo);
      else this.#remove(photo);
    }
    for (const list of [this.photos, this.problems]) list.parentElement?.toggleAttribute('hidden', list.childElementCount === 0);
  }

  /** @param {Photo} photo */
  #draw(photo) {
    const card = this.#cards.get(photo) ?? this.#make(photo);
    this.#place(photo, card);
    card.dataset.state = photo.state;
    text(card, '.status', statusOf(photo));
    text(card, '.advice', isProblem(photo) ? photo.advice : undefined);
    const bar = find(card, 'progress', HTMLProgressElement);
    bar.hidden = !isUnsent(photo);
    bar.value = photo.progress;
    const act = find(card, '.act', HTMLButtonElement);
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
    const card = find(document.importNode(this.template.content, true), '.card', HTMLLIElement);
    const name = find(card, '.name', HTMLElement);
    name.textContent = photo.name;
    name.title = photo.name;
    find(card, 'progress', HTMLProgressElement).setAttribute('aria-label', `Upload of ${photo.name}`);
    find(card, '.act', HTMLButtonElement).addEventListener('click', () => this.actions.act(photo));
    const look = find(card, '.look', HTMLButtonElement);
    look.setAttribute('aria-label', `Compare the variants of ${photo.name}`);
    look.addEventListener('click', () => this.actions.look(photo));
    const picture = find(look, 'img', HTMLImageElement);
    picture.addEventListener('error', () => this.actions.stale(photo));
    picture.addEventListener('load', () => picture.style.removeProperty('background')); // it may be transparent
    this.#cards.set(photo, card);
    return card;
  }

  /** Move a card to its list, and keep the focus on it. @param {Photo} photo @param {HTMLLIElement} card */
  #place(photo, card) {
    const list = isProblem(photo) ? this.problems : this.photos;
    if (card.parentElement === list) return;
    const focused = card.contains(document.activeElement) ? document.activeElement : null;
    list.append(card);
    list.parentElement?.removeAttribute('hidden');
    if (focused instanceof HTMLElement) focused.focus();
  }

  /** @param {Photo} photo @param {HTMLLIElement} card */
  #picture(photo, card) {
    const variants = photo.state === 'done' ? photo.image?.variants ?? [] : [];
    const smallest = variants.find(({ name }) => name === THUMBNAIL) ?? variants.at(-1);
    const look = find(card, '.look', HTMLButtonElement);
    look.hidden = smallest === undefined;
    const picture = find(look, 'img', HTMLImageElement);
    if (!smallest || picture.getAttribute('src') === smallest.url) return;
    if (photo.image?.placeholder) picture.style.background = background(photo.image.placeholder, photo.image.color);
    picture.src = smallest.url;
  }

  /** Remove the card, and move the focus to the next one or the previous one. @param {Photo} photo */
  #remove(photo) {
    const card = this.#cards.get(photo);
    if (!card) return;
    const heir = card.contains(document.activeElement) ? card.nextElementSibling ?? card.previousElementSibling : null;
    card.remove();
    this.#cards.delete(photo);
    /** @type {HTMLButtonElement | null | undefined} */
    const button = heir?.querySelector('button:not([hidden])');
    button?.focus();
  }
}

/** What is shown until the picture has loaded, in the same place. @param {string} placeholder @param {string} [color] */
function background(placeholder, color = '') {
  return `url("${placeholder}") 50% 22% / cover ${color}`;
}

/** @param {Element} card @param {string} selector @param {string | undefined} words */
function text(card, selector, words) {
  const element = find(card, selector, HTMLElement);
  element.hidden = !words;
  if (words && element.textContent !== words) element.textContent = words;
}

/** @param {Photo} photo */
function statusOf(photo) {
  switch (photo.state) {
    case 'queued':
      return `Queued · ${size(photo.size)}`;
    case 'uploading':
      return photo.progress < 1 ? `${size(photo.progress * photo.size)} of ${size(photo.size)}` : 'Uploaded';
    case 'working':
      return photo.image?.status === 'failed' ? 'Retrying soon' : 'Processing';
    case 'done':
      return aboutOf(photo);
    default:
      return photo.text;
  }
}

/** @param {Photo} photo */
function aboutOf(photo) {
  if (!photo.image?.metadata) return 'Done';
  const { metadata, variants } = photo.image;
  return `${metadata.width} × ${metadata.height} · ${variants.length} variants`;
}

/** The label of the card's button; null for no button. @param {Photo} photo */
export function actionOf(photo) {
  if (isUnsent(photo)) return 'Cancel';
  if (isRetriable(photo)) return 'Retry';
  return isProblem(photo) || photo.state === 'canceled' ? 'Dismiss' : null;
}
