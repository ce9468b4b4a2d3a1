/** All photos on the page: listeners receive changes at most once a frame, and session storage keeps those of this tab. */

import { isUnsent, lose, update } from './photo.js';

/** @typedef {import('./photo.js').Photo} Photo */

const KEPT = 'darkroom.photos';
const PAUSE = 500; // milliseconds between two writes to storage

export class Album {
  /** @type {Map<string, Photo>} */
  #photos = new Map();
  /** @type {Set<Photo>} */
  #changed = new Set();
  /** @type {((changed: Set<Photo>) => void)[]} */
  #listeners = [];
  #saving = 0;

  /** @param {Storage} storage */
  constructor(storage) {
    this.storage = storage;
    addEventListener('pagehide', () => this.#save());
  }

  get photos() {
    return [...this.#photos.values()];
  }

  /** The photos that were added in this tab, and are not being deleted. */
  get own() {
    return this.photos.filter(({ earlier, state }) => !earlier && state !== 'deleting');
  }

  /** @param {(changed: Set<Photo>) => void} listener called with what changed or was removed, before the next frame */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** @param {Photo} photo */
  has(photo) {
    return this.#photos.has(photo.key);
  }

  /** @param {Photo} photo */
  add(photo) {
    this.#photos.set(photo.key, photo);
    this.change(photo);
  }

  /** @param {Photo} photo */
  remove(photo) {
    photo.file = null;
    this.#photos.delete(photo.key);
    this.change(photo);
  }

  /** Report that a photo has changed. @param {Photo} photo */
  change(photo) {
    if (this.#changed.size === 0) soon(() => this.#notify());
    this.#changed.add(photo);
    this.#saving ||= setTimeout(() => this.#save(), PAUSE);
  }

  /** Restore the photos of this tab after a reload; the files that were not uploaded are lost. */
  restore() {
    /** @type {Omit<Photo, 'file' | 'image' | 'earlier'>[]} */
    const all = JSON.parse(this.storage.getItem(KEPT) ?? '[]');
    for (const kept of all) {
      /** @type {Photo} */
      const photo = { ...kept, file: null };
      if (photo.state === 'uploading' && photo.location) update(photo, { state: 'working', unsure: true });
      else if (isUnsent(photo) || photo.state === 'canceled' || photo.state === 'broken') lose(photo);
      this.add(photo);
    }
  }

  #notify() {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const listener of this.#listeners) listener(changed);
  }

  #save() {
    clearTimeout(this.#saving);
    this.#saving = 0;
    const kept = this.own.map(({ key, name, size, type, modified, state, progress, location, unsure, text, advice }) => (
      { key, name, size, type, modified, state, progress, location, unsure, text, advice }
    ));
    this.storage.setItem(KEPT, JSON.stringify(kept));
  }
}

/** Before the next frame; a hidden tab has no frames. @param {() => void} action */
function soon(action) {
  if (document.hidden) setTimeout(action, 250);
  else requestAnimationFrame(action);
}
