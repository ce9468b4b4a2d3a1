/** Asks for many photos at once: the list of this key's images, page by page, until all that are wanted were seen. */

import { PAGE } from './api.js';

/** @typedef {import('./api.js').Image} Image */
/** @typedef {{etag: string | null, next: string | null, locations: string[]}} Known */

const MORE_PAGES = 10; // than the wanted would fill: others may use the same key meanwhile

export class Rounds {
  /** What each page was, by its cursor: one that is unchanged is not sent again. @type {Map<string | null, Known>} */
  #pages = new Map();

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.api = api;
  }

  /** Let the next round tell everything, not only what has changed. */
  forget() {
    this.#pages = new Map();
  }

  /**
   * One round. `unseen` are the locations that no page had, `retryAfter` is the earliest that any page asked for.
   * @param {Iterable<string>} locations
   * @param {(image: Image) => void} told called with each image of each page that has changed, as it comes
   * @returns {Promise<{retryAfter: number | null, unseen: Set<string>}>}
   */
  async ask(locations, told) {
    const pages = this.#pages; // forget() means the next round
    const unseen = new Set(locations);
    /** @type {number | null} */
    let retryAfter = null;
    /** @type {string | null} */
    let cursor = null;
    for (let left = Math.ceil(unseen.size / PAGE) + MORE_PAGES; left > 0 && unseen.size > 0; left -= 1) {
      const kept = pages.get(cursor);
      const answer = await this.api.page(cursor, kept?.etag ?? null);
      const page = answer.page ? pageOf(answer.page, answer.etag) : kept;
      answer.page?.images.forEach(told);
      if (answer.retryAfter !== null) retryAfter = Math.min(retryAfter ?? Infinity, answer.retryAfter);
      if (!page) break; // "unchanged" to somebody who has nothing
      pages.set(cursor, page);
      for (const location of page.locations) unseen.delete(location);
      if (page.next === null) break;
      cursor = page.next;
    }
    return { retryAfter, unseen };
  }
}

/** What is kept of a page. @param {import('./api.js').Page} page @param {string | null} etag @returns {Known} */
function pageOf({ images, next }, etag) {
  return { etag, next, locations: images.map((image) => image.location) };
}
