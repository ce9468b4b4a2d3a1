// What the page sends, when it sends it again, and when not, with a browser and services that are made up: node --test tests/web/requests.test.mjs

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../web/js/api.js';
import { Follower } from '../../web/js/follow.js';
import { photoOf } from '../../web/js/photo.js';
import { Uploads } from '../../web/js/uploads.js';

/** Until all promises that are resolved were heard. */
const settled = () => new Promise((resolve) => { setImmediate(resolve); });

/** A clock on which what follows from a timer happens before the next one, and the browser around a gate; all are made up. */
function browser(t) {
  const around = { now: 0, listeners: {}, navigator: { onLine: true }, document: { hidden: false } };
  const timers = new Map();
  let made = 0;
  t.mock.method(globalThis, 'setTimeout', (act, wait) => timers.set(made += 1, { at: around.now + wait, act }) && made);
  t.mock.method(globalThis, 'clearTimeout', (timer) => timers.delete(timer));
  t.mock.method(performance, 'now', () => around.now);
  t.mock.method(Math, 'random', () => 1); // no jitter
  const listen = (name, listener) => { (around.listeners[name] ??= []).push(listener); };
  around.document.addEventListener = listen;
  Object.defineProperty(globalThis, 'navigator', { value: around.navigator, configurable: true });
  Object.assign(globalThis, { addEventListener: listen, document: around.document });
  t.after(() => ['addEventListener', 'document', 'XMLHttpRequest'].forEach((name) => Reflect.deleteProperty(globalThis, name)));
  around.happens = (name) => around.listeners[name].forEach((listener) => listener());
  /** Let so many milliseconds pass, and hear what comes of it. */
  around.pass = async (milliseconds) => {
    await settled();
    const end = around.now + milliseconds;
    const next = () => [...timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at)[0];
    let left = 200;
    for (let due = next(); due; due = next()) {
      assert.ok(left -= 1, 'timers follow one another without end');
      timers.delete(due[0]);
      around.now = Math.max(around.now, due[1].at);
      due[1].act();
      await settled();
    }
    around.now = end;
    await settled();
  };
  return around;
}

const REFUSAL = (code) => `<Error><Code>${code}</Code></Error>`;

/** Uploads to a storage that answers each in turn as [status, code], and keeps all others waiting; logs what it was sent and said. */
function uploads(t, ...answers) {
  const around = browser(t);
  const log = { asked: 0, sent: [], told: [], uploaded: [], requests: [], refusals: [] };
  globalThis.XMLHttpRequest = class {
    upload = {};
    isOpen = true;

    open(_method, url) {
      this.url = url;
    }

    send(body) {
      log.requests.push(this);
      log.sent.push([this.url, ...body.keys()].join(' '));
      const answer = answers.shift();
      if (answer) queueMicrotask(() => this.end(...answer));
    }

    end(status, code = '', part = null) {
      if (part !== null) this.progress(part);
      Object.assign(this, { status, responseText: code && REFUSAL(code), isOpen: false });
      this.onloadend();
    }

    progress(part, lengthComputable = true) {
      this.upload.onprogress({ lengthComputable, loaded: part, total: 1 });
    }

    abort() {
      assert.ok(this.isOpen, 'aborted after its end');
      this.end(0);
    }
  };
  const api = { async createUploads(files) {
    log.asked += 1;
    const refusal = log.refusals.shift();
    if (refusal) throw refusal;
    return files.map(({ name }) => ({ location: `images/${name}`, upload: { url: `${name}#${log.asked}`, fields: { key: name } } }));
  } };
  const made = new Uploads({
    api, settings: { max_files: 100, upload_seconds: 900 }, changed: () => {}, uploaded: ({ name }) => log.uploaded.push(name),
    forbidden: () => log.told.push('forbidden'), troubled: (words) => log.told.push(words),
  });
  return { ...around, around, log, made };
}

