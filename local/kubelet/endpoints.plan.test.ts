import { expect, test } from '@jest/globals';
import type { KubeObject } from '../kube-api/api-types.ts';
import { planBudgetStatus } from './disruption-budget.plan.ts';
import { backendsOf, planEndpointSlice, servicePorts } from './endpoints.plan.ts';

const metadata = (name: string, labels = {}): KubeObject['metadata'] => ({
  name,
  namespace: 'ns',
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '',
  labels,
});
const aPod = (
  name: string,
  ip: string,
  ready: boolean,
  labels: Record<string, string> = { app: 'db' },
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadata(name, labels),
  spec: { containers: [{ name: 'node', ports: [{ name: 'rest', containerPort: 6333 }] }] },
  status: { podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata('db'),
  spec: { selector: { app: 'db' }, ports: [{ name: 'http', port: 80, targetPort: 'rest' }] },
};
const pods = [
  aPod('db-1', '127.70.0.2', false),
  aPod('db-0', '127.70.0.1', true),
  aPod('other', '127.70.0.3', true, { app: 'x' }),
];

test('a Service sends connections to ready pods it selects, on the named port', () => {
  const [port] = servicePorts(service);
  expect(port && backendsOf(service, port, pods)).toEqual([{ host: '127.70.0.1', port: 6333 }]);
});

test('its EndpointSlice lists unready pods as such', () => {
  const slice = planEndpointSlice(service, pods);
  expect(slice).toMatchObject({
    ports: [{ name: 'http', port: 6333 }],
    endpoints: [
      { addresses: ['127.70.0.1'], conditions: { ready: true } },
      { addresses: ['127.70.0.2'], conditions: { ready: false } },
    ],
  });
});

test("a budget's status counts healthy pods", () => {
  const budget: KubeObject = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata('db'),
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'db' } } },
  };
  expect(planBudgetStatus(budget, pods)).toMatchObject({
    expectedPods: 2,
    currentHealthy: 1,
    desiredHealthy: 1,
    disruptionsAllowed: 0,
  });
});
