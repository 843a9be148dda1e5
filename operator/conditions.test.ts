import { describe, expect, test } from '@jest/globals';
import type { Condition } from '#crds/v1alpha1/index.ts';
import { mergeConditions, transitionNotes } from './conditions.ts';
import { COUNTER_INTERVAL_MS, decideWrite, without } from './status-write.ts';

const condition = (status: Condition['status'], reason: string, type = 'Available'): Condition => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: 'then',
});

describe('conditions', () => {
  test('the transition time moves with status only', () => {
    const before = [condition('True', 'A'), condition('True', 'B', 'Old')];
    const verdicts = [{ type: 'Available', status: 'True' as const, reason: 'C', message: 'm' }];
    expect(mergeConditions(before, verdicts, 4, 'now')).toEqual([
      {
        type: 'Available',
        status: 'True',
        reason: 'C',
        message: 'm',
        observedGeneration: 4,
        lastTransitionTime: 'then',
      },
    ]);
    expect(mergeConditions(before, [{ ...verdicts[0]!, status: 'False' }], 4, 'now')[0]?.lastTransitionTime).toBe(
      'now',
    );
  });

  test('notes are told for news: good to bad is a warning', () => {
    const bad = (one: Condition): boolean => one.status !== 'True';
    const notes = (before: Condition[] | undefined, after: Condition): unknown =>
      transitionNotes(before, [after], bad).map((note) => `${note.type} ${note.reason}`);
    expect(notes(undefined, condition('False', 'Creating'))).toEqual([]);
    expect(notes(undefined, condition('False', 'NameTaken', 'Accepted'))).toEqual(['Warning NameTaken']);
    expect(notes([condition('True', 'A')], condition('True', 'A'))).toEqual([]);
    expect(notes([condition('True', 'A')], condition('False', 'B'))).toEqual(['Warning B']);
    expect(notes([condition('False', 'A')], condition('False', 'B'))).toEqual(['Normal B']);
    expect(notes([condition('False', 'A')], condition('True', 'B'))).toEqual(['Normal B']);
  });
});

test('counters alone wait, anything else is written at once, what others write does not count', () => {
  const decide = (actual: object | undefined, wanted: object, now: number): unknown =>
    decideWrite(actual, wanted, {
      strip: (status) => without(status, ['points']),
      foreign: ['mapVersion'],
      lastWriteAt: 100,
      now,
    });
  expect(decide({ a: 1, points: 2, mapVersion: 9 }, { a: 1, points: 2 }, 0)).toEqual({ write: false });
  expect(decide({ a: 1, points: 2 }, { a: 2, points: 2 }, 101)).toEqual({ write: true });
  expect(decide({ a: 1, points: 2 }, { a: 1, points: 3 }, 101)).toEqual({
    write: false,
    afterMs: COUNTER_INTERVAL_MS - 1,
  });
  expect(decide({ a: 1, points: 2 }, { a: 1, points: 3 }, 100 + COUNTER_INTERVAL_MS)).toEqual({ write: true });
  expect(decide(undefined, { a: 1 }, 0)).toEqual({ write: true });
});
