/** Asks for many photos at once: the list of this key's images, page by page, until all that are wanted were seen. */

import { PAGE } from './api.js';

/** @typedef {import('./api.js').Image} Image */
/** @typedef {{etag: string | null, next: string | null, locations: string[]}} Page */

const MORE_PAGES = 10; // than the wanted would fill: others may use the same key meanwhile

export class Rounds {
  /** What each page was, by its cursor: one that is unchanged is not sent again. @type {Map<string | null, Page>} */
  #pages = new Map();

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.api = api;
  }

  /** Let the next round tell everything, not only what has changed. */
  forget() {
    this.#pages.clear();
  }

  /**
   * One round. `unseen` are the locations that no page had, `retryAfter` is the earliest that any page asked for.
   * @param {Iterable<string>} locations
   * @param {(image: Image) => void} told called with each image of each page that has changed, as it comes
   * @returns {Promise<{retryAfter: number | null, unseen: Set<string>}>}
   */
  async ask(locations, told) {
    const unseen = new Set(locations);
    let retryAfter = null;
    let cursor = null;
    for (let left = Math.ceil(unseen.size / PAGE) + MORE_PAGES; left > 0 && unseen.size > 0; left -= 1) {
      const answer = await this.api.page(cursor, this.#pages.get(cursor)?.etag ?? null);
      const page = answer.page ? this.#keep(cursor, answer.page, answer.etag) : this.#pages.get(cursor);
      answer.page?.images.forEach(told);
      for (const location of page.locations) unseen.delete(location);
      if (answer.retryAfter !== null) retryAfter = Math.min(retryAfter ?? Infinity, answer.retryAfter);
      if (page.next === null) break;
      cursor = page.next;
    }
    return { retryAfter, unseen };
  }

  /** @param {string | null} cursor @param {{images: Image[], next: string | null}} page @param {string | null} etag */
  #keep(cursor, { images, next }, etag) {
    const kept = { etag, next, locations: images.map((image) => image.location) };
    this.#pages.set(cursor, kept);
    return kept;
  }
}
