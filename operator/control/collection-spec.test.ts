import { describe, expect, test } from '@jest/globals';
import { mergeSpec, parseSpecJson } from './collection-spec.ts';

describe('merge of a spec', () => {
  const spec = { dimension: 4, hnsw: { m: 16, efSearch: 64 }, textFields: ['a'] };

  test('objects merge, null removes, lists are replaced', () => {
    expect(mergeSpec(spec, { hnsw: { efSearch: 99, m: null }, textFields: ['b'], replicationFactor: 3 })).toEqual({
      dimension: 4,
      hnsw: { efSearch: 99 },
      textFields: ['b'],
      replicationFactor: 3,
    });
    expect(spec.hnsw.m).toBe(16);
  });

  test('payloadIndexes is a list by field', () => {
    const indexed = {
      ...spec,
      payloadIndexes: [
        { field: 'a', type: 'keyword' },
        { field: 'b', type: 'integer' },
      ],
    };
    const patch = {
      payloadIndexes: [
        { field: 'c', type: 'bool' },
        { field: 'a', type: null },
        { field: 'b', type: 'float' },
      ],
    };
    expect(mergeSpec(indexed, patch)['payloadIndexes']).toEqual([
      { field: 'b', type: 'float' },
      { field: 'c', type: 'bool' },
    ]);
    expect(mergeSpec(spec, { payloadIndexes: [{ field: 'c', type: 'bool' }] })['payloadIndexes']).toEqual([
      { field: 'c', type: 'bool' },
    ]);
    expect('payloadIndexes' in mergeSpec(indexed, { payloadIndexes: null })).toBe(false);
  });

  test('what is no JSON object is refused', () => {
    expect(parseSpecJson(Buffer.alloc(0))).toEqual({});
    expect(() => parseSpecJson(Buffer.from('{'))).toThrow('broken JSON');
    expect(() => parseSpecJson(Buffer.from('[1]'))).toThrow('no JSON object');
  });
});
