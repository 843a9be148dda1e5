import type { KubeObject } from './api-types.ts';
import type { FieldError } from './status-errors.ts';
import type { CustomKind } from './crd/custom-kind.ts';
import type { Schema } from './schema/schema.ts';
import type { ObjectStore } from './store/object-store.ts';

/** Where the scale subresource finds its numbers. */
export interface ScalePaths {
  readonly spec: readonly string[];
  readonly status: readonly string[];
  /** A selector: a string member of a custom resource, or a LabelSelector of a built-in kind. */
  readonly selector?: readonly string[];
}

/** What hooks may look at and decide with. */
export interface KindContext {
  readonly store: ObjectStore;
  readonly now: string;
  random(): number;
}

/** The ways of one built-in kind that the generic code does not have. All hooks change `object` in place. */
export interface KindBehaviour {
  /** Fills defaults, as the API server does on every read and write. */
  defaults?(object: KubeObject): void;
  prepareCreate?(object: KubeObject, context: KindContext): void;
  prepareUpdate?(object: KubeObject, old: KubeObject, context: KindContext): void;
  validate?(object: KubeObject, context: KindContext): FieldError[];
  validateUpdate?(object: KubeObject, old: KubeObject): FieldError[];
  /** Kinds whose objects carry metadata.generation. */
  readonly hasGeneration?: boolean;
  /** PUT without resourceVersion is allowed. Default true for built-in kinds. */
  readonly noUnconditionalUpdate?: boolean;
  /** Deletion waits so long (seconds) for a kubelet; 0 and undefined: now. */
  graceSeconds?(object: KubeObject): number;
  /** Finalizers that a delete adds: somebody has to clean up first. */
  readonly deletionFinalizers?: readonly string[];
  /** Kinds with `x.y` names (RBAC) rather than DNS subdomains. */
  readonly nameRule?: 'subdomain' | 'label' | 'rfc1035' | 'path';
  /** Fields (beyond metadata.name and .namespace) that a field selector may name. */
  readonly selectableFields?: Readonly<Record<string, (object: KubeObject) => string>>;
}

/** One resource of the API in one version. */
export interface ResourceDef {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: ReadonlySet<'status' | 'scale' | 'log'>;
  /** Versions of one resource share objects; so do core and events.k8s.io events. */
  readonly storageKey: string;
  readonly schema: Schema | undefined;
  readonly scale?: ScalePaths;
  readonly custom?: CustomKind;
  readonly behaviour: KindBehaviour;
  readonly virtual: boolean;
  /** Rewrites between the stored form and this resource's form, where they differ. */
  readonly fromStored?: (object: KubeObject) => KubeObject;
  readonly toStored?: (object: KubeObject) => KubeObject;
}

export const apiVersionOf = (def: { group: string; version: string }): string =>
  def.group === '' ? def.version : `${def.group}/${def.version}`;
