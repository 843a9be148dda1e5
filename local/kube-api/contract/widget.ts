import type { JsonObject } from '../json.ts';

export const WIDGET_GROUP = 'contract.annulus.dev';

const ITEM: JsonObject = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', maxLength: 20 },
    value: { type: 'string', default: 'dv' },
    frozen: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'frozen is frozen' }] },
  },
};

const SPEC: JsonObject = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1, maximum: 10, default: 3 },
    mode: { type: 'string', enum: ['A', 'B'] },
    name: { type: 'string', pattern: '^[a-z]+$', minLength: 2, maxLength: 5 },
    port: { 'x-kubernetes-int-or-string': true },
    any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    nul: { type: 'string', nullable: true },
    when: { type: 'string', format: 'date-time' },
    ratio: { type: 'number', minimum: 0, exclusiveMinimum: true },
    tags: {
      type: 'array',
      'x-kubernetes-list-type': 'set',
      minItems: 1,
      maxItems: 3,
      items: { type: 'string', maxLength: 20 },
    },
    map: { type: 'object', maxProperties: 2, additionalProperties: { type: 'integer' } },
    items: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      maxItems: 10,
      items: ITEM,
    },
    atomic: { type: 'array', maxItems: 10, items: { type: 'integer' } },
    fixed: { type: 'string', maxLength: 30, 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] },
    nest: { type: 'object', default: {}, properties: { a: { type: 'string', default: 'x' }, b: { type: 'boolean' } } },
    replicas: { type: 'integer' },
    either: {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'string' } },
      oneOf: [{ required: ['a'] }, { required: ['b'] }],
    },
    quota: { type: 'string', maxLength: 20 },
  },
  'x-kubernetes-validations': [
    {
      rule: "!has(self.mode) || self.mode != 'B' || self.size > 2",
      messageExpression: "self.size < 2 ? 'size is too small for B' : 'no'",
      fieldPath: '.size',
      reason: 'FieldValueForbidden',
    },
    { rule: 'self.size >= oldSelf.size', message: 'size may not shrink' },
    { rule: '!has(self.map) || self.map.all(k, self.map[k] > 0)' },
    { rule: '!has(self.tags) || self.tags.isSorted()', message: 'tags sorted' },
    { rule: '!has(self.atomic) || self.atomic[5] > 0' },
    { rule: 'oldSelf.hasValue() || self.size < 9', optionalOldSelf: true, message: 'created small' },
    { rule: "!has(self.quota) || quantity(self.quota).isLessThan(quantity('1Gi'))", message: 'quota below 1Gi' },
  ],
};

const STATUS: JsonObject = {
  type: 'object',
  properties: {
    phase: { type: 'string' },
    replicas: { type: 'integer', minimum: 0 },
    selector: { type: 'string' },
    conditions: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type', 'status'],
        properties: { type: { type: 'string' }, status: { type: 'string' } },
      },
    },
  },
};

/** A definition that uses everything that this server claims to understand. */
export const WIDGET_CRD: JsonObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${WIDGET_GROUP}` },
  spec: {
    group: WIDGET_GROUP,
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: SPEC, status: STATUS } } },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: '.spec.replicas',
            statusReplicasPath: '.status.replicas',
            labelSelectorPath: '.status.selector',
          },
        },
        additionalPrinterColumns: [
          { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
          { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
          { name: 'Ready', type: 'string', jsonPath: ".status.conditions[?(@.type=='Ready')].status" },
          { name: 'Since', type: 'date', jsonPath: '.spec.when' },
          { name: 'Tags', type: 'string', priority: 1, jsonPath: '.spec.tags' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
      },
    ],
  },
};

export const widget = (name: string, spec: JsonObject, more: JsonObject = {}): JsonObject => ({
  apiVersion: `${WIDGET_GROUP}/v1`,
  kind: 'Widget',
  metadata: { name },
  spec,
  ...more,
});
