/**
 * <darkroom-upload>: the upload form for pages of others, in one script. It shows files, their progress and what became of
 * them, and tells the page by events; what the page knows of it is in docs/embedding.md.
 */

import { barredForm, refusedWords } from './access.js';
import { Api, ApiError } from './api.js';
import { delay } from './backoff.js';
import { takeFiles } from './drop.js';
import { styles } from './embed-styles.js';
import { find } from './find.js';
import { Follower } from './follow.js';
import { formats, refusal } from './limits.js';
import { isEnded, isRetriable, isUnsent, photoOf, unreadable, update } from './photo.js';
import { troubleOf } from './trouble.js';
import { Uploads } from './uploads.js';
import { list, size } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */
/** @typedef {import('./limits.js').Settings} Settings */

const OWN_API = new URL('..', import.meta.url).href; // this script is a file of the API

const CONTENT = `
<div part="drop" class="drop">
  <p id="limits"></p>
  <button part="button" type="button" disabled>Choose photos</button>
  <input type="file" multiple hidden tabindex="-1" aria-hidden="true">
</div>
<p part="notice" class="notice" role="status" hidden></p>
<ul part="list"></ul>`;

export class DarkroomUpload extends HTMLElement {
  static observedAttributes = ['key'];
  #key = '';
  /** @type {(() => Record<string, string>) | null} */
  #headers = null;
  /** @type {Map<Photo, HTMLLIElement>} */
  #rows = new Map();
  /** @type {{settings: Settings, uploads: Uploads, follower: Follower} | null} */
  #connected = null;
  #isRefused = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.innerHTML = CONTENT;
    root.adoptedStyleSheets = [styles()];
    this.root = root;
    const { key, headers } = this; // which the page may have set before this script was there, as properties of its own
    Reflect.deleteProperty(this, 'key');
    Reflect.deleteProperty(this, 'headers');
    this.#key = key;
    this.#headers = headers;
  }

  /** The key of the API, if not in the attribute `key`. */
  get key() {
    return this.#key;
  }

  set key(key) {
    this.#key = key;
    this.#resume();
  }

  /** The headers that identify the caller in place of a key, such as a token. */
  get headers() {
    return this.#headers;
  }

  set headers(headers) {
    this.#headers = headers;
    this.#resume();
  }

  attributeChangedCallback() {
    this.#resume();
  }

  /** The photos that were added, with their states. */
  get photos() {
    return [...this.#rows.keys()].map(({ name, state, location, image }) => ({ name, state, location, image }));
  }

  /** Begins when the element is in the page. */
  async connectedCallback() {
    if (this.#connected) return;
    const headers = () => this.#headers?.() ?? { 'x-api-key': this.#key || (this.getAttribute('key') ?? '') };
    const api = new Api(headers, new URL(this.getAttribute('api') || OWN_API, document.baseURI).href);
    const settings = await this.#settings(api);
    if (this.#connected) return; // the element was moved meanwhile
    const barred = barredForm(settings.authorizer);
    if (barred) return this.#say(barred);
    const troubled = (/** @type {string} */ words) => this.#say(words && `${words} Trying again.`);
    const forbidden = () => {
      this.#isRefused = true;
      this.#say(refusedWords(settings.authorizer));
      this.dispatchEvent(new CustomEvent('darkroom-forbidden', { bubbles: true, composed: true }));
    };
    const changed = (/** @type {Photo} */ photo) => this.#show(photo);
    const follower = new Follower({ api, changed, forbidden, troubled });
    const uploads = new Uploads({ api, settings, changed, forbidden, troubled, uploaded: (photo) => {
      this.#tell('uploaded', photo);
      follower.add(photo);
    } });
    this.#connected = { settings, uploads, follower };
    this.#open(settings);
  }

  /** Add files as if they had been chosen. @param {Iterable<File>} files */
  add(files) {
    this.#add({ files: [...files], unreadable: [] });
  }

  /** @param {Settings} settings */
  #open(settings) {
    const button = find(this.root, 'button', HTMLButtonElement);
    const input = find(this.root, 'input', HTMLInputElement);
    find(this.root, '#limits', HTMLElement).textContent = `${list(formats(settings))}, up to ${size(settings.max_bytes)}.`;
    input.accept = [...settings.content_types, ...settings.extensions].join(',');
    takeFiles({
      input, button, target: this, ready: () => true,
      dragged: (over) => this.toggleAttribute('dragged', over),
      add: (chosen) => this.#add(chosen),
    });
    button.disabled = false;
    this.dispatchEvent(new CustomEvent('darkroom-ready', { bubbles: true, composed: true }));
  }

  /** Go on with a new key or token, if the last one was refused. */
  #resume() {
    if (!this.#connected || !this.#isRefused) return;
    this.#isRefused = false;
    this.#say('');
    for (const { gate } of [this.#connected.uploads, this.#connected.follower]) gate.go();
  }

  /** @param {import('./drop.js').Chosen} chosen */
  #add({ files, unreadable: failed }) {
    if (!this.#connected) throw new Error('Wait for the event darkroom-ready.');
    const { settings, uploads } = this.#connected;
    const photos = files.map(photoOf);
    for (const photo of photos) {
      const refused = photo.file && refusal(photo.file, settings);
      if (refused) update(photo, { ...refused, state: 'rejected', file: null });
    }
    for (const photo of [...failed.map(({ name, kind }) => unreadable(name, kind)), ...photos]) this.#show(photo);
    uploads.add(photos.filter(({ state }) => state === 'queued'));
  }

  /** @param {Photo} photo */
  #show(photo) {
    const row = this.#rows.get(photo) ?? this.#row(photo);
    if (row.dataset.state !== photo.state) {
      row.dataset.state = photo.state;
      if (isEnded(photo)) this.#tell(photo.state === 'done' ? 'done' : 'failed', photo);
    }
    const bar = find(row, 'progress', HTMLProgressElement);
    bar.hidden = !isUnsent(photo);
    bar.value = photo.progress;
    find(row, '.status', HTMLElement).textContent = wordsOf(photo);
    const action = isUnsent(photo) ? 'Cancel' : isRetriable(photo) ? 'Retry' : '';
    const button = find(row, 'button', HTMLButtonElement);
    button.hidden = !action;
    button.textContent = action;
    button.setAttribute('aria-label', `${action} ${photo.name}`);
  }

  /** @param {Photo} photo */
  #row(photo) {
    const row = document.createElement('li');
    row.setAttribute('part', 'row');
    row.innerHTML = '<div><p class="name"></p><p class="status"></p><progress max="1" value="0"></progress></div><button part="button" type="button"></button>';
    find(row, '.name', HTMLElement).textContent = photo.name;
    find(row, 'progress', HTMLProgressElement).setAttribute('aria-label', `Upload of ${photo.name}`);
    find(row, 'button', HTMLButtonElement).addEventListener('click', () => {
      if (isUnsent(photo)) this.#connected?.uploads.cancel(photo);
      else this.#connected?.uploads.add([photo]);
    });
    this.#rows.set(photo, row);
    find(this.root, 'ul', HTMLUListElement).append(row);
    return row;
  }

  /** @param {'uploaded' | 'done' | 'failed'} name @param {Photo} photo */
  #tell(name, photo) {
    const { state, location, image, text, advice } = photo;
    const detail = { name: photo.name, state, location, image, text, advice };
    this.dispatchEvent(new CustomEvent(`darkroom-${name}`, { detail, bubbles: true, composed: true }));
  }

  /** @param {string} words */
  #say(words) {
    const notice = find(this.root, '.notice', HTMLElement);
    notice.hidden = !words;
    notice.textContent = words;
  }

  /** The settings; retries until the service responds. @param {Api} api @returns {Promise<Settings>} */
  async #settings(api) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const settings = await api.settings();
        this.#say('');
        return settings;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.#say(`${troubleOf(error)} Trying again.`);
        await new Promise((resolve) => setTimeout(resolve, delay(attempt, error.retryAfter)));
      }
    }
  }
}

/** @param {Photo} photo */
function wordsOf(photo) {
  if (photo.state === 'queued') return photo.text ?? 'Queued';
  if (photo.state === 'uploading') return `${size(photo.progress * photo.size)} of ${size(photo.size)}`;
  if (photo.state === 'working') return 'Processing';
  if (photo.state === 'done') return 'Done';
  return [photo.text, photo.advice].filter(Boolean).join(' ');
}

customElements.define('darkroom-upload', DarkroomUpload);
