import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Embedded } from './embedded.ts';
import { ask, createCollection, rest } from './rest.ts';

const CLUSTER = `
apiVersion: annulus.dev/v1alpha1
kind: VectorCluster
metadata: { name: edge, namespace: default }
spec: { nodes: 2, replicationFactor: 2, shards: 2, storage: { size: 1Gi } }
`;
const POINTS = 20;
const MAX_BODY_BYTES = 32 * 1024 * 1024;

const embedded = new Embedded();
/** Everything that a refused request must not change: points with vectors and payloads, collections, their configuration. */
async function state(): Promise<unknown> {
  const { url } = embedded;
  const all = { limit: 1000, with_vector: true, with_payload: true };
  return {
    collections: await ask(url, 'GET', '/collections'),
    info: await ask(url, 'GET', '/collections/Edge'),
    points: await ask(url, 'POST', '/collections/Edge/points/scroll', all),
    count: await ask(url, 'POST', '/collections/Edge/points/count', { exact: true }),
  };
}
let before: unknown;

beforeAll(async () => {
  await embedded.start(CLUSTER);
  const { url } = embedded;
  await createCollection(url, 'Edge', { vectors: { size: 3, distance: 'Cosine' } });
  const points = Array.from({ length: POINTS }, (_, id) => ({ id, vector: [id + 1, 1, -id], payload: { id } }));
  await ask(url, 'PUT', '/collections/Edge/points?wait=true', { points });
  before = await state();
}, 120_000);
afterAll(() => embedded.close(), 60_000);

const good = { id: 900, vector: [1, 2, 3] };
const config = { vectors: { size: 2, distance: 'Dot' } };
const points = '/collections/Edge/points';
const query = `${points}/query`;
/** A point beside a good one: neither may be written. */
const beside = (vector: string): string => `{"points":[${JSON.stringify(good)},{"id":901,"vector":${vector}}]}`;

