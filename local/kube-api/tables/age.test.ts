import { expect, test } from '@jest/globals';
import { humanDuration } from './age.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test.each([
  [0, '0s'],
  [119_000, '119s'],
  [2 * MINUTE, '2m'],
  [3 * MINUTE + 5_000, '3m5s'],
  [10 * MINUTE + 5_000, '10m'],
  [3 * HOUR, '3h'],
  [4 * HOUR + 30 * MINUTE, '4h30m'],
  [20 * HOUR, '20h'],
  [3 * DAY + 2 * HOUR, '3d2h'],
  [20 * DAY, '20d'],
  [800 * DAY, '2y70d'],
])('%d ms is %s', (milliseconds, wanted) => expect(humanDuration(milliseconds)).toBe(wanted));
