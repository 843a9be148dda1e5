import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { openApi } from './openapi.ts';
import type { Route } from './route.ts';
import { ROUTES } from './server.ts';
import { twinServer } from './testing/start.ts';

test('the description has every route, with schemas that compile', async () => {
  const { server } = twinServer();
  const answer = await server.inject({ method: 'GET', url: '/openapi.json' });
  await server.close();
  const description = answer.json<{ paths: Record<string, Record<string, unknown>> }>();
  expect(Object.values(description.paths).flatMap((path) => Object.keys(path))).toHaveLength(ROUTES.length);
  expect(description.paths['/collections/{name}/points/query']).toHaveProperty('post.requestBody');
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const route of ROUTES) {
    if (route.body !== undefined) expect(() => ajv.compile(route.body!)).not.toThrow();
    if (route.result !== undefined) expect(() => ajv.compile(route.result!)).not.toThrow();
  }
});

test('an operation names its parameters and its envelope', () => {
  const route: Route = {
    method: 'GET',
    path: '/a/:name',
    summary: 'A',
    parameters: ['timeout'],
    result: { type: 'boolean' },
    handle: () => 'true',
  };
  const description = openApi([route], '1.0.0');
  expect(description).toHaveProperty(['paths', '/a/{name}', 'get', 'parameters', '0', 'name'], 'name');
  expect(description).toHaveProperty(['paths', '/a/{name}', 'get', 'parameters', '1', 'name'], 'timeout');
  expect(description).toHaveProperty(
    [
      'paths',
      '/a/{name}',
      'get',
      'responses',
      '200',
      'content',
      'application/json',
      'schema',
      'properties',
      'result',
      'type',
    ],
    'boolean',
  );
});