const chosen = (...names) => names.map((name) => photoOf(new File(['bytes'], name, { type: 'image/jpeg' })));

test('a photo is sent with its form, the file last, and then no longer held', async (t) => {
  const { log, made } = uploads(t, [204]);
  const [photo] = chosen('a');
  made.add([photo]);
  await settled();

  assert.deepEqual([log.sent, log.uploaded, log.told], [['a#1 key file'], ['a'], []]);
  assert.deepEqual([photo.state, photo.progress, photo.file, photo.location], ['working', 1, null, 'images/a']);
  Object.assign(photo, chosen('a')[0]); // the service no longer has it, and it was chosen again
  made.add([photo]);
  await settled();
  assert.equal(log.sent[1], 'a#2 key file');
});

for (const [status, code] of [[400, 'RequestTimeout'], [408], [429], [500, 'InternalError'], [503, 'SlowDown'], [0]]) {
  test(`after S3's ${code ?? status} all uploads pause, and it is sent again with the same form`, async (t) => {
    const { log, made, pass } = uploads(t, [status, code], [status, code], [204, '', 0.5]);
    const [photo] = chosen('a');
    made.add([photo]);
    await settled();
    assert.deepEqual([photo.state, photo.text, log.sent.length, log.told.length], ['queued', undefined, 1, 1]);
    await pass(999);
    assert.equal(log.sent.length, 1);
    await pass(1);
    assert.equal(log.sent.length, 2);
    await pass(1_999);
    assert.equal(log.sent.length, 2);
    await pass(1);

    assert.deepEqual([log.sent, log.asked, log.uploaded, log.told.at(-1)], [Array(3).fill('a#1 key file'), 1, ['a'], '']);
  });
}

test('a form that has ended is replaced at once, but not over and over', async (t) => {
  const ended = [400, 'ExpiredToken'];
  const { log, made, pass } = uploads(t, ended, ended, [204]);
  made.add(chosen('a'));
  await settled();
  assert.deepEqual([log.sent, log.told.length], [['a#1 key file', 'a#2 key file'], 1]);
  await pass(2_000);

  assert.deepEqual([log.sent[2], log.uploaded], ['a#3 key file', ['a']]);
});

test('what S3 refuses for good ends at once, and is sent with a new form when a person wants it', async (t) => {
  const { log, made } = uploads(t, [403, 'SignatureDoesNotMatch'], [204]);
  const [photo] = chosen('a');
  made.add([photo]);
  await settled();
  assert.deepEqual([photo.state, photo.text, log.told], ['broken', 'The storage service rejected the upload: SignatureDoesNotMatch.', []]);
  made.add([photo]);
  await settled();

  assert.deepEqual([log.sent.at(-1), photo.state, photo.text], ['a#2 key file', 'working', undefined]);
});

test('an upload is given up after six failures, and a person has six more', async (t) => {
  const { log, made, pass } = uploads(t, ...Array(12).fill([503, 'SlowDown', 0.5]));
  const [photo] = chosen('a');
  for (const sent of [6, 12]) {
    made.add([photo]);
    assert.equal(photo.advice, undefined);
    await settled();
    for (let left = 6; left > 0; left -= 1) await pass(60_000);
    assert.deepEqual([photo.state, photo.progress, log.sent.length], ['broken', 0, sent]);
    assert.equal(photo.text, 'The upload broke off at 3 bytes of 5 bytes. The storage service cannot take uploads now (SlowDown).');
  }
});

test('a service that gives no form is asked again when it says, and a form that it refuses ends the upload', async (t) => {
  const { log, made, pass } = uploads(t, [204]);
  log.refusals.push(new ApiError(503, 'Busy.', { retryAfter: 7 }), null, new ApiError(413, 'Too many.'));
  made.add(chosen('a'));
  await settled();
  await pass(6_999);
  assert.equal(log.asked, 1);
  await pass(1);
  assert.deepEqual([log.asked, log.uploaded], [2, ['a']]);
  const [other] = chosen('b');
  made.add([other]);
  await settled();

  assert.deepEqual([other.state, other.text], ['broken', 'Too many.']);
});

