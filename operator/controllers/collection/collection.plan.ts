import {
  API_VERSION,
  type Collection,
  type CollectionStatus,
  type RoutingTable,
  type Shard,
  type ShardSpec,
  type VectorCluster,
} from '#crds/v1alpha1/index.ts';
import { shardObjectName } from '#model/object-name.ts';
import { evenSlots, SLOTS } from '#model/slot.ts';
import { CLUSTER_LABEL, MANAGED_BY, ownerReference } from '../../build/common.ts';
import { clientName, isOwnedBy, physicalCluster } from '../../collections.ts';
import { isTrue, type Blocked } from '../../conditions.ts';
import { isObject, sameJson, type JsonObject } from '../../kube/json.ts';
import type { KubeObject } from '../../kube/object.ts';
import { planResharding } from '../../resharding/plan.ts';
import type { ReshardingSight } from '../../resharding/sight.ts';
import { wantedCount } from '../../resharding/wanted.ts';
import { hasFailed, keep, type ReshardingPlan } from '../../resharding/types.ts';
import { decideWrite, without } from '../../status-write.ts';
import { buildCollectionStatus, type CollectionView } from './collection-status.ts';

/** What a collection's plan follows from; all of the collection's namespace. */
export interface CollectionInput {
  collection: Collection;
  /** All collections, for the uniqueness of names. */
  collections: Collection[];
  clusters: VectorCluster[];
  /** Shards that name this collection, of whatever owner. */
  shards: Shard[];
  /** What nodes say of the shards, for resharding. */
  sight: Omit<ReshardingSight, 'shards'>;
  now: number;
}

export type CollectionAction =
  | { type: 'applyShard'; object: KubeObject }
  /** Comes before a write of the status: whatever is removed follows from the status that is in the API already. */
  | { type: 'removeShard'; shard: Shard }
  | { type: 'writeStatus'; status: CollectionStatus };

export interface CollectionPlan {
  actions: CollectionAction[];
  blocked: Blocked[];
  requeueAfterMs?: number;
}

const OLD_SHARDS_RETRY_MS = 500;
const MAX_LABEL = 63;

/** Decides which shards a collection needs, and its routing table. */
export function planCollection(input: CollectionInput, lastWriteAt: number): CollectionPlan {
  const { collection } = input;
  if (collection.metadata.deletionTimestamp !== undefined) return { actions: [], blocked: [] };
  const mine = input.shards
    .filter((shard) => isOwnedBy(shard, collection.metadata.uid))
    .sort((a, b) => a.spec.index - b.spec.index);
  const foreign = input.shards.length - mine.length;
  const target = resolve(input);
  const actions: CollectionAction[] = [];
  const blocked: Blocked[] = 'refusal' in target ? [target.refusal] : [];
  if ('cluster' in target && target.physical.spec.paused !== true) {
    const wanted = wantedShards(collection, target);
    if (foreign > 0)
      blocked.push({
        reason: 'OldShardsLeaving',
        message: `${foreign} shards of a former collection of this name are being removed`,
      });
    else if (mine.length === 0) actions.push(...wanted.map((spec) => applyShard(collection, spec)));
    else actions.push(...updateShards(collection, mine, wanted, blocked));
  }
  const resharded = reshard(input, mine, target, blocked);
  actions.push(...resharded.create.map((spec) => applyShard(collection, spec)));
  actions.push(...resharded.remove.map((shard): CollectionAction => ({ type: 'removeShard', shard })));
  const { resharding } = resharded;
  const routing = resharded.routing ?? nextRouting(collection, mine);
  const view: CollectionView = {
    collection,
    shards: routedShards(mine, routing),
    routing,
    ...(resharding === undefined ? {} : { resharding }),
    blocked,
    accepted: !('refusal' in target),
    now: input.now,
  };
  const status = buildCollectionStatus(view);
  const decision = decideWrite(collection.status, status, { strip: stripCounters, lastWriteAt, now: input.now });
  if (decision.write) actions.push({ type: 'writeStatus', status });
  const waits = [
    decision.write ? undefined : decision.afterMs,
    foreign > 0 ? OLD_SHARDS_RETRY_MS : undefined,
    resharded.requeueAfterMs,
  ];
  const requeueAfterMs = Math.min(...waits.filter((wait) => wait !== undefined));
  return { actions, blocked, ...(Number.isFinite(requeueAfterMs) ? { requeueAfterMs } : {}) };
}

