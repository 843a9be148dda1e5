/** `make bench`: for each data set found, hnswlib alone and the whole product in one run. Arguments: names of data sets (default: all). */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { BareResult } from './bare.ts';
import { type BenchCluster, startBenchCluster } from './cluster.ts';
import { type Dataset, K, recall } from './dataset.ts';
import { runJobs } from './rest-load.ts';
import { datasetNames, loadDataset } from './sources.ts';
import { grpcBatches, grpcSingles, ingest, restBatches, restSingles, type Workload } from './workloads.ts';

const RECALL = 0.99;
const MANY = 32;
/** Measured rounds of each workload, taken in turn so that all see the same weather; the median counts. */
const ROUNDS = 5;

/** hnswlib-node in a process of its own. */
function bare(name: string): BareResult {
  const program = join(import.meta.dirname, 'bare.ts');
  return JSON.parse(
    execFileSync(process.execPath, [program, name], { encoding: 'utf8', maxBuffer: 1 << 20 }),
  ) as BareResult;
}

interface Measured {
  workload: Workload;
  recall: number;
  /** Queries a CPU second of the nodes, one a round. */
  rates: number[];
  latencies: Float64Array;
}

async function measure(cluster: BenchCluster, data: Dataset, workloads: Workload[]): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const workload of workloads) {
    const found: number[][][] = [];
    await runJobs(workload.requests, workload.concurrency, async (n) => void (found[n] = await workload.ask(n)));
    measured.push({ workload, recall: recall(found.flat(), data.truth), rates: [], latencies: new Float64Array() });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of measured) {
      const { requests, round: jobs, concurrency, ask, queriesOf } = one.workload;
      let queries = 0;
      const before = cluster.cpuSeconds();
      one.latencies = await runJobs(jobs, concurrency, async (n) => {
        await ask(n % requests);
        queries += queriesOf(n % requests);
      });
      one.rates.push(queries / (cluster.cpuSeconds() - before));
    }
  }
  return measured;
}

function print(what: string, rate: number, ratio: number, more = ''): void {
  const share = `${(ratio * 100).toFixed(1)} %`;
  console.log(`    ${what.padEnd(33)}${Math.round(rate).toString().padStart(8)}${share.padStart(10)}  ${more}`);
}

function percentiles(sorted: Float64Array): string {
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(2);
  return `p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)} ms`;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

/** Ingest and searches on one node; returns what is printed at the end, when hnswlib was measured once more. */
async function oneNode(data: Dataset, ef: number): Promise<{ measured: Measured[]; cpuRate: number; memory: string }> {
  const cluster = await startBenchCluster(1, MANY);
  try {
    const idle = cluster.residentBytes();
    const { cpuRate, wallRate } = await ingest(cluster, data, 1);
    const measured = await measure(cluster, data, [
      restSingles(cluster, data, ef, MANY),
      restSingles(cluster, data, ef, 1),
      restBatches(cluster, data, ef),
      grpcSingles(cluster, data, ef, MANY),
      grpcBatches(cluster, data, ef),
    ]);
    const resident = cluster.residentBytes();
    const each = Math.round((resident - idle) / (data.base.length / data.dimension));
    const memory = `${Math.round(wallRate)} points a second; resident: empty node ${mib(idle)}, loaded ${mib(resident)}, ${each} bytes a vector more`;
    return { measured, cpuRate, memory };
  } finally {
    await cluster.close();
  }
}

async function twoCopies(data: Dataset): Promise<number> {
  const cluster = await startBenchCluster(2, MANY);
  try {
    return (await ingest(cluster, data, 2)).cpuRate;
  } finally {
    await cluster.close();
  }
}

async function benchmark(name: string): Promise<void> {
  const data = await loadDataset(name);
  const rows = data.base.length / data.dimension;
  const queries = data.queries.length / data.dimension;
  console.log(`\n${name}: ${rows} x ${data.dimension}, ${data.metric}, ${queries} queries, recall@${K}`);
  const first = bare(name);
  console.log('  hnswlib-node alone, m 16, efConstruction 100: ef, recall, queries a CPU second');
  for (const { ef, recall: found, rate } of first.searches) {
    console.log(`    ${String(ef).padStart(3)}  ${found.toFixed(4)}  ${Math.round(rate)}`);
  }
  const chosen = first.searches.findIndex((search) => search.recall >= RECALL);
  const { ef } = first.searches.at(chosen)!;
  const { measured, cpuRate, memory } = await oneNode(data, ef);
  const pairRate = await twoCopies(data);
  // Machines drift: what everything is compared with was measured before and after.
  const second = bare(name);
  const searchRate = (first.searches.at(chosen)!.rate + second.searches.at(chosen)!.rate) / 2;
  const buildRate = (first.buildRate + second.buildRate) / 2;
  console.log(
    `  at ef ${ef} (the first with recall >= ${RECALL}): queries a CPU second of the node's process, and the share`,
  );
  console.log('  of hnswlib-node alone (measured before and after: their mean)');
  print('hnswlib-node alone', searchRate, 1, `recall ${first.searches.at(chosen)!.recall.toFixed(4)}`);
  for (const { workload, rates, latencies, recall: found } of measured) {
    print(
      workload.name,
      median(rates),
      median(rates) / searchRate,
      `recall ${found.toFixed(4)}  ${percentiles(latencies)}`,
    );
  }
  console.log('  points a CPU second, durable and in the graph');
  print('hnswlib-node alone (in memory)', buildRate, 1, `${Math.round(first.bytes / rows)} bytes a vector`);
  print('one copy', cpuRate, cpuRate / buildRate, memory);
  print('two copies, both nodes', pairRate, pairRate / buildRate);
}

const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : datasetNames()) await benchmark(name);
