/** Asks for many photos at once: the list of this key's images, page by page, until all that are wanted were seen. */

/** @typedef {import('./api.js').Image} Image */

const MORE_PAGES = 10; // than the wanted would fill: others may use the same key meanwhile

/** @typedef {{images: Image[], retryAfter: number | null, unseen: Set<string>}} Round */

export class Rounds {
  /** What each page was, by its cursor: a page that is unchanged is not sent again. */
  #pages = new Map();

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.api = api;
  }

  /**
   * One round. `images` are those that have changed, `unseen` the locations that no page had.
   * @param {Iterable<string>} locations
   * @returns {Promise<Round>}
   */
  async ask(locations) {
    const unseen = new Set(locations);
    const images = [];
    const pages = new Map();
    let retryAfter = null;
    let cursor = null;
    for (let left = Math.ceil(unseen.size / 50) + MORE_PAGES; left > 0 && unseen.size > 0; left -= 1) {
      const before = this.#pages.get(cursor);
      const answer = await this.api.page(cursor, before?.etag ?? null);
      const page = answer.page
        ? { etag: answer.etag, next: answer.page.next, locations: answer.page.images.map((image) => image.location) }
        : before;
      images.push(...(answer.page?.images ?? []));
      pages.set(cursor, page);
      for (const location of page.locations) unseen.delete(location);
      if (answer.retryAfter !== null) retryAfter = Math.min(retryAfter ?? Infinity, answer.retryAfter);
      if (page.next === null) break;
      cursor = page.next;
    }
    this.#pages = pages;
    return { images, retryAfter, unseen };
  }
}
