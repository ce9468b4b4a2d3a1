/** All photos of this tab: whoever shows or keeps them is told of each change, at most once a frame. */

import { isUnsent, lose, update } from './photo.js';

/** @typedef {import('./photo.js').Photo} Photo */

const KEPT = 'darkroom.photos';
const PAUSE = 500; // milliseconds between two looks at what is to be kept

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

  /** Say that a photo is not as it was. @param {Photo} photo */
  change(photo) {
    if (this.#changed.size === 0) soon(() => this.#tell());
    this.#changed.add(photo);
    this.#saving ||= setTimeout(() => this.#save(), PAUSE);
  }

  /** Take up what an earlier load of this tab has kept; the bytes of what was not sent are gone with it. */
  restore() {
    /** @type {Omit<Photo, 'file' | 'image'>[]} */
    const all = JSON.parse(this.storage.getItem(KEPT) ?? '[]');
    for (const kept of all) {
      /** @type {Photo} */
      const photo = { ...kept, file: null };
      if (photo.state === 'uploading' && photo.location) update(photo, { state: 'working', unsure: true });
      else if (isUnsent(photo) || photo.state === 'canceled' || photo.state === 'broken') lose(photo);
      this.add(photo);
    }
  }

  #tell() {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const listener of this.#listeners) listener(changed);
  }

  #save() {
    clearTimeout(this.#saving);
    this.#saving = 0;
    const kept = this.photos.map(({ key, name, size, type, state, progress, location, unsure, text, advice }) => (
      { key, name, size, type, state, progress, location, unsure, text, advice }
    ));
    this.storage.setItem(KEPT, JSON.stringify(kept));
  }
}

/** Before the next frame; a hidden tab has no frames. @param {() => void} action */
function soon(action) {
  if (document.hidden) setTimeout(action, 250);
  else requestAnimationFrame(action);
}
