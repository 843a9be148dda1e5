import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import type { ShardCopy } from '#crds/v1alpha1/index.ts';
import {
  activate,
  addJoining,
  addToInSync,
  failOverTo,
  handOver,
  placeFirst,
  promote,
  removeCopy,
  removeFromInSync,
  replaceLost,
  unplace,
  type ShardConfig,
} from './config.ts';

const NODES = ['a', 'b', 'c', 'd'];
const empty: ShardConfig = { primaryTerm: 0, configVersion: 0, copies: [] };
let ids = 0;
const newId = (): string => `id-${(ids += 1)}`;

const steps: Record<string, (config: ShardConfig, node: string) => ShardConfig | null> = {
  placeFirst: (config, node) =>
    placeFirst(config, [node, ...NODES.filter((other) => other !== node).slice(0, 1)], [newId(), newId()]),
  unplace: (config) => unplace(config),
  activate: (config) => activate(config),
  removeFromInSync,
  addToInSync,
  replaceLost: (config, node) => replaceLost(config, node, newId()),
  promote: (config, node) => promote(config, node, newId()),
  addJoining: (config, node) => addJoining(config, node, newId()),
  removeCopy,
  handOver,
  failOverTo: (config, node) => failOverTo(config, node, new Set(['a', 'c'])),
};

/** Data that an acknowledged write is on: an allocation is known to hold it while it has been in sync without a break. */
function inSyncIds(copies: ShardCopy[]): string[] {
  return copies.filter((copy) => copy.inSync).map((copy) => copy.allocationId);
}

test('whatever steps are taken in whatever order, a shard keeps one in-sync primary and its data', () => {
  const step = fc.tuple(fc.constantFrom(...Object.keys(steps)), fc.constantFrom(...NODES));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (taken) => {
      let config = empty;
      for (const [name, node] of taken) {
        const next = steps[name]!(config, node);
        if (next === null) continue;
        expect(next.primaryTerm).toBeGreaterThanOrEqual(config.primaryTerm);
        const primaries = next.copies.filter((copy) => copy.role === 'Primary');
        expect(primaries.length).toBe(next.copies.length === 0 ? 0 : 1);
        expect(new Set(next.copies.map((copy) => copy.node)).size).toBe(next.copies.length);
        if (config.primaryTerm > 0) {
          // The primary is in sync, and was so before under the same allocation: it has every acknowledged write.
          expect(primaries[0]!.inSync).toBe(true);
          expect(inSyncIds(config.copies)).toContain(primaries[0]!.allocationId);
          const changed =
            primaries[0]!.allocationId !== config.copies.find((copy) => copy.role === 'Primary')!.allocationId;
          expect(next.primaryTerm).toBe(config.primaryTerm + (changed ? 1 : 0));
        }
        for (const copy of next.copies) if (copy.role === 'Joining') expect(copy.inSync).toBe(false);
        config = next;
      }
    }),
    { numRuns: 500 },
  );
});
