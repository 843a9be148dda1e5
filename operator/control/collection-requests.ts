import { API_VERSION, type Collection } from '#crds/v1alpha1/index.ts';
import { AnnulusError, errorToWire, type ErrorCode } from '#model/errors.ts';
import { collectionObjectName } from '#model/object-name.ts';
import { CLUSTER_LABEL } from '../build/common.ts';
import { clientName } from '../collections.ts';
import type { KubeApi } from '../kube/api.ts';
import { isConflict, isNotFound, KubeError, KubeUnreachable } from '../kube/errors.ts';
import { isObject } from '../kube/json.ts';
import { splitKey, type KubeObject } from '../kube/object.ts';
import type { Store } from '../kube/reflector.ts';
import { RESOURCES } from '../kube/resources.ts';
import { mergeSpec, parseSpecJson } from './collection-spec.ts';
import type { CollectionReply, CollectionRequest } from '#proto/control-messages.ts';

const CONFLICT_RETRIES = 5;
const CACHE_WAIT_MS = 5_000;
const CACHE_POLL_MS = 20;

/** Carries clients' creates, updates and deletes of collections to the Kubernetes API. */
export class CollectionRequests {
  readonly #api: KubeApi;
  readonly #collections: Store<Collection>;

  constructor(api: KubeApi, collections: Store<Collection>) {
    this.#api = api;
    this.#collections = collections;
  }

  /** Does what a client asked for; never rejects: a refusal is in the reply. */
  async handle(clusterKey: string, request: CollectionRequest): Promise<CollectionReply> {
    const { namespace, name: cluster } = splitKey(clusterKey);
    const { requestId, name } = request;
    try {
      if (name === '') throw new AnnulusError('ANN_BAD_REQUEST', 'the collection has no name', { field: 'name' });
      if (request.action === 'CREATE') await this.#create(namespace, cluster, name, request.specJson);
      else if (request.action === 'UPDATE') await this.#update(namespace, cluster, name, request.specJson);
      else if (request.action === 'DELETE') await this.#delete(namespace, cluster, name);
      else throw new AnnulusError('ANN_BAD_REQUEST', 'the collection request has no action');
      return { requestId, ok: true, code: '', message: '', field: '' };
    } catch (error) {
      const { code, message, field } = errorToWire(toAnnulusError(error, cluster, name));
      return { requestId, ok: false, code, message, field: field ?? '' };
    }
  }

  async #create(namespace: string, cluster: string, name: string, specJson: Uint8Array): Promise<void> {
    const spec = parseSpecJson(specJson);
    if (this.#find(namespace, cluster, name) !== undefined) throw existsAlready(cluster, name);
    const object: KubeObject = {
      apiVersion: API_VERSION,
      kind: 'Collection',
      metadata: { name: collectionObjectName(cluster, name), namespace, labels: { [CLUSTER_LABEL]: cluster } },
      spec: { ...spec, cluster, name },
    };
    const created = await this.#api.create(RESOURCES.Collection, object);
    await this.#cached(
      () => this.#collections.get(namespace, created.metadata.name)?.metadata.uid === created.metadata.uid,
    );
  }

  async #update(namespace: string, cluster: string, name: string, specJson: Uint8Array): Promise<void> {
    const patch = parseSpecJson(specJson);
    for (const member of ['cluster', 'name'] as const) {
      if (member in patch)
        throw new AnnulusError('ANN_BAD_REQUEST', `${member} cannot be changed this way`, { field: member });
    }
    const found = this.#find(namespace, cluster, name) ?? notFound(cluster, name);
    for (let attempt = 0; ; attempt++) {
      const object = await this.#api.get(RESOURCES.Collection, namespace, found.metadata.name);
      const spec = mergeSpec(isObject(object['spec']) ? object['spec'] : {}, patch);
      try {
        // PUT carries the resourceVersion that was read: two nodes that add an index each both get it in.
        await this.#api.replace(RESOURCES.Collection, { ...object, spec });
        return;
      } catch (error) {
        if (!isConflict(error) || attempt >= CONFLICT_RETRIES) throw error;
      }
    }
  }

  async #delete(namespace: string, cluster: string, name: string): Promise<void> {
    const { metadata } = this.#find(namespace, cluster, name) ?? notFound(cluster, name);
    await this.#api.remove(RESOURCES.Collection, namespace, metadata.name, metadata.uid);
    // The next create of the same name must not meet the old object in the cache.
    await this.#cached(() => this.#collections.get(namespace, metadata.name)?.metadata.uid !== metadata.uid);
  }

  #find(namespace: string, cluster: string, name: string): Collection | undefined {
    return this.#collections
      .in(namespace)
      .find((collection) => collection.spec.cluster === cluster && clientName(collection) === name);
  }

  /** Waits until the cache shows what was written, for a while: the answer is right either way. */
  async #cached(seen: () => boolean): Promise<void> {
    const until = performance.now() + CACHE_WAIT_MS;
    while (!seen() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, CACHE_POLL_MS));
  }
}

function existsAlready(cluster: string, name: string): AnnulusError {
  return new AnnulusError('ANN_COLLECTION_EXISTS', `collection "${name}" exists already in cluster ${cluster}`, {
    field: 'name',
  });
}

function notFound(cluster: string, name: string): never {
  throw new AnnulusError('ANN_COLLECTION_NOT_FOUND', `there is no collection "${name}" in cluster ${cluster}`, {
    field: 'name',
  });
}

function toAnnulusError(error: unknown, cluster: string, name: string): unknown {
  if (error instanceof KubeUnreachable) {
    return new AnnulusError('ANN_OPERATOR_AWAY', 'the operator cannot reach the Kubernetes API: try again', {
      cause: error,
    });
  }
  if (!(error instanceof KubeError)) return error;
  if (isNotFound(error))
    return new AnnulusError('ANN_COLLECTION_NOT_FOUND', `there is no collection "${name}" in cluster ${cluster}`);
  if (error.reason === 'AlreadyExists') return existsAlready(cluster, name);
  const code = CODES[error.code] ?? 'ANN_INTERNAL';
  const causes = error.causes.map((cause) => (cause.field ? `${cause.field}: ${cause.message}` : cause.message));
  const message = causes.length > 0 ? causes.join('; ') : error.detail;
  const field = error.causes.find((cause) => cause.field !== '')?.field;
  return new AnnulusError(
    code,
    `the Kubernetes API refused the collection: ${message}`,
    field === undefined ? {} : { field },
  );
}

const CODES: Record<number, ErrorCode> = {
  400: 'ANN_BAD_REQUEST',
  403: 'ANN_FORBIDDEN',
  409: 'ANN_CONFLICT',
  413: 'ANN_BODY_TOO_LARGE',
  422: 'ANN_INVALID_OBJECT',
  429: 'ANN_OVERLOADED',
};
