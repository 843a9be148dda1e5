import { expect, test } from '@jest/globals';
import { Throttle } from './throttle.ts';

const MIB = 1024 * 1024;

test('bytes are spread to the rate, whoever sends them, and idle time is not saved up', () => {
  let rate = 10;
  const throttle = new Throttle(() => rate);
  expect(throttle.reserve(MIB, 0)).toBe(0);
  expect(throttle.reserve(MIB, 0)).toBeCloseTo(100);
  expect(throttle.reserve(MIB, 100)).toBeCloseTo(100);
  // Late by a second: no wait now, but the next bytes wait as usual.
  expect(throttle.reserve(MIB, 1_300)).toBe(0);
  expect(throttle.reserve(MIB, 1_300)).toBeCloseTo(100);
  rate = 100;
  expect(throttle.reserve(MIB, 1_500)).toBe(0);
  expect(throttle.reserve(MIB, 1_500)).toBeCloseTo(10);
});
