import { expect, test } from '@jest/globals';
import { History } from './history.ts';

/** A key's writes as [state, sent, acknowledged]; without the last: unknown. */
function history(...writes: [string, number, number?][]): History {
  const made = new History();
  for (const [state, sent, acked] of writes) {
    const op = made.begin(1, state, sent);
    op.ackedAt = acked;
    op.doubtful = acked === undefined;
  }
  return made;
}

test('before anything is written there is no point', () => {
  expect(history().judge(1, '', 0, 1)).toBe('right');
  expect(history().judge(1, 'a', 0, 1)).toBe('wrong');
});

test('an acknowledged write is seen by what is read later, and only that', () => {
  const made = history(['a', 0, 1], ['b', 2, 3]);
  expect(made.judge(1, 'b', 4, 5)).toBe('right');
  expect(made.judge(1, 'a', 4, 5)).toBe('stale');
  expect(made.judge(1, '', 4, 5)).toBe('stale');
  expect(made.judge(1, 'c', 4, 5)).toBe('wrong');
});

test('a read beside a write may see it or not', () => {
  const made = history(['a', 0, 1], ['b', 3, 6]);
  expect(made.judge(1, 'a', 2, 4)).toBe('right');
  expect(made.judge(1, 'b', 2, 4)).toBe('right');
  expect(made.judge(1, 'b', 1, 2)).toBe('wrong');
  expect(made.judge(1, '', 2, 4)).toBe('stale');
});

test('what nobody acknowledged may be there or not, until it is overwritten; then it is late', () => {
  const made = history(['a', 0, 1], ['b', 2], ['c', 4, 5]);
  expect(made.judge(1, 'b', 3, 4)).toBe('right');
  expect(made.judge(1, 'a', 3, 4)).toBe('right');
  expect(made.judge(1, 'b', 6, 7)).toBe('late');
  expect(made.judge(1, 'a', 6, 7)).toBe('stale');
});

test('a late write leaves its part beside that of a later one', () => {
  const made = history(['1/0', 0, 1], ['2/0', 2], ['3/0', 4, 5], ['3/1', 6, 7]);
  expect(made.judge(1, '2/1', 8, 9)).toBe('late');
  expect(made.judge(1, '1/1', 8, 9)).toBe('wrong');
  const certain = history(['1/0', 0, 1], ['2/0', 2, 3], ['3/0', 4, 5], ['3/1', 6, 7]);
  expect(certain.judge(1, '2/1', 8, 9)).toBe('wrong');
});

test('the states that may be left', () => {
  expect(history(['a', 0, 1], ['b', 2]).possible(1)).toEqual(new Set(['a', 'b']));
  expect(history(['a', 0]).possible(1)).toEqual(new Set(['', 'a']));
  expect(history(['a', 0, 1], ['', 2, 3]).certain(1)).toBe('');
  expect(history(['a', 0, 1], ['b', 2]).certain(1)).toBeUndefined();
});

test('it forgets what was overwritten long ago, but no doubtful write', () => {
  const made = new History();
  const doubtful = made.begin(1, 'doubt', 0);
  doubtful.doubtful = true;
  for (let i = 1; i <= 1_000; i++) made.begin(1, `s${i}`, i * 1_000).ackedAt = i * 1_000 + 1;
  expect(made.judge(1, 's999', 1_000_500, 1_000_600)).toBe('stale');
  expect(made.judge(1, 's2', 1_000_500, 1_000_600)).toBe('wrong');
  expect(made.judge(1, 'doubt', 1_000_500, 1_000_600)).toBe('late');
});
