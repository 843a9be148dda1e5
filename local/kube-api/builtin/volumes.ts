import { asObject, asString, isObject, jsonEqual } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { parseQuantity } from '../quantity.ts';
import type { KindBehaviour } from '../resource-def.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import { fill, specOf } from './defaults.ts';
import { canonicalResources } from './pod-spec.ts';

export function defaultClaimSpec(spec: JsonObject): void {
  fill(spec, { volumeMode: 'Filesystem' });
  if (isObject(spec['resources'])) canonicalResources(spec['resources']);
}

const storageOf = (spec: JsonObject): string =>
  String(asObject(asObject(spec['resources'])['requests'])['storage'] ?? '');
const bytes = (quantity: string): bigint => parseQuantity(quantity)?.nanos ?? 0n;

function validateClaim(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  if (!Array.isArray(spec['accessModes']) || spec['accessModes'].length === 0) {
    errors.push(fieldErrors.required('spec.accessModes', 'at least 1 access mode is required'));
  }
  const storage = storageOf(spec);
  if (storage === '') errors.push(fieldErrors.required('spec.resources[storage]', ''));
  else if (bytes(storage) <= 0n)
    errors.push(fieldErrors.invalid('spec.resources[storage]', storage, 'must be greater than zero'));
  return errors;
}

const IMMUTABLE_TEXT =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

export const CLAIM: KindBehaviour = {
  defaults: (claim) => defaultClaimSpec(specOf(claim)),
  prepareCreate: (claim) => {
    claim.status = { phase: 'Pending' };
  },
  validate: (claim) => validateClaim(specOf(claim)),
  validateUpdate: (claim, old) => {
    const spec = specOf(claim);
    const was = asObject(old.spec);
    const fixed = ({ resources: _, volumeName, ...rest }: JsonObject): JsonObject =>
      was['volumeName'] === undefined ? rest : { ...rest, volumeName };
    const isBound = asString(asObject(old.status)['phase']) === 'Bound';
    const grows = storageOf(spec) !== storageOf(was);
    if (!jsonEqual(fixed(spec), fixed(was)) || (grows && !isBound))
      return [fieldErrors.forbidden('spec', IMMUTABLE_TEXT)];
    if (bytes(storageOf(spec)) < bytes(storageOf(was))) {
      return [fieldErrors.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity')];
    }
    return [];
  },
};

export const VOLUME: KindBehaviour = {
  defaults: (volume) => {
    const spec = specOf(volume);
    fill(spec, { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
    if (isObject(spec['hostPath'])) fill(spec['hostPath'], { type: '' });
  },
  prepareCreate: (volume) => {
    volume.status = { phase: 'Pending' };
  },
};
