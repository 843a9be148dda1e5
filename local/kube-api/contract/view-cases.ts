import { expect } from '@jest/globals';
import { asArray, asObject, asString } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { contractCases, configMap, metaOf, until } from './case.ts';
import type { ContractCase } from './case.ts';
import type { Answer } from './client.ts';
import { widget, WIDGET_GROUP } from './widget.ts';

/** The real server gathers OpenAPI documents in the background. */
const OPENAPI_SECONDS = 60;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const names = (answer: Answer): string[] =>
  asArray(answer.body['items']).map((item) => asString(asObject(asObject(item)['metadata'])['name']));
const columns = (answer: Answer): string[] =>
  asArray(answer.body['columnDefinitions']).map((column) => asString(asObject(column)['name']));
const rows = (answer: Answer): JsonObject[] => asArray(answer.body['rows']).map(asObject);

export const VIEW_CASES: readonly ContractCase[] = contractCases([
  {
    name: 'lists in pages',
    run: async ({ client, core }) => {
      for (const name of ['p1', 'p2', 'p3'])
        await client.post(core('configmaps'), configMap(name, {}, { labels: { page: 'yes' } }));
      const url = `${core('configmaps')}?labelSelector=page%3Dyes&limit=2`;
      const first = await client.get(url);
      expect(names(first)).toEqual(['p1', 'p2']);
      const token = asString(metaOf(first)['continue']);
      expect(token).not.toBe('');
      const second = await client.get(`${url}&continue=${encodeURIComponent(token)}`);
      expect(names(second)).toEqual(['p3']);
      expect(metaOf(second)['continue']).toBeUndefined();
      expect(metaOf(second)['resourceVersion']).toBe(metaOf(first)['resourceVersion']);
    },
  },
  {
    name: 'selects by labels and fields',
    run: async ({ client, core, widgets }) => {
      for (const [name, tier] of [
        ['s1', 'gold'],
        ['s2', 'iron'],
        ['s3', 'gold'],
      ] as const) {
        await client.post(core('configmaps'), configMap(name, {}, { labels: { select: 'yes', tier } }));
      }
      const list = async (selector: string): Promise<string[]> =>
        names(await client.get(`${core('configmaps')}?labelSelector=${encodeURIComponent(`select,${selector}`)}`));
      expect(await list('tier=gold')).toEqual(['s1', 's3']);
      expect(await list('tier!=gold')).toEqual(['s2']);
      expect(await list('tier in (iron, gold)')).toEqual(['s1', 's2', 's3']);
      expect(await list('tier notin (iron)')).toEqual(['s1', 's3']);
      expect(await list('!tier')).toEqual([]);
      const byName = await client.get(`${core('configmaps')}?fieldSelector=metadata.name%3Ds2`);
      expect(names(byName)).toEqual(['s2']);
      const unknown = await client.get(`${core('configmaps')}?fieldSelector=foo%3Dbar`);
      expect(unknown.body).toMatchObject({
        code: 400,
        message: '"foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
      });
      const custom = await client.get(`${widgets()}?fieldSelector=spec.size%3D3`);
      expect(custom.body['message']).toBe('field label not supported: spec.size');
    },
  },
  {
    name: 'events are selected by what they are about',
    run: async ({ client, core, namespace }) => {
      const about = { apiVersion: 'v1', kind: 'ConfigMap', name: 'subject', namespace };
      const event = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'e.1' },
        type: 'Normal',
        reason: 'Tested',
        message: 'hello',
        involvedObject: about,
      };
      expect((await client.post(core('events'), event)).code).toBe(201);
      const found = await client.get(
        `${core('events')}?fieldSelector=involvedObject.name%3Dsubject%2CinvolvedObject.kind%3DConfigMap`,
      );
      expect(names(found)).toEqual(['e.1']);
      const newer = await client.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events/e.1`);
      expect(newer.body).toMatchObject({ apiVersion: 'events.k8s.io/v1', note: 'hello', regarding: about });
    },
  },
  {
    name: 'custom resources print the columns of their definition',
    run: async ({ client, widgets }) => {
      await client.post(widgets(), widget('table', { size: 5, tags: ['a', 'b'] }));
      await client.patch(
        `${widgets('table')}/status`,
        {
          status: {
            phase: 'Up',
            conditions: [
              { type: 'Other', status: 'False' },
              { type: 'Ready', status: 'True' },
            ],
          },
        },
        'merge',
      );
      const table = await client.get(widgets('table'), TABLE);
      expect(table.body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
      expect(columns(table)).toEqual(['Name', 'Size', 'Phase', 'Ready', 'Since', 'Tags', 'Age']);
      expect(asObject(asArray(table.body['columnDefinitions'])[5])).toMatchObject({ type: 'string', priority: 1 });
      const [row] = rows(table);
      expect(row?.['cells']).toEqual(['table', 5, 'Up', 'True', null, '["a","b"]', expect.stringMatching(/^\d+s$/)]);
      expect(row?.['object']).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'table' } });
    },
  },
  {
    name: 'built-in kinds print their usual columns',
    run: async ({ client, core, namespace }) => {
      const expected: Readonly<Record<string, string[]>> = {
        [core('pods')]: [
          'Name',
          'Ready',
          'Status',
          'Restarts',
          'Age',
          'IP',
          'Node',
          'Nominated Node',
          'Readiness Gates',
        ],
        [core('services')]: ['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Selector'],
        [core('secrets')]: ['Name', 'Type', 'Data', 'Age'],
        [core('configmaps')]: ['Name', 'Data', 'Age'],
        [core('persistentvolumeclaims')]: [
          'Name',
          'Status',
          'Volume',
          'Capacity',
          'Access Modes',
          'StorageClass',
          'VolumeAttributesClass',
          'Age',
          'VolumeMode',
        ],
        [core('events')]: [
          'Last Seen',
          'Type',
          'Reason',
          'Object',
          'Subobject',
          'Source',
          'Message',
          'First Seen',
          'Count',
          'Name',
        ],
        '/api/v1/nodes': [
          'Name',
          'Status',
          'Roles',
          'Age',
          'Version',
          'Internal-IP',
          'External-IP',
          'OS-Image',
          'Kernel-Version',
          'Container-Runtime',
        ],
        '/api/v1/namespaces': ['Name', 'Status', 'Age'],
        [`/apis/apps/v1/namespaces/${namespace}/statefulsets`]: ['Name', 'Ready', 'Age', 'Containers', 'Images'],
        [`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`]: ['Name', 'Holder', 'Age'],
        [`/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`]: [
          'Name',
          'Min Available',
          'Max Unavailable',
          'Allowed Disruptions',
          'Age',
        ],
        [`/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`]: ['Name', 'Pod-Selector', 'Age'],
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions': ['Name', 'Created At'],
      };
      for (const [url, wanted] of Object.entries(expected))
        expect([url, columns(await client.get(`${url}?limit=1`, TABLE))]).toEqual([url, wanted]);
    },
  },
  {
    name: 'discovery tells a custom kind and its subresources',
    run: async ({ client }) => {
      const group = await client.get(`/apis/${WIDGET_GROUP}`);
      expect(group.body).toMatchObject({
        kind: 'APIGroup',
        name: WIDGET_GROUP,
        preferredVersion: { version: 'v1', groupVersion: `${WIDGET_GROUP}/v1` },
      });
      const list = await client.get(`/apis/${WIDGET_GROUP}/v1`);
      expect(list.body['resources']).toMatchObject([
        { name: 'widgets', singularName: 'widget', namespaced: true, kind: 'Widget', shortNames: ['wd'] },
        { name: 'widgets/status', kind: 'Widget' },
        { name: 'widgets/scale', group: 'autoscaling', version: 'v1', kind: 'Scale' },
      ]);
    },
  },
  {
    name: 'OpenAPI v3 has the type with its list keys',
    run: async ({ client }) => {
      const place = `apis/${WIDGET_GROUP}/v1`;
      const index = await until(
        () => client.get('/openapi/v3'),
        (answer) => asObject(answer.body['paths'])[place] !== undefined,
        OPENAPI_SECONDS,
      );
      const url = asString(asObject(asObject(index.body['paths'])[place])['serverRelativeURL']);
      expect(url).toMatch(/^\/openapi\/v3\/apis\/contract\.annulus\.dev\/v1\?hash=/);
      const document = await client.get(url);
      const type = asObject(
        asObject(asObject(document.body['components'])['schemas'])['dev.annulus.contract.v1.Widget'],
      );
      expect(type['x-kubernetes-group-version-kind']).toEqual([{ group: WIDGET_GROUP, version: 'v1', kind: 'Widget' }]);
      const spec = asObject(asObject(type['properties'])['spec']);
      expect(asObject(asObject(spec['properties'])['items'])).toMatchObject({
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      });
    },
  },
]);
