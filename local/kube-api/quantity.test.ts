import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalQuantity, parseQuantity } from './quantity.ts';

describe('quantities', () => {
  test.each([
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['0.5', '500m'],
    ['1.5Gi', '1536Mi'],
    ['1e3', '1e3'],
    ['1000', '1k'],
    ['0', '0'],
    ['100Ki', '100Ki'],
    ['512', '512'],
    ['-2000m', '-2'],
    ['1500', '1500'],
    ['no quantity', 'no quantity'],
  ])('%s is written back as %s', (given, wanted) => expect(canonicalQuantity(given)).toBe(wanted));

  test('numbers become text', () => expect(canonicalQuantity(2)).toBe('2'));

  test('the canonical form keeps the amount and is stable', () => {
    const amount = fc.integer({ min: -1_000_000, max: 1_000_000 });
    const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'u', 'n', 'e2');
    fc.assert(
      fc.property(amount, suffix, (n, unit) => {
        const text = `${n}${unit}`;
        const canonical = canonicalQuantity(text) as string;
        expect(parseQuantity(canonical)?.nanos).toBe(parseQuantity(text)?.nanos);
        expect(canonicalQuantity(canonical)).toBe(canonical);
      }),
    );
  });
});
