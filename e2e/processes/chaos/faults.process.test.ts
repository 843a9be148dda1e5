import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { slotOf } from '#model/slot.ts';
import { eventually } from '../embedded.ts';
import { Http } from './http.ts';
import { untilBelieved } from './members.ts';
import { TestNetwork } from './network.ts';
import { pointOf, stateOf } from './points.ts';
import { primaryOf } from './shard-watch.ts';
import { Stage } from './stage.ts';

const WRITES = 10_000;
const KILL_AFTER = 2_000;
/** Within it a node's death is known, its primaries are others, and shards with too few copies have new ones. */
const AGAIN_MS = 15_000;
const AGREE_S = 5;
const TEST_MS = 120_000;
/** Ids that no writer of the load has. */
const OWN_IDS = 50_000_000;
const whyNot = await TestNetwork.whyNot();
if (whyNot !== undefined) console.warn(`SKIPPED, tests with partitions: ${whyNot}`);
const whenCut = whyNot === undefined ? test : test.skip;
const http = new Http();
let stage: Stage;

beforeAll(async () => {
  const writers = { lanes: 4, batch: 50, pauseMs: 20 };
  stage = await Stage.open({ nodes: 5, copies: 3, shards: 4, network: whyNot === undefined, writers });
}, TEST_MS);

afterAll(async () => {
  http.close();
  await stage?.close();
}, TEST_MS);

/** Ends a test: whole again, nothing lost, every copy equal, every answer right. */
async function expectNothingLost(): Promise<void> {
  expect(await stage.whole()).toBeLessThan(Infinity);
  const { unequal } = await stage.check();
  expect(stage.findings.first.filter(({ kind }) => kind !== 'stale' && kind !== 'late')).toEqual([]);
  expect(unequal).toEqual([]);
}

/** Writes one point of that shard through that node; the status, 0 when there is no answer. */
async function writeTo(node: string, shard: string): Promise<number> {
  const slots = stage.rig.shards.get(shard)?.spec.slots ?? { from: 0, to: -1 };
  let id = OWN_IDS;
  while (slotOf(id) < slots.from || slotOf(id) > slots.to) id++;
  const value = { version: 1, note: 0 };
  const op = stage.writers.history.begin(id, stateOf(value), performance.now());
  op.doubtful = true;
  const path = `/collections/${stage.collection}/points`;
  try {
    const body = { points: [pointOf(id, value)] };
    const { status } = await http.call(stage.rig.urlOf(node), 'PUT', `${path}?timeout=2`, body, 3_000);
    if (status === 200) op.ackedAt = performance.now();
    return status;
  } catch {
    return 0;
  }
}

/** Writes of all writers that were acknowledged, in points. */
const acknowledged = (): number => stage.writers.pointsAcked;

test(
  `one of 5 nodes is killed at random during ${WRITES} writes: none is lost`,
  async () => {
    const { rig } = stage;
    stage.start();
    await eventually('writing has begun', 60_000, async () => (acknowledged() > KILL_AFTER ? true : null));
    const node = rig.nodes[Math.floor(Math.random() * rig.nodes.length)]!;
    const hit = rig.shards.withPrimaryOn(node);
    const began = performance.now();
    await rig.kill(node);
    await eventually(`${WRITES} writes`, 60_000, async () => (acknowledged() > WRITES ? true : null));
    await eventually(`other primaries of ${hit.join(', ')}`, AGAIN_MS, async () =>
      hit.every((shard) => primaryOf(rig.shards.get(shard)!) !== node) ? true : null,
    );
    await sleep(1_000);
    for (const { metadata } of rig.shards.all()) {
      expect(stage.writers.gap(metadata.name, began, performance.now())).toBeLessThan(AGAIN_MS);
    }
    await rig.release(node);
    await expectNothingLost();
  },
  TEST_MS,
);

whenCut(
  'partition 2|3: the majority accepts, the minority refuses, and they agree within 5 s after healing',
  async () => {
    const { rig } = stage;
    const minority = [rig.nodes[0]!, rig.nodes[3]!];
    const majority = rig.nodes.filter((node) => !minority.includes(node));
    const shards = rig.shards.all().map(({ metadata }) => metadata.name);
    stage.healthy = majority;
    stage.start();
    await sleep(1_000);
    // The operator is with the majority: what the minority does, it does by its old map.
    await rig.partition(minority, majority, 'right');
    await eventually('the majority accepts writes to every shard', AGAIN_MS, async () => {
      const answers = await Promise.all(shards.map((shard) => writeTo(majority[0]!, shard)));
      return answers.every((status) => status === 200) ? true : null;
    });
    const refusals = await Promise.all(minority.flatMap((node) => shards.map((shard) => writeTo(node, shard))));
    expect(refusals.filter((status) => status === 200)).toEqual([]);
    await rig.heal();
    stage.healthy = undefined;
    const agreed = await untilBelieved(rig, http, rig.nodes, 'alive', rig.nodes.length - 1, 30_000);
    expect(agreed).toBeLessThan(AGREE_S);
    await expectNothingLost();
  },
  TEST_MS,
);

whenCut(
  'a primary that comes back alone with its old map, and no operator, acknowledges nothing and answers no primary read',
  async () => {
    const { rig } = stage;
    const shard = rig.shards.all()[0]!;
    const { name } = shard.metadata;
    const node = primaryOf(shard)!;
    const others = rig.nodes.filter((each) => each !== node);
    stage.healthy = others;
    stage.start();
    await rig.kill(node);
    await eventually(`another primary of ${name}`, AGAIN_MS, async () =>
      primaryOf(rig.shards.get(name)!) !== node ? true : null,
    );
    await rig.partition([node], others, 'right');
    await rig.release(node);
    await eventually(`${node} answers`, 30_000, async () => {
      const { status } = await http.call(rig.urlOf(node), 'GET', '/healthz', undefined, 1_000);
      return status === 200 ? true : null;
    });
    expect(await writeTo(node, name)).not.toBe(200);
    const path = `/collections/${stage.collection}/points?consistency=primary&timeout=2`;
    const read = await http.call(rig.urlOf(node), 'POST', path, { ids: [OWN_IDS] }, 5_000).catch(() => undefined);
    expect(read?.status).not.toBe(200);
    await rig.heal();
    stage.healthy = undefined;
    await expectNothingLost();
  },
  TEST_MS,
);
