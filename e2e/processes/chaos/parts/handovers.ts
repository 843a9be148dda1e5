import { type JsonObject } from '#local/kube-api/json.ts';
import { RESOURCES } from '#operator/kube/resources.ts';
import { eventually } from '../../embedded.ts';
import { none, type Row, times } from '../report.ts';
import { NAMESPACE } from '../rig.ts';
import { primaryOf } from '../shard-watch.ts';
import type { Stage } from '../stage.ts';
import { beWhole, pick } from './faults.ts';

const ANNOTATION = 'annulus.dev/primary';
const TIMEOUT_MS = 30_000;

export interface Handovers {
  /** Seconds from the wish to Shard.status. */
  readonly took: number[];
  /** Seconds without an acknowledged write of the shard. */
  readonly gaps: number[];
  readonly failed: number;
  readonly reasons: string[];
}

/** The primary of a random shard is asked to move to a random replica, by annotation, under load. */
export async function handovers(stage: Stage, count: number): Promise<Handovers> {
  const { rig, writers, readers } = stage;
  const took: number[] = [];
  const gaps: number[] = [];
  await beWhole(stage);
  const before = writers.tally.failed + readers.tally.failed;
  const known = new Set([...writers.tally.reasons.keys(), ...readers.tally.reasons.keys()]);
  for (let i = 0; i < count; i++) {
    await beWhole(stage);
    const shard = pick(rig.shards.all());
    const { name } = shard.metadata;
    const replicas = (shard.status?.copies ?? []).filter(({ role, inSync }) => inSync && role === 'Replica');
    const { node } = pick(replicas);
    const began = performance.now();
    await annotate(stage, name, { [ANNOTATION]: node });
    await eventually(`${node} is the primary of ${name}`, TIMEOUT_MS, async () => {
      const now = rig.shards.get(name);
      return now !== undefined && primaryOf(now) === node ? true : null;
    });
    const ended = performance.now();
    took.push((ended - began) / 1000);
    await annotate(stage, name, { [ANNOTATION]: null });
    await eventually('a write after it', TIMEOUT_MS, async () =>
      (writers.acks.get(name)?.at(-1) ?? 0) > ended + 500 ? true : null,
    );
    gaps.push(writers.gap(name, began, ended + 500) / 1000);
  }
  const reasons = [...writers.tally.reasons.keys(), ...readers.tally.reasons.keys()].filter((each) => !known.has(each));
  return { took, gaps, failed: writers.tally.failed + readers.tally.failed - before, reasons };
}

export function handoverRows({ took, gaps, failed, reasons }: Handovers): Row[] {
  return [
    none('failed requests, reads and writes', failed, reasons.length === 0 ? '' : `(${reasons.join('; ')})`),
    times('from the wish to the new primary', took),
    times('no write acknowledged for', gaps),
  ];
}

async function annotate(stage: Stage, shard: string, annotations: JsonObject): Promise<void> {
  await stage.rig.api.mergePatch(RESOURCES.Shard, NAMESPACE, shard, { metadata: { annotations } });
}
