/** Whether requests can be sent: not without a valid key, not offline, and not during a pause. */

export class Gate {
  #held = false;
  #pausedUntil = 0;
  #timer = 0;
  #isTroubled = false;

  /**
   * @param {object} around
   * @param {() => void} around.opened called when requests can be sent again
   * @param {(error: import('./api.js').ApiError) => void} around.forbidden called once, when the key is refused
   * @param {(words: string) => void} around.troubled called with the cause of each pause, and with '' when it is over
   */
  constructor({ opened, forbidden, troubled }) {
    this.opened = opened;
    this.forbidden = forbidden;
    this.troubled = troubled;
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

  /** Block all requests for a number of milliseconds. @param {number} wait @param {string} cause */
  pause(wait, cause) {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + wait);
    this.#isTroubled = true;
    this.troubled(cause);
  }

  /** A request succeeded. */
  succeed() {
    if (this.#isTroubled) this.troubled('');
    this.#isTroubled = false;
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
