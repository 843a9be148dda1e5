import { vectorOf } from './measure.ts';
import type { PointsApi } from './points-api.ts';
import type { Words } from './words.ts';

const BATCH_POINTS = 500;
const PARALLEL_BATCHES = 4;

/** Upserts every word (id and rank from 1, most frequent first); `progress` hears how many are acknowledged. */
export async function loadWords(api: PointsApi, words: Words, progress: (done: number) => void): Promise<void> {
  const total = words.words.length;
  let next = 0;
  let done = 0;
  const client = async (): Promise<void> => {
    while (next < total) {
      const from = next;
      const to = Math.min(total, from + BATCH_POINTS);
      next = to;
      const points = Array.from({ length: to - from }, (_, offset) => {
        const index = from + offset;
        return {
          id: index + 1,
          vector: vectorOf(words, index),
          payload: { word: words.words[index] ?? '', rank: index + 1 },
        };
      });
      await api.upsert(points);
      done += to - from;
      progress(done);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_BATCHES }, client));
}
