import type { KubeObject } from '../api-types.ts';
import { asObject, isObject, jsonEqual } from '../json.ts';
import type { JsonObject } from '../json.ts';
import type { KindBehaviour } from '../resource-def.ts';
import { fieldErrors, printValue } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import { ensureObject, fill, objectsIn, specOf } from './defaults.ts';
import { defaultPodSpec, validatePodSpec } from './pod-spec.ts';
import { defaultClaimSpec } from './volumes.ts';

const REVISIONS_KEPT = 10;

function defaultTemplate(spec: JsonObject): void {
  const template = ensureObject(spec, 'template');
  const metadata = ensureObject(template, 'metadata');
  delete metadata['creationTimestamp'];
  defaultPodSpec(ensureObject(template, 'spec'));
}

/** Errors that both workload kinds share: replicas, selector against template, containers. */
function validateWorkload(object: KubeObject): FieldError[] {
  const spec = specOf(object);
  const errors: FieldError[] = [];
  const replicas = Number(spec['replicas'] ?? 0);
  if (replicas < 0) errors.push(fieldErrors.invalid('spec.replicas', replicas, 'must be greater than or equal to 0'));
  const template = asObject(spec['template']);
  const labels = asObject(asObject(template['metadata'])['labels']);
  if (!isObject(spec['selector'])) errors.push(fieldErrors.required('spec.selector', ''));
  else {
    const wanted = asObject(spec['selector']['matchLabels']);
    if (Object.keys(spec['selector']).length === 0)
      errors.push(
        fieldErrors.invalid(
          'spec.selector',
          spec['selector'],
          `empty selector is invalid for ${object.kind === 'StatefulSet' ? 'statefulset' : 'deployment'}`,
        ),
      );
    const matches = Object.entries(wanted).every(([key, value]) => labels[key] === value);
    if (!matches)
      errors.push(
        fieldErrors.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
      );
  }
  errors.push(...validatePodSpec(asObject(template['spec']), 'spec.template.spec'));
  const restart = asObject(template['spec'])['restartPolicy'];
  if (restart !== 'Always')
    errors.push(fieldErrors.notSupported('spec.template.spec.restartPolicy', restart, ['Always']));
  return errors;
}

/** What may change in a StatefulSet's spec after its creation. */
const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];
const MUTABLE_TEXT =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const fixedPart = (object: KubeObject): JsonObject =>
  Object.fromEntries(Object.entries(specOf(object)).filter(([key]) => !MUTABLE.includes(key)));

export const STATEFUL_SET: KindBehaviour = {
  hasGeneration: true,
  defaults: (object) => {
    const spec = specOf(object);
    fill(spec, { podManagementPolicy: 'OrderedReady', replicas: 1, revisionHistoryLimit: REVISIONS_KEPT });
    const strategy = ensureObject(spec, 'updateStrategy');
    fill(strategy, { type: 'RollingUpdate' });
    if (strategy['type'] === 'RollingUpdate') fill(ensureObject(strategy, 'rollingUpdate'), { partition: 0 });
    fill(ensureObject(spec, 'persistentVolumeClaimRetentionPolicy'), { whenDeleted: 'Retain', whenScaled: 'Retain' });
    defaultTemplate(spec);
    for (const claim of objectsIn(spec['volumeClaimTemplates'])) {
      fill(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
      defaultClaimSpec(ensureObject(claim, 'spec'));
      claim['status'] = { phase: 'Pending' };
      const metadata = ensureObject(claim, 'metadata');
      delete metadata['creationTimestamp'];
    }
  },
  prepareCreate: (object) => {
    object.status = { replicas: 0, availableReplicas: 0 };
  },
  validate: validateWorkload,
  validateUpdate: (object, old) =>
    jsonEqual(fixedPart(object), fixedPart(old)) ? [] : [fieldErrors.forbidden('spec', MUTABLE_TEXT)],
  nameRule: 'subdomain',
};

export const DEPLOYMENT: KindBehaviour = {
  hasGeneration: true,
  defaults: (object) => {
    const spec = specOf(object);
    fill(spec, { replicas: 1, revisionHistoryLimit: REVISIONS_KEPT, progressDeadlineSeconds: 600 });
    const strategy = ensureObject(spec, 'strategy');
    fill(strategy, { type: 'RollingUpdate' });
    if (strategy['type'] === 'RollingUpdate')
      fill(ensureObject(strategy, 'rollingUpdate'), { maxUnavailable: '25%', maxSurge: '25%' });
    defaultTemplate(spec);
  },
  prepareCreate: (object) => {
    object.status = {};
  },
  validate: validateWorkload,
  validateUpdate: (object, old) => {
    const selector = specOf(object)['selector'] ?? null;
    if (jsonEqual(selector, asObject(old.spec)['selector'] ?? null)) return [];
    const shown = {
      type: 'FieldValueInvalid',
      field: 'spec.selector',
      detail: `Invalid value: ${printValue(selector)}: field is immutable`,
    };
    return [shown];
  },
};
