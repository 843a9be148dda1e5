import { describe, expect, test } from '@jest/globals';
import { describeErrors, parseCollection, parseShard, parseVectorCluster, parseWorkspace } from './validate.ts';

const head = (kind: string): Record<string, unknown> => ({
  apiVersion: 'annulus.dev/v1alpha1',
  kind,
  metadata: { name: 'demo', namespace: 'default' },
});

function errorsOf(result: { ok: true } | { ok: false; errors: { path: string; message: string }[] }): string[] {
  return result.ok ? [] : result.errors.map(({ path, message }) => `${path} ${message}`);
}

describe('defaults', () => {
  test('a cluster that says nothing gets every default, nested ones included', () => {
    const result = parseVectorCluster({ ...head('VectorCluster'), spec: {} });
    if (!result.ok) throw new Error(describeErrors(result.errors));
    expect(result.value.spec).toMatchObject({
      type: 'Sharded',
      shards: 2,
      replicationFactor: 2,
      ring: { virtualNodes: 150, maxLoad: '1.2' },
      rebalance: { automatic: true, maxImbalancePercent: 20, maxConcurrentMigrations: 2 },
      storage: { size: '10Gi' },
    });
    expect(result.value.spec).not.toHaveProperty('directory');
  });

  test('what is said stays, and the argument is not touched', () => {
    const json = { ...head('Collection'), spec: { dimension: 3, hnsw: { m: 8 } } };
    const before = structuredClone(json);
    const result = parseCollection(json);
    expect(result).toMatchObject({
      ok: true,
      value: { spec: { metric: 'Cosine', hnsw: { m: 8, efConstruction: 100 } } },
    });
    expect(json).toEqual(before);
  });

  test('defaults of one object never reach another', () => {
    const one = parseWorkspace({ ...head('Workspace'), spec: { cluster: 'a' } });
    const two = parseWorkspace({ ...head('Workspace'), spec: { cluster: 'b' } });
    if (!one.ok || !two.ok) throw new Error('both are valid');
    expect(one.value.spec.limits).toEqual({});
    expect(one.value.spec.limits).not.toBe(two.value.spec.limits);
  });
});

test('fields of a newer version are kept', () => {
  const result = parseVectorCluster({ ...head('VectorCluster'), spec: { tomorrow: { x: 1 } }, other: 1 });
  expect(result).toMatchObject({ ok: true, value: { spec: { tomorrow: { x: 1 } }, other: 1 } });
});

describe('errors', () => {
  test('every wrong field is named with what is wanted', () => {
    const result = parseVectorCluster({
      ...head('VectorCluster'),
      spec: { type: 'Round', nodes: 0, ring: { virtualNodes: 1.5, maxLoad: '0.5' }, settings: { a: 1 }, image: '' },
    });
    expect(errorsOf(result).sort()).toEqual([
      'spec.image must have 1 or more characters',
      'spec.nodes must be 1 or more, not 0',
      'spec.ring.maxLoad must match ^[1-9][0-9]*(\\.[0-9]{1,3})?$, not "0.5"',
      'spec.ring.virtualNodes must be of type integer, not 1.5',
      'spec.settings.a must be of type string, not 1',
      'spec.type must be one of Sharded, Replicated, Logical, not "Round"',
    ]);
  });

  test('missing fields and list items have paths', () => {
    const result = parseShard({
      ...head('Shard'),
      spec: {
        cluster: 'c',
        collection: 'd',
        index: 0,
        slots: { from: 0, to: 16384 },
        replicationFactor: 1,
        minInSync: 1,
      },
      status: { copies: [{ node: 'n-0', role: 'Primary', inSync: true }] },
    });
    expect(errorsOf(result).sort()).toEqual([
      'spec.slots.to must be 16383 or less, not 16384',
      'status.copies[0].allocationId is required',
    ]);
  });

  test('another kind, no object and a bad time are refused', () => {
    expect(errorsOf(parseShard(head('Collection')))).toContain('kind must be one of Shard, not "Collection"');
    expect(errorsOf(parseCollection(null))).toEqual([' must be of type object, not null']);
    const condition = { type: 'Available', status: 'True', lastTransitionTime: 'noon', reason: 'R', message: '' };
    const result = parseCollection({
      ...head('Collection'),
      spec: { dimension: 1 },
      status: { conditions: [condition] },
    });
    expect(errorsOf(result)).toEqual([
      'status.conditions[0].lastTransitionTime must be a date-time (RFC 3339), not "noon"',
    ]);
  });

  test('they read as one sentence', () => {
    const result = parseCollection({ ...head('Collection'), spec: { dimension: 0, metric: 'L2' } });
    expect(result.ok ? '' : describeErrors(result.errors)).toBe(
      'spec.dimension must be 1 or more, not 0; spec.metric must be one of Cosine, Euclid, Dot, not "L2"',
    );
  });
});
