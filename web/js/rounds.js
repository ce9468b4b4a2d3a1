/** Polls many photos at once: reads the list of this key's images page by page until it contains them all. */

import { PAGE } from './api.js';

/** @typedef {import('./api.js').Image} Image */
/** @typedef {{etag: string | null, next: string | null, locations: string[]}} Known */

const MORE_PAGES = 10; // than the photos fill: others can use the same key

export class Rounds {
  /** The last response for each page, by its cursor, for If-None-Match. @type {Map<string | null, Known>} */
  #pages = new Map();

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.api = api;
  }

  /** Make the next round report every image, not only the changed ones. */
  forget() {
    this.#pages = new Map();
  }

  /**
   * One round. `unseen` are the locations on none of the pages, `retryAfter` is the minimum of all pages.
   * @param {Iterable<string>} locations
   * @param {(image: Image) => void} received called with each image of each changed page
   * @returns {Promise<{retryAfter: number | null, unseen: Set<string>}>}
   */
  async ask(locations, received) {
    const pages = this.#pages; // forget() takes effect in the next round
    const unseen = new Set(locations);
    /** @type {number | null} */
    let retryAfter = null;
    /** @type {string | null} */
    let cursor = null;
    for (let left = Math.ceil(unseen.size / PAGE) + MORE_PAGES; left > 0 && unseen.size > 0; left -= 1) {
      const kept = pages.get(cursor);
      const answer = await this.api.page(cursor, kept?.etag ?? null);
      const page = answer.page ? pageOf(answer.page, answer.etag) : kept;
      answer.page?.images.forEach(received);
      if (answer.retryAfter !== null) retryAfter = Math.min(retryAfter ?? Infinity, answer.retryAfter);
      if (!page) break; // 304 without an earlier response
      pages.set(cursor, page);
      for (const location of page.locations) unseen.delete(location);
      if (page.next === null) break;
      cursor = page.next;
    }
    return { retryAfter, unseen };
  }
}

/** The part of a page to keep. @param {import('./api.js').Page} page @param {string | null} etag @returns {Known} */
function pageOf({ images, next }, etag) {
  return { etag, next, locations: images.map((image) => image.location) };
}
