import { expect } from '@jest/globals';
import type { Json } from '../json.ts';
import { contractCases, configMap } from './case.ts';
import type { ContractCase, ContractContext } from './case.ts';
import { widget } from './widget.ts';

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

interface Refusal {
  readonly what: string;
  readonly body: Json;
  readonly code: number;
  readonly message: string;
  readonly query?: string;
  readonly url?: (context: ContractContext) => string;
}

const CONFIG_MAPS: readonly Refusal[] = [
  {
    what: 'a bad name',
    body: configMap('Bad_Name'),
    code: 422,
    message: `ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": ${SUBDOMAIN}`,
  },
  {
    what: 'no name',
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} },
    code: 422,
    message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  },
  {
    what: 'a bad key',
    body: configMap('k', { 'bad key': 'x' }),
    code: 422,
    message: `ConfigMap "k" is invalid: data[bad key]: Invalid value: "bad key": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
  },
  {
    what: 'an unknown field under strict validation',
    body: { ...configMap('u'), bogus: 1 },
    query: '?fieldValidation=Strict',
    code: 400,
    message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "bogus"',
  },
  {
    what: 'a value of the wrong type',
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 't' }, data: { k: 5 } },
    code: 400,
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
  },
  {
    what: 'another kind',
    body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } },
    code: 400,
    message:
      'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
  },
  {
    what: 'another namespace',
    body: configMap('x', {}, { namespace: 'default' }),
    code: 400,
    message: 'the namespace of the provided object does not match the namespace sent on the request',
  },
  {
    what: 'a namespace that is not there',
    url: () => '/api/v1/namespaces/not-there/configmaps',
    body: configMap('x'),
    code: 404,
    message: 'namespaces "not-there" not found',
  },
];

const REF = 'Widget.contract.annulus.dev "bad" is invalid: ';
const UNCHECKED =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** Specs that the widget's schema or rules refuse, with the whole sentence after the name. */
const SPECS: readonly [string, Json, string][] = [
  ['minimum', { size: 0 }, 'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1'],
  [
    'integer',
    { size: '3' },
    `[spec.size: Invalid value: "string": spec.size in body must be of type integer: "string", ${UNCHECKED}]`,
  ],
  [
    'fraction',
    { size: 1.5 },
    `[spec.size: Invalid value: "number": spec.size in body must be of type integer: "number", ${UNCHECKED}]`,
  ],
  ['enum', { mode: 'C' }, `[spec.mode: Unsupported value: "C": supported values: "A", "B", ${UNCHECKED}]`],
  ['minLength', { name: 'a' }, 'spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long'],
  ['maxLength', { name: 'aaaaaaa' }, `[spec.name: Too long: may not be more than 5 bytes, ${UNCHECKED}]`],
  ['pattern', { name: 'A1' }, 'spec.name: Invalid value: "A1": spec.name in body should match \'^[a-z]+$\''],
  ['minItems', { tags: [] }, 'spec.tags: Invalid value: 0: spec.tags in body should have at least 1 items'],
  ['maxItems', { tags: ['a', 'b', 'c', 'd'] }, `[spec.tags: Too many: 4: must have at most 3 items, ${UNCHECKED}]`],
  ['a set with duplicates', { tags: ['a', 'a'] }, 'spec.tags[1]: Duplicate value: "a"'],
  [
    'a keyed list with duplicates',
    { items: [{ name: 'a' }, { name: 'a' }] },
    'spec.items[1]: Duplicate value: {"name":"a"}',
  ],
  ['required in a list', { items: [{}] }, `[spec.items[0].name: Required value, ${UNCHECKED}]`],
  ['maxProperties', { map: { a: 1, b: 2, c: 3 } }, `[spec.map: Too many: 3: must have at most 2 items, ${UNCHECKED}]`],
  [
    'a map value',
    { map: { a: 'x' } },
    `[spec.map.a: Invalid value: "string": spec.map.a in body must be of type integer: "string", ${UNCHECKED}]`,
  ],
  [
    'format',
    { when: 'xx' },
    `[spec.when: Invalid value: "xx": spec.when in body must be of type date-time: "xx", ${UNCHECKED}]`,
  ],
  ['exclusiveMinimum', { ratio: 0 }, 'spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0'],
  [
    'int-or-string',
    { port: true },
    `[spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean", ${UNCHECKED}]`,
  ],
  ['scale below zero', { replicas: -1 }, '.spec.replicas: Invalid value: -1: should be a non-negative integer'],
  [
    'a rule with its expression',
    { map: { a: 0 } },
    'spec: Invalid value: "object": failed rule: !has(self.map) || self.map.all(k, self.map[k] > 0)',
  ],
  ['a rule with a message', { tags: ['b', 'a'] }, 'spec: Invalid value: "object": tags sorted'],
  [
    'a rule with messageExpression, fieldPath and reason',
    { mode: 'B', size: 1 },
    'spec.size: Forbidden: size is too small for B',
  ],
  [
    'a rule that fails to run',
    { atomic: [1] },
    'spec: Invalid value: "object": index out of bounds: 5 evaluating rule: !has(self.atomic) || self.atomic[5] > 0',
  ],
  ['a rule with an optional old value', { size: 9 }, 'spec: Invalid value: "object": created small'],
  ['a rule on quantities', { quota: '2Gi' }, 'spec: Invalid value: "object": quota below 1Gi'],
];

export const REFUSAL_CASES: readonly ContractCase[] = contractCases([
  ...CONFIG_MAPS.map(({ what, body, code, message, query = '', url }): ContractCase => ({
    name: `refuses ${what}`,
    run: async (context) => {
      const answer = await context.client.post(`${url?.(context) ?? context.core('configmaps')}${query}`, body);
      expect(answer.body['message']).toBe(message);
      expect(answer.code).toBe(code);
    },
  })),
  ...SPECS.map(([what, spec, message]): ContractCase => ({
    name: `refuses by ${what}`,
    run: async ({ client, widgets }) => {
      const answer = await client.post(widgets(), { ...widget('bad', {}), spec });
      expect(answer.body['message']).toBe(`${REF}${message}`);
      expect(answer.code).toBe(422);
      expect(answer.body).toMatchObject({
        reason: 'Invalid',
        details: { name: 'bad', group: 'contract.annulus.dev', kind: 'Widget' },
      });
    },
  })),
  {
    name: 'refuses by oneOf',
    run: async ({ client, widgets }) => {
      const answer = await client.post(widgets(), widget('bad', { either: { a: '1', b: '2' } }));
      expect(answer.body['message']).toBe(
        `${REF}<nil>: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). Found 2 valid alternatives`,
      );
    },
  },
  {
    name: 'not found and already exists',
    run: async ({ client, core }) => {
      const missing = await client.get(core('configmaps', 'missing'));
      expect(missing.body).toEqual({
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'configmaps "missing" not found',
        reason: 'NotFound',
        details: { name: 'missing', kind: 'configmaps' },
        code: 404,
      });
      await client.post(core('configmaps'), configMap('twice'));
      const twice = await client.post(core('configmaps'), configMap('twice'));
      expect(twice.body).toMatchObject({
        code: 409,
        reason: 'AlreadyExists',
        message: 'configmaps "twice" already exists',
      });
    },
  },
]);
