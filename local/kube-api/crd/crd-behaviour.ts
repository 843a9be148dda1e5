import type { KubeObject } from '../api-types.ts';
import { asArray, asObject, asString } from '../json.ts';
import type { JsonObject } from '../json.ts';
import type { KindBehaviour } from '../resource-def.ts';
import { fieldErrors } from '../status-errors.ts';
import type { FieldError } from '../status-errors.ts';
import type { Schema } from '../schema/schema.ts';
import { structuralErrors } from './validate-schema.ts';
import { ensureObject, fill, objectsIn, specOf } from '../builtin/defaults.ts';

function defaults(crd: KubeObject): void {
  const spec = specOf(crd);
  const names = ensureObject(spec, 'names');
  const kind = asString(names['kind']);
  fill(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
  fill(spec, { conversion: { strategy: 'None' } });
}

function validate(crd: KubeObject): FieldError[] {
  const spec = specOf(crd);
  const names = asObject(spec['names']);
  const errors: FieldError[] = [];
  const wanted = `${asString(names['plural'])}.${asString(spec['group'])}`;
  for (const member of ['plural', 'kind'])
    if (!names[member]) errors.push(fieldErrors.required(`spec.names.${member}`, ''));
  if (!spec['group']) errors.push(fieldErrors.required('spec.group', ''));
  if (crd.metadata.name !== wanted) {
    errors.push(fieldErrors.invalid('metadata.name', crd.metadata.name, `must be spec.names.plural+"."+spec.group`));
  }
  if (spec['scope'] !== 'Namespaced' && spec['scope'] !== 'Cluster') {
    errors.push(
      spec['scope'] === undefined
        ? fieldErrors.required('spec.scope', '')
        : fieldErrors.notSupported('spec.scope', spec['scope'], ['Cluster', 'Namespaced']),
    );
  }
  const versions = objectsIn(spec['versions']);
  if (versions.filter((v) => v['storage'] === true).length !== 1) {
    errors.push(
      fieldErrors.invalid('spec.versions', versions, 'must have exactly one version marked as storage version'),
    );
  }
  versions.forEach((version, i) => {
    if (asObject(version['schema'])['openAPIV3Schema'] === undefined) {
      errors.push(fieldErrors.required(`spec.versions[${i}].schema.openAPIV3Schema`, ''));
      return;
    }
    // One version alone is shown under the path that it had before there were versions.
    const path =
      versions.length === 1 ? 'spec.validation.openAPIV3Schema' : `spec.versions[${i}].schema.openAPIV3Schema`;
    const schema = asObject(asObject(version['schema'])['openAPIV3Schema']) as unknown as Schema;
    errors.push(...structuralErrors(schema, path));
  });
  return errors;
}

/** The names and versions that status repeats. */
export function acceptedStatus(crd: KubeObject, now: string): JsonObject {
  const spec = asObject(crd.spec);
  const before = asObject(crd.status);
  const was = new Map(
    asArray(before['conditions'])
      .map(asObject)
      .map((c) => [asString(c['type']), c]),
  );
  const condition = (type: string, reason: string, message: string): JsonObject =>
    was.get(type) ?? { type, status: 'True', lastTransitionTime: now, reason, message };
  const storage = objectsIn(spec['versions']).find((v) => v['storage'] === true);
  const stored = new Set([...asArray(before['storedVersions']).map(asString), asString(storage?.['name'])]);
  return {
    ...before,
    acceptedNames: { ...asObject(spec['names']) },
    storedVersions: [...stored],
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
  };
}

export const CRD_CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

export const CRD_BEHAVIOUR: KindBehaviour = {
  hasGeneration: true,
  deletionFinalizers: [CRD_CLEANUP],
  defaults,
  prepareCreate: (crd) => {
    const storage = objectsIn(specOf(crd)['versions']).find((v) => v['storage'] === true);
    crd.status = {
      conditions: null,
      acceptedNames: { plural: '', kind: '' },
      storedVersions: [asString(storage?.['name'])],
    };
  },
  validate,
};
