import { expect, test } from '@jest/globals';
import { Throttle } from './throttle.ts';

const MIB = 1024 * 1024;

test('bytes are spread to the rate, and idle time is not saved up', () => {
  const throttle = new Throttle(10, 0);
  expect(throttle.sent(MIB, 0)).toBeCloseTo(100);
  expect(throttle.sent(MIB, 100)).toBeCloseTo(100);
  // Late by a second: no wait now, but the next bytes wait as usual.
  expect(throttle.sent(MIB, 1_300)).toBe(0);
  expect(throttle.sent(MIB, 1_300)).toBeCloseTo(100);
});
