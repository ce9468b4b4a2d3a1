// The gate that nothing passes offline, during a pause or with a refused key.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Gate } from '../../web/js/gate.js';

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
