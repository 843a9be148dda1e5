import type { MapCollection } from '#model/cluster-map.ts';
import { errorFromWire } from '#model/errors.ts';
import type { PointId } from '#model/point-id.ts';
import { slotOf, type Slots } from '#model/slot.ts';
import type { Write } from '../shard/operations.ts';
import { groupWrites, heirsOf, regroup, type WritePart } from './group-writes.ts';
import type { ShardScroll } from '../shard/shard-host.ts';
import type { WriteOutcome } from './shard-access.ts';
import type { RequestOptions } from './router.ts';
import type { ShardCalls } from './shard-calls.ts';
import { settleAll } from './settle-all.ts';
import { onOneTable, TableChanged } from './table-changed.ts';

const IDS_PAGE = 10_000;

/** A request whose writes are sent to their shards. */
export interface WriteRequest {
  /** The collection by the newest map. */
  collection(): MapCollection;
  calls: Pick<ShardCalls, 'read' | 'write'>;
  /** Operations of the whole request. */
  operations: number;
  /** On the clock of performance.now(). */
  deadline: number;
  callerGone?: RequestOptions['callerGone'];
}

/** Splits a request's writes by shard. */
export function partsOf(collection: MapCollection, writes: Write[]): WritePart[] {
  return [...groupWrites(collection, writes)].map(([shard, group]) => {
    const { slots } = collection.routing.find((entry) => entry.shard === shard)!;
    return { ...group, shard, slots };
  });
}

/** Sends one shard its part. When the shard has left the routing table, and so has written nothing of it, the shards that own its slots now get it. */
export async function writePart(request: WriteRequest, part: WritePart): Promise<number> {
  try {
    const outcome = await request.calls.write(part.shard, part.writes, request.deadline, request.callerGone);
    throwFirstRefusal(outcome, part.from, request.operations);
    return outcome.seqNo;
  } catch (error) {
    if (!(error instanceof TableChanged)) throw error;
  }
  const parts = regroup(request.collection(), part, part.slots);
  if (parts === null) return oneByOne(request, part);
  return Math.max(0, ...(await settleAll(parts.map((next) => writePart(request, next)))));
}

/** After a merge a filter would reach points that another shard's part of the request is about: it is resolved to ids, when its turn comes. */
async function oneByOne(request: WriteRequest, { writes, from, slots }: WritePart): Promise<number> {
  let seqNo = 0;
  for (const [i, write] of writes.entries()) {
    let resolved: Write = write;
    if ('select' in write && 'filter' in write.select) {
      const { filter } = write.select;
      const ids = await onOneTable(() => matching(request, filter, slots), request.deadline);
      if (ids.length === 0) continue;
      resolved = { ...write, select: { ids } };
    }
    const parts = regroup(request.collection(), { writes: [resolved], from: [from[i]!] }, slots) ?? [];
    seqNo = Math.max(seqNo, ...(await settleAll(parts.map((part) => writePart(request, part)))));
  }
  return seqNo;
}

/** Ids in these slots of the points that pass a filter. */
async function matching(
  { collection, calls, deadline }: WriteRequest,
  filter: string,
  slots: Slots,
): Promise<PointId[]> {
  const found: PointId[] = [];
  for (const heir of heirsOf(collection(), slots)) {
    let from: PointId | null = null;
    for (;;) {
      const scroll: ShardScroll = { from, limit: IDS_PAGE + 1, filter, fields: { payload: false, vector: false } };
      const page = await calls.read(heir.shard, 'primary', deadline, (access, shard, timeoutMs) =>
        access.scroll(shard, scroll, timeoutMs),
      );
      const ids = page.points.map((point) => point.id);
      // The last one begins the next page.
      from = ids.length > IDS_PAGE ? ids.pop()! : null;
      found.push(...ids.filter((id) => isIn(heir.slots, id)));
      if (from === null) break;
    }
  }
  return found;
}

function isIn({ from, to }: Slots, id: PointId): boolean {
  const slot = slotOf(id);
  return slot >= from && slot <= to;
}

function throwFirstRefusal(outcome: WriteOutcome, from: number[], operations: number): void {
  outcome.results.forEach((result, at) => {
    if (result.ok) return;
    const place = operations > 1 ? `operation ${from[at]}: ` : '';
    throw errorFromWire({ ...result.error, message: `${place}${result.error.message}` });
  });
}
