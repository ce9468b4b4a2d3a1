/** A card for each photo: its picture, its state in words, one action, and the tools of a finished photo. */

import { find } from './find.js';
import { isProblem, isRetriable, isUnsent } from './photo.js';
import { Previews } from './previews.js';
import { toolsOf } from './tools.js';
import { moment, size } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */

/** @typedef {'look' | 'act' | 'stale' | 'save' | 'copy' | 'delete'} ActionName */
/** @typedef {Record<ActionName, (photo: Photo) => void>} Actions */

const THUMBNAIL = 'phone';
const TOOLS = /** @type {const} */ ({ save: 'Download', copy: 'Copy the link to', delete: 'Delete' });

export class Cards {
  /** @type {Map<Photo, HTMLLIElement>} */
  #cards = new Map();
  #previews = new Previews();

  /**
   * @param {object} around
   * @param {HTMLUListElement} around.photos list of the photos' cards, oldest first
   * @param {HTMLUListElement} around.problems list of the cards that need attention
   * @param {HTMLUListElement} around.earlier list of the photos that were uploaded before, newest first
   * @param {HTMLTemplateElement} around.template
   * @param {import('./album.js').Album} around.album
   * @param {boolean} around.erasure whether the service erases images
   * @param {Actions} around.actions
   */
  constructor({ photos, problems, earlier, template, album, erasure, actions }) {
    this.photos = photos;
    this.problems = problems;
    this.earlier = earlier;
    this.erasure = erasure;
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
    for (const list of [this.photos, this.problems, this.earlier]) list.parentElement?.toggleAttribute('hidden', list.childElementCount === 0);
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
    const tools = toolsOf(photo, this.erasure);
    for (const name of keysOf(TOOLS)) toolOf(card, name).hidden = !tools[name];
    find(card, '.tools', HTMLElement).hidden = !Object.values(tools).includes(true);
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
    for (const name of keysOf(TOOLS)) {
      toolOf(card, name).setAttribute('aria-label', `${TOOLS[name]} ${photo.name}`);
      toolOf(card, name).addEventListener('click', () => this.actions[name](photo));
    }
    const look = find(card, '.look', HTMLButtonElement);
    look.setAttribute('aria-label', `Compare the variants of ${photo.name}`);
    look.addEventListener('click', () => this.actions.look(photo));
    const picture = find(look, 'img', HTMLImageElement);
    picture.addEventListener('error', () => this.actions.stale(photo));
    picture.addEventListener('load', () => {
      picture.style.removeProperty('background'); // it may be transparent
      this.#previews.drop(photo, previewOf(card));
    });
    this.#cards.set(photo, card);
    return card;
  }

  /** Move a card to its list, and keep the focus on it. @param {Photo} photo @param {HTMLLIElement} card */
  #place(photo, card) {
    const list = photo.earlier ? this.earlier : isProblem(photo) ? this.problems : this.photos;
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
    if (isUnsent(photo)) this.#previews.show(photo, previewOf(card));
    if (!smallest || picture.getAttribute('src') === smallest.url) return;
    if (photo.image?.placeholder) picture.style.background = background(photo.image.placeholder, photo.image.color);
    picture.src = smallest.url;
  }

  /** Remove the card, and move the focus to the next one or the previous one. @param {Photo} photo */
  #remove(photo) {
    const card = this.#cards.get(photo);
    if (!card) return;
    this.#previews.drop(photo, previewOf(card));
    const heir = card.contains(document.activeElement) ? card.nextElementSibling ?? card.previousElementSibling : null;
    card.remove();
    this.#cards.delete(photo);
    /** @type {HTMLButtonElement | null | undefined} */
    const button = heir?.querySelector('button:not([hidden])');
    button?.focus();
  }
}

/** @param {Element} card */
const previewOf = (card) => find(card, '.preview', HTMLImageElement);

/** @param {Element} card @param {keyof typeof TOOLS} name */
const toolOf = (card, name) => find(card, `[data-tool=${name}]`, HTMLButtonElement);

/** @template {object} T @param {T} of @returns {(keyof T)[]} */
const keysOf = (of) => /** @type {(keyof T)[]} */ (Object.keys(of));

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
      return photo.text ?? `Queued · ${size(photo.size)}`;
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
  const { metadata, variants, requested_at: uploaded } = photo.image;
  if (photo.earlier && uploaded) return moment(uploaded);
  return `${metadata.width} × ${metadata.height} · ${variants.length} variants`;
}

/** The label of the card's button; null for no button. @param {Photo} photo */
export function actionOf(photo) {
  if (photo.earlier || photo.state === 'deleting') return null;
  if (isUnsent(photo)) return 'Cancel';
  if (isRetriable(photo)) return 'Retry';
  return isProblem(photo) || photo.state === 'canceled' ? 'Dismiss' : null;
}
