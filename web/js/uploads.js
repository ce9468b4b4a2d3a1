/** Sends photos, several at a time: forms by the hundred, each file by its form, again when the network or S3 stumbles. */

import { ApiError } from './api.js';
import { delay } from './backoff.js';
import { send } from './sending.js';

/** @typedef {import('./photo.js').Photo} Photo */
/** @typedef {import('./api.js').Form} Form */

const AT_ONCE = 5;
const TRIES = 6; // about two minutes of a service that is away
const MARGIN = 30; // seconds before its end at which a form is no longer used

/** A photo was taken away while it was on its way. */
class Canceled extends Error {}

export class Uploads {
  /** @type {Photo[]} */
  #queue = [];
  /** @type {Map<Photo, AbortController>} */
  #running = new Map();
  /** @type {Map<Photo, {form: Form, until: number}>} */
  #forms = new Map();
  /** @type {Map<Photo, number>} */
  #failures = new Map();
  /** @type {Promise<void> | null} */
  #asking = null;
  #pausedUntil = 0;
  #held = false;
  #timer = 0;

  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {import('./limits.js').Settings} around.settings
   * @param {(photo: Photo) => void} around.changed
   * @param {(photo: Photo) => void} around.uploaded
   * @param {(error: ApiError) => void} around.forbidden called once, when the key is refused; then `go` takes up again
   */
  constructor({ api, settings, changed, uploaded, forbidden }) {
    Object.assign(this, { api, settings, changed, uploaded, forbidden });
    addEventListener('online', () => this.#now());
  }

  /** @param {Photo[]} photos */
  add(photos) {
    for (const photo of photos) {
      Object.assign(photo, { state: 'queued', progress: 0, text: undefined, advice: undefined });
      this.#failures.delete(photo);
      this.#queue.push(photo);
      this.changed(photo);
    }
    this.#pump();
  }

  /** @param {Photo} photo */
  cancel(photo) {
    this.#queue = this.#queue.filter((other) => other !== photo);
    this.#forms.delete(photo); // a canceled upload may have come through: the next one gets a key of its own
    this.#settle(photo, 'canceled', 'Canceled.');
    this.#running.get(photo)?.abort(new Canceled());
  }

  /** Send nothing until `go`: there is no key that would be accepted. */
  hold() {
    this.#held = true;
  }

  go() {
    this.#held = false;
    this.#now();
  }

  #now() {
    this.#pausedUntil = 0;
    this.#pump();
  }

  #pump() {
    clearTimeout(this.#timer);
    if (this.#held || !navigator.onLine) return;
    const wait = this.#pausedUntil - performance.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#pump(), wait);
      return;
    }
    while (this.#running.size < AT_ONCE && this.#queue.length > 0) this.#upload(this.#queue.shift());
  }

  /** @param {Photo} photo */
  async #upload(photo) {
    const controller = new AbortController();
    this.#running.set(photo, controller);
    try {
      const form = await this.#form(photo, controller.signal);
      Object.assign(photo, { state: 'uploading', progress: 0 });
      this.changed(photo);
      await send(form, photo.file, { signal: controller.signal, progressed: (part) => this.#progressed(photo, part) });
      this.#finish(photo);
    } catch (error) {
      this.#failed(photo, error);
    } finally {
      this.#running.delete(photo);
      this.#pump();
    }
  }

  /** @param {Photo} photo @param {number} part */
  #progressed(photo, part) {
    photo.progress = part;
    this.changed(photo);
  }

  /** @param {Photo} photo */
  #finish(photo) {
    this.#forms.delete(photo);
    this.#failures.delete(photo);
    Object.assign(photo, { state: 'working', progress: 1, file: null });
    this.changed(photo);
    this.uploaded(photo);
  }

  /**
   * The photo's form; asks for its and for those of all that wait, in one request, which others wait for as well.
   * @param {Photo} photo
   * @param {AbortSignal} signal
   */
  async #form(photo, signal) {
    for (;;) {
      const known = this.#forms.get(photo);
      if (known && known.until > performance.now()) return known.form;
      this.#asking ??= this.#ask(photo).finally(() => {
        this.#asking = null;
      });
      await this.#asking;
      signal.throwIfAborted();
    }
  }

  /** @param {Photo} first */
  async #ask(first) {
    const lacking = [first, ...this.#running.keys(), ...this.#queue].filter((photo) => !this.#forms.has(photo));
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
      this.#forms.set(photo, { form: given[number].upload, until });
      this.changed(photo);
    }
  }

  /** Settle the photos that the service has named as those it does not take; false when it named none. */
  #refused(photos, error) {
    let named = 0;
    for (const { path, detail } of error.errors ?? []) {
      const photo = photos[Number(/^\/files\/(\d+)/.exec(path)?.[1])];
      if (photo === undefined) continue;
      named += 1;
      this.#queue = this.#queue.filter((other) => other !== photo);
      this.#settle(photo, 'rejected', detail, 'Choose another file.');
      photo.file = null;
      this.#running.get(photo)?.abort(new Canceled());
    }
    return named > 0;
  }

  /** @param {Photo} photo @param {unknown} error */
  #failed(photo, error) {
    if (error instanceof Canceled) return;
    if (error instanceof ApiError && error.forbidden) {
      this.#again(photo);
      if (!this.#held) this.forbidden(error);
      this.hold();
    } else if (error.expired) {
      this.#forms.delete(photo);
      this.#again(photo);
    } else if (!navigator.onLine) {
      this.#again(photo);
    } else if (error.passing) {
      this.#pause(photo, error);
    } else {
      this.#forms.delete(photo);
      this.#settle(photo, 'broken', explain(error));
    }
  }

  /** @param {Photo} photo */
  #again(photo) {
    Object.assign(photo, { state: 'queued', progress: 0 });
    this.#queue.unshift(photo);
    this.changed(photo);
  }

  /** Wait, all of us, and then try again; not for ever. @param {Photo} photo @param {any} error */
  #pause(photo, error) {
    const failures = (this.#failures.get(photo) ?? 0) + 1;
    this.#failures.set(photo, failures);
    if (failures >= TRIES) {
      this.#settle(photo, 'broken', 'The upload did not come through.', 'Look at your connection, then retry.');
      return;
    }
    this.#again(photo);
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + delay(failures, error.retryAfter));
  }

  /**
   * @param {Photo} photo
   * @param {'canceled' | 'broken'} state
   * @param {string} text
   * @param {string} [advice]
   */
  #settle(photo, state, text, advice) {
    Object.assign(photo, { state, text, advice, progress: 0 });
    this.changed(photo);
  }
}

/** @param {any} error */
function explain(error) {
  if (error instanceof ApiError) return error.errors?.[0]?.detail ?? error.message;
  if (error.changed) return 'The file has changed since it was chosen.';
  return error.code ? `The storage refused it: ${error.code}.` : 'The file could not be read.';
}
