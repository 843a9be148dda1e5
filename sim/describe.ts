import type { Oracle } from './oracle.ts';
import type { World } from './world.ts';

/** The world in lines that a person can read. */
export function describe(world: World, oracle: Oracle): string {
  const lines: string[] = [];
  const cluster = world.cluster();
  const { routing, resharding } = world.collection().status ?? {};
  lines.push(
    `map ${cluster.status?.mapVersion}, ${cluster.spec.nodes} nodes wanted; ${cluster.status?.phase}: ${cluster.status?.message}`,
  );
  lines.push(
    `table ${routing?.version}: ${routing?.entries.map(({ shard, slots }) => `${shard} ${slots.from}-${slots.to}`).join(', ')}`,
  );
  if (resharding) lines.push(`resharding: ${JSON.stringify(resharding)}`);
  for (const operator of world.operators) {
    const state = !operator.up ? 'down' : operator.process?.paused ? 'stopped' : operator.leads ? 'leads' : 'waits';
    lines.push(`${operator.name}: ${state}, started ${operator.starts} times`);
  }
  for (const node of world.nodes.values()) {
    const { agent } = node;
    const state = !node.wanted
      ? 'not wanted'
      : !node.up
        ? 'down'
        : node.paused
          ? 'stopped'
          : (agent?.ready().text ?? 'starting');
    const copies = (agent?.copies.all() ?? []).map((copy) => {
      const { replicator } = copy;
      const streams = replicator?.machine
        .copies()
        .map(
          (of) =>
            `${of.node} ${of.phase} ${of.acked}${of.inSync ? '' : ' not in sync'}${of.failure ? ` (${of.failure})` : ''}`,
        );
      return `${copy.shard} ${copy.state.kind} term ${copy.highestTerm}${replicator ? ` primary of ${replicator.term}: ${streams?.join(', ')}` : ''}`;
    });
    lines.push(`${node.name} (${node.ip}): ${state}; ${copies.join('; ')}`);
  }
  for (const shard of world.shards()) {
    const { status, spec } = shard;
    lines.push(
      `${shard.metadata.name} ${spec.slots.from}-${spec.slots.to} rf ${spec.replicationFactor}: term ${status?.primaryTerm} config ${status?.configVersion} ${status?.phase}: ${status?.message}`,
    );
    for (const copy of status?.copies ?? []) {
      const file = oracle.file(shard, copy);
      const on = file
        ? `seqNo ${file.meta.seqNo} term ${file.meta.term}, log from ${file.logFrom}, ${file.rows.size} rows${file.meta.importing ? ', importing' : ''}${file.failedMark ? `, failed: ${file.failedMark}` : ''}`
        : 'no data';
      lines.push(`  ${copy.node} ${copy.role}${copy.inSync ? ' in sync' : ''} ${copy.allocationId.slice(0, 8)}: ${on}`);
    }
    if (status?.migration) lines.push(`  migration: ${JSON.stringify(status.migration)}`);
    if (status?.handoverTo) lines.push(`  handover to ${status.handoverTo}`);
  }
  return lines.join('\n');
}
