/** The page: connects the API, uploads, polling and display. */

import { Album } from './album.js';
import { Api, ApiError } from './api.js';
import { delay } from './backoff.js';
import { Cards } from './cards.js';
import { Compare } from './compare.js';
import { takeFiles } from './drop.js';
import { find } from './find.js';
import { Follower } from './follow.js';
import { Key } from './key.js';
import { formats, refusal, typeOf } from './limits.js';
import { isProcessed, isRetriable, isUnsent, photoOf, update } from './photo.js';
import { Summary } from './summary.js';
import { Uploads } from './uploads.js';
import { list, plural, size } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */
/** @typedef {import('./limits.js').Settings} Settings */

const REFRESH = 60_000; // milliseconds between two requests for a new link

/** @param {string} id */
const element = (id) => find(document, `#${id}`, HTMLElement);

class Page {
  /** @type {Map<Photo, number>} */
  #refreshed = new Map();
  #asking = false;

  /** @param {Settings} settings @param {Key} key @param {Api} api */
  constructor(settings, key, api) {
    this.settings = settings;
    this.key = key;
    this.api = api;
    this.album = new Album(sessionStorage);
    this.input = find(document, '#files', HTMLInputElement);
    const changed = (/** @type {Photo} */ photo) => this.album.has(photo) && this.album.change(photo);
    const forbidden = () => this.#askForKey('This API key is no longer valid.');
    this.follower = new Follower({ api, changed, forbidden });
    this.uploads = new Uploads({
      api, settings, changed, forbidden, uploaded: (photo) => this.album.has(photo) && this.follower.add(photo),
    });
    const dialog = find(document, '#compare', HTMLDialogElement);
    this.compare = new Compare(dialog, () => this.album.photos.filter(isProcessed));
  }

  start() {
    const actions = {
      look: (/** @type {Photo} */ photo) => isProcessed(photo) && this.compare.open(photo),
      act: (/** @type {Photo} */ photo) => this.#act(photo),
      stale: (/** @type {Photo} */ photo) => this.#refresh(photo),
    };
    const cards = new Cards({
      photos: find(document, '#photos', HTMLUListElement),
      problems: find(document, '#problems', HTMLUListElement),
      template: find(document, '#card', HTMLTemplateElement),
      album: this.album,
      actions,
    });
    const summary = new Summary({ root: element('summary'), live: element('live') });
    this.album.listen((changed) => {
      cards.show(changed);
      summary.show(this.album.photos);
      element('drop').classList.toggle('small', this.album.photos.length > 0);
    });
    this.#connect();
    this.#showLimits();
    this.album.restore();
    element('drop').hidden = false;
    element('change-key').hidden = false;
    if (!this.key.value) void this.#askForKey();
    for (const photo of this.album.photos) {
      if (photo.state === 'working' || photo.state === 'done') this.follower.add(photo, 0);
    }
  }

  #connect() {
    takeFiles({
      input: this.input, button: find(document, '#choose', HTMLButtonElement), veil: element('veil'),
      ready: () => !element('drop').hidden && !this.compare.dialog.open,
      add: (files) => this.#add(files),
    });
    element('cancel-all').addEventListener('click', () => this.#each(isUnsent, (photo) => this.uploads.cancel(photo)));
    element('retry-all').addEventListener('click', () => this.uploads.add(this.album.photos.filter(isRetriable)));
    element('clear').addEventListener('click', () => this.#clear());
    element('change-key').addEventListener('click', () => this.#askForKey());
    addEventListener('beforeunload', (event) => {
      if (this.album.photos.some(isUnsent)) event.preventDefault();
    });
    const connection = () => notify(navigator.onLine ? '' : 'You are offline. Uploads resume when you are back online.');
    addEventListener('online', connection);
    addEventListener('offline', connection);
    connection();
  }

  #showLimits() {
    const { variants, max_bytes: largest } = this.settings;
    element('promise').textContent = `Each photo gets ${plural(variants.length, 'variant')}: ${list(variants)}.`;
    element('limits').textContent = `${list(formats(this.settings))}, up to ${size(largest)}.`;
    this.input.accept = [...this.settings.content_types, ...this.settings.extensions].join(',');
  }

  /** @param {File[]} files */
  #add(files) {
    const sent = [];
    for (const file of files) {
      const photo = this.#lost(file) ?? photoOf(file, typeOf(file));
      const refused = refusal(file, this.settings);
      if (refused) update(photo, { ...refused, state: 'rejected', file: null });
      else sent.push(photo);
      this.album.add(photo);
    }
    this.uploads.add(sent);
  }

  /** The photo that lost this file at a reload. @param {File} file */
  #lost(file) {
    const photo = this.album.photos.find(({ state, name, size: bytes }) => state === 'lost' && name === file.name && bytes === file.size);
    return photo && update(photo, { file, type: typeOf(file) });
  }

  /** @param {Photo} photo */
  #act(photo) {
    if (isUnsent(photo)) this.uploads.cancel(photo);
    else if (isRetriable(photo)) this.uploads.add([photo]);
    else this.album.remove(photo);
  }

  /** @param {(photo: Photo) => boolean} test @param {(photo: Photo) => void} action */
  #each(test, action) {
    for (const photo of this.album.photos.filter(test)) action(photo);
  }

  #clear() {
    this.#each((photo) => photo.state === 'done' || photo.state === 'canceled', (photo) => {
      this.follower.remove(photo);
      this.album.remove(photo);
    });
    element('choose').focus();
  }

  /** Request a new link for an expired one; at most once a minute. @param {Photo} photo */
  #refresh(photo) {
    const now = performance.now();
    if (now - (this.#refreshed.get(photo) ?? -REFRESH) < REFRESH) return;
    this.#refreshed.set(photo, now);
    this.follower.add(photo, 0);
  }

  /** @param {string} [complaint] */
  async #askForKey(complaint) {
    if (this.#asking) return;
    this.#asking = true;
    for (const { gate } of [this.uploads, this.follower]) gate.hold();
    this.key.forget();
    element('drop').hidden = element('change-key').hidden = true;
    await this.key.ask(() => this.api.check(), complaint);
    this.#asking = false;
    element('drop').hidden = element('change-key').hidden = false;
    element('choose').focus();
    for (const { gate } of [this.uploads, this.follower]) gate.go();
  }
}

/** @param {string} words */
function notify(words) {
  element('notice').hidden = !words;
  element('notice').textContent = words;
}

/** The settings; retries until the service responds. @param {Api} api @returns {Promise<Settings>} */
async function settingsOf(api) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await api.settings();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      notify(`${error.message} Retrying.`);
      await new Promise((resolve) => setTimeout(resolve, delay(attempt, error.retryAfter)));
    }
  }
}

const key = new Key({ form: find(document, '#key-form', HTMLFormElement), storage: sessionStorage });
const api = new Api(() => key.value);
const settings = await settingsOf(api);
notify('');
if (settings.authorizer === 'api-key') new Page(settings, key, api).start();
else notify('This service accepts only signed requests, which this page cannot send. Use the API instead.');
