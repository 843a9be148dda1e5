import type { DeleteQuery, KubeObject, KubeStatus } from '../api-types.ts';
import { checkKind, conform, parseBody } from '../engine/decode.ts';
import { deleteObject } from '../engine/deletion.ts';
import type { DeleteResult } from '../engine/deletion.ts';
import type { Engine } from '../engine/engine.ts';
import { applyObject, patchJson, patchObject, PATCH_TYPES } from '../engine/patching.ts';
import { toScale, withScale } from '../engine/scale.ts';
import { listObjects, selection } from '../engine/selection.ts';
import { asNumber, asObject, asString } from '../json.ts';
import type { Json } from '../json.ts';
import { decodeProtobuf, PROTOBUF_TYPE } from '../protobuf.ts';
import type { ResourceDef } from '../resource-def.ts';
import { badRequest, methodNotAllowed, unknownPath, unsupportedMediaType } from '../status-errors.ts';
import { isDryRun, isTrue, positiveInteger, writeRequest } from './query.ts';
import type { Target } from './route.ts';

export interface ApiRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly userAgent: string | undefined;
  readonly body: Buffer;
}

export interface ApiResponse {
  readonly code: number;
  readonly value: KubeObject | KubeStatus | Json;
  readonly warnings: readonly string[];
}

const BODY_TYPES = ['application/json', 'application/yaml'];

function readBody(request: ApiRequest): Json {
  const type = request.contentType.split(';')[0] ?? '';
  if (type === PROTOBUF_TYPE) return decodeProtobuf(request.body);
  if (type !== '' && !BODY_TYPES.includes(type)) throw unsupportedMediaType();
  return parseBody(request.body.toString('utf8'), type);
}

const success = (def: ResourceDef, object: KubeObject): KubeStatus => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details: {
    name: object.metadata.name,
    ...(def.group === '' ? {} : { group: def.group }),
    kind: def.resource,
    uid: object.metadata.uid,
  },
});

/** Delete options come in the body, in the query, or both. */
function deleteQuery(request: ApiRequest): { query: DeleteQuery; dryRun: boolean } {
  const body = request.body.length === 0 ? {} : asObject(readBody(request));
  const preconditions = asObject(body['preconditions']);
  const grace = asNumber(body['gracePeriodSeconds']) ?? positiveInteger(request.query, 'gracePeriodSeconds');
  const policy = asString(body['propagationPolicy']) || (request.query.get('propagationPolicy') ?? '');
  const orphan =
    body['orphanDependents'] ??
    (request.query.has('orphanDependents') ? isTrue(request.query, 'orphanDependents') : undefined);
  const effective = policy || (orphan === undefined ? '' : orphan === true ? 'Orphan' : 'Background');
  const dryRun = (Array.isArray(body['dryRun']) && body['dryRun'].includes('All')) || isDryRun(request.query);
  return {
    dryRun,
    query: {
      ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
      ...(effective === '' ? {} : { propagationPolicy: effective as 'Background' }),
      preconditions: {
        ...(typeof preconditions['uid'] === 'string' ? { uid: preconditions['uid'] } : {}),
        ...(typeof preconditions['resourceVersion'] === 'string'
          ? { resourceVersion: preconditions['resourceVersion'] }
          : {}),
      },
    },
  };
}

/** Lists of built-in kinds do not repeat the kind in each item. */
function untyped(object: KubeObject): Omit<KubeObject, 'apiVersion' | 'kind'> {
  const { apiVersion: _version, kind: _kind, ...rest } = object;
  return { ...rest, metadata: object.metadata };
}

/** Answers one request on a resource (all but watches and logs). Throws ApiError for refusals. */
export class ResourceHandler {
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  handle(target: Target, request: ApiRequest): ApiResponse {
    const warnings: string[] = [];
    const answer = (code: number, value: ApiResponse['value']): ApiResponse => ({ code, value, warnings });
    const warn = (text: string): unknown => warnings.push(text);
    const { def, name } = target;
    if (def.virtual) return answer(201, this.review(target, request));
    if (target.subresource !== undefined && target.subresource !== 'status' && target.subresource !== 'scale') {
      if (def.resource === 'namespaces' && target.subresource === 'finalize' && request.method === 'PUT')
        return answer(200, this.finalize(target, request));
      throw unknownPath();
    }
    if (target.subresource !== undefined && !def.subresources.has(target.subresource)) throw unknownPath();
    switch (request.method) {
      case 'GET':
        return answer(200, name === undefined ? (this.list(target, request) as unknown as Json) : this.get(target));
      case 'POST':
        if (name !== undefined) throw methodNotAllowed();
        return answer(201, this.create(target, request, warn));
      case 'PUT':
        return answer(200, this.update(target, request, warn));
      case 'PATCH':
        return this.patch(target, request, warn, answer);
      case 'DELETE':
        return answer(200, name === undefined ? this.deleteMany(target, request) : this.delete(target, request));
      default:
        throw methodNotAllowed();
    }
  }

  private get({ def, namespace = '', name = '', subresource }: Target): KubeObject {
    const object = this.engine.get(def, namespace, name);
    return subresource === 'scale' ? toScale(def, object) : object;
  }

