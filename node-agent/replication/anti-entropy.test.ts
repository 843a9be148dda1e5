import { describe, expect, test } from '@jest/globals';
import { AUDIT_BUCKETS, Audit } from './audit.ts';
import { AuditSchedule } from './anti-entropy.ts';
import { mulberry32 } from './sim-random.ts';

describe('AuditSchedule', () => {
  const HOUR = 3_600_000;

  test('every shard about once an interval, never two at once', () => {
    const schedule = new AuditSchedule(600_000, mulberry32(1));
    const shards = ['a', 'b', 'c', 'd'];
    const counts = new Map(shards.map((shard) => [shard, 0]));
    let running: string | null = null;
    for (let now = 0; now < 10 * HOUR; now += 1_000) {
      const states = shards.map((shard) => ({ shard, auditing: shard === running }));
      const next = schedule.next(states, now);
      if (running !== null) expect(next).toBeNull();
      // Each takes three seconds.
      if (running !== null && now % 3_000 === 0) running = null;
      if (next === null) continue;
      running = next;
      counts.set(next, counts.get(next)! + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 60)).toBeLessThan(6);
  });

  test('a restart does not compare everything at once', () => {
    const schedule = new AuditSchedule(600_000, mulberry32(2));
    const shards = Array.from({ length: 100 }, (_, i) => ({ shard: `s-${i}`, auditing: false }));
    let first = 0;
    for (let now = 0; now < 60_000; now += 100) if (schedule.next(shards, now) !== null) first++;
    expect(first).toBeGreaterThan(2);
    expect(first).toBeLessThan(25);
  });
});

describe('Audit', () => {
  const digests = (change = -1): string[] =>
    Array.from({ length: AUDIT_BUCKETS }, (_, i) => (i === change ? 'x' : 'a'));

  test('differences come out in whatever order the digests come', () => {
    const audit = new Audit();
    const id = audit.begin(['r1', 'r2', 'r3']);
    expect(audit.copy(id, 'r1', digests(5))).toEqual([]);
    expect(audit.own(id, digests())).toEqual([{ copy: 'r1', buckets: 1 }]);
    expect(audit.copy(id, 'r2', digests())).toEqual([]);
    expect(audit.running).toBe(true);
    expect(audit.copy(id, 'r3', ['a'])).toEqual([{ copy: 'r3', buckets: AUDIT_BUCKETS - 1 }]);
    expect(audit.running).toBe(false);
  });

  test('nobody is accused without the own digests, or by an answer to an older comparison', () => {
    const audit = new Audit();
    const first = audit.begin(['r1']);
    audit.copy(first, 'r1', digests(5));
    expect(audit.own(first, null)).toEqual([]);
    expect(audit.running).toBe(false);
    const second = audit.begin(['r1']);
    expect(audit.copy(first, 'r1', digests(5))).toEqual([]);
    audit.own(second, digests());
    expect(audit.running).toBe(true);
    expect(audit.copy(second, 'r1', null)).toEqual([]);
    expect(audit.running).toBe(false);
  });
});
