import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { RESOURCES } from '#operator/kube/resources.ts';
import { eventually } from '../embedded.ts';
import { CLUSTER, NAMESPACE } from './rig.ts';
import { Stage } from './stage.ts';

const LOAD_MS = 3_000;
const GONE_TIMEOUT_MS = 60_000;
const TEST_MS = 120_000;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ nodes: 3, copies: 2, shards: 2, network: false });
}, TEST_MS);

afterAll(() => stage?.close(), TEST_MS);

async function expectNothingLost(): Promise<void> {
  expect(await stage.whole()).toBeLessThan(Infinity);
  const { unequal } = await stage.check();
  expect(stage.findings.first.filter(({ kind }) => kind !== 'stale' && kind !== 'late')).toEqual([]);
  expect(unequal).toEqual([]);
}

test(
  'kill -9 of everything under load: it starts again with the maps on disk, and nothing is lost',
  async () => {
    stage.start();
    await sleep(LOAD_MS);
    await stage.rig.killEverything();
    await stage.stop();
    await stage.rig.launch();
    await stage.rig.nodesReady(3);
    await expectNothingLost();
  },
  TEST_MS,
);

test(
  'kubectl delete vc and apply again: the kept volumes come back with every point',
  async () => {
    const { rig } = stage;
    const { uid } = (await rig.api.get(RESOURCES.VectorCluster, NAMESPACE, CLUSTER)).metadata;
    stage.start();
    await sleep(LOAD_MS);
    await stage.stop();
    await rig.api.remove(RESOURCES.VectorCluster, NAMESPACE, CLUSTER);
    await eventually('the pods are gone', GONE_TIMEOUT_MS, async () => ((await rig.pods()).length === 0 ? true : null));
    await rig.api.create(RESOURCES.VectorCluster, rig.manifest());
    await rig.nodesReady(3);
    expect((await rig.api.get(RESOURCES.VectorCluster, NAMESPACE, CLUSTER)).metadata.uid).not.toBe(uid);
    await expectNothingLost();
    stage.start();
    await sleep(LOAD_MS);
    await expectNothingLost();
  },
  TEST_MS,
);
