/** One photo on its way: the states it goes through, and what they mean for a person.

    queued -> uploading -> working -> done | rejected | failed
                |   \-> canceled                          retry: -> queued
                |   \-> broken                            retry: -> queued
    after a reload: queued, uploading, canceled, broken -> lost, or working where the upload had come through
*/

/** @typedef {import('./api.js').Image} Image */
/** @typedef {'queued'|'uploading'|'canceled'|'broken'|'lost'|'working'|'done'|'rejected'|'failed'} State */

/**
 * @typedef {object} Photo
 * @property {string} key names it on this page
 * @property {string} name
 * @property {number} size
 * @property {string} type
 * @property {State} state
 * @property {number} progress of the upload, 0 to 1
 * @property {File | null} file only until it is uploaded
 * @property {string} [location] where the service knows it, once it has given a form out
 * @property {boolean} [unsure] whether the upload came through is not known yet
 * @property {string} [text] what happened to it
 * @property {string} [advice] what to do about it
 * @property {Image} [image] as the service told it last
 */

/** @typedef {Photo & {image: Image}} Developed */

let made = 0;

/**
 * @param {File} file
 * @param {string} type
 * @returns {Photo}
 */
export function photoOf(file, type) {
  made += 1;
  const key = `${Date.now().toString(36)}-${made}`;
  return { key, name: file.name, size: file.size, type, state: 'queued', progress: 0, file };
}

/** @param {Photo} photo @param {Partial<Photo>} news */
export const update = (photo, news) => Object.assign(photo, news);

/** @type {ReadonlySet<State>} */
const ENDS = new Set(['canceled', 'broken', 'lost', 'done', 'rejected', 'failed']);
/** @type {ReadonlySet<State>} */
const PROBLEMS = new Set(['broken', 'lost', 'rejected', 'failed']);

/** Whether nothing more happens to it by itself. @param {Photo} photo */
export const isEnded = (photo) => ENDS.has(photo.state);

/** Whether a person has to do something about it. @param {Photo} photo */
export const isProblem = (photo) => PROBLEMS.has(photo.state);

/** Whether its bytes are still on this side. @param {Photo} photo */
export const isUnsent = (photo) => photo.state === 'queued' || photo.state === 'uploading';

/** Whether there are variants of it to look at. @param {Photo} photo @returns {photo is Developed} */
export const isDeveloped = (photo) => photo.image !== undefined && photo.image.variants.length > 0;

/** Whether it can be sent again without being chosen again. @param {Photo} photo */
export const isRetriable = (photo) => photo.file !== null && (photo.state === 'canceled' || photo.state === 'broken');

/**
 * What the service told becomes the photo's state; whether that is its end decides the service's Retry-After.
 * @param {Photo} photo
 * @param {Image} image
 */
export function learn(photo, image) {
  if (photo.unsure && image.status === 'waiting' && image.upload_until) return lose(photo);
  photo.image = image;
  photo.unsure = false;
  photo.state = stateOf(image);
  photo.text = image.reason?.text ?? (photo.state === 'working' ? undefined : image.message);
  photo.advice = image.reason?.advice;
  return undefined;
}

/** @param {Image} image @returns {State} */
function stateOf(image) {
  if (image.status === 'done' || image.status === 'rejected') return image.status;
  return image.status === 'failed' && image.retrying === false ? 'failed' : 'working';
}

/** The page was closed before the photo had been sent. @param {Photo} photo */
export function lose(photo) {
  photo.state = 'lost';
  photo.unsure = false;
  photo.text = 'Not sent: the page was closed before the upload had finished.';
  photo.advice = 'Choose the file again.';
}

/** The service does not know it. @param {Photo} photo */
export function forget(photo) {
  photo.state = 'lost';
  photo.text = 'The service does not know this photo any more.';
  photo.advice = 'Choose the file again to send it anew.';
}
