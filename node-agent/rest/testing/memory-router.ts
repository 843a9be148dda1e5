import type { CollectionSpec } from '#crds/v1alpha1/index.ts';
import { DEFAULT_SETTINGS, type ClusterMap, type MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import { comparePointIds, pointIdText, type PointId } from '#model/point-id.ts';
import { parseDatetime } from '../../filter/datetime.ts';
import { jsonText, parseJson } from '../../filter/json.ts';
import { compileFilter } from '../../filter/match.ts';
import { parseFilterText } from '../../filter/parse.ts';
import { leavesAt, parsePath } from '../../filter/path.ts';
import type {
  CollectionAdmin,
  CollectionStats,
  Hit,
  Router,
  ScrollRequest,
  SearchQuery,
} from '../../routing/router.ts';
import type { Selector, Write } from '../../shard/operations.ts';
import type { Fields, ShardPoint } from '../../shard/shard-host.ts';
import { unit } from '../recommend.ts';

interface Point {
  id: PointId;
  vector: Float32Array | null;
  payload: Record<string, unknown>;
}

interface Table {
  collection: MapCollection;
  points: Map<PointId, Point>;
  seqNo: number;
}

/** A dumb twin of the router: Maps and brute force, for tests of the interfaces above it. */
export class MemoryRouter implements Router, CollectionAdmin {
  private readonly tables = new Map<string, Table>();
  private version = 1;

  map(): ClusterMap {
    const collections = [...this.tables.values()].map((table) => table.collection);
    return {
      cluster: 'twin',
      namespace: 'default',
      clusterUID: 'twin-uid',
      version: this.version,
      ...DEFAULT_SETTINGS,
      nodes: [],
      collections,
    };
  }

  collection(name: string): MapCollection {
    return this.table(name).collection;
  }

  create(name: string, spec: Partial<CollectionSpec>): Promise<void> {
    if (this.tables.has(name)) throw new AnnulusError('ANN_COLLECTION_EXISTS', `${name} exists`);
    const shards = spec.sharding?.shards ?? 2;
    const collection: MapCollection = {
      name,
      object: name,
      uid: name,
      cluster: 'twin',
      dimension: spec.dimension ?? 0,
      metric: spec.metric ?? 'Cosine',
      hnsw: { m: 16, efConstruction: 100, efSearch: 128, ...spec.hnsw },
      payloadIndexes: spec.payloadIndexes ?? [],
      textFields: spec.textFields ?? [],
      replicationFactor: spec.replicationFactor ?? 1,
      tableVersion: 1,
      routing: Array.from({ length: shards }, (_, i) => ({ shard: `${name}-${i}`, slots: { from: i, to: i } })),
      shards: [],
    };
    this.tables.set(name, { collection, points: new Map(), seqNo: 0 });
    this.version++;
    return Promise.resolve();
  }

  update(name: string, patch: Partial<CollectionSpec>): Promise<void> {
    const table = this.table(name);
    const { collection } = table;
    table.collection = {
      ...collection,
      hnsw: { ...collection.hnsw, ...patch.hnsw },
      payloadIndexes: patch.payloadIndexes ?? collection.payloadIndexes,
      replicationFactor: patch.replicationFactor ?? collection.replicationFactor,
    };
    this.version++;
    return Promise.resolve();
  }

  delete(name: string): Promise<void> {
    this.tables.delete(name);
    this.version++;
    return Promise.resolve();
  }

  write(name: string, writes: Write[]): Promise<{ seqNo: number }> {
    const table = this.table(name);
    for (const write of writes) apply(table, write);
    table.seqNo += writes.length;
    return Promise.resolve({ seqNo: table.seqNo });
  }

  search(name: string, queries: SearchQuery[]): Promise<Hit[][]> {
    const table = this.table(name);
    return Promise.resolve(queries.map((query) => this.searchOne(table, query)));
  }

  private searchOne(table: Table, query: SearchQuery): Hit[] {
    const { metric } = table.collection;
    const far = metric === 'Euclid';
    const threshold = query.scoreThreshold;
    return matching(table, query.filter)
      .filter((point) => point.vector !== null)
      .map((point) => ({ point, score: Math.fround(score(metric, query.vector, point.vector!)) }))
      .filter((hit) => threshold === undefined || (far ? hit.score <= threshold : hit.score >= threshold))
      .sort((a, b) => (far ? a.score - b.score : b.score - a.score) || comparePointIds(a.point.id, b.point.id))
      .slice(query.offset, query.offset + query.limit)
      .map(({ point, score }) => ({ ...shown(point, query.fields), score }));
  }

  retrieve(name: string, ids: PointId[], fields: Fields): Promise<ShardPoint[]> {
    const { points } = this.table(name);
    return Promise.resolve(ids.flatMap((id) => (points.has(id) ? [shown(points.get(id)!, fields)] : [])));
  }

  scroll(name: string, request: ScrollRequest): Promise<{ points: ShardPoint[]; next: PointId | null }> {
    const found = matching(this.table(name), request.filter);
    if (request.order !== undefined) return Promise.resolve({ points: ordered(found, request), next: null });
    const { from } = request;
    const rest = found.filter((point) => from === null || comparePointIds(point.id, from) >= 0);
    const page = rest.slice(0, request.limit).map((point) => shown(point, request.fields));
    return Promise.resolve({ points: page, next: rest[request.limit]?.id ?? null });
  }

  count(name: string, filter: string | null): Promise<number> {
    return Promise.resolve(matching(this.table(name), filter).length);
  }

  stats(name: string): Promise<CollectionStats> {
    const points = this.table(name).points.size;
    return Promise.resolve({
      points,
      indexedPoints: 0,
      status: 'green',
      shards: [{ name, points, primary: 'twin-0', inSync: 1, copies: 1 }],
    });
  }

  private table(name: string): Table {
    const table = this.tables.get(name);
    if (table === undefined) throw new AnnulusError('ANN_COLLECTION_NOT_FOUND', `no collection ${name}`);
    return table;
  }
}

/** Points that pass the filter, by id. */
function matching(table: Table, filter: string | null): Point[] {
  const text = new Set(
    table.collection.payloadIndexes.filter((index) => index.type === 'text').map((index) => index.field),
  );
  const test = filter === null ? () => true : compileFilter(parseFilterText(filter), text);
  const all = [...table.points.values()].filter(({ id, payload, vector }) =>
    test({ id, payload, hasVector: vector !== null }),
  );
  return all.sort((a, b) => comparePointIds(a.id, b.id));
}

function ordered(found: Point[], { order, limit, fields }: ScrollRequest): ShardPoint[] {
  const sign = order!.direction === 'asc' ? 1 : -1;
  const path = parsePath(order!.field)!;
  return found
    .flatMap((point) =>
      leavesAt(point.payload, path).flatMap((leaf) => {
        const value = typeof leaf === 'string' ? parseDatetime(leaf) : typeof leaf === 'number' ? leaf : null;
        return value === null ? [] : [{ ...shown(point, fields), orderValue: value }];
      }),
    )
    .filter(({ orderValue }) => order!.startFrom === undefined || sign * (orderValue - order!.startFrom) >= 0)
    .sort((a, b) => sign * (a.orderValue - b.orderValue))
    .slice(0, limit);
}

function shown(point: Point, { payload, vector }: Fields): ShardPoint {
  return {
    id: point.id,
    payload: payload === false ? null : jsonText(selected(point.payload, payload)),
    vector: vector ? point.vector : null,
  };
}

/** Top-level keys are enough here. */
function selected(payload: Record<string, unknown>, by: Exclude<Fields['payload'], false>): unknown {
  if (by === true) return payload;
  const keep = (key: string): boolean => ('include' in by ? by.include.includes(key) : !by.exclude.includes(key));
  return Object.fromEntries(Object.entries(payload).filter(([key]) => keep(key)));
}

function score(metric: MapCollection['metric'], a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
    squares += (a[i]! - b[i]!) ** 2;
  }
  if (metric === 'Dot') return dot;
  return metric === 'Euclid' ? Math.sqrt(squares) : aa * bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}

