import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { averageVector, sumOfScores, unit } from './recommend.ts';

const vector = fc
  .array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
  .filter((x) => Math.hypot(...x) > 0.1)
  .map((x) => Float32Array.from(x));
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const cosine = (a: Float32Array, b: Float32Array): number => dot(a, b) / (Math.hypot(...a) * Math.hypot(...b));

describe('averageVector', () => {
  test('is the mean of the positive examples', () => {
    expect([...averageVector([Float32Array.of(1, 0), Float32Array.of(0, 3)], [])]).toEqual([0.5, 1.5]);
  });

  test('with negative examples is twice the mean minus theirs', () => {
    const negative = [Float32Array.of(1, 1), Float32Array.of(3, 1)];
    expect([...averageVector([Float32Array.of(1, 0), Float32Array.of(0, 3)], negative)]).toEqual([-1, 2]);
  });
});

describe('sumOfScores', () => {
  const examples = fc.array(vector, { minLength: 1, maxLength: 4 });

  test('makes one search whose scores are the sum over all examples', () => {
    fc.assert(
      fc.property(vector, examples, examples, (point, positive, negative) => {
        const byDot = sumOfScores(positive, negative, 'Dot');
        const dots = (list: Float32Array[]): number => list.reduce((sum, one) => sum + dot(point, one), 0);
        expect(dot(point, byDot.vector) * byDot.scale).toBeCloseTo(dots(positive) - dots(negative), 4);

        const byCosine = sumOfScores(positive, negative, 'Cosine');
        const cosines = (list: Float32Array[]): number => list.reduce((sum, one) => sum + cosine(point, one), 0);
        expect(dot(unit(point), byCosine.vector)).toBeCloseTo(cosines(positive) - cosines(negative), 4);
        if (byCosine.scale > 0.01) {
          expect(cosine(point, byCosine.vector) * byCosine.scale).toBeCloseTo(cosines(positive) - cosines(negative), 4);
        }
      }),
    );
  });
});
