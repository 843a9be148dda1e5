import type { Patch } from './hooks.ts';

/** A bug put in on purpose: what is wrong then, and where. */
export interface Mutant {
  about: string;
  /** A seed that finds it. */
  foundBy: number;
  patches: Patch[];
}

/** By name. Sources change: a patch that does not fit any more fails loudly when the mutant is loaded. */
export const MUTANTS: Record<string, Mutant> = {
  'ack-before-replica': {
    about: 'a write is acknowledged when it is on the primary alone',
    foundBy: 1,
    patches: [
      {
        file: 'node-agent/replication/primary.ts',
        find: 'if (isAwaited(state)) reached = Math.min(reached, state.acked);',
        replace: 'void state;',
      },
    ],
  },
  'no-term-check': {
    about: 'copies take entries of a primary whose term is over',
    foundBy: 38,
    patches: [
      {
        file: 'node-agent/copies/local-copies.ts',
        find: 'if (ref.term < copy.highestTerm) {',
        replace: 'if (ref.term < 0) {',
      },
      {
        file: 'node-agent/copies/local-copies.ts',
        find: 'copy.highestTerm = ref.term;',
        replace: 'copy.highestTerm = Math.max(copy.highestTerm, ref.term);',
      },
      { file: 'sim/memory-copy.ts', find: 'term < meta.term && this.checksTerm', replace: 'term < 0' },
    ],
  },
  'skipped-log-tail': {
    about: 'a copy that was filled is taken for caught up without the log since, and nothing is compared',
    foundBy: 16,
    patches: [
      {
        file: 'node-agent/replication/copy-stream.ts',
        find: "return this.#stream(state.acked, 'proven');",
        replace: "return this.#stream(this.#primary.end.seqNo, 'proven');",
      },
      {
        file: 'node-agent/replication/copy-stream.ts',
        find: 'if (!equal) return',
        replace: 'if (!equal && Number.NaN) return',
      },
      {
        file: 'sim/memory-copy.ts',
        find: 'if (frame.seqNo !== seqNo + 1) {',
        replace: 'if (frame.seqNo !== seqNo + 1 && seqNo === 0) {',
      },
    ],
  },
  'early-cleanup': {
    about: 'a move takes the old copy away before the new one is in sync',
    foundBy: 5,
    patches: [
      {
        file: 'operator/migration/migrate.ts',
        find: 'return { config, migration: next, steps: [] };\n}\n\n/** The new copy is in sync: the old',
        replace: `const left = config.copies.filter((copy) => copy.node !== migration.from);
  const early = { ...config, primaryTerm: config.primaryTerm + 1, copies: left.map((copy, i) => i === left.length - 1 ? { ...copy, role: 'Primary' as const, inSync: true } : { ...copy, role: copy.role === 'Primary' ? 'Replica' as const : copy.role }) };
  return { config: early, migration: next, steps: [] };
}

/** The new copy is in sync: the old`,
      },
    ],
  },
  'stale-promotion': {
    about: 'a copy that is not in sync may become the primary',
    foundBy: 2,
    patches: [
      {
        file: 'operator/failover/heir.ts',
        find: "copy.inSync && copy.role !== 'Primary' && whyNotHeir(copy, input) === undefined",
        replace: "copy.role !== 'Primary' && whyNotHeir(copy, input) === undefined",
      },
      {
        file: 'operator/failover/heir.ts',
        find: "if (report.state === 'READY') return undefined;",
        replace: 'return undefined;',
      },
      { file: 'operator/failover/heir.ts', find: 'b.seqNo - a.seqNo', replace: 'a.seqNo - b.seqNo' },
      {
        file: 'operator/controllers/shard/config.ts',
        find: "heir === undefined || !heir.inSync || heir.role === 'Primary'",
        replace: "heir === undefined || heir.role === 'Primary'",
      },
      {
        file: 'operator/controllers/shard/config.ts',
        find: "if (copy === heir) return { ...copy, role: 'Primary' };",
        replace: "if (copy === heir) return { ...copy, role: 'Primary', inSync: true };",
      },
    ],
  },
  'unsealed-switch': {
    about: 'the routing table switches although the old shards have not drained',
    foundBy: 3,
    patches: [
      {
        file: 'operator/resharding/switch-table.ts',
        find: 'if (!drained) return',
        replace: 'if (!drained && version < 0) return',
      },
      {
        file: 'operator/resharding/switch-table.ts',
        find: 'const ends = new Map',
        replace: 'const version = input.now; const ends = new Map',
      },
      {
        file: 'node-agent/replication/primary.ts',
        find: 'this.#config.handoverTo !== undefined || this.#config.sealed === true',
        replace: 'this.#config.handoverTo !== undefined',
      },
    ],
  },
  'unsealed-handover': {
    about: 'a primary goes on taking writes after it said that it has drained, and the term does not change',
    foundBy: 24,
    patches: [
      {
        file: 'node-agent/replication/primary.ts',
        find: "if (this.sealed) return { code: 'ANN_STALE_TERM', message: this.#sealedBy() };",
        replace: '',
      },
      {
        file: 'node-agent/copies/local-copies.ts',
        find: 'if (copy.highestTerm > copy.replicator.term) {',
        replace: 'if (copy.highestTerm < 0) {',
      },
    ],
  },
  'unconfirmed-reads': {
    about: 'primary reads are answered without asking whether this is still the primary',
    foundBy: 19,
    patches: [
      {
        file: 'node-agent/routing/local-shards.ts',
        find: 'if (shard.primary) await copies.primary(shard).confirm(Math.max(1, timeoutMs - ANSWER_MS));',
        replace: 'if (shard.primary && timeoutMs - ANSWER_MS < -1e9) return shard.name;',
      },
    ],
  },
};
