import { setTimeout as sleep } from 'node:timers/promises';
import { asObject, type Json, type JsonObject } from '#local/kube-api/json.ts';
import { RESOURCES } from '#operator/kube/resources.ts';
import { eventually } from '../../embedded.ts';
import { none, type Row, tell } from '../report.ts';
import { NAMESPACE } from '../rig.ts';
import { Stage } from '../stage.ts';
import { loadRows, requestFailures } from './load-rows.ts';

const STEPS = [2, 4, 3];
const TIMEOUT_MS = 180_000;
const QUIET_MS = 3_000;

/** One shard becomes two, four, and three under load. The readers compare every exact search with brute force. */
export async function split(): Promise<{ rows: Row[]; data: JsonObject }> {
  const stage = await Stage.open({ nodes: 3, copies: 2, shards: 1, network: false });
  const rows: Row[] = [];
  try {
    const failures = requestFailures(stage);
    stage.start();
    await sleep(QUIET_MS);
    let from = 1;
    for (const to of STEPS) {
      const began = performance.now();
      const searches = stage.readers.searches.length;
      const wrong = stage.findings.counts.wrong;
      await reshard(stage, to);
      const seconds = (performance.now() - began) / 1000;
      await sleep(QUIET_MS);
      const failed = failures();
      const longest = Math.max(
        ...[...stage.writers.acks.keys()].map((shard) => stage.writers.gap(shard, began, performance.now())),
      );
      rows.push(
        none(`${from} to ${to} shards: failed requests`, failed.count, failed.text),
        none(
          '  wrong answers',
          stage.findings.counts.wrong - wrong,
          `(${stage.readers.searches.length - searches} exact searches)`,
        ),
        tell(
          '  took; longest without an acknowledged write',
          `${seconds.toFixed(1)} s; ${(longest / 1000).toFixed(2)} s`,
        ),
      );
      from = to;
    }
    rows.push(...loadRows(stage, await stage.check()));
    return { rows, data: {} };
  } catch (error) {
    stage.keep('failed-split');
    throw error;
  } finally {
    await stage.close();
  }
}

async function reshard(stage: Stage, shards: number): Promise<void> {
  const { api } = stage.rig;
  const { items } = await api.list(RESOURCES.Collection, { namespace: NAMESPACE });
  const name = items[0]?.metadata.name ?? '';
  await api.mergePatch(RESOURCES.Collection, NAMESPACE, name, { spec: { sharding: { shards } } });
  await eventually(`${shards} shards serve`, TIMEOUT_MS, async () => {
    const collection = await api.get(RESOURCES.Collection, NAMESPACE, name);
    const status = asObject(collection['status'] as Json);
    const { phase } = asObject(status['resharding']);
    const there = stage.rig.shards.all().length === shards && stage.rig.shards.whole;
    return phase === 'Complete' && status['shards'] === shards && there ? true : null;
  });
}
