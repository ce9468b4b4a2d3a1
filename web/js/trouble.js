/** What a failed request means to a person: which of the two services did not answer, and why. */

import { ApiError } from './api.js';
import { SendError } from './s3.js';
import { size } from './words.js';

/** A failure that may pass. @param {ApiError | SendError} error */
export function troubleOf(error) {
  if (error instanceof SendError) {
    return error.status === 0 ? 'The connection to the storage service was lost.' : `The storage service cannot take uploads now (${nameOf(error)}).`;
  }
  if (error.status === 0 || error.status === 429) return error.message;
  return `The service cannot answer now (${error.status}).`;
}

/** How far an upload was when it failed; S3 takes a file in one piece. @param {import('./photo.js').Photo} photo */
export function brokenOff(photo) {
  return photo.progress > 0 ? `broke off at ${size(photo.progress * photo.size)} of ${size(photo.size)}` : 'failed';
}

/** A failure that will not pass. @param {unknown} error */
export function explain(error) {
  if (error instanceof ApiError) return error.errors[0]?.detail ?? error.message;
  if (!(error instanceof SendError)) return 'The file could not be read.';
  if (error.changed) return 'The file has changed since you chose it.';
  return `The storage service rejected the upload: ${nameOf(error)}.`;
}

/** @param {SendError} error */
function nameOf(error) {
  return error.code || String(error.status);
}
