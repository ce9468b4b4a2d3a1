/** Whether requests can be sent: not without a valid key, not offline, and not during a pause. */

export class Gate {
  #held = false;
  #pausedUntil = 0;
  #timer = 0;

  /**
   * @param {object} around
   * @param {() => void} around.opened called when requests can be sent again
   * @param {(error: import('./api.js').ApiError) => void} around.forbidden called once, when the key is refused
   */
  constructor({ opened, forbidden }) {
    this.opened = opened;
    this.forbidden = forbidden;
    addEventListener('online', () => this.now());
  }

  /** Block all requests until `go`, because the key is not valid. */
  hold() {
    this.#held = true;
  }

  go() {
    this.#held = false;
    this.now();
  }

  /** End a pause. */
  now() {
    this.#pausedUntil = 0;
    this.opened();
  }

  /** Block all requests for a number of milliseconds. @param {number} wait */
  pause(wait) {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + wait);
  }

  /** The key is refused. @param {import('./api.js').ApiError} error */
  refuse(error) {
    if (!this.#held) this.forbidden(error);
    this.hold();
  }

  /** Whether a request that is due at this time can be sent; if it only has to wait, `opened` is called then. @param {number} [due] */
  lets(due = 0) {
    clearTimeout(this.#timer);
    if (this.#held || !navigator.onLine) return false;
    const wait = Math.max(due, this.#pausedUntil) - performance.now();
    if (wait > 0) this.#timer = setTimeout(() => this.opened(), wait);
    return wait <= 0;
  }
}
