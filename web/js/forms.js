/** The forms by which photos are sent: asked for by the hundred, and kept until they are used or too old. */

import { ApiError } from './api.js';

/** @typedef {import('./photo.js').Photo} Photo */
/** @typedef {import('./api.js').Form} Form */

const MARGIN = 30; // seconds before its end at which a form is no longer used

export class Forms {
  /** @type {Map<Photo, {form: Form, until: number}>} */
  #known = new Map();
  /** @type {Promise<void> | null} */
  #asking = null;

  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {import('./limits.js').Settings} around.settings
   * @param {(photo: Photo) => void} around.given called for each photo that has got a form, and its location with it
   * @param {(photo: Photo, detail: string) => void} around.refused called for each that the service does not take
   */
  constructor({ api, settings, given, refused }) {
    this.api = api;
    this.settings = settings;
    this.given = given;
    this.refused = refused;
  }

  /**
   * The photo's form; asks for its and for those of all that wait, in one request, which others wait for as well.
   * @param {Photo} photo
   * @param {() => Photo[]} waiting
   * @param {AbortSignal} signal
   * @returns {Promise<Form>}
   */
  async of(photo, waiting, signal) {
    for (;;) {
      const known = this.#known.get(photo);
      if (known && known.until > performance.now()) return known.form;
      this.#asking ??= this.#ask(photo, waiting()).finally(() => {
        this.#asking = null;
      });
      await this.#asking;
      signal.throwIfAborted();
    }
  }

  /** The photo was sent, or is to have another form. @param {Photo} photo */
  drop(photo) {
    this.#known.delete(photo);
  }

  /** @param {Photo} first @param {Photo[]} waiting */
  async #ask(first, waiting) {
    const lacking = waiting.filter((photo) => !this.#known.has(photo));
    const photos = [...new Set([first, ...lacking])].slice(0, this.settings.max_files);
    const files = photos.map(({ name, type, size }) => ({ name: name.slice(-255), content_type: type, size }));
    let given;
    try {
      given = await this.api.forms(files);
    } catch (error) {
      if (this.#refused(photos, error)) return; // who waits looks again
      throw error;
    }
    const until = performance.now() + Math.max(1, this.settings.upload_seconds - MARGIN) * 1_000;
    for (const [number, photo] of photos.entries()) {
      photo.location = given[number].location;
      this.#known.set(photo, { form: given[number].upload, until });
      this.given(photo);
    }
  }

  /**
   * Tell which photos the service has named as those it does not take; false when it named none.
   * @param {Photo[]} photos
   * @param {unknown} error
   */
  #refused(photos, error) {
    let known = false;
    for (const { path, detail } of error instanceof ApiError ? error.errors : []) {
      /** @type {Photo | undefined} */
      const photo = photos[Number(/^\/files\/(\d+)/.exec(path)?.[1])];
      if (photo === undefined) continue;
      this.refused(photo, detail);
      known = true;
    }
    return known;
  }
}
