import type { KubeObject } from '../api-types.ts';
import { asArray, asObject, asString, isObject, jsonEqual } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import type { KindBehaviour } from '../resource-def.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import { fill, objectsIn, specOf } from './defaults.ts';

const KEY = '[-._a-zA-Z0-9]+';
const KEY_TEXT = `a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '${KEY}')`;
/** Of all values of a ConfigMap or Secret together. */
const MAX_DATA_BYTES = 1024 * 1024;

function dataErrors(object: KubeObject, members: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const member of members) {
    for (const [key, value] of Object.entries(asObject(object[member]))) {
      size += asString(value).length;
      if (!new RegExp(`^${KEY}$`).test(key)) errors.push(fieldErrors.invalid(`${member}[${key}]`, key, KEY_TEXT));
    }
  }
  if (size > MAX_DATA_BYTES) errors.push(fieldErrors.tooLong(members.length > 1 ? '' : 'data', MAX_DATA_BYTES));
  return errors;
}

function immutableErrors(object: KubeObject, old: KubeObject, members: readonly string[]): FieldError[] {
  if (old['immutable'] !== true) return [];
  const errors: FieldError[] = [];
  const text = 'field is immutable when `immutable` is set';
  if (object['immutable'] !== true) errors.push(fieldErrors.forbidden('immutable', text));
  for (const member of members) {
    if (!jsonEqual((object[member] ?? {}) as Json, (old[member] ?? {}) as Json))
      errors.push(fieldErrors.forbidden(member, text));
  }
  return errors;
}

export const CONFIG_MAP: KindBehaviour = {
  validate: (object) => dataErrors(object, ['data', 'binaryData']),
  validateUpdate: (object, old) => immutableErrors(object, old, ['data', 'binaryData']),
};

export const SECRET: KindBehaviour = {
  defaults: (secret) => {
    secret['type'] ??= 'Opaque';
    const plain = secret['stringData'];
    if (!isObject(plain)) return;
    const data: JsonObject = { ...asObject(secret['data']) };
    for (const [key, value] of Object.entries(plain))
      data[key] = Buffer.from(asString(value), 'utf8').toString('base64');
    secret['data'] = data;
    delete secret['stringData'];
  },
  validate: (object) => dataErrors(object, ['data']),
  validateUpdate: (object, old) => {
    const errors = immutableErrors(object, old, ['data']);
    if (object['type'] !== old['type']) errors.push(fieldErrors.invalid('type', object['type'], 'field is immutable'));
    return errors;
  },
  selectableFields: { type: (secret) => asString(secret['type']) },
};

const involved =
  (field: string) =>
  (event: KubeObject): string =>
    asString((asObject(event['involvedObject'] ?? event['regarding']) as JsonObject)[field]);

export const EVENT: KindBehaviour = {
  selectableFields: {
    'involvedObject.kind': involved('kind'),
    'involvedObject.name': involved('name'),
    'involvedObject.namespace': involved('namespace'),
    'involvedObject.uid': involved('uid'),
    'involvedObject.apiVersion': involved('apiVersion'),
    'involvedObject.resourceVersion': involved('resourceVersion'),
    'involvedObject.fieldPath': involved('fieldPath'),
    'regarding.kind': involved('kind'),
    'regarding.name': involved('name'),
    'regarding.namespace': involved('namespace'),
    'regarding.uid': involved('uid'),
    reason: (event) => asString(event['reason']),
    type: (event) => asString(event['type']),
    reportingComponent: (event) => asString(event['reportingComponent']),
    source: (event) => asString(asObject(event['source'])['component']) || asString(event['reportingComponent']),
  },
};

export const NAMESPACE: KindBehaviour = {
  nameRule: 'label',
  defaults: (namespace) => {
    const { name } = namespace.metadata;
    if (name) namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': name };
  },
  prepareCreate: (namespace) => {
    namespace.spec = { finalizers: ['kubernetes'] };
    namespace.status = { phase: 'Active' };
  },
  prepareUpdate: (namespace, old) => {
    namespace.spec = { ...namespace.spec, finalizers: asArray(asObject(old.spec)['finalizers']) };
  },
  selectableFields: { 'status.phase': (namespace) => asString(asObject(namespace.status)['phase']) },
};

export const NETWORK_POLICY: KindBehaviour = {
  hasGeneration: true,
  defaults: (policy) => {
    const spec = specOf(policy);
    spec['podSelector'] ??= {};
    fill(spec, { policyTypes: spec['egress'] === undefined ? ['Ingress'] : ['Ingress', 'Egress'] });
    for (const rule of [...objectsIn(spec['ingress']), ...objectsIn(spec['egress'])]) {
      for (const port of objectsIn(rule['ports'])) fill(port, { protocol: 'TCP' });
    }
  },
};

export const POD_DISRUPTION_BUDGET: KindBehaviour = {
  hasGeneration: true,
  prepareCreate: (budget) => {
    budget.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
  validate: (budget) => {
    const spec = specOf(budget);
    if (spec['minAvailable'] === undefined || spec['maxUnavailable'] === undefined) return [];
    return [fieldErrors.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')];
  },
};

export const ENDPOINTS: KindBehaviour = {
  defaults: (endpoints) => {
    for (const subset of objectsIn(endpoints['subsets'] as Json | undefined)) {
      for (const port of objectsIn(subset['ports'])) fill(port, { protocol: 'TCP' });
    }
  },
};

export const ENDPOINT_SLICE: KindBehaviour = {
  hasGeneration: true,
  defaults: (slice) => {
    for (const port of objectsIn(slice['ports'] as Json | undefined)) fill(port, { protocol: 'TCP' });
  },
};

export const STORAGE_CLASS: KindBehaviour = {
  defaults: (storageClass) => {
    storageClass['reclaimPolicy'] ??= 'Delete';
    storageClass['volumeBindingMode'] ??= 'Immediate';
  },
};
