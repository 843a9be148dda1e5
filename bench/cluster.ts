import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocal } from '#local/launcher.ts';
import { applyManifests, VECTOR_CLUSTERS } from '#local/manifests.ts';
import { PORTS } from '#model/ports.ts';
import { cpuSecondsOf, residentBytesOf } from './process-usage.ts';
import { RestClient } from './rest-load.ts';

/** A cluster of the embedded mode in a folder of its own, removed at close. */
export interface BenchCluster {
  /** Talks to node 0 itself, not through the Service. */
  rest: RestClient;
  /** Address of node 0's gRPC port. */
  grpcAddress: string;
  /** CPU seconds of all nodes' processes so far. */
  cpuSeconds(): number;
  residentBytes(): number;
  /** Waits until a collection's vectors are all in the graph. */
  indexed(collection: string): Promise<void>;
  /** Called before the cluster ends. */
  onClose(cleanup: () => void): void;
  close(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const INDEX_TIMEOUT_MS = 300_000;
const CLUSTER = 'bench';
/** Options for the programs under test, e.g. `--cpu-prof --cpu-prof-dir=DIR`. */
const NODE_OPTIONS = process.env['BENCH_NODE_OPTIONS'];

/** Starts a cluster of `nodes` nodes with `replicationFactor` copies and waits until it is Available. */
export async function startBenchCluster(nodes: number, connections: number): Promise<BenchCluster> {
  const home = mkdtempSync(join(tmpdir(), 'annulus-bench-'));
  const local = await startLocal({
    home,
    apiPort: 0,
    ports: [{ servicePort: PORTS.rest, localPort: 0 }],
    logLevel: 'warn',
    ...(NODE_OPTIONS === undefined ? {} : { env: { NODE_OPTIONS } }),
  });
  const close = async (): Promise<void> => {
    await local.close();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const object = {
      apiVersion: 'annulus.dev/v1alpha1',
      kind: 'VectorCluster',
      metadata: { name: CLUSTER },
      spec: { type: 'Sharded', nodes, replicationFactor: nodes, shards: 1, storage: { size: '10Gi' } },
    };
    await applyManifests(local.store, [object]);
    const addresses = await until(READY_TIMEOUT_MS, 'the cluster is Available', () =>
      readyAddresses(local.store, nodes),
    );
    const pids = readdirSync(join(home, 'processes'))
      .filter((file) => file.includes('node-agent'))
      .map((file) => (JSON.parse(readFileSync(join(home, 'processes', file), 'utf8')) as { pid: number }).pid);
    const cleanups: (() => void)[] = [];
    const rest = new RestClient(addresses[0]!, PORTS.rest, connections);
    return {
      rest,
      grpcAddress: `${addresses[0]!}:${PORTS.grpc}`,
      cpuSeconds: () => pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
      residentBytes: () => pids.reduce((sum, pid) => sum + residentBytesOf(pid), 0),
      indexed: (collection) => waitIndexed(rest, collection),
      onClose: (cleanup) => void cleanups.push(cleanup),
      close: async () => {
        for (const cleanup of cleanups) cleanup();
        rest.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Store = Awaited<ReturnType<typeof startLocal>>['store'];

async function readyAddresses(store: Store, nodes: number): Promise<string[] | null> {
  const cluster = await store.get(VECTOR_CLUSTERS, 'default', CLUSTER);
  if ((cluster.status as { phase?: string } | undefined)?.phase !== 'Available') return null;
  const pods = await store.list({ group: '', version: 'v1', resource: 'pods' }, { namespace: 'default' });
  const addresses = pods.items.flatMap(({ status }) => {
    const { podIP, conditions } = (status ?? {}) as { podIP?: string; conditions?: { type: string; status: string }[] };
    return podIP && conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ? [podIP] : [];
  });
  return addresses.length === nodes ? addresses.sort() : null;
}

async function waitIndexed(rest: RestClient, collection: string): Promise<void> {
  await until(INDEX_TIMEOUT_MS, `${collection} is indexed`, async () => {
    const { result } = JSON.parse(await rest.send('GET', `/collections/${collection}`, '')) as {
      result: { points_count: number; indexed_vectors_count: number };
    };
    return result.points_count === result.indexed_vectors_count ? true : null;
  });
}

async function until<T>(timeoutMs: number, what: string, ask: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