test('of a refused key all uploads wait for another one', async (t) => {
  const { log, made, pass } = uploads(t, [204], [204]);
  log.refusals.push(new ApiError(403, 'Forbidden'));
  const photos = chosen('a', 'b');
  made.add(photos);
  await pass(60_000);
  assert.deepEqual([photos.map(({ state }) => state), log.told, log.asked], [['queued', 'queued'], ['forbidden'], 1]);
  made.gate.go();
  await settled();

  assert.deepEqual(log.uploaded.toSorted(), ['a', 'b']);
});

test('an upload that breaks off offline says so, and begins again with the connection', async (t) => {
  const { happens, log, made, navigator, pass } = uploads(t);
  const [photo] = chosen('a');
  made.add([photo]);
  await settled();
  navigator.onLine = false;
  log.requests[0].end(0, '', 0.5);
  await pass(60_000);
  assert.deepEqual([photo.state, log.told], ['queued', []]);
  assert.equal(photo.text, 'The upload broke off at 3 bytes of 5 bytes. It starts from the beginning when you are back online.');
  navigator.onLine = true;
  happens('online');
  await settled();

  assert.equal(log.sent.length, 2);
});

test('a file that cannot be read is no lost connection', async (t) => {
  const { log, made } = uploads(t, [0]);
  const [photo] = chosen('a');
  photo.file.slice = () => { throw new DOMException('gone', 'NotFoundError'); };
  made.add([photo]);
  await settled();

  assert.deepEqual([photo.state, photo.text, log.told], ['broken', 'The file could not be read.', []]);
});

test('a file that may not be read any more is no cause of what S3 says', async (t) => {
  const { made } = uploads(t, [503]);
  const [photo] = chosen('a');
  photo.file.slice = () => { throw new DOMException('gone', 'NotFoundError'); };
  made.add([photo]);
  await settled();

  assert.equal(photo.state, 'queued');
});

test('five are sent at once, a failed one first again, and what is canceled neither is nor holds a place', async (t) => {
  const { log, made, pass } = uploads(t);
  const photos = chosen('a', 'b', 'c', 'd', 'e', 'f', 'g');
  made.add(photos);
  await settled();
  const sent = () => log.sent.splice(0).map((each) => each[0]).join('');
  assert.equal(sent(), 'abcde');
  made.cancel(photos[6]);
  made.cancel(photos[0]);
  await settled();
  assert.deepEqual([sent(), photos[0].state, photos[0].text, log.requests[0].isOpen], ['f', 'canceled', 'Canceled.', false]);
  made.add([photos[0]]);
  log.requests[1].end(503);
  await settled();
  await pass(1_000);
  assert.equal(sent(), 'b');
  log.requests[2].end(204);
  await settled();

  assert.deepEqual([log.sent, photos[6].state], [['a#2 key file'], 'canceled']);
});

test('what is canceled and begun again at once runs once, and can be canceled', async (t) => {
  const { log, made } = uploads(t);
  const [photo] = chosen('a');
  made.add([photo]);
  await settled();
  made.cancel(photo);
  made.add([photo]);
  await settled();
  made.cancel(photo);
  await settled();

  assert.deepEqual([photo.state, log.requests.map(({ isOpen }) => isOpen)], ['canceled', [false, false]]);
});