interface Target {
  /** The cluster that the collection names: gives the defaults. */
  cluster: VectorCluster;
  /** The cluster whose nodes hold it. */
  physical: VectorCluster;
}

function resolve(input: CollectionInput): Target | { refusal: Blocked } {
  const { collection, clusters } = input;
  const { spec } = collection;
  const find = (name: string): VectorCluster | undefined => clusters.find((cluster) => cluster.metadata.name === name);
  const refuse = (reason: string, message: string): { refusal: Blocked } => ({ refusal: { reason, message } });
  if (spec.cluster === undefined)
    return refuse('Unassigned', 'spec.cluster is not set: name the VectorCluster that should hold it');
  const cluster = find(spec.cluster);
  if (cluster === undefined)
    return refuse('ClusterNotFound', `there is no VectorCluster ${spec.cluster} in this namespace`);
  const physical = physicalCluster(cluster, find);
  if (physical === undefined)
    return refuse('HostNotFound', `${spec.cluster} is Logical and its host ${cluster.spec.host ?? ''} has no nodes`);
  const holder = nameHolder(collection, input.collections);
  if (holder !== undefined) {
    return refuse(
      'NameTaken',
      `the name "${clientName(collection)}" is taken in ${spec.cluster} by Collection ${holder}`,
    );
  }
  const strategy = spec.sharding?.strategy ?? 'Hash';
  if (strategy === 'Custom' || strategy === 'Content') {
    return refuse('NotYetSupported', `sharding.strategy ${strategy} comes with a later version: use Hash or Single`);
  }
  return { cluster, physical };
}

/** Another collection of the same cluster with the same client name and the older right to it. */
function nameHolder(collection: Collection, all: Collection[]): string | undefined {
  const rank = (other: Collection): string => {
    const accepted = isTrue(other.status?.conditions, 'Accepted') ? '0' : '1';
    return `${accepted} ${other.metadata.creationTimestamp ?? ''} ${other.metadata.name}`;
  };
  return all.find(
    (other) =>
      other.metadata.name !== collection.metadata.name &&
      other.spec.cluster === collection.spec.cluster &&
      other.metadata.deletionTimestamp === undefined &&
      clientName(other) === clientName(collection) &&
      rank(other) < rank(collection),
  )?.metadata.name;
}

function shardCount(collection: Collection, { cluster, physical }: Target): number {
  if (physical.spec.type === 'Replicated' || collection.spec.sharding?.strategy === 'Single') return 1;
  return collection.spec.sharding?.shards ?? cluster.spec.shards ?? 2;
}

/** Drives the change of an existing collection's number of shards. */
function reshard(
  { collection, sight, now }: CollectionInput,
  mine: Shard[],
  target: Target | { refusal: Blocked },
  blocked: Blocked[],
): ReshardingPlan {
  const first = mine[0];
  if (first === undefined) return keep(collection.status?.resharding);
  const resolved = 'cluster' in target ? target : undefined;
  const asked = resolved === undefined ? mine.length : shardCount(collection, resolved);
  const wanted = wantedCount(collection, routedShards(mine, collection.status?.routing), asked);
  const copies = resolved === undefined ? {} : copiesWanted(collection, resolved);
  const { index: _, slots: __, sources: ___, ...template } = { ...first.spec, ...copies };
  const frozen = resolved === undefined ? 'its cluster' : frozenBy(resolved, first);
  const input = { ...sight, collection, shards: mine, wanted, template, now };
  const plan = planResharding(frozen === undefined ? input : { ...input, frozen });
  if (hasFailed(plan.resharding) && plan.resharding.to === wanted) {
    blocked.push({ reason: 'ReshardingFailed', message: plan.resharding.message ?? '' });
  }
  return plan;
}

/** Why no resharding may begin or go on; what it waits for, for people. */
function frozenBy({ physical }: Target, first: Shard): string | undefined {
  if (physical.spec.paused === true) return `VectorCluster ${physical.metadata.name}, which is paused`;
  if (first.spec.cluster !== physical.metadata.name) return `its shards to be on ${physical.metadata.name}`;
  return undefined;
}

