// What people are told about a failure, a key and a page that cannot be used.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { barredForm, barredPage, refusedWords } from '../../web/js/access.js';
import { ApiError } from '../../web/js/api.js';
import { SendError } from '../../web/js/s3.js';
import { brokenOff, explain, troubleOf } from '../../web/js/trouble.js';

test('a page asks for keys alone, a form takes tokens too, and neither can sign', () => {
  const barred = (of) => ['api-key', 'jwt', 'iam'].map((authorizer) => of(authorizer) !== '');

  assert.deepEqual([barred(barredPage), barred(barredForm)], [[false, true, true], [false, false, true]]);
});

test('what failed is named by its service and its cause', () => {
  const storage = (status, answer = '') => troubleOf(new SendError(status, answer));
  const service = (status, message = 'A bug.') => troubleOf(new ApiError(status, message));

  assert.deepEqual([storage(0), storage(503), storage(503, '<Code>SlowDown</Code>')], [
    'The connection to the storage service was lost.',
    'The storage service cannot take uploads now (503).',
    'The storage service cannot take uploads now (SlowDown).',
  ]);
  assert.deepEqual([service(0, 'No answer.'), service(429, 'Too many.'), service(500)], [
    'No answer.', 'Too many.', 'The service cannot answer now (500).',
  ]);
});

test('a failure that does not pass is explained by the fault of the file, if there is one', () => {
  const storage = (code) => explain(new SendError(400, `<Code>${code}</Code>`));

  assert.equal(explain(new ApiError(422, 'Invalid.', { errors: [{ path: '/files/0', detail: 'Too large.' }] })), 'Too large.');
  assert.equal(explain(new ApiError(404, 'Not found.')), 'Not found.');
  assert.equal(explain(new TypeError('x')), 'The file could not be read.');
  assert.deepEqual([storage('EntityTooSmall'), storage('InvalidPolicy')], [
    'The file has changed since you chose it.', 'The storage service rejected the upload: InvalidPolicy.',
  ]);
});

test('an upload that broke off says where, and one that had not begun does not', () => {
  assert.equal(brokenOff({ progress: 0.9, size: 100_000_000 }), 'broke off at 90 MB of 100 MB');
  assert.equal(brokenOff({ progress: 0, size: 100_000_000 }), 'failed');
});

test('people are told what to do about a refused key or token, and why there is no page', () => {
  assert.match(refusedWords('jwt'), /Sign in again/);
  assert.match(refusedWords('api-key'), /API key/);
  assert.deepEqual([barredPage('jwt'), barredPage('iam')].map((words) => [/sign-in/.test(words), words.includes('AWS')]), [[true, false], [false, true]]);
});
