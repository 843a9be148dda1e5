type Request = [method: 'GET' | 'PUT' | 'POST', url: string, body?: unknown];
type Refusal = [status: number, code: string, field?: string];

const search = '/collections/c/points/search';
const upsert = '/collections/c/points';
const many = { vectors: { size: 2, distance: 'Dot' } };

/** Requests to a collection `c` (dimension 2, Dot, no index, bodies up to 10,000 bytes), and how each is refused. */
export const REFUSALS: readonly [title: string, request: Request, refusal: Refusal][] = [
  ['a broken URL', ['GET', '/collections/%zz'], [400, 'ANN_BAD_REQUEST']],
  ['unknown route', ['GET', '/nothing'], [404, 'ANN_NOT_FOUND']],
  ['unknown collection', ['GET', '/collections/none'], [404, 'ANN_COLLECTION_NOT_FOUND']],
  [
    'search in an unknown collection',
    ['POST', '/collections/none/points/search', { vector: [1, 1], limit: 1 }],
    [404, 'ANN_COLLECTION_NOT_FOUND'],
  ],
  ['unknown point', ['GET', '/collections/c/points/77'], [404, 'ANN_POINT_NOT_FOUND', 'id']],
  ['impossible id in the path', ['GET', '/collections/c/points/abc'], [400, 'ANN_BAD_REQUEST', 'id']],
  ['existing collection', ['PUT', '/collections/c', many], [409, 'ANN_COLLECTION_EXISTS']],
  ['impossible name', ['PUT', '/collections/a%3Fb', many], [422, 'ANN_BAD_REQUEST', 'collection_name']],
  [
    'named vectors',
    ['PUT', '/collections/d', { vectors: { image: { size: 2, distance: 'Dot' } } }],
    [400, 'ANN_UNSUPPORTED', 'vectors.image'],
  ],
  [
    'Manhattan',
    ['PUT', '/collections/d', { vectors: { size: 2, distance: 'Manhattan' } }],
    [400, 'ANN_UNSUPPORTED', 'vectors.distance'],
  ],
  [
    'size 0',
    ['PUT', '/collections/d', { vectors: { size: 0, distance: 'Dot' } }],
    [422, 'ANN_BAD_REQUEST', 'vectors.size'],
  ],
  ['no vectors', ['PUT', '/collections/d', {}], [400, 'ANN_BAD_REQUEST', 'vectors']],
  [
    'sparse vectors',
    ['PUT', '/collections/d', { ...many, sparse_vectors: { text: {} } }],
    [400, 'ANN_UNSUPPORTED', 'sparse_vectors'],
  ],
  [
    'quantization',
    ['PUT', '/collections/d', { ...many, quantization_config: { binary: {} } }],
    [400, 'ANN_UNSUPPORTED', 'quantization_config'],
  ],
  [
    'an optimizer setting',
    ['PUT', '/collections/d', { ...many, optimizers_config: { indexing_threshold: 1 } }],
    [400, 'ANN_UNSUPPORTED', 'optimizers_config.indexing_threshold'],
  ],
  ['broken JSON', ['POST', search, '{"vector": [1, 2'], [400, 'ANN_BAD_REQUEST']],
  ['no body', ['POST', search], [400, 'ANN_BAD_REQUEST']],
  ['not an object', ['POST', search, '[1]'], [400, 'ANN_BAD_REQUEST']],
  ['NaN', ['POST', search, '{"vector": [1, NaN], "limit": 1}'], [400, 'ANN_BAD_REQUEST']],
  ['null in a vector', ['POST', search, { vector: [1, null], limit: 1 }], [400, 'ANN_BAD_REQUEST', 'vector[1]']],
  ['a string in a vector', ['POST', search, { vector: ['1', 1], limit: 1 }], [400, 'ANN_BAD_REQUEST', 'vector[0]']],
  ['infinite as float32', ['POST', search, { vector: [1, 1e39], limit: 1 }], [400, 'ANN_BAD_REQUEST', 'vector[1]']],
  [
    'infinite as float64',
    ['POST', search, '{"vector": [1, 1e999], "limit": 1}'],
    [400, 'ANN_BAD_REQUEST', 'vector[1]'],
  ],
  ['unknown field', ['POST', search, { vector: [1, 1], limit: 1, colour: 3 }], [400, 'ANN_BAD_REQUEST', 'colour']],
  ['limit 0', ['POST', search, { vector: [1, 1], limit: 0 }], [422, 'ANN_BAD_REQUEST', 'limit']],
  ['no limit', ['POST', search, { vector: [1, 1] }], [400, 'ANN_BAD_REQUEST', 'limit']],
  ['negative limit', ['POST', search, { vector: [1, 1], limit: -1 }], [400, 'ANN_BAD_REQUEST', 'limit']],
  [
    'quantization parameters',
    ['POST', search, { vector: [1, 1], limit: 1, params: { quantization: { rescore: true } } }],
    [400, 'ANN_UNSUPPORTED', 'params.quantization'],
  ],
  [
    'in a batch, with its place',
    [
      'POST',
      `${search}/batch`,
      {
        searches: [
          { vector: [1, 1], limit: 1 },
          { vector: [1], limit: 1 },
        ],
      },
    ],
    [400, 'ANN_DIMENSION_MISMATCH', 'searches[1].vector'],
  ],
  [
    'best_score',
    ['POST', '/collections/c/points/recommend', { positive: [1], strategy: 'best_score', limit: 1 }],
    [400, 'ANN_UNSUPPORTED', 'strategy'],
  ],
  [
    'lookup_from',
    ['POST', '/collections/c/points/query', { query: 1, lookup_from: { collection: 'x' } }],
    [400, 'ANN_UNSUPPORTED', 'lookup_from'],
  ],
  [
    'random sample',
    ['POST', '/collections/c/points/query', { query: { sample: 'random' } }],
    [400, 'ANN_UNSUPPORTED', 'query.sample'],
  ],
  ['shard_key', ['POST', '/collections/c/points/scroll', { shard_key: 'x' }], [400, 'ANN_UNSUPPORTED', 'shard_key']],
  [
    'offset with order_by',
    ['POST', '/collections/c/points/scroll', { order_by: 'a', offset: 1 }],
    [400, 'ANN_BAD_REQUEST', 'offset'],
  ],
  ['no points', ['PUT', upsert, { points: [] }], [422, 'ANN_BAD_REQUEST', 'points']],
  ['missing vector', ['PUT', upsert, { points: [{ id: 1 }] }], [400, 'ANN_BAD_REQUEST', 'points[0].vector']],
  ['wrong id', ['PUT', upsert, { points: [{ id: 1.5, vector: [1, 1] }] }], [400, 'ANN_BAD_REQUEST', 'points[0].id']],
  [
    'id over 64 bits',
    ['PUT', upsert, '{"points":[{"id":18446744073709551616,"vector":[1,1]}]}'],
    [400, 'ANN_BAD_REQUEST', 'points[0].id'],
  ],
  [
    'payload that is a list',
    ['PUT', upsert, { points: [{ id: 1, vector: [1, 1], payload: [1] }] }],
    [400, 'ANN_BAD_REQUEST', 'points[0].payload'],
  ],
  [
    'columns of unequal length',
    ['PUT', upsert, { batch: { ids: [1, 2], vectors: [[1, 1]] } }],
    [422, 'ANN_BAD_REQUEST', 'batch.vectors'],
  ],
  [
    'inference',
    ['PUT', upsert, { points: [{ id: 1, vector: { text: 'a', model: 'm' } }] }],
    [400, 'ANN_UNSUPPORTED', 'points[0].vector'],
  ],
  [
    'update_mode',
    ['PUT', upsert, { points: [{ id: 1, vector: [1, 1] }], update_mode: 'insert_only' }],
    [400, 'ANN_UNSUPPORTED', 'update_mode'],
  ],
  ['ids and filter', ['POST', '/collections/c/points/delete', { points: [1], filter: {} }], [400, 'ANN_BAD_REQUEST']],
  ['neither ids nor filter', ['POST', '/collections/c/points/payload/clear', {}], [422, 'ANN_BAD_REQUEST', 'body']],
  [
    'unknown operation',
    ['POST', '/collections/c/points/batch', { operations: [{ replace: {} }] }],
    [400, 'ANN_BAD_REQUEST', 'operations[0].replace'],
  ],
  [
    'geo index',
    ['PUT', '/collections/c/index', { field_name: 'a', field_schema: 'geo' }],
    [400, 'ANN_UNSUPPORTED', 'field_schema'],
  ],
  [
    'unknown query parameter',
    ['PUT', `${upsert}?wiat=true`, { points: [{ id: 1, vector: [1, 1] }] }],
    [400, 'ANN_BAD_REQUEST', 'wiat'],
  ],
  [
    'wrong timeout',
    ['POST', `${search}?timeout=soon`, { vector: [1, 1], limit: 1 }],
    [400, 'ANN_BAD_REQUEST', 'timeout'],
  ],
  [
    'wrong consistency',
    ['POST', `${search}?consistency=most`, { vector: [1, 1], limit: 1 }],
    [400, 'ANN_BAD_REQUEST', 'consistency'],
  ],
  [
    'body over the limit',
    ['PUT', upsert, { points: [{ id: 1, vector: [1, 1], payload: { text: 'x'.repeat(20_000) } }] }],
    [413, 'ANN_BODY_TOO_LARGE'],
  ],
  [
    'a broken payload path',
    ['POST', '/collections/c/points/scroll', { with_payload: ['a['] }],
    [400, 'ANN_BAD_REQUEST', 'with_payload[0]'],
  ],
  [
    'a broken path to delete',
    ['POST', '/collections/c/points/payload/delete', { keys: ['a..b'], points: [1] }],
    [400, 'ANN_BAD_REQUEST', 'keys[0]'],
  ],
  [
    'too many examples',
    ['POST', '/collections/c/points/recommend', { positive: new Array(1001).fill(1), limit: 1 }],
    [422, 'ANN_BAD_REQUEST', 'positive'],
  ],
  ['groups', ['POST', '/collections/c/points/query/groups', { group_by: 'a' }], [400, 'ANN_UNSUPPORTED']],
  ['snapshots', ['POST', '/collections/c/snapshots', {}], [400, 'ANN_UNSUPPORTED']],
  [
    'aliases',
    ['POST', '/collections/aliases', { actions: [{ delete_alias: { alias_name: 'a' } }] }],
    [400, 'ANN_UNSUPPORTED', 'actions[0]'],
  ],
];
