import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asArray, asNumber, asObject } from './kube-api/json.ts';
import type { Json, JsonObject } from './kube-api/json.ts';
import { startLauncherProcess } from './testing/launcher-process.ts';
import type { LauncherProcess } from './testing/launcher-process.ts';

/** More rounds take longer and find more: ANNULUS_CRASH_ROUNDS=10. */
const ROUNDS = Number(process.env['ANNULUS_CRASH_ROUNDS'] ?? 3);
const SEED = Number(process.env['ANNULUS_CRASH_SEED'] ?? Date.now() % 1_000_000);
const DIMENSION = 8;
const BATCH = 40;
const TOTAL = 4_000;
const ANSWER_TIMEOUT_MS = 40_000;

const MANIFEST = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: crash }
spec: { nodes: 3, replicationFactor: 2, storage: { size: 1Gi } }
---
apiVersion: annulus.dev/v1alpha1
kind: Collection
metadata: { name: points }
spec: { cluster: crash, dimension: ${DIMENSION}, metric: Euclid, sharding: { shards: 3 } }
`;

/** Park and Miller's generator: the same seed, the same moments. */
function random(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
const chance = random(SEED);
const vectors = Array.from({ length: TOTAL }, () => Array.from({ length: DIMENSION }, () => Math.fround(chance())));

let home = '';
let launcher: LauncherProcess | undefined;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'annulus-crash-'));
  writeFileSync(join(home, 'crash.yaml'), MANIFEST);
});
afterAll(async () => {
  await launcher?.killEverything();
  rmSync(home, { recursive: true, force: true });
});

async function call(port: number, method: string, path: string, body?: JsonObject): Promise<Json> {
  const init = { method, headers: { 'content-type': 'application/json' }, signal: AbortSignal.timeout(10_000) };
  const url = `http://127.0.0.1:${port}/collections/points${path}`;
  const answer = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
  return asObject(await answer.json())['result'] ?? null;
}

/** Tries until it answers: the cluster is starting. */
async function eventually(port: number, method: string, path: string, body?: JsonObject): Promise<Json> {
  const deadline = Date.now() + ANSWER_TIMEOUT_MS;
  for (;;) {
    try {
      return await call(port, method, path, body);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

const upsertOf = (from: number): JsonObject => ({
  points: vectors
    .slice(from, from + BATCH)
    .map((vector, offset) => ({ id: from + offset, vector, payload: { n: from + offset } })),
});

/** Every id there is, in the order of scrolling. */
async function allIds(port: number): Promise<number[]> {
  const ids: number[] = [];
  for (let offset: Json = null; ;) {
    const page = asObject(
      await eventually(port, 'POST', '/points/scroll', { limit: 1_000, offset, with_payload: true }),
    );
    for (const point of asArray(page['points']).map(asObject)) {
      const id = asNumber(point['id']) ?? -1;
      expect(asObject(point['payload'])['n']).toBe(id);
      ids.push(id);
    }
    offset = page['next_page_offset'] ?? null;
    if (offset === null) return ids;
  }
}

/** Loads from `next` on until the moment comes; gives the first id that was not acknowledged. */
async function loadUntil(port: number, first: number, moment: Promise<unknown>): Promise<number> {
  let next = first;
  let over = false;
  void moment.then(() => (over = true));
  while (!over && next + BATCH <= TOTAL) {
    try {
      await call(port, 'PUT', '/points?wait=true', upsertOf(next));
      next += BATCH;
    } catch {
      if (!over) await sleep(50);
    }
  }
  return next;
}

test(
  `kill -9 of everything, ${ROUNDS} times (seed ${SEED}): acknowledged points are there, none twice`,
  async () => {
    let acknowledged = 0;
    launcher = await startLauncherProcess(home, [join(home, 'crash.yaml')]);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { port } = launcher;
      await eventually(port, 'POST', '/points/count', { exact: true });
      const killed = sleep(300 + chance() * 700).then(() => launcher?.killEverything());
      acknowledged = await loadUntil(port, acknowledged, killed);
      expect(await killed).toBe(5);
      launcher = await startLauncherProcess(home, []);
      const ids = await allIds(launcher.port);
      expect(new Set(ids).size).toBe(ids.length);
      const present = new Set(ids);
      const lost = Array.from({ length: acknowledged }, (_, id) => id).filter((id) => !present.has(id));
      expect(lost).toEqual([]);
    }
    expect(acknowledged).toBeGreaterThan(0);

    // Loaded to the end, it answers as an undisturbed cluster does: exactly, because these shards are small.
    const { port } = launcher;
    for (let next = 0; next < TOTAL; next += BATCH) await eventually(port, 'PUT', '/points?wait=true', upsertOf(next));
    expect(asObject(await call(port, 'POST', '/points/count', { exact: true }))['count']).toBe(TOTAL);
    for (let query = 0; query < 20; query += 1) {
      const asked = Array.from({ length: DIMENSION }, () => Math.fround(chance()));
      const distance = (vector: readonly number[]): number =>
        vector.reduce((sum, value, at) => sum + (value - (asked[at] ?? 0)) ** 2, 0);
      const exact = vectors.map((vector, id) => ({ id, far: distance(vector) })).sort((a, b) => a.far - b.far);
      const result = asObject(await call(port, 'POST', '/points/query', { query: asked, limit: 10 }));
      const found = asArray(result['points']).map((point) => asNumber(asObject(point)['id']));
      expect(found).toEqual(exact.slice(0, 10).map(({ id }) => id));
    }
    await launcher.stop();
    launcher = undefined;
  },
  60_000 + ROUNDS * 30_000,
);
