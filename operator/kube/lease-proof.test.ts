import { expect, test } from '@jest/globals';
import { LEASE_MS, RENEW_DEADLINE_MS } from './lease-machine.ts';
import { LEASE_MARGIN_MS, LeaseProof } from './lease-proof.ts';

const at = (mono: number, wall = mono): { mono: number; wall: number } => ({ mono, wall: 1e12 + wall });

test('nobody leads who has not renewed, or has given the lease back', () => {
  const proof = new LeaseProof();
  expect(proof.holds(at(0))).toBe(false);
  proof.renewed(at(0));
  expect(proof.holds(at(0))).toBe(true);
  proof.ended();
  expect(proof.holds(at(0))).toBe(false);
});

test('the proof ends before another one may take the lease, and not before the leader gives up renewing', () => {
  const proof = new LeaseProof();
  proof.renewed(at(1_000));
  const end = 1_000 + LEASE_MS - LEASE_MARGIN_MS;
  expect(proof.holds(at(end - 1))).toBe(true);
  expect(proof.holds(at(end))).toBe(false);
  expect(LEASE_MS - LEASE_MARGIN_MS).toBeGreaterThan(RENEW_DEADLINE_MS);
});

test('a machine that slept and a clock that was set: the clock that says more counts', () => {
  const proof = new LeaseProof();
  proof.renewed(at(0, 0));
  expect(proof.holds(at(10, LEASE_MS))).toBe(false);
  expect(proof.holds(at(LEASE_MS, 10))).toBe(false);
  expect(proof.holds(at(10, -3_600_000))).toBe(true);
});
