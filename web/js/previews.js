/** Pictures of files that are on their way, from the files themselves: one object URL each, revoked as soon as it is of no use. */

/** @typedef {import('./photo.js').Photo} Photo */

export class Previews {
  /** @type {Map<Photo, string>} */
  #urls = new Map();

  /** Show the photo's file, if it has one and the browser knows its format. @param {Photo} photo @param {HTMLImageElement} picture */
  show(photo, picture) {
    if (!photo.file || this.#urls.has(photo) || picture.dataset.failed) return;
    const url = URL.createObjectURL(photo.file);
    this.#urls.set(photo, url);
    picture.addEventListener('error', () => {
      picture.dataset.failed = 'true'; // HEIC, or no picture at all
      this.drop(photo, picture);
    }, { once: true });
    picture.src = url;
    picture.hidden = false;
  }

  /** @param {Photo} photo @param {HTMLImageElement} picture */
  drop(photo, picture) {
    const url = this.#urls.get(photo);
    if (url === undefined) return;
    picture.hidden = true;
    picture.removeAttribute('src');
    URL.revokeObjectURL(url);
    this.#urls.delete(photo);
  }
}
