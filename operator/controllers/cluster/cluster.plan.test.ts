import { describe, expect, test } from '@jest/globals';
import type { VectorCluster, VectorClusterStatus } from '#crds/v1alpha1/index.ts';
import { buildSecret } from '../../build/secret.ts';
import type { StoredCluster } from '../../build/common.ts';
import { NO_HEALTH } from '../../failover/health.ts';
import type { KubeObject } from '../../kube/object.ts';
import { asObject, makeCluster, makePod, makeShard, makeSight, withStatus } from '../../testing/fixtures.ts';
import type { ClusterInput } from './cluster-input.ts';
import { planCluster, type ClusterPlan } from './cluster.plan.ts';

const NOW = Date.parse('2026-01-01T00:01:00Z');

function input(cluster: StoredCluster, change: Partial<ClusterInput> = {}): ClusterInput {
  return {
    cluster,
    clusters: [cluster],
    children: new Map(),
    pods: [0, 1, 2].map((ordinal) => makePod(ordinal, {}, cluster)),
    sights: new Map(),
    health: NO_HEALTH,
    shards: [],
    unreadable: [],
    moves: { wish: [], allowed: [], blocked: [] },
    config: {},
    podMonitors: false,
    publicKey: 'a2V5',
    settled: () => false,
    now: NOW,
    ...change,
  };
}
const plan = (of: ClusterInput): ClusterPlan => planCluster(of, 0);

function written(of: ClusterPlan): VectorClusterStatus {
  const action = of.actions.find((candidate) => candidate.type === 'writeStatus');
  if (action === undefined) throw new Error('no status is written');
  return action.status;
}
const applied = (of: ClusterPlan): string[] =>
  of.actions.flatMap((action) =>
    action.type === 'applyChild'
      ? [`${action.object.kind}/${action.object.metadata.name}`]
      : action.type === 'createKeys'
        ? ['keys']
        : [],
  );
const reason = (status: VectorClusterStatus, type: string): unknown => {
  const found = status.conditions?.find((condition) => condition.type === type);
  return [found?.status, found?.reason];
};

/** Child objects as they are after the plan's writes. */
function childrenAfter(of: ClusterPlan, cluster: StoredCluster): Map<string, KubeObject> {
  const secret = buildSecret(cluster, { token: 't', privateKeyPem: 'p' });
  const objects = of.actions.flatMap((action) =>
    action.type === 'applyChild' ? [structuredClone(action.object)] : [],
  );
  return new Map([secret, ...objects].map((object) => [`${object.kind}/${object.metadata.name}`, object]));
}
function converged(cluster = makeCluster(), change: Partial<ClusterInput> = {}): ClusterInput {
  const first = plan(input(cluster, change));
  const children = childrenAfter(first, cluster);
  return input(withStatus(cluster, written(plan(input(cluster, { ...change, children })))), { ...change, children });
}

describe('child objects', () => {
  test('of a new cluster, the keys first and the StatefulSet last', () => {
    expect(applied(plan(input(makeCluster())))).toEqual([
      'keys',
      'ServiceAccount/ring',
      'ConfigMap/ring-config',
      'Service/ring-nodes',
      'Service/ring',
      'PodDisruptionBudget/ring',
      'NetworkPolicy/ring',
      'StatefulSet/ring',
    ]);
  });

  test('a converged cluster writes nothing', () => {
    expect(plan(converged())).toEqual({ actions: [], blocked: [] });
    expect(plan({ ...converged(), now: NOW + 1e9 }).actions).toEqual([]);
  });

  test('what someone changed is applied again, once', () => {
    const state = converged();
    const service = state.children.get('Service/ring')!;
    state.children.set('Service/ring', {
      ...service,
      spec: { ...asObject(service['spec']), selector: { wrong: 'pods' } },
    });
    expect(applied(plan(state))).toEqual(['Service/ring']);
    // The server keeps it its own way: writing again would never end.
    expect(
      applied(plan({ ...state, settled: (object) => object.metadata.name === 'ring' && object.kind === 'Service' })),
    ).toEqual([]);
  });

  test('a new wish is applied though the child is as the last apply left it', () => {
    const state = converged();
    const before = applied(plan({ ...state, children: new Map() }));
    expect(before).toContain('StatefulSet/ring');
    const asked: string[] = [];
    const settled = (_: object, wanted: { kind: string; spec?: unknown }): boolean => {
      if (wanted.kind === 'StatefulSet') asked.push(JSON.stringify(wanted.spec));
      return false;
    };
    const cluster = { ...state.cluster, spec: { ...state.cluster.spec, nodes: 7 } };
    expect(applied(plan({ ...state, cluster, settled }))).toContain('StatefulSet/ring');
    expect(asked).toEqual([expect.stringContaining('"replicas":7')]);
  });

  test('an existing Secret is never touched', () => {
    const state = converged();
    state.children.set('Secret/ring-keys', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'ring-keys' },
      data: {},
    });
    expect(plan(state).actions).toEqual([]);
  });

  test('a PodMonitor where that kind exists, unless unwanted', () => {
    expect(applied(plan(input(makeCluster(), { podMonitors: true })))).toContain('PodMonitor/ring');
    const off = makeCluster({ monitoring: { podMonitor: false } });
    const state = converged(makeCluster(), { podMonitors: true });
    const made = plan({ ...state, cluster: withStatus(off, state.cluster.status) });
    expect(made.actions).toMatchObject([{ type: 'deleteChild', object: { kind: 'PodMonitor' } }]);
  });

  test.each([
    ['paused', makeCluster({ paused: true })],
    ['Logical', makeCluster({ type: 'Logical', host: 'ring' }, 'tenant')],
  ])('none for a %s cluster', (_name, cluster) => {
    expect(applied(plan(input(cluster, { clusters: [makeCluster(), cluster] })))).toEqual([]);
  });
});

