// The pure parts of the page, without a browser: node --test tests/web/modules.test.mjs

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../web/js/api.js';
import { delay } from '../../web/js/backoff.js';
import { Gate } from '../../web/js/gate.js';
import { formats, refusal } from '../../web/js/limits.js';
import { isEnded, isRetriable, learn, photoOf } from '../../web/js/photo.js';
import { PresignedPosts } from '../../web/js/presigned.js';
import { Rounds } from '../../web/js/rounds.js';
import { SendError } from '../../web/js/s3.js';
import { count, sentences } from '../../web/js/summary.js';
import { list, plural, size } from '../../web/js/words.js';

const SETTINGS = { content_types: ['image/jpeg', 'image/heic'], extensions: ['.jpg', '.heic'], max_bytes: 1_000 };

test('the wait doubles up to a minute, with jitter, and never ends before the server said', () => {
  assert.deepEqual([1, 2, 3, 20].map((attempt) => delay(attempt, null, () => 1)), [1_000, 2_000, 4_000, 60_000]);
  assert.equal(delay(1, null, () => 0), 500);
  assert.equal(delay(1, 7, () => 1), 7_000);
});

test('sizes are rounded as people say them', () => {
  assert.deepEqual([0, 999, 1_000, 1_540, 61_400, 100_000_000, 2_000_000_000].map(size), [
    '0 bytes', '999 bytes', '1 kB', '1.5 kB', '61 kB', '100 MB', '2 GB',
  ]);
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
  for (const [status, code] of [[400, 'RequestTimeout'], [400, 'IncompleteBody'], [409, 'OperationAborted'], [503, 'SlowDown'], [500, 'InternalError']]) {
    assert.equal(kind(status, code), 'again', code);
  }
  for (const [status, code] of [[400, 'ExpiredToken'], [400, 'InvalidToken'], [403, 'RequestTimeTooSkewed']]) assert.equal(kind(status, code), 'new form');
  assert.equal(kind(403, 'AccessDenied', '<Message>Invalid according to Policy: Policy expired.</Message>'), 'new form');
  for (const [status, code] of [[403, 'AccessDenied'], [400, 'EntityTooLarge'], [403, 'SignatureDoesNotMatch']]) assert.equal(kind(status, code), 'end');
});

test('a file is refused for its type, its emptiness and one byte too many', () => {
  const file = { name: 'a.jpg', type: 'image/jpeg', size: 1_000 };
  assert.equal(refusal(file, SETTINGS), null);
  assert.match(refusal({ ...file, size: 1_001 }, SETTINGS).text, /too large: 1 kB/);
  assert.match(refusal({ ...file, size: 0 }, SETTINGS).text, /empty/);
  assert.equal(refusal({ ...file, type: 'text/plain' }, SETTINGS).advice, 'Save it as JPEG or HEIC and add the new file.');
  assert.deepEqual(formats(SETTINGS), ['JPEG', 'HEIC']);
});

const working = (more = {}) => ({ ...photoOf({ name: 'a.jpg', size: 1, type: 'image/jpeg' }), state: 'working', progress: 1, file: null, ...more });

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

  assert.deepEqual([unsure.state, sure.state], ['lost', 'working']);
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
  assert.deepEqual(sentences(count([working({ state: 'done' })])), { headline: 'Your photo is finished', details: '' });
});

test('S3\'s refusals are told apart: retry later, retry with a new presigned POST, or no retry', () => {
  const slow = new SendError(503, '<Error><Code>SlowDown</Code></Error>');
  const late = new SendError(403, '<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message></Error>');
  const large = new SendError(400, '<Error><Code>EntityTooLarge</Code></Error>');
  const small = new SendError(400, '<Error><Code>EntityTooSmall</Code></Error>');

  assert.deepEqual([slow, late, large, small].map(({ passing, expired, changed }) => [passing, expired, changed]), [
    [true, false, false], [false, true, false], [false, false, true], [false, false, true],
  ]);
});

/** A list of images in pages of two, as the service gives it; counts what it sent. */
class Listed {
  constructor(names) {
    this.names = names;
    this.sent = [];
  }

  async page(cursor, etag) {
    const start = Number(cursor ?? 0);
    const images = this.names.slice(start, start + 2).map((location) => ({ location }));
    const tag = images.map(({ location }) => location).join();
    this.sent.push(etag === tag ? 304 : 200);
    const next = start + 2 < this.names.length ? String(start + 2) : null;
    return { page: etag === tag ? null : { images, next }, etag: tag, retryAfter: 5 + start };
  }
}

