import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { asObject, makeCluster } from '../testing/fixtures.ts';
import type { KubeObject } from '../kube/object.ts';
import { buildConfigMap } from './config-map.ts';
import { buildNetworkPolicy } from './network-policy.ts';
import { buildPodDisruptionBudget } from './pod-disruption-budget.ts';
import { buildPodMonitor } from './pod-monitor.ts';
import { templateHash } from './pod-template.ts';
import { buildSecret } from './secret.ts';
import { buildServiceAccount } from './service-account.ts';
import { buildClientService, buildHeadlessService } from './services.ts';
import { buildStatefulSet } from './stateful-set.ts';

const GOLDEN = join(import.meta.dirname, 'testdata');
const plain = makeCluster();
const rich = makeCluster({
  nodes: 5,
  image: 'registry.example/annulus:1.2.3',
  topologyKey: 'example.com/rack',
  storage: { size: '200Gi', className: 'fast' },
  resources: { requests: { cpu: '2', memory: '8Gi' }, limits: { memory: '8Gi' } },
  nodeSelector: { disk: 'nvme' },
  tolerations: [{ key: 'vectors', operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  membership: { probeInterval: '2s' },
  claimDeletionPolicy: 'Delete',
});

const goldens: [string, KubeObject][] = [
  ['stateful-set', buildStatefulSet(plain, {}, 3)],
  ['stateful-set-rich', buildStatefulSet(rich, {}, 5)],
  ['headless-service', buildHeadlessService(plain)],
  ['client-service', buildClientService(plain)],
  ['service-account', buildServiceAccount(plain)],
  ['config-map', buildConfigMap(rich)],
  ['pod-disruption-budget', buildPodDisruptionBudget(plain)],
  ['network-policy', buildNetworkPolicy(plain, { operatorNamespace: 'annulus-system' })],
  ['network-policy-outside', buildNetworkPolicy(plain, {})],
  ['pod-monitor', buildPodMonitor(plain)],
  ['secret', buildSecret(plain, { token: 'token', privateKeyPem: 'pem' })],
];

test.each(goldens)('%s is as recorded (UPDATE_GOLDEN=1 records it anew)', (name, object) => {
  const path = join(GOLDEN, `${name}.yaml`);
  const text = stringify(object, { aliasDuplicateObjects: false });
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
});

describe('the pod template', () => {
  test('is restricted as the Pod Security Standards say', () => {
    const spec = asObject(asObject(asObject(buildStatefulSet(plain, {}, 3)['spec'])['template'])['spec']);
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });

  test('has another hash when pods would run differently, and only then', () => {
    const hash = templateHash(plain);
    expect(templateHash(makeCluster({ image: 'annulus:2' }))).not.toBe(hash);
    expect(templateHash(makeCluster({ resources: { limits: { memory: '1Gi' } } }))).not.toBe(hash);
    // Read again by the running nodes, or no matter of theirs.
    const same = makeCluster({ nodes: 7, displayName: 'x', shards: 9, membership: { fanout: 5 }, paused: true });
    expect(templateHash(same)).toBe(hash);
  });
});

test('an existing claim template stays, since Kubernetes refuses to change it', () => {
  const set = buildStatefulSet(rich, { storageSize: '10Gi' }, 3);
  expect(JSON.stringify(set['spec'])).toContain('"storage":"10Gi"');
});
