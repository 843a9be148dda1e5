import { expect } from '@jest/globals';
import { asArray, asObject } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { contractCases, at, configMap, metaOf } from './case.ts';
import type { ContractCase } from './case.ts';
import type { Answer } from './client.ts';
import { widget } from './widget.ts';

/** Who owns what, without times: `manager -> fields`. */
const owners = (answer: Answer): Record<string, Json | undefined> =>
  Object.fromEntries(
    asArray(metaOf(answer)['managedFields'])
      .map(asObject)
      .map((entry) => [
        `${String(entry['manager'])}/${String(entry['operation'])}${entry['subresource'] === undefined ? '' : `/${String(entry['subresource'])}`}`,
        entry['fieldsV1'],
      ]),
  );

const service = (name: string, ports: Json): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: 'x' }, ports },
});

export const APPLY_CASES: readonly ContractCase[] = contractCases([
  {
    name: 'creates, and does nothing the second time',
    run: async ({ client, core }) => {
      const made = await client.apply(core('configmaps', 'ssa'), 'one', configMap('ssa'));
      expect(made.code).toBe(201);
      expect(owners(made)).toEqual({ 'one/Apply': { 'f:data': { 'f:a': {} } } });
      const again = await client.apply(core('configmaps', 'ssa'), 'one', configMap('ssa'));
      expect(again.code).toBe(200);
      expect(metaOf(again)['resourceVersion']).toBe(metaOf(made)['resourceVersion']);
    },
  },
  {
    name: 'needs a field manager',
    run: async ({ client, core }) => {
      const answer = await client.call('PATCH', core('configmaps', 'ssa-none'), {
        body: configMap('ssa-none'),
        contentType: 'application/apply-patch+yaml',
      });
      expect(answer.body).toMatchObject({
        code: 422,
        message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      });
    },
  },
  {
    name: 'shares a field of equal value, and conflicts over another',
    run: async ({ client, core }) => {
      const url = core('configmaps', 'conflict');
      await client.apply(url, 'one', configMap('conflict', { a: '1', b: '1' }));
      const shared = await client.apply(url, 'two', configMap('conflict', { a: '1' }));
      expect(owners(shared)).toEqual({
        'one/Apply': { 'f:data': { 'f:a': {}, 'f:b': {} } },
        'two/Apply': { 'f:data': { 'f:a': {} } },
      });
      const refused = await client.apply(url, 'two', configMap('conflict', { a: '2' }));
      expect(refused.code).toBe(409);
      expect(refused.body).toMatchObject({
        reason: 'Conflict',
        message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
        details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }] },
      });
      const both = await client.apply(url, 'three', configMap('conflict', { a: '2', b: '2' }));
      expect(both.body['message']).toBe(
        'Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\nconflicts with "two":\n- .data.a',
      );
    },
  },
  {
    name: 'force takes fields over',
    run: async ({ client, core }) => {
      const url = core('configmaps', 'force');
      await client.apply(url, 'one', configMap('force', { a: '1', b: '1' }));
      const taken = await client.apply(url, 'two', configMap('force', { a: '2' }), 'force=true');
      expect(taken.body['data']).toEqual({ a: '2', b: '1' });
      expect(owners(taken)).toEqual({
        'one/Apply': { 'f:data': { 'f:b': {} } },
        'two/Apply': { 'f:data': { 'f:a': {} } },
      });
    },
  },
  {
    name: 'removes what its manager no longer applies and nobody else owns',
    run: async ({ client, core }) => {
      const url = core('configmaps', 'remove');
      await client.apply(url, 'one', configMap('remove', { a: '1', b: '1', c: '1' }));
      await client.apply(url, 'two', configMap('remove', { b: '1' }));
      const left = await client.apply(url, 'one', configMap('remove', { a: '1' }));
      expect(left.body['data']).toEqual({ a: '1', b: '1' });
    },
  },
  {
    name: 'takes part with updates: they own, and are named with their version',
    run: async ({ client, core }) => {
      const url = core('configmaps', 'mixed');
      await client.apply(url, 'one', configMap('mixed', { a: '1' }));
      const patched = await client.patch(`${url}?fieldManager=hand`, { data: { a: '2' } }, 'merge');
      expect(owners(patched)).toEqual({ 'hand/Update': { 'f:data': { 'f:a': {} } } });
      const refused = await client.apply(url, 'one', configMap('mixed', { a: '1' }));
      expect(refused.body['message']).toBe('Apply failed with 1 conflict: conflict with "hand" using v1: .data.a');
    },
  },
  {
    name: 'merges lists by their keys, with the defaults of the keys',
    run: async ({ client, core }) => {
      const url = core('services', 'ports');
      await client.apply(
        url,
        'one',
        service('ports', [
          { name: 'a', port: 80 },
          { name: 'b', port: 81 },
        ]),
      );
      const refused = await client.apply(url, 'two', service('ports', [{ name: 'a', port: 80, targetPort: 8080 }]));
      expect(refused.code).toBe(200);
      const conflict = await client.apply(url, 'three', service('ports', [{ name: 'z', port: 80 }]));
      expect(conflict.body['message']).toContain('.spec.ports[port=80,protocol="TCP"].name');
      const more = await client.apply(url, 'three', service('ports', [{ name: 'c', port: 82 }]));
      expect(asArray(at(more, 'spec', 'ports')).map((port) => asObject(port)['name'])).toEqual(['a', 'b', 'c']);
      const fewer = await client.apply(url, 'one', service('ports', [{ name: 'a', port: 80 }]));
      expect(asArray(at(fewer, 'spec', 'ports')).map((port) => asObject(port)['name'])).toEqual(['a', 'c']);
    },
  },
  {
    name: 'refuses fields without a type and values of another',
    run: async ({ client, core, widgets }) => {
      const unknown = await client.apply(core('configmaps', 'untyped'), 'one', { ...configMap('untyped'), bogus: 1 });
      expect(unknown.code).toBe(500);
      expect(unknown.body['message']).toBe(
        'failed to create typed patch object (/untyped; /v1, Kind=ConfigMap): .bogus: field not declared in schema',
      );
      const wrong = await client.apply(widgets('untyped'), 'one', widget('untyped', { size: 'x' }));
      expect(wrong.body['message']).toBe(
        'failed to create typed patch object (/untyped; contract.annulus.dev/v1, Kind=Widget): .spec.size: expected numeric (int or float), got string',
      );
      const kind = await client.apply(core('configmaps', 'untyped'), 'one', { apiVersion: 'v1', kind: 'Secret' });
      expect(kind.body).toMatchObject({ code: 400, message: 'invalid object type: /v1, Kind=Secret' });
      const managed = await client.apply(
        core('configmaps', 'untyped'),
        'one',
        configMap('untyped', {}, { managedFields: [{}] }),
      );
      expect(managed.body).toMatchObject({ code: 400, message: 'metadata.managedFields must be nil' });
    },
  },
  {
    name: 'custom resources: keyed lists, sets, granular maps, atomic lists',
    run: async ({ client, widgets }) => {
      const url = widgets('lists');
      await client.apply(url, 'one', widget('lists', { items: [{ name: 'x' }], map: { q: 1 }, tags: ['a'] }));
      const both = await client.apply(
        url,
        'two',
        widget('lists', { items: [{ name: 'y', value: 'v' }], map: { r: 2 }, tags: ['b'] }),
      );
      expect(both.body['spec']).toEqual({
        size: 3,
        items: [
          { name: 'x', value: 'dv' },
          { name: 'y', value: 'v' },
        ],
        map: { q: 1, r: 2 },
        tags: ['a', 'b'],
        nest: { a: 'x' },
      });
      expect(owners(both)).toMatchObject({
        'one/Apply': {
          'f:spec': {
            'f:items': { 'k:{"name":"x"}': { '.': {}, 'f:name': {} } },
            'f:map': { 'f:q': {} },
            'f:tags': { 'v:"a"': {} },
          },
        },
      });
      const left = await client.apply(url, 'one', widget('lists', {}));
      expect(left.body['spec']).toEqual({
        size: 3,
        items: [{ name: 'y', value: 'v' }],
        map: { r: 2 },
        tags: ['b'],
        nest: { a: 'x' },
      });
    },
  },
  {
    name: 'status is applied apart from the rest',
    run: async ({ client, widgets }) => {
      const url = widgets('status-ssa');
      await client.apply(url, 'one', widget('status-ssa', { size: 4 }));
      const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
      const applied = await client.apply(`${url}/status`, 'op', {
        ...widget('status-ssa', {}),
        spec: { size: 9 },
        status: ready,
      });
      expect(applied.body).toMatchObject({ spec: { size: 4 }, status: ready, metadata: { generation: 1 } });
      expect(owners(applied)).toMatchObject({
        'op/Apply/status': {
          'f:status': { 'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {}, 'f:type': {} } } },
        },
      });
      const refused = await client.apply(`${url}/status`, 'op2', {
        ...widget('status-ssa', {}),
        status: { conditions: [{ type: 'Ready', status: 'False' }] },
      });
      expect(refused.body['message']).toBe(
        'Apply failed with 1 conflict: conflict with "op" with subresource "status": .status.conditions[type="Ready"].status',
      );
      const missing = await client.apply(widgets('nobody/status'), 'op', widget('nobody', {}));
      expect(missing.body).toMatchObject({ code: 404, message: 'widgets.contract.annulus.dev "nobody" not found' });
    },
  },
  {
    name: 'a StatefulSet as an operator applies it is stable',
    run: async ({ client, namespace }) => {
      const url = `/apis/apps/v1/namespaces/${namespace}/statefulsets/w`;
      const container = {
        name: 'c',
        image: 'annulus:latest',
        ports: [{ name: 'rest', containerPort: 6333 }],
        resources: { requests: { cpu: '1000m', memory: '1024Mi' } },
      };
      const set = {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 'w' },
        spec: {
          serviceName: 'w',
          replicas: 0,
          podManagementPolicy: 'Parallel',
          updateStrategy: { type: 'OnDelete' },
          selector: { matchLabels: { app: 'w' } },
          template: { metadata: { labels: { app: 'w' } }, spec: { containers: [container] } },
          volumeClaimTemplates: [
            {
              metadata: { name: 'data' },
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
            },
          ],
        },
      };
      const made = await client.apply(url, 'one', set);
      expect(made.code).toBe(201);
      expect(asObject(asArray(at(made, 'spec', 'template', 'spec', 'containers'))[0])).toMatchObject({
        imagePullPolicy: 'Always',
        resources: { requests: { cpu: '1', memory: '1Gi' } },
      });
      const again = await client.apply(url, 'one', set);
      expect(metaOf(again)['generation']).toBe(1);
      const immutable = await client.patch(url, { spec: { serviceName: 'z' } }, 'merge');
      expect(immutable.body['message']).toBe(
        "StatefulSet.apps \"w\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      );
    },
  },
]);
