import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { KubeApi } from './api.ts';
import { KubeError } from './errors.ts';
import { at } from './json.ts';
import { LeaderLease } from './lease.ts';
import type { KubeObject } from './object.ts';

/** One Lease with the API server's conflicts. */
function leaseApi(): { api: KubeApi; lease: () => KubeObject | undefined } {
  let lease: KubeObject | undefined;
  let version = 0;
  const refuse = (code: number, reason: string): never => {
    throw new KubeError('lease', code, JSON.stringify({ kind: 'Status', code, reason }));
  };
  const store = (object: KubeObject): KubeObject => {
    lease = { ...object, metadata: { ...object.metadata, resourceVersion: String((version += 1)) } };
    return lease;
  };
  const api = {
    get: async () => lease ?? refuse(404, 'NotFound'),
    create: async (_resource: unknown, object: KubeObject) => (lease ? refuse(409, 'AlreadyExists') : store(object)),
    replace: async (_resource: unknown, object: KubeObject) =>
      object.metadata.resourceVersion === lease?.metadata.resourceVersion ? store(object) : refuse(409, 'Conflict'),
  } as unknown as KubeApi;
  return { api, lease: () => lease };
}

const elector = (api: KubeApi, identity: string): LeaderLease =>
  new LeaderLease({
    api,
    namespace: 'a',
    name: 'op',
    identity,
    log: pino({ level: 'silent' }),
    onLost: () => undefined,
  });

describe('leader lease', () => {
  test('one leads, the other waits, and takes over when it is released', async () => {
    const { api, lease } = leaseApi();
    const first = elector(api, 'first');
    const second = elector(api, 'second');
    await first.acquire();
    expect(first.leading).toBe(true);
    expect(lease()?.['spec']).toMatchObject({ holderIdentity: 'first', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(String(at(lease(), 'spec', 'renewTime'))).toMatch(/\.\d{6}Z$/);
    const waiting = second.acquire();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(second.leading).toBe(false);
    await first.release();
    expect(lease()?.['spec']).toMatchObject({ holderIdentity: '' });
    await waiting;
    expect(second.leading).toBe(true);
    expect(lease()?.['spec']).toMatchObject({ holderIdentity: 'second' });
    await second.release();
  });
});
