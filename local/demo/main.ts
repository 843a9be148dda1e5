// make demo: a cluster from one YAML file on this machine, with real vectors in it. --exit ends it afterwards.
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PORTS } from '#model/ports.ts';
import { ApiError } from '#local/kube-api/api-types.ts';
import type { KubeObject, KubeStore, ResourceName } from '#local/kube-api/api-types.ts';
import { asNumber, asString } from '#local/kube-api/json.ts';
import { PODS } from '#local/kubelet/resources.ts';
import { REPOSITORY, startLocal } from '../launcher.ts';
import type { Local } from '../launcher.ts';
import { COLLECTIONS, SHARDS, VECTOR_CLUSTERS, applyManifests, parseManifests } from '../manifests.ts';
import { clusterTable } from './cluster-table.ts';
import { loadWords } from './load.ts';
import { measureLatency, measureRecall, sampleOf } from './measure.ts';
import { PointsApi } from './points-api.ts';
import { planReadiness, restartsOf } from './readiness.plan.ts';
import { Screen } from './screen.ts';
import { haveWords, installWords, openWords } from './words.ts';

const SAMPLE = join('manifests', 'samples', 'quickstart.yaml');
const CLUSTER = 'quickstart';
const COLLECTION = 'words';
const WORDS = 50_000;
const READY_TIMEOUT_MS = 120_000;
const INDEXED_TIMEOUT_MS = 300_000;
const POLL_MS = 100;
const ASKED = ['king', 'coffee', 'berlin', 'quickly'];
const RECALL_QUERIES = 200;
/** The operator writes counts to the API some seconds late; the table waits for them this long. */
const COUNTS_TIMEOUT_MS = 20_000;
const LATENCY_QUERIES = 1_000;

const screen = new Screen(process.stdout);
const home = resolve(process.env['ANNULUS_HOME'] ?? '.annulus');
const shown = (path: string): string => relative(process.cwd(), path) || '.';

/** Says in one line why the demo cannot go on. */
class CannotGoOn extends Error {}

async function demo(stay: boolean, stopped: AbortSignal): Promise<void> {
  // Begun at once: the download needs the network, the cluster the processor.
  const download = haveWords() ? undefined : installWords();
  download?.catch(() => undefined);
  const local = await screen.step(
    'Kubernetes API, kubelet, operator',
    () => startLocal({ home }),
    ({ apiUrl }) => apiUrl,
  );
  try {
    await bringUp(local, stopped);
    if (download !== undefined) await screen.step('word vectors from npm (118 MB, once)', () => download);
    const api = new PointsApi(local.ports[0] ?? PORTS.rest, COLLECTION);
    await useCluster(api, local, stopped);
    api.close();
    if (!stay) return;
    sayWhatNext(local);
    await new Promise<void>((done) => {
      if (stopped.aborted) done();
      stopped.addEventListener('abort', () => done());
    });
  } finally {
    await screen.step('stopping: nodes write their snapshots', () => local.close());
  }
}

async function bringUp(local: Local, stopped: AbortSignal): Promise<void> {
  const objects = parseManifests(readFileSync(join(REPOSITORY, SAMPLE), 'utf8'));
  // What is there already stays as its owner has changed it.
  const there = (await find(local.store, VECTOR_CLUSTERS, CLUSTER)) !== undefined;
  if (!there) await screen.step(`applied ${SAMPLE}`, () => applyManifests(local.store, objects));
  const result = there ? 'found as it was left' : '3 nodes, 4 shards, 2 copies each';
  await screen.step(
    `cluster ${CLUSTER} available`,
    (waiting) => untilReady(local, stopped, waiting),
    () => result,
  );
}

const find = (store: KubeStore, resource: ResourceName, name: string): Promise<KubeObject | undefined> =>
  store.get(resource, 'default', name).catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  });

async function untilReady(local: Local, stopped: AbortSignal, waiting: (text: string) => void): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  const mine = { namespace: 'default', labelSelector: `annulus.dev/cluster=${CLUSTER}` };
  const before = await local.store.list(PODS, mine);
  const restartsBefore = new Map(before.items.map((pod) => [pod.metadata.name, restartsOf(pod)]));
  for (;;) {
    const pods = await local.store.list(PODS, mine);
    const readiness = planReadiness({
      cluster: await find(local.store, VECTOR_CLUSTERS, CLUSTER),
      collection: await find(local.store, COLLECTIONS, COLLECTION),
      pods: pods.items,
      restartsBefore,
      operatorTrouble: local.operator?.trouble,
    });
    if (readiness.kind === 'ready') return;
    const logs = shown(join(home, 'logs'));
    if (readiness.kind === 'hopeless') throw new CannotGoOn(`${readiness.why} (logs: ${logs})`);
    if (stopped.aborted) throw new CannotGoOn('stopped');
    if (Date.now() > deadline) {
      throw new CannotGoOn(
        `not available after ${READY_TIMEOUT_MS / 1000} s, waiting for: ${readiness.for} (logs: ${logs})`,
      );
    }
    waiting(readiness.for);
    await sleep(POLL_MS);
  }
}