test('a round goes on until all that are wanted were seen, and no further', async () => {
  const api = new Listed(['f', 'e', 'd', 'c', 'b', 'a']);
  const told = [];
  const round = await new Rounds(api).ask(['e', 'c'], ({ location }) => told.push(location));

  assert.deepEqual(told, ['f', 'e', 'd', 'c']);
  assert.deepEqual([round.retryAfter, round.unseen.size, api.sent], [5, 0, [200, 200]]);
});

test('a page that is unchanged is not sent again, until everything is wanted once more', async () => {
  const api = new Listed(['d', 'c', 'b', 'a']);
  const rounds = new Rounds(api);
  const told = [];
  await rounds.ask(['a'], () => {});
  await rounds.ask(['a'], ({ location }) => told.push(location));
  rounds.forget();
  await rounds.ask(['d'], ({ location }) => told.push(location));

  assert.deepEqual([told, api.sent], [['d', 'c'], [200, 200, 304, 304, 200]]);
});

test('a round during which everything is wanted once more ends as it began, and the next one tells everything', async () => {
  const api = new Listed(['b', 'a']);
  const rounds = new Rounds(api);
  const { page } = api;
  const wanted = () => rounds.ask(['a'], ({ location }) => told.push(location));
  const told = [];
  await wanted();
  api.page = (...asked) => {
    rounds.forget();
    return page.apply(api, asked);
  };
  await wanted();
  api.page = page;
  await wanted();

  assert.deepEqual([told, api.sent], [['b', 'a', 'b', 'a'], [200, 304, 200]]);
});

test('what no page has is told as unseen', async () => {
  const round = await new Rounds(new Listed(['b', 'a'])).ask(['a', 'gone'], () => {});

  assert.deepEqual([...round.unseen], ['gone']);
});

/** A gate, and what it told; the browser around it is made up. */
function gate(t, { online = true } = {}) {
  const told = [];
  const listeners = {};
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(performance, 'now', () => told.now ?? 0);
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: online }, configurable: true });
  globalThis.addEventListener = (name, listener) => { listeners[name] = listener; };
  t.after(() => delete globalThis.addEventListener);
  const made = new Gate({ opened: () => told.push('opened'), forbidden: () => told.push('forbidden'), troubled: (words) => told.push(words) });
  return { gate: made, told, listeners };
}

test('a gate lets nothing through offline, and tells when the connection is back', (t) => {
  const { gate: closed, told, listeners } = gate(t, { online: false });

  assert.equal(closed.lets(), false);
  listeners.online();
  assert.deepEqual(told, ['opened']);
});

test('a pause ends by itself, the longest of several counts, and news of the connection ends it at once', (t) => {
  const { gate: paused, told, listeners } = gate(t);
  paused.pause(5_000, 'one');
  paused.pause(1_000, 'two');
  assert.deepEqual(told.splice(0), ['one', 'two']);

  assert.equal(paused.lets(), false);
  t.mock.timers.tick(4_999);
  assert.deepEqual(told, []);
  t.mock.timers.tick(1);
  assert.deepEqual(told, ['opened']);
  listeners.online();
  assert.equal(paused.lets(), true);
  paused.succeed();
  paused.succeed();
  assert.deepEqual(told.splice(0), ['opened', 'opened', '']);
  assert.equal(paused.lets(10), false); // not due yet
});

test('a refused key is told once, and nothing goes through until there is another', (t) => {
  const { gate: refused, told } = gate(t);
  refused.refuse(new Error('403'));
  refused.refuse(new Error('403'));

  assert.equal(refused.lets(), false);
  refused.go();
  assert.equal(refused.lets(), true);
  assert.deepEqual(told, ['forbidden', 'opened']);
});

/** Presigned POSTs from a service that accepts no file named "bad"; requests and refusals are logged. */
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

const named = (...names) => names.map((name) => photoOf({ name, size: 1, type: 'image/jpeg' }));
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

test('a file that the service does not accept keeps no other from its presigned POST', async () => {
  const { log, posts } = presignedPosts();
  const [bad, good] = named('bad', 'good');
  const taken = posts.of(good, () => (log.refused.length > 0 ? [] : [bad]), signal);

  assert.equal((await taken).url, 'good');
  assert.deepEqual(log, { asked: [['good', 'bad'], ['good']], refused: [['bad', 'no']] });
});
