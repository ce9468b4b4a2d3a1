/** The photos that this key has uploaded before: read from the service page by page, newest first. */

import { ApiError } from './api.js';
import { earlierOf } from './photo.js';

/** @typedef {import('./api.js').Image} Image */

const EMPTY_PAGES = 5; // read on at once over pages without a photo to show

export class Earlier {
  /** @type {string | null} */
  #cursor = null;
  #reading = 0;

  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {import('./album.js').Album} around.album
   * @param {HTMLButtonElement} around.more shown if there are more
   * @param {(error: ApiError) => void} around.failed
   */
  constructor({ api, album, more, failed }) {
    this.api = api;
    this.album = album;
    this.more = more;
    this.failed = failed;
    more.addEventListener('click', () => this.read());
  }

  /** Begin again: another key has other photos. */
  clear() {
    this.#reading += 1;
    this.#cursor = null;
    this.more.hidden = true;
    for (const photo of this.album.photos) if (photo.earlier) this.album.remove(photo);
  }

  /** Add the next photos to the album. */
  async read() {
    const reading = ++this.#reading;
    this.more.disabled = true;
    try {
      for (let left = EMPTY_PAGES; left > 0; left -= 1) {
        const { page } = await this.api.page(this.#cursor, null);
        if (reading !== this.#reading) return; // begun again
        this.#cursor = page?.next ?? null;
        this.more.hidden = this.#cursor === null;
        if (this.#add(page?.images ?? []) || this.#cursor === null) return;
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (reading === this.#reading) this.failed(error);
    } finally {
      if (reading === this.#reading) this.more.disabled = false;
    }
  }

  /** Whether there was one to show. @param {Image[]} images */
  #add(images) {
    const known = new Set(this.album.photos.map(({ location }) => location));
    const shown = images.filter((image) => wasUploaded(image) && !known.has(image.location));
    for (const image of shown) this.album.add(earlierOf(image));
    return shown.length > 0;
  }
}

/** Not one that another tab has yet to send, or never sent. @param {Image} image */
function wasUploaded({ status, reason }) {
  return status !== 'waiting' && reason?.class !== 'NotUploaded';
}