test('an upload is given up after a minute without progress, not after a minute', async (t) => {
  const { log, made, pass } = uploads(t);
  const [photo] = chosen('a');
  made.add([photo]);
  await settled();
  await pass(59_999);
  log.requests[0].progress(0.5);
  log.requests[0].progress(0.9, false);
  assert.equal(photo.progress, 0.5);
  await pass(59_999);
  assert.ok(log.requests[0].isOpen);
  await pass(1);
  assert.deepEqual([log.requests[0].isOpen, photo.state], [false, 'queued']);

  await pass(1_000);
  assert.deepEqual([photo.state, photo.text], ['uploading', undefined]);
  log.requests[1].progress(0);
  assert.equal(log.told.length, 1);
  log.requests[1].progress(0.1);
  assert.deepEqual([log.told.length, log.told[1]], [2, '']);
  await pass(60_000);
  await pass(2_000);
  await pass(59_999);
  assert.ok(log.requests[2].isOpen);
  await pass(1);
  assert.equal(log.requests[2].isOpen, false); // without any progress

  await pass(4_000);
  log.requests[3].end(204);
  await pass(60_000); // nothing aborts what has ended
  assert.deepEqual(log.uploaded, ['a']);
});

test('a file that the service refuses is let go, and is not sent', async (t) => {
  const { log, made } = uploads(t, [204]);
  log.refusals.push(new ApiError(422, 'Invalid.', { errors: [{ path: '/files/1/size', detail: 'Too large.' }] }));
  const [good, bad] = chosen('good', 'bad');
  made.add([good, bad]);
  await settled();

  assert.deepEqual([bad.state, bad.text, bad.advice, bad.file], ['rejected', 'Too large.', 'Choose another file.', null]);
  assert.deepEqual([log.uploaded, log.sent], [['good'], ['good#2 key file']]);
});

/** Photos that are followed through a service with these answers to each request, by location, the last one for good; logs them. */
function followed(t, answers) {
  const around = browser(t);
  const log = { asked: [], told: [], pages: [] };
  const image = async (location, etag) => {
    log.asked.push(etag ? `${location} ${etag}` : location);
    if (log.asked.length > 100) return new Promise(() => {}); // or a fault of the page would not end
    const known = answers[location];
    const { retryAfter = null, etag: tag = null, error, ...image } = await (known.length > 1 ? known.shift() : known[0]);
    if (error) throw error;
    return { image: image.status ? { location, ...image } : null, etag: tag, retryAfter };
  };
  const page = async (_cursor, etag) => {
    log.asked.push(etag ? `list ${etag}` : 'list');
    return { page: { images: await log.pages.shift() ?? [], next: null }, etag: log.etag ?? null, retryAfter: 5 };
  };
  const follower = new Follower({
    api: { image, page }, changed: () => {}, forbidden: () => log.told.push('forbidden'), troubled: (words) => log.told.push(words),
  });
  const photos = Object.keys(answers).map((location) => ({ name: location, location, state: 'working', file: null }));
  return { ...around, around, log, follower, photos };
}

const working = (more = {}) => ({ status: 'processing', retryAfter: 1, ...more });
const done = { status: 'done', message: 'Finished.', variants: [] };

test('a photo is asked for after a second, then as the service says but not more often, and not after its end', async (t) => {
  const { follower, log, pass, photos: [photo] } = followed(t, { a: [working({ etag: '1' }), { retryAfter: 5, etag: '1' }, done] });
  follower.add(photo);
  await pass(999);
  assert.equal(log.asked.length, 0);
  await pass(1);
  assert.deepEqual(log.asked, ['a']);
  await pass(2_499);
  assert.equal(log.asked.length, 1);
  await pass(1);
  assert.deepEqual(log.asked, ['a', 'a 1']);
  await pass(4_999);
  assert.equal(log.asked.length, 2);
  await pass(1);
  await pass(60_000);

  assert.deepEqual([log.asked.length, photo.state], [3, 'done']);
});

test('what the service says nothing more of is not asked for again, whatever its state', async (t) => {
  const { follower, log, pass, photos: [photo] } = followed(t, { a: [{ status: 'processing' }] });
  follower.add(photo);
  await pass(60_000);

  assert.deepEqual([log.asked, photo.state], [['a'], 'working']);
});

