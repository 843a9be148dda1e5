import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube-api/api-types.ts';
import type { JsonObject } from '../kube-api/json.ts';
import { planStatefulSet } from './statefulset.plan.ts';
import type { StatefulSetAction } from './statefulset.plan.ts';

const meta = (name: string, more: Partial<KubeObject['metadata']> = {}): KubeObject['metadata'] => ({
  name,
  namespace: 'ns',
  uid: `uid-${name}`,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  ...more,
});

function aSet(spec: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: meta('db', { generation: 3 }),
    spec: {
      replicas: 3,
      serviceName: 'db-nodes',
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      selector: { matchLabels: { app: 'db' } },
      template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'node', image: 'annulus' }] } },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }],
      ...spec,
    },
  };
}

function aPod(ordinal: number, options: { ready?: boolean; revision?: string; deleting?: boolean } = {}): KubeObject {
  const { ready = true, revision = 'db-new', deleting = false } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(`db-${ordinal}`, {
      labels: { 'controller-revision-hash': revision },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'uid-db', controller: true }],
      ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:01Z' } : {}),
    }),
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

const aClaim = (name: string, deleting = false): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: meta(name, deleting ? { deletionTimestamp: '2026-01-01T00:00:01Z' } : {}),
});

const brief = (action: StatefulSetAction): string => {
  switch (action.type) {
    case 'createPod':
      return `+pod ${action.pod.metadata.name}`;
    case 'createClaim':
      return `+claim ${action.claim.metadata.name}`;
    case 'deletePod':
      return `-pod ${action.name}`;
    case 'deleteClaim':
      return `-claim ${action.name}`;
  }
};

function plan(set: KubeObject, pods: KubeObject[], claims: KubeObject[] = []) {
  const result = planStatefulSet({ set, pods, claims, revision: 'db-new' });
  return { ...result, brief: result.actions.map(brief) };
}
const claims = [0, 1, 2].map((ordinal) => aClaim(`data-db-${ordinal}`));

describe('scaling', () => {
  test('Parallel makes all pods and claims at once', () => {
    expect(plan(aSet(), []).brief).toEqual([
      '+claim data-db-0',
      '+pod db-0',
      '+claim data-db-1',
      '+pod db-1',
      '+claim data-db-2',
      '+pod db-2',
    ]);
  });

  test('OrderedReady waits for each pod before the next', () => {
    const set = aSet({ podManagementPolicy: 'OrderedReady' });
    expect(plan(set, [], claims).brief).toEqual(['+pod db-0']);
    expect(plan(set, [aPod(0, { ready: false })], claims).brief).toEqual([]);
    expect(plan(set, [aPod(0)], claims).brief).toEqual(['+pod db-1']);
  });

  test('a pod that comes back takes its claim', () => {
    expect(plan(aSet(), [aPod(0), aPod(2)], claims).brief).toEqual(['+pod db-1']);
  });

  test('a claim on its way out keeps the pod waiting', () => {
    expect(plan(aSet({ replicas: 1 }), [], [aClaim('data-db-0', true)]).brief).toEqual([]);
  });

  test('down from the highest ordinal; claims stay', () => {
    const pods = [0, 1, 2].map((ordinal) => aPod(ordinal));
    expect(plan(aSet({ replicas: 1 }), pods, claims).brief).toEqual(['-pod db-2', '-pod db-1']);
    const ordered = aSet({ replicas: 1, podManagementPolicy: 'OrderedReady' });
    expect(plan(ordered, pods, claims).brief).toEqual(['-pod db-2']);
    expect(plan(ordered, [aPod(0), aPod(1), aPod(2, { deleting: true })], claims).brief).toEqual([]);
  });

  test('whenScaled Delete removes claims once their pod is gone', () => {
    const set = aSet({ replicas: 1, persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete' } });
    expect(plan(set, [aPod(0), aPod(2, { deleting: true })], claims).brief).toEqual(['-claim data-db-1']);
  });

  test('whenDeleted Delete makes the set own its claims', () => {
    const set = aSet({ replicas: 1, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' } });
    const [first] = plan(set, []).actions;
    expect(first?.type === 'createClaim' && first.claim.metadata.ownerReferences).toMatchObject([{ uid: 'uid-db' }]);
  });

  test("another owner's pod is left alone", () => {
    const foreign = aPod(0);
    foreign.metadata.ownerReferences = [];
    expect(plan(aSet({ replicas: 1 }), [foreign], claims).brief).toEqual([]);
  });
});

test('a pod has its name, revision, hostname and claims', () => {
  const [action] = plan(aSet({ replicas: 1 }), [], claims).actions;
  expect(action?.type === 'createPod' ? action.pod : undefined).toMatchObject({
    metadata: {
      name: 'db-0',
      labels: {
        app: 'db',
        'controller-revision-hash': 'db-new',
        'statefulset.kubernetes.io/pod-name': 'db-0',
        'apps.kubernetes.io/pod-index': '0',
      },
    },
    spec: {
      hostname: 'db-0',
      subdomain: 'db-nodes',
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } }],
    },
  });
});

describe('templates that changed', () => {
  const old = { revision: 'db-old' };
  test('OnDelete leaves pods and says so in status', () => {
    const set = { ...aSet(), status: { currentRevision: 'db-old' } };
    const { brief: actions, status } = plan(set, [aPod(0, old), aPod(1), aPod(2, old)], claims);
    expect(actions).toEqual([]);
    expect(status).toMatchObject({
      observedGeneration: 3,
      replicas: 3,
      readyReplicas: 3,
      updatedReplicas: 1,
      currentReplicas: 2,
      currentRevision: 'db-old',
      updateRevision: 'db-new',
    });
  });

  test('RollingUpdate takes the highest outdated pod when the ones above are ready', () => {
    const set = aSet({ updateStrategy: { type: 'RollingUpdate' } });
    expect(plan(set, [aPod(0, old), aPod(1, old), aPod(2, old)], claims).brief).toEqual(['-pod db-2']);
    expect(plan(set, [aPod(0, old), aPod(1, old), aPod(2, { ready: false })], claims).brief).toEqual([]);
    expect(plan(set, [aPod(0, old), aPod(1, old), aPod(2)], claims).brief).toEqual(['-pod db-1']);
  });

  test('all updated and ready: the new revision is current, and nothing is left to do', () => {
    const set = { ...aSet(), status: { currentRevision: 'db-old' } };
    const { brief: actions, status } = plan(set, [aPod(0), aPod(1), aPod(2)], claims);
    expect(actions).toEqual([]);
    expect(status['currentRevision']).toBe('db-new');
  });
});