type Bad = readonly [title: string, method: string, path: string, body: unknown, status: number, sentence: RegExp];
const CASES: readonly Bad[] = [
  ['too short a vector', 'PUT', points, beside('[1,2]'), 400, /points\[1\]\.vector.*dim: 3, got 2/],
  ['too long a vector', 'PUT', points, beside('[1,2,3,4]'), 400, /points\[1\]\.vector.*dim: 3, got 4/],
  ['an empty vector', 'PUT', points, beside('[]'), 400, /points\[1\]/],
  ['NaN in a vector', 'PUT', points, beside('[1,NaN,3]'), 400, /JSON/i],
  ['Infinity in a vector', 'PUT', points, beside('[1,-Infinity,3]'), 400, /JSON/i],
  ['1e999 in a vector', 'PUT', points, beside('[1,1e999,3]'), 400, /vector\[1\]/],
  ['infinite as float32', 'PUT', points, beside('[1,4e38,3]'), 400, /vector\[1\]/],
  ['null in a vector', 'PUT', points, beside('[1,null,3]'), 400, /vector\[1\]/],
  ['text in a vector', 'PUT', points, beside('[1,"2",3]'), 400, /vector\[1\]/],
  ['null as a vector', 'PUT', points, beside('null'), 400, /points\[1\]\.vector/],
  ['a query of another dimension', 'POST', query, { query: [1, 2] }, 400, /query.*dim: 3, got 2/],
  ['a query with null', 'POST', query, { query: [1, null, 3] }, 400, /query\[1\]/],
  ['an unknown id as a query', 'POST', query, { query: 4_000_000 }, 404, /4000000/],
  ['an unknown id in the path', 'GET', `${points}/4000000`, undefined, 404, /4000000/],
  ['an impossible id in the path', 'GET', `${points}/not-an-id`, undefined, 400, /not-an-id|id/],
  ['payload for an unknown id', 'POST', `${points}/payload`, { payload: { a: 1 }, points: [1, 7_777] }, 404, /7777/],
  ['a vector for an unknown id', 'PUT', `${points}/vectors`, { points: [{ ...good, id: 7_777 }] }, 404, /7777/],
  ['a negative id', 'PUT', points, { points: [{ ...good, id: -1 }] }, 400, /points\[0\]\.id/],
  ['an id that is no UUID', 'PUT', points, { points: [{ ...good, id: 'one' }] }, 400, /points\[0\]\.id/],
  ['broken JSON', 'PUT', points, '{"points":[{"id":1,', 400, /JSON/i],
  ['two JSON texts', 'PUT', points, '{"points":[]}{"points":[]}', 400, /JSON/i],
  ['no body', 'PUT', points, undefined, 400, /body|JSON|points/i],
  ['deep nesting', 'PUT', points, `{"points":${'['.repeat(100_000)}`, 400, /JSON|deep|nest/i],
  ['an unknown field', 'PUT', points, { points: [good], colour: 'red' }, 400, /colour/],
  ['an unknown field of a point', 'PUT', points, { points: [{ ...good, colour: 'red' }] }, 400, /colour/],
  ['an unknown field of a query', 'POST', query, { query: [1, 2, 3], knn: 5 }, 400, /knn/],
  ['an unknown kind of filter', 'POST', query, { query: [1, 2, 3], filter: { musst: [] } }, 400, /musst/],
  ['an unknown parameter', 'PUT', `${points}?wiat=true`, { points: [good] }, 400, /wiat/],
  ['an unknown collection: read', 'GET', '/collections/nobody', undefined, 404, /nobody/],
  ['an unknown collection: write', 'PUT', '/collections/nobody/points', { points: [good] }, 404, /nobody/],
  ['an unknown collection: query', 'POST', '/collections/nobody/points/query', { query: [1] }, 404, /nobody/],
  ['a name that is there', 'PUT', '/collections/Edge', config, 409, /Edge/],
  ['no name', 'PUT', '/collections/', config, 422, /1 to 255/],
  ['a path as a name', 'PUT', '/collections/..%2Fx', config, 422, /"\/"/],
  ['a folder as a name', 'PUT', '/collections/%2E%2E', config, 422, /name/],
  ['a path that climbs', 'PUT', '/collections/../x', config, 404, /\w/],
  ['300 characters as a name', 'PUT', `/collections/${'n'.repeat(300)}`, config, 422, /255/],
  ['a null character in a name', 'PUT', '/collections/a%00b', config, 422, /contain/],
  ['a line break in a name', 'PUT', '/collections/a%0Ab', config, 422, /contain/],
  ['half a character in a name', 'PUT', '/collections/%FF', config, 400, /\w/],
  ['dimension 0', 'PUT', '/collections/d', { vectors: { size: 0, distance: 'Dot' } }, 422, /vectors\.size/],
  ['dimension 1e9', 'PUT', '/collections/d', { vectors: { size: 1e9, distance: 'Dot' } }, 422, /vectors\.size/],
  ['a half dimension', 'PUT', '/collections/d', { vectors: { size: 1.5, distance: 'Dot' } }, 400, /vectors\.size/],
  ['an unknown metric', 'PUT', '/collections/d', { vectors: { size: 2, distance: 'Chebyshev' } }, 400, /distance/],
  ['1000 shards', 'PUT', '/collections/d', { ...config, shard_number: 1000 }, 422, /shard_number/],
  ['a field that cannot change', 'PATCH', '/collections/Edge', { vectors: { size: 9 } }, 400, /size/],
  ['a wrong method on points', 'PATCH', points, {}, 404, /PATCH/],
  ['a wrong method on collections', 'DELETE', '/collections', undefined, 404, /DELETE/],
  ['a wrong method on a collection', 'POST', '/collections/Edge', config, 404, /POST/],
  ['no such route', 'GET', '/admin/../../etc/passwd', undefined, 404, /\w/],
  ['a limit beyond the bound', 'POST', query, { query: [1, 2, 3], limit: 1e7 }, 422, /limit/],
  ['a DEL character in a name', 'PUT', '/collections/a%7Fb', config, 422, /contain/],
  ['an escape in a name', 'PUT', '/collections/a%1B%5B31m', config, 422, /contain/],
  ['a body over the limit', 'PUT', points, 'x'.repeat(MAX_BODY_BYTES + 1), 413, /limit|smaller/],
];

test.each(CASES)('%s', async (_title, method, path, body, status, sentence) => {
  const answer = await rest(embedded.url, method, path, body);
  expect([answer.status, `${answer.field}: ${answer.error}`]).toEqual([status, expect.stringMatching(sentence)]);
  // A sentence for people, not a stack or a library's name for it.
  expect(answer.error).not.toMatch(/\n\s+at |node_modules|FST_|TypeError|SQLITE/);
  expect(answer.error.length).toBeLessThan(1000);
});

test('afterwards nothing has changed, and every node is healthy', async () => {
  expect(await state()).toEqual(before);
  // The Service goes round the nodes: these reach each of them.
  for (let i = 0; i < 4; i++) {
    expect(await rest(embedded.url, 'GET', '/healthz')).toMatchObject({ status: 200 });
    expect(await rest(embedded.url, 'GET', '/readyz')).toMatchObject({ status: 200 });
  }
  await ask(embedded.url, 'PUT', `${points}?wait=true`, { points: [good] });
  expect(await ask(embedded.url, 'POST', `${points}/count`, {})).toEqual({ count: POINTS + 1 });
});
