import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { KILL_COPY, KILL_TUNING, writeUntil } from './kill-writer.ts';
import { randomFrom, TestHost } from './testing.ts';

const KILLS = 10;

/** Runs the writer, kills it some time after its first acknowledgement; returns the last acknowledged write. */
async function runAndKill(dataDir: string, afterMs: number): Promise<number> {
  const writer = join(import.meta.dirname, 'kill-writer.ts');
  const child = spawn(process.execPath, ['--no-warnings', writer, dataDir, '1000000000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    timer ??= setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  const lines = text.split('\n').slice(0, -1).map(Number);
  return Math.max(...lines);
}

/** All that clients can see of a copy. */
async function contents(host: TestHost): Promise<object> {
  const fields = { payload: true, vector: true };
  const all = await host.host.scroll('s-0', { from: null, limit: 10_000, filter: null, fields });
  const random = randomFrom(3);
  const searches = [];
  for (let i = 0; i < 20; i++) {
    const query = Float32Array.from({ length: 8 }, random);
    for (const filter of [null, '{"must":[{"key":"n","range":{"gte":100}}]}']) {
      for (const exact of [true, false]) {
        const hits = await host.search('s-0', [...query], { filter, exact, ef: 1000 });
        searches.push({ ids: hits.ids, scores: [...hits.scores].map((score) => score.toFixed(4)) });
      }
    }
  }
  const { seqNo, digest } = await host.host.digest('s-0');
  return { points: all.points, searches, seqNo, digest };
}

describe('kill -9 of a writer at random moments', () => {
  test('every acknowledged write is there, none twice, and answers equal those of an undisturbed run', async () => {
    const seed = Number(process.env['ANNULUS_SEED'] ?? Date.now() % 1_000_000);
    console.log(`kill test: ANNULUS_SEED=${seed}`);
    const random = randomFrom(seed);
    const host = await TestHost.start({ tuning: KILL_TUNING });
    try {
      let seqNo = 0;
      let snapshots = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const acknowledged = await runAndKill(host.directory, Math.floor(random() * 400));
        expect(acknowledged).toBeGreaterThan(seqNo);
        snapshots += readdirSync(host.folder(KILL_COPY)).filter((name) => name.endsWith('.hnsw')).length;
        const opened = await host.open(structuredClone({ ...KILL_COPY, create: false }));
        if (opened.state !== 'open') throw new Error(JSON.stringify(opened));
        expect(opened.seqNo).toBeGreaterThanOrEqual(acknowledged);
        ({ seqNo } = opened);
        await host.host.close('s-0');
      }
      // Snapshots were being written all the time, so kills hit them too.
      expect(snapshots).toBeGreaterThan(0);
      const undisturbed = await TestHost.start({ tuning: KILL_TUNING });
      try {
        await writeUntil(undisturbed.directory, seqNo, () => undefined);
        await host.open(structuredClone(KILL_COPY));
        await undisturbed.open(structuredClone(KILL_COPY));
        expect(await contents(host)).toEqual(await contents(undisturbed));
      } finally {
        await undisturbed.stop();
      }
    } finally {
      await host.stop();
    }
  }, 60_000);
});
