// The pure parts of the page, without a browser: node --test tests/web/modules.test.mjs

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { barredForm, barredPage, refusedWords } from '../../web/js/access.js';
import { Album } from '../../web/js/album.js';
import { ApiError } from '../../web/js/api.js';
import { delay } from '../../web/js/backoff.js';
import { Earlier } from '../../web/js/earlier.js';
import { Gate } from '../../web/js/gate.js';
import { Intake } from '../../web/js/intake.js';
import { formats, refusal } from '../../web/js/limits.js';
import { isEnded, isRetriable, learn, lose, photoOf } from '../../web/js/photo.js';
import { PresignedPosts } from '../../web/js/presigned.js';
import { Previews } from '../../web/js/previews.js';
import { Rounds } from '../../web/js/rounds.js';
import { SendError } from '../../web/js/s3.js';
import { count, sentences } from '../../web/js/summary.js';
import { Tools, toolsOf } from '../../web/js/tools.js';
import { brokenOff, explain, troubleOf } from '../../web/js/trouble.js';
import { list, moment, plural, size } from '../../web/js/words.js';

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

test('a page on which nothing is to come has no say in when to ask again', async () => {
  const api = new Listed(['b', 'a']);
  const { page } = api;
  api.page = async (...asked) => ({ ...await page.apply(api, asked), ...(asked[0] && { retryAfter: null }) });
  api.names = ['d', 'c', 'b', 'a'];

  assert.equal((await new Rounds(api).ask(['a'], () => {})).retryAfter, 5);
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
  assert.equal(paused.lets(10), false);
  t.mock.timers.tick(10);
  assert.deepEqual(told, ['opened']); // once
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

/** The earlier photos of a service with these pages, each as it is called in the list; an error is thrown. */
function earlier(...pages) {
  const album = {
    photos: [],
    add(photo) { this.photos.push(photo); },
    remove(photo) { this.photos = this.photos.filter((each) => each !== photo); },
  };
  const more = { addEventListener() {}, hidden: true, disabled: false };
  const failures = [];
  const api = {
    asked: [],
    async page(cursor) {
      this.asked.push(cursor);
      const page = await pages[Number(cursor ?? 0)];
      if (page instanceof Error) throw page;
      return { page };
    },
  };
  return { api, album, more, failures, list: new Earlier({ api, album, more, failed: (error) => failures.push(error) }) };
}

const listed = (location, more = {}) => ({ name: location, location, status: 'done', variants: [], ...more });
const locations = ({ photos }) => photos.map(({ location }) => location);

test('of the photos that were uploaded before, none is shown that is here, is still to come, or never came', async () => {
  const images = [
    listed('here'), listed('yesterday'), listed('another tab', { status: 'waiting' }),
    listed('never', { status: 'failed', reason: { class: 'NotUploaded' } }), listed('broken', { status: 'rejected', reason: { class: 'CorruptImage' } }),
  ];
  const { album, list, more } = earlier({ images, next: null });
  album.photos.push({ location: 'here' });
  await list.read();

  assert.deepEqual(locations(album), ['here', 'yesterday', 'broken']);
  assert.equal(more.hidden, true);
});

test('pages without a photo to show are read over, but not without end', async () => {
  const empty = (next) => ({ images: [listed('x', { status: 'waiting' })], next });
  const short = earlier(empty('1'), empty('2'), { images: [listed('found')], next: '3' });
  await short.list.read();
  const long = earlier(...Array.from({ length: 9 }, (_, at) => empty(String(at + 1))));
  await long.list.read();

  const none = earlier(empty(null));
  await none.list.read();

  assert.deepEqual([locations(short.album), short.api.asked, short.more.hidden], [['found'], [null, '1', '2'], false]);
  assert.deepEqual([none.api.asked, none.more.hidden], [[null], true]);
  assert.deepEqual([long.api.asked.length, long.more.hidden, long.more.disabled], [5, false, false]);
  await short.list.read();
  assert.equal(short.api.asked.at(-1), '3');
});

test('photos of the last key that come after it was changed are not shown, and neither is their failure', async () => {
  for (const answer of [{ images: [listed('theirs')], next: '1' }, new ApiError(500, 'A bug.')]) {
    let come;
    const { album, failures, list, more } = earlier(new Promise((resolve) => { come = resolve; }));
    album.photos.push({ location: 'own' }, { location: 'before', earlier: true });
    const reading = list.read();
    list.clear();
    come(answer);
    await reading;

    assert.deepEqual([locations(album), failures, more.hidden], [['own'], [], true]);
  }
});

test('photos of another key are read from the first page on, while those of the last one may still come', async () => {
  const { api, list, more } = earlier();
  const asked = [];
  api.page = (cursor) => new Promise((resolve) => asked.push({ cursor, answer: (next) => resolve({ page: { images: [listed('a')], next } }) }));
  const first = list.read();
  asked[0].answer('1');
  await first;
  const old = list.read();
  list.clear();
  assert.equal(more.hidden, true);
  const reading = list.read();
  asked[1].answer('2');
  await old;
  assert.equal(more.disabled, true);
  asked[2].answer(null);
  await reading;

  assert.deepEqual([asked.map(({ cursor }) => cursor), more.disabled, more.hidden], [[null, '1', null], false, true]);
});

test('a list that cannot be read is reported, and can be asked for again', async () => {
  const { failures, list, more } = earlier(new ApiError(500, 'A bug.'));
  await list.read();

  assert.deepEqual([failures.length, more.disabled], [1, false]);
  await assert.rejects(earlier(new TypeError('ours')).list.read(), TypeError);
});

/** An intake, and what it gave to the uploads and said; files have the same time. */
function intake(...own) {
  const log = { sent: [], said: '', anyway: null };
  const album = { own, add: (photo) => album.own.includes(photo) || album.own.push(photo) };
  const notices = { set: (_source, words, action) => Object.assign(log, { said: words, anyway: action?.act }) };
  const uploads = { add: (photos) => log.sent.push(...photos) };
  return { log, album, taken: new Intake({ album, settings: SETTINGS, uploads, notices }) };
}

const fileOf = (name, more = {}) => ({ name, size: 1, type: 'image/jpeg', lastModified: 7, ...more });
const photoHere = (state, more = {}) => ({ ...photoOf(fileOf('a.jpg')), file: null, state, ...more });

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

/** A picture of a page, and the object URLs that are alive. */
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

/** Tools of a service that answers as told, and what they said; the page around them is made up. */
function tools(t, api) {
  class Button extends EventTarget {}
  class Elements {
    #elements = {};
    querySelector(selector) { return (this.#elements[selector] ??= new Button()); }
    close() {}
    showModal() {}
  }
  const clicked = [];
  const gone = [];
  const dialog = new Elements();
  globalThis.HTMLButtonElement = Button;
  globalThis.HTMLElement = Button;
  globalThis.document = { createElement: () => { const link = { click: () => clicked.push(link.href) }; return link; } };
  t.after(() => ['HTMLButtonElement', 'HTMLElement', 'document'].forEach((name) => Reflect.deleteProperty(globalThis, name)));
  const said = [];
  const notices = { set: (_source, words) => said.push(words) };
  const made = new Tools({ api, notices, dialog, changed: () => {}, gone: (photo) => gone.push(photo.name) });
  const erase = (photo) => {
    made.ask(photo);
    dialog.querySelector('#confirm-delete').onclick();
  };
  return { clicked, said, gone, made, erase };
}

test('of several photos that are saved each that failed is named, and only if none did the rest is said', async (t) => {
  const variants = (name) => [{ name: 'desktop', url: `${name}/desktop` }, { name: 'phone', url: `${name}/phone` }];
  const api = { async downloads(location) {
    if (location === 'b') throw new ApiError(503, 'Try again.');
    return { variants: variants(location), original: `${location}/original` };
  } };
  const { clicked, said, made } = tools(t, api);
  const photos = ['a', 'b', 'c'].map((location) => ({ name: location, location }));
  const button = { textContent: 'Download all', disabled: false };
  await made.saveAll(photos, button);
  assert.deepEqual([clicked.splice(0), said.splice(0)], [['a/desktop', 'c/desktop'], ['b was not downloaded: Try again.']]);
  assert.deepEqual([button.textContent, button.disabled], ['Download all', false]);

  await made.saveAll([photos[0]], button);
  assert.match(said.pop(), /^1 download started\./);
  await made.save(photos[0], 'phone');
  await made.save(photos[0], 'original');
  await made.save(photos[0], 'gone');
  assert.deepEqual(clicked, ['a/desktop', 'a/phone', 'a/original', 'a/desktop']);
});

test('a bug of ours is none of the service\'s failures', async (t) => {
  const { said, made } = tools(t, { async downloads() { throw new TypeError('ours'); } });

  await assert.rejects(made.save({ name: 'a', location: 'a' }), TypeError);
  assert.deepEqual(said, []);
});

/** An API whose requests to erase an image, and for it afterwards, end as given, one after the other; null for one that succeeds. */
function erasing(...ends) {
  const next = async () => {
    const end = ends.shift();
    if (end) throw end;
    return { image: {} };
  };
  return { erase: next, image: next, ends };
}

const [missing, busy] = [new ApiError(404, 'Image not found.'), new ApiError(503, 'Try again.')];
/** Until all promises that are resolved were heard. */
const settled = () => new Promise((resolve) => { setImmediate(resolve); });

test('a photo that is deleted is asked for, every four seconds or sooner, until the service has none', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const api = erasing(null, null, busy, new ApiError(0, 'No answer.'), null, null, null, missing);
  const { gone, said, erase } = tools(t, api);
  const photo = working({ state: 'done', location: 'a' });
  erase(photo);
  for (let left = api.ends.length; left > 0; left -= 1) {
    assert.deepEqual([photo.state, gone], ['deleting', []]);
    await settled();
    t.mock.timers.tick(4_000);
  }
  await settled();

  assert.deepEqual([gone, said], [['a.jpg'], []]);
});

test('a photo that the service no longer has is deleted at once', async (t) => {
  const { gone, erase } = tools(t, erasing(missing));
  erase(working({ state: 'done', location: 'a' }));
  await settled();

  assert.deepEqual(gone, ['a.jpg']);
});

test('a photo that could not be deleted is as it was, with the reason', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const ends of [[busy], [new ApiError(403, 'Try again.')], [null, new ApiError(403, 'Try again.')]]) {
    const { gone, said, erase } = tools(t, erasing(...ends));
    const photo = working({ state: 'rejected', text: 'Damaged.', location: 'a' });
    erase(photo);
    await settled();
    t.mock.timers.tick(1_000);
    await settled();

    assert.deepEqual([photo.state, photo.text, gone, said], ['rejected', 'Damaged.', [], ['a.jpg was not deleted: Try again.']]);
  }
});

/** Copy the link to this URL into a clipboard that takes it or not, and what was said. */
async function copied(t, url, refusal) {
  globalThis.ClipboardItem = class { constructor(types) { this.types = types; } };
  t.after(() => Reflect.deleteProperty(globalThis, 'ClipboardItem'));
  const kept = [];
  const write = async ([{ types }]) => {
    if (refusal) throw refusal;
    kept.push(await (await types['text/plain']).text());
  };
  Object.defineProperty(globalThis, 'navigator', { value: { clipboard: { write } }, configurable: true });
  const { said, made } = tools(t, { async image() { return { image: { variants: [{ url }] } }; } });
  await made.copy({ name: 'a.jpg', location: 'a' });
  return { kept, said };
}

test('a link is copied with the time until which it works, or that it does not expire', async (t) => {
  const signed = 'https://s3.example.com/a.jpg?X-Amz-Date=20261121T120000Z&X-Amz-Expires=3600';
  const until = moment('2026-11-21T13:00:00Z');

  assert.deepEqual(await copied(t, signed), { kept: [signed], said: [`Link to a.jpg copied. It works for anyone until ${until}.`] });
  const plain = 'https://cdn.example.com/a.jpg';
  assert.deepEqual(await copied(t, plain), { kept: [plain], said: ['Link to a.jpg copied. It does not expire.'] });
});

test('a clipboard that takes nothing is reported', async (t) => {
  const { said } = await copied(t, 'https://cdn.example.com/a.jpg', new DOMException('Denied.', 'NotAllowedError'));

  assert.deepEqual(said, ['The link to a.jpg was not copied: Denied.']);
});

test('a photo is saved and linked to when it is done, and deleted when it has come to its end', () => {
  const image = { variants: [{ name: 'desktop', url: 'u' }] };
  const offered = (photo, erasure = true) => Object.entries(toolsOf({ location: 'a', image, ...photo }, erasure)).filter(([, is]) => is).map(([name]) => name);

  assert.deepEqual(offered({ state: 'done' }), ['save', 'copy', 'delete']);
  assert.deepEqual(offered({ state: 'done' }, false), ['save', 'copy']);
  assert.deepEqual(offered({ state: 'done', image: { variants: [] } }), ['delete']); // of which the variants are gone
  for (const state of ['queued', 'uploading', 'working', 'deleting']) assert.deepEqual(offered({ state, earlier: true }), [], state);
  for (const state of ['rejected', 'failed']) {
    assert.deepEqual(offered({ state, image: { variants: [] }, earlier: true }), ['delete'], state);
    assert.deepEqual(offered({ state, image: { variants: [] } }), [], state);
    assert.deepEqual(offered({ state, location: undefined, image: undefined }), [], state);
  }
});

/** An album that keeps its photos in this storage, and what becomes of it when the page is hidden. */
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

test('people are told what to do about a refused key or token, and why there is no page', () => {
  assert.match(refusedWords('jwt'), /Sign in again/);
  assert.match(refusedWords('api-key'), /API key/);
  assert.deepEqual([barredPage('jwt'), barredPage('iam')].map((words) => [/sign-in/.test(words), words.includes('AWS')]), [[true, false], [false, true]]);
});
