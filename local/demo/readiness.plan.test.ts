import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '#local/kube-api/api-types.ts';
import type { JsonObject } from '#local/kube-api/json.ts';
import { planReadiness } from './readiness.plan.ts';
import type { Sight } from './readiness.plan.ts';

const anObject = (kind: string, name: string, spec: JsonObject, status: JsonObject): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '' },
  spec,
  status,
});
const available = (status: 'True' | 'False'): JsonObject => ({ conditions: [{ type: 'Available', status }] });
const cluster = (status: JsonObject): KubeObject => anObject('VectorCluster', 'q', { nodes: 1 }, status);
const collection = anObject('Collection', 'words', {}, available('True'));
const aPod = (ready: boolean, container: JsonObject = {}): KubeObject =>
  anObject(
    'Pod',
    'q-0',
    {},
    { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], containerStatuses: [container] },
  );

const sight = (more: Partial<Sight>): Sight => ({
  cluster: cluster(available('True')),
  collection,
  pods: [aPod(true)],
  restartsBefore: new Map(),
  operatorTrouble: undefined,
  ...more,
});

test('ready when cluster, collection and the pods of now are', () => {
  expect(planReadiness(sight({}))).toEqual({ kind: 'ready' });
});

describe('waiting says for what', () => {
  test('the status of an earlier start is not believed', () => {
    expect(planReadiness(sight({ pods: [aPod(false)] }))).toEqual({ kind: 'waiting', for: '0 of 1 nodes ready' });
  });
  test("the operator's message, on one line", () => {
    const status = { ...available('False'), message: 'no node\n  is ready', nodes: { ready: 0, desired: 1 } };
    const answer = planReadiness(sight({ cluster: cluster(status) }));
    expect(answer).toEqual({ kind: 'waiting', for: 'no node is ready [nodes 0/1, shards 0/0]' });
  });
});

describe('hopeless says why, in one line', () => {
  test('a missing image', () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' };
    const answer = planReadiness(sight({ pods: [aPod(false, { state: { waiting } })] }));
    expect(answer).toEqual({ kind: 'hopeless', why: 'q-0 cannot start: ImagePullBackOff: Back-off pulling image "x"' });
  });
  test('a node that keeps crashing: the line that names the error', () => {
    const container = {
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { message: 'starting\nError: port 6333 is taken\n    at main\nNode.js v26' } },
      restartCount: 4,
    };
    expect(planReadiness(sight({ pods: [aPod(false, container)] }))).toEqual({
      kind: 'hopeless',
      why: 'q-0 keeps crashing, last: Error: port 6333 is taken',
    });
    const earlier = sight({ pods: [aPod(false, container)], restartsBefore: new Map([['q-0', 3]]) });
    expect(planReadiness(earlier).kind).toBe('waiting');
  });
  test('an operator that keeps ending', () => {
    const answer = planReadiness(sight({ operatorTrouble: { restarts: 3, message: 'KUBECONFIG cannot be read' } }));
    expect(answer).toEqual({ kind: 'hopeless', why: 'the operator ended 3 times, last: KUBECONFIG cannot be read' });
  });
});
