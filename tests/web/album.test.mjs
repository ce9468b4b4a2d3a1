// What outlives a reload, and when changes are shown and kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Album } from '../../web/js/album.js';
import { fileOf, named, photoHere } from './builders.mjs';

function album(t, kept = {}) {
  const listeners = {};
  globalThis.addEventListener = (name, listener) => { listeners[name] = listener; };
  globalThis.document = { hidden: false };
  const frames = [];
  globalThis.requestAnimationFrame = (act) => frames.push(act);
  t.after(() => ['addEventListener', 'document', 'requestAnimationFrame'].forEach((name) => Reflect.deleteProperty(globalThis, name)));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const writes = [];
  const storage = { getItem: (name) => kept[name] ?? null, setItem: (name, value) => { kept[name] = value; writes.push(name); } };
  return { kept, writes, frames, listeners, storage, made: new Album(storage) };
}

test('a reload restores what was uploaded, and loses what was not and is not known to be', (t) => {
  const { kept, listeners, storage, made } = album(t);
  const states = ['queued', 'uploading', 'canceled', 'broken', 'lost', 'working', 'done', 'rejected', 'failed', 'deleting'];
  for (const state of states) made.add(photoHere(state, { name: state, text: 'Why.', image: { variants: [] }, file: fileOf(state) }));
  made.add(photoHere('uploading', { name: 'sent', location: 'images/a' }));
  made.add(photoHere('done', { name: 'yesterday', earlier: true }));
  listeners.pagehide();
  assert.deepEqual(JSON.parse(kept['darkroom.photos']).map((photo) => ['file', 'image', 'earlier'].some((name) => name in photo)), Array(10).fill(false));
  const next = new Album(storage);
  next.restore();

  assert.deepEqual(next.photos.map(({ name, state, unsure = false, file }) => [name, state, unsure, file]), [
    ...['queued', 'uploading', 'canceled', 'broken'].map((name) => [name, 'lost', false, null]),
    ...['lost', 'working', 'done', 'rejected', 'failed'].map((name) => [name, name, false, null]),
    ['sent', 'working', true, null],
  ]);
  assert.deepEqual([next.photos[6].text, next.photos[0].text], ['Why.', 'Not uploaded: the page was closed before the upload finished.']);
});

test('changes are told once a frame, or every quarter of a second without frames, and kept after half a second', (t) => {
  const { kept, writes, frames, listeners, made } = album(t);
  const told = [];
  made.listen((changed) => told.push([...changed].map(({ name }) => name)));
  const [a, b] = named('a', 'b');
  for (const photo of [a, b, a]) made.add(photo);
  made.remove(b);
  assert.deepEqual([told, b.file, made.has(a), made.has(b)], [[], null, true, false]);
  assert.equal(frames.length, 1);
  frames[0]();
  globalThis.document.hidden = true;
  made.change(a);
  t.mock.timers.tick(249);
  assert.deepEqual(told, [['a', 'b']]);
  t.mock.timers.tick(1);
  assert.deepEqual(told, [['a', 'b'], ['a']]);
  t.mock.timers.tick(249);
  assert.deepEqual(kept, {});
  t.mock.timers.tick(1);
  assert.equal(JSON.parse(kept['darkroom.photos']).length, 1);
  made.add(b);
  listeners.pagehide();
  t.mock.timers.tick(500);
  assert.equal(writes.length, 2);
  made.remove(a);
  t.mock.timers.tick(500);
  assert.deepEqual([writes.length, JSON.parse(kept['darkroom.photos']).map(({ name }) => name)], [3, ['b']]);
});
