import { expect, test } from '@jest/globals';
import type { CopyRequest } from '#proto/control-messages.ts';
import { addRequest } from './hub.ts';

const request = (requestId: number, change: Partial<CopyRequest> = {}): CopyRequest => ({
  requestId,
  shard: 'words-0',
  term: 1,
  configVersion: 1,
  node: 'ring-1',
  allocationId: 'a',
  action: 'REMOVE_FROM_IN_SYNC',
  reason: '',
  ...change,
});

test('a primary that asks again takes the place of its earlier request, which keeps its age', () => {
  const first = addRequest([], 'ring-0', request(1), 1_000);
  const held = first.map((pending) => ({ ...pending, held: true }));
  expect(addRequest(held, 'ring-0', request(2), 12_000)).toEqual([
    { from: 'ring-0', request: request(2), since: 1_000, at: 12_000 },
  ]);
});

test('another wish, another copy, another term and another primary each wait for themselves', () => {
  let waiting = addRequest([], 'ring-0', request(1), 1_000);
  waiting = addRequest(waiting, 'ring-0', request(2, { action: 'ADD_TO_IN_SYNC' }), 1_000);
  waiting = addRequest(waiting, 'ring-0', request(3, { allocationId: 'b' }), 1_000);
  waiting = addRequest(waiting, 'ring-0', request(4, { term: 2 }), 1_000);
  waiting = addRequest(waiting, 'ring-2', request(5), 1_000);
  expect(waiting.map((pending) => pending.request.requestId)).toEqual([1, 2, 3, 4, 5]);
});

test('they are bounded: one too many is dropped, and its primary asks again', () => {
  let waiting = addRequest([], 'ring-0', request(0, { allocationId: '0' }), 0);
  for (let i = 1; i < 100; i++) waiting = addRequest(waiting, 'ring-0', request(i, { allocationId: `${i}` }), 0);
  expect(waiting).toHaveLength(64);
});
