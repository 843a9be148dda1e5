import { expect, test } from '@jest/globals';
import type { KubeObject } from '../api-types.ts';
import { expiredEvents } from './event-expiry.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const event = (name: string, minutesAgo: number, more = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: {
    name,
    uid: name,
    resourceVersion: '1',
    creationTimestamp: new Date(NOW - minutesAgo * 60_000).toISOString(),
  },
  ...more,
});
const names = (events: KubeObject[]): string[] => events.map((e) => e.metadata.name);

test('events go after an hour, counted from when they were last seen', () => {
  const seenLately = { lastTimestamp: new Date(NOW - 60_000).toISOString() };
  expect(names(expiredEvents([event('old', 61), event('new', 59), event('again', 300, seenLately)], NOW))).toEqual([
    'old',
  ]);
});

test('beyond the limit the oldest go', () => {
  expect(names(expiredEvents([event('a', 3), event('b', 1), event('c', 2)], NOW, undefined, 2))).toEqual(['a']);
});
