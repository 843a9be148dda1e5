import { shardForSlot, type MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import { pointIdText, type PointId } from '#model/point-id.ts';
import { slotOf, type Slots } from '#model/slot.ts';
import type { Selector, Write } from '../shard/operations.ts';

/** One shard's part of a request's writes. `from[i]` is the place in the request of writes[i]. */
export interface ShardWrites {
  writes: Write[];
  from: number[];
}

/** Name of the shard that owns a point; throws ANN_NOT_READY while the collection has no routing table. */
export function shardOf(collection: MapCollection, id: PointId): string {
  const only = collection.routing.length === 1 ? collection.routing[0]!.shard : undefined;
  const shard = only ?? shardForSlot(collection, slotOf(id));
  if (shard === undefined) {
    throw new AnnulusError('ANN_NOT_READY', `collection ${collection.name} is still being created; try again soon`);
  }
  return shard;
}

/** Splits items by the shard that owns their id, order kept. */
export function groupByShard<T>(collection: MapCollection, items: T[], idOf: (item: T) => PointId): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const shard = shardOf(collection, idOf(item));
    const group = groups.get(shard);
    if (group) group.push(item);
    else groups.set(shard, [item]);
  }
  return groups;
}

/** Splits a request's writes by shard: the order within a shard is the request's; a filter goes to every shard. */
export function groupWrites(collection: MapCollection, writes: Write[]): Map<string, ShardWrites> {
  const groups = new Map<string, ShardWrites>();
  writes.forEach((write, place) => {
    for (const [shard, part] of splitWrite(collection, write)) {
      let group = groups.get(shard);
      if (!group) groups.set(shard, (group = { writes: [], from: [] }));
      group.writes.push(part);
      group.from.push(place);
    }
  });
  return groups;
}

function splitWrite(collection: MapCollection, write: Write): [string, Write][] {
  if (write.type === 'upsert') {
    const groups = groupByShard(collection, write.points, (point) => point.id);
    return [...groups].map(([shard, points]) => [shard, { ...write, points }]);
  }
  if (write.type === 'updateVectors') {
    const groups = groupByShard(collection, write.points, (point) => point.id);
    return [...groups].map(([shard, points]) => [shard, { ...write, points }]);
  }
  return splitSelector(collection, write.select).map(([shard, select]) => [shard, { ...write, select }]);
}

function splitSelector(collection: MapCollection, select: Selector): [string, Selector][] {
  if ('filter' in select) return collection.routing.map(({ shard }) => [shard, select]);
  return [...groupByShard(collection, select.ids, (id) => id)].map(([shard, ids]) => [shard, { ids }]);
}

/** Part of a request's writes for one shard; `slots`: it is about points of these only. */
export interface WritePart extends ShardWrites {
  shard: string;
  slots: Slots;
}

/**
 * Splits the writes of a shard that has left the routing table by the new one; `owned`: the slots that they are about. Null when a filter would reach points
 * of other slots too: these writes must be made one by one, their filters as ids.
 */
export function regroup(collection: MapCollection, { writes, from }: ShardWrites, owned: Slots): WritePart[] | null {
  const heirs = heirsOf(collection, owned);
  const parts = new Map(
    heirs.map(({ shard, slots }): [string, WritePart] => [shard, { shard, slots, writes: [], from: [] }]),
  );
  for (const [i, write] of writes.entries()) {
    const filtered = 'select' in write && 'filter' in write.select;
    if (filtered && !heirs.every((heir) => heir.whole)) return null;
    for (const [shard, part] of splitWrite(collection, write)) {
      const owner = parts.get(shard);
      if (owner === undefined) continue;
      owner.writes.push(part);
      owner.from.push(from[i]!);
    }
  }
  return [...parts.values()].filter((part) => part.writes.length > 0);
}

/** The shards that own these slots now. `whole`: it owns no others. */
export function heirsOf(collection: MapCollection, slots: Slots): { shard: string; slots: Slots; whole: boolean }[] {
  return collection.routing
    .filter((entry) => entry.slots.from <= slots.to && entry.slots.to >= slots.from)
    .map((entry) => ({
      shard: entry.shard,
      slots: { from: Math.max(entry.slots.from, slots.from), to: Math.min(entry.slots.to, slots.to) },
      whole: entry.slots.from >= slots.from && entry.slots.to <= slots.to,
    }));
}

/** Ids that must exist before the first write is made: named by payload and vector updates, not written earlier in the request. */
export function idsThatMustExist(writes: Write[]): PointId[] {
  const made = new Set<string>();
  const needed = new Map<string, PointId>();
  for (const write of writes) {
    if (write.type === 'upsert') {
      for (const point of write.points) made.add(pointIdText(point.id));
      continue;
    }
    if (write.type === 'delete') continue;
    const ids = write.type === 'updateVectors' ? write.points.map((point) => point.id) : idsOf(write.select);
    for (const id of ids) {
      const text = pointIdText(id);
      if (!made.has(text)) needed.set(text, id);
    }
  }
  return [...needed.values()];
}

function idsOf(select: Selector): PointId[] {
  return 'ids' in select ? select.ids : [];
}
