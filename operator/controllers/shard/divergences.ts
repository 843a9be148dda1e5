import type { Shard } from '#crds/v1alpha1/index.ts';
import { reportOf } from '../../control/sights.ts';
import type { EventNote } from '../../kube/events.ts';
import type { ShardInput } from './shard-input.ts';

interface Told {
  allocationId: string;
  term: number;
  divergences: number;
}

/** Copies that anti-entropy found different from their primary, by shard, as far as a person was told of them. */
export class Divergences {
  readonly #told = new Map<string, Told>();

  forget(key: string): void {
    this.#told.delete(key);
  }

  /** What to say, once for each copy found; null when there is nothing new. What was found before this operator first looked is not told again. */
  note(key: string, shard: Shard, nodes: ShardInput['nodes']): EventNote | null {
    const primary = shard.status?.copies?.find((copy) => copy.role === 'Primary');
    if (primary === undefined) return null;
    const report = reportOf(nodes.get(primary.node), shard.metadata.name, primary.allocationId);
    if (report === undefined) return null;
    const { allocationId, term, divergences } = report;
    const told = this.#told.get(key);
    this.#told.set(key, { allocationId, term, divergences });
    // A new primary counts from nothing.
    const same = told?.allocationId === allocationId && told.term === term && divergences >= told.divergences;
    const before = same ? told.divergences : 0;
    if (told === undefined || divergences <= before) return null;
    const found = divergences - before;
    const message =
      `anti-entropy found ${found} ${found === 1 ? 'copy' : 'copies'} that differed from the primary on ${primary.node}: ` +
      "recovered from it whole; look at the disks of the shard's nodes, and at the primary's log for which";
    return { type: 'Warning', reason: 'CopyDiverged', message };
  }
}
