import type { KubeObject } from '../api-types.ts';
import { asArray, asObject, asString } from '../json.ts';
import type { JsonObject } from '../json.ts';
import type { ResourceDef, ScalePaths } from '../resource-def.ts';
import { getPath } from '../json.ts';
import { OBJECT_META } from '../schema/schema.ts';
import type { Schema } from '../schema/schema.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
  readonly jsonPath: string;
}

/** What a version of a CustomResourceDefinition says beyond its names. */
export interface CustomKind {
  /** The structural schema as written: without apiVersion, kind and metadata of its own. */
  readonly structural: Schema;
  readonly columns: readonly PrinterColumn[];
  readonly hasStatus: boolean;
  /** apiVersion that objects are stored under. */
  readonly storedVersion: string;
  readonly isStorage: boolean;
}

const dotted = (path: string): string[] => path.replace(/^\./, '').split('.');

function scalePaths(subresources: JsonObject): ScalePaths | undefined {
  const scale = subresources['scale'];
  if (scale === undefined) return undefined;
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = asObject(scale);
  return {
    spec: dotted(asString(specReplicasPath)),
    status: dotted(asString(statusReplicasPath)),
    ...(labelSelectorPath === undefined ? {} : { selector: dotted(asString(labelSelectorPath)) }),
  };
}

const column = (value: JsonObject): PrinterColumn => ({
  name: asString(value['name']),
  type: asString(value['type']),
  format: asString(value['format']),
  description: asString(value['description']),
  priority: Number(value['priority'] ?? 0),
  jsonPath: asString(value['jsonPath']),
});

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  format: '',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
  priority: 0,
  jsonPath: '.metadata.creationTimestamp',
};

/** The schema with the members that every object has, typed as the built-in ones: what apply and explain use. */
function rootSchema(structural: Schema, group: string, version: string, kind: string): Schema {
  return {
    ...structural,
    properties: {
      apiVersion: {
        type: 'string',
        description: 'APIVersion defines the versioned schema of this representation of an object.',
      },
      kind: {
        type: 'string',
        description: 'Kind is a string value representing the REST resource this object represents.',
      },
      ...structural.properties,
      metadata: { $ref: OBJECT_META, description: "Standard object's metadata." },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  };
}

const strings = (value: unknown): string[] => asArray(value).filter((item) => typeof item === 'string');

function selectableFields(version: JsonObject): Record<string, (object: KubeObject) => string> {
  const out: Record<string, (object: KubeObject) => string> = {};
  for (const field of asArray(version['selectableFields']).map(asObject)) {
    const path = dotted(asString(field['jsonPath']));
    out[path.join('.')] = (object) => String(getPath(object as unknown as JsonObject, path) ?? '');
  }
  return out;
}

/** The resources that a CustomResourceDefinition serves, newest version first as discovery orders them. */
export function resourcesOf(crd: KubeObject): ResourceDef[] {
  const spec = asObject(crd.spec);
  const names = asObject(spec['names']);
  const group = asString(spec['group']);
  const plural = asString(names['plural']);
  const kind = asString(names['kind']);
  const versions = asArray(spec['versions']).map(asObject);
  const stored = asString(versions.find((v) => v['storage'] === true)?.['name']);
  return versions
    .filter((version) => version['served'] === true)
    .map((version) => {
      const name = asString(version['name']);
      const structural = asObject(asObject(version['schema'])['openAPIV3Schema']) as unknown as Schema;
      const subresources = asObject(version['subresources']);
      const scale = scalePaths(subresources);
      const hasStatus = subresources['status'] !== undefined;
      const columns = asArray(version['additionalPrinterColumns']).map(asObject).map(column);
      const apiVersion = `${group}/${name}`;
      return {
        group,
        version: name,
        resource: plural,
        singular: asString(names['singular']),
        kind,
        listKind: asString(names['listKind']) || `${kind}List`,
        namespaced: spec['scope'] === 'Namespaced',
        shortNames: strings(names['shortNames']),
        categories: strings(names['categories']),
        subresources: new Set([...(hasStatus ? (['status'] as const) : []), ...(scale ? (['scale'] as const) : [])]),
        storageKey: `${group}/${plural}`,
        schema: rootSchema(structural, group, name, kind),
        ...(scale === undefined ? {} : { scale }),
        custom: {
          structural,
          columns: columns.length === 0 ? [AGE] : columns,
          hasStatus,
          storedVersion: `${group}/${stored}`,
          isStorage: version['storage'] === true,
        },
        behaviour: { hasGeneration: true, noUnconditionalUpdate: true, selectableFields: selectableFields(version) },
        virtual: false,
        fromStored: (object) => (object.apiVersion === apiVersion ? object : { ...object, apiVersion }),
        toStored: (object) => ({ ...object, apiVersion: `${group}/${stored}` }),
      };
    });
}
