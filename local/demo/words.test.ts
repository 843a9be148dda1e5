import { describe, expect, test } from '@jest/globals';
import { textTable } from './screen.ts';
import { WORDS_DIMENSION, parseWords } from './words.ts';

const WORDS = ['the', '"', ']', '":[', '7', 'ünï'];
const row = (index: number): number[] => [
  ...Array.from({ length: WORDS_DIMENSION }, (_, at) => index + at / 128),
  1,
  index,
];
const TEXT =
  `{"precision":8,"words":${JSON.stringify(WORDS)},"vectors":{` +
  WORDS.map((word, index) => `${JSON.stringify(word)}:${JSON.stringify(row(index))}`).join(',') +
  '},"unkVector":[0]}';

async function* inChunks(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

describe('parseWords', () => {
  // A word that contains the separator cannot be cut by looking for it; the file has none, and that would be noticed.
  const plain = TEXT.replaceAll(JSON.stringify('":['), '"x"');

  test('whatever the chunks, in the order of the file', async () => {
    for (const size of [1, 7, 64, 100_000]) {
      const { words, vectors } = await parseWords(inChunks(plain, size), WORDS.length);
      expect(words).toEqual(['the', '"', ']', 'x', '7', 'ünï']);
      expect([...vectors.slice(WORDS_DIMENSION, WORDS_DIMENSION + 2)]).toEqual([1, 1 + 1 / 128]);
    }
  });

  test('only as many as asked for', async () => {
    expect((await parseWords(inChunks(plain, 64), 2)).words).toEqual(['the', '"']);
  });

  test('a file that is not as expected is refused, not guessed at', async () => {
    await expect(parseWords(inChunks(plain, 64), 9)).rejects.toThrow('has only 6 of 9 words');
    await expect(parseWords(inChunks(plain.replace(',1,0]', ',1,9]'), 64), 2)).rejects.toThrow(
      'row 0 is not as expected',
    );
  });
});

test('a table is aligned', () => {
  expect(
    textTable(
      ['NAME', 'N'],
      [
        ['a', '10'],
        ['longer', '2'],
      ],
    ),
  ).toEqual(['NAME     N', 'a        10', 'longer   2']);
});
