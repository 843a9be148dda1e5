import { AnnulusError } from '#model/errors.ts';
import { readBody } from './json.ts';
import { array, object } from './read.ts';
import { unsupported } from './refusals.ts';
import { collectionOf, type Call, type PlainAnswer, type ProbeAnswer, type Route } from './route.ts';

/** Version of the dialect that clients compare themselves with; not that of Annulus. */
export const DIALECT_VERSION = '1.19.0';

const ALIASES = { type: 'object', properties: { aliases: { type: 'array', maxItems: 0 } } };

/** Probes, metrics, versions, and what of aliases clients ask in passing. */
export const SERVICE_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/',
    summary: 'Title, and the version of the dialect',
    handle: () =>
      json({ title: 'annulus - a ring of ANN shards, speaking the qdrant dialect', version: DIALECT_VERSION }),
  },
  { method: 'GET', path: '/healthz', summary: 'The process is up', handle: ({ deps }) => probe(deps.health.healthz()) },
  { method: 'GET', path: '/livez', summary: 'The process is up', handle: ({ deps }) => probe(deps.health.healthz()) },
  {
    method: 'GET',
    path: '/readyz',
    summary: "The node's own copies are ready",
    handle: ({ deps }) => probe(deps.health.readyz()),
  },
  {
    method: 'GET',
    path: '/metrics',
    summary: 'Prometheus metrics',
    handle: async ({ deps }) => ({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      text: await deps.health.metrics(),
    }),
  },
  {
    method: 'GET',
    path: '/telemetry',
    summary: 'What this is; numbers are at /metrics',
    result: { type: 'object' },
    handle: ({ deps }: Call): string => {
      const { cluster, clusterUID, collections } = deps.router.map();
      return JSON.stringify({
        id: clusterUID,
        app: { name: 'annulus', version: DIALECT_VERSION },
        collections: { number_of_collections: collections.length },
        cluster: { name: cluster },
      });
    },
  },
  {
    method: 'GET',
    path: '/aliases',
    summary: 'Aliases: there are none',
    result: ALIASES,
    handle: () => '{"aliases":[]}',
  },
  {
    method: 'GET',
    path: '/collections/:name/aliases',
    summary: 'Aliases of a collection: there are none',
    result: ALIASES,
    handle: (call: Call): string => {
      collectionOf(call);
      return '{"aliases":[]}';
    },
  },
  {
    method: 'POST',
    path: '/collections/aliases',
    summary: 'Change aliases: only no change is supported',
    parameters: ['timeout'],
    body: { type: 'object', required: ['actions'], properties: { actions: { type: 'array', maxItems: 0 } } },
    result: { type: 'boolean' },
    handle: ({ body }: Call): string => {
      const { actions } = readBody(body, (value) => object(value, '', ['actions']));
      if (array(actions, 'actions').length > 0)
        throw unsupported('actions[0]', 'is not supported: there are no aliases');
      return 'true';
    },
  },
];

/** Parts of the dialect that we know of and do not have, so that the answer can say so. */
const ABSENT: readonly [Route['method'], string][] = [
  ['GET', '/cluster'],
  ['GET', '/cluster/telemetry'],
  ['POST', '/cluster/recover'],
  ['DELETE', '/cluster/peer/:peer'],
  ['GET', '/issues'],
  ['DELETE', '/issues'],
  ['GET', '/quotas'],
  ['PUT', '/quotas'],
  ['GET', '/snapshots'],
  ['POST', '/snapshots'],
  ['GET', '/snapshots/:snapshot'],
  ['DELETE', '/snapshots/:snapshot'],
  ['GET', '/collections/:name/cluster'],
  ['POST', '/collections/:name/cluster'],
  ['GET', '/collections/:name/optimizations'],
  ['GET', '/collections/:name/shards'],
  ['PUT', '/collections/:name/shards'],
  ['POST', '/collections/:name/shards/delete'],
  ['PUT', '/collections/:name/vectors/:vector'],
  ['DELETE', '/collections/:name/vectors/:vector'],
  ['GET', '/collections/:name/snapshots'],
  ['POST', '/collections/:name/snapshots'],
  ['PUT', '/collections/:name/snapshots/recover'],
  ['POST', '/collections/:name/snapshots/upload'],
  ['GET', '/collections/:name/snapshots/:snapshot'],
  ['DELETE', '/collections/:name/snapshots/:snapshot'],
  ['POST', '/collections/:name/facet'],
  ['POST', '/collections/:name/points/query/groups'],
  ['POST', '/collections/:name/points/search/groups'],
  ['POST', '/collections/:name/points/recommend/groups'],
  ['POST', '/collections/:name/points/discover'],
  ['POST', '/collections/:name/points/discover/batch'],
  ['POST', '/collections/:name/points/search/matrix/pairs'],
  ['POST', '/collections/:name/points/search/matrix/offsets'],
];

/** Routes that answer 400 and name themselves as unsupported. */
export const ABSENT_ROUTES: readonly Route[] = ABSENT.map(([method, path]) => ({
  method,
  path,
  summary: 'Not supported',
  handle: () => {
    throw new AnnulusError(
      'ANN_UNSUPPORTED',
      `Bad request: ${method} ${path.replaceAll(/:(\w+)/g, '{$1}')} is not supported`,
    );
  },
}));

function json(value: object): PlainAnswer {
  return { status: 200, type: 'application/json', text: JSON.stringify(value) };
}

function probe({ ok, text }: ProbeAnswer): PlainAnswer {
  return { status: ok ? 200 : 503, type: 'text/plain; charset=utf-8', text: `${text}\n` };
}
