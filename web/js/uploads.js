/** Sends photos, several at a time, each by its form, and again when the network or S3 stumbles. */

import { ApiError } from './api.js';
import { delay } from './backoff.js';
import { Forms } from './forms.js';
import { Gate } from './gate.js';
import { update } from './photo.js';
import { SendError, send } from './sending.js';

/** @typedef {import('./photo.js').Photo} Photo */

const AT_ONCE = 5;
const TRIES = 6; // about two minutes of a service that is away

/** A photo was taken away while it was on its way. */
class Canceled extends Error {}

export class Uploads {
  /** @type {Photo[]} */
  #queue = [];
  /** @type {Map<Photo, AbortController>} */
  #running = new Map();
  /** @type {Map<Photo, number>} */
  #failures = new Map();

  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {import('./limits.js').Settings} around.settings
   * @param {(photo: Photo) => void} around.changed
   * @param {(photo: Photo) => void} around.uploaded
   * @param {(error: ApiError) => void} around.forbidden called once, when the key is refused; then `gate.go` takes up again
   */
  constructor({ api, settings, changed, uploaded, forbidden }) {
    this.changed = changed;
    this.uploaded = uploaded;
    this.gate = new Gate({ opened: () => this.#pump(), forbidden });
    this.forms = new Forms({ api, settings, given: changed, refused: (photo, detail) => this.#refused(photo, detail) });
  }

  /** @param {Photo[]} photos */
  add(photos) {
    for (const photo of photos) {
      update(photo, { state: 'queued', progress: 0, text: undefined, advice: undefined });
      this.#failures.delete(photo);
      this.#queue.push(photo);
      this.changed(photo);
    }
    this.#pump();
  }

  /** @param {Photo} photo */
  cancel(photo) {
    this.forms.drop(photo); // a canceled upload may have come through: the next one gets a key of its own
    this.#stop(photo, 'canceled', 'Canceled.');
  }

  #pump() {
    if (!this.gate.lets()) return;
    while (this.#running.size < AT_ONCE) {
      const photo = this.#queue.shift();
      if (!photo) return;
      void this.#upload(photo);
    }
  }

  /** @param {Photo} photo */
  async #upload(photo) {
    const controller = new AbortController();
    this.#running.set(photo, controller);
    try {
      const form = await this.forms.of(photo, () => [...this.#running.keys(), ...this.#queue], controller.signal);
      if (!photo.file) throw new Error('There is nothing to send.');
      update(photo, { state: 'uploading', progress: 0 });
      this.changed(photo);
      await send(form, photo.file, { signal: controller.signal, progressed: (part) => this.#progressed(photo, part) });
      this.#finish(photo);
    } catch (error) {
      this.#failed(photo, error);
    } finally {
      if (this.#running.get(photo) === controller) this.#running.delete(photo); // or it is on its way once more
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
    this.forms.drop(photo);
    this.#failures.delete(photo);
    update(photo, { state: 'working', progress: 1, file: null });
    this.changed(photo);
    this.uploaded(photo);
  }

  /** The service does not take it. @param {Photo} photo @param {string} detail */
  #refused(photo, detail) {
    photo.file = null;
    this.#stop(photo, 'rejected', detail, 'Choose another file.');
  }

  /** @param {Photo} photo @param {unknown} error */
  #failed(photo, error) {
    if (error instanceof Canceled) return;
    if (error instanceof ApiError && error.forbidden) {
      this.#again(photo);
      this.gate.refuse(error);
    } else if (error instanceof SendError && error.expired) {
      this.forms.drop(photo);
      this.#again(photo);
    } else if (!navigator.onLine) {
      this.#again(photo);
    } else if ((error instanceof ApiError || error instanceof SendError) && error.passing) {
      this.#pause(photo, error);
    } else {
      this.forms.drop(photo);
      this.#settle(photo, 'broken', explain(error));
    }
  }

  /** @param {Photo} photo */
  #again(photo) {
    update(photo, { state: 'queued', progress: 0 });
    this.#queue.unshift(photo);
    this.changed(photo);
  }

  /** Wait, all of us, and then try again; not for ever. @param {Photo} photo @param {ApiError | SendError} error */
  #pause(photo, error) {
    const failures = (this.#failures.get(photo) ?? 0) + 1;
    this.#failures.set(photo, failures);
    if (failures >= TRIES) {
      this.#settle(photo, 'broken', 'The upload did not come through.', 'Look at your connection, then retry.');
      return;
    }
    this.#again(photo);
    this.gate.pause(delay(failures, error instanceof ApiError ? error.retryAfter : null));
  }

  /**
   * Settle it wherever it is on its way.
   * @param {Photo} photo
   * @param {'canceled' | 'rejected'} state
   * @param {string} text
   * @param {string} [advice]
   */
  #stop(photo, state, text, advice) {
    this.#queue = this.#queue.filter((other) => other !== photo);
    this.#settle(photo, state, text, advice);
    this.#running.get(photo)?.abort(new Canceled());
  }

  /**
   * @param {Photo} photo
   * @param {'canceled' | 'rejected' | 'broken'} state
   * @param {string} text
   * @param {string} [advice]
   */
  #settle(photo, state, text, advice) {
    update(photo, { state, text, advice, progress: 0 });
    this.changed(photo);
  }
}

/** @param {unknown} error */
function explain(error) {
  if (error instanceof ApiError) return error.errors[0]?.detail ?? error.message;
  if (!(error instanceof SendError)) return 'The file could not be read.';
  if (error.changed) return 'The file has changed since it was chosen.';
  return `The storage refused it: ${error.code || error.status}.`;
}
