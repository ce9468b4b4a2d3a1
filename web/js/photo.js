/** One photo: its states, and which actions each of them allows.

    queued -> uploading -> working -> done | rejected | failed
                |   \-> canceled                          retry: -> queued
                |   \-> broken                            retry: -> queued
    after a reload: queued, uploading, canceled, broken -> lost, or working if the upload had succeeded
    done | rejected | failed -> deleting -> gone
*/

/** @typedef {import('./api.js').Image} Image */
/** @typedef {'queued'|'uploading'|'canceled'|'broken'|'lost'|'working'|'done'|'rejected'|'failed'|'deleting'} State */

/**
 * @typedef {object} Photo
 * @property {string} key unique on this page
 * @property {string} name
 * @property {number} size
 * @property {string} type as the browser declares it
 * @property {number} [modified] of the file, in milliseconds since the epoch
 * @property {boolean} [earlier] whether it was uploaded before this tab, which does not keep it
 * @property {State} state
 * @property {number} progress of the upload, 0 to 1
 * @property {File | null} file until it is uploaded
 * @property {string} [location] its path in the API, from POST /uploads
 * @property {boolean} [unsure] whether the upload succeeded is not known yet
 * @property {string} [text] the message for its state
 * @property {string} [advice] what the user can do
 * @property {Image} [image] the last response of the API
 */

/** @typedef {Photo & {image: Image}} Processed */

let made = 0;

/**
 * @param {File} file
 * @returns {Photo}
 */
export function photoOf(file) {
  const { name, size, type, lastModified: modified } = file;
  return { key: newKey(), name, size, type, modified, state: 'queued', progress: 0, file };
}

/** A file or folder that the browser could not read. @param {string} name @param {string} kind @returns {Photo} */
export function unreadable(name, kind) {
  const text = `This ${kind} could not be read.`;
  const advice = 'Check that it still exists and that you can open it, then add it again.';
  return { key: newKey(), name, size: 0, type: '', state: 'rejected', progress: 0, file: null, text, advice };
}

/** A photo that was uploaded before. @param {Image} image @returns {Photo} */
export function earlierOf(image) {
  const { location, name, size = 0 } = image;
  /** @type {Photo} */
  const photo = { key: newKey(), name, size, type: '', state: 'working', progress: 1, file: null, location, earlier: true };
  learn(photo, image);
  return photo;
}

function newKey() {
  made += 1;
  return `${Date.now().toString(36)}-${made}`;
}

/** @param {Photo} photo @param {Partial<Photo>} news */
export const update = (photo, news) => Object.assign(photo, news);

/** @type {ReadonlySet<State>} */
const ENDS = new Set(['canceled', 'broken', 'lost', 'done', 'rejected', 'failed', 'deleting']);
/** @type {ReadonlySet<State>} */
const PROBLEMS = new Set(['broken', 'lost', 'rejected', 'failed']);

/** Whether its state is final unless the user acts. @param {Photo} photo */
export const isEnded = (photo) => ENDS.has(photo.state);

/** Whether it needs the user's attention. @param {Photo} photo */
export const isProblem = (photo) => PROBLEMS.has(photo.state);

/** Whether it is not uploaded yet. @param {Photo} photo */
export const isUnsent = (photo) => photo.state === 'queued' || photo.state === 'uploading';

/** Whether it has variants. @param {Photo} photo @returns {photo is Processed} */
export const isProcessed = (photo) => photo.image !== undefined && photo.image.variants.length > 0;

/** Whether it was made from this file, as far as a page can know: by name, size and time. @param {Photo} photo @param {File} file */
export const isOf = (photo, file) => (
  photo.name === file.name && photo.size === file.size && photo.modified === file.lastModified
);

/** Whether it can be uploaded again without choosing the file again. @param {Photo} photo */
export const isRetriable = (photo) => photo.file !== null && (photo.state === 'canceled' || photo.state === 'broken');

/**
 * Update the photo from a response of the API. Whether the status is final follows from Retry-After.
 * @param {Photo} photo
 * @param {Image} image
 */
export function learn(photo, image) {
  if (photo.unsure && image.status === 'waiting' && image.upload_until) return lose(photo);
  photo.image = image;
  photo.unsure = false;
  photo.state = stateOf(image);
  photo.text = image.reason?.text ?? image.message;
  photo.advice = image.reason?.advice;
  return undefined;
}

/** @param {Image} image @returns {State} */
function stateOf(image) {
  if (image.status === 'done' || image.status === 'rejected') return image.status;
  return image.status === 'failed' && image.retrying === false ? 'failed' : 'working';
}

/** The page was closed before the photo was uploaded; its file may have been chosen again since. @param {Photo} photo */
export function lose(photo) {
  photo.state = photo.file ? 'broken' : 'lost';
  photo.unsure = false;
  photo.text = 'Not uploaded: the page was closed before the upload finished.';
  photo.advice = photo.file ? 'Retry the upload.' : 'Choose the file again.';
}

/** The service has no such photo. @param {Photo} photo */
export function forget(photo) {
  photo.state = 'lost';
  photo.text = 'The service no longer has this photo.';
  photo.advice = 'Choose the file again to upload it.';
}
