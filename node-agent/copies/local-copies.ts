import { AnnulusError } from '#model/errors.ts';
import type { FeedReport } from '#proto/control-messages.ts';
import type { CopyRef, ShardRef } from '../rpc/messages.ts';
import type { Replicator } from '../replication/replicator.ts';
import type { MapStore } from '../routing/map-store.ts';
import type { KnownCopy } from './copy-plan.ts';

/** A copy on this node, as the parts of the node share it. */
export interface LocalCopy extends KnownCopy {
  readonly shard: string;
  /** Highest primaryTerm seen from the map or a primary: a lower one is refused. */
  highestTerm: number;
  /** Whom the copy takes entries from: the primary of that term, in the stream that it began last. Forgotten at a restart. */
  stream: { term: number; stream: number } | null;
  /** Global checkpoint that its primary told last. */
  checkpoint: number;
  /** Set while this node is the shard's primary and ready to be. */
  replicator: Replicator | null;
  /** How far this shard, if it is new, is filled from each of its sources. */
  feeds?: () => FeedReport[];
  /** Points that the last full recovery has brought, and will bring, since this node started; null when there was none. */
  importing: { points: number; total: number } | null;
}

/** The copies on this node by shard name, and who may use which. */
export class LocalCopies {
  readonly node: string;
  #maps: MapStore;
  #copies = new Map<string, LocalCopy>();

  constructor(node: string, maps: MapStore) {
    this.node = node;
    this.#maps = maps;
  }

  get(shard: string): LocalCopy | undefined {
    return this.#copies.get(shard);
  }

  set(copy: LocalCopy): void {
    this.#copies.set(copy.shard, copy);
  }

  delete(shard: string): void {
    this.#copies.delete(shard);
  }

  all(): LocalCopy[] {
    return [...this.#copies.values()];
  }

  /** Checks that this node may answer reads of the shard; throws ANN_STALE_TERM (ask another) or ANN_NOT_READY. */
  readable(ref: ShardRef): LocalCopy {
    const copy = this.#copies.get(ref.name);
    const place = this.#maps.shard(ref.name)?.shard.copies.find((placed) => placed.node === this.node);
    if (!copy || copy.uid !== ref.uid || !place?.inSync || place.allocationId !== copy.allocationId) {
      throw new AnnulusError(
        'ANN_STALE_TERM',
        `node ${this.node} has no in-sync copy of shard ${ref.name} by map ${this.#maps.map.version}`,
      );
    }
    if (copy.state.kind !== 'open') throw notOpen(copy, this.node);
    return copy;
  }

  /** The shard's replicator on this node; throws ANN_STALE_TERM when this node is not its primary. */
  primary(ref: ShardRef): Replicator {
    const copy = this.#copies.get(ref.name);
    const place = this.#maps.shard(ref.name)?.shard.copies.find((placed) => placed.node === this.node);
    if (!copy || copy.uid !== ref.uid || place?.role !== 'Primary') {
      throw new AnnulusError('ANN_STALE_TERM', `node ${this.node} is not primary of shard ${ref.name}`);
    }
    if (copy.state.kind !== 'open') throw notOpen(copy, this.node);
    if (!copy.replicator) {
      throw new AnnulusError('ANN_NOT_READY', `shard ${ref.name}: its primary on ${this.node} is starting`);
    }
    if (copy.highestTerm > copy.replicator.term) {
      throw new AnnulusError('ANN_STALE_TERM', `shard ${ref.name} has a primary of term ${copy.highestTerm}`);
    }
    return copy.replicator;
  }

  /** Checks a primary's message to a copy here, and remembers its term; throws ANN_STALE_TERM or ANN_NOT_READY. */
  fromPrimary(ref: CopyRef): LocalCopy {
    const copy = this.#copies.get(ref.shard.name);
    if (!copy || copy.uid !== ref.shard.uid || copy.allocationId !== ref.allocationId) {
      throw new AnnulusError('ANN_NOT_READY', `node ${this.node} has no copy ${ref.allocationId} of ${ref.shard.name}`);
    }
    if (ref.term < copy.highestTerm) {
      throw new AnnulusError(
        'ANN_STALE_TERM',
        `shard ${ref.shard.name}: term ${ref.term} is over, node ${this.node} knows term ${copy.highestTerm}`,
      );
    }
    copy.highestTerm = ref.term;
    if (copy.state.kind !== 'open') throw notOpen(copy, this.node);
    return copy;
  }

  /** A primary begins to write to a copy here: messages of earlier streams are refused from now on. */
  beginStream(ref: CopyRef): LocalCopy {
    const copy = this.fromPrimary(ref);
    copy.stream = { term: ref.term, stream: ref.stream };
    return copy;
  }

  /** As fromPrimary, of the stream begun last; throws ANN_NOT_READY when another was begun, or this node was started anew. */
  inStream(ref: CopyRef): LocalCopy {
    const copy = this.fromPrimary(ref);
    if (copy.stream?.term === ref.term && copy.stream.stream === ref.stream) return copy;
    throw new AnnulusError(
      'ANN_NOT_READY',
      `shard ${copy.shard}: stream ${ref.stream} to ${this.node} is over: locate again`,
    );
  }

  /** A copy that the map calls in sync holds acknowledged data: nobody may empty it. */
  refuseIfInSync(copy: LocalCopy): void {
    const place = this.#maps.shard(copy.shard)?.shard.copies.find((placed) => placed.node === this.node);
    if (!place?.inSync) return;
    throw new AnnulusError('ANN_CONFLICT', `the copy of shard ${copy.shard} on ${this.node} is in sync: not emptied`);
  }
}

function notOpen(copy: LocalCopy, node: string): AnnulusError {
  const state = copy.state.kind === 'failed' ? `failed: ${copy.state.message}` : copy.state.kind;
  return new AnnulusError('ANN_NOT_READY', `the copy of shard ${copy.shard} on ${node} is ${state}`);
}
