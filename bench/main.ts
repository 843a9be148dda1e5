/** `make bench`: for each data set found, hnswlib alone and the whole product in one run. Arguments: names of data sets (default: all). */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { BareResult } from './bare.ts';
import { type BenchCluster, startBenchCluster } from './cluster.ts';
import { type Dataset, K, recall } from './dataset.ts';
import { batchBodies, runJobs, searchBodies, upsertBodies } from './rest-load.ts';
import { datasetNames, loadDataset } from './sources.ts';

const RECALL = 0.99;
const BATCH = 64;
const UPSERT = 256;
const SINGLES = 6000;
const BATCHES = 150;
const CONCURRENCY = 4;
const COLLECTION = 'bench';

interface Row {
  what: string;
  rate: number;
  ratio: number;
  recall?: number;
  latencies?: Float64Array;
}

function bare(name: string): BareResult {
  const text = execFileSync(process.execPath, [join(import.meta.dirname, 'bare.ts'), name], {
    encoding: 'utf8',
    maxBuffer: 1 << 20,
  });
  return JSON.parse(text) as BareResult;
}

/** Loads the set; resolves to points a CPU second of all nodes, durable and indexed, and a wall second. */
async function ingest(
  cluster: BenchCluster,
  data: Dataset,
  copies: number,
): Promise<{ cpuRate: number; wallRate: number }> {
  const settings = {
    vectors: { size: data.dimension, distance: data.metric },
    shard_number: 1,
    replication_factor: copies,
  };
  await cluster.rest.send('PUT', `/collections/${COLLECTION}`, JSON.stringify(settings));
  const bodies = [...upsertBodies(data, UPSERT)];
  const started = { cpu: cluster.cpuSeconds(), wall: performance.now() };
  await runJobs(
    bodies.length,
    2,
    async (n) => void (await cluster.rest.send('PUT', `/collections/${COLLECTION}/points?wait=true`, bodies[n]!)),
  );
  await cluster.indexed(COLLECTION);
  const rows = data.base.length / data.dimension;
  return {
    cpuRate: rows / (cluster.cpuSeconds() - started.cpu),
    wallRate: (rows / (performance.now() - started.wall)) * 1000,
  };
}

function idsOf(text: string): number[] {
  return (JSON.parse(text) as { result: { id: number }[] }).result.map((hit) => hit.id);
}

async function singles(cluster: BenchCluster, data: Dataset, ef: number, bareRate: number): Promise<Row> {
  const bodies = searchBodies(data, ef);
  const search = (n: number): Promise<string> =>
    cluster.rest.send('POST', `/collections/${COLLECTION}/points/search`, bodies[n % bodies.length]!);
  const found: number[][] = [];
  await runJobs(bodies.length, CONCURRENCY, async (n) => void (found[n] = idsOf(await search(n))));
  const before = cluster.cpuSeconds();
  const latencies = await runJobs(SINGLES, CONCURRENCY, async (n) => void (await search(n)));
  const rate = SINGLES / (cluster.cpuSeconds() - before);
  return { what: 'REST single', rate, ratio: rate / bareRate, recall: recall(found, data.truth), latencies };
}

async function batches(cluster: BenchCluster, data: Dataset, ef: number, bareRate: number): Promise<Row> {
  const bodies = batchBodies(data, ef, BATCH);
  const search = (n: number): Promise<string> =>
    cluster.rest.send('POST', `/collections/${COLLECTION}/points/search/batch`, bodies[n % bodies.length]!);
  const found: number[][] = [];
  let queries = 0;
  await runJobs(bodies.length, 1, async (n) => {
    const { result } = JSON.parse(await search(n)) as { result: { id: number }[][] };
    for (const hits of result) found.push(hits.map((hit) => hit.id));
  });
  const sizes = bodies.map((_, n) => Math.min(BATCH, data.queries.length / data.dimension - n * BATCH));
  const before = cluster.cpuSeconds();
  const latencies = await runJobs(BATCHES, 2, async (n) => {
    await search(n);
    queries += sizes[n % sizes.length]!;
  });
  const rate = queries / (cluster.cpuSeconds() - before);
  return { what: `REST batch of ${BATCH}`, rate, ratio: rate / bareRate, recall: recall(found, data.truth), latencies };
}

function percentiles(sorted: Float64Array): string {
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(2);
  return `p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)} ms`;
}

function print(row: Row): void {
  const latency = row.latencies ? percentiles(row.latencies) : '';
  const found = row.recall === undefined ? '' : row.recall.toFixed(4);
  console.log(
    `  ${row.what.padEnd(34)}${Math.round(row.rate).toString().padStart(8)}  ${(row.ratio * 100).toFixed(1).padStart(6)} %  ${found.padEnd(8)}${latency}`,
  );
}

async function benchmark(name: string): Promise<void> {
  const data = await loadDataset(name);
  const rows = data.base.length / data.dimension;
  console.log(
    `\n${name}: ${rows} x ${data.dimension}, ${data.metric}, ${data.queries.length / data.dimension} queries, recall@${K}`,
  );
  const alone = bare(name);
  console.log(
    `  hnswlib-node alone (m 16, efConstruction 100): build ${Math.round(alone.buildRate)} points a CPU second`,
  );
  for (const { ef, recall: found, rate } of alone.searches) {
    console.log(
      `    ef ${String(ef).padStart(3)}  recall ${found.toFixed(4)}  ${Math.round(rate)} queries a CPU second`,
    );
  }
  const chosen = alone.searches.find((search) => search.recall >= RECALL) ?? alone.searches.at(-1)!;
  console.log(
    `  at ef ${chosen.ef}, the first with recall >= ${RECALL}, per CPU second of the nodes' processes, and as a share of hnswlib-node alone:`,
  );
  const cluster = await startBenchCluster(1, CONCURRENCY);
  try {
    const idle = cluster.residentBytes();
    const one = await ingest(cluster, data, 1);
    print(await singles(cluster, data, chosen.ef, chosen.rate));
    print(await batches(cluster, data, chosen.ef, chosen.rate));
    print({ what: 'durable, indexed ingest, 1 copy', rate: one.cpuRate, ratio: one.cpuRate / alone.buildRate });
    const resident = cluster.residentBytes();
    console.log(
      `  ${Math.round(one.wallRate)} points a second ingested; node resident: empty ${mib(idle)}, loaded ${mib(resident)}, ${Math.round((resident - idle) / rows)} bytes a vector (hnswlib-node alone ${Math.round(alone.bytes / rows)})`,
    );
  } finally {
    await cluster.close();
  }
  const pair = await startBenchCluster(2, CONCURRENCY);
  try {
    const two = await ingest(pair, data, 2);
    print({ what: 'durable, indexed ingest, 2 copies', rate: two.cpuRate, ratio: two.cpuRate / alone.buildRate });
  } finally {
    await pair.close();
  }
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : datasetNames()) await benchmark(name);
