// Presigned POSTs: one request for all photos that wait, and S3's refusals.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../web/js/api.js';
import { PresignedPosts } from '../../web/js/presigned.js';
import { SendError } from '../../web/js/s3.js';
import { named } from './builders.mjs';

test('S3\'s refusals are told apart: retry later, retry with a new presigned POST, or no retry', () => {
  const slow = new SendError(503, '<Error><Code>SlowDown</Code></Error>');
  const late = new SendError(403, '<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message></Error>');
  const large = new SendError(400, '<Error><Code>EntityTooLarge</Code></Error>');
  const small = new SendError(400, '<Error><Code>EntityTooSmall</Code></Error>');

  assert.deepEqual([slow, late, large, small].map(({ passing, expired, changed }) => [passing, expired, changed]), [
    [true, false, false], [false, true, false], [false, false, true], [false, false, true],
  ]);
});

function presignedPosts() {
  const log = { asked: [], refused: [] };
  const api = {
    async createUploads(files) {
      log.asked.push(files.map(({ name }) => name));
      const errors = files.flatMap(({ name }, index) => (name === 'bad' ? [{ path: `/files/${index}/size`, detail: 'no' }] : []));
      if (errors.length > 0) throw new ApiError(422, 'no', { errors });
      return files.map(({ name }) => ({ location: `images/${name}`, upload: { url: name, fields: {} } }));
    },
  };
  const refused = (photo, detail) => log.refused.push([photo.name, detail]);
  const settings = { max_files: 3, upload_seconds: 900 };
  return { log, posts: new PresignedPosts({ api, settings, created: () => {}, refused }) };
}

const { signal } = new AbortController();

test('one request creates presigned POSTs for all waiting photos, up to its limit, and each is requested once', async () => {
  const { log, posts } = presignedPosts();
  const photos = named('a', 'b', 'c', 'd');
  const given = await Promise.all(photos.map((photo) => posts.of(photo, () => photos, signal)));
  await posts.of(photos[0], () => photos, signal);
  posts.drop(photos[0]);
  await posts.of(photos[0], () => photos, signal);

  assert.deepEqual(given.map(({ url }) => url), ['a', 'b', 'c', 'd']);
  assert.deepEqual(log.asked, [['a', 'b', 'c'], ['d'], ['a']]);
  assert.equal(photos[3].location, 'images/d');
});

test('a presigned POST is used until half a minute before it expires, and what was canceled meanwhile gets none', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const { log, posts } = presignedPosts();
  const [photo] = named(`${'a'.repeat(300)}.jpg`);
  for (now of [0, 869_999, 870_000]) await posts.of(photo, () => [photo], signal);
  assert.deepEqual(log.asked, Array(2).fill([`${'a'.repeat(251)}.jpg`]));
  posts.settings.upload_seconds = 20;
  const [short] = named('short');
  await posts.of(short, () => [short], signal);
  await assert.rejects(posts.of(...named('b'), () => [], AbortSignal.abort(new Error('Canceled'))), /Canceled/);
});

test('a file that the service does not accept keeps no other from its presigned POST', async () => {
  const { log, posts } = presignedPosts();
  const [bad, good] = named('bad', 'good');
  const taken = posts.of(good, () => (log.refused.length > 0 ? [] : [bad]), signal);

  assert.equal((await taken).url, 'good');
  assert.deepEqual(log, { asked: [['good', 'bad'], ['good']], refused: [['bad', 'no']] });
});

test('a fault of the request that is none of a file is an error', async () => {
  const { log, posts } = presignedPosts();
  posts.api.createUploads = async () => { throw new ApiError(422, 'no', { errors: [{ path: '/files', detail: 'Too many.' }, { path: '/files/1' }] }); };

  await assert.rejects(posts.of(...named('a'), () => [], signal), ApiError);
  assert.deepEqual(log.refused, []);
});
