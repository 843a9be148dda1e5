import { expect } from '@jest/globals';
import type { Json } from '../json.ts';
import { asArray } from '../json.ts';
import { contractCases, configMap, metaOf, until } from './case.ts';
import type { ContractCase, ContractContext } from './case.ts';

const FINALIZER = 'contract.annulus.dev/hold';

/** Makes an owner and one dependent of it. */
async function family(
  { client, core }: ContractContext,
  name: string,
  blockOwnerDeletion = false,
): Promise<{ owner: string; child: string }> {
  const owner = await client.post(core('configmaps'), configMap(name));
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name, uid: metaOf(owner)['uid'] ?? '', blockOwnerDeletion };
  await client.post(core('configmaps'), configMap(`${name}-child`, {}, { ownerReferences: [reference] }));
  return { owner: core('configmaps', name), child: core('configmaps', `${name}-child`) };
}

const gone = { code: 404 };
const code = (answer: { code: number }): boolean => answer.code === 404;

export const DELETION_CASES: readonly ContractCase[] = contractCases([
  {
    name: 'answers with a Status that names what is gone',
    run: async ({ client, core }) => {
      const made = await client.post(core('configmaps'), configMap('plain'));
      const deleted = await client.delete(core('configmaps', 'plain'));
      expect(deleted.body).toEqual({
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { name: 'plain', kind: 'configmaps', uid: metaOf(made)['uid'] },
      });
    },
  },
  {
    name: 'preconditions',
    run: async ({ client, core }) => {
      const made = await client.post(core('configmaps'), configMap('pre'));
      const uid = String(metaOf(made)['uid']);
      const wrong = await client.delete(core('configmaps', 'pre'), { preconditions: { uid: 'wrong' } });
      expect(wrong.body).toMatchObject({
        code: 409,
        message: `Operation cannot be fulfilled on ConfigMap "pre": the UID in the precondition (wrong) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
      });
      const version = await client.delete(core('configmaps', 'pre'), { preconditions: { resourceVersion: '1' } });
      expect(version.code).toBe(409);
      expect((await client.delete(core('configmaps', 'pre'), { preconditions: { uid } })).code).toBe(200);
    },
  },
  {
    name: 'finalizers hold an object back until the last one goes',
    run: async ({ client, core }) => {
      await client.post(core('configmaps'), configMap('held', {}, { finalizers: [FINALIZER] }));
      const url = core('configmaps', 'held');
      const marked = await client.delete(url);
      expect(marked.body['kind']).toBe('ConfigMap');
      expect(metaOf(marked)).toMatchObject({
        deletionTimestamp: expect.stringMatching(/Z$/),
        deletionGracePeriodSeconds: 0,
        finalizers: [FINALIZER],
      });
      const added = await client.patch(
        url,
        { metadata: { finalizers: [FINALIZER, 'contract.annulus.dev/new'] } },
        'merge',
      );
      expect(added.body['message']).toBe(
        'ConfigMap "held" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"contract.annulus.dev/new"}',
      );
      expect((await client.patch(url, { metadata: { finalizers: null } }, 'merge')).code).toBe(200);
      expect(await client.get(url)).toMatchObject(gone);
    },
  },
  {
    name: 'dependents go after their owner (background)',
    run: async (context) => {
      const { owner, child } = await family(context, 'background');
      await context.client.delete(owner, { propagationPolicy: 'Background' });
      expect(await until(() => context.client.get(child), code)).toMatchObject(gone);
    },
  },
  {
    name: 'an owner waits for its dependents (foreground)',
    run: async (context) => {
      const { client } = context;
      const { owner, child } = await family(context, 'foreground', true);
      await client.patch(child, { metadata: { finalizers: [FINALIZER] } }, 'merge');
      const marked = await client.delete(owner, { propagationPolicy: 'Foreground' });
      expect(metaOf(marked)['finalizers']).toEqual(['foregroundDeletion']);
      await until(
        () => client.get(child),
        (answer) => metaOf(answer)['deletionTimestamp'] !== undefined,
      );
      expect((await client.get(owner)).code).toBe(200);
      await client.patch(child, { metadata: { finalizers: null } }, 'merge');
      expect(await until(() => client.get(owner), code)).toMatchObject(gone);
    },
  },
  {
    name: 'dependents stay without their owner (orphan)',
    run: async (context) => {
      const { client } = context;
      const { owner, child } = await family(context, 'orphan');
      await client.delete(owner, { propagationPolicy: 'Orphan' });
      expect(await until(() => client.get(owner), code)).toMatchObject(gone);
      const left = await client.get(child);
      expect(left.code).toBe(200);
      expect(metaOf(left)['ownerReferences']).toBeUndefined();
    },
  },
  {
    name: 'a dependent of an owner that never was is collected',
    run: async ({ client, core }) => {
      const reference = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: 'never',
        uid: '00000000-0000-4000-8000-000000000000',
      };
      await client.post(core('configmaps'), configMap('lost', {}, { ownerReferences: [reference] }));
      expect(await until(() => client.get(core('configmaps', 'lost')), code)).toMatchObject(gone);
    },
  },
  {
    name: 'a collection can be deleted by label',
    run: async ({ client, core }) => {
      for (const name of ['c1', 'c2'])
        await client.post(core('configmaps'), configMap(name, {}, { labels: { set: 'c' } }));
      await client.post(core('configmaps'), configMap('c3'));
      const deleted = await client.delete(`${core('configmaps')}?labelSelector=set%3Dc`);
      expect(deleted.code).toBe(200);
      expect(deleted.body['kind']).toBe('ConfigMapList');
      const left = await client.get(`${core('configmaps')}?labelSelector=set%3Dc`);
      expect(asArray(left.body['items'])).toEqual([]);
      expect((await client.get(core('configmaps', 'c3'))).code).toBe(200);
    },
  },
  {
    name: 'a namespace takes its contents along',
    run: async ({ client, namespace }) => {
      const name = `${namespace}-gone`;
      const url = `/api/v1/namespaces/${name}`;
      const body: Json = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      await client.post('/api/v1/namespaces', body);
      await client.post(`${url}/configmaps`, configMap('inside', {}, { finalizers: [FINALIZER] }));
      const marked = await client.delete(url);
      expect(marked.body['status']).toMatchObject({ phase: 'Terminating' });
      const late = await client.post(`${url}/configmaps`, configMap('late'));
      expect(late.code).toBe(403);
      expect(late.body['message']).toBe(
        `configmaps "late" is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
      );
      await until(
        () => client.get(`${url}/configmaps/inside`),
        (answer) => metaOf(answer)['deletionTimestamp'] !== undefined,
      );
      await client.patch(`${url}/configmaps/inside`, { metadata: { finalizers: null } }, 'merge');
      expect(await until(() => client.get(url), code)).toMatchObject(gone);
    },
  },
]);
