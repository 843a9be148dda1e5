import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube-api/api-types.ts';
import { planEnvironment } from './environment.plan.ts';
import { annulusImages, missingImageMessage, parseImage } from './image.ts';
import { rewritePaths } from './paths.plan.ts';
import { parsePodSpec } from './pod-spec.ts';
import type { JsonObject } from '../kube-api/json.ts';

const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'db-0',
    namespace: 'ns',
    uid: 'u1',
    resourceVersion: '1',
    creationTimestamp: '',
    labels: { app: 'db' },
  },
  spec: { nodeName: 'local' },
};

function environment(container: JsonObject) {
  const [parsed] = parsePodSpec({ containers: [{ name: 'node', image: 'annulus', ...container }] }).containers;
  if (parsed === undefined) throw new Error('no container');
  const objects: Record<string, Record<string, string>> = {
    'secret/keys': { token: 's3cret' },
    'configMap/settings': { mode: 'fast' },
  };
  return planEnvironment({
    pod,
    container: parsed,
    podIP: '127.70.0.1',
    values: (kind, name) => objects[`${kind}/${name}`],
  });
}

describe('environment', () => {
  test('values, fields, secrets, config maps, resources and expansion', () => {
    const field = (fieldPath: string) => ({ fieldRef: { fieldPath } });
    const result = environment({
      resources: { limits: { memory: '512Mi' } },
      envFrom: [{ prefix: 'CFG_', configMapRef: { name: 'settings' } }],
      env: [
        { name: 'POD', valueFrom: field('metadata.name') },
        { name: 'IP', valueFrom: field('status.podIP') },
        { name: 'APP', valueFrom: field("metadata.labels['app']") },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
        { name: 'MODE', valueFrom: { configMapKeyRef: { name: 'settings', key: 'mode' } } },
        { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
        { name: 'URL', value: 'http://$(IP):$(PORT)/$$(POD)' },
        { name: 'NONE', valueFrom: { secretKeyRef: { name: 'keys', key: 'absent', optional: true } } },
      ],
    });
    expect(result).toEqual({
      ok: true,
      env: {
        CFG_mode: 'fast',
        POD: 'db-0',
        IP: '127.70.0.1',
        APP: 'db',
        TOKEN: 's3cret',
        MODE: 'fast',
        MEM: '512',
        URL: 'http://127.70.0.1:$(PORT)/$(POD)',
      },
    });
  });

  test("what is missing is said in the kubelet's words", () => {
    const secret = (name: string, key: string) => ({
      env: [{ name: 'X', valueFrom: { secretKeyRef: { name, key } } }],
    });
    expect(environment(secret('nope', 'k'))).toEqual({ ok: false, message: 'secret "nope" not found' });
    expect(environment(secret('keys', 'k'))).toEqual({ ok: false, message: "couldn't find key k in Secret ns/keys" });
  });
});

test('mount paths become folders where they begin a path, the longest first', () => {
  const paths = [
    { containerPath: '/data', folder: '/state/v1' },
    { containerPath: '/data/keys', folder: '/state/v2' },
  ];
  const rewritten = ['/data', '--dir=/data/x', 'a:/data/keys/tls.crt', '/database', 'http://h/data', '/other'].map(
    (text) => rewritePaths(text, paths),
  );
  expect(rewritten).toEqual([
    '/state/v1',
    '--dir=/state/v1/x',
    'a:/state/v2/tls.crt',
    '/database',
    'http://h/data',
    '/other',
  ]);
});

describe('images', () => {
  const images = annulusImages({ 'node-agent': ['node', 'main.ts'], operator: ['node', 'op.ts'] });
  test('every version of annulus is the node-agent', () => {
    for (const image of ['annulus', 'annulus:latest', 'annulus:v2', 'ghcr.io/x/annulus:1.4.0-rc1', 'annulus:0.1.0']) {
      expect(images(image)?.(['node-agent', '--x'])).toEqual(['node', 'main.ts', '--x']);
    }
  });
  test('the first argument names the program', () => {
    expect(images('annulus')?.(['operator'])).toEqual(['node', 'op.ts']);
    expect(images('annulus')?.([])).toEqual(['node', 'main.ts']);
  });
  test('anything else is missing', () => {
    for (const image of ['nginx:1', 'annulus:does-not-exist', 'annulus:missing', 'x/postgres']) {
      expect(images(image)).toBeUndefined();
    }
    expect(missingImageMessage('nginx:1')).toContain('"docker.io/library/nginx:1": not found');
    expect(parseImage('localhost:5000/annulus')).toEqual({ repository: 'localhost:5000/annulus', tag: 'latest' });
  });
});

test('what the kubelet cannot do is listed, not ignored', () => {
  const spec = parsePodSpec({
    initContainers: [{ name: 'i', image: 'annulus' }],
    containers: [{ name: 'node', image: 'annulus', livenessProbe: { exec: { command: ['true'] } } }],
    volumes: [{ name: 'h', hostPath: { path: '/' } }],
  });
  expect(spec.unsupported).toHaveLength(3);
});
