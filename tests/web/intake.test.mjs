// Files that are chosen: which are sent, and which are here already.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Intake } from '../../web/js/intake.js';
import { photoOf } from '../../web/js/photo.js';
import { SETTINGS, fileOf, photoHere } from './builders.mjs';

function intake(...own) {
  const log = { sent: [], said: '', anyway: null };
  const album = { own, add: (photo) => album.own.includes(photo) || album.own.push(photo) };
  const notices = { set: (_source, words, action) => Object.assign(log, { said: words, anyway: action?.act }) };
  const uploads = { add: (photos) => log.sent.push(...photos) };
  return { log, album, taken: new Intake({ album, settings: SETTINGS, uploads, notices }) };
}

test('a file that is on the page is sent again only where it did not come through', () => {
  for (const [state, sent] of [
    ['done', 0], ['working', 0], ['queued', 0], ['uploading', 0], ['lost', 1], ['canceled', 1], ['broken', 1], ['rejected', 1], ['failed', 1],
  ]) {
    const here = photoHere(state);
    const { log, album, taken } = intake(here);
    taken.add({ files: [fileOf('a.jpg')], unreadable: [] });
    const isNew = ['rejected', 'failed'].includes(state);

    assert.deepEqual([log.sent.length, album.own.length, log.said !== ''], [sent, isNew ? 2 : 1, sent === 0], state);
    if (sent && !isNew) assert.deepEqual([log.sent[0] === here, here.file !== null], [true, true], state);
  }
});

test('an upload of which nobody knows whether it came through gets its file, and is not sent yet', () => {
  const unsure = photoHere('working', { unsure: true });
  const { log, taken } = intake(unsure);
  taken.add({ files: [fileOf('a.jpg')], unreadable: [] });

  assert.deepEqual([log.sent, unsure.file?.name], [[], 'a.jpg']);
});

test('another file of the same name is sent, as is the same one where that is wanted', () => {
  for (const more of [{ size: 2 }, { lastModified: 8 }, { name: 'b.jpg' }]) {
    const { log, taken } = intake(photoHere('done'));
    taken.add({ files: [fileOf('a.jpg', more)], unreadable: [] });
    assert.equal(log.sent.length, 1);
  }
  const { log, album, taken } = intake(photoHere('done'));
  taken.add({ files: [fileOf('a.jpg')], unreadable: [] });
  assert.equal(log.said, 'Not uploaded again, because it is here already: a.jpg.');
  log.anyway();
  assert.deepEqual([log.sent.length, album.own.length, log.said], [1, 2, '']);
});

test('of many files that are here three are named', () => {
  const names = ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg', 'e.jpg'];
  const { log, taken } = intake(...names.map((name) => ({ ...photoOf(fileOf(name)), state: 'done' })));
  taken.add({ files: names.map((name) => fileOf(name)), unreadable: [] });

  assert.equal(log.said, 'Not uploaded again, because they are here already: a.jpg, b.jpg, c.jpg and 2 more.');
});

test('what is refused is shown and not sent, and takes nothing from the others', () => {
  const { log, album, taken } = intake();
  taken.add({ files: [fileOf('a.txt', { type: 'text/plain' }), fileOf('b.jpg')], unreadable: [{ name: 'locked', kind: 'folder' }] });

  assert.deepEqual(album.own.map(({ name, state, file }) => [name, state, file === null]), [
    ['locked', 'rejected', true], ['a.txt', 'rejected', true], ['b.jpg', 'queued', false],
  ]);
  assert.deepEqual(log.sent.map(({ name }) => name), ['b.jpg']);
});
