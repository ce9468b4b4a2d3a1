// Rounds over the pages of a listing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Rounds } from '../../web/js/rounds.js';

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