function chosen(table: Table, select: Selector, must: boolean): Point[] {
  if ('filter' in select) return matching(table, select.filter);
  return select.ids.flatMap((id) => {
    const point = table.points.get(id);
    if (point === undefined && must)
      throw new AnnulusError('ANN_POINT_NOT_FOUND', `Not found: No point with id ${pointIdText(id)} found`);
    return point === undefined ? [] : [point];
  });
}

function apply(table: Table, write: Write): void {
  switch (write.type) {
    case 'upsert':
      for (const { id, vector, payload } of write.points)
        table.points.set(id, { id, vector: stored(table, vector), payload: record(payload) });
      return;
    case 'delete':
      for (const point of chosen(table, write.select, false)) table.points.delete(point.id);
      return;
    case 'setPayload':
      for (const point of chosen(table, write.select, true)) merge(point, record(write.payload), write.key);
      return;
    case 'overwritePayload':
      for (const point of chosen(table, write.select, true)) point.payload = record(write.payload);
      return;
    case 'deletePayload':
      for (const point of chosen(table, write.select, true)) for (const key of write.keys) delete point.payload[key];
      return;
    case 'clearPayload':
      for (const point of chosen(table, write.select, true)) point.payload = {};
      return;
    case 'updateVectors':
      for (const { id, vector } of write.points) chosen(table, { ids: [id] }, true)[0]!.vector = stored(table, vector);
      return;
    case 'deleteVectors':
      for (const point of chosen(table, write.select, true)) point.vector = null;
      return;
  }
}

/** Cosine vectors are kept at length 1, as the dialect has it. */
function stored(table: Table, vector: Float32Array | null): Float32Array | null {
  return vector === null || table.collection.metric !== 'Cosine' ? vector : unit(vector);
}

function merge(point: Point, payload: Record<string, unknown>, key?: string): void {
  if (key === undefined) Object.assign(point.payload, payload);
  else point.payload[key] = { ...(point.payload[key] as object | undefined), ...payload };
}

function record(text: string | null): Record<string, unknown> {
  return text === null ? {} : (parseJson(text) as Record<string, unknown>);
}
