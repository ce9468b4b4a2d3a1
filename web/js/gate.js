/** When requests may be sent: not without a key that is accepted, not offline, and not before a pause is over. */

export class Gate {
  #held = false;
  #pausedUntil = 0;
  #timer = 0;

  /**
   * @param {object} around
   * @param {() => void} around.opened called when requests may be sent again
   * @param {(error: import('./api.js').ApiError) => void} around.forbidden called once, when the key is refused
   */
  constructor({ opened, forbidden }) {
    this.opened = opened;
    this.forbidden = forbidden;
    addEventListener('online', () => this.now());
  }

  /** Let nothing through until `go`: there is no key that would be accepted. */
  hold() {
    this.#held = true;
  }

  go() {
    this.#held = false;
    this.now();
  }

  /** Whatever the pause was for is over. */
  now() {
    this.#pausedUntil = 0;
    this.opened();
  }

  /** Let nothing through for so many milliseconds. @param {number} wait */
  pause(wait) {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + wait);
  }

  /** The key is refused. @param {import('./api.js').ApiError} error */
  refuse(error) {
    if (!this.#held) this.forbidden(error);
    this.hold();
  }

  /** Whether a request may be sent that is due then; `opened` is called when waiting for that time will do. @param {number} [due] */
  lets(due = 0) {
    clearTimeout(this.#timer);
    if (this.#held || !navigator.onLine) return false;
    const wait = Math.max(due, this.#pausedUntil) - performance.now();
    if (wait > 0) this.#timer = setTimeout(() => this.opened(), wait);
    return wait <= 0;
  }
}
