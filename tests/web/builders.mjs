// What the tests of the page's modules are made of: settings of a service, files and photos.

import { photoOf } from '../../web/js/photo.js';

export const SETTINGS = { content_types: ['image/jpeg', 'image/heic'], extensions: ['.jpg', '.heic'], max_bytes: 1_000 };

export const working = (more = {}) => ({ ...photoOf({ name: 'a.jpg', size: 1, type: 'image/jpeg' }), state: 'working', progress: 1, file: null, ...more });

export const fileOf = (name, more = {}) => ({ name, size: 1, type: 'image/jpeg', lastModified: 7, ...more });

export const photoHere = (state, more = {}) => ({ ...photoOf(fileOf('a.jpg')), file: null, state, ...more });

export const named = (...names) => names.map((name) => photoOf({ name, size: 1, type: 'image/jpeg' }));
