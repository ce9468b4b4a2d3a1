/** The API key: requested when it is missing or refused, and kept in this tab only. */

import { ApiError } from './api.js';
import { find } from './find.js';

const KEPT = 'darkroom.key';

export class Key {
  #value;

  /**
   * @param {object} around
   * @param {HTMLFormElement} around.form
   * @param {Storage} around.storage
   */
  constructor({ form, storage }) {
    this.form = form;
    this.storage = storage;
    this.input = find(form, 'input', HTMLInputElement);
    this.error = find(form, '[role=alert]', HTMLElement);
    this.#value = storage.getItem(KEPT) ?? '';
  }

  get value() {
    return this.#value;
  }

  /** @returns {Record<string, string>} */
  get headers() {
    return this.#value ? { 'x-api-key': this.#value } : {};
  }

  /**
   * Ask the user for a key until one is valid.
   * @param {() => Promise<void>} check rejects if the service refuses the current key
   * @param {string} [complaint]
   */
  async ask(check, complaint = '') {
    this.form.hidden = false;
    this.error.textContent = complaint;
    this.input.focus();
    while (!(await this.#tried(check)));
    this.form.hidden = true;
    this.input.value = '';
    this.error.textContent = '';
    this.storage.setItem(KEPT, this.#value);
  }

  forget() {
    this.#value = '';
    this.storage.removeItem(KEPT);
  }

  /** @param {() => Promise<void>} check */
  async #tried(check) {
    await this.#submitted();
    this.#value = this.input.value.trim();
    this.form.inert = true;
    try {
      await check();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error.textContent = error.forbidden ? 'This API key is not valid. Check it and try again.' : error.message;
      return false;
    } finally {
      this.form.inert = false;
      this.input.focus();
      this.input.select();
    }
  }

  /** @returns {Promise<void>} */
  #submitted() {
    return new Promise((resolve) => {
      const submitted = (/** @type {Event} */ event) => {
        event.preventDefault();
        if (this.input.value.trim()) resolve();
      };
      this.form.onsubmit = submitted;
    });
  }
}
