// Saving, linking and deleting photos.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../web/js/api.js';
import { Tools, toolsOf } from '../../web/js/tools.js';
import { moment } from '../../web/js/words.js';
import { working } from './builders.mjs';

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
