// The client of the API, against a service on loopback: node --test tests/web/api.test.mjs

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { Api } from '../../web/js/api.js';

/** The API's client, and what a service on loopback received from it; it answers each request in turn as given, or breaks off. */
async function client(t, ...answers) {
  const received = [];
  const server = createServer(async ({ method, url, headers, socket, ...request }, response) => {
    const { status = 200, body = '{}', cut = false, ...more } = answers.shift();
    received.push({ method, url, headers });
    if (status === 0) return socket.destroy();
    response.writeHead(status, { ...more, ...(cut && { 'content-length': 99 }) });
    if (cut) return response.write(body, () => socket.destroy());
    return response.end(body);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => [server.close(), server.closeAllConnections()]);
  const base = `http://127.0.0.1:${server.address().port}/api`;
  return { received, api: new Api(() => ({ 'x-api-key': 'key' }), base), base };
}

test('a request names its caller, accepts JSON from the service alone, and goes below the base of the API', async (t) => {
  const { api, base, received } = await client(t, {}, {}, { status: 202 });
  await api.check();
  await new Api(() => ({ authorization: 'token' }), `${base}/`).check();
  await api.erase('images/a');
  const [{ url, headers }, second, third] = received;

  assert.deepEqual([url, headers.accept, headers['x-api-key']], ['/api/images?limit=1', 'application/json', 'key']);
  assert.equal(headers['cache-control'], 'no-cache');
  assert.deepEqual([second.url, second.headers.authorization, second.headers['x-api-key']], [url, 'token', undefined]);
  assert.deepEqual([third.method, third.url], ['DELETE', '/api/images/a']);
});

test('what is unchanged is not sent again, and is told from what has come to its end by Retry-After', async (t) => {
  const { api, received } = await client(
    t, { etag: '"1"', 'retry-after': '5' }, { status: 304, etag: '"1"', 'retry-after': 'soon', body: '' }, { etag: '"2"' }, { status: 304, body: '' },
    { body: '{"id": "a"}' },
  );
  const first = await api.image('images/a', null);
  const second = await api.image('images/a', first.etag);
  const page = await api.page('a+b', null);
  const unchanged = await api.page(null, page.etag);
  await api.downloads('images/a');

  assert.deepEqual([first, second], [{ image: {}, etag: '"1"', retryAfter: 5 }, { image: null, etag: '"1"', retryAfter: null }]);
  assert.deepEqual([page.page, unchanged.page], [{}, null]);
  assert.deepEqual(received.map(({ url, headers }) => [url, headers['if-none-match']]), [
    ['/api/images/a', undefined], ['/api/images/a', '"1"'],
    ['/api/images?limit=25&cursor=a%2Bb', undefined], ['/api/images?limit=25', '"2"'],
    ['/api/images/a?download=true', undefined],
  ]);
});

test('a failure is told by its status, its words and its faults, and passes or not', async (t) => {
  const faults = [{ path: '/files/0', detail: 'Too large.' }];
  const { api } = await client(
    t, { status: 422, body: JSON.stringify({ detail: 'Invalid.', errors: faults }) }, { status: 403, body: '{"message":"Forbidden"}' },
    { status: 401, body: 'null' }, { status: 429, 'retry-after': '7' }, { status: 502, body: '<h1>Bad Gateway</h1>' }, { status: 404 }, { status: 500 },
  );
  const failures = [];
  for (let left = 7; left > 0; left -= 1) failures.push(await api.settings().catch((error) => error));

  assert.deepEqual(failures.map(({ status, message, passing, forbidden }) => [status, message, passing, forbidden]), [
    [422, 'Invalid.', false, false],
    [403, 'Forbidden', false, true],
    [401, 'The service returned an error: 401.', false, true],
    [429, 'The service returned an error: 429.', true, false],
    [502, 'The service returned an error: 502.', true, false],
    [404, 'The service returned an error: 404.', false, false],
    [500, 'The service returned an error: 500.', true, false],
  ]);
  assert.deepEqual([failures[0].errors, failures[1].errors, failures[0].retryAfter, failures[3].retryAfter], [faults, [], null, 7]);
});

test('no answer, half an answer and that of somebody else are no answers, and may pass', async (t) => {
  const { api } = await client(t, { status: 0 }, { body: '{"a"', cut: true }, { body: '<h1>Sign in</h1>' }, {});
  const failures = [];
  for (let left = 3; left > 0; left -= 1) failures.push(await api.settings().catch((error) => error));
  const late = t.mock.method(AbortSignal, 'timeout', () => AbortSignal.abort());
  failures.push(await api.settings().catch((error) => error));

  assert.deepEqual(failures.map(({ status, passing }) => [status, passing]), Array(4).fill([0, true]));
  assert.match(failures[2].message, /is responding instead/);
  assert.deepEqual(late.mock.calls[0].arguments, [30_000]);
});
