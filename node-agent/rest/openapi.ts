import { ERRORS } from '#model/errors.ts';
import { PARAMETERS } from './query-params.ts';
import type { Route } from './route.ts';

const ERROR = {
  type: 'object',
  required: ['status', 'result', 'time', 'code'],
  properties: {
    status: {
      type: 'object',
      properties: { error: { type: 'string', description: 'A sentence: what was wrong, where, what to do.' } },
    },
    result: { type: 'null' },
    time: { type: 'number', description: 'Seconds.' },
    code: { type: 'string', enum: Object.keys(ERRORS) },
    field: { type: 'string', description: 'Path of the offending field.' },
  },
};

/** OpenAPI 3.1 description of a table of routes. */
export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Annulus client API (Qdrant REST dialect)', version },
    paths,
    components: { schemas: { Error: ERROR } },
  };
}

function operation(route: Route): object {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = (route.parameters ?? []).map((name) => ({
    name,
    in: 'query',
    required: false,
    description: PARAMETERS[name].about,
    schema: PARAMETERS[name].schema,
  }));
  const content = (schema: object): object => ({ 'application/json': { schema } });
  return {
    summary: route.summary,
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: content(route.body) } }),
    responses: {
      200: { description: 'OK', ...(route.result === undefined ? {} : { content: content(envelope(route.result)) }) },
      default: { description: 'Refused or failed', content: content({ $ref: '#/components/schemas/Error' }) },
    },
  };
}

function envelope(result: object): object {
  return {
    type: 'object',
    required: ['result', 'status', 'time'],
    properties: { result, status: { const: 'ok' }, time: { type: 'number', description: 'Seconds.' } },
  };
}
