/** Which files can be uploaded: the service's own limits, checked before the upload. */

import { list, size } from './words.js';

/**
 * @typedef {object} Settings
 * @property {string} authorizer "api-key" when each request needs a key
 * @property {number} max_bytes
 * @property {number} max_files in one POST to uploads
 * @property {string[]} content_types
 * @property {string[]} extensions
 * @property {string[]} variants
 * @property {number} upload_seconds lifetime of a presigned POST
 * @property {boolean} erasure whether images can be deleted
 */

/** @typedef {{text: string, advice: string}} Refusal */

const NAMES = { jpeg: 'JPEG', png: 'PNG', gif: 'GIF', webp: 'WebP', tiff: 'TIFF', bmp: 'BMP', avif: 'AVIF', heic: 'HEIC' };

/** Whether a browser's type says what a file is; the service decides by the name of others. @param {string} type */
const isSpecific = (type) => type !== '' && !type.startsWith('image/') && !type.endsWith('/octet-stream');

/**
 * Whether the service may accept the file: by its type, or by the extension of its name, or because neither says anything.
 * @param {{name: string, type: string}} file
 * @param {Settings} settings
 */
function isAccepted({ name, type }, settings) {
  if (settings.content_types.includes(type)) return true;
  const extension = /\.[^.]*$/.exec(name)?.[0].toLowerCase();
  return !isSpecific(type) && (extension === undefined || settings.extensions.includes(extension));
}

/**
 * Why a file cannot be uploaded; null if it can.
 * @param {{name: string, type: string, size: number}} file
 * @param {Settings} settings
 * @returns {Refusal | null}
 */
export function refusal(file, settings) {
  if (!isAccepted(file, settings)) {
    return {
      text: 'This file type is not supported.',
      advice: `Save it as ${list(formats(settings)).replace(/ and ([^ ]+)$/, ' or $1')} and add the new file.`,
    };
  }
  if (file.size === 0) return { text: 'The file is empty.', advice: 'Export it again and add the new file.' };
  if (file.size > settings.max_bytes) {
    return {
      text: `The file is too large: ${size(file.size)}.`,
      advice: `The limit is ${size(settings.max_bytes)}. Export a smaller version and add it.`,
    };
  }
  return null;
}

/**
 * The supported formats, by their common names.
 * @param {Settings} settings
 */
export function formats(settings) {
  const known = settings.content_types.map((type) => type.replace('image/', ''));
  return Object.entries(NAMES).filter(([format]) => known.includes(format)).map(([, name]) => name);
}
