import { describe, expect, test } from '@jest/globals';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';

describe('label selectors', () => {
  const labels = { tier: 'gold', app: 'x', size: '5' };
  test.each([
    ['tier=gold', true],
    ['tier==iron', false],
    ['tier!=iron', true],
    ['none!=x', true],
    ['tier in (gold, iron),app', true],
    ['tier notin (gold)', false],
    ['none notin (gold)', true],
    ['!none', true],
    ['!app', false],
    ['size>4', true],
    ['size<4', false],
    ['', true],
  ])('%s gives %s', (selector, wanted) => expect(parseLabelSelector(selector)(labels)).toBe(wanted));

  test('what is no selector is refused', () =>
    expect(() => parseLabelSelector('a b')).toThrow('unable to parse requirement'));
});

describe('field selectors', () => {
  const known = new Set(['metadata.name', 'status.phase']);
  test('compare known fields', () => {
    expect(parseFieldSelector('metadata.name=x,status.phase!=Failed', known, false)({ 'metadata.name': 'x' })).toBe(
      true,
    );
    expect(() => parseFieldSelector('spec.x=1', known, false)).toThrow('field label not supported: spec.x');
  });
});
