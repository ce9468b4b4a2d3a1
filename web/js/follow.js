/** Follows photos to their ends by asking for each, as seldom as the service allows and never twice at once. */

import { ApiError } from './api.js';
import { delay } from './backoff.js';
import { forget, learn } from './photo.js';

/** @typedef {import('./photo.js').Photo} Photo */

const AT_ONCE = 4;
const FIRST = 1_000; // milliseconds from an upload to the first question
const SHORTEST = 2_000; // between two questions about one photo

/** @typedef {{due: number, etag: string | null, asking: boolean}} Watch */

export class Follower {
  /** @type {Map<Photo, Watch>} */
  #watched = new Map();
  #asking = 0;
  #failures = 0;
  #pausedUntil = 0;
  #held = false;
  #timer = 0;

  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {(photo: Photo) => void} around.changed
   * @param {(error: ApiError) => void} around.forbidden called once, when the key is refused; then `go` takes up again
   */
  constructor({ api, changed, forbidden }) {
    Object.assign(this, { api, changed, forbidden });
    addEventListener('online', () => this.#now());
    document.addEventListener('visibilitychange', () => this.#now());
  }

  /** @param {Photo} photo @param {number} [after] milliseconds */
  add(photo, after = FIRST) {
    this.#watched.set(photo, { due: performance.now() + after, etag: null, asking: false });
    this.#tick();
  }

  /** @param {Photo} photo */
  remove(photo) {
    this.#watched.delete(photo);
  }

  hold() {
    this.#held = true;
  }

  go() {
    this.#held = false;
    this.#now();
  }

  #now() {
    this.#pausedUntil = 0;
    this.#tick();
  }

  /** Ask for what is due, and come back when the next one is; nothing is asked in a hidden tab, or offline. */
  #tick() {
    clearTimeout(this.#timer);
    if (this.#held || document.hidden || !navigator.onLine) return;
    while (this.#asking < AT_ONCE) {
      const next = this.#next();
      if (next === null) return;
      const wait = Math.max(next[1].due, this.#pausedUntil) - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#tick(), wait);
        return;
      }
      this.#ask(...next);
    }
  }

  /** @returns {[Photo, Watch] | null} */
  #next() {
    let first = null;
    for (const entry of this.#watched) {
      if (!entry[1].asking && (first === null || entry[1].due < first[1].due)) first = entry;
    }
    return first;
  }

  /** @param {Photo} photo @param {Watch} watch */
  async #ask(photo, watch) {
    watch.asking = true;
    this.#asking += 1;
    try {
      const { image, etag, retryAfter } = await this.api.image(photo.location, watch.etag);
      this.#failures = 0;
      if (this.#watched.get(photo) !== watch) return; // removed meanwhile
      Object.assign(watch, { etag, due: performance.now() + Math.max(SHORTEST, (retryAfter ?? 0) * 1_000) });
      if (image !== null) learn(photo, image);
      if (retryAfter === null || photo.state === 'lost') this.#watched.delete(photo);
      if (image !== null) this.changed(photo);
    } catch (error) {
      this.#failed(photo, watch, error);
    } finally {
      watch.asking = false;
      this.#asking -= 1;
      this.#tick();
    }
  }

  /** @param {Photo} photo @param {Watch} watch @param {unknown} error */
  #failed(photo, watch, error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.forbidden) {
      if (!this.#held) this.forbidden(error);
      this.hold();
    } else if (error.passing) {
      this.#failures += 1;
      this.#pausedUntil = performance.now() + delay(this.#failures, error.retryAfter);
      watch.due = this.#pausedUntil;
    } else if (this.#watched.delete(photo)) {
      forget(photo);
      this.changed(photo);
    }
  }
}
