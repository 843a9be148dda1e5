import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { Embedded, eventually } from './embedded.ts';
import { findKubectl, Kubectl, table, type RunOptions } from './kubectl.ts';
import { ask, waitUntilGreen } from './rest.ts';

const PROGRAM = findKubectl();
if (PROGRAM === undefined)
  console.warn('no kubectl found: its tests are SKIPPED (give one on PATH, or its path in KUBECTL)');

const CLUSTER = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: kc, namespace: default }
spec: { displayName: before, nodes: 1, replicationFactor: 1, storage: { size: 1Gi } }
`;
const COLLECTION = `
apiVersion: annulus.dev/v1alpha1
kind: Collection
metadata: { name: docs, namespace: default }
spec: { cluster: kc, dimension: 3, sharding: { shards: 2 } }
`;
const POINTS = 40;

const embedded = new Embedded();
let kubectl: Kubectl;
const ok = (args: string, options?: RunOptions): Promise<string> => kubectl.ok(args.split(' '), options);
const refused = async (args: readonly string[], input = ''): Promise<string> => {
  const { code, stderr } = await kubectl.run(args, { input });
  expect(code).toBe(1);
  return stderr;
};
const field = (what: string, path: string): Promise<string> =>
  kubectl.ok(['get', ...what.split(' '), '-o', `jsonpath={${path}}`]);

beforeAll(async () => {
  if (PROGRAM === undefined) return;
  await embedded.start();
  kubectl = new Kubectl(PROGRAM, embedded.kubeconfig, embedded.home);
}, 90_000);
afterAll(() => embedded.close(), 60_000);

// One story: each test goes on from the one before.
(PROGRAM === undefined ? describe.skip : describe)('an unmodified kubectl', () => {
  test('apply, client-side', async () => {
    expect(await ok('apply -f -', { input: CLUSTER })).toBe('vectorcluster.annulus.dev/kc created\n');
    expect(await ok('apply -f -', { input: CLUSTER })).toBe('vectorcluster.annulus.dev/kc unchanged\n');
  });

  test('apply, server-side', async () => {
    const apply = 'apply --server-side -f -';
    expect(await ok(apply, { input: COLLECTION })).toBe('collection.annulus.dev/docs serverside-applied\n');
    expect(await field('vcol docs', '.spec.metric')).toBe('Cosine');
    expect(await field('vcol docs --show-managed-fields', '.metadata.managedFields[*].manager')).toContain('kubectl');
  });

  test('wait sees the cluster come up, and what it holds is searched', async () => {
    await ok('wait vc/kc vcol/docs --for=condition=Available --timeout=60s');
    await waitUntilGreen(embedded.url, 'docs');
    const points = Array.from({ length: POINTS }, (_, id) => ({ id, vector: [1, id, 2] }));
    await ask(embedded.url, 'PUT', '/collections/docs/points?wait=true', { points });
    await ok(`wait vcol/docs --for=jsonpath={.status.points}=${POINTS} --timeout=60s`);
  }, 150_000);

  test('get -o wide reads like a table', async () => {
    await ok('wait vsh --all --for=jsonpath={.status.phase}=Active --timeout=30s');
    const shards = table(await ok('get vsh -o wide'));
    const columns = ['NAME', 'COLLECTION', 'SLOTS', 'PRIMARY', 'INSYNC', 'POINTS', 'LAG', 'PHASE', 'PROGRESS', 'ETA'];
    const wide = ['AGE', 'REPLICAS', 'TERM', 'CONFIG', 'SIZE', 'MESSAGE'];
    expect(Object.keys(shards[0]!)).toEqual([...columns, ...wide]);
    expect(shards).toMatchObject([
      { NAME: 'docs-0', COLLECTION: 'docs', SLOTS: '0-8191', PRIMARY: 'kc-0', INSYNC: '1/1', LAG: '0' },
      { NAME: 'docs-1', COLLECTION: 'docs', SLOTS: '8192-16383', PRIMARY: 'kc-0', INSYNC: '1/1', PHASE: 'Active' },
    ]);
    expect(shards.reduce((sum, shard) => sum + Number(shard['POINTS']), 0)).toBe(POINTS);
    for (const { TERM, SIZE, AGE } of shards)
      expect(`${TERM} ${SIZE} ${AGE}`).toMatch(/^[1-9]\d* \d+(\.\d+)? [KMG]iB \d+[ms]\w*$/);
  }, 60_000);

  test('get -o yaml shows the object, defaults and status included', async () => {
    const text = await ok('get vc kc -o yaml');
    expect(parse(text)).toMatchObject({
      apiVersion: 'annulus.dev/v1alpha1',
      kind: 'VectorCluster',
      metadata: { name: 'kc', namespace: 'default' },
      spec: { nodes: 1, ring: { virtualNodes: 150, maxLoad: '1.2' } },
      status: { phase: 'Available', nodes: { desired: 1, ready: 1 } },
    });
  });

  test('get -w sees a change', async () => {
    const watching = kubectl.spawn(['get', 'vcol', 'docs', '-w', '-L', 'seen']);
    try {
      const lines = createInterface({ input: watching.stdout! })[Symbol.asyncIterator]();
      const next = async (): Promise<string> => String((await lines.next()).value);
      expect(await next()).toMatch(/^NAME .* AGE +SEEN$/);
      expect(await next()).toMatch(/^docs +kc .* 40 /);
      await ok('label vcol docs seen=yes');
      expect(await next()).toMatch(/^docs +kc .* 40 .* yes$/);
    } finally {
      watching.kill();
    }
  });

  test('describe shows conditions and events', async () => {
    const [status = '', events = ''] = (await ok('describe vc kc')).split('\nEvents:');
    for (const type of ['Accepted', 'Available', 'Progressing', 'Degraded'])
      expect(status).toMatch(new RegExp(`Reason: +\\w+\\n +Status: +(True|False)\\n +Type: +${type}\\n`));
    expect(events).toMatch(/Normal +Converged .* annulus-operator /);
    expect(await ok('describe vcol docs')).toMatch(/Type: +FullyReplicated\n[^]*Events:[^]* annulus-operator /);
  });

  test('edit saves what the editor changed', async () => {
    const editor = join(embedded.home, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nsed -i.bak "s/displayName: before/displayName: after/" "$1"\n');
    chmodSync(editor, 0o755);
    expect(await ok('edit vc kc', { env: { KUBE_EDITOR: editor } })).toBe('vectorcluster.annulus.dev/kc edited\n');
    expect(await field('vc kc', '.spec.displayName')).toBe('after');
  });

  test('edit of an immutable field says so and changes nothing', async () => {
    const editor = join(embedded.home, 'wrong-editor.sh');
    // Once only: kubectl opens the file again after a refusal, and gives up when it comes back unchanged.
    writeFileSync(editor, '#!/bin/sh\nsed -i.bak "s/  dimension: 3/  dimension: 4/" "$1"\n');
    chmodSync(editor, 0o755);
    const env = { KUBE_EDITOR: editor, TMPDIR: embedded.home };
    const { code, stderr } = await kubectl.run(['edit', 'vcol', 'docs'], { env });
    expect([code, stderr]).toEqual([1, expect.stringContaining('collections.annulus.dev "docs" is invalid')]);
    // The reason is in the file that the editor gets again.
    const [, copy = ''] = /stored to "([^"]+)"/.exec(stderr) ?? [];
    expect(readFileSync(copy, 'utf8')).toMatch(/^# \* spec: Invalid value: .*dimension is immutable/m);
    expect(await field('vcol docs', '.spec.dimension')).toBe('3');
  });

  test('patch: merge and json', async () => {
    await kubectl.ok(['patch', 'vc', 'kc', '--type=merge', '-p', '{"spec":{"settings":{"a":"1","b":"2"}}}']);
    const steps = '[{"op":"test","path":"/spec/settings/a","value":"1"},{"op":"remove","path":"/spec/settings/a"}]';
    await kubectl.ok(['patch', 'vc', 'kc', '--type=json', '-p', steps]);
    expect(await field('vc kc', '.spec.settings')).toBe('{"b":"2"}');
    // The test of the same steps fails now.
    await refused(['patch', 'vc', 'kc', '--type=json', '-p', steps]);
  });

  test('scale adds a node', async () => {
    expect(await ok('scale vc kc --replicas=2')).toBe('vectorcluster.annulus.dev/kc scaled\n');
    await ok('wait vc/kc --for=jsonpath={.status.nodes.ready}=2 --timeout=60s');
    expect(table(await ok('get pods'))).toMatchObject([
      { NAME: 'kc-0', READY: '1/1', STATUS: 'Running' },
      { NAME: 'kc-1', READY: '1/1', STATUS: 'Running' },
    ]);
    expect(table(await ok('get vc'))).toMatchObject([{ NAME: 'kc', READY: '2', NODES: '2', POINTS: '40' }]);
    const { count } = await ask<{ count: number }>(embedded.url, 'POST', '/collections/docs/points/count', {});
    expect(count).toBe(POINTS);
  }, 90_000);

  test('logs of a node are JSON lines with its name', async () => {
    const lines = (await ok('logs kc-1 --tail=3')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ cluster: 'kc', node: 'kc-1' });
    expect(await refused(['logs', 'kc-9'])).toContain('pods "kc-9" not found');
  });

  test('explain knows the fields, their types and what they mean', async () => {
    const text = await ok('explain vectorcluster.spec.ring');
    expect(text).toMatch(/FIELD: ring <Object>/);
    expect(text).toMatch(/ maxLoad\t<string>\n +A node takes at most/);
    expect(text).toMatch(/ virtualNodes\t<integer>\n +Points that each node has/);
    expect(await ok('explain vsh.status.copies.role')).toMatch(/ENUM:\s+Primary\s+Replica\s+Joining/);
    expect(await refused(['explain', 'vectorcluster.spec.wing'])).toContain('field "wing" does not exist');
  });

  describe('refuses, with the path of the field', () => {
    const object = (kind: string, spec: string): string =>
      `apiVersion: annulus.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: bad }\nspec: ${spec}\n`;
    const cluster = (spec: string): string => object('VectorCluster', spec);
    const LOGICAL = 'spec: Invalid value: "object": a Logical cluster needs host';
    /** What client-side apply says, and server-side apply where a real server says it in other words too. */
    const CASES: readonly [title: string, object: string, message: string, serverSide?: string][] = [
      [
        'a wrong type',
        cluster('{ nodes: three }'),
        'spec.nodes in body must be of type integer: "string"',
        '.spec.nodes: expected numeric (int or float), got string',
      ],
      ['out of range', cluster('{ nodes: 0 }'), 'spec.nodes in body should be greater than or equal to 1'],
      ['no value of the list', cluster('{ type: Cubic }'), 'spec.type: Unsupported value: "Cubic": supported values: '],
      ['a pattern', cluster('{ ring: { maxLoad: "0.5" } }'), 'spec.ring.maxLoad in body should match'],
      [
        'an unknown field',
        cluster('{ nodez: 1 }'),
        'unknown field "spec.nodez"',
        '.spec.nodez: field not declared in schema',
      ],
      ['missing required', object('Collection', '{ cluster: kc }'), 'spec.dimension: Required value'],
      ['a rule', cluster('{ type: Logical }'), LOGICAL],
    ];

    test.each(CASES)('%s', async (_title, text, message, serverSide = message) => {
      expect(await refused(['apply', '-f', '-'], text)).toContain(message);
      expect(await refused(['apply', '--dry-run=server', '-f', '-'], text)).toContain(message);
      expect(await refused(['apply', '--server-side', '-f', '-'], text)).toContain(serverSide);
    });

    test('an immutable field', async () => {
      const patch = ['patch', 'vcol', 'docs', '--type=merge', '-p', '{"spec":{"dimension":4}}'];
      expect(await refused(patch)).toContain('spec: Invalid value: "object": dimension is immutable');
      expect(await refused(['apply', '-f', '-'], COLLECTION.replace('3', '4'))).toContain('dimension is immutable');
    });

    test('scaling to none', async () => {
      expect(await refused(['scale', 'vc', 'kc', '--replicas=0'])).toContain('spec.nodes');
    });

    test('and nothing of it is there', async () => {
      expect(table(await ok('get vc'))).toHaveLength(1);
      expect(await field('vcol docs', '.spec.dimension')).toBe('3');
    });
  });

  test('delete takes everything along', async () => {
    expect(await ok('delete vcol docs --timeout=60s')).toContain('collection.annulus.dev "docs" deleted');
    await ok('wait vsh --all --for=delete --timeout=30s');
    await eventually('no node knows it any more', 10_000, async () => {
      const { collections } = await ask<{ collections: unknown[] }>(embedded.url, 'GET', '/collections');
      return collections.length === 0 ? true : null;
    });
    await ok('delete vc kc --timeout=60s');
    await ok('wait pods --all --for=delete --timeout=60s');
    expect((await ok('get vc,vcol,vsh,statefulset,pods -o name')).trim()).toBe('');
  }, 120_000);
});
