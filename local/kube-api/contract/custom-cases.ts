import { expect } from '@jest/globals';
import { contractCases, at, metaOf } from './case.ts';
import type { ContractCase } from './case.ts';
import { widget } from './widget.ts';

export const CUSTOM_CASES: readonly ContractCase[] = contractCases([
  {
    name: 'unknown fields are pruned with a warning, defaults filled in, status dropped at creation',
    run: async ({ client, widgets }) => {
      const spec = { bogus: 1, nest: { c: 1 }, items: [{ name: 'a' }], nul: null, any: { x: { y: 1 } }, fixed: null };
      const made = await client.post(widgets(), widget('pruned', spec, { status: { phase: 'X' } }));
      expect(made.code).toBe(201);
      expect(made.body['spec']).toEqual({
        size: 3,
        nest: { a: 'x' },
        items: [{ name: 'a', value: 'dv' }],
        nul: null,
        any: { x: { y: 1 } },
      });
      expect(made.body['status']).toBeUndefined();
      expect(made.headers['warning']).toBe(
        '299 - "unknown field \\"spec.bogus\\"", 299 - "unknown field \\"spec.nest.c\\""',
      );
      expect(metaOf(made)['generation']).toBe(1);
    },
  },
  {
    name: 'strict field validation names all unknown fields',
    run: async ({ client, widgets }) => {
      const spec = { bogus: 1, items: [{ name: 'a', zz: 1 }], nest: { c: 1 } };
      const refused = await client.post(`${widgets()}?fieldValidation=Strict`, widget('strict', spec));
      expect(refused.body).toMatchObject({
        code: 400,
        message:
          'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.bogus", unknown field "spec.items[0].zz", unknown field "spec.nest.c"',
      });
    },
  },
  {
    name: 'generation counts changes of spec, not of status or metadata',
    run: async ({ client, widgets }) => {
      await client.post(widgets(), widget('generation', { size: 3 }));
      const url = widgets('generation');
      const labelled = await client.patch(url, { metadata: { labels: { a: 'b' } } }, 'merge');
      expect(metaOf(labelled)['generation']).toBe(1);
      const grown = await client.patch(url, { spec: { size: 4 } }, 'merge');
      expect(metaOf(grown)['generation']).toBe(2);
      const status = await client.patch(`${url}/status`, { status: { phase: 'Y' } }, 'merge');
      expect(metaOf(status)['generation']).toBe(2);
    },
  },
  {
    name: 'status and spec each have their own door',
    run: async ({ client, widgets }) => {
      await client.post(widgets(), widget('doors', { size: 3 }));
      const url = widgets('doors');
      const main = await client.patch(url, { status: { phase: 'Y' } }, 'merge');
      expect(main.body['status']).toBeUndefined();
      const side = await client.patch(
        `${url}/status`,
        { status: { phase: 'Y' }, spec: { size: 9 }, metadata: { labels: { a: 'b' } } },
        'merge',
      );
      expect(side.body).toMatchObject({ spec: { size: 3 }, status: { phase: 'Y' } });
      expect(metaOf(side)['labels']).toBeUndefined();
      const kept = await client.put(url, { ...side.body, status: { phase: 'Z' } });
      expect(at(kept, 'status', 'phase')).toBe('Y');
      const bad = await client.patch(`${url}/status`, { status: { replicas: -2 } }, 'merge');
      expect(bad.body['message']).toBe(
        'Widget.contract.annulus.dev "doors" is invalid: [status.replicas: Invalid value: -2: replicas in body should be greater than or equal to 0, .status.replicas: Invalid value: -2: should be a non-negative integer]',
      );
    },
  },
  {
    name: 'transition rules compare with the old value, also inside keyed lists',
    run: async ({ client, widgets }) => {
      await client.post(widgets(), widget('moves', { size: 3, fixed: 'one', items: [{ name: 'a', frozen: 1 }] }));
      const url = widgets('moves');
      const prefix = 'Widget.contract.annulus.dev "moves" is invalid: ';
      const refused = async (spec: Parameters<typeof widget>[1]): Promise<unknown> =>
        (await client.patch(url, { spec }, 'merge')).body['message'];
      expect(await refused({ size: 1 })).toBe(`${prefix}spec: Invalid value: "object": size may not shrink`);
      expect(await refused({ fixed: 'two' })).toBe(
        `${prefix}spec.fixed: Invalid value: "string": failed rule: self == oldSelf`,
      );
      expect(
        await refused({
          items: [
            { name: 'b', frozen: 9 },
            { name: 'a', frozen: 2 },
          ],
        }),
      ).toBe(`${prefix}spec.items[1].frozen: Invalid value: "integer": frozen is frozen`);
      expect((await client.patch(url, { spec: { fixed: null, size: 9 } }, 'merge')).code).toBe(200);
    },
  },
  {
    name: 'an update must name its resourceVersion',
    run: async ({ client, widgets }) => {
      await client.post(widgets(), widget('versioned', { size: 3 }));
      const blind = await client.put(widgets('versioned'), widget('versioned', { size: 4 }));
      expect(blind.body).toMatchObject({
        code: 422,
        message:
          'widgets.contract.annulus.dev "versioned" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
      });
    },
  },
  {
    name: 'strategic merge patch is not for custom resources',
    run: async ({ client, widgets }) => {
      await client.post(widgets(), widget('media', { size: 3 }));
      const refused = await client.patch(widgets('media'), {}, 'strategic-merge');
      expect(refused.body).toMatchObject({
        code: 415,
        reason: 'UnsupportedMediaType',
        message:
          'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
      });
    },
  },
  {
    name: 'the scale subresource reads and writes replicas',
    run: async ({ client, widgets }) => {
      await client.post(widgets(), widget('scaled', { size: 3 }));
      const url = widgets('scaled');
      const none = await client.get(`${url}/scale`);
      expect(none.body).toMatchObject({
        code: 500,
        message: 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist',
      });
      await client.patch(url, { spec: { replicas: 2 } }, 'merge');
      await client.patch(`${url}/status`, { status: { replicas: 1, selector: 'a=b' } }, 'merge');
      const scale = await client.get(`${url}/scale`);
      expect(scale.body).toMatchObject({
        kind: 'Scale',
        apiVersion: 'autoscaling/v1',
        spec: { replicas: 2 },
        status: { replicas: 1, selector: 'a=b' },
      });
      const put = await client.put(`${url}/scale`, { ...scale.body, spec: { replicas: 4 } });
      expect(at(put, 'spec', 'replicas')).toBe(4);
      expect((await client.put(`${url}/scale`, { ...scale.body, spec: { replicas: 5 } })).code).toBe(409);
      const patched = await client.patch(`${url}/scale`, { spec: { replicas: 7 } }, 'merge');
      expect(at(patched, 'spec', 'replicas')).toBe(7);
      const negative = await client.patch(`${url}/scale`, { spec: { replicas: -1 } }, 'merge');
      expect(negative.body['message']).toBe(
        'Widget.contract.annulus.dev "scaled" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer',
      );
      const object = await client.get(url);
      expect(object.body).toMatchObject({ spec: { replicas: 7, size: 3 }, metadata: { generation: 4 } });
    },
  },
  {
    name: 'a definition gets its conditions and refuses to be nonsense',
    run: async ({ client }) => {
      const url = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      const crd = await client.get(`${url}/widgets.contract.annulus.dev`);
      expect(crd.body['status']).toMatchObject({
        acceptedNames: {
          plural: 'widgets',
          singular: 'widget',
          kind: 'Widget',
          listKind: 'WidgetList',
          shortNames: ['wd'],
        },
        storedVersions: ['v1'],
        conditions: [
          { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
          {
            type: 'Established',
            status: 'True',
            reason: 'InitialNamesAccepted',
            message: 'the initial names have been accepted',
          },
        ],
      });
      const renamed = await client.post(url, { ...crd.body, metadata: { name: 'nope' } });
      expect(renamed.body['message']).toBe(
        'CustomResourceDefinition.apiextensions.k8s.io "nope" is invalid: metadata.name: Invalid value: "nope": must be spec.names.plural+"."+spec.group',
      );
    },
  },
]);
