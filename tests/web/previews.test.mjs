// Previews of files.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Previews } from '../../web/js/previews.js';
import { named } from './builders.mjs';

function previews(t) {
  const alive = new Set();
  t.mock.method(URL, 'createObjectURL', () => { alive.add(`blob:${alive.size}`); return [...alive].at(-1); });
  t.mock.method(URL, 'revokeObjectURL', (url) => alive.delete(url));
  const picture = Object.assign(new EventTarget(), { dataset: {}, hidden: true, removeAttribute: (name) => delete picture[name] });
  return { alive, picture, shown: new Previews() };
}

test('a file is shown by one object URL, which is let go once', (t) => {
  const { alive, picture, shown } = previews(t);
  const [photo] = named('a.jpg');
  shown.show(photo, picture);
  shown.show(photo, picture);
  assert.deepEqual([alive.size, picture.hidden, picture.src], [1, false, 'blob:0']);

  shown.drop(photo, picture);
  picture.hidden = false;
  shown.drop(photo, picture);
  assert.deepEqual([alive.size, picture.hidden, picture.src], [0, false, undefined]);
});

test('what is no picture for the browser, or has no file, is not shown, and not tried again', (t) => {
  const { alive, picture, shown } = previews(t);
  const [photo] = named('a.heic');
  shown.show({ ...photo, file: null }, picture);
  assert.equal(alive.size, 0);
  shown.show(photo, picture);
  picture.dispatchEvent(new Event('error'));
  shown.show(photo, picture);

  assert.deepEqual([alive.size, picture.hidden], [0, true]);
});
