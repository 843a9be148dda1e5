import { describe, expect, test } from '@jest/globals';
import { generate } from './generate.ts';

/** One kind whose tags and spec a case fills in; the kind's tags are on line 6, the spec's rule on 10, its field on 12. */
function source(parts: { kindTags?: string; specDoc?: string; field?: string; rest?: string }): Map<string, string> {
  const text = `export const GROUP = 'example.dev';
export const VERSION = 'v1';
/**
 * @kind Widget
 * @plural widgets
 * ${parts.kindTags ?? ''}
 */
export interface Widget { apiVersion: 'example.dev/v1'; kind: 'Widget'; metadata: Meta; spec: Spec; }
export interface Meta { name: string; labels?: Record<string, string>; }
/** ${parts.specDoc ?? 'What is wanted.'} */
export interface Spec {
  ${parts.field ?? 'size?: number;'}
}
${parts.rest ?? ''}`;
  return new Map([['widget.ts', text]]);
}

function problem(parts: Parameters<typeof source>[0]): string {
  try {
    generate(source(parts));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'accepted';
}

test('the plain source is accepted', () => {
  expect(problem({})).toBe('accepted');
});

describe('tags of fields', () => {
  test.each([
    ['/** @maxmum 3 */ a?: number;', 'unknown tag @maxmum'],
    ['/** @maxLength 3 */ a?: number;', '@maxLength is for string, but this property is of type integer'],
    ['/** @minimum 1.5 */ a?: number;', '@minimum wants a whole number, not "1.5"'],
    ['/** @minimum */ a?: number;', '@minimum wants a whole number, not ""'],
    ['/** @minimum 3 @maximum 2 */ a?: number;', '@minimum 3 is greater than @maximum 2'],
    ['/** @default Slow */ a?: string;', '@default wants JSON (strings in double quotes), not Slow'],
    ['/** @default 11 @maximum 10 */ a?: number;', '@default 11 value must be <= 10'],
    [`/** @default "C" */ a?: 'A' | 'B';`, '@default "C" value must be equal to one of the allowed values'],
    ['/** @default {"x": 1} */ a?: Meta;', '@default {"x":1} value must have required property \'name\''],
    ['/** @default {"name": "n", "x": 1} */ a?: Meta;', '@default names "x", which is no field of this property'],
    ['/** @pattern ( */ a?: string;', '@pattern (: '],
    ['/** @pattern (?<=a)b */ a?: string;', '@pattern (?<=a)b: '],
    ['/** @format email */ a?: string;', '@format email: known are date-time'],
    ['/** @listType bag */ a?: string[];', '@listType bag: say map, set or atomic'],
    ['/** @listType map */ a?: Meta[];', '@listType map wants a @listMapKey'],
    ['/** @listMapKey name */ a?: Meta[];', '@listMapKey wants @listType map beside it'],
    ['/** @listType map @listMapKey id */ a?: Meta[];', '@listMapKey id: the items have no such field'],
    ['/** @listType map @listMapKey labels */ a?: Meta[];', '@listMapKey labels is no scalar'],
  ])('%s', (field, message) => {
    expect(problem({ field })).toContain(`widget.ts:12: ${message}`);
  });
});

describe('types', () => {
  test.each([
    ['a?: string | number;', 'type string | number has no structural schema'],
    ['a?: [string, string];', 'type [string, string] has no structural schema'],
    ['a?: 1 | 2;', 'type 1 | 2 has no structural schema'],
    ['a?: Date;', 'has no structural schema'],
    ['a: string | undefined;', 'null and undefined: use an optional property'],
    ['a?: Record<string, unknown>;', 'Record<string, unknown> wants @preserveUnknownFields'],
    ['a?: { b: string };', 'type { b: string; } has no structural schema'],
  ])('%s', (field, message) => {
    expect(problem({ field })).toContain(message);
  });

  test('a type that contains itself', () => {
    const found = problem({ field: 'a?: Tree;', rest: 'export interface Tree { left?: Tree; }' });
    expect(found).toBe('widget.ts:14: interface Tree contains itself: CRD schemas cannot recurse');
  });
});

describe('rules', () => {
  test.each([
    ['@rule self.size > 1', '@rule wants `<CEL> | <message>`'],
    ['@rule self.size > 1 || self.size < 0', '@rule wants `<CEL> | <message>`'],
    ['@rule self.size > | too small', '@rule is no CEL: '],
    ['@rule self.sise > 1 | too small', '@rule mentions sise: there is no field "sise"'],
    ['@nonsense', 'unknown tag @nonsense'],
  ])('%s', (specDoc, message) => {
    expect(problem({ specDoc })).toContain(`widget.ts:10: ${message}`);
  });

  test('of several | the last one separates', () => {
    expect(problem({ specDoc: '@rule self.size > 1 || self.size == 0 | none | or many' })).toContain('is no CEL');
    expect(problem({ specDoc: "@rule self.size > 1 || '|' == ' | ' | none or many" })).toBe('accepted');
  });

  test('a rule on the whole object reads only the name of its metadata', () => {
    expect(problem({ kindTags: '@rule self.metadata.name.size() < 9 | too long' })).toBe('accepted');
    expect(problem({ kindTags: '@rule self.metadata.labels.size() < 9 | too many' })).toBe(
      'widget.ts:6: @rule may read metadata.name only, not metadata.labels',
    );
  });

  test('oldSelf needs items that are found again', () => {
    const rest = '/** @rule self.name == oldSelf.name | keeps its name */\nexport interface Part { name: string; }';
    expect(problem({ field: '/** @listType map @listMapKey name */ a?: Part[];', rest })).toBe('accepted');
    const refusal = 'reads oldSelf inside a list that is not @listType map';
    expect(problem({ field: '/** @listType atomic */ a?: Part[];', rest })).toContain(refusal);
    const box = 'export interface Box { /** @listType map @listMapKey name */ parts?: Part[]; }';
    expect(problem({ field: '/** @listType atomic */ a?: Box[];', rest: `${rest}\n${box}` })).toContain(refusal);
  });
});

describe('tags of kinds', () => {
  test.each([
    ['@printColumn Size', '@printColumn wants `<Name> <type> <jsonPath> [priority=1]`'],
    ['@printColumn Size int .spec.size', '@printColumn type int: say one of string, integer, number, boolean, date'],
    ['@printColumn Size string .spec.size', 'column of type string shows .spec.size, which is of type integer'],
    ['@printColumn Size integer .spec.sise', 'path .spec.sise: there is no field "sise"'],
    ['@printColumn Size integer spec.size', 'path spec.size: say .a.b.c'],
    ['@scale spec=.spec.size', '@scale wants `spec=<path> status=<path> [selector=<path>]`'],
    ['@scale spec=.spec status=.spec.size', '@scale spec=.spec: the field is no integer'],
    [
      '@printColumn Ready string .status.conditions[?(@.type=="Ready")].status',
      'path .status.conditions: there is no field "status"',
    ],
    ['@condition Ready', '@condition wants `<Type> <what True means>`'],
    ['@kind Other', 'a kind has only one @kind'],
    ['@nonsense', 'unknown tag @nonsense'],
  ])('%s', (kindTags, message) => {
    expect(problem({ kindTags })).toBe(`widget.ts:6: ${message}`);
  });
});
