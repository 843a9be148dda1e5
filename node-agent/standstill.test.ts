import { expect, jest, test } from '@jest/globals';
import { Standstill } from './standstill.ts';

test('what arrives first after a standstill is suspect, whether the timer or a socket comes first', () => {
  jest.useFakeTimers();
  let now = 0;
  const standstill = new Standstill(() => now);
  const pass = (milliseconds: number): void => {
    for (let i = 0; i < milliseconds; i += 100) {
      now += 100;
      jest.advanceTimersByTime(100);
    }
  };
  pass(5_000);
  expect(standstill.recent).toBe(false);
  now += 20_000;
  expect(standstill.recent).toBe(true);
  pass(200);
  expect(standstill.recent).toBe(true);
  pass(200);
  expect(standstill.recent).toBe(false);
  now += 20_000;
  jest.advanceTimersByTime(100);
  expect(standstill.recent).toBe(true);
  standstill.stop();
  jest.useRealTimers();
});