/** The shards that answer: all, while there is no table yet. */
function routedShards(mine: Shard[], routing: RoutingTable | undefined): Shard[] {
  const routed = new Set(routing?.entries.map((entry) => entry.shard));
  return routing === undefined ? mine : mine.filter((shard) => routed.has(shard.metadata.name));
}

function stripCounters(status: JsonObject): JsonObject {
  const { resharding, ...rest } = without(status, ['points']);
  if (!isObject(resharding)) return rest;
  return { ...rest, resharding: without(resharding, ['copiedPoints', 'totalPoints', 'progressAt', 'etaSeconds']) };
}

/** Shards of a collection that is new. */
function wantedShards(collection: Collection, target: Target): ShardSpec[] {
  return evenSlots(shardCount(collection, target)).map((slots, index) => ({
    cluster: target.physical.metadata.name,
    collection: collection.metadata.name,
    index,
    slots,
    ...copiesWanted(collection, target),
  }));
}

function copiesWanted(collection: Collection, { cluster }: Target): Pick<ShardSpec, 'replicationFactor' | 'minInSync'> {
  const replicationFactor = collection.spec.replicationFactor ?? cluster.spec.replicationFactor ?? 2;
  const majority = replicationFactor <= 2 ? 1 : Math.floor(replicationFactor / 2) + 1;
  return { replicationFactor, minInSync: Math.min(cluster.spec.minInSync ?? majority, replicationFactor) };
}

/** Existing shards keep their slots; only the wanted copies may change. */
function updateShards(
  collection: Collection,
  mine: Shard[],
  wanted: ShardSpec[],
  blocked: Blocked[],
): CollectionAction[] {
  const actions: CollectionAction[] = [];
  const moved = mine[0] !== undefined && mine[0].spec.cluster !== wanted[0]?.cluster;
  if (moved) {
    blocked.push({
      reason: 'MoveNeedsMigration',
      message: `the shards stay on ${mine[0]!.spec.cluster}: moving them to ${wanted[0]?.cluster} comes with a later version`,
    });
  }
  for (const shard of mine) {
    const { replicationFactor, minInSync } = wanted[0]!;
    const spec = { ...shard.spec, replicationFactor, minInSync };
    const leaves = shard.metadata.deletionTimestamp !== undefined;
    if (!leaves && !sameJson(spec, shard.spec)) actions.push(applyShard(collection, spec));
  }
  // Once there is a table, only resharding makes shards.
  if (moved || collection.status?.routing !== undefined || coverAllSlots(mine)) return actions;
  // Some were not made before the operator stopped.
  const there = new Set(mine.map((shard) => shard.spec.index));
  return [...actions, ...wanted.filter((spec) => !there.has(spec.index)).map((spec) => applyShard(collection, spec))];
}

function applyShard(collection: Collection, spec: ShardSpec): CollectionAction {
  const { name, namespace, uid } = collection.metadata;
  return {
    type: 'applyShard',
    object: {
      apiVersion: API_VERSION,
      kind: 'Shard',
      metadata: {
        name: shardObjectName(name, spec.index),
        ...(namespace === undefined ? {} : { namespace }),
        labels: {
          'app.kubernetes.io/managed-by': MANAGED_BY,
          [CLUSTER_LABEL]: spec.cluster,
          ...(name.length <= MAX_LABEL ? { 'annulus.dev/collection': name } : {}),
        },
        ownerReferences: [ownerReference('Collection', name, uid ?? '')],
      },
      spec,
    },
  };
}

/** The first table is written when every shard has its first term: from then on points can be stored. */
function nextRouting(collection: Collection, shards: Shard[]): RoutingTable | undefined {
  const { routing } = collection.status ?? {};
  if (routing !== undefined) return routing;
  if (!coverAllSlots(shards) || shards.some((shard) => (shard.status?.primaryTerm ?? 0) === 0)) return undefined;
  const entries = shards.map((shard) => ({ shard: shard.metadata.name, slots: shard.spec.slots }));
  return { version: 1, entries };
}

/** True when the shards, by index, have every slot once. */
function coverAllSlots(shards: Shard[]): boolean {
  let next = 0;
  for (const { spec } of shards) {
    if (spec.slots.from !== next) return false;
    next = spec.slots.to + 1;
  }
  return next === SLOTS;
}