test('a photo of which the service knows nothing is lost, unless it was removed meanwhile', async (t) => {
  let come;
  const { follower, log, pass, photos: [gone, removed, changed] } = followed(t, {
    a: [{ error: new ApiError(404, 'Image not found.') }], b: [new Promise((resolve) => { come = resolve; })], c: [done],
  });
  for (const photo of [gone, removed, changed]) follower.add(photo, 0);
  follower.remove(removed);
  come({ error: new ApiError(404, 'Image not found.') });
  await pass(60_000);

  assert.deepEqual([gone, removed, changed].map(({ state }) => state), ['lost', 'working', 'done']);
  assert.deepEqual([log.asked, log.told], [['a', 'b', 'c'], []]);
});

test('news of a photo that was removed meanwhile change nothing', async (t) => {
  let come;
  const { follower, log, pass, photos: [photo] } = followed(t, { a: [new Promise((resolve) => { come = resolve; })] });
  follower.add(photo, 0);
  follower.remove(photo);
  come(done);
  await pass(60_000);

  assert.deepEqual([photo.state, photo.image, log.asked], ['working', undefined, ['a']]);
});

test('a service that fails is asked again after a growing pause, which an answer ends', async (t) => {
  const busy = { error: new ApiError(503, 'Busy.') };
  const { follower, log, pass, photos: [photo] } = followed(t, { a: [busy, busy, working(), busy, done] });
  follower.add(photo, 0);
  const pauses = [1_000, 2_000, 2_500, 1_000];
  for (const [number, pause] of pauses.entries()) {
    await pass(pause - 1);
    assert.equal(log.asked.length, number + 1);
    await pass(1);
    assert.equal(log.asked.length, number + 2);
  }

  const words = 'The service cannot answer now (503).';
  assert.deepEqual([photo.state, log.told], ['done', [words, words, '', words, '']]);
});

test('a failure that tells when to come back is heeded, and a refused key holds all', async (t) => {
  const { follower, log, pass, photos } = followed(t, {
    a: [{ error: new ApiError(429, 'Slow down.', { retryAfter: 30 }) }, { error: new ApiError(403, 'Forbidden') }, done], b: [working(), done],
  });
  for (const photo of photos) follower.add(photo, 0);
  await pass(29_999);
  assert.deepEqual(log.asked, ['a', 'b']);
  await pass(1);
  await pass(60_000);
  assert.deepEqual([log.asked.slice(2).sort(), log.told.at(-1)], [['a', 'b'], 'forbidden']);
  follower.gate.go();
  await settled();

  assert.deepEqual(photos.map(({ state }) => state), ['done', 'done']);
});

test('a hidden tab asks for nothing, and goes on at once when it is seen', async (t) => {
  const { document, follower, happens, log, pass, photos: [photo] } = followed(t, { a: [done] });
  document.hidden = true;
  follower.add(photo);
  await pass(60_000);
  assert.deepEqual(log.asked, []);
  document.hidden = false;
  happens('visibilitychange');
  await settled();

  assert.deepEqual([log.asked, photo.state], [['a'], 'done']);
});

test('three photos are asked for at once', async (t) => {
  const pending = new Promise(() => {});
  const { follower, log, pass, photos } = followed(t, { a: [pending], b: [pending], c: [pending], d: [pending] });
  for (const photo of photos) follower.add(photo, 0);
  await pass(60_000);

  assert.deepEqual(log.asked, ['a', 'b', 'c']);
});

/** The list of these images, of which some are done. */
const listOf = (names, ended = '') => [...names].map((location) => ({ ...(ended.includes(location) ? done : { status: 'processing' }), location }));

/** Photos as above, all at work; the first answer of the list is given by `answer`. */
function listed(t, names) {
  const made = followed(t, Object.fromEntries([...names].map((location) => [location, [working()]])));
  made.log.pages = [new Promise((resolve) => { made.answer = resolve; })];
  return made;
}

