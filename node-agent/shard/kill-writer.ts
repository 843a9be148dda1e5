import { writeSync } from 'node:fs';
import { pino } from 'pino';
import { createShardHost } from './host.ts';
import type { Write } from './operations.ts';
import { copyOptions, randomFrom } from './testing.ts';

// Child of kill.process.test.ts: writes a sequence that is the same in every run, tells what was acknowledged, and waits to be killed.

/** Small, so that graph, snapshots and rebuilds take part. */
export const KILL_TUNING = {
  graphMinPoints: 100,
  flatTailMaxPoints: 200,
  filterExactMaxPoints: 10,
  snapshotMinChanges: 20,
  snapshotEveryMs: 20,
};
export const KILL_COPY = copyOptions({
  dimension: 8,
  metric: 'Euclid',
  payloadIndexes: [{ field: 'n', type: 'integer' }],
});

const IN_FLIGHT = 8;

/** The n-th write, from 1 on: exactly one log entry. */
export function killWrite(n: number): Write {
  const random = randomFrom(n * 7919);
  const some = (count: number): number[] => Array.from({ length: count }, () => Math.floor(random() * 900));
  const kind = random();
  if (kind < 0.15) return { type: 'delete', select: { ids: some(5) } };
  const points = [...new Set(some(1 + Math.floor(random() * 20)))].map((id) => ({
    id,
    vector: Float32Array.from({ length: 8 }, random),
    payload: JSON.stringify({ n, id, text: 'x'.repeat(Math.floor(random() * 300)) }),
  }));
  return { type: 'upsert', points };
}

/** Writes from where the copy ends up to `until`, several at once. */
export async function writeUntil(dataDir: string, until: number, acknowledged: (n: number) => void): Promise<void> {
  const host = await createShardHost({ dataDir, workers: 1, logger: pino({ level: 'silent' }), tuning: KILL_TUNING });
  const opened = await host.open(structuredClone(KILL_COPY));
  if (opened.state !== 'open') throw new Error(JSON.stringify(opened));
  let next = opened.seqNo + 1;
  const writer = async (): Promise<void> => {
    while (next <= until) {
      const n = next++;
      const { lastSeqNo, results } = await host.append('s-0', 1, [killWrite(n)]);
      if (lastSeqNo !== n || results[0]?.ok !== true) throw new Error(`write ${n} got seqNo ${lastSeqNo}`);
      acknowledged(n);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, writer));
  await host.shutdown();
}

if (process.argv[1] === import.meta.filename) {
  const [, , dataDir = '', until = '0'] = process.argv;
  await writeUntil(dataDir, Number(until), (n) => writeSync(1, `${n}\n`));
}
