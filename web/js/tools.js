/** What can be done with a photo in the service: save it, copy its link, delete it. */

import { ApiError } from './api.js';
import { delay } from './backoff.js';
import { find } from './find.js';
import { isProcessed, update } from './photo.js';
import { moment, plural } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */
/** @typedef {import('./photo.js').Processed} Processed */

const SOURCE = 'tools';
const SLOWEST = 3; // the attempt whose delay, of up to four seconds, all further ones have: an erasure takes seconds

export class Tools {
  /**
   * @param {object} around
   * @param {import('./api.js').Api} around.api
   * @param {import('./notices.js').Notices} around.notices
   * @param {HTMLDialogElement} around.dialog to confirm a deletion
   * @param {(photo: Photo) => void} around.changed
   * @param {(photo: Photo) => void} around.gone called when the service has no trace of the photo any more
   */
  constructor({ api, notices, dialog, changed, gone }) {
    this.api = api;
    this.notices = notices;
    this.dialog = dialog;
    this.changed = changed;
    this.gone = gone;
    find(dialog, '#confirm-cancel', HTMLButtonElement).addEventListener('click', () => dialog.close());
  }

  /**
   * Save a variant; the browser streams it to its disk, so that the page holds none of it.
   * @param {Photo} photo
   * @param {string} [variant] by default the first one, "original" for the original
   */
  async save(photo, variant) {
    await this.#tried(`${photo.name} was not downloaded`, () => this.#save(photo, variant));
  }

  /** Save the first variant of each photo, one after the other. @param {Processed[]} photos @param {HTMLButtonElement} button */
  async saveAll(photos, button) {
    const label = button.textContent;
    let saved = 0;
    button.disabled = true;
    for (const photo of photos) {
      button.textContent = `Download ${saved + 1} of ${photos.length}`;
      if (await this.#tried(`${photo.name} was not downloaded`, () => this.#save(photo))) saved += 1;
    }
    button.textContent = label;
    button.disabled = false;
    if (saved === photos.length) this.notices.set(SOURCE, `${plural(saved, 'download')} started. If there are fewer, allow this page to download several files.`);
  }

  /** Copy the link to the first variant; it must be a new one, as the page may be hours old. @param {Processed} photo */
  async copy(photo) {
    await this.#tried(`The link to ${photo.name} was not copied`, async () => {
      const link = this.api.image(photo.location ?? '', null).then(({ image }) => image?.variants[0]?.url ?? '');
      const text = link.then((url) => new Blob([url], { type: 'text/plain' }));
      await navigator.clipboard.write([new ClipboardItem({ 'text/plain': text })]); // a promise: Safari forgets the click
      this.notices.set(SOURCE, `Link to ${photo.name} copied. ${lifeOf(await link)}`);
    });
  }

  /** Delete a photo, once that is confirmed. @param {Photo} photo */
  ask(photo) {
    find(this.dialog, 'h2', HTMLElement).textContent = `Delete ${photo.name}?`;
    find(this.dialog, '#confirm-delete', HTMLButtonElement).onclick = () => {
      this.dialog.close();
      void this.#erase(photo);
    };
    this.dialog.showModal();
  }

  /** @param {Photo} photo @param {string} [variant] */
  async #save(photo, variant) {
    const image = await this.api.downloads(photo.location ?? '');
    const named = image.variants.find(({ name }) => name === variant) ?? image.variants[0];
    const link = document.createElement('a');
    link.href = (variant === 'original' ? image.original : named?.url) ?? '';
    link.download = '';
    link.click();
  }

  /** @param {Photo} photo */
  async #erase(photo) {
    const { state, text } = photo;
    update(photo, { state: 'deleting', text: 'Deleting' });
    this.changed(photo);
    const isBegun = await this.#tried(`${photo.name} was not deleted`, () => this.#untilGone(photo));
    if (!isBegun) {
      update(photo, { state, text });
      this.changed(photo);
    }
  }

  /** @param {Photo} photo */
  async #untilGone(photo) {
    const location = photo.location ?? '';
    if (await isMissing(this.api.erase(location))) return this.gone(photo);
    for (let attempt = 1; ; attempt += 1) {
      await new Promise((resolve) => setTimeout(resolve, delay(Math.min(attempt, SLOWEST))));
      if (await isMissing(this.api.image(location, null), true)) return this.gone(photo);
    }
  }

  /** Whether it succeeded; if not, say so. @param {string} complaint @param {() => Promise<void>} action */
  async #tried(complaint, action) {
    try {
      await action();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof DOMException)) throw error;
      this.notices.set(SOURCE, `${complaint}: ${error.message}`);
      return false;
    }
  }
}

/** Whether a request fails because there is no such image. @param {Promise<unknown>} request @param {boolean} [isPatient] with failures that may pass */
async function isMissing(request, isPatient = false) {
  try {
    await request;
    return false;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) return true;
    if (isPatient && error.passing) return false;
    throw error;
  }
}

/** Until when a link works. @param {string} url */
function lifeOf(url) {
  const query = new URL(url).searchParams;
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '') ?? [];
  if (year === undefined) return 'It does not expire.';
  const signed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const until = new Date(signed + Number(query.get('X-Amz-Expires')) * 1_000);
  return `It works for anyone until ${moment(until.toISOString())}.`;
}

/** Which tools a photo has. @param {Photo} photo @param {boolean} erasure whether the service erases images */
export function toolsOf(photo, erasure) {
  const isDone = photo.state === 'done';
  const isSaved = isDone && isProcessed(photo);
  const isRefused = photo.state === 'rejected' || photo.state === 'failed'; // one of this tab is dismissed instead
  return { save: isSaved, copy: isSaved, delete: erasure && (isDone || (isRefused && photo.earlier === true)) };
}
