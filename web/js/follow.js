/** Polls the status of photos until it is final: one by one, or from the list if there are many. */

import { ApiError } from './api.js';
import { delay } from './backoff.js';
import { Gate } from './gate.js';
import { forget, isEnded, learn } from './photo.js';
import { Rounds } from './rounds.js';
import { troubleOf } from './trouble.js';

/** @typedef {import('./photo.js').Photo} Photo */

const AT_ONCE = 3;
const MANY = 6; // photos; above this the list is read instead
const FIRST = 1_000; // milliseconds from an upload to the first request
const SHORTEST = 2_500; // between two requests for one photo

/** @typedef {{location: string, due: number, etag: string | null, asking: boolean}} Watch */

export class Follower {
  /** @type {Map<Photo, Watch>} */
  #watched = new Map();
  #asking = 0;
  #inRound = false;
  #roundDue = 0;
  #failures = 0;

  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {(photo: Photo) => void} around.changed
   * @param {(error: ApiError) => void} around.forbidden called once, when the key is refused; `gate.go` resumes
   * @param {(words: string) => void} around.troubled called when the service does not answer, with '' when it does
   */
  constructor({ api, changed, forbidden, troubled }) {
    this.api = api;
    this.changed = changed;
    this.rounds = new Rounds(api);
    this.gate = new Gate({ opened: () => this.#tick(), forbidden, troubled });
    document.addEventListener('visibilitychange', () => this.gate.now());
  }

  /** @param {Photo} photo which was uploaded @param {number} [after] milliseconds */
  add(photo, after = FIRST) {
    const { location } = photo;
    if (location === undefined) throw new TypeError(`${photo.name} has no location`);
    const due = performance.now() + after;
    if (this.#watched.size === 0) this.#roundDue = Math.max(this.#roundDue, due);
    if (photo.image) this.rounds.forget(); // its data is needed again
    this.#watched.set(photo, { location, due, etag: null, asking: false });
    this.#tick();
  }

  /** @param {Photo} photo */
  remove(photo) {
    this.#watched.delete(photo);
  }

  /** Send the request that is due, or wait for the next one; none in a hidden tab or offline. */
  #tick() {
    if (this.#inRound || document.hidden) return;
    const [due, ask] = this.#watched.size > MANY ? this.#nextRound() : this.#nextPhoto();
    if (ask === null || !this.gate.lets(due)) return;
    void this.#guarded(ask);
    this.#tick();
  }

  /** @returns {[number, (() => Promise<void>) | null]} */
  #nextRound() {
    return [this.#roundDue, this.#asking > 0 ? null : () => this.#round()];
  }

  /** @returns {[number, (() => Promise<void>) | null]} */
  #nextPhoto() {
    const idle = [...this.#watched].filter(([, watch]) => !watch.asking);
    if (idle.length === 0 || this.#asking >= AT_ONCE) return [0, null];
    const [photo, watch] = idle.reduce((first, entry) => (entry[1].due < first[1].due ? entry : first));
    return [watch.due, () => this.#askPhoto(photo, watch)];
  }

  /** @param {() => Promise<void>} ask */
  async #guarded(ask) {
    this.#asking += 1;
    try {
      await ask();
      this.#failures = 0;
      this.gate.succeed();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#asking -= 1;
      this.#tick();
    }
  }

  async #round() {
    this.#inRound = true;
    try {
      await this.#askForAll();
    } finally {
      this.#inRound = false;
    }
  }

  async #askForAll() {
    const asked = new Map([...this.#watched].map(([photo, { location }]) => [location, photo]));
    const round = await this.rounds.ask(asked.keys(), (image) => {
      const photo = asked.get(image.location);
      if (photo && this.#watched.has(photo)) this.#learn(photo, image);
    });
    this.#roundDue = later(round.retryAfter);
    for (const watch of this.#watched.values()) if (asked.has(watch.location)) watch.due = this.#roundDue;
    for (const location of round.unseen) {
      const photo = asked.get(location);
      const watch = photo && this.#watched.get(photo);
      if (watch) await this.#askPhoto(photo, watch); // not in the list: old, or gone
    }
  }

  /** @param {Photo} photo @param {Watch} watch */
  async #askPhoto(photo, watch) {
    watch.asking = true;
    try {
      const { image, etag, retryAfter } = await this.api.image(watch.location, watch.etag);
      if (this.#watched.get(photo) !== watch) return; // removed in the meantime
      watch.etag = etag;
      watch.due = later(retryAfter);
      if (image !== null) this.#learn(photo, image);
      if (retryAfter === null) this.#watched.delete(photo);
    } catch (error) {
      if (!(error instanceof ApiError) || error.forbidden || error.passing) throw error;
      if (this.#watched.delete(photo)) {
        forget(photo);
        this.changed(photo);
      }
    } finally {
      watch.asking = false;
    }
  }

  /** @param {Photo} photo @param {import('./api.js').Image} image */
  #learn(photo, image) {
    learn(photo, image);
    if (isEnded(photo)) this.#watched.delete(photo);
    this.changed(photo);
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.forbidden) {
      this.gate.refuse(error);
    } else {
      this.#failures += 1;
      this.gate.pause(delay(this.#failures, error.retryAfter), troubleOf(error));
    }
  }
}

/** When to poll again. @param {number | null} retryAfter seconds */
function later(retryAfter) {
  return performance.now() + Math.max(SHORTEST, (retryAfter ?? 0) * 1_000);
}
