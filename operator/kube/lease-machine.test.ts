import { describe, expect, test } from '@jest/globals';
import { LEASE_MS, LeaseMachine, RENEW_DEADLINE_MS, type LeaseRecord } from './lease-machine.ts';

const lease = (holder: string, renewTime = 't0'): LeaseRecord => ({
  holder,
  renewTime,
  transitions: 0,
  resourceVersion: '1',
});

describe('leader election', () => {
  test('an absent or released lease is taken at once', () => {
    expect(new LeaseMachine('me').decide(undefined, 0)).toBe('create');
    expect(new LeaseMachine('me').decide(lease(''), 0)).toBe('take');
  });

  test("another's lease is taken only when its record has stood still for 15 s of our own clock", () => {
    const machine = new LeaseMachine('me');
    // The record's own time is ages old: clocks of two machines say nothing about each other.
    expect(machine.decide(lease('other', '1999-01-01T00:00:00.000000Z'), 1_000)).toBe('wait');
    expect(machine.decide(lease('other', '1999-01-01T00:00:00.000000Z'), 999 + LEASE_MS)).toBe('wait');
    expect(machine.decide(lease('other', 'renewed'), 1_000 + LEASE_MS)).toBe('wait');
    expect(machine.decide(lease('other', 'renewed'), 1_000 + 2 * LEASE_MS)).toBe('take');
  });

  test('a leader that cannot renew for 10 s has lost, before any other may take over', () => {
    const machine = new LeaseMachine('me');
    machine.decide(undefined, 0);
    machine.written(0);
    expect(machine.leading).toBe(true);
    expect(machine.failed(RENEW_DEADLINE_MS - 1)).toBe('wait');
    expect(machine.leading).toBe(true);
    expect(machine.failed(RENEW_DEADLINE_MS)).toBe('lost');
    expect(machine.leading).toBe(false);
    expect(RENEW_DEADLINE_MS).toBeLessThan(LEASE_MS);
  });

  test('a leader renews, and has lost when another holds the lease', () => {
    const machine = new LeaseMachine('me');
    machine.written(0);
    expect(machine.decide(lease('me'), 5_000)).toBe('renew');
    machine.written(5_000);
    expect(machine.decide(lease('other', 't9'), 10_000)).toBe('lost');
  });

  test('a renewal that came too late to be tried is a loss', () => {
    const machine = new LeaseMachine('me');
    machine.written(0);
    expect(machine.decide(lease('me'), RENEW_DEADLINE_MS)).toBe('lost');
  });
});
