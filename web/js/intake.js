/** Chosen files become photos: what cannot be uploaded is refused at once, and what is here already is not uploaded again. */

import { refusal } from './limits.js';
import { isOf, photoOf, unreadable, update } from './photo.js';
import { list } from './words.js';

/** @typedef {import('./photo.js').Photo} Photo */

const NAMED = 3; // files that a notice names

export class Intake {
  /**
   * @param {object} around
   * @param {import('./album.js').Album} around.album
   * @param {import('./limits.js').Settings} around.settings
   * @param {import('./uploads.js').Uploads} around.uploads
   * @param {import('./notices.js').Notices} around.notices
   */
  constructor({ album, settings, uploads, notices }) {
    this.album = album;
    this.settings = settings;
    this.uploads = uploads;
    this.notices = notices;
  }

  /** @param {import('./drop.js').Chosen} chosen */
  add({ files, unreadable: failed }) {
    for (const { name, kind } of failed) this.album.add(unreadable(name, kind));
    /** @type {File[]} */
    const known = [];
    const photos = files.map((file) => this.#photo(file, known)).filter((photo) => photo !== null);
    this.#send(photos);
    this.notices.set('known', knownWords(known), { label: 'Upload anyway', act: () => {
      this.notices.set('known', '');
      this.#send(known.map(photoOf));
    } });
  }

  /** @param {Photo[]} photos */
  #send(photos) {
    const sent = [];
    for (const photo of photos) {
      const refused = photo.file && refusal(photo.file, this.settings);
      if (refused) update(photo, { ...refused, state: 'rejected', file: null });
      else sent.push(photo);
      this.album.add(photo);
    }
    this.uploads.add(sent);
  }

  /** The photo of a file; null if it is on the page already. @param {File} file @param {File[]} known */
  #photo(file, known) {
    const photo = this.album.own.find((each) => isOf(each, file) && !['rejected', 'failed'].includes(each.state));
    if (!photo) return photoOf(file);
    if (photo.unsure || ['lost', 'canceled', 'broken'].includes(photo.state)) update(photo, { file, type: file.type });
    if (['lost', 'canceled', 'broken'].includes(photo.state)) return photo;
    known.push(file);
    return null;
  }
}

/** @param {File[]} files */
function knownWords(files) {
  if (files.length === 0) return '';
  const names = files.slice(0, NAMED).map(({ name }) => name);
  if (files.length > NAMED) names.push(`${files.length - NAMED} more`);
  return `Not uploaded again, because ${files.length === 1 ? 'it is' : 'they are'} here already: ${list(names)}.`;
}
