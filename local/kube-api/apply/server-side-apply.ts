import { jsonEqual } from '../json.ts';
import type { Json } from '../json.ts';
import type { StatusCause } from '../api-types.ts';
import { applyConflict } from '../status-errors.ts';
import type { Schema } from '../schema/schema.ts';
import { FieldSet, printPath } from './field-set.ts';
import { sameManager, withoutUnowned } from './managed-fields.ts';
import type { Manager, Writer } from './managed-fields.ts';
import { childSchema, isNamed } from './type-view.ts';
import { compareTyped, fieldSetOf, mergeTyped, removeFields } from './typed.ts';

export interface Conflict {
  readonly manager: Manager;
  readonly path: string[];
}

/** Adds struct fields that have members in the set, so that removing all of a struct removes the struct too. */
function withNamedParents(set: FieldSet, schema: Schema | undefined): FieldSet {
  const members = new Set(set.members);
  const children = new Map<string, FieldSet>();
  for (const [element, child] of set.children) {
    if (element.startsWith('f:') && isNamed(schema, element.slice(2))) members.add(element);
    children.set(element, withNamedParents(child, childSchema(schema, element)));
  }
  return new FieldSet(members, children);
}

/** Takes out what the applier applied last time, does not apply now, and nobody else owns. */
function prune(merged: Json, last: FieldSet, managers: readonly Manager[], schema: Schema | undefined): Json {
  if (last.isEmpty()) return merged;
  const named = (set: FieldSet): FieldSet => withNamedParents(set, schema);
  const all = named(fieldSetOf(merged, schema));
  const owned = managers.reduce((set, manager) => set.union(manager.fields), new FieldSet());
  const bare = removeFields(merged, named(last), schema) ?? {};
  const kept = named(fieldSetOf(bare, schema)).union(named(owned));
  const withOwned = removeFields(merged, all.difference(kept), schema) ?? {};
  const dangling = all.difference(named(fieldSetOf(withOwned, schema))).intersection(named(last));
  return removeFields(merged, dangling, schema) ?? {};
}

const printManager = (manager: Manager): string => {
  const name = JSON.stringify(manager.name);
  const where = manager.subresource === '' ? name : `${name} with subresource ${JSON.stringify(manager.subresource)}`;
  return manager.operation === 'Update' ? `${where} using ${manager.apiVersion}` : where;
};

/** Go's name for a manager, by which it sorts. */
function identifier({ name, operation, apiVersion, subresource }: Manager): string {
  const version = operation === 'Apply' ? {} : { apiVersion };
  return JSON.stringify({ manager: name, operation, ...version, ...(subresource === '' ? {} : { subresource }) });
}

/** The refusal of an apply, in the API server's words. */
export function conflictError(conflicts: readonly Conflict[]): Error {
  const causes: StatusCause[] = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${printManager(manager)}`,
    field: printPath(path),
  }));
  const [only] = conflicts;
  if (conflicts.length === 1 && only !== undefined) {
    const where = `conflict with ${printManager(only.manager)}: ${printPath(only.path)}`;
    return applyConflict(causes, `Apply failed with 1 conflict: ${where}`);
  }
  const lines: string[] = [];
  const managers = [...new Set(conflicts.map((c) => c.manager))];
  for (const manager of managers.sort((a, b) => (identifier(a) < identifier(b) ? -1 : 1))) {
    lines.push(`conflicts with ${printManager(manager)}:`);
    for (const conflict of conflicts) if (conflict.manager === manager) lines.push(`- ${printPath(conflict.path)}`);
  }
  return applyConflict(causes, `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`);
}

export interface ApplyResult {
  readonly object: Json;
  readonly managers: Manager[];
  readonly changed: boolean;
  readonly conflicts: Conflict[];
}

/**
 * Server-side apply of `config` onto `live` (both without managedFields). The result is complete also when there are
 * conflicts: without force the caller refuses them.
 */
export function applyConfig(
  live: Json,
  config: Json,
  schema: Schema | undefined,
  before: readonly Manager[],
  writer: Writer,
): ApplyResult {
  const self = {
    name: writer.manager,
    operation: 'Apply' as const,
    apiVersion: writer.apiVersion,
    subresource: writer.subresource ?? '',
  };
  const merged = mergeTyped(live, config, schema) ?? config;
  const mine = writer.ignore(fieldSetOf(config, schema));
  const previous = before.find((manager) => sameManager(manager, self));
  const others = before.filter((manager) => !sameManager(manager, self));
  const me: Manager = { ...self, time: previous?.time, fields: mine };
  const object = prune(merged, previous?.fields ?? new FieldSet(), [...others, me], schema);
  const compared = compareTyped(live, object, schema);
  const touched = writer.ignore(compared.added.union(compared.modified));
  const removed = writer.ignore(compared.removed);
  const conflicts = others.flatMap((manager) =>
    [...manager.fields.intersection(touched).paths()].map((path) => ({ manager, path })),
  );
  const changed = !jsonEqual(live, object);
  if (changed) me.time = writer.now;
  me.fields = withoutUnowned(mine);
  const left = others.map((manager) => ({
    ...manager,
    fields: manager.fields.difference(touched).difference(removed),
  }));
  return { object, managers: [...left, me].filter((manager) => !manager.fields.isEmpty()), changed, conflicts };
}
