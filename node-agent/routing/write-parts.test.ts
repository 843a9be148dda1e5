import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shardForSlot, type MapCollection } from '#model/cluster-map.ts';
import type { PointId } from '#model/point-id.ts';
import { slotOf } from '#model/slot.ts';
import type { Selector, Write } from '../shard/operations.ts';
import type { ShardScroll } from '../shard/shard-host.ts';
import { testCollection } from '../testing/test-map.ts';
import type { ShardAccess } from './shard-access.ts';
import { TableChanged } from './table-changed.ts';
import { partsOf, writePart, type WriteRequest } from './write-parts.ts';

type Points = Map<PointId, string>;

/** Applies a write to points; a filter is the payload that it looks for. */
function apply(points: Points, write: Write, mine: (id: PointId) => boolean = () => true): void {
  const chosen = (select: Selector): PointId[] =>
    'ids' in select ? select.ids : [...points].filter(([, text]) => text === select.filter).map(([id]) => id);
  if (write.type === 'upsert') for (const { id, payload } of write.points) points.set(id, payload ?? '');
  else if (write.type === 'delete') for (const id of chosen(write.select)) if (mine(id)) points.delete(id);
  if (write.type === 'overwritePayload') {
    for (const id of chosen(write.select)) if (points.has(id)) points.set(id, write.payload);
  }
}

/** Shards whose table changes when a write of some number comes: that write, and all later ones to old shards, find the new table. */
class Shards {
  table: MapCollection;
  writes = 0;
  readonly #points = new Map<string, Points>();
  changes = new Map<number, MapCollection>();

  constructor(table: MapCollection) {
    this.table = table;
  }

  request(operations: number): WriteRequest {
    return {
      collection: () => this.table,
      operations,
      deadline: Infinity,
      calls: {
        write: (shard, writes) => {
          const next = this.changes.get(++this.writes);
          if (next) this.#change(next);
          const points = this.#of(shard);
          for (const write of writes) apply(points, write);
          return Promise.resolve({ seqNo: 1, results: writes.map(() => ({ ok: true as const, points: 1 })) });
        },
        read: (shard, _consistency, _deadline, ask) => {
          const points = this.#of(shard);
          const scroll = (_: unknown, { filter, from, limit }: ShardScroll): ReturnType<ShardAccess['scroll']> => {
            const ids = [...points].filter(([, text]) => text === filter).map(([id]) => id);
            const page = ids.sort((a, b) => Number(a) - Number(b)).filter((id) => from === null || id >= from);
            const answer = page.slice(0, limit).map((id) => ({ id, payload: null, vector: null }));
            return Promise.resolve({ points: answer, more: page.length > limit });
          };
          return ask({ scroll } as unknown as ShardAccess, { name: shard, uid: '' }, 1_000);
        },
      },
    };
  }

  all(): Points {
    return new Map([...this.#points.values()].flatMap((points) => [...points]));
  }

  #of(shard: string): Points {
    if (!this.table.routing.some((entry) => entry.shard === shard)) throw new TableChanged(shard);
    const known = this.#points.get(shard) ?? new Map<PointId, string>();
    this.#points.set(shard, known);
    return known;
  }

  #change(table: MapCollection): void {
    const all = this.all();
    this.#points.clear();
    this.table = table;
    for (const [id, text] of all) this.#of(shardForSlot(table, slotOf(id))!).set(id, text);
  }
}

const ids = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 });
const text = fc.constantFrom('a', 'b', 'c');
const select = fc.oneof(
  ids.map((chosen): Selector => ({ ids: chosen })),
  text.map((filter): Selector => ({ filter })),
);
const write = fc.oneof(
  fc.tuple(ids, text).map(([chosen, payload]): Write => ({
    type: 'upsert',
    points: chosen.map((id) => ({ id, vector: null, payload })),
  })),
  select.map((chosen): Write => ({ type: 'delete', select: chosen })),
  fc.tuple(select, text).map(([chosen, payload]): Write => ({ type: 'overwritePayload', select: chosen, payload })),
);

test('a request whose shards are split and merged while it is written does what it would have done alone', async () => {
  const changes = fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 })), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(write, { minLength: 1, maxLength: 4 }),
      fc.array(write, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 4 }),
      changes,
      async (before, writes, shards, switches) => {
        const tables = new Map(switches.map(([at, count], i) => [at, testCollection(`t${i}-`, count)]));
        const world = new Shards(testCollection('c', shards));
        const twin: Points = new Map();
        for (const one of [...before, ...writes]) apply(twin, one);
        const send = async (list: Write[]): Promise<void> => {
          const request = world.request(list.length);
          await Promise.all(partsOf(world.table, list).map((part) => writePart(request, part)));
        };
        await send(before);
        world.writes = 0;
        world.changes = tables;
        await send(writes);
        expect([...world.all()].sort(byId)).toEqual([...twin].sort(byId));
      },
    ),
    { numRuns: 500 },
  );
});

function byId([a]: [PointId, string], [b]: [PointId, string]): number {
  return Number(a) - Number(b);
}
