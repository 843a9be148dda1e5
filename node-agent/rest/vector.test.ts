import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { vector } from './vector.ts';

describe('vector', () => {
  test('is every number rounded to float32', () => {
    const float = fc.double({ min: -3e38, max: 3e38, noNaN: true });
    fc.assert(
      fc.property(fc.array(float, { minLength: 1, maxLength: 50 }), (numbers) => {
        expect([...vector(numbers, 'v', numbers.length)]).toEqual(numbers.map(Math.fround));
      }),
    );
  });

  test('refuses whatever is not a finite number, by its place', () => {
    const wrong = fc.constantFrom(null, undefined, 'x', '1', true, {}, [], Infinity, -Infinity, NaN, 1e39, -3.5e38);
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        wrong,
        (numbers, at, bad) => {
          // A list in first place is a multi-vector, which has its own refusal.
          const place = 1 + (at % numbers.length);
          const values: unknown[] = [0, ...numbers];
          values[place] = bad;
          expect(() => vector(values, 'v', values.length)).toThrow(expect.objectContaining({ field: `v[${place}]` }));
        },
      ),
    );
  });
});
