import { expect, test } from '@jest/globals';
import { Expectations, MAX_WAIT_MS } from './expectations.ts';

test('the cache is believed when it has our write or a later one', () => {
  const expectations = new Expectations();
  expect(expectations.met('a', '1', 0)).toBe(true);
  expectations.expect('a', '1000', 0);
  expect(expectations.met('a', '999', 1)).toBe(false);
  expect(expectations.met('a', undefined, 1)).toBe(false);
  // Compared as numbers, not as texts.
  expect(expectations.met('a', '1001', 1)).toBe(true);
  expect(expectations.met('a', '999', 2)).toBe(true);
});

test('an expectation that is never met is dropped after a while', () => {
  const expectations = new Expectations();
  expectations.expect('a', '5', 0);
  expect(expectations.met('a', '4', MAX_WAIT_MS - 1)).toBe(false);
  expect(expectations.met('a', '4', MAX_WAIT_MS)).toBe(true);
});

test('a version that is no number gives no expectation', () => {
  const expectations = new Expectations();
  expectations.expect('a', 'opaque', 0);
  expect(expectations.met('a', '1', 0)).toBe(true);
});
