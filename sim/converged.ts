import type { Shard } from '#crds/v1alpha1/index.ts';
import { versionOf } from './history.ts';
import { owns, type Oracle } from './oracle.ts';
import { FIXED_IDS, type Workload } from './workload.ts';
import type { World } from './world.ts';

const DONE = new Set<string | undefined>(['Complete', 'Failed', undefined]);

/** What is not yet as it should be when nothing is wrong any more; empty = converged. */
export function unsettled(world: World, oracle: Oracle): string[] {
  const found: string[] = [];
  const cluster = world.cluster();
  const collection = world.collection();
  const wanted = cluster.spec.nodes ?? 3;
  if (world.pods.length !== wanted) found.push(`${world.pods.length} pods, ${wanted} nodes wanted`);
  for (const node of world.pods) {
    if (node.agent?.ready().ok !== true)
      found.push(`${node.name} is not ready: ${node.agent?.ready().text ?? 'not started'}`);
    else if (node.agent.maps.map.version !== cluster.status?.mapVersion) found.push(`${node.name} has an old map`);
  }
  const phase = collection.status?.resharding?.phase;
  if (!DONE.has(phase)) found.push(`resharding is ${phase}: ${collection.status?.resharding?.message ?? ''}`);
  const wantedShards = collection.spec.sharding?.shards ?? 0;
  const routed = world.routed();
  if (routed.length !== wantedShards) found.push(`${routed.length} shards in the table, ${wantedShards} wanted`);
  if (world.shards().length !== routed.length)
    found.push(`${world.shards().length} shards, ${routed.length} in the table`);
  for (const shard of world.shards()) found.push(...unsettledShard(shard, world, oracle));
  return found;
}

function unsettledShard(shard: Shard, world: World, oracle: Oracle): string[] {
  const { name } = shard.metadata;
  const { status, spec } = shard;
  const copies = status?.copies ?? [];
  const found: string[] = [];
  if (!DONE.has(status?.migration?.phase)) found.push(`${name}: migration is ${status?.migration?.phase}`);
  if (status?.handoverTo !== undefined) found.push(`${name}: handover to ${status.handoverTo} is under way`);
  if (spec.replicationFactor !== (world.collection().spec.replicationFactor ?? 2))
    found.push(`${name}: old replicationFactor`);
  const inSync = copies.filter((copy) => copy.inSync).length;
  if (copies.length !== spec.replicationFactor || inSync !== copies.length) {
    found.push(`${name}: ${inSync} of ${copies.length} copies in sync, ${spec.replicationFactor} wanted`);
  }
  const contents = new Set<string>();
  for (const copy of copies) {
    const file = oracle.file(shard, copy);
    if (file === undefined) found.push(`${name}: no data on ${copy.node}`);
    else if (file.failedMark !== '') found.push(`${name}: failed on ${copy.node}: ${file.failedMark}`);
    else {
      const rows = file.sorted().map((row) => `${String(row.id)}=${row.payload}`);
      contents.add(`${file.meta.seqNo}: ${rows.join()}`);
    }
  }
  if (contents.size > 1) found.push(`${name}: its copies differ`);
  return found;
}

/** Content of every shard against the model, when no write is under way: nothing lost, nothing made up, nothing in two places. */
export function checkContent(world: World, oracle: Oracle, workload: Workload): void {
  oracle.checkAll('in the end');
  const seen = new Map<number, string>();
  for (const shard of world.routed()) {
    const primary = shard.status?.copies?.find((copy) => copy.role === 'Primary');
    const file = primary && oracle.file(shard, primary);
    if (file === undefined) return oracle.fail(`in the end ${shard.metadata.name} has no primary`);
    for (const { id, payload } of file.rows.values()) {
      const point = Number(id);
      if (!owns(shard, point))
        oracle.fail(`in the end ${shard.metadata.name} has point ${point}, whose slot is another shard's`);
      if (seen.has(point))
        oracle.fail(`in the end point ${point} is in ${seen.get(point)} and in ${shard.metadata.name}`);
      seen.set(point, shard.metadata.name);
      const fixed = workload.fixed.get(point);
      if (fixed !== undefined && versionOf(payload) !== fixed) oracle.fail(`in the end point ${point} is ${payload}`);
    }
  }
  for (const id of FIXED_IDS) if (!seen.has(id)) oracle.fail(`in the end point ${id} is nowhere`);
}

/** A shard of which every in-sync copy was damaged on purpose: nothing is promised then; null when there is none. */
export function hopeless(world: World, oracle: Oracle): string | null {
  for (const shard of world.shards()) {
    const inSync = (shard.status?.copies ?? []).filter((copy) => copy.inSync);
    const sound = inSync.filter((copy) => {
      const file = oracle.file(shard, copy);
      return file !== undefined && file.failedMark === '' && !oracle.damaged.has(file);
    });
    if (inSync.length > 0 && sound.length === 0) return shard.metadata.name;
  }
  return null;
}
