import type { MapCollection, MapCopy, MapShard } from '#model/cluster-map.ts';
import type { Position, ShardSettings } from '../shard/shard-host.ts';

/** What became of a copy's files on this node. */
export type LocalState =
  | { kind: 'opening' }
  | ({ kind: 'open'; created: boolean } & Position)
  /** The files are not there, and must not be made anew: the map says that they hold acknowledged data. */
  | { kind: 'missing' }
  | { kind: 'failed'; message: string; retryAt: number };

export interface KnownCopy {
  uid: string;
  allocationId: string;
  settings: ShardSettings;
  state: LocalState;
}

/** A copy that the map places on this node. */
export interface WantedCopy {
  shard: string;
  uid: string;
  allocationId: string;
  /** An empty copy may be made: no acknowledged data can be in this one. */
  mayCreate: boolean;
  settings: ShardSettings;
}

export type CopyAction =
  | { type: 'open'; create: boolean }
  /** The map has another copy, or none, of this shard here. */
  | { type: 'destroy' }
  | { type: 'configure'; settings: Partial<ShardSettings> }
  | { type: 'none' };

/** The copy as the map wants it on this node. */
export function wantedCopy(collection: MapCollection, shard: MapShard, copy: MapCopy): WantedCopy {
  const { dimension, metric, hnsw, payloadIndexes, textFields } = collection;
  return {
    shard: shard.name,
    uid: shard.uid,
    allocationId: copy.allocationId,
    mayCreate: shard.primaryTerm === 0 || (!copy.inSync && copy.role !== 'Primary'),
    settings: { dimension, metric, hnsw, payloadIndexes, textFields },
  };
}

/** The next step towards what the map wants; steps are taken one at a time. `live`: the map came from the operator or a peer in this process's life. */
export function planCopy(wanted: WantedCopy | null, known: KnownCopy | null, live: boolean, now: number): CopyAction {
  if (known && (wanted?.uid !== known.uid || wanted.allocationId !== known.allocationId)) {
    // A map kept on disk may be behind: nothing is thrown away on its word alone.
    return live ? { type: 'destroy' } : { type: 'none' };
  }
  if (!wanted) return { type: 'none' };
  if (!known) return { type: 'open', create: wanted.mayCreate };
  switch (known.state.kind) {
    case 'opening':
      return { type: 'none' };
    case 'missing':
      return wanted.mayCreate ? { type: 'open', create: true } : { type: 'none' };
    case 'failed':
      return now >= known.state.retryAt ? { type: 'open', create: wanted.mayCreate } : { type: 'none' };
    case 'open': {
      const settings = changedSettings(known.settings, wanted.settings);
      return settings ? { type: 'configure', settings } : { type: 'none' };
    }
  }
}

function changedSettings(known: ShardSettings, wanted: ShardSettings): Partial<ShardSettings> | null {
  const changed: Partial<ShardSettings> = {};
  if (JSON.stringify(known.hnsw) !== JSON.stringify(wanted.hnsw)) changed.hnsw = wanted.hnsw;
  if (JSON.stringify(known.payloadIndexes) !== JSON.stringify(wanted.payloadIndexes)) {
    changed.payloadIndexes = wanted.payloadIndexes;
  }
  if (JSON.stringify(known.textFields) !== JSON.stringify(wanted.textFields)) changed.textFields = wanted.textFields;
  return Object.keys(changed).length > 0 ? changed : null;
}
