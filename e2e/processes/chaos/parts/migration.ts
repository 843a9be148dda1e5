import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openWords, type Words, WORDS_DIMENSION } from '#local/demo/words.ts';
import type { JsonObject } from '#local/kube-api/json.ts';
import { RESOURCES } from '#operator/kube/resources.ts';
import { eventually } from '../../embedded.ts';
import { createCollection, waitUntilGreen } from '../../rest.ts';
import { Http } from '../http.ts';
import { atMost, must, none, type Row, tell } from '../report.ts';
import { NAMESPACE, Rig } from '../rig.ts';
import { primaryOf } from '../shard-watch.ts';
import { COLLECTION, type Phase, WordLoad } from './word-load.ts';

const UPLOAD = 500;
const UPLOADS = 3;
const BEFORE_MS = 20_000;
const AFTER_MS = 8_000;
const MOVE_TIMEOUT_MS = 300_000;
const P99_RATIO = 2;

/** How many words are loaded, by WORDS. */
const wordCount = (): number => Number(process.env['WORDS'] || 100_000);

/** The primary's copy of a shard with 100,000 real vectors moves to another node, while clients search and write. */
export async function migration(): Promise<{ rows: Row[]; data: JsonObject }> {
  const words = await openWords(wordCount());
  const rig = await Rig.start({
    nodes: 3,
    // No throttle to speak of: the ratio to cp is the machine's.
    spec: { replicationFactor: 2, shards: 1, rebalance: { automatic: false, throttleMiBPerSecond: 10_000 } },
  });
  const urls = rig.nodes.map((node) => rig.urlOf(node));
  const load = new WordLoad(urls, words);
  try {
    await createCollection(urls[0]!, COLLECTION, { vectors: { size: WORDS_DIMENSION, distance: 'Cosine' } });
    await upload(urls, words);
    await waitUntilGreen(urls[0]!, COLLECTION);
    await load.learn();
    load.start('before');
    await sleep(BEFORE_MS);
    const moved = await move(rig, load);
    load.phase = 'after';
    await sleep(AFTER_MS);
    await load.stop();
    const bytes = folderBytes(shardFolder(rig, moved.to));
    const copySeconds = copyByHand(shardFolder(rig, moved.to));
    return { rows: rowsOf(load, moved, bytes, copySeconds, words), data: { ...moved, bytes, copySeconds } };
  } catch (error) {
    rig.keepLogs(join('.annulus', 'chaos', 'failed-migration'));
    throw error;
  } finally {
    await load.stop();
    await rig.close();
  }
}

type Moved = { from: string; to: string; seconds: number; phases: Record<string, number> };

async function move(rig: Rig, load: WordLoad): Promise<Moved> {
  const shard = rig.shards.all()[0]!;
  const { name } = shard.metadata;
  const from = primaryOf(shard) ?? '';
  const holders = (shard.status?.copies ?? []).map(({ node }) => node);
  const to = rig.nodes.find((node) => !holders.includes(node)) ?? '';
  load.phase = 'during';
  const began = performance.now();
  const phases: Record<string, number> = {};
  const annotations = { 'annulus.dev/migrate': `${from}:${to}` };
  await rig.api.mergePatch(RESOURCES.Shard, NAMESPACE, name, { metadata: { annotations } });
  await eventually(`${name} has moved from ${from} to ${to}`, MOVE_TIMEOUT_MS, async () => {
    const { migration: now, copies = [] } = rig.shards.get(name)?.status ?? {};
    const phase = now?.phase ?? 'none';
    phases[phase] ??= (performance.now() - began) / 1000;
    if (phase === 'Failed') throw new Error(now?.message ?? 'the migration failed');
    return phase === 'Complete' && copies.every(({ node }) => node !== from) && rig.shards.whole ? true : null;
  });
  return { from, to, seconds: (performance.now() - began) / 1000, phases };
}

function rowsOf(load: WordLoad, moved: Moved, bytes: number, copySeconds: number, words: Words): Row[] {
  const ms = (phase: Phase, part: number): number => load.quantile(phase, part) * 1000;
  const text = (phase: Phase): string =>
    `p50 ${ms(phase, 0.5).toFixed(1)}, p99 ${ms(phase, 0.99).toFixed(1)} ms (n=${load.count(phase)})`;
  const mib = bytes / 2 ** 20;
  const phases = Object.entries(moved.phases).map(([phase, at]) => `${phase} ${at.toFixed(1)}`);
  const filled = moved.phases['Switching'] ?? moved.phases['Cleanup'] ?? moved.seconds;
  // Which of the two is seen first depends on whether the new copy is there when the primary first looks.
  const copied = (moved.phases['Verifying'] ?? filled) - (moved.phases['Copying'] ?? moved.phases['Syncing'] ?? 0);
  const ratio = copySeconds / copied;
  return [
    tell('vectors', `${words.words.length} of ${words.dimension} dimensions, one shard, its primary moves`),
    none('client errors, searches and writes', load.failed, [...load.reasons].join('; ')),
    none('exact answers that changed, before, during and after', load.changed, `(${load.exact} compared)`),
    tell('searches before', text('before')),
    tell('searches during', text('during')),
    tell('searches after', text('after')),
    atMost('p99 during against before', ms('during', 0.99) / ms('before', 0.99), P99_RATIO, ' x'),
    tell('phases, seconds from the wish', phases.join(', ')),
    tell('took', `${moved.seconds.toFixed(1)} s, ${filled.toFixed(1)} s until it was in sync`),
    must(
      'Copying to Verifying against cp of the same files',
      ratio > 0,
      `${(mib / copied).toFixed(1)} and ${(mib / copySeconds).toFixed(1)} MiB/s of ${mib.toFixed(0)} MiB: ${ratio.toFixed(3)}`,
      'a ratio',
    ),
  ];
}

async function upload(urls: readonly string[], words: Words): Promise<void> {
  const http = new Http();
  let next = 0;
  const client = async (): Promise<void> => {
    for (let from = next; from < words.words.length; from = next) {
      next = from + UPLOAD;
      const points = [];
      for (let id = from; id < Math.min(next, words.words.length); id++) {
        const vector = [...words.vectors.subarray(id * words.dimension, (id + 1) * words.dimension)];
        points.push({ id, vector, payload: { word: words.words[id]! } });
      }
      const url = urls[(from / UPLOAD) % urls.length]!;
      const reply = await http.call(url, 'PUT', `/collections/${COLLECTION}/points?wait=true`, { points }, 60_000);
      if (reply.status !== 200) throw new Error(`upload: ${reply.status} ${reply.error}`);
    }
  };
  await Promise.all(Array.from({ length: UPLOADS }, client));
  http.close();
}

/** Where the node's only shard lies. */
function shardFolder(rig: Rig, node: string): string {
  return join(rig.home, 'volumes', NAMESPACE, `data-${node}`);
}

function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Seconds that `cp` takes for the folder, down to the disk. */
function copyByHand(folder: string): number {
  const target = mkdtempSync(join(folder, '..', 'cp-'));
  const began = performance.now();
  execFileSync('sh', ['-c', 'cp -r "$0"/. "$1" && find "$1" -type f -exec sync {} +', folder, target]);
  const seconds = (performance.now() - began) / 1000;
  rmSync(target, { recursive: true, force: true });
  return seconds;
}
