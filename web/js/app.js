/** The page: connects the API, uploads, polling and display. */

import { barredPage } from './access.js';
import { Album } from './album.js';
import { Api, ApiError } from './api.js';
import { delay } from './backoff.js';
import { Cards } from './cards.js';
import { Compare } from './compare.js';
import { takeFiles } from './drop.js';
import { Earlier } from './earlier.js';
import { find } from './find.js';
import { Follower } from './follow.js';
import { Intake } from './intake.js';
import { Key } from './key.js';
import { formats } from './limits.js';
import { Notices } from './notices.js';
import { isProblem, isProcessed, isRetriable, isUnsent } from './photo.js';
import { Summary } from './summary.js';
import { Tools } from './tools.js';
import { troubleOf } from './trouble.js';
import { Uploads } from './uploads.js';
import { list, plural, size } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */
/** @typedef {import('./limits.js').Settings} Settings */

const REFRESH = 60_000; // milliseconds between two requests for a new link

/** @param {string} id */
const element = (id) => find(document, `#${id}`, HTMLElement);

/** @param {string} id */
const button = (id) => find(document, `#${id}`, HTMLButtonElement);

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
    const troubled = (/** @type {string} */ words) => this.#trouble(words);
    this.follower = new Follower({ api, changed, forbidden, troubled });
    this.uploads = new Uploads({
      api, settings, changed, forbidden, troubled, uploaded: (photo) => this.album.has(photo) && this.follower.add(photo),
    });
    this.intake = new Intake({ album: this.album, settings, uploads: this.uploads, notices });
    this.earlier = new Earlier({ api, album: this.album, more: button('more'), failed: (error) => this.#notListed(error) });
    this.tools = new Tools({
      api, notices, changed, dialog: find(document, '#confirm', HTMLDialogElement), gone: (photo) => this.#remove(photo),
    });
    const dialog = find(document, '#compare', HTMLDialogElement);
    const beside = (/** @type {Photo} */ one) => this.album.photos.filter(isProcessed).filter(({ earlier }) => earlier === one.earlier);
    this.compare = new Compare(dialog, beside, (photo, variant) => void this.tools.save(photo, variant));
  }

  start() {
    const cards = new Cards({
      photos: find(document, '#photos', HTMLUListElement),
      problems: find(document, '#problems', HTMLUListElement),
      earlier: find(document, '#earlier', HTMLUListElement),
      template: find(document, '#card', HTMLTemplateElement),
      album: this.album,
      erasure: this.settings.erasure,
      actions: {
        look: (photo) => isProcessed(photo) && this.compare.open(photo),
        act: (photo) => this.#act(photo),
        stale: (photo) => this.#refresh(photo),
        save: (photo) => void this.tools.save(photo),
        copy: (photo) => isProcessed(photo) && void this.tools.copy(photo),
        delete: (photo) => this.tools.ask(photo),
      },
    });
    const summary = new Summary({ root: element('summary'), live: element('live') });
    this.album.listen((changed) => {
      cards.show(changed);
      summary.show(this.album.own);
      element('drop').classList.toggle('small', this.album.photos.length > 0);
      button('save-photos').hidden = this.#saved(false).length < 2;
      button('save-past').hidden = this.#saved(true).length < 2;
    });
    this.#connect();
    this.#showLimits();
    this.album.restore();
    element('drop').hidden = false;
    element('change-key').hidden = false;
    if (this.key.value) void this.earlier.read();
    else void this.#askForKey();
    for (const photo of this.album.photos) {
      if (photo.state === 'working' || photo.state === 'done') this.follower.add(photo, 0);
    }
  }

  #connect() {
    takeFiles({
      input: this.input, button: button('choose'), target: window,
      dragged: (over) => { element('veil').hidden = !over; },
      ready: () => !element('drop').hidden && !document.querySelector('dialog[open]'),
      add: (chosen) => this.intake.add(chosen),
    });
    const on = (/** @type {string} */ id, /** @type {() => unknown} */ action) => button(id).addEventListener('click', action);
    on('cancel-all', () => this.#each(isUnsent, (photo) => this.uploads.cancel(photo)));
    on('retry-all', () => this.uploads.add(this.album.own.filter(isRetriable)));
    on('clear', () => this.#clear(({ state }) => state === 'done' || state === 'canceled'));
    on('dismiss-all', () => this.#clear(isProblem));
    on('save-photos', () => this.tools.saveAll(this.#saved(false), button('save-photos')));
    on('save-past', () => this.tools.saveAll(this.#saved(true), button('save-past')));
    on('change-key', () => this.#askForKey());
    addEventListener('beforeunload', (event) => {
      if (this.album.own.some(isUnsent)) event.preventDefault();
    });
    const connection = () => notices.state('offline', navigator.onLine ? '' : 'You are offline. Uploads resume when you are back online.');
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

  /** The photos of a section that can be saved. @param {boolean} earlier */
  #saved(earlier) {
    return this.album.photos.filter(isProcessed).filter((photo) => photo.state === 'done' && !!photo.earlier === earlier);
  }

  /** @param {Photo} photo */
  #act(photo) {
    if (isUnsent(photo)) this.uploads.cancel(photo);
    else if (isRetriable(photo)) this.uploads.add([photo]);
    else this.#remove(photo);
  }

  /** @param {(photo: Photo) => boolean} test @param {(photo: Photo) => void} action */
  #each(test, action) {
    for (const photo of this.album.own.filter(test)) action(photo);
  }

  /** @param {(photo: Photo) => boolean} test */
  #clear(test) {
    this.#each(test, (photo) => this.#remove(photo));
    element('choose').focus();
  }

  /** @param {Photo} photo */
  #remove(photo) {
    this.follower.remove(photo);
    this.album.remove(photo);
  }

  /** Request a new link for an expired one; at most once a minute. @param {Photo} photo */
  #refresh(photo) {
    const now = performance.now();
    if (now - (this.#refreshed.get(photo) ?? -REFRESH) < REFRESH) return;
    this.#refreshed.set(photo, now);
    this.follower.add(photo, 0);
  }

  /** Requests pause; '' when they go on. @param {string} words */
  #trouble(words) {
    notices.set('trouble', words && `${words} The page tries again by itself.`, {
      label: 'Try again now', act: () => [this.uploads, this.follower].forEach(({ gate }) => gate.now()),
    });
  }

  /** @param {ApiError} error */
  #notListed(error) {
    if (error.forbidden) void this.#askForKey('This API key is no longer valid.');
    else notices.set('earlier', `Your earlier photos could not be listed. ${error.message}`, { label: 'Try again', act: () => {
      notices.set('earlier', '');
      void this.earlier.read();
    } });
  }

  /** @param {string} [complaint] */
  async #askForKey(complaint) {
    if (this.#asking) return;
    this.#asking = true;
    for (const { gate } of [this.uploads, this.follower]) gate.hold();
    this.key.forget();
    this.earlier.clear();
    element('drop').hidden = element('change-key').hidden = true;
    await this.key.ask(() => this.api.check(), complaint);
    this.#asking = false;
    element('drop').hidden = element('change-key').hidden = false;
    element('choose').focus();
    for (const { gate } of [this.uploads, this.follower]) gate.go();
    void this.earlier.read();
  }
}

/** The settings; retries until the service responds. @param {Api} api @returns {Promise<Settings>} */
async function settingsOf(api) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await api.settings();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      notices.state('settings', `${troubleOf(error)} The page tries again by itself.`);
      await new Promise((resolve) => setTimeout(resolve, delay(attempt, error.retryAfter)));
    }
  }
}

const notices = new Notices(element('notice'));
const key = new Key({ form: find(document, '#key-form', HTMLFormElement), storage: sessionStorage });
const api = new Api(() => key.headers, document.baseURI);
const settings = await settingsOf(api);
const barred = barredPage(settings.authorizer);
notices.state('settings', barred);
if (!barred) new Page(settings, key, api).start();
