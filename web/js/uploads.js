/** Uploads photos, several at a time, each with its presigned POST, and retries after a failure of the network or S3. */

import { ApiError } from './api.js';
import { delay } from './backoff.js';
import { Gate } from './gate.js';
import { update } from './photo.js';
import { PresignedPosts } from './presigned.js';
import { SendError, send } from './s3.js';
import { brokenOff, explain, troubleOf } from './trouble.js';

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
  /** @type {WeakMap<Photo, number>} */
  #failures = new WeakMap();

  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {import('./limits.js').Settings} around.settings
   * @param {(photo: Photo) => void} around.changed
   * @param {(photo: Photo) => void} around.uploaded
   * @param {(error: ApiError) => void} around.forbidden called once, when the key is refused; `gate.go` resumes
   * @param {(words: string) => void} around.troubled called when uploads pause, and with '' when they go on
   */
  constructor({ api, settings, changed, uploaded, forbidden, troubled }) {
    this.changed = changed;
    this.uploaded = uploaded;
    this.gate = new Gate({ opened: () => this.#pump(), forbidden, troubled });
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
      update(photo, { state: 'uploading', text: undefined });
      this.changed(photo);
      await send(post, photo.file, { signal: controller.signal, progressed: (part) => this.#progressed(photo, part) });
      this.#finish(photo);
    } catch (error) {
      await this.#failed(photo, error);
    } finally {
      if (this.#running.get(photo) === controller) this.#running.delete(photo); // or it runs again already
      this.#pump();
    }
  }

  /** @param {Photo} photo @param {number} part */
  #progressed(photo, part) {
    photo.progress = part;
    if (part > 0) this.gate.succeed();
    this.changed(photo);
  }

  /** @param {Photo} photo */
  #finish(photo) {
    this.posts.drop(photo);
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
  async #failed(photo, error) {
    if (error instanceof Canceled) return;
    if (error instanceof ApiError && error.forbidden) {
      this.#again(photo);
      this.gate.refuse(error);
    } else if (error instanceof SendError && error.expired) {
      this.posts.drop(photo);
      this.#pause(photo, error);
    } else if (!navigator.onLine) {
      this.#again(photo, `The upload ${brokenOff(photo)}. It starts from the beginning when you are back online.`);
    } else if (error instanceof SendError && error.status === 0 && !(await isReadable(photo.file))) {
      this.#end(photo, 'broken', 'The file could not be read.', 'Check that it still exists, then retry.');
    } else if ((error instanceof ApiError || error instanceof SendError) && error.passing) {
      this.#pause(photo, error);
    } else {
      this.posts.drop(photo);
      this.#end(photo, 'broken', explain(error));
    }
  }

  /** @param {Photo} photo @param {string} [text] */
  #again(photo, text) {
    update(photo, { state: 'queued', progress: 0, text });
    this.#queue.unshift(photo);
    this.changed(photo);
  }

  /**
   * Pause all uploads, then retry; a limited number of times.
   * @param {Photo} photo
   * @param {ApiError | SendError} error
   */
  #pause(photo, error) {
    const failures = (this.#failures.get(photo) ?? 0) + 1;
    this.#failures.set(photo, failures);
    if (failures >= TRIES) {
      const advice = 'Check your connection, then retry: the upload starts from the beginning.';
      this.#end(photo, 'broken', `The upload ${brokenOff(photo)}. ${troubleOf(error)}`, advice);
      return;
    }
    this.#again(photo, photo.progress > 0 ? `The upload ${brokenOff(photo)}. It starts from the beginning.` : undefined);
    if (failures === 1 && error instanceof SendError && error.expired) return; // a new form is all that it needs
    this.gate.pause(delay(failures, error instanceof ApiError ? error.retryAfter : null), troubleOf(error));
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

/** @param {File | null} file */
async function isReadable(file) {
  try {
    await file?.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false; // deleted, or on a drive that is gone
  }
}
