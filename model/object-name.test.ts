import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { collectionObjectName, shardObjectName } from './object-name.ts';

describe('collectionObjectName', () => {
  test('a plain name stays readable as it is', () => {
    expect(collectionObjectName('quickstart', 'words')).toBe('quickstart.words');
  });

  test('capitals, underscores and long names get a digest, so that two names never meet', () => {
    expect(collectionObjectName('quickstart', 'My_Words')).toMatch(/^quickstart\.my-words-[0-9a-f]{8}$/);
    expect(collectionObjectName('c', 'my-words')).not.toBe(collectionObjectName('c', 'My_Words'));
    expect(collectionObjectName('c', '日本語')).toMatch(/^c-[0-9a-f]{8}$/);
  });

  test('cluster and collection cannot be mixed up', () => {
    expect(collectionObjectName('a', 'b-c')).not.toBe(collectionObjectName('a-b', 'c'));
  });

  test('is a DNS subdomain that leaves room for the shard number, and distinct for distinct names', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 255 }), fc.string({ minLength: 1, maxLength: 255 }), (a, b) => {
        const object = collectionObjectName('cluster', a);
        expect(shardObjectName(object, 1_048_575)).toMatch(/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/);
        if (a !== b) expect(collectionObjectName('cluster', b)).not.toBe(object);
      }),
    );
  });
});
