import { expect } from '@jest/globals';
import { asObject } from '../json.ts';
import { contractCases, at, configMap, metaOf } from './case.ts';
import type { ContractCase } from './case.ts';

const STALE = 'the object has been modified; please apply your changes to the latest version and try again';

export const WRITE_CASES: readonly ContractCase[] = contractCases([
  {
    name: 'create fills metadata and says who wrote what',
    run: async ({ client, core, namespace }) => {
      const made = await client.post(core('configmaps'), configMap('made'));
      expect(made.code).toBe(201);
      expect(metaOf(made)).toMatchObject({ name: 'made', namespace });
      expect(metaOf(made)['uid']).toMatch(/^[0-9a-f-]{36}$/);
      expect(metaOf(made)['creationTimestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(metaOf(made)['managedFields']).toEqual([
        {
          manager: 'annulus-contract',
          operation: 'Update',
          apiVersion: 'v1',
          time: expect.stringMatching(/Z$/),
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } },
        },
      ]);
    },
  },
  {
    name: 'update with a stale resourceVersion conflicts',
    run: async ({ client, core }) => {
      const made = await client.post(core('configmaps'), configMap('stale'));
      const url = core('configmaps', 'stale');
      expect((await client.put(url, { ...made.body, data: { a: '2' } })).code).toBe(200);
      const late = await client.put(url, { ...made.body, data: { a: '3' } });
      expect(late.code).toBe(409);
      expect(late.body).toMatchObject({
        reason: 'Conflict',
        message: `Operation cannot be fulfilled on configmaps "stale": ${STALE}`,
        details: { name: 'stale', kind: 'configmaps' },
      });
    },
  },
  {
    name: 'a write that changes nothing keeps the resourceVersion',
    run: async ({ client, core }) => {
      const made = await client.post(core('configmaps'), configMap('same'));
      const again = await client.put(core('configmaps', 'same'), made.body);
      expect(metaOf(again)['resourceVersion']).toBe(metaOf(made)['resourceVersion']);
    },
  },
  {
    name: 'metadata that the server keeps cannot be changed',
    run: async ({ client, core }) => {
      await client.post(core('configmaps'), configMap('kept'));
      const uid = await client.patch(core('configmaps', 'kept'), { metadata: { uid: 'other' } }, 'merge');
      expect(uid.code).toBe(422);
      expect(uid.body['message']).toBe(
        'ConfigMap "kept" is invalid: metadata.uid: Invalid value: "other": field is immutable',
      );
      const name = await client.patch(core('configmaps', 'kept'), { metadata: { name: 'new' } }, 'merge');
      expect(name.code).toBe(400);
      expect(name.body['message']).toBe('the name of the object (new) does not match the name on the URL (kept)');
    },
  },
  {
    name: 'generateName makes a name',
    run: async ({ client, core }) => {
      const made = await client.post(core('configmaps'), {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { generateName: 'gen-' },
      });
      expect(made.code).toBe(201);
      expect(metaOf(made)['name']).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    },
  },
  {
    name: 'dry run answers as if, and keeps nothing',
    run: async ({ client, core }) => {
      const tried = await client.post(`${core('configmaps')}?dryRun=All`, configMap('dry'));
      expect(tried.code).toBe(201);
      expect(metaOf(tried)['uid']).toBeDefined();
      expect((await client.get(core('configmaps', 'dry'))).code).toBe(404);
      await client.post(core('configmaps'), configMap('dry'));
      const patched = await client.patch(`${core('configmaps', 'dry')}?dryRun=All`, { data: { a: '9' } }, 'merge');
      expect(at(patched, 'data', 'a')).toBe('9');
      expect((await client.delete(`${core('configmaps', 'dry')}?dryRun=All`)).code).toBe(200);
      expect(at(await client.get(core('configmaps', 'dry')), 'data', 'a')).toBe('1');
    },
  },
  {
    name: 'merge patch sets and removes',
    run: async ({ client, core }) => {
      await client.post(core('configmaps'), configMap('merge', { a: '1', b: '2' }));
      const patched = await client.patch(core('configmaps', 'merge'), { data: { a: null, c: '3' } }, 'merge');
      expect(patched.body['data']).toEqual({ b: '2', c: '3' });
      const stale = await client.patch(core('configmaps', 'merge'), { metadata: { resourceVersion: '1' } }, 'merge');
      expect(stale.code).toBe(409);
    },
  },
  {
    name: 'JSON patch applies all or nothing',
    run: async ({ client, core }) => {
      await client.post(core('configmaps'), configMap('jp'));
      const url = core('configmaps', 'jp');
      const failed = await client.patch(
        url,
        [
          { op: 'add', path: '/data/b', value: '2' },
          { op: 'test', path: '/data/a', value: 'x' },
        ],
        'json',
      );
      expect(failed.code).toBe(422);
      expect(failed.body).toMatchObject({
        reason: 'Invalid',
        message: 'the server rejected our request due to an error in our request',
        details: {},
      });
      const removed = await client.patch(url, [{ op: 'remove', path: '/data/none' }], 'json');
      expect(removed.code).toBe(422);
      const done = await client.patch(
        url,
        [
          { op: 'replace', path: '/data/a', value: '2' },
          { op: 'copy', from: '/data/a', path: '/data/b' },
        ],
        'json',
      );
      expect(done.body['data']).toEqual({ a: '2', b: '2' });
      expect((await client.patch(url, { op: 'add' }, 'json')).code).toBe(400);
    },
  },
  {
    name: 'strategic merge patch merges lists by key',
    run: async ({ client, core }) => {
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'smp' },
        spec: { selector: { app: 'x' }, ports: [{ name: 'one', port: 1 }] },
      };
      const made = await client.post(core('services'), service);
      expect(made.code).toBe(201);
      expect(at(made, 'spec', 'ports')).toEqual([{ name: 'one', port: 1, protocol: 'TCP', targetPort: 1 }]);
      const two = await client.patch(
        core('services', 'smp'),
        { spec: { ports: [{ name: 'two', port: 2 }] } },
        'strategic-merge',
      );
      expect(two.code).toBe(200);
      expect(at(two, 'spec', 'ports')).toMatchObject([{ name: 'two' }, { name: 'one' }]);
      const gone = await client.patch(
        core('services', 'smp'),
        { spec: { ports: [{ port: 1, $patch: 'delete' }] } },
        'strategic-merge',
      );
      expect(at(gone, 'spec', 'ports')).toMatchObject([{ name: 'two' }]);
    },
  },
  {
    name: 'services get a cluster IP that then stays',
    run: async ({ client, core }) => {
      const made = await client.post(core('services'), {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'ip' },
        spec: { ports: [{ port: 1 }] },
      });
      const spec = asObject(made.body['spec']);
      expect(spec).toMatchObject({
        type: 'ClusterIP',
        sessionAffinity: 'None',
        ipFamilies: ['IPv4'],
        internalTrafficPolicy: 'Cluster',
      });
      expect(spec['clusterIP']).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      const moved = await client.patch(
        core('services', 'ip'),
        { spec: { clusterIP: '10.96.250.250', clusterIPs: ['10.96.250.250'] } },
        'merge',
      );
      expect(moved.code).toBe(422);
      expect(moved.body['message']).toContain(
        'spec.clusterIPs[0]: Invalid value: ["10.96.250.250"]: may not change once set',
      );
      const head = await client.post(core('services'), {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'head' },
        spec: { clusterIP: 'None', ports: [{ port: 1 }] },
      });
      expect(at(head, 'spec', 'clusterIPs')).toEqual(['None']);
    },
  },
  {
    name: 'secrets take plain text and give base64',
    run: async ({ client, core }) => {
      const made = await client.post(core('secrets'), {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's' },
        stringData: { a: 'b' },
      });
      expect(made.body).toMatchObject({ type: 'Opaque', data: { a: 'Yg==' } });
      expect(made.body['stringData']).toBeUndefined();
    },
  },
]);