describe('changes that wait', () => {
  const replicas = (of: ClusterPlan): unknown => {
    const action = of.actions.find((one) => one.type === 'applyChild' && one.object.kind === 'StatefulSet');
    return action?.type === 'applyChild' ? asObject(action.object['spec'])['replicas'] : undefined;
  };
  const shardOn = (...nodes: string[]): ReturnType<typeof makeShard> =>
    makeShard(
      {},
      {
        primaryTerm: 1,
        copies: nodes.map((node, i) => ({
          node,
          role: i === 0 ? 'Primary' : 'Replica',
          inSync: true,
          allocationId: node,
        })),
      },
    );

  test('nodes that hold copies are not taken away', () => {
    const { children, cluster } = converged(makeCluster({ nodes: 5 }));
    const fewer = withStatus(makeCluster({ nodes: 2 }), cluster.status);
    const held = plan(input(fewer, { children, shards: [shardOn('ring-0', 'ring-3')] }));
    expect(replicas(held)).toBe(4);
    expect(held.blocked[0]).toMatchObject({ reason: 'NodesHoldCopies' });
    expect(held.blocked[0]?.message).toContain('ring-3');
    expect(replicas(plan(input(fewer, { children, shards: [shardOn('ring-0', 'ring-1')] })))).toBe(2);
  });

  test('more nodes come at once', () => {
    const { children } = converged();
    expect(replicas(plan(input(makeCluster({ nodes: 4 }), { children })))).toBe(4);
  });

  test('another storage size is blocked by name, and the claim template stays', () => {
    const { children, cluster } = converged();
    const grown = withStatus(makeCluster({ storage: { size: '20Gi' } }), cluster.status);
    const made = plan(input(grown, { children }));
    expect(applied(made)).toEqual([]);
    expect(reason(written(made), 'Progressing')).toEqual(['False', 'StorageResizeNotYetSupported']);
  });

  test('pods of an older template are named', () => {
    const state = converged();
    const newer = withStatus(makeCluster({ image: 'annulus:2' }), state.cluster.status);
    const made = plan(input(newer, { children: state.children, pods: state.pods }));
    expect(applied(made)).toEqual(['StatefulSet/ring']);
    expect(written(made).message).toMatch(/^ring-0, ring-1, ring-2 run an older pod template/);
  });
});

