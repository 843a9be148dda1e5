import { describe, expect, test } from '@jest/globals';
import type { Collection } from '#crds/v1alpha1/index.ts';
import { parseCollection } from '#crds/validate.ts';
import type { KubeApi } from '../kube/api.ts';
import { KubeError, KubeUnreachable } from '../kube/errors.ts';
import type { KubeObject } from '../kube/object.ts';
import type { Store } from '../kube/reflector.ts';
import { makeCollection } from '../testing/fixtures.ts';
import { CollectionRequests } from './collection-requests.ts';
import type { CollectionReply, CollectionRequest } from '#proto/control-messages.ts';

/** A cache and an API that are one: a write shows at once. */
class OneTruth {
  readonly objects = new Map<string, Collection>();
  readonly writes: string[] = [];
  /** Thrown by the next writes. */
  failures: unknown[] = [];

  readonly store: Store<Collection> = {
    get: (_namespace, name) => this.objects.get(name),
    all: () => [...this.objects.values()],
    in: () => [...this.objects.values()],
    unreadable: () => [],
  };

  readonly api = {
    get: async (_resource: unknown, _namespace: string, name: string) => structuredClone(this.objects.get(name)),
    create: async (_resource: unknown, object: KubeObject) => this.#write('create', object),
    replace: async (_resource: unknown, object: KubeObject) => this.#write('replace', object),
    remove: async (_resource: unknown, _namespace: string, name: string, uid: string) => {
      this.#fail();
      this.writes.push(`remove ${name} ${uid}`);
      this.objects.delete(name);
    },
  } as unknown as KubeApi;

  #fail(): void {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }

  #write(verb: string, object: KubeObject): Collection {
    this.#fail();
    const parsed = parseCollection({ ...object, metadata: { uid: 'uid-new', ...object.metadata } });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    this.writes.push(`${verb} ${object.metadata.name}`);
    this.objects.set(object.metadata.name, parsed.value);
    return parsed.value;
  }
}

const refusal = (code: number, reason: string, causes: object[] = []): KubeError =>
  new KubeError(
    'create',
    code,
    JSON.stringify({ kind: 'Status', code, reason, message: 'said the API', details: { causes } }),
  );

function setup(...existing: Collection[]): {
  truth: OneTruth;
  ask: (action: CollectionRequest['action'], name: string, spec?: object | string) => Promise<CollectionReply>;
} {
  const truth = new OneTruth();
  for (const collection of existing) truth.objects.set(collection.metadata.name, collection);
  const requests = new CollectionRequests(truth.api, truth.store);
  return {
    truth,
    ask: (action, name, spec = {}) =>
      requests.handle('test/ring', {
        requestId: 5,
        action,
        name,
        specJson: Buffer.from(typeof spec === 'string' ? spec : JSON.stringify(spec)),
      }),
  };
}
const ok = { requestId: 5, ok: true, code: '', message: '', field: '' };

describe('a client creates a collection', () => {
  test('under an object name made of its own, in this cluster', async () => {
    const { truth, ask } = setup();
    expect(await ask('CREATE', 'My_Words', { dimension: 4, cluster: 'elsewhere' })).toEqual(ok);
    const [made] = truth.store.all();
    expect(made!.metadata.name).toMatch(/^ring\.my-words-[0-9a-f]{8}$/);
    expect(made!.spec).toMatchObject({ cluster: 'ring', name: 'My_Words', dimension: 4 });
  });

  test('of a name that is taken, by YAML or by another client', async () => {
    const { truth, ask } = setup(makeCollection());
    expect(await ask('CREATE', 'words', { dimension: 4 })).toMatchObject({
      ok: false,
      code: 'ANN_COLLECTION_EXISTS',
      field: 'name',
    });
    truth.failures = [refusal(409, 'AlreadyExists')];
    expect(await ask('CREATE', 'others', { dimension: 4 })).toMatchObject({ code: 'ANN_COLLECTION_EXISTS' });
    expect(truth.writes).toEqual([]);
  });

  test("and hears the API server's own words when it is refused", async () => {
    const { truth, ask } = setup();
    truth.failures = [refusal(422, 'Invalid', [{ field: 'spec.dimension', message: 'must be 1 or more' }])];
    expect(await ask('CREATE', 'x', { dimension: 0 })).toEqual({
      requestId: 5,
      ok: false,
      code: 'ANN_INVALID_OBJECT',
      message: 'the Kubernetes API refused the collection: spec.dimension: must be 1 or more',
      field: 'spec.dimension',
    });
    truth.failures = [
      refusal(400, 'BadRequest'),
      refusal(403, 'Forbidden'),
      new KubeUnreachable('POST', new Error('refused')),
    ];
    const codes = [await ask('CREATE', 'x'), await ask('CREATE', 'x'), await ask('CREATE', 'x')].map(
      (reply) => reply.code,
    );
    expect(codes).toEqual(['ANN_BAD_REQUEST', 'ANN_FORBIDDEN', 'ANN_OPERATOR_AWAY']);
    expect((await ask('CREATE', 'x', '{"dim')).code).toBe('ANN_BAD_REQUEST');
    expect((await ask('CREATE', '')).code).toBe('ANN_BAD_REQUEST');
  });
});

describe('a client updates a collection', () => {
  test('and its change survives a conflict with another one', async () => {
    const { truth, ask } = setup(makeCollection({ payloadIndexes: [{ field: 'a', type: 'keyword' }] }));
    truth.failures = [refusal(409, 'Conflict')];
    expect(await ask('UPDATE', 'words', { payloadIndexes: [{ field: 'b', type: 'integer' }] })).toEqual(ok);
    expect(truth.objects.get('words')!.spec.payloadIndexes).toEqual([
      { field: 'a', type: 'keyword' },
      { field: 'b', type: 'integer' },
    ]);
    expect(truth.objects.get('words')!.metadata.resourceVersion).toBe('1');
  });

  test('but neither its name nor its cluster, nor one that is not there', async () => {
    const { ask } = setup(makeCollection());
    expect(await ask('UPDATE', 'words', { cluster: 'x' })).toMatchObject({ code: 'ANN_BAD_REQUEST', field: 'cluster' });
    expect(await ask('UPDATE', 'words', { name: 'x' })).toMatchObject({ code: 'ANN_BAD_REQUEST', field: 'name' });
    expect(await ask('UPDATE', 'nothing', {})).toMatchObject({ code: 'ANN_COLLECTION_NOT_FOUND' });
  });
});

describe('a client deletes a collection', () => {
  test('that very one', async () => {
    const { truth, ask } = setup(makeCollection());
    expect(await ask('DELETE', 'words')).toEqual(ok);
    expect(truth.writes).toEqual(['remove words uid-words']);
    expect(await ask('DELETE', 'words')).toMatchObject({ code: 'ANN_COLLECTION_NOT_FOUND' });
  });

  test('but not one of another cluster', async () => {
    const { ask } = setup(makeCollection({ cluster: 'other' }));
    expect(await ask('DELETE', 'words')).toMatchObject({ code: 'ANN_COLLECTION_NOT_FOUND' });
  });
});
