import { describe, expect, test } from '@jest/globals';
import type { Json } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { programOf, readsOldSelf } from './program.ts';
import { validateRules } from './rules.ts';
import { escapeName } from './values.ts';

const holds = (rule: string, self: Json, schema: Schema): boolean =>
  validateRules({ spec: self }, undefined, {
    type: 'object',
    properties: { spec: { ...schema, 'x-kubernetes-validations': [{ rule }] } },
  }).length === 0;

const LIST: Schema = { type: 'array', items: { type: 'integer' } };
const TEXT: Schema = { type: 'string' };

describe("Kubernetes' functions", () => {
  test.each<[string, Json, Schema]>([
    ['self.sum() == 6', [1, 2, 3], LIST],
    ['self.min() == 1 && self.max() == 3', [3, 1, 2], LIST],
    ['self.isSorted()', [1, 2, 3], LIST],
    ['!self.isSorted()', [2, 1], LIST],
    ['self.indexOf(2) == 1 && self.lastIndexOf(2) == 2', [1, 2, 2], LIST],
    ['self.size() == 2 && self.all(x, x > 0) && self.exists(x, x == 2)', [1, 2], LIST],
    ['self.map(x, x * 2).filter(x, x > 2) == [4]', [1, 2], LIST],
    ['sets.contains(self, [1]) && !sets.intersects(self, [9])', [1, 2], LIST],
    ["self.lowerAscii() == 'abc' && self.split('B').size() == 2", 'ABC', TEXT],
    ["self.replace('a', 'b').trim() == 'b' && self.startsWith('a')", 'a ', TEXT],
    ["self.matches('^[a-c]+$') && self.find('b+') == 'bb'", 'abbc', TEXT],
    ["isQuantity(self) && quantity(self).isGreaterThan(quantity('1Gi'))", '2Gi', TEXT],
    ["!isQuantity('x') && quantity('1500m').asApproximateFloat() == 1.5", '', TEXT],
    ["'%s has %d'.format([self, 3]) == 'x has 3'", 'x', TEXT],
    ["self == duration('1h30m')", '90m', { type: 'string', format: 'duration' }],
    ["self > timestamp('2020-01-01T00:00:00Z')", '2026-01-01T00:00:00Z', { type: 'string', format: 'date-time' }],
    ['type(self) == string ? self == "a" : self > 0', 'a', { 'x-kubernetes-int-or-string': true }],
    [
      'self.__namespace__ == "x" && self.a__dash__b == 1',
      { namespace: 'x', 'a-b': 1 },
      { type: 'object', properties: { namespace: TEXT, 'a-b': { type: 'integer' } } },
    ],
  ])('%s', (rule, self, schema) => expect(holds(rule, self, schema)).toBe(true));
});

test('names that CEL keeps are escaped', () => {
  expect([escapeName('namespace'), escapeName('a.b'), escapeName('a-b'), escapeName('plain'), escapeName('9')]).toEqual(
    ['__namespace__', 'a__dot__b', 'a__dash__b', 'plain', null],
  );
});

test('oldSelf counts only outside of quotes', () => {
  expect(readsOldSelf('self == oldSelf')).toBe(true);
  expect(readsOldSelf("self == 'oldSelf'")).toBe(false);
});

test('what does not compile says so', () => expect(programOf('self >')).toHaveProperty('compileError'));
