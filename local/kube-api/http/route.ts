import type { Registry } from '../engine/registry.ts';
import type { ResourceDef } from '../resource-def.ts';

/** What a URL path names among the resources. */
export interface Target {
  readonly def: ResourceDef;
  /** undefined: all namespaces (or a cluster-scoped resource). */
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

interface GroupPath {
  readonly group: string;
  readonly version: string;
  readonly rest: string[];
}

function groupPath(parts: readonly string[]): GroupPath | null {
  const [root, first, second, ...others] = parts;
  if (root === 'api' && first !== undefined) return { group: '', version: first, rest: parts.slice(2) };
  if (root === 'apis' && first !== undefined && second !== undefined)
    return { group: first, version: second, rest: others };
  return null;
}

/** Finds the resource that a path names; null when the server has no such path. */
export function route(registry: Registry, parts: readonly string[]): Target | null {
  const at = groupPath(parts);
  if (at === null || at.rest.length === 0) return null;
  const { group, version, rest } = at;
  const [first = '', second, third, ...more] = rest;
  const find = (resource: string): ResourceDef | undefined => registry.find({ group, version, resource });
  const isNested =
    first === 'namespaces' &&
    third !== undefined &&
    !(group === '' && (third === 'status' || third === 'finalize') && more.length === 0);
  if (isNested) {
    const def = find(third);
    const [name, subresource, ...extra] = more;
    if (def === undefined || !def.namespaced || extra.length > 0) return null;
    return {
      def,
      namespace: second ?? '',
      ...(name !== undefined && { name }),
      ...(subresource !== undefined && { subresource }),
    };
  }
  const def = find(first);
  if (def === undefined || more.length > 0 || (def.namespaced && second !== undefined)) return null;
  return { def, ...(second !== undefined && { name: second }), ...(third !== undefined && { subresource: third }) };
}
