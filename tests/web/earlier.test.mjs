// Photos that were uploaded before.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../web/js/api.js';
import { Earlier } from '../../web/js/earlier.js';

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
