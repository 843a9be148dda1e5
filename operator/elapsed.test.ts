import { expect, test } from '@jest/globals';
import { elapsedSince } from './elapsed.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');

test.each([
  ['2026-01-01T00:59:50Z', 10_000],
  ['2026-01-01T01:00:00Z', 0],
  // Clocks differ a little.
  ['2026-01-01T01:00:03Z', 0],
  // The leader before had a clock an hour ahead: a seal must not last until then.
  ['2026-01-01T02:00:00Z', Infinity],
  [undefined, Infinity],
  ['never', Infinity],
])('since %s', (text, expected) => {
  expect(elapsedSince(text, NOW)).toBe(expected);
});
