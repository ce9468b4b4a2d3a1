// Words, sizes, moments, limits and the wait between tries.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { delay } from '../../web/js/backoff.js';
import { formats, refusal } from '../../web/js/limits.js';
import { SendError } from '../../web/js/s3.js';
import { list, moment, plural, size } from '../../web/js/words.js';
import { SETTINGS } from './builders.mjs';

test('the wait doubles up to a minute, with jitter, and never ends before the server said', () => {
  assert.deepEqual([1, 2, 3, 20].map((attempt) => delay(attempt, null, () => 1)), [1_000, 2_000, 4_000, 60_000]);
  assert.equal(delay(1, null, () => 0), 500);
  assert.equal(delay(1, 7, () => 1), 7_000);
});

test('sizes are rounded as people say them', () => {
  assert.deepEqual([0, 999, 1_000, 1_540, 61_400, 100_000_000, 2_000_000_000].map(size), [
    '0 bytes', '999 bytes', '1 kB', '1.5 kB', '61 kB', '100 MB', '2 GB',
  ]);
  assert.equal(size(3_000_000_000_000), '3000 GB');
});

test('what is no date is said as it is', () => {
  assert.equal(moment('in the 1970s'), 'in the 1970s');
});

test('lists and plurals read as sentences', () => {
  assert.deepEqual([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(list), ['', 'a', 'a and b', 'a, b and c']);
  assert.deepEqual([plural(1, 'photo'), plural(2, 'photo')], ['1 photo', '2 photos']);
});

test('a file is taken by its type, by its extension, or to be known by its content', () => {
  const taken = (name, type) => refusal({ name, type, size: 1 }, SETTINGS) === null;
  for (const [name, type] of [
    ['a', 'image/jpeg'], ['a.png', 'image/jpeg'], ['IMG.HEIC', ''], ['a.jpg', 'image/jpg'], ['a.jpg', 'application/octet-stream'],
    ['a', ''], ['a', 'image/x-unheard-of'],
  ]) assert.ok(taken(name, type), `${name} ${type}`);
  for (const [name, type] of [
    ['a.cr2', ''], ['a.cr2', 'image/x-canon-cr2'], ['a.jpg', 'text/plain'], ['a', 'video/mp4'], ['a.svg', 'image/svg+xml'],
  ]) assert.ok(!taken(name, type), `${name} ${type}`);
});

test('what S3 refuses is tried again, sent with a new form, or ends, by its code', () => {
  const kind = (status, code, more = '') => {
    const error = new SendError(status, `<Error><Code>${code}</Code>${more}</Error>`);
    return error.expired ? 'new form' : error.passing ? 'again' : 'end';
  };
  for (const [status, code] of [
    [400, 'RequestTimeout'], [400, 'IncompleteBody'], [400, 'BadDigest'], [409, 'OperationAborted'], [409, 'ConditionalRequestConflict'],
    [503, 'SlowDown'], [500, 'InternalError'], [408, ''], [429, ''], [502, ''], [0, ''],
  ]) assert.equal(kind(status, code), 'again', `${status} ${code}`);
  for (const [status, code] of [
    [400, 'ExpiredToken'], [400, 'InvalidToken'], [400, 'TokenRefreshRequired'], [403, 'InvalidAccessKeyId'], [403, 'RequestTimeTooSkewed'],
  ]) assert.equal(kind(status, code), 'new form', code);
  assert.equal(kind(403, 'AccessDenied', '<Message>Invalid according to Policy: Policy expired.</Message>'), 'new form');
  for (const [status, code, more] of [
    [403, 'AccessDenied'], [400, 'EntityTooLarge'], [403, 'SignatureDoesNotMatch'], [499, ''], [400, 'InvalidRequest', '<Message>expired</Message>'],
  ]) assert.equal(kind(status, code, more), 'end', code);
});

test('a file is refused for its type, its emptiness and one byte too many', () => {
  const file = { name: 'a.jpg', type: 'image/jpeg', size: 1_000 };
  assert.equal(refusal(file, SETTINGS), null);
  assert.match(refusal({ ...file, size: 1_001 }, SETTINGS).text, /too large: 1 kB/);
  assert.match(refusal({ ...file, size: 0 }, SETTINGS).text, /empty/);
  assert.equal(refusal({ ...file, type: 'text/plain' }, SETTINGS).advice, 'Save it as JPEG or HEIC and add the new file.');
  assert.deepEqual(formats(SETTINGS), ['JPEG', 'HEIC']);
});
