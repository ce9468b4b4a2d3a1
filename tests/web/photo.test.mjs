// A photo's state: what the service says of it, and what is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isEnded, isRetriable, learn, lose, photoOf } from '../../web/js/photo.js';
import { count, sentences } from '../../web/js/summary.js';
import { fileOf, working } from './builders.mjs';

test('what the service tells becomes the photo\'s state', () => {
  for (const [image, state] of [
    [{ status: 'waiting' }, 'working'],
    [{ status: 'processing' }, 'working'],
    [{ status: 'failed', retrying: true }, 'working'],
    [{ status: 'failed', retrying: false, reason: { text: 'x', advice: 'y' } }, 'failed'],
    [{ status: 'rejected', reason: { text: 'x', advice: 'y' } }, 'rejected'],
    [{ status: 'done', message: 'Finished.' }, 'done'],
  ]) {
    const photo = working();
    learn(photo, image);
    assert.equal(photo.state, state);
    assert.equal(isEnded(photo), state !== 'working');
  }
});

test('an upload of which nobody knows whether it came through is lost when the service waits for it', () => {
  const waiting = { status: 'waiting', upload_until: '2026-11-21T12:00:00Z' };
  const unsure = working({ unsure: true });
  const sure = working();
  learn(unsure, waiting);
  learn(sure, waiting);

  assert.deepEqual([unsure.state, unsure.unsure, sure.state], ['lost', false, 'working']);
});

test('an upload of which nobody knows whether it came through has come through when the service waits for no upload', () => {
  const unsure = working({ unsure: true });
  learn(unsure, { status: 'waiting' });

  assert.deepEqual([unsure.state, unsure.unsure], ['working', false]);
});

test('what was lost can be sent again at once if its file was chosen since', () => {
  const [gone, chosen] = [working(), working({ file: fileOf('a.jpg') })];
  for (const photo of [gone, chosen]) lose(photo);

  assert.deepEqual([gone, chosen].map(({ state, advice }) => [state, advice]), [
    ['lost', 'Choose the file again.'], ['broken', 'Retry the upload.'],
  ]);
});

test('only what still has its file can be sent again', () => {
  const photo = photoOf({ name: 'a.jpg', size: 1, type: 'image/jpeg' });
  assert.equal(isRetriable({ ...photo, state: 'canceled' }), true);
  assert.equal(isRetriable({ ...photo, state: 'broken', file: null }), false);
  assert.equal(isRetriable({ ...photo, state: 'done' }), false);
});

test('how far all is adds up, in numbers and in words', () => {
  const photos = [
    working({ state: 'done' }), working({ state: 'rejected' }), working(), working({ state: 'uploading', progress: 0.5 }),
  ];
  const counts = count(photos);

  assert.equal(counts.part, (1 + 1 + 0.8 + 0.4) / 4);
  assert.deepEqual(sentences(counts), {
    headline: '1 of 4 photos finished', details: '1 to upload · 1 processing · 1 needs your attention',
  });
  assert.equal(count([]).part, 0);
  assert.equal(sentences(count([working({ state: 'rejected' })])).headline, '0 of 1 photo finished');
  assert.deepEqual(sentences(count([working({ state: 'done' })])), { headline: 'Your photo is finished', details: '' });
});
