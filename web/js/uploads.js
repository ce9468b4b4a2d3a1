/** Uploads photos, several at a time, each with its presigned POST, and retries after a failure of the network or S3. */

import { ApiError } from './api.js';
import { delay } from './backoff.js';
import { Gate } from './gate.js';
import { update } from './photo.js';
import { PresignedPosts } from './presigned.js';
import { SendError, send } from './s3.js';

/** @typedef {import('./photo.js').Photo} Photo */

const AT_ONCE = 5;
const TRIES = 6; // over about two minutes of an outage

/** The upload was canceled. */
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
   * @param {(error: ApiError) => void} around.forbidden called once, when the key is refused; `gate.go` resumes
   */
  constructor({ api, settings, changed, uploaded, forbidden }) {
    this.changed = changed;
    this.uploaded = uploaded;
    this.gate = new Gate({ opened: () => this.#pump(), forbidden });
    const refused = (/** @type {Photo} */ photo, /** @type {string} */ detail) => this.#refused(photo, detail);
    this.posts = new PresignedPosts({ api, settings, created: changed, refused });
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
    this.posts.drop(photo); // a canceled upload may have arrived, so the next one gets a new key
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
      const post = await this.posts.of(photo, () => [...this.#running.keys(), ...this.#queue], controller.signal);
      if (!photo.file) throw new Error('The photo has no file.');
      update(photo, { state: 'uploading', progress: 0 });
      this.changed(photo);
      await send(post, photo.file, { signal: controller.signal, progressed: (part) => this.#progressed(photo, part) });
      this.#finish(photo);
    } catch (error) {
      this.#failed(photo, error);
    } finally {
      if (this.#running.get(photo) === controller) this.#running.delete(photo); // or it runs again already
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
    this.posts.drop(photo);
    this.#failures.delete(photo);
    update(photo, { state: 'working', progress: 1, file: null });
    this.changed(photo);
    this.uploaded(photo);
  }

  /** The service does not accept it. @param {Photo} photo @param {string} detail */
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
      this.posts.drop(photo);
      this.#again(photo);
    } else if (!navigator.onLine) {
      this.#again(photo);
    } else if ((error instanceof ApiError || error instanceof SendError) && error.passing) {
      this.#pause(photo, error);
    } else {
      this.posts.drop(photo);
      this.#end(photo, 'broken', explain(error));
    }
  }

  /** @param {Photo} photo */
  #again(photo) {
    update(photo, { state: 'queued', progress: 0 });
    this.#queue.unshift(photo);
    this.changed(photo);
  }

  /** Pause all uploads, then retry; a limited number of times. @param {Photo} photo @param {ApiError | SendError} error */
  #pause(photo, error) {
    const failures = (this.#failures.get(photo) ?? 0) + 1;
    this.#failures.set(photo, failures);
    if (failures >= TRIES) {
      this.#end(photo, 'broken', 'The upload failed.', 'Check your connection, then retry.');
      return;
    }
    this.#again(photo);
    this.gate.pause(delay(failures, error instanceof ApiError ? error.retryAfter : null));
  }

  /**
   * End an upload, whether it is queued or running.
   * @param {Photo} photo
   * @param {'canceled' | 'rejected'} state
   * @param {string} text
   * @param {string} [advice]
   */
  #stop(photo, state, text, advice) {
    this.#queue = this.#queue.filter((other) => other !== photo);
    this.#end(photo, state, text, advice);
    this.#running.get(photo)?.abort(new Canceled());
  }

  /**
   * @param {Photo} photo
   * @param {'canceled' | 'rejected' | 'broken'} state
   * @param {string} text
   * @param {string} [advice]
   */
  #end(photo, state, text, advice) {
    update(photo, { state, text, advice, progress: 0 });
    this.changed(photo);
  }
}

/** @param {unknown} error */
function explain(error) {
  if (error instanceof ApiError) return error.errors[0]?.detail ?? error.message;
  if (!(error instanceof SendError)) return 'The file could not be read.';
  if (error.changed) return 'The file has changed since you chose it.';
  return `The storage service rejected the upload: ${error.code || error.status}.`;
}