test('more than six photos are asked for by their list, and those that it lacks one by one', async (t) => {
  const { follower, log, pass, photos } = listed(t, 'abcdefgh');
  log.pages = [listOf('abcde', 'a'), listOf('abcdefgh', 'ab')];
  for (const photo of photos) follower.add(photo);
  await pass(1_000);
  assert.deepEqual(log.asked.splice(0), ['list', 'f', 'g', 'h']);
  assert.deepEqual(photos.map(({ state }) => state), ['done', ...Array(7).fill('working')]);
  await pass(4_999);
  assert.deepEqual(log.asked, []);
  await pass(1);
  assert.deepEqual(log.asked.splice(0), ['list']);
  await pass(4_999);
  assert.deepEqual(log.asked, []);
  await pass(1);

  assert.deepEqual(log.asked, [...'cdefgh']);
});

test('the list is asked for once for all that are added meanwhile, and not while single photos are asked for', async (t) => {
  let come;
  const { follower, log, pass, photos: [first, ...others] } = listed(t, 'abcdefghi');
  log.pages = [];
  follower.api.image = () => new Promise((resolve) => { come = () => resolve({ image: { ...done, location: 'a' }, etag: null, retryAfter: null }); });
  follower.add(first, 0);
  for (const photo of others.slice(0, 7)) follower.add(photo);
  await pass(500);
  follower.add(others[7]);
  await pass(1_500);
  assert.deepEqual(log.asked, []);
  come();
  await settled();
  assert.deepEqual(log.asked, ['list']);

  const second = listed(t, 'abcdefgh');
  for (const photo of second.photos.slice(0, 7)) second.follower.add(photo);
  await second.pass(500);
  second.follower.add(second.photos[7]);
  await second.pass(500);
  assert.deepEqual(second.log.asked, ['list']);
});

test('while the list is on its way nothing else is asked for, and what was removed meanwhile is left alone', async (t) => {
  const { answer, follower, happens, log, pass, photos } = listed(t, 'abcdefg');
  for (const photo of photos) follower.add(photo);
  await pass(1_000);
  follower.remove(photos[0]);
  happens('visibilitychange');
  await pass(2_000);
  assert.deepEqual(log.asked, ['list']);
  answer(listOf('abcdefg', 'ab'));
  await settled();

  assert.deepEqual(photos.slice(0, 2).map(({ state }) => state), ['working', 'done']);
});

test('what is added while the list is on its way is asked for in its own time', async (t) => {
  const { answer, follower, log, pass, photos } = listed(t, 'abcdefgh');
  for (const photo of photos.slice(0, 7)) follower.add(photo);
  await pass(1_000);
  follower.add(photos[7]);
  answer(listOf('abcdefg', 'abcdef'));
  await pass(999);
  assert.deepEqual(log.asked, ['list']);
  await pass(1);
  assert.deepEqual(log.asked, ['list', 'h']);
  await pass(2_499);
  assert.equal(log.asked.length, 2);
});

test('the list is not asked for before its time when new photos come after the last ones have ended', async (t) => {
  const { follower, log, pass, photos } = listed(t, 'abcdefg');
  log.pages = [listOf('abcdefg', 'abcdefg')];
  for (const photo of photos) follower.add(photo);
  await pass(1_000);
  for (const photo of photos) follower.add(photo);
  await pass(4_999);
  assert.deepEqual(log.asked, ['list']);
  await pass(1);
  assert.equal(log.asked[1], 'list');
});

test('an unchanged list is not sent again, unless a photo that is known already is wanted once more', async (t) => {
  const { follower, log, pass, photos } = listed(t, 'abcdefghi');
  Object.assign(log, { etag: '1', pages: [listOf('abcdefghi', 'a'), listOf('abcdefghi', 'a')] });
  for (const photo of photos.slice(0, 8)) follower.add(photo);
  await pass(1_000);
  follower.add({ ...photos[8], image: undefined });
  await pass(5_000);
  follower.add(photos[0], 0);
  await pass(5_000);

  assert.deepEqual(log.asked.filter((each) => each.startsWith('list')), ['list', 'list 1', 'list']);
});
