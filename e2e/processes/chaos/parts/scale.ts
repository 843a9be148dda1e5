import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '#local/kube-api/json.ts';
import { RESOURCES } from '#operator/kube/resources.ts';
import { eventually } from '../../embedded.ts';
import { atMost, must, none, type Row, tell } from '../report.ts';
import { CLUSTER, NAMESPACE } from '../rig.ts';
import { Stage } from '../stage.ts';
import { loadRows, requestFailures } from './load-rows.ts';

const DRAIN = 'annulus.dev/drain';
const SETTLE_MS = 8_000;
const MOVES_TIMEOUT_MS = 240_000;
const IMBALANCE_PERCENT = 20;
const OVER_MINIMUM = 1.2;
const FIVE = [0, 1, 2, 3, 4].map((ordinal) => `${CLUSTER}-${ordinal}`);

/** Each copy as `shard on node`. */
function placesOf(stage: Stage): Set<string> {
  return new Set(
    stage.rig.shards
      .all()
      .flatMap(({ metadata, status }) => (status?.copies ?? []).map(({ node }) => `${metadata.name} on ${node}`)),
  );
}

const onNode = (places: ReadonlySet<string>, node: string): string[] =>
  [...places].filter((place) => place.endsWith(` on ${node}`));

/** How much more copies the fullest node has than the average, in percent. */
function imbalance(places: ReadonlySet<string>, nodes: readonly string[]): number {
  const most = Math.max(...nodes.map((node) => onNode(places, node).length));
  return (most / (places.size / nodes.length) - 1) * 100;
}

/** Waits until that is so, every shard is whole, and nothing has moved for a while. Gives the seconds. */
async function settled(stage: Stage, what: string, isSo: () => boolean): Promise<number> {
  const began = performance.now();
  let since = began;
  let last = '';
  await eventually(what, MOVES_TIMEOUT_MS, async () => {
    const now = [...placesOf(stage)].sort().join();
    if (now !== last || !stage.rig.shards.whole || !isSo()) since = performance.now();
    last = now;
    return performance.now() - since > SETTLE_MS ? true : null;
  });
  return (performance.now() - began - SETTLE_MS) / 1000;
}

async function patchCluster(stage: Stage, patch: JsonObject): Promise<void> {
  await stage.rig.api.mergePatch(RESOURCES.VectorCluster, NAMESPACE, CLUSTER, patch);
}

/** A fifth node joins four, one is drained, the fifth leaves; all under load. */
export async function scale(): Promise<{ rows: Row[]; data: JsonObject }> {
  const writers = { lanes: 2, batch: 20, pauseMs: 1_200 };
  const stage = await Stage.open({ nodes: 4, copies: 2, shards: 16, network: false, throughService: true, writers });
  try {
    const { rig } = stage;
    const failures = requestFailures(stage);
    stage.start();
    await sleep(3_000);
    const four = placesOf(stage);
    const before = imbalance(four, rig.nodes);
    await patchCluster(stage, { spec: { nodes: 5 } });
    await rig.nodesReady(5);
    const joined = await settled(stage, 'the new node has its share', () => {
      const now = placesOf(stage);
      return now.size === four.size && imbalance(now, rig.nodes) <= IMBALANCE_PERCENT;
    });
    const five = placesOf(stage);
    const moved = [...five].filter((place) => !four.has(place)).length;
    const share = Math.floor(five.size / 5);
    const joinFailures = failures();

    const drained = `${CLUSTER}-1`;
    await patchCluster(stage, { metadata: { annotations: { [DRAIN]: drained } } });
    const emptied = await settled(stage, `${drained} is empty`, () => {
      const now = placesOf(stage);
      return now.size === five.size && onNode(now, drained).length === 0;
    });
    const empty = placesOf(stage);
    const foreign = [...five].filter((place) => !empty.has(place) && !place.endsWith(` on ${drained}`)).length;
    const drainFailures = failures();
    await patchCluster(stage, { metadata: { annotations: { [DRAIN]: null } } });
    await settled(stage, 'the drained node has its share again', () => {
      const now = placesOf(stage);
      return now.size === five.size && imbalance(now, rig.nodes) <= IMBALANCE_PERCENT;
    });

    const full = placesOf(stage);
    const last = `${CLUSTER}-4`;
    await patchCluster(stage, { spec: { nodes: 4 } });
    const left = await settled(stage, `${last} is empty`, () => onNode(placesOf(stage), last).length === 0);
    const after = placesOf(stage);
    const foreignLast = [...full].filter((place) => !after.has(place) && !place.endsWith(` on ${last}`)).length;
    await eventually(`${last} is gone`, MOVES_TIMEOUT_MS, async () => ((await rig.pods()).length === 4 ? true : null));
    const leaveFailures = failures();
    const check = await stage.check();
    const rows = [
      tell('copies, nodes', `${four.size} on 4 (imbalance ${before.toFixed(0)} %), then on 5`),
      atMost(`a node joins 4: copies moved, of ${share} that are its share`, moved / share, OVER_MINIMUM, ' x'),
      atMost('  imbalance after', imbalance(five, FIVE), IMBALANCE_PERCENT, ' %'),
      tell('  took', `${joined.toFixed(0)} s`),
      none('  failed requests', joinFailures.count, joinFailures.text),
      none(
        `drain of ${drained}: copies of other nodes that moved`,
        foreign,
        `(${onNode(five, drained).length} of its own)`,
      ),
      tell('  took', `${emptied.toFixed(0)} s`),
      none('  failed requests', drainFailures.count, drainFailures.text),
      none(`scale 5 to 4: copies of other nodes that moved`, foreignLast, `(${onNode(full, last).length} of its own)`),
      must('  the node is empty before it goes', onNode(after, last).length === 0, 'yes', 'yes'),
      tell('  took', `${left.toFixed(0)} s`),
      none('  failed requests', leaveFailures.count, leaveFailures.text),
      ...loadRows(stage, check),
    ];
    return { rows, data: { moved, share, copies: five.size } };
  } catch (error) {
    stage.keep('failed-scale');
    throw error;
  } finally {
    await stage.close();
  }
}
