import type { KubeObject, ResourceName } from '../api-types.ts';
import { BUILTIN_KINDS } from '../builtin/kinds.ts';
import { behaviourOf, scaleOf } from '../builtin/behaviours.ts';
import { eventFromCore, eventToCore } from '../builtin/events.ts';
import { resourcesOf } from '../crd/custom-kind.ts';
import type { ResourceDef } from '../resource-def.ts';
import { builtinSchema } from '../schema/schema.ts';

const keyOf = (name: ResourceName): string => `${name.group}/${name.version}/${name.resource}`;

export const CRD: ResourceName = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
};
export const NAMESPACES: ResourceName = { group: '', version: 'v1', resource: 'namespaces' };

function builtinDefs(): ResourceDef[] {
  return BUILTIN_KINDS.map((kind) => {
    const scale = scaleOf(kind.kind);
    const isEventView = kind.group === 'events.k8s.io';
    return {
      ...kind,
      listKind: `${kind.kind}List`,
      shortNames: kind.shortNames ?? [],
      categories: kind.categories ?? [],
      subresources: new Set(kind.subresources ?? []),
      storageKey: isEventView ? '/events' : `${kind.group}/${kind.resource}`,
      schema: builtinSchema(kind.group, kind.version, kind.kind),
      behaviour: behaviourOf(kind.group, kind.kind),
      virtual: kind.virtual === true,
      ...(scale === undefined ? {} : { scale }),
      ...(isEventView ? { fromStored: eventFromCore, toStored: eventToCore } : {}),
    };
  });
}

/** What the server serves: the built-in kinds and those of the installed CustomResourceDefinitions. */
export class Registry {
  private readonly defs = new Map<string, ResourceDef>();
  private readonly custom = new Map<string, ResourceDef[]>();

  constructor() {
    for (const def of builtinDefs()) this.defs.set(keyOf(def), def);
  }

  find(name: ResourceName): ResourceDef | undefined {
    return this.defs.get(keyOf(name));
  }

  all(): ResourceDef[] {
    return [...this.defs.values()];
  }

  /** One resource by kind, as an owner reference or an applied object names it. */
  findKind(apiVersion: string, kind: string): ResourceDef | undefined {
    return this.all().find(
      (def) => def.kind === kind && (def.group === '' ? def.version : `${def.group}/${def.version}`) === apiVersion,
    );
  }

  /** One served resource of stored objects: the version in which they are stored, if served. */
  ofStorageKey(storageKey: string): ResourceDef | undefined {
    const candidates = this.all().filter((def) => def.storageKey === storageKey);
    return candidates.find((def) => def.custom?.isStorage ?? true) ?? candidates[0];
  }

  /** Serves what a CustomResourceDefinition says; again after it changed. */
  install(crd: KubeObject): void {
    this.uninstall(crd);
    const defs = resourcesOf(crd);
    this.custom.set(crd.metadata.name, defs);
    for (const def of defs) this.defs.set(keyOf(def), def);
  }

  uninstall(crd: KubeObject): void {
    for (const def of this.custom.get(crd.metadata.name) ?? []) this.defs.delete(keyOf(def));
    this.custom.delete(crd.metadata.name);
  }
}
