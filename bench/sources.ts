import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bruteForceTruth, readDataset, type Dataset } from './dataset.ts';
import { openWords } from '#local/demo/words.ts';

/** Folder of data sets beside the checkout; ANNULUS_DATA overrides. A user may have none: then only npm's words are measured. */
const FOLDER = process.env['ANNULUS_DATA'] ?? join(import.meta.dirname, '../../shared/data');
const WORDS = 50_000;
const WORD_QUERIES = 1000;
const LARGE_ENOUGH = 10_000;

/** Names of the data sets that are there and large enough to have a graph worth measuring. */
export function datasetNames(): string[] {
  const folders = existsSync(FOLDER)
    ? readdirSync(FOLDER).filter((name) => {
        const meta = join(FOLDER, name, 'meta.json');
        return (
          existsSync(meta) &&
          Number((JSON.parse(readFileSync(meta, 'utf8')) as { nBase?: number }).nBase) >= LARGE_ENOUGH
        );
      })
    : [];
  return ['words-100', ...folders.sort().reverse()];
}

/** Loads one by name; see datasetNames. */
export async function loadDataset(name: string): Promise<Dataset> {
  return name === 'words-100' ? words() : readDataset(join(FOLDER, name), name);
}

/** The 50,000 most frequent words; queries are every 50th of the words after them, so that no query is in the set. */
async function words(): Promise<Dataset> {
  const { words: texts, vectors, dimension } = await openWords(WORDS + WORD_QUERIES * 50);
  const base = vectors.slice(0, WORDS * dimension);
  const queries = new Float32Array(WORD_QUERIES * dimension);
  for (let q = 0; q < WORD_QUERIES; q++) {
    const from = (WORDS + q * 50) * dimension;
    queries.set(vectors.subarray(from, from + dimension), q * dimension);
  }
  return {
    name: 'words-100',
    dimension,
    metric: 'Cosine',
    base,
    queries,
    truth: bruteForceTruth(base, queries, dimension),
    payloads: texts.slice(0, WORDS).map((word, rank) => JSON.stringify({ word, rank })),
  };
}