async function useCluster(api: PointsApi, local: Local, stopped: AbortSignal): Promise<void> {
  const words = await screen.step(
    'reading the word vectors',
    () => openWords(WORDS),
    () => `${WORDS.toLocaleString('en')} words, 100 dimensions`,
  );
  if ((await api.count()) >= WORDS)
    screen.line(`collection ${COLLECTION} holds its ${WORDS.toLocaleString('en')} words already`);
  else {
    const begun = Date.now();
    await screen.step(
      'loading over REST, on 2 disks each',
      () =>
        loadWords(api, words, (done) => {
          if (stopped.aborted) throw new CannotGoOn('stopped before all words were loaded; the next start loads them');
          screen.progress('loading', done, WORDS, begun);
        }),
      () => `${Math.round((WORDS * 1000) / (Date.now() - begun)).toLocaleString('en')} points/s`,
    );
  }
  await screen.step('every point is in its index', (waiting) => untilIndexed(api, waiting));
  screen.line();
  for (const word of ASKED) {
    const hits = await api.query(words.words.indexOf(word) + 1, 6, { with_payload: true });
    const near = hits.map((hit) => `${asString(hit.payload['word'])} ${hit.score.toFixed(2)}`).join(', ');
    screen.line(`  nearest to ${word.padEnd(8)} ${near}`);
  }
  screen.line();
  await screen.step(
    'recall@10 against an exact scan',
    () => measureRecall(api, words, sampleOf(WORDS, RECALL_QUERIES)),
    (recall) => `${recall.toFixed(4)} over ${RECALL_QUERIES} words`,
  );
  await screen.step(
    'latency of a search, network included',
    () => measureLatency(api, words, sampleOf(WORDS, LATENCY_QUERIES)),
    ({ p50, p95, p99, rate, parallel }) =>
      `p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; ${Math.round(rate).toLocaleString('en')}/s by ${parallel} clients`,
  );
  await screen.step('the Kubernetes API knows the counts', (waiting) => untilCounted(local.store, waiting));
  screen.line();
  for (const line of await clusterTable(local.kubeconfig, '/apis/annulus.dev/v1alpha1/namespaces/default/shards'))
    screen.line(`  ${line}`);
  screen.line();
}

async function untilIndexed(api: PointsApi, waiting: (text: string) => void): Promise<void> {
  const deadline = Date.now() + INDEXED_TIMEOUT_MS;
  for (let status = await api.status(); status !== 'green'; status = await api.status()) {
    if (Date.now() > deadline)
      throw new CannotGoOn(`the collection is still ${status} after ${INDEXED_TIMEOUT_MS / 1000} s`);
    waiting(`the collection is ${status}`);
    await sleep(POLL_MS);
  }
}

/** Waits until the Shards' status adds up to all words; goes on without after a while. */
async function untilCounted(store: KubeStore, waiting: (text: string) => void): Promise<void> {
  const deadline = Date.now() + COUNTS_TIMEOUT_MS;
  for (;;) {
    const shards = await store.list(SHARDS, { namespace: 'default' });
    const mine = shards.items.filter((shard) => shard.spec?.['collection'] === COLLECTION);
    const points = mine.reduce((sum, shard) => sum + (asNumber(shard.status?.['points']) ?? 0), 0);
    if (points >= WORDS || Date.now() > deadline) return;
    waiting(`${points.toLocaleString('en')} points in status`);
    await sleep(POLL_MS);
  }
}

function sayWhatNext(local: Local): void {
  const port = local.ports[0] ?? PORTS.rest;
  const lines = [
    '',
    'The cluster is up until Ctrl-C. Try, in another shell:',
    `  export KUBECONFIG=${local.kubeconfig}`,
    '  kubectl get vc,vcol,pods                      kubectl get vsh -o wide',
    `  kubectl scale vc ${CLUSTER} --replicas=4      kubectl logs -f ${CLUSTER}-0`,
    `  curl -s http://127.0.0.1:${port}/collections/${COLLECTION}`,
    `  curl -s http://127.0.0.1:${port}/collections/${COLLECTION}/points/query -H 'content-type: application/json' \\`,
    `       -d '{"query": 7, "limit": 5, "with_payload": true, "filter": {"must": [{"key": "rank", "range": {"lte": 1000}}]}}'`,
    `State, volumes and logs: ${shown(home)}/ (make clean removes them)`,
  ];
  for (const line of lines) screen.line(line);
}

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
try {
  await demo(!process.argv.includes('--exit'), stop.signal);
} catch (error) {
  screen.line(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
