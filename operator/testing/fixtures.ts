import type { Collection, Shard, ShardStatus, VectorCluster } from '#crds/v1alpha1/index.ts';
import { parseCollection, parseShard, parseVectorCluster, type Result } from '#crds/validate.ts';
import type { StoredCluster } from '../build/common.ts';
import type { CopyReport, NodeReport } from '#proto/control-messages.ts';
import type { ClusterHealth, NodeState } from '../failover/health.ts';
import type { NodeSight } from '../control/sights.ts';
import { parsePod, type Pod } from '../pods.ts';
import { isObject, type JsonObject } from '../kube/json.ts';
import { templateHash } from '../build/pod-template.ts';
import { childLabels } from '../build/common.ts';

export const CREATED = '2026-01-01T00:00:00Z';

/** A VectorCluster `ring` as the API server would hold it: defaults filled in. */
export function makeCluster(spec: Partial<VectorCluster['spec']> = {}, name = 'ring'): StoredCluster {
  const parsed = unwrap(
    parseVectorCluster({
      apiVersion: 'annulus.dev/v1alpha1',
      kind: 'VectorCluster',
      metadata: metadata(name),
      spec: { type: 'Sharded', ...spec },
    }),
  );
  return { ...parsed, metadata: { ...parsed.metadata, uid: `uid-${name}`, namespace: 'test' } };
}

/** A Collection `words` in `ring`. */
export function makeCollection(spec: Partial<Collection['spec']> = {}, name = 'words'): Collection {
  return unwrap(
    parseCollection({
      apiVersion: 'annulus.dev/v1alpha1',
      kind: 'Collection',
      metadata: metadata(name),
      spec: { cluster: 'ring', dimension: 4, ...spec },
    }),
  );
}

/** The whole-range Shard `words-0` of `words`. */
export function makeShard(spec: Partial<Shard['spec']> = {}, status?: ShardStatus): Shard {
  const collection = spec.collection ?? 'words';
  return unwrap(
    parseShard({
      apiVersion: 'annulus.dev/v1alpha1',
      kind: 'Shard',
      metadata: {
        ...metadata(`${collection}-${spec.index ?? 0}`),
        ownerReferences: [
          {
            apiVersion: 'annulus.dev/v1alpha1',
            kind: 'Collection',
            name: collection,
            uid: `uid-${collection}`,
            controller: true,
          },
        ],
      },
      spec: {
        cluster: 'ring',
        collection,
        index: 0,
        slots: { from: 0, to: 16383 },
        replicationFactor: 2,
        minInSync: 1,
        ...spec,
      },
      ...(status === undefined ? {} : { status }),
    }),
  );
}

/** A running, ready pod of `ring`, unless `status` says otherwise. */
export function makePod(ordinal: number, status: JsonObject = {}, cluster = makeCluster()): Pod {
  return parsePod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata(`ring-${ordinal}`),
      labels: { ...childLabels('ring'), 'annulus.dev/template-hash': templateHash(cluster) },
    },
    spec: { nodeName: `machine-${ordinal}` },
    status: {
      podIP: `10.0.0.${ordinal + 1}`,
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      ...status,
    },
  });
}

/** A report of one copy. */
export function makeReport(copy: Partial<CopyReport> & Pick<CopyReport, 'allocationId' | 'state'>): CopyReport {
  return {
    shard: 'words-0',
    term: 1,
    seqNo: 0,
    checkpoint: 0,
    points: 0,
    bytes: 0,
    message: '',
    copiedPoints: 0,
    totalPoints: 0,
    streams: [],
    feeds: [],
    drained: false,
    divergences: 0,
    ...copy,
  };
}

/** A connected node that has just reported these copies, whatever the time is. */
export function makeSight(node: string, ...copies: CopyReport[]): NodeSight & { podReady: boolean } {
  const report: NodeReport = {
    mapVersion: 1,
    copies,
    diskFreeBytes: 0,
    diskTotalBytes: 0,
    memoryBytes: 0,
    members: [],
  };
  return { node, connected: true, since: 0, report, reportAt: Number.MAX_SAFE_INTEGER, podReady: true };
}

/** What is believed of nodes: alive, unless `others` says otherwise. */
export function makeHealth(alive: string[], others: Record<string, NodeState> = {}, majority = true): ClusterHealth {
  const states = { ...Object.fromEntries(alive.map((node) => [node, 'Alive' as const])), ...others };
  const entries = Object.entries(states);
  return {
    majority,
    nodes: new Map(entries.map(([node, state]) => [node, { state, since: 0, why: 'a test says so' }])),
  };
}

/** The object as it would be after this status was written. */
export function withStatus<T extends { status?: unknown }>(object: T, status: T['status']): T {
  return { ...object, status };
}

/** Runs until a predicate holds; fails with `what` after `timeoutMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not in ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function metadata(name: string): {
  name: string;
  namespace: string;
  uid: string;
  generation: number;
  resourceVersion: string;
  creationTimestamp: string;
} {
  return {
    name,
    namespace: 'test',
    uid: `uid-${name}`,
    generation: 1,
    resourceVersion: '1',
    creationTimestamp: CREATED,
  };
}

function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.errors));
}

/** Reads a JSON object; throws on anything else. */
export function asObject(value: unknown): JsonObject {
  if (!isObject(value)) throw new Error(`not an object: ${String(value)}`);
  return value;
}