  private list({ def, namespace }: Target, { query }: ApiRequest): unknown {
    const limit = positiveInteger(query, 'limit');
    const list = listObjects(this.engine.store, def, {
      ...(namespace === undefined ? {} : { namespace }),
      labelSelector: query.get('labelSelector') ?? '',
      fieldSelector: query.get('fieldSelector') ?? '',
      ...(limit === undefined ? {} : { limit }),
      continue: query.get('continue') ?? '',
      resourceVersion: query.get('resourceVersion') ?? '',
    });
    return def.custom === undefined ? { ...list, items: list.items.map(untyped) } : list;
  }

  private create({ def, namespace }: Target, request: ApiRequest, warn: (text: string) => unknown): KubeObject {
    const write = writeRequest(request.query, request.userAgent, warn);
    const object = checkKind(readBody(request), def);
    if (def.namespaced && namespace === undefined)
      throw badRequest('an empty namespace may not be set during creation');
    conform(object, def, write.fieldValidation, warn);
    return this.engine.create(def, namespace ?? '', object, write);
  }

  private update(
    { def, namespace = '', name = '', subresource }: Target,
    request: ApiRequest,
    warn: (text: string) => unknown,
  ): KubeObject {
    if (name === '') throw methodNotAllowed();
    const write = writeRequest(request.query, request.userAgent, warn);
    const body = readBody(request);
    if (subresource === 'scale') {
      const old = this.engine.get(def, namespace, name);
      return toScale(def, this.engine.replace(def, old, withScale(def, old, body), write, { subresource }));
    }
    const next = checkKind(body, def);
    if (next.metadata.name !== name)
      throw badRequest(
        `the name of the object (${next.metadata.name ?? ''}) does not match the name on the URL (${name})`,
      );
    if (
      next.metadata.namespace !== undefined &&
      next.metadata.namespace !== '' &&
      next.metadata.namespace !== namespace
    ) {
      throw badRequest(
        `the namespace of the object (${next.metadata.namespace}) does not match the namespace on the request (${namespace})`,
      );
    }
    conform(next, def, write.fieldValidation, warn);
    const old = this.engine.get(def, namespace, name);
    return this.engine.replace(def, old, next, write, {
      isPut: true,
      subresource: subresource === 'status' ? 'status' : undefined,
    });
  }

  private patch(
    target: Target,
    request: ApiRequest,
    warn: (text: string) => unknown,
    answer: (code: number, value: ApiResponse['value']) => ApiResponse,
  ): ApiResponse {
    const { def, namespace = '', name = '', subresource } = target;
    if (name === '') throw methodNotAllowed();
    const type = request.contentType.split(';')[0] ?? '';
    const write = writeRequest(request.query, request.userAgent, warn);
    const body = parseBody(request.body.toString('utf8'), type);
    const door = subresource === 'status' ? 'status' : undefined;
    if (type === PATCH_TYPES.applyYaml && subresource !== 'scale') {
      const named = request.query.get('fieldManager') ?? '';
      const apply = { ...write, fieldManager: named, force: isTrue(request.query, 'force') };
      const { object, created } = applyObject(this.engine, def, namespace, name, body, apply, door);
      return answer(created ? 201 : 200, object);
    }
    if (subresource === 'scale') {
      const old = this.engine.get(def, namespace, name);
      const scale = patchJson(toScale(def, old) as unknown as Json, body, type, def);
      return answer(
        200,
        toScale(def, this.engine.replace(def, old, withScale(def, old, scale), write, { subresource })),
      );
    }
    return answer(200, patchObject(this.engine, def, namespace, name, body, type, write, door));
  }

  private delete(
    { def, namespace = '', name = '', subresource }: Target,
    request: ApiRequest,
  ): KubeObject | KubeStatus {
    if (subresource !== undefined) throw methodNotAllowed();
    const { query, dryRun } = deleteQuery(request);
    const result: DeleteResult = deleteObject(this.engine, def, namespace, name, query, dryRun);
    const showsObject = !result.gone || def.storageKey === '/pods';
    return showsObject ? this.engine.present(def, result.object) : success(def, result.object);
  }

  private deleteMany(target: Target, request: ApiRequest): Json {
    const { def, namespace } = target;
    const { query, dryRun } = deleteQuery(request);
    const matches = selection(def, request.query.get('labelSelector') ?? '', request.query.get('fieldSelector') ?? '');
    const items = this.engine.store.list(def.storageKey, namespace).filter(matches);
    const listed = listObjects(this.engine.store, def, { ...(namespace === undefined ? {} : { namespace }) });
    for (const item of items)
      deleteObject(this.engine, def, item.metadata.namespace ?? '', item.metadata.name, query, dryRun);
    return { ...listed, items: items.map((item) => this.engine.present(def, item)) } as unknown as Json;
  }

  /** Everybody with the token may do everything. */
  private review({ def }: Target, request: ApiRequest): KubeObject {
    if (request.method !== 'POST') throw methodNotAllowed();
    const object = checkKind(readBody(request), def);
    return { ...object, status: { allowed: true } };
  }

  private finalize({ def, name = '' }: Target, request: ApiRequest): KubeObject {
    const old = this.engine.get(def, '', name);
    const body = checkKind(readBody(request), def);
    const next = { ...old, spec: { ...old.spec, finalizers: asObject(body.spec)['finalizers'] ?? [] } };
    return this.engine.write(def, next);
  }
}
