import { describe, expect, test } from '@jest/globals';
import { builtinSchema } from '../schema/schema.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicPatch } from './strategic-merge.ts';

describe('merge patch', () => {
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j (RFC 7386)', (target, patch, wanted) => expect(applyMergePatch(target, patch)).toEqual(wanted));
});

describe('JSON patch', () => {
  test('adds, moves, copies and removes, also in lists', () => {
    const patch = [
      { op: 'add', path: '/list/1', value: 'x' },
      { op: 'add', path: '/list/-', value: 'end' },
      { op: 'move', from: '/list/0', path: '/first' },
      { op: 'copy', from: '/first', path: '/again' },
      { op: 'add', path: '/a~1b', value: 1 },
      { op: 'remove', path: '/gone' },
    ];
    const wanted = { list: ['x', 'b', 'end'], first: 'a', again: 'a', 'a/b': 1 };
    expect(applyJsonPatch({ list: ['a', 'b'], gone: true }, patch)).toEqual(wanted);
  });

  test('leaves the target alone when one operation fails', () => {
    const target = { a: 1 };
    expect(() =>
      applyJsonPatch(target, [
        { op: 'add', path: '/b', value: 2 },
        { op: 'test', path: '/a', value: 2 },
      ]),
    ).toThrow();
    expect(target).toEqual({ a: 1 });
  });

  test.each([
    [{ op: 'remove', path: '/none' }],
    [{ op: 'replace', path: '/list/9', value: 1 }],
    [{ op: 'add', path: '/none/deeper', value: 1 }],
    [{ op: 'spin', path: '/a' }],
  ])('refuses %j', (operation) => expect(() => applyJsonPatch({ a: 1, list: [] }, [operation])).toThrow());
});

describe('strategic merge patch', () => {
  const SERVICE = builtinSchema('', 'v1', 'Service');
  const service = (...ports: number[]): { spec: { ports: { port: number }[] } } => ({
    spec: { ports: ports.map((port) => ({ port })) },
  });

  test('merges list items by their key', () => {
    expect(applyStrategicPatch(service(1, 2), { spec: { ports: [{ port: 2, name: 'two' }] } }, SERVICE)).toEqual({
      spec: { ports: [{ port: 1 }, { port: 2, name: 'two' }] },
    });
  });

  test('understands $patch delete and replace', () => {
    expect(applyStrategicPatch(service(1, 2), { spec: { ports: [{ port: 1, $patch: 'delete' }] } }, SERVICE)).toEqual(
      service(2),
    );
    expect(
      applyStrategicPatch(service(1, 2), { spec: { ports: [{ $patch: 'replace' }, { port: 3 }] } }, SERVICE),
    ).toEqual(service(3));
  });

  test('keeps the order that $setElementOrder asks for', () => {
    const patch = { spec: { '$setElementOrder/ports': [{ port: 2 }, { port: 1 }], ports: [] } };
    expect(applyStrategicPatch(service(1, 2), patch, SERVICE)).toEqual(service(2, 1));
  });
});
