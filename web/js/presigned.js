/** The presigned POSTs of photos: requested by the hundred, and kept until they are used or expire. */

import { ApiError } from './api.js';

/** @typedef {import('./photo.js').Photo} Photo */
/** @typedef {import('./api.js').PresignedPost} PresignedPost */

const MARGIN = 30; // seconds before it expires, from which on a presigned POST is no longer used

export class PresignedPosts {
  /** @type {Map<Photo, {post: PresignedPost, until: number}>} */
  #known = new Map();
  /** @type {Promise<void> | null} */
  #pending = null;

  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {import('./limits.js').Settings} around.settings
   * @param {(photo: Photo) => void} around.created called for each photo that now has a presigned POST and a location
   * @param {(photo: Photo, detail: string) => void} around.refused called for each photo that the service does not accept
   */
  constructor({ api, settings, created, refused }) {
    this.api = api;
    this.settings = settings;
    this.created = created;
    this.refused = refused;
  }

  /**
   * The photo's presigned POST; requests those of all waiting photos at once, and concurrent calls share that request.
   * @param {Photo} photo
   * @param {() => Photo[]} waiting
   * @param {AbortSignal} signal
   * @returns {Promise<PresignedPost>}
   */
  async of(photo, waiting, signal) {
    for (;;) {
      const known = this.#known.get(photo);
      if (known && known.until > performance.now()) return known.post;
      this.#pending ??= this.#request(photo, waiting()).finally(() => {
        this.#pending = null;
      });
      await this.#pending;
      signal.throwIfAborted();
    }
  }

  /** The photo was uploaded, or needs a new presigned POST. @param {Photo} photo */
  drop(photo) {
    this.#known.delete(photo);
  }

  /** @param {Photo} first @param {Photo[]} waiting */
  async #request(first, waiting) {
    const lacking = waiting.filter((photo) => !this.#known.has(photo));
    const photos = [...new Set([first, ...lacking])].slice(0, this.settings.max_files);
    const files = photos.map(({ name, type, size }) => ({ name: name.slice(-255), content_type: type, size }));
    let created;
    try {
      created = await this.api.createUploads(files);
    } catch (error) {
      if (this.#refused(photos, error)) return; // the callers check again
      throw error;
    }
    const until = performance.now() + Math.max(1, this.settings.upload_seconds - MARGIN) * 1_000;
    for (const [number, photo] of photos.entries()) {
      photo.location = created[number].location;
      this.#known.set(photo, { post: created[number].upload, until });
      this.created(photo);
    }
  }

  /**
   * Report the photos that the service does not accept; false if its error is about none of them.
   * @param {Photo[]} photos
   * @param {unknown} error
   */
  #refused(photos, error) {
    let found = false;
    for (const { path, detail } of error instanceof ApiError ? error.errors : []) {
      /** @type {Photo | undefined} */
      const photo = photos[Number(/^\/files\/(\d+)/.exec(path)?.[1])];
      if (photo === undefined) continue;
      this.refused(photo, detail);
      found = true;
    }
    return found;
  }
}