describe('conditions tell what blocks', () => {
  const status = (change: Partial<ClusterInput>, cluster = makeCluster()): VectorClusterStatus =>
    written(plan(input(cluster, change)));

  test('nodes that start', () => {
    const starting = status({ pods: [makePod(0), makePod(1, { conditions: [] })] });
    expect(starting).toMatchObject({
      phase: 'Progressing',
      nodes: { desired: 3, ready: 1 },
      message: '1 of 3 nodes ready',
    });
    expect(status({ pods: [] }).phase).toBe('Pending');
  });

  test.each([
    [
      'ImagePullBackOff',
      { containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }] },
    ],
    [
      'CrashLoopBackOff',
      {
        containerStatuses: [
          {
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'no such image' } },
            lastState: { terminated: { exitCode: 2, message: 'port 6333 in use' } },
          },
        ],
      },
    ],
    [
      'Unschedulable',
      { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no such image' }] },
    ],
  ])('a pod with %s', (word, pod) => {
    const made = status({ pods: [makePod(0, { conditions: [], ...pod })] });
    expect(reason(made, 'Degraded')).toEqual(['True', 'PodsFailing']);
    expect(made.phase).toBe('Unavailable');
    expect(made.message).toMatch(`Pod ring-0: ${word}: no such image`);
    if (word === 'CrashLoopBackOff') expect(made.message).toContain('last exit: exit code 2, port 6333 in use');
  });

  test('a node that goes away degrades, one that has never been there does not', () => {
    const two = [0, 1].map((ordinal) => makePod(ordinal));
    const state = converged();
    const lost = written(plan({ ...state, pods: two }));
    expect(reason(lost, 'Degraded')).toEqual(['True', 'NodesNotReady']);
    const still = written(plan({ ...state, pods: [makePod(0)], cluster: withStatus(state.cluster, lost) }));
    expect(reason(still, 'Degraded')).toEqual(['True', 'NodesNotReady']);
    const starting = status({ pods: [makePod(0)] });
    const later = written(plan(input(withStatus(makeCluster(), starting), { pods: two })));
    expect([later.phase, ...[reason(later, 'Degraded')].flat()]).toEqual(['Progressing', 'False', 'AsExpected']);
    const grown = makeCluster({ nodes: 4 });
    grown.metadata.generation = 2;
    const growing = written(plan(input(withStatus(grown, state.cluster.status), { children: state.children })));
    expect(reason(growing, 'Degraded')).toEqual(['False', 'AsExpected']);
  });

  test('objects that this operator cannot read', () => {
    const made = status({ unreadable: ['Shard words-0'] });
    expect(reason(made, 'Degraded')).toEqual(['True', 'ObjectsUnreadable']);
    expect(made.message).toContain('Shard words-0');
  });

  test('a node that refuses the operator', () => {
    const sights = new Map([
      ['ring-1', { node: 'ring-1', connected: false, since: 0, refused: 'its volume belongs to another' }],
    ]);
    expect(status({ sights }).message).toBe('ring-1 refuses the operator: its volume belongs to another');
  });

  test('a node whose disk is nearly full', () => {
    const sight = makeSight('ring-1');
    sight.report = { ...sight.report!, diskFreeBytes: 40, diskTotalBytes: 1000 };
    expect(status({ sights: new Map([['ring-1', sight]]) }).message).toContain('the disk of ring-1 is nearly full');
  });

  test('shards that are down or thin', () => {
    const down = makeShard({}, { primaryTerm: 1, phase: 'Unavailable', message: 'ring-0 is lost' });
    expect(reason(status({ shards: [down] }), 'Available')).toEqual(['False', 'ShardsUnavailable']);
    const thin = makeShard(
      {},
      {
        primaryTerm: 1,
        phase: 'Degraded',
        points: 7,
        copies: [{ node: 'ring-0', role: 'Primary', inSync: true, allocationId: 'x', bytes: 9 }],
      },
    );
    expect(status({ shards: [thin] })).toMatchObject({
      phase: 'Degraded',
      points: 7,
      bytes: 9,
      shards: { total: 1, healthy: 0, summary: '0/1' },
    });
  });

  test('all well', () => {
    const made = status({ sights: new Map([['ring-0', makeSight('ring-0')]]) });
    expect(made).toMatchObject({ phase: 'Available', message: '', keyVersion: 1, publicKey: 'a2V5' });
    expect(made.selector).toBe(
      'app.kubernetes.io/name=annulus,app.kubernetes.io/instance=ring,app.kubernetes.io/component=node',
    );
  });

  test('paused, deleting', () => {
    expect(status({}, makeCluster({ paused: true })).phase).toBe('Paused');
    const leaving = makeCluster();
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:30Z';
    expect(plan(input(leaving)).actions.map((action) => action.type)).toEqual(['writeStatus']);
    expect(status({}, leaving).phase).toBe('Deleting');
  });
});

describe('Logical clusters', () => {
  const logical = makeCluster({ type: 'Logical', host: 'ring' }, 'tenant');
  const status = (host: VectorCluster | undefined): VectorClusterStatus =>
    written(plan(input(logical, { pods: [], clusters: [logical, ...(host ? [host] : [])] })));

  test('are available when their host is', () => {
    const up = status(converged().cluster);
    expect(up.phase).toBe('Available');
    expect(up.nodes).toBeUndefined();
    expect(status(makeCluster())).toMatchObject({ phase: 'Unavailable' });
  });

  test('are refused without a host that has nodes', () => {
    expect(reason(status(undefined), 'Accepted')).toEqual(['False', 'HostNotFound']);
    const other = makeCluster({ type: 'Logical', host: 'x' }, 'ring');
    expect(reason(status(other), 'Accepted')).toEqual(['False', 'HostIsLogical']);
    expect(status(undefined).phase).toBe('Refused');
  });
});
