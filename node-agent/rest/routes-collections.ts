import type { MapCollection } from '#model/cluster-map.ts';
import { AnnulusError } from '#model/errors.ts';
import { parseCreate, parseUpdate } from './collection-config.ts';
import type { CollectionStats } from '../routing/router.ts';
import { collectionInfo } from './collection-info.ts';
import { parseIndex } from './index-config.ts';
import { readBody } from './json.ts';
import { requestOptions, writeStatus, readOptions } from './query-params.ts';
import { outOfBounds } from './refusals.ts';
import { collectionMissing, collectionOf, type Call, type Route } from './route.ts';
import * as schemas from './schemas.ts';

const DONE = { type: 'boolean' };

/** Collections and their payload indexes: written as Kubernetes objects through the operator. */
export const COLLECTION_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/collections',
    summary: 'List collections',
    result: {
      type: 'object',
      properties: {
        collections: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
      },
    },
    handle: ({ deps }) => JSON.stringify({ collections: deps.router.map().collections.map(({ name }) => ({ name })) }),
  },
  {
    method: 'GET',
    path: '/collections/:name',
    summary: 'Parameters and state of a collection',
    result: { type: 'object' },
    handle: info,
  },
  {
    method: 'GET',
    path: '/collections/:name/exists',
    summary: 'Whether a collection exists',
    result: { type: 'object', properties: { exists: { type: 'boolean' } } },
    handle: (call) => `{"exists":${find(call) !== undefined}}`,
  },
  {
    method: 'PUT',
    path: '/collections/:name',
    summary: 'Create a collection',
    parameters: ['timeout'],
    body: schemas.CREATE_COLLECTION,
    result: DONE,
    handle: create,
  },
  {
    method: 'PATCH',
    path: '/collections/:name',
    summary: 'Change parameters of a collection',
    parameters: ['timeout'],
    body: schemas.UPDATE_COLLECTION,
    result: DONE,
    handle: update,
  },
  {
    method: 'DELETE',
    path: '/collections/:name',
    summary: 'Delete a collection; false when there was none',
    parameters: ['timeout'],
    result: DONE,
    handle: remove,
  },
  {
    method: 'PUT',
    path: '/collections/:name/index',
    summary: 'Index a payload field',
    parameters: ['wait', 'ordering', 'timeout'],
    body: schemas.CREATE_INDEX,
    result: schemas.UPDATE_RESULT,
    handle: createIndex,
  },
  {
    method: 'DELETE',
    path: '/collections/:name/index/:field',
    summary: "Delete a payload field's index",
    parameters: ['wait', 'ordering', 'timeout'],
    result: schemas.UPDATE_RESULT,
    handle: deleteIndex,
  },
];

function find(call: Call): MapCollection | undefined {
  return call.deps.router.map().collections.find(({ name }) => name === call.params['name']);
}

const NOTHING_YET: CollectionStats = { points: 0, indexedPoints: 0, status: 'yellow', shards: [] };

async function info(call: Call): Promise<string> {
  const collection = collectionOf(call);
  // A collection that is still being made has no shard to ask.
  if (collection.tableVersion === 0) return JSON.stringify(collectionInfo(collection, NOTHING_YET));
  return JSON.stringify(
    collectionInfo(collection, await call.deps.router.stats(collection.name, readOptions(call.query, collection))),
  );
}

const MAX_NAME = 255;
const IN_NO_NAME = /[<>:"/\\|?*\u0000-\u001f\u007f]/;

async function create(call: Call): Promise<string> {
  const name = call.params['name'] ?? '';
  const wrong = IN_NO_NAME.exec(name);
  if (wrong) throw outOfBounds('collection_name', `collection name cannot contain "${wrong[0]}" char`);
  // Clients tidy such paths away: it could never be reached again.
  if (name === '.' || name === '..') throw outOfBounds('collection_name', 'collection name cannot be "." or ".."');
  if (name === '' || name.length > MAX_NAME)
    throw outOfBounds('collection_name', `must have 1 to ${MAX_NAME} characters`);
  const spec = readBody(call.body, parseCreate);
  if (find(call) !== undefined) throw exists(name);
  try {
    await call.deps.admin.create(name, spec, requestOptions(call.query));
  } catch (error) {
    if (error instanceof AnnulusError && error.code === 'ANN_COLLECTION_EXISTS') throw exists(name);
    throw error;
  }
  return 'true';
}

function exists(name: string): AnnulusError {
  return new AnnulusError('ANN_COLLECTION_EXISTS', `Wrong input: Collection \`${name}\` already exists!`);
}

async function update(call: Call): Promise<string> {
  const collection = collectionOf(call);
  const patch = readBody(call.body, parseUpdate);
  if (Object.keys(patch).length > 0) await call.deps.admin.update(collection.name, patch, requestOptions(call.query));
  return 'true';
}

async function remove(call: Call): Promise<string> {
  const options = requestOptions(call.query);
  const name = call.params['name'] ?? '';
  if (find(call) === undefined) return 'false';
  try {
    await call.deps.admin.delete(name, options);
  } catch (error) {
    if (error instanceof AnnulusError && error.code === 'ANN_COLLECTION_NOT_FOUND') return 'false';
    throw error;
  }
  return 'true';
}

async function createIndex(call: Call): Promise<string> {
  const index = readBody(call.body, parseIndex);
  return changeIndexes(call, (indexes) => {
    const same = indexes.some(({ field, type }) => field === index.field && type === index.type);
    return same ? null : [...indexes.filter(({ field }) => field !== index.field), index];
  });
}

async function deleteIndex(call: Call): Promise<string> {
  const field = call.params['field'] ?? '';
  return changeIndexes(call, (indexes) => {
    const kept = indexes.filter((index) => index.field !== field);
    return kept.length === indexes.length ? null : kept;
  });
}

type Indexes = MapCollection['payloadIndexes'];

// The list of indexes is replaced as a whole, so changes that arrive at this node together must follow each other.
const changing = new Map<string, Promise<unknown>>();

async function changeIndexes(call: Call, change: (indexes: Indexes) => Indexes | null): Promise<string> {
  const { name } = collectionOf(call);
  const status = writeStatus(call.query);
  const options = requestOptions(call.query);
  const step = async (): Promise<void> => {
    const collection = find(call);
    if (collection === undefined) throw collectionMissing(name);
    const payloadIndexes = change(collection.payloadIndexes);
    if (payloadIndexes !== null) await call.deps.admin.update(name, { payloadIndexes }, options);
  };
  const before = changing.get(name) ?? Promise.resolve();
  const mine = before.then(step, step);
  changing.set(name, mine);
  try {
    await mine;
  } finally {
    if (changing.get(name) === mine) changing.delete(name);
  }
  return `{"operation_id":${call.deps.router.map().version},"status":"${status}"}`;
}
