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
 */

/** @typedef {{text: string, advice: string}} Refusal */

/** For files whose type the browser does not know. */
const TYPES = new Map(
  Object.entries({
    jpg: 'image/jpeg', jpeg: 'image/jpeg', jpe: 'image/jpeg', jfif: 'image/jpeg', png: 'image/png', gif: 'image/gif',
    webp: 'image/webp', tif: 'image/tiff', tiff: 'image/tiff', bmp: 'image/bmp', avif: 'image/avif',
    heic: 'image/heic', heif: 'image/heif',
  }),
);

const NAMES = { jpeg: 'JPEG', png: 'PNG', gif: 'GIF', webp: 'WebP', tiff: 'TIFF', bmp: 'BMP', avif: 'AVIF', heic: 'HEIC' };

/**
 * The content type of a file.
 * @param {{name: string, type: string}} file
 */
export function typeOf(file) {
  const extension = /\.([^.]*)$/.exec(file.name)?.[1] ?? '';
  return file.type || TYPES.get(extension.toLowerCase()) || '';
}

/**
 * Why a file cannot be uploaded; null if it can.
 * @param {{name: string, type: string, size: number}} file
 * @param {Settings} settings
 * @returns {Refusal | null}
 */
export function refusal(file, settings) {
  if (!settings.content_types.includes(typeOf(file))) {
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
