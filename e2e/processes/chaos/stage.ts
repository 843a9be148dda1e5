import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '#local/kube-api/json.ts';
import { eventually } from '../embedded.ts';
import { createCollection } from '../rest.ts';
import { type FinalCheck, finalCheck } from './final-check.ts';
import { Findings } from './findings.ts';
import { Http } from './http.ts';
import { TestNetwork } from './network.ts';
import { DIMENSION, STABLE, stablePoint } from './points.ts';
import { Readers } from './readers.ts';
import { Rig } from './rig.ts';
import { Targets } from './targets.ts';
import { Writers } from './writers.ts';

const COLLECTION = 'chaos';
const UPLOAD = 500;
const WHOLE_TIMEOUT_MS = 120_000;
const PROBE_TIMEOUT_MS = 10_000;
/** Where results and the logs of failures go. */
export const RESULTS = join('.annulus', 'chaos');

export interface StageOptions {
  readonly nodes: number;
  readonly copies: number;
  readonly shards: number;
  /** Cut the network: needs root. */
  readonly network: boolean;
  readonly spec?: Record<string, Json>;
  /** Requests go to ready pods only, as behind a Service; else to dead and cut off ones too. */
  readonly throughService?: boolean;
  readonly writers?: { lanes: number; batch: number; pauseMs: number };
  readonly readerPauseMs?: number;
}

/** A cluster with a collection, its stable points, and writers and readers that are ready to start. */
export class Stage {
  readonly rig: Rig;
  readonly collection: string = COLLECTION;
  readonly findings: Findings = new Findings();
  readonly writers: Writers;
  readonly readers: Readers;
  /** What `consistency` was found to be for reads that are never stale. */
  readonly strict: string;
  /** Nodes that pulses and readers are sent to; every node when undefined. */
  healthy: readonly string[] | undefined;
  private readonly targets: readonly Targets[];

  private constructor(rig: Rig, strict: string, options: StageOptions) {
    this.rig = rig;
    this.strict = strict;
    const all = (): string[] => (options.throughService === true ? [...rig.ready] : rig.nodes);
    const everywhere = new Targets(() => all().map((node) => rig.urlOf(node)));
    const healthy = new Targets(() => (this.healthy ?? all()).map((node) => rig.urlOf(node)));
    this.targets = [everywhere, healthy];
    const shards = rig.shards.all().map(({ metadata, spec }) => ({ name: metadata.name, slots: spec.slots }));
    const load = options.writers ?? { lanes: 3, batch: 20, pauseMs: 150 };
    this.writers = new Writers({ collection: COLLECTION, shards, everywhere, healthy, ...load }, this.findings);
    this.readers = new Readers(
      { collection: COLLECTION, targets: healthy, strict, pauseMs: options.readerPauseMs ?? 80 },
      this.writers.history,
      this.findings,
    );
  }

  static async open(options: StageOptions): Promise<Stage> {
    const network = options.network ? await TestNetwork.create() : undefined;
    const spec = { replicationFactor: options.copies, shards: options.shards, ...options.spec };
    const rig = await Rig.start({ nodes: options.nodes, spec, network });
    try {
      const url = rig.urlOf(rig.nodes[0]!);
      await createCollection(url, COLLECTION, { vectors: { size: DIMENSION, distance: 'Euclid' } });
      await eventually('every shard is whole', WHOLE_TIMEOUT_MS, async () =>
        rig.shards.all().length === options.shards && rig.shards.whole ? true : null,
      );
      await upload(url);
      return new Stage(rig, await strictConsistency(url), options);
    } catch (error) {
      rig.keepLogs(join(RESULTS, 'failed-start'));
      await closeRig(rig);
      throw error;
    }
  }

  start(): void {
    this.writers.start();
    this.readers.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.writers.stop(), this.readers.stop()]);
  }

  /** Waits until every shard has all its copies in sync; gives the seconds that took, Infinity when too long. */
  async whole(timeoutMs: number = WHOLE_TIMEOUT_MS): Promise<number> {
    const began = performance.now();
    try {
      await eventually('every shard is whole', timeoutMs, async () => (this.rig.shards.whole ? true : null));
    } catch {
      return Infinity;
    }
    return (performance.now() - began) / 1000;
  }

  /** Undoes whatever a fault that failed half-way left; throws when the cluster does not become whole. */
  async heal(): Promise<void> {
    this.rig.resumeAll();
    await this.rig.heal();
    for (const node of this.rig.nodes) await this.rig.release(node);
    if ((await this.whole()) === Infinity) throw new Error('the cluster is not whole, long after the last fault');
  }

  /** Ends the load and checks everything once more. */
  async check(): Promise<FinalCheck> {
    await this.stop();
    return finalCheck(this.rig, COLLECTION, this.writers.history, this.findings, this.rig.shards.all());
  }

  async close(): Promise<void> {
    await this.stop();
    for (const { http } of this.targets) http.close();
    const { counts } = this.findings;
    if (counts.lost + counts.wrong + counts.duplicate + counts.refused > 0) this.keep('broken');
    await closeRig(this.rig);
  }

  /** Keeps logs and findings under .annulus/chaos. */
  keep(name: string): void {
    const folder = join(RESULTS, `${name}-${process.pid}`);
    mkdirSync(RESULTS, { recursive: true });
    this.rig.keepLogs(folder);
    writeFileSync(join(folder, 'findings.json'), JSON.stringify(this.findings, null, 2));
  }
}

async function closeRig(rig: Rig): Promise<void> {
  await rig.close();
  rig.network?.remove();
}

async function upload(url: string): Promise<void> {
  const http = new Http();
  for (let from = 0; from < STABLE.count; from += UPLOAD) {
    const points = Array.from({ length: Math.min(UPLOAD, STABLE.count - from) }, (_, i) =>
      stablePoint(STABLE.first + from + i),
    );
    const reply = await http.call(url, 'PUT', `/collections/${COLLECTION}/points?wait=true`, { points }, 30_000);
    if (reply.status !== 200) throw new Error(`stable points: ${reply.status} ${reply.error}`);
  }
  http.close();
}

/** `primary` where the dialect takes it, else the strongest that it has. */
async function strictConsistency(url: string): Promise<string> {
  const http = new Http();
  const path = `/collections/${COLLECTION}/points?consistency=primary`;
  const { status } = await http.call(url, 'POST', path, { ids: [1] }, PROBE_TIMEOUT_MS);
  http.close();
  return status === 200 ? 'primary' : 'majority';
}
